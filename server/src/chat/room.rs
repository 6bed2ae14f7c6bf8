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
use crate::{
    engine::Calls,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Bytes of messages a room keeps at hand.
const RING_BYTES_MAX: usize = 256 * 1024;

/// Members up to which every message of a room is pushed to everybody in it.
pub const FULL_PUSH_MEMBERS_MAX: u64 = 1000;

/// Members from which on downwards a large room is no longer one: somewhat fewer, so that few who come
/// and go do not change it all the time.
const LARGE_MEMBERS_MIN: u64 = FULL_PUSH_MEMBERS_MAX * 9 / 10;

/// Followers woken in one go. In between, those already awake may look at the room.
const WAKES_AT_ONCE: usize = 128;

/// Followers up to which all are woken after the answers. Where there are more, most have no answer to
/// wait for, and should not wait for those of others.
const CALLED_LATER_MAX: usize = 16;

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

/// Whether a follower has the room on the screen. Of a large room the others only hear that there is
/// something new, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The room is looked at.
    Looks,
    /// The person belongs to it.
    Belongs,
}

/// One connection that follows a room. All but `queued` changes under the lock of the room alone.
#[derive(Debug)]
pub struct Follower {
    mailbox: Arc<Mailbox>,
    looks: AtomicBool,
    /// Every message is pushed; the place is in the list of those.
    full: AtomicBool,
    queued: AtomicBool,
    place: AtomicUsize,
}

impl Follower {
    /// From now on the follower is woken again. Call before looking at the room.
    pub fn ready(&self) {
        // A swap, like the one that wakes: then one of the two comes second and sees the first.
        self.queued.swap(false, Ordering::SeqCst);
    }

    /// Whether messages are pushed, and not only the head told.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
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
    /// Too many members to push to those who do not look.
    large: bool,
}

