//! Who keeps order in a room, who would have it next, and who may not enter it.

use liao_common::{
    event::RoomKind,
    id::{RoomId, UserId},
};

use super::{Found, account, damaged, inside, value};
use crate::{
    index::{Direction, Span},
    state::{
        key,
        record::{self, Ban, Member, Room, Standing},
    },
    store::{StoreError, View},
};

/// What a person may do to others in a room. Everybody acts on those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// Is not in it.
    None,
    /// Is in it.
    Member,
    /// Takes people out and bans them, and takes back what they said.
    Moderator,
    /// Says who moderates.
    Owner,
    /// Administers the server: has the last word where everybody may come in. In other rooms that
    /// gives nothing, not even a look.
    Administrator,
}

/// What a person may do in this room.
///
/// # Errors
/// When the store fails.
pub fn power(from: &impl View, room: &Room, user: UserId) -> Result<Power, StoreError> {
    if room.kind == RoomKind::Public && account(from, user)?.is_some_and(|account| account.admin) {
        return Ok(Power::Administrator);
    }
    Ok(match inside(from, user, room.room)?.map(|member| member.standing) {
        Some(Standing::Owner) => Power::Owner,
        Some(Standing::Moderator) => Power::Moderator,
        Some(_) => Power::Member,
        None => Power::None,
    })
}

/// Members of one class, those who came first at the beginning.
fn of_class(
    from: &impl View,
    room: RoomId,
    class: u8,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    let rows = from.scan(&Span::prefix(&key::class(room, class)), Direction::Forward, limit)?;
    Ok(rows.iter().map(|(key, _)| UserId(key::last_number(key))).collect())
}

/// Whose room it is.
///
/// # Errors
/// When the store fails.
pub fn owner(from: &impl View, room: RoomId) -> Found<UserId> {
    Ok(of_class(from, room, key::OWNER, 1)?.first().copied())
}

/// Who moderates a room, those who came first at the beginning.
///
/// # Errors
/// When the store fails.
pub fn moderators(from: &impl View, room: RoomId, limit: usize) -> Result<Vec<UserId>, StoreError> {
    of_class(from, room, key::MODERATOR, limit)
}

/// Whose the room is when its owner is gone: the moderator who is in it longest, where there is none
/// the member who is.
///
/// # Errors
/// When the store fails.
pub fn heir(from: &impl View, room: RoomId) -> Found<Member> {
    for class in [key::MODERATOR, key::MEMBER] {
        if let Some(user) = of_class(from, room, class, 1)?.first() {
            return inside(from, *user, room);
        }
    }
    Ok(None)
}

/// Why a person may not enter a room; `None` for everybody else.
///
/// # Errors
/// When the store fails.
pub fn ban(from: &impl View, room: RoomId, user: UserId) -> Found<Ban> {
    value(from, &key::ban(room, user))
}

/// Who may not enter a room, by number behind `after`.
///
/// # Errors
/// When the store fails.
pub fn bans(
    from: &impl View,
    room: RoomId,
    after: UserId,
    limit: usize,
) -> Result<Vec<Ban>, StoreError> {
    let span = Span::prefix(&key::bans(room)).after(&key::ban(room, after));
    let rows = from.scan(&span, Direction::Forward, limit)?;
    rows.iter().map(|(key, row)| record::decode(row).ok_or_else(|| damaged(key))).collect()
}
