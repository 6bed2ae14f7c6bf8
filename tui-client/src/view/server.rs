//! Which server is meant, and what is known of it. Pure.

use liao_client_core::{
    address::{Address, LinkTarget},
    home::KnownServer,
};
use liao_common::id::Pin;

/// Host under which the private server's accounts are kept: its port differs every time.
const PRIVATE_HOST: &str = "private.invalid";

/// What `state.toml` says for the private server.
pub const PRIVATE_NAME: &str = "private";

/// A server one can talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// The one linked into this program, or into another run of it on this computer.
    Private,
    /// One that listens somewhere.
    At(LinkTarget),
    /// One on this computer without encryption, for trying things out.
    Plaintext(Address),
}

impl Server {
    /// Reads what `state.toml` or the command line says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == PRIVATE_NAME {
            return Some(Self::Private);
        }
        LinkTarget::parse(text).ok().map(Self::At)
    }

    /// The server whose keys and accounts are kept under an address.
    #[must_use]
    pub fn at(address: &Address) -> Self {
        if address.host == PRIVATE_HOST {
            return Self::Private;
        }
        Self::At(LinkTarget { address: address.clone(), pin: None, invite: None })
    }

    /// The name for `state.toml`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Private => PRIVATE_NAME.to_owned(),
            Self::At(target) => target.address.to_string(),
            Self::Plaintext(address) => address.to_string(),
        }
    }

    /// The address under which keys and accounts are kept.
    #[must_use]
    pub fn address(&self) -> Address {
        match self {
            Self::Private => Address { host: PRIVATE_HOST.to_owned(), port: 1 },
            Self::At(target) => target.address.clone(),
            Self::Plaintext(address) => address.clone(),
        }
    }

    /// The invite that came with the link.
    #[must_use]
    pub fn invite(&self) -> Option<&str> {
        match self {
            Self::At(target) => target.invite.as_deref(),
            _ => None,
        }
    }
}

/// A key that was trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub pin: Pin,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// An authority vouched for it, and has to vouch for whichever comes later.
    pub vouched: bool,
    /// The one that the server said it will have one day.
    pub next: Option<Pin>,
}

impl KnownKey {
    /// Whether a link that names this key is not to be followed. Where an authority decides, links do not.
    #[must_use]
    pub fn excludes(&self, named: &Pin) -> bool {
        !self.vouched && self.pin != *named && self.next != Some(*named)
    }

    /// The key of a server in the client's files, with its address.
    #[must_use]
    pub fn of(server: &KnownServer) -> (Address, Self) {
        let KnownServer { address, pin, since_ms, vouched, next, .. } = server;
        let (pin, since_ms, vouched, next) = (*pin, *since_ms, *vouched, *next);
        (address.clone(), Self { pin, since_ms, vouched, next })
    }
}

/// An account that can be entered without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Of which server.
    pub address: Address,
    /// The user id.
    pub user: String,
    /// The display name.
    pub name: String,
}

impl Account {
    /// The name with the user id, where they differ.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.name.is_empty() || self.name == self.user {
            return self.user.clone();
        }
        format!("{} ({})", self.name, self.user)
    }
}
