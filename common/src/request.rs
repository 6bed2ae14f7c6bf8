//! What a client asks: one type per request, and the table from the frame's type to it.
//! A request is answered by exactly one `ok` or `err` frame with the same number.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroize as _;

mod staff;

pub use staff::{RoomBan, RoomBans, RoomKick, RoomRole, RoomUnban};

use crate::{
    codec::{self, DecodeError},
    id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind},
};

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Everything a client may ask. Each has a body type of the same name in this module.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request { $($(#[$doc])* $name($name),)* }

        /// The types of all requests, as they stand in the header.
        pub const KINDS: &[&str] = &[$($text,)*];

        impl Request {
            /// Reads a body by the type in its frame's header. `None`: no such request.
            ///
            /// # Errors
            /// See [`DecodeError`].
            pub fn decode(kind: &str, body: &[u8]) -> Result<Option<Self>, DecodeError> {
                Ok(Some(match kind { $($text => Self::$name(codec::decode_map(body)?),)* _ => return Ok(None) }))
            }

            /// The request as a whole frame.
            #[must_use]
            pub fn frame(&self, rid: u64) -> Bytes {
                match self { $(Self::$name(body) => codec::frame($text, rid, body),)* }
            }

            /// The type in the header.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $text,)* }
            }
        }

        $(impl Ask for $name {
            const KIND: &'static str = $text;
        }

        impl From<$name> for Request {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}

/// A request body that knows its type.
pub trait Ask: Serialize + DeserializeOwned {
    /// The type in the frame's header.
    const KIND: &'static str;
}

requests! {
    /// The first frame of a connection.
    Hello = "hello",
    /// Makes an account and logs in.
    Register = "register",
    /// Logs in.
    Auth = "auth",
    /// Forgets this device's token and ends the session.
    Logout = "logout",
    /// Changes the password; all other devices are logged out.
    Passwd = "passwd",
    /// Lists the devices of the account.
    Devices = "devices",
    /// Logs another device of the account out.
    Revoke = "revoke",
    /// Lists the person's rooms and starts the flow of messages.
    Sync = "sync",
    /// Posts a message.
    Send = "send",
    /// Reads a page of a room's log.
    History = "history",
    /// Moves the read marker.
    Mark = "mark",
    /// Says what the client looks at.
    Watch = "watch",
    /// Makes a room.
    RoomCreate = "room.create",
    /// Lists public rooms.
    RoomList = "room.list",
    /// Enters a public room, or accepts an invitation.
    RoomJoin = "room.join",
    /// Leaves a room, or declines an invitation.
    RoomLeave = "room.leave",
    /// Sets a room's topic.
    RoomTopic = "room.topic",
    /// Invites a person to a room.
    RoomInvite = "room.invite",
    /// Opens the direct room with a person.
    RoomOpen = "room.open",
    /// Says who moderates a room.
    RoomRole = "room.role",
    /// Takes a person out of a room.
    RoomKick = "room.kick",
    /// Takes a person out of a room and keeps them out.
    RoomBan = "room.ban",
    /// Lets a person in again.
    RoomUnban = "room.unban",
    /// Lists who may not enter a room.
    RoomBans = "room.bans",
    /// Lists a room's members.
    Members = "members",
    /// Lists who is online.
    Who = "who",
    /// Looks people up by number or by id.
    Users = "users",
    /// Starts or resumes an upload.
    FileOpen = "file.open",
    /// Ends an upload.
    FileDone = "file.done",
    /// Starts or resumes a download.
    FileGet = "file.get",
    /// Stops a transfer.
    FileCancel = "file.cancel",
}

/// Whether a request of this kind, as it stands in the header, carries a password or a token.
#[must_use]
pub fn holds_secret(kind: &str) -> bool {
    matches!(kind, "register" | "auth" | "passwd")
}

/// A secret on its way; never printed, and wiped from memory when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A device token on its way; never printed, and wiped from memory when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `hello`: which versions and features the client speaks. Answered by [`crate::event::Welcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest and highest protocol version.
    pub v: (u64, u64),
    /// Optional features.
    #[serde(default)]
    pub caps: Vec<String>,
    /// Program and version, for the log.
    #[serde(default)]
    pub agent: String,
    /// `"data"` on a second connection that only moves files: it does not count as presence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// `register`. Answered by [`crate::event::Session`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The user id to log in with from now on.
    pub user: String,
    /// The display name; the user id when empty.
    #[serde(default)]
    pub name: String,
    /// The password.
    pub secret: Secret,
    /// What this device is called in the list of devices.
    #[serde(default)]
    pub dev_name: String,
    /// The invite, where the server wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
}

/// An invite lets in whoever reads it.
impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, name, dev_name, .. } = self;
        write!(f, "Register({user:?}, {name:?}, {dev_name:?}, …)")
    }
}

