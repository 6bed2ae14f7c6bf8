//! All rooms of a person, as `sync` lists them. Pure but for reading the store.
//!
//! Must hold: the list fits into one frame, however long names and topics are.

use liao_common::{
    event::{self, Role, RoomKind},
    fault::Fault,
    id::{RoomId, Seq, UserId},
    message::Kind,
};

use super::{hub::Hub, request::membership::MEMBERSHIPS_MAX};
use crate::{
    state::{record, view},
    store::{Store, StoreError, View as _},
};

/// Bytes of names and topics in one list. Beside them a room takes up to 140 bytes, and all rooms
/// of a person shall fit into a frame.
const WORDS_BYTES_MAX: usize = 32 * 1024;

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

/// A room that this person went out of with its message `last`. Who did not go by themselves is
/// told who took them out.
pub(super) fn left(
    store: &Store,
    user: UserId,
    room: RoomId,
    last: Seq,
) -> Result<event::Room, Fault> {
    let mut told = event::Room::gone(room);
    let Some((place, _)) = view::message_place(store, room, last)? else { return Ok(told) };
    let frame = match store.record(&place) {
        Err(error) if error.is_one_record() => return Ok(told),
        frame => frame?,
    };
    let Some(message) = record::message(&frame).filter(|message| message.from == user) else {
        return Ok(told);
    };
    let (Kind::Leave, Some(by)) = (&message.kind, message.body.by) else { return Ok(told) };
    if let Some(by) = view::account(store, by)? {
        let (text, ban) = (message.body.text.unwrap_or_default(), message.body.ban);
        told.removed = Some(event::Removal { by: view::user_of(&by), text, ban });
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{codec, event::User, limits};

    #[test]
    fn the_largest_list_fits_into_a_frame() {
        let large = (1 << 53) - 1;
        let name = "n".repeat(limits::NAME_BYTES_MAX);
        let room = event::Room {
            room: RoomId(large),
            kind: RoomKind::Private,
            name: name.clone(),
            topic: "t".repeat(limits::TOPIC_BYTES_MAX),
            head: (Seq(large), large),
            read: (Seq(large), large),
            role: Role::Invited,
            members: large,
            floor: Seq(large),
            with: Some(User { user: UserId(large), id: name.clone(), name, on: None }),
            moderates: true,
            removed: None,
        };
        let mut rooms = vec![room.clone(); MEMBERSHIPS_MAX];
        let late = shorten(&mut rooms);
        assert!(rooms[0] == room && late.iter().all(|late| *late == room));
        let told = rooms.iter().filter(|room| !room.name.is_empty()).count();
        assert_eq!(told + late.len(), MEMBERSHIPS_MAX);
        let synced = event::Synced { epoch: "7f3a90c15be2d846".into(), reset: true, rooms };
        let bytes = codec::frame("ok", 1 << 53, &synced).len() - 4;
        assert!(bytes <= limits::FRAME_BYTES_MAX, "{bytes}");
    }
}
