//! Looking people up: members of a room, who is online, who is who.

use liao_common::{
    event::{RoomKind, User, UserPage},
    fault::{Fault, FaultCode},
    id::UserId,
    limits,
    name::UserName,
    request::{Members, Users, Who},
};

use super::{Caller, not_found, page_limit};
use crate::{chat::hub::Hub, state::view};

/// People looked at for one page of those whose names begin somehow.
const SEARCHED_MAX: usize = 1000;

/// Lists a room's members. Those of a private room are told to its members only.
pub(super) async fn members(caller: Caller, ask: Members) -> Result<UserPage, Fault> {
    let user = caller.user;
    caller
        .hub
        .read(move |hub| {
            let store = &*hub.store;
            let room = view::room(store, ask.room)?.ok_or_else(not_found)?;
            if room.kind != RoomKind::Public {
                view::inside(store, user, ask.room)?.ok_or_else(not_found)?;
            }
            let total = view::member_count(store, ask.room)?;
            let (users, next) = if ask.query.is_empty() {
                by_number(hub, &ask)?
            } else if total <= SEARCHED_MAX as u64 {
                search(hub, &ask)?
            } else {
                search_large(hub, &ask)?
            };
            let owner = view::owner(store, ask.room)?;
            let mods = view::moderators(store, ask.room, limits::MODERATORS_MAX)?;
            Ok(UserPage { users, total, v: 0, next, owner, mods })
        })
        .await
}

/// People on a page, and where the next one begins.
type Found = (Vec<User>, Option<String>);

fn by_number(hub: &Hub, ask: &Members) -> Result<Found, Fault> {
    let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
    let after = ask.after.as_ref().and_then(|after| after.parse().ok()).map_or(UserId(0), UserId);
    let ids = view::members(&*hub.store, ask.room, after, limit + 1)?;
    let next = if ids.len() > limit { ids.get(limit - 1).map(ToString::to_string) } else { None };
    Ok((users_of(hub, ids.into_iter().take(limit))?, next))
}

/// Looks at all members.
fn search(hub: &Hub, ask: &Members) -> Result<Found, Fault> {
    let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
    let query = ask.query.to_lowercase();
    let ids = view::members(&*hub.store, ask.room, UserId(0), SEARCHED_MAX)?;
    let mut users = users_of(hub, ids.into_iter())?;
    users.retain(|user| {
        let begins = user.id.starts_with(&query) || user.name.to_lowercase().starts_with(&query);
        begins && ask.after.as_ref().is_none_or(|after| user.id > *after)
    });
    users.sort_by(|one, other| one.id.cmp(&other.id));
    let more = users.len() > limit;
    users.truncate(limit);
    let next = if more { users.last().map(|user| user.id.clone()) } else { None };
    Ok((users, next))
}

/// Looks at the accounts whose user ids begin so, for whether they are in the room.
fn search_large(hub: &Hub, ask: &Members) -> Result<Found, Fault> {
    let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
    let (store, query) = (&*hub.store, ask.query.to_lowercase());
    let named = view::accounts_by_name(store, &query, ask.after.as_deref(), SEARCHED_MAX)?;
    let mut more = named.len() == SEARCHED_MAX;
    let (mut ids, mut last) = (Vec::new(), None);
    for (id, user) in named {
        if ids.len() == limit {
            more = true;
            break;
        }
        if view::is_member(store, ask.room, user)? {
            ids.push(user);
        }
        last = Some(id);
    }
    Ok((users_of(hub, ids.into_iter())?, last.filter(|_| more)))
}

/// Lists who is online.
#[expect(clippy::unused_async, reason = "it answers as all requests do")]
pub(super) async fn who(caller: Caller, ask: Who) -> Result<UserPage, Fault> {
    let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
    Ok(caller.hub.presence.page(&ask.query, ask.after.as_deref(), limit))
}

/// Says who is who. Whoever does not exist is left out.
pub(super) async fn users(caller: Caller, ask: Users) -> Result<UserPage, Fault> {
    if ask.ids.len() + ask.names.len() > limits::PAGE_ENTRIES_MAX {
        return Err(FaultCode::TooLarge.into());
    }
    caller
        .hub
        .read(move |hub| {
            let mut users = users_of(hub, ask.ids.into_iter())?;
            for name in ask.names.iter().filter_map(|name| UserName::parse(name).ok()) {
                let account = view::account_by_name(&*hub.store, name.as_str())?;
                users.extend(account.map(|account| with_presence(hub, view::user_of(&account))));
            }
            Ok(UserPage { total: users.len() as u64, users, ..UserPage::default() })
        })
        .await
}

fn users_of(hub: &Hub, ids: impl Iterator<Item = UserId>) -> Result<Vec<User>, Fault> {
    let mut users = Vec::new();
    for id in ids {
        users.extend(
            view::account(&*hub.store, id)?
                .map(|account| with_presence(hub, view::user_of(&account))),
        );
    }
    Ok(users)
}

fn with_presence(hub: &Hub, user: User) -> User {
    User { on: Some(hub.presence.is_online(user.user)), ..user }
}
