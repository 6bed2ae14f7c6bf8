//! The few words that say what kind of room it is and what a person is in it. Each has one word of
//! its list that stands for all that a later version may add.

use serde::{Deserialize, Serialize};

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// Anybody may enter.
    Public,
    /// By invitation.
    Private,
    /// Two people.
    Direct,
}

/// How a person stands to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Not in it, or no longer.
    Gone,
    /// Invited, not yet in it.
    Invited,
    /// In it.
    Member,
    /// In it, and it is theirs.
    Owner,
}

/// What a person who is in a room may do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// From a later version.
    Other,
    /// Reads and writes.
    Member,
    /// Takes out and bans people, and takes back what they said.
    Moderator,
    /// The same to everybody, and says who moderates.
    Owner,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $text:literal,)* } else $other:ident) => {
        impl $name {
            /// The wire's form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(match String::deserialize(from)?.as_str() { $($text => Self::$variant,)* _ => Self::$other })
            }
        }
    };
}

words!(RoomKind { Public = "public", Private = "private", Direct = "direct", } else Private);
words!(Role { Gone = "gone", Invited = "invited", Member = "member", Owner = "owner", } else Gone);
words!(Rank { Other = "other", Member = "member", Moderator = "moderator", Owner = "owner", } else Other);
