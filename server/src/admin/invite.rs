//! Invites: the right to register on a server that is not open to everybody.

use std::{
    fmt::{self, Write as _},
    fs,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use liao_common::{
    event::Empty,
    fault::{Fault, FaultCode},
    id::{Hash, Pin},
    limits,
    name::is_host_name,
    text,
};
use serde::{Deserialize, Serialize};

use crate::{
    chat::{age::DAY_MS, hub::Hub},
    entropy,
    state::{record::Invite, view},
    tls,
};

/// The file in the data folder that says where a running server is and by which key it is known.
pub(crate) const LISTENING: &str = "listening";

/// What that file is called once the server was stopped.
pub(crate) const LISTENED: &str = "listened";

/// Stands there in the place of a key.
pub(crate) const PLAINTEXT: &str = "plaintext";

/// Stands there behind a key that an authority vouches for.
pub(crate) const CERTIFICATE: &str = "certificate";

/// How long an invite can hold at most, in days.
pub const DAYS_MAX: u64 = 365;

/// An invite to be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AddInvite {
    /// How many may register with it.
    pub uses: u32,
    /// How long it holds, in days of the server's age.
    pub days: u64,
}

/// The code to hand on. The server keeps its hash only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// 128 random bits in hexadecimal.
    pub code: String,
}

/// An invite lets in whoever reads it.
impl fmt::Debug for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invited(…)")
    }
}

/// Makes an invite.
///
/// # Errors
/// A storage fault.
pub(super) async fn add(hub: &Arc<Hub>, ask: AddInvite) -> Result<Invited, Fault> {
    let bytes: [u8; 16] =
        entropy::bytes().map_err(|_| Fault::new(FaultCode::Internal, "no entropy"))?;
    let mut code = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(code, "{byte:02x}");
    }
    let hash = Hash(blake3::hash(code.as_bytes()).into());
    let until_age = hub.age.now_ms() + ask.days.clamp(1, DAYS_MAX) * DAY_MS;
    let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
        tx.put_invite(&Invite { code: hash, uses: ask.uses.max(1), until_age });
        Ok(Invited { code })
    };
    hub.engine.run(decide).await
}

/// Bytes of a code's hash that stand for an invite where its code is not known any more.
const NAME_BYTES: usize = 6;

/// Rows of a list that are looked at for one answer.
const LIST_ROWS: usize = 500;

/// Which invites are asked for: those behind the one with this hash.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ListInvites {
    /// The last one of the page before.
    pub after: Option<Hash>,
}

/// An invite that still lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvite {
    /// What it is called: the beginning of its code's hash in hexadecimal. It lets nobody in.
    pub name: String,
    /// How many may still register with it.
    pub uses: u32,
    /// How long it holds, in milliseconds of the server's age.
    pub left_ms: u64,
}

/// A page of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InvitePage {
    /// In the order of their names.
    pub invites: Vec<OpenInvite>,
    /// Where the next page begins; none on the last.
    pub next: Option<Hash>,
}

/// Which invite is not to let anybody in any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeInvite {
    /// What it is called.
    pub name: String,
}

/// What an invite is called, by its code.
#[must_use]
pub fn name(code: &str) -> String {
    name_of(&Hash(blake3::hash(code.as_bytes()).into()))
}

fn name_of(code: &Hash) -> String {
    let mut name = String::with_capacity(2 * NAME_BYTES);
    for byte in code.0.iter().take(NAME_BYTES) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn parse_name(name: &str) -> Option<[u8; NAME_BYTES]> {
    let mut bytes = [0; NAME_BYTES];
    let is_name = name.len() == 2 * NAME_BYTES && name.bytes().all(|at| at.is_ascii_hexdigit());
    for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)).filter(|_| is_name) {
        *byte = u8::from_str_radix(name.get(place..place + 2)?, 16).ok()?;
    }
    is_name.then_some(bytes)
}

const fn is_open(invite: &Invite, age_ms: u64) -> bool {
    invite.uses > 0 && invite.until_age > age_ms
}

/// Lists the invites that still let somebody in.
///
/// # Errors
/// A storage fault.
pub(super) async fn list(hub: &Arc<Hub>, ask: ListInvites) -> Result<InvitePage, Fault> {
    let page = move |hub: &Hub| {
        let age_ms = hub.age.now_ms();
        let rows = view::invites(&*hub.store, &[], ask.after.as_ref(), LIST_ROWS)?;
        let next = rows.last().filter(|_| rows.len() == LIST_ROWS).map(|last| last.code);
        let open = rows.iter().filter(|invite| is_open(invite, age_ms));
        let row = |invite: &Invite| OpenInvite {
            name: name_of(&invite.code),
            uses: invite.uses,
            left_ms: invite.until_age.saturating_sub(age_ms),
        };
        Ok(InvitePage { invites: open.map(row).collect(), next })
    };
    hub.read(page).await
}

/// Ends an invite.
///
/// # Errors
/// `not_found` where none is open under this name, `conflict` where several are, or a storage fault.
pub(super) async fn revoke(hub: &Arc<Hub>, ask: RevokeInvite) -> Result<Empty, Fault> {
    let typed = text::clean_line(&ask.name);
    let not_found = move || {
        Fault::new(FaultCode::NotFound, format!("no open invite is called \u{201c}{typed}\u{201d}"))
    };
    let name = parse_name(&ask.name).ok_or_else(&not_found)?;
    let age_ms = hub.age.now_ms();
    let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
        let mut found = view::invites(tx, &name, None, LIST_ROWS)?;
        found.retain(|invite| is_open(invite, age_ms));
        match found.as_slice() {
            [] => Err(not_found()),
            [invite] => {
                tx.put_invite(&Invite { uses: 0, ..invite.clone() });
                Ok(Empty {})
            }
            _ => Err(FaultCode::Conflict.into()),
        }
    };
    hub.engine.run(decide).await
}

