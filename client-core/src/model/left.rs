//! Rooms that were left on this connection. An answer may be older than the word that came before it: a
//! room read while one was in it, told when one was out again. Holds as many rooms as were known.

use std::collections::BTreeMap;

use liao_common::{
    event::Room,
    id::{RoomId, Seq},
};

use super::{ROOMS_MAX, RoomView};

/// The last message that was known of each room when it was left.
#[derive(Clone, Debug, Default)]
pub(super) struct Left(BTreeMap<RoomId, Seq>);

impl Left {
    /// A room is left.
    pub(super) fn note(&mut self, room: &RoomView) {
        if self.0.len() >= ROOMS_MAX {
            self.0.clear();
        }
        self.0.insert(room.id, room.head.0);
    }

    /// Whether an answer tells of a room as it was before it was left. The same head proves nothing: what
    /// was told of the room may have been read after one came back.
    pub(super) fn is_older(&self, room: &Room) -> bool {
        self.0.get(&room.room).is_some_and(|head| room.head.0 < *head)
    }
}
