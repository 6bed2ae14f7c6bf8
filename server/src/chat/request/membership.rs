//! Entering and leaving rooms, and being asked in.

use liao_common::{
    event::{self, Empty, RoomKind},
    fault::{Fault, FaultCode},
    id::{RoomId, Seq, UserId},
    limits,
    message::{Body, Kind},
    name::RoomName,
    request::{RoomInvite, RoomJoin, RoomLeave},
};

use super::{Caller, not_found};
use crate::{
    engine::Transaction,
    state::{
        record::{Member, Standing},
        view,
    },
    store::View,
};

/// Invitations that may wait for one person.
const INVITATIONS_MAX: usize = 200;

/// Rooms and invitations of one person together.
pub(in crate::chat) const MEMBERSHIPS_MAX: usize = limits::ROOMS_PER_USER_MAX + INVITATIONS_MAX;

/// Enters a public room, or one that the caller was invited to.
pub(super) async fn join(caller: Caller, ask: RoomJoin) -> Result<event::Room, Fault> {
    let user = caller.user;
    let name = ask.name.map(|name| RoomName::parse(&name)).transpose().map_err(|_| not_found())?;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let id = match (ask.room, name) {
            (Some(id), None) => id,
            (None, Some(name)) => match own_room_named(tx, user, name.as_str())? {
                Some(member) => member.room,
                None => view::room_by_name(tx, name.as_str())?.ok_or_else(not_found)?,
            },
            _ => return Err(Fault::new(FaultCode::BadRequest, "a room by number or by name")),
        };
        enter(tx, user, id)?;
        Ok(id)
    };
    let room = caller.decide(decide).await?;
    caller.room(room).await
}

fn enter(tx: &mut Transaction<'_, '_>, user: UserId, id: RoomId) -> Result<(), Fault> {
    let room = view::room(tx, id)?.ok_or_else(not_found)?;
    let standing = view::membership(tx, user, id)?.map(|member| member.standing);
    match (standing, room.kind) {
        (Some(standing), _) if standing.is_in() => return Ok(()),
        (Some(Standing::Invited { .. }), _) => {}
        (_, RoomKind::Public) if view::ban(tx, id, user)?.is_some() => {
            return Err(FaultCode::Banned.into());
        }
        (_, RoomKind::Public) => {}
        _ => return Err(not_found()),
    }
    // Nobody is in two rooms of one name: one of them could pass for the other.
    if room_inside_named(tx, user, &room.name)? {
        return Err(FaultCode::Taken.into());
    }
    check_room_for_one_more(tx, user, FaultCode::RoomLimit)?;
    Ok(tx.enter(&room, user, Standing::Member)?)
}

/// The room of this name that a person is in or invited to, the former first. Others may have rooms
/// of the same name; that is none of this person's business.
pub(super) fn own_room_named(
    from: &impl View,
    user: UserId,
    name: &str,
) -> Result<Option<Member>, Fault> {
    let mut found: Option<Member> = None;
    for member in view::memberships(from, user, MEMBERSHIPS_MAX)? {
        let better = found.as_ref().is_none_or(|known| !known.standing.is_in());
        if better && view::room(from, member.room)?.is_some_and(|room| room.name == name) {
            found = Some(member);
        }
    }
    Ok(found)
}

fn room_inside_named(from: &impl View, user: UserId, name: &str) -> Result<bool, Fault> {
    let own = own_room_named(from, user, name)?;
    Ok(own.is_some_and(|member| member.standing.is_in()))
}

/// A person's rooms are counted, so that a login stays small. `full` says whose limit it is to
/// the one who asks: [`FaultCode::RoomLimit`] or [`FaultCode::PeerLimit`].
pub(super) fn check_room_for_one_more(
    from: &impl View,
    user: UserId,
    full: FaultCode,
) -> Result<(), Fault> {
    let rooms = view::memberships(from, user, MEMBERSHIPS_MAX)?;
    let inside = rooms.iter().filter(|member| member.standing.is_in()).count();
    if inside >= limits::ROOMS_PER_USER_MAX {
        return Err(Fault::new(full, "too many rooms"));
    }
    Ok(())
}

/// Invitations that wait for an answer are counted apart: others send them.
fn check_one_more_invitation(from: &impl View, user: UserId) -> Result<(), Fault> {
    let rooms = view::memberships(from, user, MEMBERSHIPS_MAX)?;
    let open = rooms.iter().filter(|member| !member.standing.is_in()).count();
    if open >= INVITATIONS_MAX {
        return Err(Fault::new(FaultCode::PeerLimit, "too many open invitations"));
    }
    Ok(())
}

/// Leaves a room, or declines an invitation. The lobby and direct rooms stay.
pub(super) async fn leave(caller: Caller, ask: RoomLeave) -> Result<Empty, Fault> {
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let member = view::membership(tx, user, ask.room)?.ok_or_else(not_found)?;
        if !member.standing.is_in() {
            decline(tx, member)?;
            return Ok(Empty {});
        }
        let room = view::room(tx, ask.room)?.ok_or_else(not_found)?;
        if room.kind == RoomKind::Direct || room.room == RoomId::LOBBY {
            return Err(FaultCode::Forbidden.into());
        }
        tx.exit(&member, Body::default())?;
        Ok(Empty {})
    };
    caller.decide(decide).await
}

/// An invitation is over.
pub(super) fn decline(tx: &mut Transaction<'_, '_>, member: Member) -> Result<(), Fault> {
    let members = view::member_count(tx, member.room)?;
    tx.put_member(&Member { standing: Standing::Gone, members, ..member });
    Ok(())
}

/// Asks a person in. They see the room's name, and enter with `room.join`.
pub(super) async fn invite(caller: Caller, ask: RoomInvite) -> Result<Empty, Fault> {
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        view::inside(tx, user, ask.room)?.ok_or_else(not_found)?;
        let room = view::room(tx, ask.room)?.ok_or_else(not_found)?;
        if room.kind == RoomKind::Direct {
            return Err(FaultCode::Forbidden.into());
        }
        view::account(tx, ask.user)?.ok_or_else(not_found)?;
        match view::membership(tx, ask.user, ask.room)? {
            // Members see who is in their room; so this tells them nothing new.
            Some(member) if member.standing.is_in() => return Err(FaultCode::AlreadyMember.into()),
            Some(_) => return Ok(Empty {}),
            None => {}
        }
        if view::ban(tx, ask.room, ask.user)?.is_some() {
            return Err(FaultCode::Banned.into());
        }
        check_one_more_invitation(tx, ask.user)?;
        let members = view::member_count(tx, ask.room)?;
        let floor = tx.head(ask.room)?.seq;
        tx.note(ask.room, user, Kind::Invite, Body { user: Some(ask.user), ..Body::default() })?;
        let (room, user, standing) = (ask.room, ask.user, Standing::Invited { by: user });
        tx.put_member(&Member { room, user, standing, floor, members, joined: Seq::ZERO });
        Ok(Empty {})
    };
    caller.decide(decide).await
}
