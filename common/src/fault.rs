//! Why a request was not done, as a code that programs act on and screens have words for.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a request was refused. On the wire it is the text in [`FaultCode::as_str`]; a code
        /// that this version does not know is read as [`FaultCode::Internal`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultCode { $($(#[$doc])* $name,)* }

        impl FaultCode {
            /// All codes, for tables and tests.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads the wire's form.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text { $($text => Self::$name,)* _ => Self::Internal }
            }
        }
    };
}

codes! {
    /// The request could not be understood. Sending it again will not help.
    BadRequest = "bad_request",
    /// The server does not know this request or this version.
    Unsupported = "unsupported",
    /// A frame, a text, a file or a quota is too large.
    TooLarge = "too_large",
    /// Not logged in, or the login was wrong. Ask the person; do not reconnect in a loop.
    Unauthenticated = "unauthenticated",
    /// This device was logged out elsewhere. Ask the person.
    AuthRevoked = "auth_revoked",
    /// Known, but not allowed.
    Forbidden = "forbidden",
    /// There is no such thing, or it is none of your business.
    NotFound = "not_found",
    /// Something changed meanwhile; look again. For a transfer, `off` says where to go on.
    Conflict = "conflict",
    /// The nonce was used before for another content.
    CidConflict = "cid_conflict",
    /// The connection read too slowly and is closed; resume.
    SlowConsumer = "slow_consumer",
    /// Too many requests; wait `retry_ms`.
    RateLimited = "rate_limited",
    /// The server has too much to do, or too much of one kind is under way; wait `retry_ms`.
    Busy = "busy",
    /// The server is going down; reconnect as told.
    ShuttingDown = "shutting_down",
    /// The server's disk is full. Keep what is unsent and try again in half a minute.
    StorageFull = "storage_full",
    /// What was asked for is no longer kept.
    Gone = "gone",
    /// The server's data were restored: all cursors are void.
    EpochChanged = "epoch_changed",
    /// The server failed. Try again, three times at the most.
    Internal = "internal",
    /// The user id or the room's name is taken.
    Taken = "taken",
    /// The user id, the display name, the room's or the file's name breaks the rules for names.
    BadName = "bad_name",
    /// The password is too short or too common.
    WeakPassword = "weak_password",
    /// The server takes no registrations.
    RegistrationClosed = "registration_closed",
    /// The server takes registrations with an invite only.
    InviteRequired = "invite_required",
    /// One is in as many rooms as a person may be in.
    RoomLimit = "room_limit",
    /// The other person is in, or was invited to, as many rooms as a person may be.
    PeerLimit = "peer_limit",
    /// The person may not enter this room.
    Banned = "banned",
    /// The person is in this room already.
    AlreadyMember = "already_member",
}

impl Serialize for FaultCode {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FaultCode {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(from)?))
    }
}

/// The body of an `err` frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {msg}", code.as_str())]
pub struct Fault {
    /// What programs act on.
    pub code: FaultCode,
    /// For logs, in English; never shown as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub msg: String,
    /// When to try again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
    /// The connection is closed after this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fatal: bool,
    /// With `conflict` on a transfer: the offset to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<u64>,
}

impl Fault {
    /// A fault with a word for the log.
    #[must_use]
    pub fn new(code: FaultCode, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), retry_ms: None, fatal: false, off: None }
    }

    /// The same, and the connection ends with it.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// The same, with a time after which to try again, in milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_ms = Some(ms);
        self
    }
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Self::new(code, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back_and_unknown_ones_are_internal() {
        for &code in FaultCode::ALL {
            assert_eq!(FaultCode::parse(code.as_str()), code);
        }
        assert_eq!(FaultCode::parse("from_the_future"), FaultCode::Internal);
    }
}
