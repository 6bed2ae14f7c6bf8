//! Who may register and who has: invites and accounts, one by one and as lists.

use liao_common::id::{Hash, UserId};

use super::{Found, damaged, value};
use crate::{
    index::{Direction, Span},
    state::{
        key,
        record::{self, Account, Invite},
    },
    store::{StoreError, View},
};

/// A right to register.
///
/// # Errors
/// When the store fails.
pub fn invite(from: &impl View, code: &Hash) -> Found<Invite> {
    value(from, &key::invite(code))
}

/// Rights to register, used up or not, whose hashes begin with `start` and come behind `after`.
///
/// # Errors
/// When the store fails.
pub fn invites(
    from: &impl View,
    start: &[u8],
    after: Option<&Hash>,
    limit: usize,
) -> Result<Vec<Invite>, StoreError> {
    let mut span = Span::prefix(&key::invites(start));
    if let Some(after) = after {
        span = span.after(&key::invite(after));
    }
    let rows = from.scan(&span, Direction::Forward, limit)?;
    rows.iter().map(|(key, row)| record::decode(row).ok_or_else(|| damaged(key))).collect()
}

/// Accounts, by number behind `after`.
///
/// # Errors
/// When the store fails.
pub fn accounts(from: &impl View, after: UserId, limit: usize) -> Result<Vec<Account>, StoreError> {
    let span = Span::prefix(key::ACCOUNTS).after(&key::account(after));
    let rows = from.scan(&span, Direction::Forward, limit)?;
    rows.iter().map(|(key, row)| record::decode(row).ok_or_else(|| damaged(key))).collect()
}
