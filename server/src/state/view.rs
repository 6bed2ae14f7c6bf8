//! What is known, read from the index as values. Works alike on committed state (`Store`) and on a
//! batch that is being decided (`Batch`).

mod erased;
mod file;
mod floor;
mod people;
mod register;
mod staff;

use std::ops::Bound;

use liao_common::{
    event::{self, Role, RoomKind},
    id::{DeviceId, Hash, Nonce, RoomId, Seq, UserId},
};
use serde::de::DeserializeOwned;

use super::{
    key,
    project::PLACE_BYTES,
    record::{self, Account, Age, Device, Member, Room, Standing},
};
use crate::{
    index::{Direction, IndexError, Span},
    journal::RecordRef,
    store::{StoreError, View},
};

pub use erased::{erasing, is_erasing, is_redacted};
pub use file::{contents_gone, file, file_place, files_used, has_content, is_content, offers};
pub use floor::{floor, rooms};
pub use people::{accounts_by_name, is_member};
pub use register::{accounts, invite, invites};
pub use staff::{Power, ban, bans, heir, moderators, owner, power};

/// The last message of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub seq: Seq,
    /// How many messages up to it count as something to read.
    pub n: u64,
    /// When it came, ms since 1970.
    pub at_ms: u64,
}

/// What a nonce became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostRow {
    /// In which room.
    pub room: RoomId,
    /// Its place there.
    pub seq: Seq,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// The first bytes of its content's hash.
    pub content: [u8; 8],
}

/// A message in a room's log, as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its place in the room.
    pub seq: Seq,
    /// How many messages up to it count as something to read.
    pub n: u64,
    /// Where its record lies.
    pub at: RecordRef,
}

type Found<T> = Result<Option<T>, StoreError>;

/// A row that is there and cannot be read. Rows are made by `project` alone, so the index is bad.
fn damaged(key: &[u8]) -> StoreError {
    let table = key.first().map_or('?', |&table| char::from(table));
    IndexError::Damaged(format!("a row of table {table:?} cannot be read")).into()
}

fn value<T: DeserializeOwned>(from: &impl View, key: &[u8]) -> Found<T> {
    let Some(bytes) = from.read(key)? else { return Ok(None) };
    record::decode(&bytes).map(Some).ok_or_else(|| damaged(key))
}

fn numbers<const N: usize>(from: &impl View, key: &[u8]) -> Found<[u64; N]> {
    let Some(bytes) = from.read(key)? else { return Ok(None) };
    parse_numbers(&bytes).map(Some).ok_or_else(|| damaged(key))
}

fn parse_numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let mut out = [0; N];
    for (at, number) in out.iter_mut().enumerate() {
        *number = u64::from_be_bytes(bytes.get(at * 8..at * 8 + 8)?.try_into().ok()?);
    }
    Some(out)
}

/// The account with this number.
///
/// # Errors
/// When the store fails.
pub fn account(from: &impl View, user: UserId) -> Found<Account> {
    value(from, &key::account(user))
}

/// The account with this user id.
///
/// # Errors
/// When the store fails.
pub fn account_by_name(from: &impl View, id: &str) -> Found<Account> {
    match numbers(from, &key::account_name(id))? {
        Some([user]) => account(from, UserId(user)),
        None => Ok(None),
    }
}

/// The number after the last one of a table that is only added to.
///
/// # Errors
/// When the store fails.
pub fn next_number(from: &impl View, table: &[u8]) -> Result<u64, StoreError> {
    let last = from.scan(&Span::prefix(table), Direction::Backward, 1)?;
    Ok(last.first().map_or(0, |(key, _)| key::last_number(key)) + 1)
}

/// The number for a new device.
///
/// # Errors
/// When the store fails.
pub fn next_device(from: &impl View) -> Result<DeviceId, StoreError> {
    Ok(DeviceId(numbers(from, &key::last_device())?.map_or(0, |[last]| last) + 1))
}

