//! Where a server is: `host`, `host:port`, `[::1]:8888`, and links that carry its key and an
//! invite. Pure text work; nothing is looked up here.

use std::{fmt, net::Ipv6Addr};

use liao_common::{id::Pin, limits, name::is_host_name};
use serde::{Deserialize, Serialize};

/// Bytes of a whole link.
const LINK_BYTES_MAX: usize = 1024;

/// Why an address is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the address is empty")]
    Empty,
    /// The host has a character that hosts do not have, or is too long.
    #[error("the host name is not valid")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The `pin` of a link is not 64 hexadecimal digits.
    #[error("the pin is not 64 hexadecimal digits")]
    Pin,
    /// The link is not `liao://host:port/?pin=…&invite=…`.
    #[error("the link is not of the form liao://host:port/?pin=…&invite=…")]
    Link,
}

/// A server's host and port. Hosts are in lower case, IPv6 without brackets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    /// Name or number.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Address {
    /// Reads `host`, `host:port` or `[v6]:port`; the port is `limits::PORT_DEFAULT` when absent.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        let (host, port) = split(typed)?;
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(AddressError::Host);
        }
        Ok(Self { host, port: port.map_or(Ok(limits::PORT_DEFAULT), parse_port)? })
    }
}

fn split(typed: &str) -> Result<(&str, Option<&str>), AddressError> {
    if typed.parse::<Ipv6Addr>().is_ok() {
        return Ok((typed, None));
    }
    if let Some(rest) = typed.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(AddressError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(AddressError::Port),
        };
    }
    Ok(typed.split_once(':').map_or((typed, None), |(host, port)| (host, Some(port))))
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(AddressError::Port),
    }
}

fn is_host(host: &str) -> bool {
    if host.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    is_host_name(host)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

/// What a person may give to reach a server: an address, or a link with more.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkTarget {
    /// Where.
    pub address: Address,
    /// The server's key, so that nothing has to be believed on first sight.
    pub pin: Option<Pin>,
    /// An invite for registration.
    pub invite: Option<String>,
}

/// An invite lets in whoever reads it.
impl fmt::Debug for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, pin, invite } = self;
        let invite = invite.as_ref().map(|_| "…");
        write!(f, "LinkTarget({address:?}, {pin:?}, {invite:?})")
    }
}

impl LinkTarget {
    /// Reads an address or a `liao://` link. Unknown parameters are ignored.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.len() > LINK_BYTES_MAX {
            return Err(AddressError::Link);
        }
        let Some(rest) = typed.strip_prefix("liao://") else {
            if typed.contains('/') {
                return Err(AddressError::Link);
            }
            return Ok(Self { address: Address::parse(typed)?, pin: None, invite: None });
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = Address::parse(place.strip_suffix('/').unwrap_or(place))?;
        let mut target = Self { address, pin: None, invite: None };
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "pin" => target.pin = Some(Pin::parse_hex(value).ok_or(AddressError::Pin)?),
                "invite" if is_invite(value) => target.invite = Some(value.to_owned()),
                "invite" => return Err(AddressError::Link),
                _ => {}
            }
        }
        Ok(target)
    }
}

fn is_invite(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

impl fmt::Display for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "liao://{}/", self.address)?;
        let mut mark = '?';
        if let Some(pin) = &self.pin {
            write!(f, "{mark}pin={pin}")?;
            mark = '&';
        }
        if let Some(invite) = &self.invite {
            write!(f, "{mark}invite={invite}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (typed, want) in [
            ("chat.example.org", Ok("chat.example.org:8888")),
            (" Chat.Example.org:7000 ", Ok("chat.example.org:7000")),
            ("127.0.0.1:1", Ok("127.0.0.1:1")),
            ("localhost", Ok("localhost:8888")),
            ("::1", Ok("[::1]:8888")),
            ("[::1]", Ok("[::1]:8888")),
            ("[::1]:9", Ok("[::1]:9")),
            ("", Err(AddressError::Empty)),
            ("a b", Err(AddressError::Host)),
            ("-a.org", Err(AddressError::Host)),
            ("a..b", Err(AddressError::Host)),
            ("a\u{1b}[2J", Err(AddressError::Host)),
            ("[::1", Err(AddressError::Host)),
            ("[::1]x", Err(AddressError::Port)),
            ("host:", Err(AddressError::Port)),
            ("host:0", Err(AddressError::Port)),
            ("host:+1", Err(AddressError::Port)),
            ("host:65536", Err(AddressError::Port)),
        ] {
            let got = Address::parse(typed).map(|address| address.to_string());
            assert_eq!(got, want.map(str::to_owned), "{typed:?}");
        }
        assert_eq!(Address::parse(&"a".repeat(300)), Err(AddressError::Host));
    }

    #[test]
    fn links_carry_key_and_invite() {
        let pin = "a5".repeat(32);
        let text = format!("liao://[::1]:9000/?pin={pin}&invite=ab-12&later=1");
        let target = LinkTarget::parse(&text).unwrap();
        assert_eq!(target.address.port, 9000);
        assert_eq!(target.pin, Some(Pin([0xa5; 32])));
        assert_eq!(target.invite.as_deref(), Some("ab-12"));
        assert_eq!(LinkTarget::parse(&target.to_string()), Ok(target));
    }

    #[test]
    fn broken_links_say_what_is_wrong() {
        for (typed, want) in [
            ("liao://host/?pin=xyz", AddressError::Pin),
            ("liao://host/?invite=", AddressError::Link),
            ("liao:///", AddressError::Empty),
            ("http://host/", AddressError::Link),
            ("liao://ho st", AddressError::Host),
        ] {
            assert_eq!(LinkTarget::parse(typed), Err(want), "{typed:?}");
        }
        let plain = LinkTarget::parse("host:1").unwrap();
        assert_eq!((plain.address.to_string().as_str(), plain.pin), ("host:1", None));
    }
}
