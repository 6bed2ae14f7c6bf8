//! `history`: a page of a room's log, its messages as the bytes that were stored.

use std::collections::BTreeSet;

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, User, kind},
    fault::{Fault, FaultCode},
    id::{Seq, UserId},
    limits,
    request::History,
};
use serde::Serialize;

use super::{Caller, not_found, page_limit};
use crate::{
    chat::{hub::Hub, log},
    index::Direction,
    state::{record, view},
};

/// Messages in a page that does not say how many it wants.
const LIMIT_DEFAULT: u32 = 50;

/// Bytes of messages in a page, so that it fits into a frame with room for the people's names.
const PAGE_BYTES_MAX: usize = limits::FRAME_BYTES_MAX - 64 * 1024;

/// Reads a page; gives the whole answering frame.
pub(super) async fn page(caller: Caller, rid: u64, ask: History) -> Bytes {
    let user = caller.user;
    let read = caller.hub.read(move |hub| read(hub, user, &ask)).await;
    match read {
        Ok(body) => codec::frame_raw(kind::OK, rid, &body),
        Err(fault) => event::err(rid, &fault),
    }
}

/// Which way a page grows, and between which messages it lies.
struct Reach {
    after: Seq,
    to: Seq,
    direction: Direction,
}

fn read(hub: &Hub, user: UserId, ask: &History) -> Result<Vec<u8>, Fault> {
    let (member, head) = view::readable(&*hub.store, user, ask.room)?.ok_or_else(not_found)?;
    let limit = page_limit(ask.limit.or(Some(LIMIT_DEFAULT)), limits::PAGE_MESSAGES_MAX);
    let floor = |hub: &Hub| Ok::<_, Fault>(member.floor.max(view::floor(&*hub.store, ask.room)?.0));
    let reach = reach(ask, floor(hub)?, head.seq, limit)?;
    let places = view::message_places(
        &*hub.store,
        ask.room,
        (reach.after, reach.to),
        reach.direction,
        limit + 1,
    )?;
    let found = places.len();
    let wanted = &places[..found.min(limit)];
    let frames = log::frames(&hub.store, &hub.damage, ask.room, wanted, PAGE_BYTES_MAX)?;
    let body = |frame: &Bytes| frame.slice(record::MESSAGE_BODY_AT.min(frame.len())..);
    let mut bodies: Vec<Bytes> = frames.iter().map(body).collect();
    let more = found > bodies.len();
    if reach.direction == Direction::Backward {
        bodies.reverse();
    }
    let users = people(hub, &bodies)?;
    // It may have risen meanwhile: then that is why the page begins later.
    Ok(encode(&bodies, more, floor(hub)?, &users))
}

fn reach(ask: &History, floor: Seq, head: Seq, limit: usize) -> Result<Reach, Fault> {
    let (after, to, direction) = match (ask.before, ask.after, ask.around) {
        (None, None, None) => (floor, head, Direction::Backward),
        (Some(before), None, None) => (floor, Seq(before.0.saturating_sub(1)), Direction::Backward),
        (None, Some(after), None) => (after, head, Direction::Forward),
        (None, None, Some(around)) => {
            (Seq(around.0.saturating_sub(limit as u64 / 2 + 1)), head, Direction::Forward)
        }
        _ => return Err(Fault::new(FaultCode::BadRequest, "one of before, after and around")),
    };
    Ok(Reach { after: after.max(floor), to: to.min(head), direction })
}

fn people(hub: &Hub, bodies: &[Bytes]) -> Result<Vec<User>, Fault> {
    #[derive(serde::Deserialize)]
    struct Author {
        f: UserId,
    }
    let authors: BTreeSet<UserId> = bodies
        .iter()
        .filter_map(|body| codec::decode::<Author>(body).ok())
        .map(|author| author.f)
        .collect();
    let mut users = Vec::with_capacity(authors.len());
    for author in authors {
        users.extend(view::account(&*hub.store, author)?.map(|account| view::user_of(&account)));
    }
    Ok(users)
}

/// The same map as [`event::Page`], around bytes that are not touched.
fn encode(bodies: &[Bytes], more: bool, floor: Seq, users: &[User]) -> Vec<u8> {
    let mut out = vec![0x84];
    put(&mut out, &"msgs");
    out.push(0xdc);
    out.extend(u16::try_from(bodies.len()).unwrap_or(0).to_be_bytes());
    bodies.iter().for_each(|body| out.extend_from_slice(body));
    put(&mut out, &"more");
    put(&mut out, &more);
    put(&mut out, &"floor");
    put(&mut out, &floor);
    put(&mut out, &"users");
    put(&mut out, users);
    out
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    out.extend(codec::encode(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{
        event::Page,
        id::{DeviceId, Nonce, RoomId},
        message::{Body, Kind, Message},
    };

    #[test]
    fn a_page_around_stored_bytes_reads_as_a_page() {
        let message = Message {
            room: RoomId(1),
            seq: Seq(2),
            n: 1,
            at_ms: 3,
            from: UserId(4),
            device: DeviceId(5),
            cid: Nonce([6; 16]),
            kind: Kind::Text,
            body: Body::text("hi"),
        };
        let user = User { user: UserId(4), id: "a".into(), name: "A".into(), on: None };
        let stored = Bytes::from(codec::encode(&message));
        let bytes = encode(&[stored.clone(), stored], true, Seq(9), std::slice::from_ref(&user));
        let page: Page = codec::decode(&bytes).unwrap();
        assert_eq!(
            page,
            Page {
                msgs: vec![message.clone(), message],
                more: true,
                floor: Seq(9),
                users: vec![user]
            }
        );
    }
}
