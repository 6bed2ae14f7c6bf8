//! Invites: the right to register on a server that is not open to everybody.

use std::{
    fmt::{self, Write as _},
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
};

use liao_common::{
    fault::{Fault, FaultCode},
    id::{Hash, Pin},
    limits,
};
use serde::{Deserialize, Serialize};

use crate::{chat::hub::Hub, entropy, state::record::Invite, tls};

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3600 * 1000;

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

/// A colon inside brackets, or one of several, is part of an IPv6 address.
fn has_port(host: &str) -> bool {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.matches(':').count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

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