/// A device of a person.
///
/// # Errors
/// When the store fails.
pub fn device(from: &impl View, user: UserId, dev: DeviceId) -> Found<Device> {
    value(from, &key::device(user, dev))
}

/// The devices of a person, oldest first.
///
/// # Errors
/// When the store fails.
pub fn devices(from: &impl View, user: UserId, limit: usize) -> Result<Vec<Device>, StoreError> {
    values(from, &key::devices(user), limit)
}

fn values<T: DeserializeOwned>(
    from: &impl View,
    prefix: &[u8],
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    let rows = from.scan(&Span::prefix(prefix), Direction::Forward, limit)?;
    rows.iter().map(|(key, bytes)| record::decode(bytes).ok_or_else(|| damaged(key))).collect()
}

/// The device that this token logs in.
///
/// # Errors
/// When the store fails.
pub fn device_by_token(from: &impl View, hash: &Hash) -> Found<Device> {
    match numbers(from, &key::token(hash))? {
        Some([user, dev]) => device(from, UserId(user), DeviceId(dev)),
        None => Ok(None),
    }
}

/// A room.
///
/// # Errors
/// When the store fails.
pub fn room(from: &impl View, room: RoomId) -> Found<Room> {
    value(from, &key::room(room))
}

/// The number of the room with this name: the public one, or the private one made last.
///
/// # Errors
/// When the store fails.
pub fn room_by_name(from: &impl View, name: &str) -> Found<RoomId> {
    Ok(numbers(from, &key::room_name(name))?.map(|[id]| RoomId(id)))
}

/// The direct room of two people.
///
/// # Errors
/// When the store fails.
pub fn direct(from: &impl View, one: UserId, other: UserId) -> Found<RoomId> {
    Ok(numbers(from, &key::direct(one, other))?.map(|[id]| RoomId(id)))
}

/// The last message of a room; zeros before the first.
///
/// # Errors
/// When the store fails.
pub fn head(from: &impl View, room: RoomId) -> Result<Head, StoreError> {
    let row = numbers(from, &key::head(room))?;
    Ok(row.map_or_else(Head::default, |[seq, n, at_ms]| Head { seq: Seq(seq), n, at_ms }))
}

/// How many messages all rooms have that count as something to read; `None` when there are more
/// than `rooms_max` rooms to look at.
///
/// # Errors
/// When the store fails.
pub fn message_count(from: &impl View, rooms_max: usize) -> Found<u64> {
    let heads = from.scan(&Span::prefix(key::HEADS), Direction::Forward, rooms_max + 1)?;
    if heads.len() > rooms_max {
        return Ok(None);
    }
    let counts = heads
        .iter()
        .map(|(key, row)| parse_numbers::<3>(row).map(|[_, n, _]| n).ok_or_else(|| damaged(key)));
    counts.sum::<Result<u64, _>>().map(Some)
}

/// Where a message lies, and its `n`.
///
/// # Errors
/// When the store fails.
pub fn message_place(from: &impl View, room: RoomId, seq: Seq) -> Found<(RecordRef, u64)> {
    let (key, slot) = key::place(room, seq);
    let Some(bytes) = from.read(&key)? else { return Ok(None) };
    let place = bytes.chunks_exact(PLACE_BYTES).nth(slot).filter(|place| is_set(place));
    place.map(|place| parse_place(place).ok_or_else(|| damaged(&key))).transpose()
}

/// Zeros stand where no message has its place yet.
fn is_set(place: &[u8]) -> bool {
    place.iter().any(|byte| *byte != 0)
}

fn parse_place(bytes: &[u8]) -> Option<(RecordRef, u64)> {
    let (place, n) = bytes.split_at_checked(RecordRef::ENCODED_BYTES)?;
    Some((RecordRef::decode(place)?, parse_numbers::<1>(n)?[0]))
}

