//! The devices of an account, as their owner sees them.

use serde::{Deserialize, Serialize};

use crate::id::DeviceId;

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its number.
    pub dev: DeviceId,
    /// Its name.
    pub name: String,
    /// First login, in milliseconds since 1970.
    pub since: u64,
    /// Last seen there to within a day, in milliseconds since 1970; 0 where that is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u64,
    /// It is the one that asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
    /// It is connected now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub online: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Answer to `devices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// All of them.
    pub devices: Vec<Device>,
}
