//! A message: what a room's log consists of. The bytes of the frame that carries it are the bytes
//! in the journal and on every socket, so nothing here may depend on who reads.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    event::Rank,
    id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId},
};

/// What kind of entry a message is. An unknown kind is kept and shown as a placeholder.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Something a person said: `text`, perhaps `re` and `at`.
    Text,
    /// A file that a person offers: `fid`, `name`, `size`, `b3`, `type`.
    File,
    /// A new text for an earlier message: `of`, `text`.
    Edit,
    /// An earlier message is taken back: `of`.
    Redact,
    /// The sender entered the room.
    Join,
    /// The sender left the room; where `by` is there, that person took them out: `text`, `ban`.
    Leave,
    /// The sender changed the topic: `text`.
    Topic,
    /// The sender invited `user`.
    Invite,
    /// The sender made `user` something else in the room, or left it to them: `role`.
    Role,
    /// The server cannot read what stands here any more; nobody's name is on it.
    Damaged,
    /// From a later version.
    Other(String),
}

impl Kind {
    /// The wire's form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::Edit => "edit",
            Self::Redact => "redact",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Topic => "topic",
            Self::Invite => "invite",
            Self::Role => "role",
            Self::Damaged => "damaged",
            Self::Other(kind) => kind,
        }
    }

    /// Reads the wire's form.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "text" => Self::Text,
            "file" => Self::File,
            "edit" => Self::Edit,
            "redact" => Self::Redact,
            "join" => Self::Join,
            "leave" => Self::Leave,
            "topic" => Self::Topic,
            "invite" => Self::Invite,
            "role" => Self::Role,
            "damaged" => Self::Damaged,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether it counts as something to read: `n` goes up, unread counts rise.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self, Self::Text | Self::File | Self::Other(_))
    }

    /// Whether people may send it; the others are written by the server.
    #[must_use]
    pub const fn is_post(&self) -> bool {
        matches!(self, Self::Text | Self::File | Self::Edit | Self::Redact)
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message kind")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Kind, E> {
                Ok(Kind::parse(text))
            }
        }
        from.deserialize_str(Text)
    }
}

/// The content of a message. Which fields count is said by its [`Kind`]; the others are absent.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What was said, the new topic, or why somebody was taken out; at most
    /// `limits::TEXT_BYTES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<Seq>,
    /// Who is meant by name; at most `limits::MENTIONS_MAX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<UserId>,
    /// The message this one changes or takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Seq>,
    /// The person an `invite` or a `role` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The offered file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fid: Option<FileId>,
    /// The file's name as its sender had it. Never a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file's size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// BLAKE3 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b3: Option<Hash>,
    /// The file's media type, a hint only.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// Who took the sender of a `leave` out of the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// The sender of a `leave` may not come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ban: bool,
    /// What `user` is in the room from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Rank>,
    /// A `text` or `file` that waited: its sender may not have seen what stands before it, so it
    /// says nothing of how far they have read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

impl Body {
    /// Something said.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

/// Prints lengths only: what people say does not belong in logs.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Body({} bytes of text, fid {:?})",
            self.text.as_ref().map_or(0, String::len),
            self.fid
        )
    }
}

/// One entry of a room's log, the body of a `msg` frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Its place in the room.
    #[serde(rename = "s")]
    pub seq: Seq,
    /// How many messages up to here count as something to read, this one included if it does.
    pub n: u64,
    /// When the server took it, in milliseconds since 1970. For display only; order is `seq`.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// Who said it; stamped by the server.
    #[serde(rename = "f")]
    pub from: UserId,
    /// From which device; stamped by the server.
    #[serde(rename = "d")]
    pub device: DeviceId,
    /// The sender's nonce for it.
    pub cid: Nonce,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// What it says.
    #[serde(rename = "b")]
    pub body: Body,
}
