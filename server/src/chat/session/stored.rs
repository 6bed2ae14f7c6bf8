//! What a session is told that is not in memory any more: read from the store, of many rooms in one go where
//! many have moved.
//!
//! Must hold: a room is either told as far as it goes or among those that have moved.

use liao_common::{
    fault::{Fault, FaultCode},
    id::{RoomId, Seq, UserId},
};

use super::{Outgoing, Session, feed::Progress};
use crate::{
    chat::{
        follow::{Page, Step, name_gap, read_page},
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
    step: Step,
}

impl Session {
    /// Tells what is new in all rooms that have moved, as far as it fits.
    pub(super) async fn advance_all(&mut self, out: &mut Outgoing) -> Result<(), Fault> {
        loop {
            let wanted = self.wanted(out)?;
            if wanted.is_empty() || out.is_full() {
                self.moved.extend(wanted.iter().map(|wanted| wanted.room));
                return Ok(());
            }
            let (user, left) = (self.caller().user, out.left());
            let read = self.hub.read(move |hub| Ok(read_all(hub, user, wanted, left)?));
            for (wanted, page) in read.await? {
                let Wanted { room, position, .. } = wanted;
                let goes_on = match page {
                    Some(page) => self.hand_out(room, position, page, out)?,
                    None => true,
                };
                if goes_on {
                    self.moved.push_back(room);
                }
            }
        }
    }

    /// Tells what is in memory; gives the first rooms of which more must be read.
    fn wanted(&mut self, out: &mut Outgoing) -> Result<Vec<Wanted>, Fault> {
        let mut wanted = Vec::new();
        while wanted.len() < ROOMS_AT_ONCE
            && !out.is_full()
            && let Some(room) = self.moved.pop_front()
        {
            // It may have moved again since it did not fit in; read twice, it would go back.
            if wanted.iter().any(|wanted: &Wanted| wanted.room == room) {
                continue;
            }
            if let Progress::Stored(step) = self.advance_at_once(room, out)?
                && let Some(follow) = self.following.find(room)
            {
                wanted.push(Wanted { room, position: follow.position, step });
            }
        }
        Ok(wanted)
    }

    /// Tells what is new in a room, as far as it fits. Says whether that was all.
    pub(super) async fn advance(&mut self, id: RoomId, out: &mut Outgoing) -> Result<bool, Fault> {
        match self.advance_at_once(id, out)? {
            Progress::All => Ok(true),
            Progress::Full => Ok(false),
            Progress::Stored(wanted) => self.advance_by(id, wanted, out).await,
        }
    }

    /// The same, beginning with what the store must be asked for.
    async fn advance_by(
        &mut self,
        id: RoomId,
        mut wanted: Step,
        out: &mut Outgoing,
    ) -> Result<bool, Fault> {
        let reader = (self.caller().user, id);
        loop {
            let Some(before) = self.following.find(id).map(|follow| follow.position) else {
                return Ok(true);
            };
            let page = match wanted {
                Step::Done | Step::Write(_) => return Ok(true),
                Step::Read(to) => {
                    self.hub.read(move |hub| Ok(read_page(hub, reader, before, to)?)).await?
                }
                Step::Leap(to) => {
                    self.hub.read(move |hub| Ok(name_gap(hub, reader, before, to)?)).await?
                }
            };
            if !self.hand_out(id, before, page, out)? {
                return Ok(true);
            }
            match self.advance_at_once(id, out)? {
                Progress::All => return Ok(true),
                Progress::Full => return Ok(false),
                Progress::Stored(next) => wanted = next,
            }
        }
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

/// Reads a page of each room, until there are so many bytes.
fn read_all(
    hub: &Hub,
    user: UserId,
    wanted: Vec<Wanted>,
    mut left: usize,
) -> Result<Vec<(Wanted, Option<Page>)>, StoreError> {
    let read = |wanted: Wanted| {
        let page = match wanted.step {
            _ if left == 0 => None,
            Step::Done | Step::Write(_) => None,
            Step::Read(to) => Some(read_page(hub, (user, wanted.room), wanted.position, to)?),
            Step::Leap(to) => Some(name_gap(hub, (user, wanted.room), wanted.position, to)?),
        };
        left = left.saturating_sub(page.as_ref().map_or(0, |page| page.bytes.len()));
        Ok((wanted, page))
    };
    wanted.into_iter().map(read).collect()
}
