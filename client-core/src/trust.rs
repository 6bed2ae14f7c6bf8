//! Why a server is believed to be the one it says, and the ways in which reaching it fails.

use std::io;

use liao_common::id::Pin;

use crate::notice::{Cut, End};

/// Why a server is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its key is known.
    Pinned(Pin),
    /// It runs on this computer, and nothing is encrypted.
    Plaintext,
}

/// Why a server could not be reached, or not be believed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No connection: the name is unknown, nobody listens, the network is down.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// It did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The TLS handshake failed, or the signature does not belong to the key.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// It shows another key than the known one.
    #[error("the server's key changed: expected {expected}, found {found}")]
    PinChanged {
        /// The known one.
        expected: Pin,
        /// The one it shows.
        found: Pin,
    },
    /// Plain text is allowed to this computer only.
    #[error("plain text is allowed to this computer only")]
    NotLoopback,
    /// It speaks, but not this protocol.
    #[error("the server does not speak the protocol: {0}")]
    Protocol(String),
}

impl ConnectError {
    /// What a link does about it: end, or try again later.
    pub(crate) fn verdict(self) -> Result<Cut, End> {
        match self {
            Self::Unreachable(error) => Ok(Cut::Unreachable(error.to_string())),
            Self::Timeout => Ok(Cut::Timeout),
            Self::Tls(why) => Ok(Cut::Tls(why)),
            Self::Protocol(why) => Ok(Cut::Protocol(why)),
            Self::PinChanged { expected, found } => Err(End::PinChanged { expected, found }),
            Self::NotLoopback => Err(End::NotLoopback),
        }
    }
}
