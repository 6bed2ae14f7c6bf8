//! Finding people by how their user ids begin, among all accounts and in one room.

use liao_common::id::{RoomId, UserId};

use super::{damaged, parse_numbers};
use crate::{
    index::{Direction, Span},
    state::key,
    store::{StoreError, View},
};

/// Accounts whose user ids begin so and come after `after`, by user id.
///
/// # Errors
/// When the store fails.
pub fn accounts_by_name(
    from: &impl View,
    begin: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, UserId)>, StoreError> {
    let prefix = key::account_name(begin);
    let mut span = Span::prefix(&prefix);
    if let Some(last) = after.map(key::account_name).filter(|last| *last >= prefix) {
        span = span.after(&last);
    }
    let rows = from.scan(&span, Direction::Forward, limit)?;
    let parse = |key: &[u8], row: &[u8]| {
        let id = String::from_utf8(key.get(1..)?.to_vec()).ok()?;
        parse_numbers::<1>(row).map(|[user]| (id, UserId(user)))
    };
    rows.iter().map(|(key, row)| parse(key, row).ok_or_else(|| damaged(key))).collect()
}

/// Whether a person is in a room.
///
/// # Errors
/// When the store fails.
pub fn is_member(from: &impl View, room: RoomId, user: UserId) -> Result<bool, StoreError> {
    Ok(from.read(&key::member(room, user))?.is_some())
}
