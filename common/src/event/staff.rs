//! What is told about people who were taken out of a room, and who may not come back.

use serde::{Deserialize, Serialize};

use super::User;
use crate::id::UserId;

/// Who took a person out of a room, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Who did it.
    pub by: User,
    /// The reason they gave; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// They may not come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ban: bool,
}

/// A person who may not enter a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Who.
    pub user: User,
    /// Who said so.
    pub by: UserId,
    /// When, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// The reason they gave; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Answer to `room.bans`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanPage {
    /// Who may not enter.
    pub bans: Vec<Ban>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
