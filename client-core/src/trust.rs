//! Why a server is believed to be the one it says, and the ways in which reaching it fails.

use std::io;

use liao_common::id::Pin;

use crate::{
    authorities::Authorities,
    notice::{Cut, End},
};

/// Why a server is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its key is known.
    Pinned(Pin),
    /// Its key is known, and the one that it said it will have one day.
    Moving {
        /// The known one.
        pin: Pin,
        /// The one to come.
        next: Pin,
    },
    /// A link names this key; whether the server has it shows when it is dialled.
    Named(Pin),
    /// One of these vouches for its key, whichever that is.
    Vouched(Authorities),
    /// It runs on this computer, and nothing is encrypted.
    Plaintext,
}

/// Why a server could not be reached, or not be believed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name leads nowhere.
    #[error("the host is not known: {0}")]
    NoSuchHost(io::Error),
    /// The host is there, and nobody listens at the port.
    #[error("nobody listens there")]
    Refused,
    /// No connection for another reason: the network is down, or between here and there.
    #[error("the server cannot be reached: {0}")]
    Unreachable(io::Error),
    /// It did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The TLS handshake failed, or the signature does not belong to the key.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// It speaks the protocol, but without encryption.
    #[error("the server does not encrypt")]
    Unencrypted,
    /// It shows another key than the known one.
    #[error("the server's key changed: expected {expected}, found {found}")]
    PinChanged {
        /// The known one.
        expected: Pin,
        /// The one it shows.
        found: Pin,
    },
    /// It shows another key than the link that names it, and no key of it is known.
    #[error("the link names another key than the server shows: {named}, found {found}")]
    LinkMismatch {
        /// The one in the link.
        named: Pin,
        /// The one it shows.
        found: Pin,
    },
    /// An authority vouched for its key before, and none does for the one it shows.
    #[error("no authority vouches for the server's key any more: {found}")]
    Uncertified {
        /// The one it shows.
        found: Pin,
    },
    /// What an authority said of its key has expired, by this computer's clock.
    #[error("the server's certificate has expired, or this computer's clock is wrong")]
    Expired,
    /// What an authority said of its key does not hold yet, by this computer's clock.
    #[error("the server's certificate is not valid yet, or this computer's clock is wrong")]
    NotYetValid,
    /// No key of it is known any more: a person has to be asked.
    #[error("no key of the server is known")]
    KeyUnknown,
    /// The file of known keys cannot be read. It is never taken for empty.
    #[error("the known keys cannot be read: {0}")]
    KeysUnreadable(String),
    /// Plain text is allowed to this computer only.
    #[error("plain text is allowed to this computer only")]
    NotLoopback,
    /// It speaks, but not this protocol.
    #[error("the server does not speak the protocol: {0}")]
    Protocol(String),
}

/// What the operating system says about a connection that was not made.
impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Unreachable(error),
        }
    }
}

impl ConnectError {
    /// What a link does about it: end, or try again later.
    pub(crate) fn verdict(self) -> Result<Cut, End> {
        match self {
            Self::NoSuchHost(error) => Ok(Cut::NoSuchHost(error.to_string())),
            Self::Refused => Ok(Cut::Refused),
            Self::Unreachable(error) => Ok(Cut::Unreachable(error.to_string())),
            Self::Timeout => Ok(Cut::Timeout),
            Self::Unencrypted => Ok(Cut::Unencrypted),
            Self::Tls(why) => Ok(Cut::Tls(why)),
            Self::Expired => Ok(Cut::Expired),
            Self::NotYetValid => Ok(Cut::NotYetValid),
            Self::Protocol(why) => Ok(Cut::Protocol(why)),
            Self::PinChanged { expected, found } => Err(End::PinChanged { expected, found }),
            Self::LinkMismatch { named, found } => Err(End::LinkMismatch { named, found }),
            Self::Uncertified { found } => Err(End::Uncertified { found }),
            Self::KeyUnknown => Err(End::KeyUnknown),
            Self::KeysUnreadable(why) => Err(End::KeysUnreadable(why)),
            Self::NotLoopback => Err(End::NotLoopback),
        }
    }
}
