//! The records of the journal, kind by kind. Old ones must stay readable for ever: fields are
//! named, new ones are optional, a kind never changes its meaning.

use liao_common::{
    codec,
    event::RoomKind,
    id::{DeviceId, FileId, Hash, RoomId, Seq, UserId},
    message::Message,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use crate::journal::NewRecord;

/// Version byte before every stored value but messages, which are frames of the wire.
pub const VERSION: u8 = 1;

/// A record's kind, as the journal stores it.
pub mod kind {
    /// A whole `msg` frame, length included.
    pub const MESSAGE: u8 = 1;
    /// [`super::Account`], new or changed.
    pub const ACCOUNT: u8 = 2;
    /// [`super::Device`], new or changed.
    pub const DEVICE: u8 = 3;
    /// [`super::DeviceGone`].
    pub const DEVICE_GONE: u8 = 4;
    /// [`super::Room`], new or changed.
    pub const ROOM: u8 = 5;
    /// [`super::Member`], new or changed.
    pub const MEMBER: u8 = 6;
    /// [`super::Mark`].
    pub const MARK: u8 = 7;
    /// [`super::File`].
    pub const FILE: u8 = 8;
    /// [`super::Invite`], new or used.
    pub const INVITE: u8 = 9;
    /// [`super::Erased`].
    pub const ERASED: u8 = 10;
    /// [`super::FileGone`].
    pub const FILE_GONE: u8 = 11;
    /// [`super::Ban`], new or changed.
    pub const BAN: u8 = 12;
    /// [`super::BanOver`].
    pub const BAN_OVER: u8 = 13;
    /// [`super::Floor`].
    pub const FLOOR: u8 = 14;
    /// A whole `msg` frame that was stored before, when the record it stood in goes: only its place
    /// is new.
    pub const KEPT: u8 = 15;
    /// [`super::Rows`].
    pub const ROWS: u8 = 16;
    /// [`super::Age`].
    pub const AGE: u8 = 20;
}

/// A person known to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The number.
    pub user: UserId,
    /// The user id, in its one form.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Argon2id in PHC form. Never printed.
    pub secret: Phc,
    /// How often the password was changed. The same password may be hashed anew meanwhile.
    #[serde(default)]
    pub changes: u64,
    /// Administers the server.
    #[serde(default)]
    pub admin: bool,
    /// Registered at, ms since 1970.
    pub at: u64,
}

/// A hashed password; its `Debug` keeps it out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phc(pub String);

impl std::fmt::Debug for Phc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phc(…)")
    }
}

/// A remembered login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The number.
    pub dev: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// BLAKE3 of the token: what is stored does not log in.
    pub token: Hash,
    /// First login, ms since 1970.
    pub at: u64,
    /// The highest number given to any device so far.
    pub last: DeviceId,
    /// BLAKE3 of the token that shall follow. Both log in until this one was used: had its answer
    /// been lost, nobody is locked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Hash>,
    /// BLAKE3 of a token that logs in no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Hash>,
    /// Last seen here, as it was written down, ms since 1970; 0 where that is not known.
    #[serde(default)]
    pub seen: u64,
    /// The token was given out at this age of the server, ms; 0 where that is not known.
    #[serde(default)]
    pub made_at_age: u64,
    /// Last seen here at this age of the server, ms; 0 where that is not known.
    #[serde(default)]
    pub seen_at_age: u64,
}

/// A device was logged out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceGone {
    /// The number.
    pub dev: DeviceId,
    /// Whose it was.
    pub user: UserId,
    /// The hash its token had.
    pub token: Hash,
}

/// A place to talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The number.
    pub room: RoomId,
    /// What kind.
    pub kind: RoomKind,
    /// Its name; empty for direct rooms.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub topic: String,
    /// Who made it; 0 for the server.
    pub by: UserId,
    /// The other of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<UserId>,
    /// Made at, ms since 1970.
    pub at: u64,
}