/// The messages whose places stand in a row.
fn row_places(key: &[u8], bytes: &[u8]) -> Result<Vec<Place>, StoreError> {
    let first = key::last_number(key).saturating_mul(key::PLACES_PER_ROW);
    let places = (first..).zip(bytes.chunks_exact(PLACE_BYTES)).filter(|(_, place)| is_set(place));
    places
        .map(|(seq, bytes)| {
            let (at, n) = parse_place(bytes).ok_or_else(|| damaged(key))?;
            Ok(Place { seq: Seq(seq), n, at })
        })
        .collect()
}

/// Where the messages of a room lie: at most `limit`, after `after`, up to `to` (included).
/// Backward gives the newest of them, newest first.
///
/// # Errors
/// When the store fails.
pub fn message_places(
    from: &impl View,
    room: RoomId,
    (after, to): (Seq, Seq),
    direction: Direction,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let row = |seq: Seq| seq.0 / key::PLACES_PER_ROW;
    let first = after.next();
    let span = Span {
        from: Bound::Included(key::places(room, row(first)).to_vec()),
        to: Bound::Included(key::places(room, row(to)).to_vec()),
    };
    // The rows at both ends may give few of theirs.
    let per_row = usize::try_from(key::PLACES_PER_ROW).unwrap_or(1);
    let rows = from.scan(&span, direction, (limit / per_row).saturating_add(2))?;
    let mut found = Vec::new();
    for (key, bytes) in &rows {
        let mut places = row_places(key, bytes)?;
        if direction == Direction::Backward {
            places.reverse();
        }
        found.extend(places.into_iter().filter(|place| (first..=to).contains(&place.seq)));
    }
    found.truncate(limit);
    Ok(found)
}

/// The edits of a message, oldest first.
///
/// # Errors
/// When the store fails.
pub fn edits(
    from: &impl View,
    room: RoomId,
    of: Seq,
    limit: usize,
) -> Result<Vec<Seq>, StoreError> {
    let rows = from.scan(&Span::prefix(&key::edits(room, of)), Direction::Forward, limit)?;
    Ok(rows.iter().map(|(key, _)| Seq(key::last_number(key))).collect())
}

/// What a person is in a room.
///
/// # Errors
/// When the store fails.
pub fn membership(from: &impl View, user: UserId, room: RoomId) -> Found<Member> {
    value(from, &key::membership(user, room))
}

/// The membership of a person who is in the room; `None` for everybody else.
///
/// # Errors
/// When the store fails.
pub fn inside(from: &impl View, user: UserId, room: RoomId) -> Found<Member> {
    Ok(membership(from, user, room)?.filter(|member| member.standing.is_in()))
}

/// What a person who is in the room may read of it: their membership, and the last message they may
/// see. `None` for everybody else.
///
/// # Errors
/// When the store fails.
pub fn readable(from: &impl View, user: UserId, room: RoomId) -> Found<(Member, Head)> {
    // The head first: whoever is inside after that was allowed to see everything up to it. The other
    // way round, somebody who leaves in between would see what was said after they left.
    let head = head(from, room)?;
    Ok(inside(from, user, room)?.map(|member| (member, head)))
}

/// The rooms of a person, invitations included.
///
/// # Errors
/// When the store fails.
pub fn memberships(
    from: &impl View,
    user: UserId,
    limit: usize,
) -> Result<Vec<Member>, StoreError> {
    values(from, &key::memberships(user), limit)
}

/// Members of a room behind `after`, by number.
///
/// # Errors
/// When the store fails.
pub fn members(
    from: &impl View,
    room: RoomId,
    after: UserId,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    let span = Span::prefix(&key::members(room)).after(&key::member(room, after));
    let rows = from.scan(&span, Direction::Forward, limit)?;
    Ok(rows.iter().map(|(key, _)| UserId(key::last_number(key))).collect())
}

/// How many members a room has.
///
/// # Errors
/// When the store fails.
pub fn member_count(from: &impl View, room: RoomId) -> Result<u64, StoreError> {
    Ok(numbers(from, &key::member_count(room))?.map_or(0, |[count]| count))
}