/// `auth`. Answered by [`crate::event::Session`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// `"password"` (with `user` and `secret`) or `"token"` (with `token`).
    pub mech: String,
    /// The user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// What this device is called in the list of devices.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dev_name: String,
    /// The token of an earlier login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// `logout`. Answered by `{}`, then the connection closes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {}

/// `passwd`. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwd {
    /// The password until now.
    pub old: Secret,
    /// The password from now on.
    pub new: Secret,
}

/// `devices`. Answered by [`crate::event::DeviceList`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {}

/// `revoke`. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// Which device.
    pub dev: DeviceId,
}

/// `sync`. Answered by [`crate::event::Synced`]; then missed messages, then `synced`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// The `epoch` under which the cursors were taken; empty at first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// `[room, last seq seen]` of each room the client has something of. A room that is not
    /// named starts at its read marker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cur: Vec<(RoomId, Seq)>,
}

/// `send`. Answered by [`crate::event::Posted`] once it is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Random; the same one when the post is repeated.
    pub cid: Nonce,
    /// `text`, `file`, `edit` or `redact`.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// The content.
    #[serde(rename = "b")]
    pub body: Body,
}

/// `history`. Answered by [`crate::event::Page`]. One of the three places at most; none means
/// the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// The newest messages before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// The oldest messages after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// Half before, half from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Seq>,
    /// How many; at most `limits::PAGE_MESSAGES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `mark`. Answered by [`crate::event::Marked`] with the highest marker so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Read up to here.
    pub read: Seq,
}

/// `watch`: replaces all that was watched before. Answered by `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The rooms on the screen: their messages are pushed in full, however many members they have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub act: Vec<RoomId>,
    /// Whether `pres` events are wanted.
    #[serde(default)]
    pub online: bool,
}

/// `room.create`. Answered by [`crate::event::Room`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCreate {
    /// Its name, with or without `#`.
    pub name: String,
    /// Only by invitation.
    #[serde(default)]
    pub private: bool,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
}

/// `room.list`. Answered by [`crate::event::RoomPage`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomList {
    /// Only names that begin like this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many; at most `limits::PAGE_ENTRIES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `room.join`. Answered by [`crate::event::Room`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomJoin {
    /// The room by number,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// or a public one by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `room.leave`. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomLeave {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
}

/// `room.topic`. Answered by [`crate::event::Posted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomTopic {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// The new topic; empty for none.
    pub topic: String,
}

/// `room.invite`. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInvite {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Who is invited.
    pub user: UserId,
}

/// `room.open`. Answered by [`crate::event::Room`]; the same room however often it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomOpen {
    /// The other person by number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// or by user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `members`. Answered by [`crate::event::UserPage`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Keeps those whose user id begins so; in rooms that are not large also those whose display
    /// name does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many; at most `limits::PAGE_ENTRIES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `who`: who is online, by user id. Answered by [`crate::event::UserPage`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Only people whose user id or display name begins like this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many; at most `limits::PAGE_ENTRIES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `users`. Answered by [`crate::event::UserPage`]; whoever does not exist is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// By number,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<UserId>,
    /// and by user id; at most `limits::PAGE_ENTRIES_MAX` in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// `file.open`: starts an upload, or goes on with one of the same content, size and room that
/// was cut off. Answered by [`crate::event::FileOpened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOpen {
    /// The room it is for: its members may fetch it.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the content.
    pub b3: Hash,
    /// Its name, without directories.
    pub name: String,
    /// Media type, a hint.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub media: String,
}

/// `file.done`. Answered by [`crate::event::FileStored`] when size and hash agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDone {
    /// The transfer, as `file.open` named it.
    pub x: u64,
}

/// `file.get`. Answered by [`crate::event::FileFound`], then `fdat` events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGet {
    /// The file, as its message named it.
    pub fid: FileId,
    /// Where to begin.
    #[serde(default)]
    pub off: u64,
}

/// `file.cancel`. Answered by `{}`. What was uploaded stays resumable unless `discard` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCancel {
    /// The transfer.
    pub x: u64,
    /// Throw away what was uploaded.
    #[serde(default)]
    pub discard: bool,
}
