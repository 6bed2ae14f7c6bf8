//! Reading at the end: every room from its first message to its last, and what is none of ours.

use std::time::Duration;

use anyhow::Result;
use liao_check::history::{Entry, Fact};
use liao_common::{
    event::Page,
    id::{RoomId, Seq},
    limits::PAGE_MESSAGES_MAX,
    request::History,
};

use super::{Asked, Client};
use crate::clock::Deadline;

/// How long everything may take to reach a screen once nothing disturbs it.
const CALM_WITHIN: Duration = Duration::from_secs(30);

impl Client {
    /// Reads all rooms it is in, and waits until its screen has all of it too.
    pub(crate) fn read_all(&mut self) -> Result<()> {
        let rooms: Vec<u64> = self.seen.keys().copied().collect();
        for room in rooms {
            let head = self.read_room(room)?;
            let deadline = Deadline::within(CALM_WITHIN);
            while self.seen_to(room) < head && !deadline.left().is_zero() {
                self.hear()?;
            }
            self.tell(Fact::Rests { room, seq: self.seen_to(room) });
        }
        Ok(())
    }

    fn seen_to(&self, room: u64) -> u64 {
        self.seen.get(&room).copied().unwrap_or_default()
    }

    /// Asks for rooms it is not in. Whatever comes is written down: the checker will see it.
    pub(crate) fn pry(&mut self, rooms: &[u64]) -> Result<()> {
        for room in rooms {
            if self.seen.contains_key(room) {
                continue;
            }
            let ask = History { room: RoomId(*room), ..History::default() };
            let rid = self.send(ask, Asked::Waited)?;
            if let Ok(frame) = self.outcome(rid)? {
                for message in &frame.decode::<Page>()?.msgs {
                    self.tell(Fact::Read(Entry::from(message)));
                }
            }
        }
        Ok(())
    }

    fn read_room(&mut self, room: u64) -> Result<u64> {
        self.tell(Fact::Reads { room });
        let limit = u32::try_from(PAGE_MESSAGES_MAX).ok();
        let (room, mut after) = (RoomId(room), Seq::ZERO);
        loop {
            let ask = History { room, after: Some(after), limit, ..History::default() };
            let page: Page = self.ask(ask)?;
            for message in &page.msgs {
                after = after.max(message.seq);
                self.tell(Fact::Read(Entry::from(message)));
            }
            if !page.more {
                self.tell(Fact::ReadAll { room: room.0, floor: page.floor.0 });
                return Ok(after.0);
            }
        }
    }
}