/// What a person is in a room, from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The room.
    pub room: RoomId,
    /// The person.
    pub user: UserId,
    /// What they are in it.
    pub standing: Standing,
    /// Messages up to here are not theirs to see.
    pub floor: Seq,
    /// How many members the room has after this.
    pub members: u64,
    /// The message with which they came in, the same as long as they stay and once more when they
    /// go; 0 where that is not known, as in records of older versions.
    #[serde(default)]
    pub joined: Seq,
}

/// What a person is in a room, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Standing {
    /// Not in it.
    Gone,
    /// Invited.
    Invited {
        /// By whom.
        by: UserId,
    },
    /// In it.
    Member,
    /// In it, and keeps order there.
    Moderator,
    /// In it, and it is theirs.
    Owner,
}

impl Standing {
    /// Whether it reads and writes there.
    #[must_use]
    pub const fn is_in(self) -> bool {
        matches!(self, Self::Member | Self::Moderator | Self::Owner)
    }
}

/// A person may not enter a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The room.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Who said so.
    pub by: UserId,
    /// When, ms since 1970.
    pub at: u64,
    /// The reason they gave; empty for none.
    #[serde(default)]
    pub text: String,
}

/// A person may enter a room again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanOver {
    /// The room.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
}

/// How far a person has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The room.
    pub room: RoomId,
    /// The person.
    pub user: UserId,
    /// The last message read.
    pub seq: Seq,
    /// Its `n`.
    pub n: u64,
}

/// A file that was uploaded and verified; its bytes lie under their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The number.
    pub file: FileId,
    /// Who uploaded it.
    pub user: UserId,
    /// Whose members may fetch it.
    pub room: RoomId,
    /// BLAKE3 of the content.
    pub b3: Hash,
    /// Bytes.
    pub size: u64,
    /// Its name.
    pub name: String,
    /// Media type.
    #[serde(default)]
    pub media: String,
    /// Bytes this person has stored, this file included.
    pub used: u64,
    /// Stored at, ms since 1970.
    pub at: u64,
}

/// The words of a message that was taken back stand nowhere in the journal any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The room.
    pub room: RoomId,
    /// The message.
    pub of: Seq,
}

/// The last message that offered a file was taken back: the file is nobody's any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGone {
    /// The file.
    pub file: FileId,
    /// Whose it was.
    pub user: UserId,
    /// BLAKE3 of its content.
    pub b3: Hash,
    /// Bytes this person has stored without it.
    pub used: u64,
}

/// A right to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// BLAKE3 of the code.
    pub code: Hash,
    /// How often it can still be used.
    pub uses: u32,
    /// Ends at this age of the server, ms.
    #[serde(default)]
    pub until_age: u64,
}

/// The oldest messages of a room are not kept any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// The room.
    pub room: RoomId,
    /// What it was before: at most [`super::project::FLOOR_STEP_MAX`] less than `seq`.
    pub after: Seq,
    /// Messages up to here are gone.
    pub seq: Seq,
    /// Its `n`.
    pub n: u64,
}

/// Rows of the index as they are, since a record that they came from goes. None of them says where
/// a record stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Version of the projection that made them.
    pub version: u32,
    /// Keys and values; without a value, the row is gone.
    pub rows: Vec<(ByteBuf, Option<ByteBuf>)>,
}

/// How old the server was at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Age {
    /// How long it had run, ms.
    pub age_ms: u64,
    /// What the wall clock said then, ms since 1970.
    pub wall_ms: u64,
}

macro_rules! stored {
    ($($name:ident = $kind:ident)*) => {$(
        impl $name {
            /// The record that stores it.
            #[must_use]
            pub fn record(&self) -> NewRecord {
                NewRecord { kind: kind::$kind, body: encode(self).into() }
            }
        }
    )*};
}

stored!(Account = ACCOUNT Device = DEVICE DeviceGone = DEVICE_GONE Room = ROOM Member = MEMBER Mark = MARK File = FILE Invite = INVITE Erased = ERASED FileGone = FILE_GONE Ban = BAN BanOver = BAN_OVER Floor = FLOOR Rows = ROWS Age = AGE);

/// A stored value: version byte, then the value with named fields.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(codec::encode(value));
    out
}

/// Reads a stored value back; `None` when it is not one of this or an older version.
#[must_use]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (&version, rest) = bytes.split_first()?;
    if version != VERSION {
        return None;
    }
    codec::decode_own(rest).ok()
}

