//! All rooms of a person, as `sync` lists them. Pure but for reading the store.
//!
//! Must hold: the list fits into one frame, however long names and topics are.

use liao_common::{
    event::{self, Role, RoomKind},
    fault::Fault,
    id::{RoomId, Seq, UserId},
};

use super::{hub::Hub, request::membership::MEMBERSHIPS_MAX};
use crate::{
    state::view,
    store::{Store, StoreError},
};

/// Bytes of names and topics in one list. What every room takes beside them is about 130 bytes, so
/// that the rooms of one person fit into a frame.
const WORDS_BYTES_MAX: usize = 48 * 1024;

/// The rooms of a person, the one that moved last first.
pub(super) fn rooms_of(hub: &Hub, user: UserId) -> Result<Vec<event::Room>, Fault> {
    let store = &*hub.store;
    let mut rooms = Vec::new();
    for member in view::memberships(store, user, MEMBERSHIPS_MAX)? {
        if let Some(room) = view::room_of(store, user, &member)?
            && !is_unsaid(store, user, &room)?
        {
            rooms.push((view::head(store, member.room)?.at_ms, room));
        }
    }
    rooms.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    Ok(rooms.into_iter().map(|(_, room)| room).collect())
}

/// Whether it is a direct room that somebody else opened and nobody has spoken in.
fn is_unsaid(store: &Store, user: UserId, room: &event::Room) -> Result<bool, StoreError> {
    let empty = room.kind == RoomKind::Direct && room.head.0 == Seq::ZERO;
    Ok(empty && view::room(store, room.room)?.is_some_and(|room| room.by != user))
}

/// Takes the words out of the rooms that come last, where all of them are too many. Gives those
/// rooms as they were, to be told one by one.
pub(super) fn shorten(rooms: &mut [event::Room]) -> Vec<event::Room> {
    let mut left = WORDS_BYTES_MAX;
    let mut late = Vec::new();
    for room in rooms {
        if let Some(rest) = left.checked_sub(words_bytes(room)) {
            left = rest;
            continue;
        }
        late.push(room.clone());
        room.name.clear();
        room.topic.clear();
        room.with = None;
    }
    late
}

fn words_bytes(room: &event::Room) -> usize {
    let with = room.with.as_ref().map_or(0, |user| user.id.len() + user.name.len() + 32);
    room.name.len() + room.topic.len() + with
}

/// Whether the person is inside.
pub(super) fn is_in(room: &event::Room) -> bool {
    matches!(room.role, Role::Member | Role::Owner)
}

/// A room that is not this person's any more.
pub(super) fn gone(room: RoomId) -> event::Room {
    event::Room {
        room,
        kind: RoomKind::Private,
        name: String::new(),
        topic: String::new(),
        head: (Seq::ZERO, 0),
        read: (Seq::ZERO, 0),
        role: Role::Gone,
        members: 0,
        floor: Seq::ZERO,
        with: None,
    }
}
