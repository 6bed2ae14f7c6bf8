//! A room that somebody has open: its head, its newest messages as the bytes that go out, and who
//! follows it. The ring is a convenience; what it no longer has is read from the journal.
//!
//! Must hold: the head is raised and the ring filled before a follower is woken, and a follower
//! clears its flag before it looks. So no message is ever overlooked.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
};

use bytes::{Bytes, BytesMut};
use liao_common::id::{RoomId, Seq};

use super::mailbox::Mailbox;
use crate::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Bytes of messages a room keeps at hand.
const RING_BYTES_MAX: usize = 256 * 1024;

/// A message as it comes from the engine.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Its place.
    pub seq: Seq,
    /// How many up to it count as something to read.
    pub n: u64,
    /// Its whole frame.
    pub frame: Bytes,
}

/// Messages that were committed together, in one run of bytes.
#[derive(Debug)]
struct Run {
    first: Seq,
    ends: Vec<usize>,
    bytes: Bytes,
}

/// Whether a follower gets the messages or only hears that there are some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every message is pushed.
    Full,
    /// Only the head is told, now and then.
    Head,
}

/// One connection that follows a room.
#[derive(Debug)]
pub struct Follower {
    mailbox: Arc<Mailbox>,
    depth: Depth,
    queued: AtomicBool,
    place: AtomicUsize,
}

impl Follower {
    /// From now on the follower is woken again. Call before looking at the room.
    pub fn ready(&self) {
        // A swap, like the one that wakes: then one of the two comes second and sees the first.
        self.queued.swap(false, Ordering::SeqCst);
    }
}

/// See the module.
#[derive(Debug)]
pub struct LiveRoom {
    /// Which room.
    pub id: RoomId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    head: (Seq, u64),
    ring: VecDeque<Run>,
    ring_bytes: usize,
    full: Vec<Arc<Follower>>,
    quiet: Vec<Arc<Follower>>,
}

/// What the ring has for a reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing is newer than the reader's position.
    UpToDate,
    /// These bytes, up to this message.
    Here(Bytes, Seq),
    /// The ring does not reach back so far: read the journal up to this message.
    Behind(Seq),
}

impl LiveRoom {
    /// A room nobody follows yet. Its head is raised by [`Self::raise`] once it is known.
    #[must_use]
    pub fn new(id: RoomId) -> Self {
        Self { id, state: Mutex::default() }
    }

    /// The head is at least here.
    pub fn raise(&self, head: (Seq, u64)) {
        let mut state = self.state();
        state.head = state.head.max(head);
    }

    /// The last message.
    pub fn head(&self) -> (Seq, u64) {
        self.state().head
    }

    /// Takes new messages and wakes the followers that sleep. Says whether somebody wants to hear
    /// of the head later.
    pub fn publish(&self, messages: &[Fresh]) -> bool {
        let Some(last) = messages.last() else { return false };
        let mut state = self.state();
        state.head = state.head.max((last.seq, last.n));
        state.keep(run_of(messages));
        for follower in &state.full {
            if !follower.queued.swap(true, Ordering::SeqCst) {
                follower.mailbox.moved(self.id);
            }
        }
        !state.quiet.is_empty()
    }

    /// Drops what is kept in memory: the journal has something newer.
    pub fn forget(&self) {
        let mut state = self.state();
        state.ring.clear();
        state.ring_bytes = 0;
    }

    /// Those who only want to hear of the head, now and then.
    pub fn quiet_mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.state().quiet.iter().map(|follower| Arc::clone(&follower.mailbox)).collect()
    }

    /// Adds a follower, which is woken once at the start.
    pub fn follow(&self, mailbox: Arc<Mailbox>, depth: Depth) -> Arc<Follower> {
        let mut state = self.state();
        let list = state.list(depth);
        let place = AtomicUsize::new(list.len());
        let follower = Arc::new(Follower { mailbox, depth, queued: AtomicBool::new(true), place });
        list.push(Arc::clone(&follower));
        drop(state);
        if depth == Depth::Full {
            follower.mailbox.moved(self.id);
        }
        follower
    }

    /// Removes a follower; says whether none is left.
    pub fn unfollow(&self, follower: &Arc<Follower>) -> bool {
        let mut state = self.state();
        let list = state.list(follower.depth);
        let place = follower.place.load(Ordering::Relaxed);
        if list.get(place).is_some_and(|found| Arc::ptr_eq(found, follower)) {
            list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                moved.place.store(place, Ordering::Relaxed);
            }
        }
        state.full.is_empty() && state.quiet.is_empty()
    }

    /// What comes after `position`, up to `until` where that is given: a piece at a time.
    pub fn look(&self, position: Seq, until: Option<Seq>) -> Look {
        let state = self.state();
        let end = until.map_or(state.head.0, |until| until.min(state.head.0));
        if position >= end {
            return Look::UpToDate;
        }
        let wanted = position.next();
        let Some(run) = state.ring.iter().rev().find(|run| run.first <= wanted) else {
            return Look::Behind(end);
        };
        run.cut(wanted, end).map_or(Look::Behind(end), |(bytes, last)| Look::Here(bytes, last))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn list(&mut self, depth: Depth) -> &mut Vec<Arc<Follower>> {
        match depth {
            Depth::Full => &mut self.full,
            Depth::Head => &mut self.quiet,
        }
    }

    fn keep(&mut self, run: Run) {
        self.ring_bytes += run.bytes.len();
        self.ring.push_back(run);
        while self.ring_bytes > RING_BYTES_MAX
            && let Some(old) = self.ring.pop_front()
        {
            self.ring_bytes -= old.bytes.len();
        }
    }
}

