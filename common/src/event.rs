//! What a server says: the bodies of `ok` answers, and the events that nobody asked for.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    codec::DecodeError,
    frame::Frame,
    id::{DeviceId, FileId, Hash, Pin, RoomId, Seq, UserId},
    message::Message,
    request::Token,
};

mod device;
mod staff;
mod words;

pub use device::{Device, DeviceList};
pub use staff::{Ban, BanPage, Removal};
pub use words::{Rank, Role, RoomKind};

/// Header types that are no requests.
pub mod kind {
    /// A request was done.
    pub const OK: &str = "ok";
    /// A request was refused.
    pub const ERR: &str = "err";
    /// An entry of a room's log.
    pub const MSG: &str = "msg";
    /// Entries that are not pushed; ask `history` for them.
    pub const GAP: &str = "gap";
    /// All that was missed has been pushed.
    pub const SYNCED: &str = "synced";
    /// A room of this person is new, changed or gone.
    pub const ROOM: &str = "room";
    /// Rooms that moved without their messages being pushed.
    pub const HEAD: &str = "head";
    /// Who came and who went.
    pub const PRES: &str = "pres";
    /// Another device of this person read on.
    pub const MARK: &str = "mark";
    /// A piece of a file.
    pub const FDAT: &str = "fdat";
    /// How much of a file has arrived.
    pub const FACK: &str = "fack";
    /// Are you there?
    pub const PING: &str = "ping";
    /// I am.
    pub const PONG: &str = "pong";
    /// The server is about to close the connection.
    pub const GOAWAY: &str = "goaway";
    /// The client leaves for good: presence goes off at once.
    pub const BYE: &str = "bye";
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// Limits of this server, told in [`Welcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a frame behind its length.
    pub frame: u64,
    /// Bytes of a text.
    pub text: u64,
    /// Messages in a page of history.
    pub page: u64,
    /// Bytes of one piece of a file.
    pub chunk: u64,
    /// Bytes of a file that may be unacknowledged.
    pub window: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Characters of a password, at least.
    pub password_min: u64,
    /// Seconds of silence after which a client sends `ping`.
    pub idle_s: u64,
}

/// Answer to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version both speak.
    pub v: u64,
    /// Features both have.
    #[serde(default)]
    pub caps: Vec<String>,
    /// Lineage of the data; when it changes, old cursors are void.
    pub epoch: String,
    /// Ways to log in.
    pub auth: Vec<String>,
    /// `"open"`, `"invite"` or `"closed"`.
    pub register: String,
    /// Program and version.
    #[serde(default)]
    pub server: String,
    /// This server's limits.
    pub limits: Limits,
    /// The key that it will have one day; absent while it keeps the one it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_pin: Option<Pin>,
}

/// Answer to `register` and `auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who one is now.
    pub user: UserId,
    /// The user id in its normal form.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The device.
    pub dev: DeviceId,
    /// Log in with this the next time. Present after a password login or when it was renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Administers this server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
}

/// A person, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number that messages carry.
    #[serde(rename = "u")]
    pub user: UserId,
    /// The user id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Online now; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
}

/// A room, as one person sees it: in the answer to `sync`, and as the `room` event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its number.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// What kind of room.
    pub kind: RoomKind,
    /// Its name without `#`; empty for a direct room.
    #[serde(default)]
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub topic: String,
    /// The last message: `[seq, n]`.
    pub head: (Seq, u64),
    /// How far this person has read: `[seq, n]`. Unread are `head.n - read.n`.
    pub read: (Seq, u64),
    /// What this person is in it.
    pub role: Role,
    /// How many members it has.
    pub members: u64,
    /// The oldest message this person may see has the seq after this one.
    #[serde(default)]
    pub floor: Seq,
    /// The other person of a direct room, or who sent the invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<User>,
    /// This member moderates it. Not a role of its own: older clients take off their list what has
    /// a role they do not know.
    #[serde(rename = "mod", default, skip_serializing_if = "std::ops::Not::not")]
    pub moderates: bool,
    /// With [`Role::Gone`]: somebody took this person out of it.
    #[serde(rename = "out", default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
}

impl Room {
    /// All that is said of a room that is not this person's any more.
    #[must_use]
    pub const fn gone(room: RoomId) -> Self {
        Self {
            room,
            kind: RoomKind::Private,
            name: String::new(),
            topic: String::new(),
            head: (Seq::ZERO, 0),
            read: (Seq::ZERO, 0),
            role: Role::Gone,
            members: 0,
            floor: Seq::ZERO,
            with: None,
            moderates: false,
            removed: None,
        }
    }
}

/// Answer to `sync`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Lineage of the data.
    pub epoch: String,
    /// The cursors were void: forget what is kept of messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// All rooms of this person, the one that moved last first.
    pub rooms: Vec<Room>,
}

/// Answer to `send` and `room.topic`: it is on stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Its place in the room.
    #[serde(rename = "s")]
    pub seq: Seq,
    /// When, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// It had been posted before, with the same nonce.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dup: bool,
}

/// Answer to `history`. Messages stand in rising order. A page may be short or empty and yet
/// have more behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The messages.
    pub msgs: Vec<Message>,
    /// There are more in the direction asked for.
    pub more: bool,
    /// The oldest message this person may see has the seq after this one.
    pub floor: Seq,
    /// The people who said them.
    #[serde(default)]
    pub users: Vec<User>,
}

