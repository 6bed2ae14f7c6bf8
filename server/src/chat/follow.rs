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
    /// Bytes to write; there may be more behind them.
    Write(Bytes),
    /// The next messages must be read from the store, up to this one.
    Read(Seq),
    /// A hole is to be named, up to this message, if the store says that it may be.
    Leap(Seq),
}

impl Follow {
    /// The next piece.
    pub(super) fn step(&mut self) -> Step {
        match self.room.look(self.position, self.until) {
            Look::UpToDate => Step::Done,
            Look::Here(bytes, last) => {
                self.position = last;
                Step::Write(bytes)
            }
            Look::Behind(head) => self.leap(head),
        }
    }

    /// A reader far behind is not fed all of it: the hole is named, and read when it is looked at.
    fn leap(&self, head: Seq) -> Step {
        let newest = Seq(head.0.saturating_sub(limits::REPLAY_MESSAGES_MAX));
        if newest <= self.position {
            return Step::Read(head);
        }
        Step::Leap(newest)
    }
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
