//! What those ask who keep order in a room.

use serde::{Deserialize, Serialize};

use crate::{
    event::Rank,
    id::{RoomId, UserId},
};

/// `room.role`: only the owner may. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRole {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// A member.
    pub user: UserId,
    /// [`Rank::Moderator`] or [`Rank::Member`].
    pub role: Rank,
}

/// `room.kick`: takes a member out, or an invitation back. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomKick {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Who has to go.
    pub user: UserId,
    /// Why; at most `limits::REASON_GRAPHEMES_MAX`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// `room.ban`: the same, and they may not come back. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBan {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Who has to stay out, whether inside or not.
    pub user: UserId,
    /// Why; at most `limits::REASON_GRAPHEMES_MAX`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// `room.unban`. Answered by `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomUnban {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// Who may come again.
    pub user: UserId,
}

/// `room.bans`. Answered by [`crate::event::BanPage`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBans {
    /// The room.
    #[serde(rename = "c")]
    pub room: RoomId,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many; at most `limits::PAGE_ENTRIES_MAX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