/// Answer to `mark`, and the `mark` event for the person's other devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Read up to here: `[seq, n]`.
    pub read: (Seq, u64),
}

/// A public room in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRow {
    /// Its number.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Its name without `#`.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub topic: String,
    /// How many members it has.
    pub members: u64,
    /// The person who asks is in it.
    #[serde(default)]
    pub joined: bool,
}

/// Answer to `room.list`, in order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPage {
    /// The rooms.
    pub rooms: Vec<RoomRow>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Answer to `members`, `who` and `users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    /// The people.
    pub users: Vec<User>,
    /// How many there are in all pages together.
    #[serde(default)]
    pub total: u64,
    /// Number of the last presence change this page knows of (`who` only).
    #[serde(default)]
    pub v: u64,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whom the room belongs to (`members` only); absent where it is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Everybody who moderates the room (`members` only), whatever page it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mods: Vec<UserId>,
}

/// Answer to `file.open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOpened {
    /// Number of the transfer on this connection.
    pub x: u64,
    /// How much the server already has; go on from here.
    pub off: u64,
}

/// Answer to `file.done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStored {
    /// Name it in a message of kind `file`.
    pub fid: FileId,
}

/// Answer to `file.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFound {
    /// Number of the transfer on this connection.
    pub x: u64,
    /// Its size in bytes.
    pub size: u64,
    /// BLAKE3 of its content.
    pub b3: Hash,
    /// The name its sender gave it.
    pub name: String,
}

/// The `gap` event: `from` to `to`, both included, are not pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// The first that is missing.
    pub from: Seq,
    /// The last that is missing.
    pub to: Seq,
}

/// The `head` event: rooms that moved and are not pushed in full, `[room, seq, n]` each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Their new heads.
    pub h: Vec<(RoomId, Seq, u64)>,
}

/// The `pres` event. Changes are numbered: after a jump of `v`, ask `who` again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Number of this change.
    pub v: u64,
    /// How many people are online now.
    pub on: u64,
    /// Who came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<User>,
    /// Who went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub del: Vec<UserId>,
    /// Too many to name: ask `who` for the part that is looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// The `fdat` event, in either direction: content of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileData {
    /// The transfer.
    pub x: u64,
    /// Offset of the first byte.
    pub o: u64,
    /// The bytes; at most `limits::CHUNK_BYTES`.
    #[serde(with = "serde_bytes")]
    pub d: Vec<u8>,
}

impl std::fmt::Debug for FileData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileData(x {}, {} bytes at {})", self.x, self.d.len(), self.o)
    }
}

/// The `fack` event, in either direction: everything before `o` has arrived; for an upload, it is
/// on the server's disk. Up to `limits::WINDOW_BYTES` beyond it may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAck {
    /// The transfer.
    pub x: u64,
    /// Offset of the first byte that is missing.
    pub o: u64,
}

/// The `ping` and `pong` events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Comes back in the `pong`.
    #[serde(default)]
    pub n: u64,
}

/// The `goaway` event: reconnect after a random time between the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoAway {
    /// A fault code as text: `shutting_down`, `slow_consumer`, `auth_revoked`…
    pub why: String,
    /// Not earlier than this, in milliseconds.
    #[serde(default)]
    pub min_ms: u64,
    /// Not later than this, in milliseconds.
    #[serde(default)]
    pub max_ms: u64,
}

/// An event as a client reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An entry of a room's log.
    Message(Box<Message>),
    /// Entries that are not pushed.
    Gap(Gap),
    /// All that was missed has been pushed.
    Synced,
    /// A room is new, changed or gone.
    Room(Box<Room>),
    /// Rooms moved.
    Heads(Heads),
    /// Who came and went.
    Presence(Presence),
    /// Another device read on.
    Marked(Marked),
    /// A piece of a file.
    FileData(FileData),
    /// How much of a file has arrived.
    FileAck(FileAck),
    /// Are you there?
    Ping(Ping),
    /// I am.
    Pong(Ping),
    /// The server is about to close.
    GoAway(GoAway),
}

impl Event {
    /// Reads an event. `None`: a type from a later version, to be ignored.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(frame: &Frame) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match frame.kind() {
            kind::MSG => Self::Message(Box::new(frame.decode()?)),
            kind::GAP => Self::Gap(frame.decode()?),
            kind::SYNCED => frame.decode::<Empty>().map(|_| Self::Synced)?,
            kind::ROOM => Self::Room(Box::new(frame.decode()?)),
            kind::HEAD => Self::Heads(frame.decode()?),
            kind::PRES => Self::Presence(frame.decode()?),
            kind::MARK => Self::Marked(frame.decode()?),
            kind::FDAT => Self::FileData(frame.decode()?),
            kind::FACK => Self::FileAck(frame.decode()?),
            kind::PING => Self::Ping(frame.decode()?),
            kind::PONG => Self::Pong(frame.decode()?),
            kind::GOAWAY => Self::GoAway(frame.decode()?),
            _ => return Ok(None),
        }))
    }
}

/// The `ok` frame of a request.
#[must_use]
pub fn ok<T: Serialize + ?Sized>(rid: u64, body: &T) -> Bytes {
    crate::codec::frame(kind::OK, rid, body)
}

/// The `err` frame of a request.
#[must_use]
pub fn err(rid: u64, fault: &crate::fault::Fault) -> Bytes {
    crate::codec::frame(kind::ERR, rid, fault)
}
