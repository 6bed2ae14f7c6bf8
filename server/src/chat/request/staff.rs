//! Keeping order in a room: who moderates, who has to go, who may not come back. All of it is decided
//! in the order of posts, so that nothing is posted behind one's removal.
//!
//! Must hold: everybody acts only on those who stand below them.

use liao_common::{
    event::{Ban, BanPage, Empty, Rank, RoomKind},
    fault::{Fault, FaultCode},
    id::{RoomId, UserId},
    limits,
    message::{Body, Kind},
    request::{RoomBan, RoomBans, RoomKick, RoomRole, RoomUnban},
};

use super::{Caller, membership, not_found, page_limit, room};
use crate::{
    chat::hub::Hub,
    engine::Transaction,
    state::{
        record::{self, BanOver, Member, Standing},
        view::{self, Power},
    },
    store::View,
};

/// What the caller may do in a room, if it is enough. A public room is seen by everybody, so that
/// its administrator need not be in it; others do not exist for those outside.
pub(super) fn may(
    from: &impl View,
    user: UserId,
    id: RoomId,
    enough: Power,
) -> Result<(record::Room, Power), Fault> {
    let room = view::room(from, id)?.ok_or_else(not_found)?;
    let power = view::power(from, &room, user)?;
    if room.kind != RoomKind::Public && power == Power::None {
        return Err(not_found());
    }
    // Two people have no order to keep.
    if room.kind == RoomKind::Direct || power < enough {
        return Err(FaultCode::Forbidden.into());
    }
    Ok((room, power))
}

/// Nobody acts on those who may do as much as they do, themselves included.
fn check_below(
    from: &impl View,
    (room, power): &(record::Room, Power),
    user: UserId,
) -> Result<(), Fault> {
    if view::power(from, room, user)? < *power { Ok(()) } else { Err(FaultCode::Forbidden.into()) }
}

fn reason(text: &str) -> Result<String, Fault> {
    room::clean(text, limits::REASON_BYTES_MAX, limits::REASON_GRAPHEMES_MAX)
}

/// Says who moderates a room.
pub(super) async fn role(caller: Caller, ask: RoomRole) -> Result<Empty, Fault> {
    let standing = match ask.role {
        Rank::Member => Standing::Member,
        Rank::Moderator => Standing::Moderator,
        Rank::Owner | Rank::Other => {
            return Err(Fault::new(FaultCode::BadRequest, "role is member or moderator"));
        }
    };
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        may(tx, user, ask.room, Power::Owner)?;
        let member = view::inside(tx, ask.user, ask.room)?.ok_or_else(not_found)?;
        if member.standing == Standing::Owner {
            return Err(FaultCode::Forbidden.into());
        }
        if member.standing == standing {
            return Ok(Empty {});
        }
        let most = limits::MODERATORS_MAX;
        if standing == Standing::Moderator && view::moderators(tx, ask.room, most)?.len() >= most {
            return Err(Fault::new(FaultCode::TooLarge, "too many moderators"));
        }
        let body = Body { user: Some(ask.user), role: Some(ask.role), ..Body::default() };
        tx.note(ask.room, user, Kind::Role, body)?;
        let members = view::member_count(tx, ask.room)?;
        tx.put_rank(&Member { standing, members, ..member });
        Ok(Empty {})
    };
    caller.decide(decide).await
}

/// Takes a member out of a room, or an invitation back.
pub(super) async fn kick(caller: Caller, ask: RoomKick) -> Result<Empty, Fault> {
    let text = reason(&ask.text)?;
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let may = may(tx, user, ask.room, Power::Moderator)?;
        check_below(tx, &may, ask.user)?;
        let member = view::membership(tx, ask.user, ask.room)?.ok_or_else(not_found)?;
        remove(tx, member, farewell(user, &text, false))?;
        Ok(Empty {})
    };
    caller.decide(decide).await
}

/// Takes a person out of a room and keeps them out, also where they never were in it.
pub(super) async fn ban(caller: Caller, ask: RoomBan) -> Result<Empty, Fault> {
    let text = reason(&ask.text)?;
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let may = may(tx, user, ask.room, Power::Moderator)?;
        view::account(tx, ask.user)?.ok_or_else(not_found)?;
        check_below(tx, &may, ask.user)?;
        if view::ban(tx, ask.room, ask.user)?.is_some() {
            return Ok(Empty {});
        }
        let most = limits::BANS_MAX;
        if view::bans(tx, ask.room, UserId(0), most)?.len() >= most {
            return Err(Fault::new(FaultCode::TooLarge, "too many bans"));
        }
        if let Some(member) = view::membership(tx, ask.user, ask.room)? {
            remove(tx, member, farewell(user, &text, true))?;
        }
        tx.mark_essential();
        let at = tx.now_ms();
        tx.put_ban(&record::Ban { room: ask.room, user: ask.user, by: user, at, text });
        Ok(Empty {})
    };
    caller.decide(decide).await
}

fn farewell(by: UserId, text: &str, ban: bool) -> Body {
    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
    Body { by: Some(by), text, ban, ..Body::default() }
}

/// Also when the disk is almost full: a room must be able to get rid of those who fill it.
fn remove(tx: &mut Transaction<'_, '_>, member: Member, farewell: Body) -> Result<(), Fault> {
    tx.mark_essential();
    if member.standing.is_in() {
        return Ok(tx.exit(&member, farewell)?);
    }
    membership::decline(tx, member)
}

/// Lets a person in again, unless it was somebody above the caller who keeps them out.
pub(super) async fn unban(caller: Caller, ask: RoomUnban) -> Result<Empty, Fault> {
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let (room, power) = may(tx, user, ask.room, Power::Moderator)?;
        let ban = view::ban(tx, ask.room, ask.user)?.ok_or_else(not_found)?;
        if view::power(tx, &room, ban.by)? > power {
            return Err(FaultCode::Forbidden.into());
        }
        tx.drop_ban(BanOver { room: ask.room, user: ask.user });
        Ok(Empty {})
    };
    caller.decide(decide).await
}

/// Lists who may not enter a room.
pub(super) async fn bans(caller: Caller, ask: RoomBans) -> Result<BanPage, Fault> {
    let user = caller.user;
    caller.hub.read(move |hub| page(hub, user, &ask)).await
}

fn page(hub: &Hub, user: UserId, ask: &RoomBans) -> Result<BanPage, Fault> {
    let store = &*hub.store;
    may(store, user, ask.room, Power::Moderator)?;
    let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
    let after = ask.after.as_ref().and_then(|after| after.parse().ok()).map_or(UserId(0), UserId);
    let found = view::bans(store, ask.room, after, limit + 1)?;
    let more = found.len() > limit;
    let next = found.get(limit - 1).filter(|_| more).map(|last| last.user.to_string());
    let mut bans = Vec::new();
    for record::Ban { user, by, at, text, .. } in found.into_iter().take(limit) {
        let Some(account) = view::account(store, user)? else { continue };
        bans.push(Ban { user: view::user_of(&account), by, at_ms: at, text });
    }
    Ok(BanPage { bans, next })
}