/// Length and header of a stored `msg` frame: what stands before the message itself.
pub const MESSAGE_BODY_AT: usize = 10;

/// The message inside a stored `msg` frame.
#[must_use]
pub fn message(frame: &[u8]) -> Option<Message> {
    codec::decode(frame.get(MESSAGE_BODY_AT..)?).ok()
}

/// The same of a frame that was made here, or lies behind a checksum: told faster.
#[must_use]
pub fn own_message(frame: &[u8]) -> Option<Message> {
    codec::decode_own(frame.get(MESSAGE_BODY_AT..)?).ok()
}

/// A stored message with its words painted over, in exactly as many bytes. `None` when there is
/// nothing to paint over.
#[must_use]
pub fn blank(frame: &[u8]) -> Option<Vec<u8>> {
    let mut message = message(frame)?;
    let words = [&mut message.body.text, &mut message.body.name];
    let mut any = false;
    for text in words.into_iter().flatten() {
        any |= text.bytes().any(|byte| byte != b' ');
        *text = " ".repeat(text.len());
    }
    let mut out = frame.get(..MESSAGE_BODY_AT)?.to_vec();
    out.extend(codec::encode(&message));
    (any && out.len() == frame.len()).then_some(out)
}

/// A stored file with its name painted over, in exactly as many bytes. `None` when it is already.
#[must_use]
pub fn blank_file(body: &[u8]) -> Option<Vec<u8>> {
    let mut file: File = decode(body)?;
    let named = file.name.bytes().any(|byte| byte != b' ');
    file.name = " ".repeat(file.name.len());
    let out = encode(&file);
    (named && out.len() == body.len()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{
        event,
        id::Nonce,
        message::{Body, Kind},
    };

    #[test]
    fn a_stored_message_is_the_frame_on_the_wire() {
        let message = Message {
            room: RoomId(7),
            seq: Seq(1 << 40),
            n: 3,
            at_ms: 1_700_000_000_000,
            from: UserId(1),
            device: DeviceId(2),
            cid: Nonce([7; 16]),
            kind: Kind::Text,
            body: Body::text("你好"),
        };
        let frame = codec::frame(event::kind::MSG, 0, &message);
        assert_eq!(super::message(&frame), Some(message));
    }

    #[test]
    fn a_blanked_message_has_its_length_and_no_words() {
        let message = Message {
            room: RoomId(7),
            seq: Seq(8),
            n: 3,
            at_ms: 9,
            from: UserId(1),
            device: DeviceId(2),
            cid: Nonce([7; 16]),
            kind: Kind::Text,
            body: Body::text("你好, secret"),
        };
        let frame = codec::frame(event::kind::MSG, 0, &message);
        let blanked = blank(&frame).unwrap();
        assert_eq!(blanked.len(), frame.len());
        let left = super::message(&blanked).unwrap();
        assert_eq!((left.seq, left.body.text.unwrap().trim()), (Seq(8), ""));
        assert_eq!(blank(&blanked), None, "once is enough");
    }

    #[test]
    fn members_stored_by_older_versions_are_read() {
        #[derive(Serialize)]
        struct Older {
            room: RoomId,
            user: UserId,
            standing: Standing,
            floor: Seq,
            members: u64,
        }
        let (room, user, standing, floor) = (RoomId(1), UserId(2), Standing::Owner, Seq(3));
        let older = encode(&Older { room, user, standing, floor, members: 4 });
        let joined = Seq::ZERO;
        assert_eq!(
            decode(&older),
            Some(Member { room, user, standing, floor, members: 4, joined })
        );
    }

    #[test]
    fn stored_values_carry_a_version() {
        let mark = Mark { room: RoomId(1), user: UserId(2), seq: Seq(3), n: 4 };
        let mut bytes = encode(&mark);
        assert_eq!(decode::<Mark>(&bytes), Some(mark));
        bytes[0] = 9;
        assert_eq!(decode::<Mark>(&bytes), None);
        assert_eq!(decode::<Mark>(&[]), None);
    }
}