fn run_of(messages: &[Fresh]) -> Run {
    let first = messages.first().map_or(Seq::ZERO, |message| message.seq);
    if let [one] = messages {
        return Run { first, ends: vec![one.frame.len()], bytes: one.frame.clone() };
    }
    let mut bytes =
        BytesMut::with_capacity(messages.iter().map(|message| message.frame.len()).sum());
    let mut ends = Vec::with_capacity(messages.len());
    for message in messages {
        bytes.extend_from_slice(&message.frame);
        ends.push(bytes.len());
    }
    Run { first, ends, bytes: bytes.freeze() }
}

impl Run {
    /// From `wanted` to the end of the run, or to `end` if that comes first. `None`: the run ends
    /// before `wanted`.
    fn cut(&self, wanted: Seq, end: Seq) -> Option<(Bytes, Seq)> {
        let skip = usize::try_from(wanted.0.checked_sub(self.first.0)?).ok()?;
        if skip >= self.ends.len() {
            return None;
        }
        let room = usize::try_from(end.0 - wanted.0).unwrap_or(usize::MAX).saturating_add(1);
        let last = self.ends.len().min(skip.saturating_add(room)) - 1;
        let from = if skip == 0 { 0 } else { self.ends[skip - 1] };
        Some((self.bytes.slice(from..self.ends[last]), Seq(self.first.0 + last as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::id::{DeviceId, UserId};

    fn fresh(seq: u64) -> Fresh {
        Fresh { seq: Seq(seq), n: seq, frame: Bytes::from(format!("<{seq}>")) }
    }

    fn read(room: &LiveRoom, mut position: Seq, until: Option<Seq>) -> (String, Look) {
        let mut text = String::new();
        loop {
            match room.look(position, until) {
                Look::Here(bytes, last) => {
                    text += std::str::from_utf8(&bytes).unwrap();
                    position = last;
                }
                end => return (text, end),
            }
        }
    }

    #[test]
    fn a_reader_gets_every_message_once_from_any_position() {
        let room = LiveRoom::new(RoomId(1));
        room.raise((Seq(3), 3));
        assert_eq!(room.look(Seq(0), None), Look::Behind(Seq(3)));
        room.publish(&[fresh(4), fresh(5), fresh(6)]);
        room.publish(&[fresh(7)]);
        assert_eq!(read(&room, Seq(3), None), ("<4><5><6><7>".into(), Look::UpToDate));
        assert_eq!(read(&room, Seq(5), None), ("<6><7>".into(), Look::UpToDate));
        assert_eq!(read(&room, Seq(2), None), (String::new(), Look::Behind(Seq(7))));
        assert_eq!(read(&room, Seq(3), Some(Seq(5))), ("<4><5>".into(), Look::UpToDate));
    }

    #[test]
    fn the_ring_is_bounded_and_says_so() {
        let room = LiveRoom::new(RoomId(1));
        let big = Bytes::from(vec![0; RING_BYTES_MAX / 2]);
        for seq in 1..=4 {
            room.publish(&[Fresh { seq: Seq(seq), n: seq, frame: big.clone() }]);
        }
        assert_eq!(room.look(Seq(1), None), Look::Behind(Seq(4)));
        assert!(matches!(room.look(Seq(2), None), Look::Here(_, Seq(3))));
    }

    #[test]
    fn followers_are_woken_once_and_leave_without_a_trace() {
        let room = LiveRoom::new(RoomId(1));
        let boxes: Vec<_> =
            (0..3).map(|user| Arc::new(Mailbox::new(UserId(user), DeviceId(1)))).collect();
        let followers: Vec<_> =
            boxes.iter().map(|mailbox| room.follow(Arc::clone(mailbox), Depth::Full)).collect();
        assert_eq!(boxes[0].take().moved, [RoomId(1)]);
        room.publish(&[fresh(1)]);
        assert!(boxes[0].take().moved.is_empty(), "not before it has looked");
        followers[0].ready();
        room.publish(&[fresh(2)]);
        room.publish(&[fresh(3)]);
        assert_eq!(boxes[0].take().moved, [RoomId(1)]);
        assert!(!room.unfollow(&followers[0]));
        assert!(!room.unfollow(&followers[2]));
        assert!(!room.unfollow(&followers[2]), "twice is harmless");
        assert!(room.unfollow(&followers[1]));
    }
}
