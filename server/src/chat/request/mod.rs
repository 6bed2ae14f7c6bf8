//! One file per request, or per handful that change together. Those here look at the caller, the
//! store and the engine only, so that many of one connection can be under way; the ones that change
//! the session itself are in `session`.

pub(crate) mod account;
mod direct;
mod history;
pub(crate) mod login;
mod mark;
pub(super) mod membership;
mod people;
mod post;
mod room;
mod staff;
mod token;
pub(super) mod transfer;

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use liao_common::{
    event,
    fault::{Fault, FaultCode},
    id::{DeviceId, RoomId, UserId},
    request::Request,
};
use serde::Serialize;

use super::{hub::Hub, origin::Origin};
use crate::{
    engine::{Lane, Transaction},
    state::view,
};

/// Who asks.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) hub: Arc<Hub>,
    pub(super) user: UserId,
    pub(super) dev: DeviceId,
    pub(super) origin: Origin,
    pub(super) admin: bool,
    /// In which the requests of the connection stay in order.
    pub(super) lane: Lane,
}

/// An answer on its way: a whole frame.
pub type Answer = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// Starts a request that leaves the session as it is; gives back one that does not.
pub(super) fn start(
    caller: Caller,
    rid: u64,
    request: Box<Request>,
) -> Result<Answer, Box<Request>> {
    Ok(match *request {
        Request::Send(ask) => answer(rid, post::send(caller, ask)),
        Request::History(ask) => Box::pin(history::page(caller, rid, ask)),
        Request::Mark(ask) => answer(rid, mark::mark(caller, ask)),
        Request::RoomCreate(ask) => answer(rid, room::create(caller, ask)),
        Request::RoomList(ask) => answer(rid, room::list(caller, ask)),
        Request::RoomTopic(ask) => answer(rid, room::topic(caller, ask)),
        Request::RoomJoin(ask) => answer(rid, membership::join(caller, ask)),
        Request::RoomLeave(ask) => answer(rid, membership::leave(caller, ask)),
        Request::RoomInvite(ask) => answer(rid, membership::invite(caller, ask)),
        Request::RoomOpen(ask) => answer(rid, direct::open(caller, ask)),
        Request::RoomRole(ask) => answer(rid, staff::role(caller, ask)),
        Request::RoomKick(ask) => answer(rid, staff::kick(caller, ask)),
        Request::RoomBan(ask) => answer(rid, staff::ban(caller, ask)),
        Request::RoomUnban(ask) => answer(rid, staff::unban(caller, ask)),
        Request::RoomBans(ask) => answer(rid, staff::bans(caller, ask)),
        Request::Members(ask) => answer(rid, people::members(caller, ask)),
        Request::Who(ask) => answer(rid, people::who(caller, ask)),
        Request::Users(ask) => answer(rid, people::users(caller, ask)),
        Request::Passwd(ask) => answer(rid, account::passwd(caller, ask)),
        Request::Devices(_) => answer(rid, account::devices(caller)),
        Request::Revoke(ask) => answer(rid, account::revoke(caller, ask)),
        other => return Err(Box::new(other)),
    })
}

fn answer<T, F>(rid: u64, work: F) -> Answer
where
    T: Serialize,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    Box::pin(async move { result(rid, work.await) })
}

/// The frame that ends a request.
pub(super) fn result<T: Serialize>(rid: u64, result: Result<T, Fault>) -> Bytes {
    match result {
        Ok(body) => event::ok(rid, &body),
        Err(fault) => event::err(rid, &fault),
    }
}

/// What is none of the caller's business does not exist for them.
fn not_found() -> Fault {
    FaultCode::NotFound.into()
}

/// How many entries a page may have.
fn page_limit(wanted: Option<u32>, max: usize) -> usize {
    wanted.map_or(max, |wanted| usize::try_from(wanted).unwrap_or(max)).clamp(1, max)
}

impl Caller {
    /// Lets the engine decide, behind what the same connection asked for before.
    async fn decide<T, F>(&self, decide: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_, '_>) -> Result<T, Fault> + Send + 'static,
    {
        self.hub.engine.run_in(&self.lane, decide).await
    }

    /// A room as the caller sees it, after something was done to it. What they asked for next may be
    /// done as well by now: who has left again is told so, and not that they never came in.
    async fn room(&self, room: RoomId) -> Result<event::Room, Fault> {
        let user = self.user;
        let read = move |hub: &Hub| {
            let now = view::room_for(&*hub.store, user, room)?;
            Ok(now.unwrap_or_else(|| event::Room::gone(room)))
        };
        self.hub.read(read).await
    }
}
