//! Where a room begins, since what was before is not kept any longer.

use liao_common::id::{RoomId, Seq};

use super::numbers;
use crate::{
    index::{Direction, Span},
    state::key,
    store::{StoreError, View},
};

/// Messages of a room up to this one are not kept any longer; with its `n`. Zeros where all are.
///
/// # Errors
/// When the store fails.
pub fn floor(from: &impl View, room: RoomId) -> Result<(Seq, u64), StoreError> {
    let row = numbers(from, &key::floor(room))?;
    Ok(row.map_or((Seq::ZERO, 0), |[seq, n]| (Seq(seq), n)))
}

/// Rooms behind `after`, by number.
///
/// # Errors
/// When the store fails.
pub fn rooms(from: &impl View, after: RoomId, limit: usize) -> Result<Vec<RoomId>, StoreError> {
    let span = Span::prefix(key::ROOMS).after(&key::room(after));
    let rows = from.scan(&span, Direction::Forward, limit)?;
    Ok(rows.iter().map(|(key, _)| RoomId(key::last_number(key))).collect())
}
