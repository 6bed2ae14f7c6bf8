//! What was taken back, and which of it may still be read in the journal.

use std::ops::Bound;

use liao_common::id::{RoomId, Seq};

use super::{damaged, parse_numbers};
use crate::{
    index::{Direction, Span},
    state::key,
    store::{StoreError, View},
};

/// Whether a message was taken back.
///
/// # Errors
/// When the store fails.
pub fn is_redacted(from: &impl View, room: RoomId, of: Seq) -> Result<bool, StoreError> {
    Ok(from.read(&key::redacted(room, of))?.is_some())
}

/// Messages that were taken back and whose words may still stand in the journal.
///
/// # Errors
/// When the store fails.
pub fn erasing(from: &impl View, limit: usize) -> Result<Vec<(RoomId, Seq)>, StoreError> {
    let rows = from.scan(&Span::prefix(key::ERASING), Direction::Forward, limit)?;
    let numbers = |key: &[u8]| parse_numbers::<2>(&key[1..]);
    let place = |key: &[u8]| numbers(key).map(|[room, of]| (RoomId(room), Seq(of)));
    rows.iter().map(|(key, _)| place(key).ok_or_else(|| damaged(key))).collect()
}

/// Whether one of these messages, those behind `after` up to `to`, was taken back and its words may
/// still stand in the journal.
///
/// # Errors
/// When the store fails.
pub fn is_erasing(
    from: &impl View,
    room: RoomId,
    (after, to): (Seq, Seq),
) -> Result<bool, StoreError> {
    let span = Span {
        from: Bound::Excluded(key::erasing(room, after).to_vec()),
        to: Bound::Included(key::erasing(room, to).to_vec()),
    };
    Ok(!from.scan(&span, Direction::Forward, 1)?.is_empty())
}