/// What the ring has for a reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing is newer than the reader's position.
    UpToDate,
    /// These bytes, up to this message.
    Here(Bytes, Seq),
    /// The ring does not reach back so far.
    Behind {
        /// Read the journal up to this message, and look again.
        to: Seq,
        /// The last message.
        end: Seq,
    },
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
        self.publish_for(messages, &mut Calls::default())
    }

    /// The same, and leaves it to `calls` to wake the few of a small room.
    pub fn publish_for(&self, messages: &[Fresh], calls: &mut Calls) -> bool {
        let Some(last) = messages.last() else { return false };
        let mut state = self.state();
        state.head = state.head.max((last.seq, last.n));
        state.keep(run_of(messages));
        let (quiet, followers) = (!state.quiet.is_empty(), state.full.len());
        drop(state);
        self.wake(followers, calls);
        quiet
    }

    /// From the end of the list: whoever is put in the place of one that went has been woken by then,
    /// and whoever is new looks at the room without being woken.
    fn wake(&self, followers: usize, calls: &mut Calls) {
        let few = followers <= CALLED_LATER_MAX;
        let mut below = followers;
        while below > 0 {
            let state = self.state();
            let end = below.min(state.full.len());
            below = end.saturating_sub(WAKES_AT_ONCE);
            for follower in &state.full[below..end] {
                if follower.queued.swap(true, Ordering::SeqCst) {
                    continue;
                }
                if few {
                    let reader = follower.mailbox.moved_quietly(self.id);
                    reader.into_iter().for_each(|reader| calls.add(reader));
                } else {
                    follower.mailbox.moved(self.id);
                }
            }
        }
    }

    /// Drops what is kept in memory: the journal has something newer.
    pub fn forget(&self) {
        let mut state = self.state();
        state.ring.clear();
        state.ring_bytes = 0;
    }

    /// Tells the head to some of those who only hear of it: at most `max` of the first `below`. Says
    /// below which place to go on. From the end of the list, so that none is passed over.
    pub fn tell_head(&self, below: usize, max: usize) -> usize {
        let state = self.state();
        let end = below.min(state.quiet.len());
        let begin = end.saturating_sub(max);
        for follower in &state.quiet[begin..end] {
            follower.mailbox.head(self.id, state.head);
        }
        begin
    }

    /// Adds a follower. One to whom messages are pushed is woken once at the start.
    pub fn follow(&self, mailbox: Arc<Mailbox>, interest: Interest) -> Arc<Follower> {
        let mut state = self.state();
        let looks = interest == Interest::Looks;
        let full = looks || !state.large;
        let follower = Arc::new(Follower {
            mailbox,
            looks: AtomicBool::new(looks),
            full: AtomicBool::new(full),
            queued: AtomicBool::new(full),
            place: AtomicUsize::new(0),
        });
        state.put(Arc::clone(&follower), full);
        drop(state);
        if full {
            follower.mailbox.moved(self.id);
        }
        follower
    }

    /// Removes a follower; says whether none is left.
    pub fn unfollow(&self, follower: &Arc<Follower>) -> bool {
        let mut state = self.state();
        state.take(follower);
        state.full.is_empty() && state.quiet.is_empty()
    }

    /// A follower looks at the room from now on, or no longer.
    pub fn look_at(&self, follower: &Arc<Follower>, interest: Interest) {
        let mut state = self.state();
        let looks = interest == Interest::Looks;
        follower.looks.store(looks, Ordering::Relaxed);
        self.turn(&mut state, follower, looks);
    }

    /// The room has so many members now.
    pub fn resize(&self, members: u64) {
        let mut state = self.state();
        let bound = if state.large { LARGE_MEMBERS_MIN } else { FULL_PUSH_MEMBERS_MAX };
        let large = members > bound;
        if large == state.large {
            return;
        }
        state.large = large;
        let concerned = if large { state.full.clone() } else { state.quiet.clone() };
        for follower in &concerned {
            let looks = follower.looks.load(Ordering::Relaxed);
            self.turn(&mut state, follower, looks);
        }
    }

    /// Moves a follower to the list where it belongs now. Who gets the messages from now on is woken.
    fn turn(&self, state: &mut State, follower: &Arc<Follower>, looks: bool) {
        let full = looks || !state.large;
        if full != follower.is_full() && state.take(follower) {
            follower.full.store(full, Ordering::Relaxed);
            state.put(Arc::clone(follower), full);
            if full && !follower.queued.swap(true, Ordering::SeqCst) {
                follower.mailbox.moved(self.id);
            }
        }
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
            let before = state.ring.front().map(|run| Seq(run.first.0.saturating_sub(1)));
            return Look::Behind { to: before.map_or(end, |before| before.min(end)), end };
        };
        let cut = run.cut(wanted, end);
        cut.map_or(Look::Behind { to: end, end }, |(bytes, last)| Look::Here(bytes, last))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn list(&mut self, full: bool) -> &mut Vec<Arc<Follower>> {
        if full { &mut self.full } else { &mut self.quiet }
    }

    fn put(&mut self, follower: Arc<Follower>, full: bool) {
        let list = self.list(full);
        follower.place.store(list.len(), Ordering::Relaxed);
        list.push(follower);
    }

    /// Takes a follower out; says whether it was there.
    fn take(&mut self, follower: &Arc<Follower>) -> bool {
        let place = follower.place.load(Ordering::Relaxed);
        let list = self.list(follower.is_full());
        let there = list.get(place).is_some_and(|found| Arc::ptr_eq(found, follower));
        if there {
            list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                moved.place.store(place, Ordering::Relaxed);
            }
        }
        there
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

    fn mailbox(user: u64) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(UserId(user), DeviceId(1)))
    }

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
        assert_eq!(room.look(Seq(0), None), Look::Behind { to: Seq(3), end: Seq(3) });
        room.publish(&[fresh(4), fresh(5), fresh(6)]);
        room.publish(&[fresh(7)]);
        assert_eq!(read(&room, Seq(3), None), ("<4><5><6><7>".into(), Look::UpToDate));
        assert_eq!(read(&room, Seq(5), None), ("<6><7>".into(), Look::UpToDate));
        assert_eq!(
            read(&room, Seq(2), None),
            (String::new(), Look::Behind { to: Seq(3), end: Seq(7) })
        );
        assert_eq!(read(&room, Seq(3), Some(Seq(5))), ("<4><5>".into(), Look::UpToDate));
    }

    #[test]
    fn the_ring_is_bounded_and_says_so() {
        let room = LiveRoom::new(RoomId(1));
        let big = Bytes::from(vec![0; RING_BYTES_MAX / 2]);
        for seq in 1..=4 {
            room.publish(&[Fresh { seq: Seq(seq), n: seq, frame: big.clone() }]);
        }
        assert_eq!(room.look(Seq(1), None), Look::Behind { to: Seq(2), end: Seq(4) });
        assert!(matches!(room.look(Seq(2), None), Look::Here(_, Seq(3))));
    }

    #[test]
    fn followers_are_woken_once_and_leave_without_a_trace() {
        let room = LiveRoom::new(RoomId(1));
        let boxes: Vec<_> = (0..3).map(mailbox).collect();
        let followers: Vec<_> = boxes
            .iter()
            .map(|mailbox| room.follow(Arc::clone(mailbox), Interest::Belongs))
            .collect();
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

    #[test]
    fn a_room_that_grows_is_quiet_for_those_who_do_not_look() {
        let room = LiveRoom::new(RoomId(1));
        let (one, other) = (mailbox(1), mailbox(2));
        let looking = room.follow(Arc::clone(&one), Interest::Looks);
        let beside = room.follow(Arc::clone(&other), Interest::Belongs);
        room.resize(FULL_PUSH_MEMBERS_MAX);
        assert!(looking.is_full() && beside.is_full());
        room.resize(FULL_PUSH_MEMBERS_MAX + 1);
        assert!(looking.is_full() && !beside.is_full());
        drop((one.take(), other.take()));
        [&looking, &beside].iter().for_each(|follower| follower.ready());
        assert!(room.publish(&[fresh(1)]), "somebody wants to hear of the head");
        assert_eq!((one.take().moved.len(), other.take().moved.len()), (1, 0));
        room.look_at(&beside, Interest::Looks);
        assert_eq!(other.take().moved, [RoomId(1)], "woken for what it missed");
        room.look_at(&beside, Interest::Belongs);
        room.resize(FULL_PUSH_MEMBERS_MAX);
        assert!(!beside.is_full(), "few who come and go change nothing");
        beside.ready();
        room.resize(LARGE_MEMBERS_MIN);
        assert!(beside.is_full());
        assert_eq!(other.take().moved, [RoomId(1)]);
        assert!(!room.unfollow(&beside) && room.unfollow(&looking));
        room.look_at(&beside, Interest::Looks);
        assert!(room.unfollow(&beside), "who has left does not come back by looking");
    }

    #[test]
    fn heads_are_told_to_all_a_few_at_a_time() {
        let room = LiveRoom::new(RoomId(1));
        room.resize(FULL_PUSH_MEMBERS_MAX + 1);
        room.raise((Seq(7), 5));
        let boxes: Vec<_> = (0..10).map(mailbox).collect();
        let follow = |mailbox: &Arc<Mailbox>| room.follow(Arc::clone(mailbox), Interest::Belongs);
        let followers: Vec<_> = boxes.iter().map(follow).collect();
        room.look_at(&followers[9], Interest::Looks);
        assert_eq!(
            boxes[9].take().moved,
            [RoomId(1)],
            "quiet from the start, and woken all the same"
        );
        room.look_at(&followers[9], Interest::Belongs);
        let below = room.tell_head(usize::MAX, 4);
        assert_eq!(below, 6);
        room.unfollow(&followers[0]);
        assert_eq!(room.tell_head(room.tell_head(below, 4), 4), 0);
        let told = |mailbox: &Arc<Mailbox>| mailbox.take().heads.get(&RoomId(1)).copied();
        assert!(boxes[1..].iter().all(|mailbox| told(mailbox) == Some((Seq(7), 5))));
        assert_eq!(told(&boxes[0]), None);
    }
}
