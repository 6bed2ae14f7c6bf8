//! Rooms: making them, listing them, saying what they are about.

use liao_common::{
    event::{self, Posted, RoomKind, RoomPage, RoomRow},
    fault::{Fault, FaultCode},
    id::{RoomId, UserId},
    limits,
    message::{Body, Kind},
    name::RoomName,
    request::{RoomCreate, RoomList, RoomTopic},
    text,
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{Caller, membership, not_found, page_limit};
use crate::{
    engine::Transaction,
    state::{
        record::{Room, Standing},
        view,
    },
    store::View,
};

/// Bytes of names and topics after which a page ends, so that it fits into a frame.
const PAGE_WORDS_BYTES_MAX: usize = limits::FRAME_BYTES_MAX / 2;

/// Makes a room; the caller is its first member and owner.
pub(super) async fn create(caller: Caller, ask: RoomCreate) -> Result<event::Room, Fault> {
    let name = RoomName::parse(&ask.name)
        .map_err(|error| Fault::new(FaultCode::BadName, error.to_string()))?;
    let topic = clean_topic(&ask.topic)?;
    let kind = if ask.private { RoomKind::Private } else { RoomKind::Public };
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        check_name(tx, user, name.as_str())?;
        membership::check_room_for_one_more(tx, user, FaultCode::RoomLimit)?;
        let room = Room {
            room: tx.next_room()?,
            kind,
            name: name.into(),
            topic,
            by: user,
            with: None,
            at: tx.now_ms(),
        };
        tx.put_room(&room);
        tx.enter(&room, user, Standing::Owner)?;
        Ok(room.room)
    };
    let room = caller.decide(decide).await?;
    caller.room(room).await
}

/// A name is taken by a public room, and by any that the caller is in or invited to. Other private rooms
/// take none: whoever tries names must not find them.
fn check_name(from: &impl View, user: UserId, name: &str) -> Result<(), Fault> {
    let Some(known) = view::room_by_name(from, name)? else { return Ok(()) };
    let public = view::room(from, known)?.is_some_and(|room| room.kind == RoomKind::Public);
    if public || membership::own_room_named(from, user, name)?.is_some() {
        return Err(FaultCode::Taken.into());
    }
    Ok(())
}

fn clean_topic(topic: &str) -> Result<String, Fault> {
    clean(topic, limits::TOPIC_BYTES_MAX, limits::TOPIC_GRAPHEMES_MAX)
}

/// One line of somebody's words, and no more of them than may be.
pub(super) fn clean(words: &str, bytes_max: usize, graphemes_max: usize) -> Result<String, Fault> {
    let words = text::clean_line(words.trim());
    let long = words.len() > bytes_max || words.graphemes(true).count() > graphemes_max;
    if long { Err(FaultCode::TooLarge.into()) } else { Ok(words) }
}

/// Lists public rooms by name.
pub(super) async fn list(caller: Caller, ask: RoomList) -> Result<RoomPage, Fault> {
    let user = caller.user;
    caller
        .hub
        .read(move |hub| {
            let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
            let query = ask.query.trim_start_matches('#').to_lowercase();
            let store = &*hub.store;
            let ids = view::public_rooms(store, &query, ask.after.as_deref(), limit + 1)?;
            let found = ids.len();
            let mut rooms = Vec::new();
            let mut words_bytes = 0;
            for id in ids.into_iter().take(limit) {
                rooms.extend(row(store, user, id)?);
                words_bytes += rooms.last().map_or(0, |row| row.name.len() + row.topic.len());
                if words_bytes > PAGE_WORDS_BYTES_MAX {
                    break;
                }
            }
            let more = found > rooms.len();
            let next = if more { rooms.last().map(|row| row.name.clone()) } else { None };
            Ok(RoomPage { rooms, next })
        })
        .await
}

fn row(store: &crate::store::Store, user: UserId, id: RoomId) -> Result<Option<RoomRow>, Fault> {
    let Some(room) = view::room(store, id)? else { return Ok(None) };
    Ok(Some(RoomRow {
        room: id,
        name: room.name,
        topic: room.topic,
        members: view::member_count(store, id)?,
        joined: view::inside(store, user, id)?.is_some(),
    }))
}

/// Sets a room's topic. The lobby's belongs to administrators; direct rooms have none.
pub(super) async fn topic(caller: Caller, ask: RoomTopic) -> Result<Posted, Fault> {
    let topic = clean_topic(&ask.topic)?;
    let (user, admin) = (caller.user, caller.admin);
    let decide = move |tx: &mut Transaction<'_, '_>| {
        view::inside(tx, user, ask.room)?.ok_or_else(not_found)?;
        let mut room = view::room(tx, ask.room)?.ok_or_else(not_found)?;
        if room.kind == RoomKind::Direct || (room.room == RoomId::LOBBY && !admin) {
            return Err(FaultCode::Forbidden.into());
        }
        room.topic.clone_from(&topic);
        tx.put_room(&room);
        Ok(tx.note(ask.room, user, Kind::Topic, Body::text(topic))?)
    };
    caller.decide(decide).await
}
