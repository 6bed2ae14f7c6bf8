//! One connection's place in one room: what it has seen, and how it gets on from there.
//! From the ring where that reaches back far enough, else from the journal; over a large hole with
//! a `gap`. Joining, resuming and falling behind are the same path.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use liao_common::{
    codec,
    event::{Gap, kind},
    id::{RoomId, Seq, UserId},
    limits,
};

use super::{
    hub::Hub,
    log,
    room::{Follower, LiveRoom, Look},
};
use crate::{index::Direction, state::view, store::StoreError};

/// Messages read from the journal at a time.
const PAGE: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Follow {
    /// The room.
    pub(super) room: Arc<LiveRoom>,
    /// Our entry in it.
    pub(super) follower: Arc<Follower>,
    /// The last message that was handed to the connection.
    pub(super) position: Seq,
    /// The last message that may be handed out, after leaving.
    pub(super) until: Option<Seq>,
}

/// What a step gave.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing is left to tell.
    Done,
    /// Bytes to write, up to this message; there may be more behind them.
    Write(Bytes, Seq),
    /// The next messages must be read from the store.
    Stored(Stored),
}

/// What the store must be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    /// A hole is to be named first, up to this message, if the store says that it may be.
    pub(super) hole: Option<Seq>,
    /// The last message to read.
    pub(super) to: Seq,
}

impl Follow {
    /// The next piece.
    pub(super) fn step(&self) -> Step {
        match self.room.look(self.position, self.until) {
            Look::UpToDate => Step::Done,
            Look::Here(bytes, last) => Step::Write(bytes, last),
            Look::Behind { to, end } => Step::Stored(self.stored(to, end)),
        }
    }

    /// Takes what was found behind a message, given the last one that may be seen where the reader has left.
    pub(super) fn take(&mut self, before: Seq, page: Page, left_at: Option<Seq>) -> Took {
        // Pages are read together. Where one was not taken, those behind it must not be either.
        if self.position != before {
            return Took::Nothing;
        }
        if let Some(left_at) = left_at
            && page.last > left_at
        {
            self.until = Some(left_at);
            return Took::Nothing;
        }
        if self.until.is_none() && !page.inside {
            return Took::End;
        }
        self.position = page.last;
        Took::Bytes(page.bytes)
    }

    /// A reader far behind is not fed all of it: the hole is named, and read when it is looked at.
    fn stored(&self, to: Seq, end: Seq) -> Stored {
        let newest = Seq(end.0.saturating_sub(limits::REPLAY_MESSAGES_MAX));
        let hole = (newest > self.position).then_some(newest);
        Stored { hole, to: hole.map_or(to, |hole| hole.max(to)) }
    }
}

/// What became of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// It is to be written.
    Bytes(Bytes),
    /// It reaches too far: to be looked for again.
    Nothing,
    /// The reader is out. The note that says up to where is on its way, and tells the rest.
    End,
}

/// What the store has for a reader.
#[derive(Debug)]
pub(super) struct Page {
    /// Whole frames, as one run.
    pub(super) bytes: Bytes,
    /// The last message in it, or the last that it stands for.
    pub(super) last: Seq,
    /// Whether the reader was in the room all the time, as far as the store knows. What is committed
    /// can be read a moment before those whom it concerns are told.
    pub(super) inside: bool,
}

/// What comes in a room behind `position`, up to `to`: at most one page of messages.
///
/// # Errors
/// When the store fails.
pub(super) fn read_page(
    hub: &Hub,
    (user, room): (UserId, RoomId),
    position: Seq,
    to: Seq,
) -> Result<Page, StoreError> {
    let places = view::message_places(&*hub.store, room, (position, to), Direction::Forward, PAGE)?;
    let frames = log::frames(&hub.store, &hub.damage, room, &places, usize::MAX)?;
    // Without a row the rest of the way would be asked for for ever.
    let last = places.last().map_or(to, |place| place.seq);
    let inside = is_inside(hub, (user, room), position)?;
    let mut bytes = BytesMut::new();
    let mut next = position.next();
    for (place, frame) in places.iter().zip(&frames) {
        leave_out(room, (next, place.seq), &mut bytes);
        bytes.extend_from_slice(frame);
        next = place.seq.next();
    }
    leave_out(room, (next, last.next()), &mut bytes);
    Ok(Page { bytes: bytes.freeze(), last, inside })
}

/// Names what is not there before `to`: old messages went while somebody was on the way to them.
fn leave_out(room: RoomId, (from, to): (Seq, Seq), bytes: &mut BytesMut) {
    if from < to {
        let gap = Gap { room, from, to: Seq(to.0.saturating_sub(1)) };
        bytes.extend_from_slice(&codec::frame(kind::GAP, 0, &gap));
    }
}

/// A hole in the place of what comes behind `position`, up to `to`.
///
/// # Errors
/// When the store fails.
pub(super) fn name_gap(
    hub: &Hub,
    (user, room): (UserId, RoomId),
    position: Seq,
    to: Seq,
) -> Result<Page, StoreError> {
    let bytes = codec::frame(kind::GAP, 0, &Gap { room, from: position.next(), to });
    Ok(Page { bytes, last: to, inside: is_inside(hub, (user, room), position)? })
}

/// To be asked after reading: whoever is inside then was allowed to see what was there before. A floor
/// above the position is that of somebody who left and came back.
fn is_inside(hub: &Hub, (user, room): (UserId, RoomId), position: Seq) -> Result<bool, StoreError> {
    let member = view::inside(&*hub.store, user, room)?;
    Ok(member.is_some_and(|member| member.floor <= position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{mailbox::Mailbox, room::Interest};
    use liao_common::id::DeviceId;

    fn follow() -> Follow {
        let room = Arc::new(LiveRoom::new(RoomId(1)));
        let mailbox = Arc::new(Mailbox::new(UserId(1), DeviceId(1)));
        let follower = room.follow(mailbox, Interest::Looks);
        Follow { room, follower, position: Seq(0), until: None }
    }

    fn page(last: u64, inside: bool) -> Page {
        Page { bytes: Bytes::from(format!("up to {last}")), last: Seq(last), inside }
    }

    #[test]
    fn of_pages_read_together_none_is_taken_behind_one_that_was_not() {
        let mut follow = follow();
        let up_to = |last: u64| Took::Bytes(Bytes::from(format!("up to {last}")));
        assert_eq!(follow.take(Seq(0), page(64, true), None), up_to(64));
        // Somebody has left at 70 by now; the pages were read before that was known.
        let left_at = Some(Seq(70));
        assert_eq!(follow.take(Seq(64), page(128, false), left_at), Took::Nothing);
        assert_eq!(follow.take(Seq(128), page(192, false), left_at), Took::Nothing);
        assert_eq!((follow.position, follow.until), (Seq(64), left_at));
        // So it is looked for again, up to there.
        assert_eq!(follow.take(Seq(64), page(70, false), left_at), up_to(70));
    }

    #[test]
    fn who_is_out_takes_nothing_until_it_is_known_up_to_where() {
        let mut follow = follow();
        assert_eq!(follow.take(Seq(0), page(64, false), None), Took::End);
        assert_eq!(follow.position, Seq(0));
    }
}
