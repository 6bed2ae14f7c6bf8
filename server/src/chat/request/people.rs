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
            let limit = page_limit(ask.limit, limits::PAGE_ENTRIES_MAX);
            let after = ask.after.and_then(|after| after.parse().ok()).map_or(UserId(0), UserId);
            let ids = view::members(store, ask.room, after, limit + 1)?;
            let next =
                if ids.len() > limit { ids.get(limit - 1).map(ToString::to_string) } else { None };
            let users = users_of(hub, ids.into_iter().take(limit))?;
            let total = view::member_count(store, ask.room)?;
            let owner = view::owner(store, ask.room)?;
            let mods = view::moderators(store, ask.room, limits::MODERATORS_MAX)?;
            Ok(UserPage { users, total, v: 0, next, owner, mods })
        })
        .await
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
