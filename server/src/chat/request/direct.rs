//! `room.open`: the one room of two people.

use liao_common::{
    event::{self, RoomKind},
    fault::{Fault, FaultCode},
    id::{RoomId, Seq, UserId},
    name::UserName,
    request::RoomOpen,
};

use super::{Caller, membership, not_found};
use crate::{
    engine::Transaction,
    state::{
        record::{Member, Room, Standing},
        view,
    },
};

/// Opens the direct room with a person, making it the first time.
pub(super) async fn open(caller: Caller, ask: RoomOpen) -> Result<event::Room, Fault> {
    let user = caller.user;
    let name = ask.name.map(|name| UserName::parse(&name)).transpose().map_err(|_| not_found())?;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let other = match (ask.user, name) {
            (Some(other), None) => view::account(tx, other)?,
            (None, Some(name)) => view::account_by_name(tx, name.as_str())?,
            _ => return Err(Fault::new(FaultCode::BadRequest, "a person by number or by user id")),
        };
        let other = other.ok_or_else(not_found)?.user;
        if other == user {
            return Err(Fault::new(FaultCode::BadRequest, "a direct room has two people"));
        }
        match view::direct(tx, user, other)? {
            Some(room) => Ok(room),
            None => make(tx, user, other),
        }
    };
    let room = caller.decide(decide).await?;
    caller.room(room).await
}

fn make(tx: &mut Transaction<'_, '_>, user: UserId, other: UserId) -> Result<RoomId, Fault> {
    membership::check_room_for_one_more(tx, user, FaultCode::RoomLimit)?;
    membership::check_room_for_one_more(tx, other, FaultCode::PeerLimit)?;
    let room = tx.next_room()?;
    let kind = RoomKind::Direct;
    let at = tx.now_ms();
    tx.put_room(&Room {
        room,
        kind,
        name: String::new(),
        topic: String::new(),
        by: user,
        with: Some(other),
        at,
    });
    let standing = Standing::Member;
    let (floor, joined) = (Seq::ZERO, Seq::ZERO);
    tx.put_member(&Member { room, user, standing, floor, members: 1, joined });
    // That somebody thinks of writing is not the other one's business before they do.
    tx.put_member_quietly(&Member { room, user: other, standing, floor, members: 2, joined });
    Ok(room)
}