/// Everything a newcomer needs in one link: address, key and invite. A key that an authority vouches
/// for, and that may change with the next renewal, is left out. `host` is how people reach the
/// server, with a port or without; when it is not given, the address that the server listens on, or
/// did when it ran last, stands for it, if others can reach it. None where the host or the key is not
/// known, and where there is none.
#[must_use]
pub fn link(data: &Path, host: Option<&str>, code: &str) -> Option<String> {
    let read = |name| fs::read_to_string(data.join(name)).ok();
    let running = read(LISTENING);
    let is_running = running.is_some();
    let note = running.or_else(|| read(LISTENED)).unwrap_or_default();
    let mut words = note.split_whitespace();
    let addr: Option<SocketAddr> = words.next().and_then(|addr| addr.parse().ok());
    let key = words.next();
    if key == Some(PLAINTEXT) {
        return None;
    }
    // Of a server that is stopped, the own key may be another by now.
    let noted = key.filter(|_| is_running).and_then(Pin::parse_hex);
    let port = addr.map_or(limits::PORT_DEFAULT, |addr| addr.port());
    let place = match host {
        Some(host) if host.parse::<Ipv6Addr>().is_ok() => format!("[{host}]:{port}"),
        Some(host) if has_port(host) => host.to_owned(),
        Some(host) => format!("{host}:{port}"),
        None => addr.filter(|addr| !addr.ip().is_unspecified())?.to_string(),
    };
    if words.next() == Some(CERTIFICATE) {
        return Some(format!("liao://{place}/?invite={code}"));
    }
    let pin = noted.or_else(|| tls::pin(&data.join("tls")))?;
    Some(format!("liao://{place}/?pin={pin}&invite={code}"))
}

/// Whether people may reach a server there: a host name or an address, with a port or without.
#[must_use]
pub fn is_place(typed: &str) -> bool {
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if let Ok(addr) = typed.parse::<SocketAddr>() {
        return addr.port() > 0 && !addr.ip().is_unspecified();
    }
    let inside = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inside) = inside {
        return inside.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_unspecified());
    }
    if let Ok(ip) = typed.parse::<IpAddr>() {
        return !ip.is_unspecified();
    }
    let (name, port) =
        typed.split_once(':').map_or((typed, None), |(name, port)| (name, Some(port)));
    is_host_name(name) && !ends_in_number(name) && port.is_none_or(is_port)
}

/// A host name that ends so is meant as an IPv4 address, and is none (RFC 1123, 2.1).
fn ends_in_number(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.bytes().all(|byte| byte.is_ascii_digit())
}

/// A colon inside brackets, or one of several, is part of an IPv6 address.
fn has_port(host: &str) -> bool {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.matches(':').count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_name_or_an_address() {
        for place in [
            "chat.example.org",
            "chat.example.org.",
            "chat_1:8888",
            "localhost",
            "192.0.2.1",
            "192.0.2.1:1",
            "2001:db8::1",
            "[2001:db8::1]",
            "[2001:db8::1]:65535",
        ] {
            assert!(is_place(place), "{place}");
        }
        for nothing in [
            "",
            "bad host",
            "host/path",
            "liao://host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "-host",
            "a..b",
            "[::1",
            "[host]",
            "[::1]:0",
            "a:b:c",
            "host?pin=1",
            "名.example",
            "0.0.0.0",
            "0.0.0.0:8888",
            "::",
            "[::]",
            "[::]:8888",
            "999.1.1.1",
            "192.0.2.1:+1",
        ] {
            assert!(!is_place(nothing), "{nothing}");
        }
    }

    #[test]
    fn a_link_has_everything_or_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (data, pin) = (folder.path(), "a5".repeat(32));
        let link = |host: Option<&str>| link(data, host, "c0de");
        assert_eq!(link(Some("chat.example.org")), None, "no key is known");
        let listens = |addr: &str| {
            fs::write(data.join("listening"), format!("{addr} {pin}\n")).unwrap();
        };
        let want = |place: &str| Some(format!("liao://{place}/?pin={pin}&invite=c0de"));
        listens("0.0.0.0:9000");
        assert_eq!(link(None), None, "everywhere is nowhere");
        assert_eq!(link(Some("chat.example.org")), want("chat.example.org:9000"));
        assert_eq!(link(Some("chat.example.org:1")), want("chat.example.org:1"));
        assert_eq!(link(Some("[2001:db8::1]")), want("[2001:db8::1]:9000"));
        assert_eq!(link(Some("[2001:db8::1]:2")), want("[2001:db8::1]:2"));
        assert_eq!(link(Some("2001:db8::1")), want("[2001:db8::1]:9000"));
        listens("192.0.2.1:9000");
        assert_eq!(link(None), want("192.0.2.1:9000"));
        let certified = format!("192.0.2.1:9000 {pin} certificate\n");
        fs::write(data.join("listening"), certified).unwrap();
        let want = "liao://chat.example.org:9000/?invite=c0de";
        assert_eq!(link(Some("chat.example.org")).as_deref(), Some(want));
        fs::rename(data.join("listening"), data.join("listened")).unwrap();
        assert_eq!(
            link(Some("chat.example.org")).as_deref(),
            Some(want),
            "also when it is stopped"
        );
        fs::write(data.join("listened"), format!("192.0.2.1:9000 {pin}\n")).unwrap();
        assert_eq!(link(None), None, "its key is not there any more");
        fs::write(data.join("listening"), "127.0.0.1:9000 plaintext\n").unwrap();
        assert_eq!(link(None), None);
    }
}