/// How far a person has read: seq and `n`.
///
/// # Errors
/// When the store fails.
pub fn mark(from: &impl View, user: UserId, room: RoomId) -> Result<(Seq, u64), StoreError> {
    Ok(numbers(from, &key::mark(user, room))?.map_or((Seq::ZERO, 0), |[seq, n]| (Seq(seq), n)))
}

/// What this nonce of this person became.
///
/// # Errors
/// When the store fails.
pub fn post(from: &impl View, user: UserId, cid: &Nonce) -> Found<PostRow> {
    let key = key::post(user, cid);
    let Some(bytes) = from.read(&key)? else { return Ok(None) };
    parse_post(&bytes).map(Some).ok_or_else(|| damaged(&key))
}

/// Reads the row of a nonce.
pub(super) fn parse_post(bytes: &[u8]) -> Option<PostRow> {
    let (content, mut rest) = bytes.split_first_chunk()?;
    let mut next = || key::take_short(&mut rest);
    let (room, seq, at_ms, content) = (next()?, next()?, next()?, *content);
    Some(PostRow { room: RoomId(room), seq: Seq(seq), at_ms, content })
}

/// How old the server was when that was written down last.
///
/// # Errors
/// When the store fails.
pub fn age(from: &impl View) -> Found<Age> {
    value(from, &key::age())
}

/// Public rooms whose names begin with `query` and come after `after`, by name.
///
/// # Errors
/// When the store fails.
pub fn public_rooms(
    from: &impl View,
    query: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<RoomId>, StoreError> {
    let prefix = key::public_room(query);
    let mut span = Span::prefix(&prefix);
    if let Some(last) = after.map(key::public_room).filter(|last| *last >= prefix) {
        span = span.after(&last);
    }
    let rows = from.scan(&span, Direction::Forward, limit)?;
    Ok(rows.iter().filter_map(|(_, id)| parse_numbers::<1>(id).map(|[id]| RoomId(id))).collect())
}

/// A room as this person sees it. `None`: there is none, or it is none of their business.
///
/// # Errors
/// When the store fails.
pub fn room_for(from: &impl View, user: UserId, id: RoomId) -> Found<event::Room> {
    match membership(from, user, id)? {
        Some(member) => room_of(from, user, &member),
        None => Ok(None),
    }
}

/// A room as this member of it, or person invited to it, sees it.
///
/// # Errors
/// When the store fails.
pub fn room_of(from: &impl View, user: UserId, member: &Member) -> Found<event::Room> {
    let Some(room) = room(from, member.room)? else { return Ok(None) };
    let (role, other) = match member.standing {
        Standing::Gone => return Ok(None),
        Standing::Invited { by } => (Role::Invited, Some(by)),
        Standing::Member | Standing::Moderator => (Role::Member, other_of(&room, user)),
        Standing::Owner => (Role::Owner, other_of(&room, user)),
    };
    // What was said in a private room is for its members; an invited person learns its name only.
    let head = if role == Role::Invited { Head::default() } else { head(from, room.room)? };
    let with = match other {
        Some(other) => account(from, other)?.map(|account| user_of(&account)),
        None => None,
    };
    let kept_after = floor(from, room.room)?;
    Ok(Some(event::Room {
        room: room.room,
        kind: room.kind,
        name: room.name,
        topic: room.topic,
        head: (head.seq, head.n),
        // Nobody can read any more what is not kept.
        read: mark(from, user, member.room)?.max(kept_after),
        role,
        members: member_count(from, member.room)?,
        floor: member.floor.max(kept_after.0),
        with,
        moderates: member.standing == Standing::Moderator,
        removed: None,
    }))
}

/// The other person of a direct room.
#[must_use]
pub fn other_of(room: &Room, user: UserId) -> Option<UserId> {
    if room.kind != RoomKind::Direct {
        return None;
    }
    if room.by == user { room.with } else { Some(room.by) }
}

/// A person, as others see them.
#[must_use]
pub fn user_of(account: &Account) -> event::User {
    event::User { user: account.user, id: account.id.clone(), name: account.name.clone(), on: None }
}
