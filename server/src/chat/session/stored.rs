//! What a session is told that is not in memory any more: read from the store, of many rooms in one go where
//! many have moved.
//!
//! Must hold: a room is told as far as it goes, or is among those of which there is more, or its note is on
//! the way.

use std::collections::VecDeque;

use liao_common::{
    fault::{Fault, FaultCode},
    id::{RoomId, Seq, UserId},
};

use super::{Outgoing, Session, feed::Progress};
use crate::{
    chat::{
        follow::{Page, Stored, name_gap, read_page},
        hub::Hub,
    },
    store::StoreError,
};

/// Rooms that are read in one go: the walk to a thread that may wait costs more than a page.
const ROOMS_AT_ONCE: usize = 32;

/// A room whose next messages must be read.
struct Wanted {
    room: RoomId,
    /// The last message that was told.
    position: Seq,
    stored: Stored,
}

/// What was read of a room.
struct Read {
    room: RoomId,
    /// In order, each with the last message before it.
    pages: Vec<(Seq, Page)>,
    /// Whether others, or these pages, took all the space.
    full: bool,
}

impl Session {
    /// Tells what is new in these rooms, one whole room before the next as far as it fits. Gives those of
    /// which there is more.
    pub(super) async fn tell_rooms(
        &mut self,
        mut rooms: VecDeque<RoomId>,
        out: &mut Outgoing,
    ) -> Result<VecDeque<RoomId>, Fault> {
        loop {
            let wanted = self.wanted(&mut rooms, out)?;
            if wanted.is_empty() {
                return Ok(rooms);
            }
            // However much came from memory meanwhile, the first one gets a page: else it might never.
            let (user, left) = (self.caller().user, out.left().max(1));
            let read = self.hub.read(move |hub| Ok(read_all(hub, user, wanted, left)?));
            let mut next = Vec::new();
            for Read { room, pages, full } in read.await? {
                let has_some = !pages.is_empty();
                if !self.hand_out_all(room, pages, out)? {
                    continue;
                }
                // It has had its turn, or its turn goes on.
                if has_some && full { rooms.push_back(room) } else { next.push(room) }
            }
            for room in next.into_iter().rev() {
                rooms.push_front(room);
            }
        }
    }

    /// Hands out what was read of a room. Says whether there may be more.
    fn hand_out_all(
        &mut self,
        room: RoomId,
        pages: Vec<(Seq, Page)>,
        out: &mut Outgoing,
    ) -> Result<bool, Fault> {
        for (before, page) in pages {
            if !self.hand_out(room, before, page, out)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells what is in memory; gives the first rooms of which more must be read.
    fn wanted(
        &mut self,
        rooms: &mut VecDeque<RoomId>,
        out: &mut Outgoing,
    ) -> Result<Vec<Wanted>, Fault> {
        let mut wanted = Vec::new();
        while wanted.len() < ROOMS_AT_ONCE
            && !out.is_full()
            && let Some(room) = rooms.pop_front()
        {
            // It may have moved again since it did not fit in.
            if wanted.iter().any(|wanted: &Wanted| wanted.room == room) {
                continue;
            }
            match self.advance_at_once(room, out)? {
                Progress::All => {}
                Progress::Full => rooms.push_back(room),
                Progress::Stored(stored) => {
                    let position = self.following.find(room).map(|follow| follow.position);
                    wanted.extend(position.map(|position| Wanted { room, position, stored }));
                }
            }
        }
        Ok(wanted)
    }

    /// The same up to a message that is stored, of which the room itself may hear a moment later: the note that
    /// somebody leaves comes before the words of it.
    pub(super) async fn advance_to(
        &mut self,
        id: RoomId,
        last: Seq,
        out: &mut Outgoing,
    ) -> Result<bool, Fault> {
        let (Some(follow), Some(mailbox)) = (self.following.find(id), &self.mailbox) else {
            return Ok(true);
        };
        while follow.position < last {
            if out.is_full() {
                return Ok(false);
            }
            let before = follow.position;
            let reader = (mailbox.user, id);
            let page = self.hub.read(move |hub| Ok(read_page(hub, reader, before, last)?)).await?;
            if mailbox.is_logged_out() {
                return Err(FaultCode::AuthRevoked.into());
            }
            if page.last <= before {
                break;
            }
            follow.position = page.last;
            if !page.bytes.is_empty() {
                out.push(page.bytes);
            }
        }
        Ok(true)
    }
}

/// Reads one room after the other, until there are so many bytes.
fn read_all(
    hub: &Hub,
    user: UserId,
    wanted: Vec<Wanted>,
    mut left: usize,
) -> Result<Vec<Read>, StoreError> {
    wanted.into_iter().map(|wanted| read_room(hub, user, wanted, &mut left)).collect()
}

fn read_room(
    hub: &Hub,
    user: UserId,
    Wanted { room, mut position, stored }: Wanted,
    left: &mut usize,
) -> Result<Read, StoreError> {
    let reader = (user, room);
    let mut pages = Vec::new();
    while *left > 0 && position < stored.to {
        let page = match stored.hole {
            Some(hole) if position < hole => name_gap(hub, reader, position, hole)?,
            _ => read_page(hub, reader, position, stored.to)?,
        };
        *left = left.saturating_sub(page.bytes.len());
        let before = std::mem::replace(&mut position, page.last);
        pages.push((before, page));
    }
    Ok(Read { room, pages, full: position < stored.to })
}
