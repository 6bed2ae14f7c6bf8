//! From what became true to who hears of it: rooms that somebody has open, and the connections of
//! each person. Called by the committing thread; nothing here waits.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::{Arc, PoisonError},
    time::Duration,
};

use liao_common::{
    event::Marked,
    id::{DeviceId, RoomId, UserId},
};
use tokio::time::Instant;

use super::{
    mailbox::{Mailbox, Note},
    room::{Follower, Fresh, Interest, LiveRoom},
};
use crate::{
    engine::{Audience, Calls, Effect},
    state::view,
    store::{Store, StoreError},
    sync::{Mutex, MutexGuard},
};

/// Connections of one person. One more is told to come back.
const CONNECTIONS_PER_USER_MAX: usize = 32;

/// How often those who only want heads are told of them.
const HEADS_EVERY: Duration = Duration::from_secs(2);

/// Heads told in one go, of all rooms together; the others wait for [`HEADS_PAUSE`].
const HEADS_AT_ONCE: usize = 512;

/// So at most 10,240 heads a second are told, however many are in a room: the more, the seldomer.
const HEADS_PAUSE: Duration = Duration::from_millis(50);

/// Heads of one room told before it is the turn of the next one.
const HEADS_OF_A_ROOM: usize = 64;

/// See the module.
#[derive(Default)]
pub struct Switchboard {
    rooms: Mutex<HashMap<RoomId, Arc<LiveRoom>>>,
    people: Mutex<HashMap<UserId, Vec<Arc<Mailbox>>>>,
    moved: Mutex<BTreeSet<RoomId>>,
}

impl Switchboard {
    /// This connection is there for its person. Says no when they have too many.
    #[must_use]
    pub fn plug(&self, mailbox: &Arc<Mailbox>) -> bool {
        let mut people = lock(&self.people);
        let list = people.entry(mailbox.user).or_default();
        let place = list.len() < CONNECTIONS_PER_USER_MAX;
        if place {
            list.push(Arc::clone(mailbox));
        }
        place
    }

    /// This connection is gone.
    pub fn unplug(&self, mailbox: &Arc<Mailbox>) {
        let mut people = lock(&self.people);
        if let Some(list) = people.get_mut(&mailbox.user) {
            list.retain(|other| !Arc::ptr_eq(other, mailbox));
            if list.is_empty() {
                people.remove(&mailbox.user);
            }
        }
    }

    /// Whether this person may have one more connection.
    pub fn has_place(&self, user: UserId) -> bool {
        lock(&self.people).get(&user).map_or(0, Vec::len) < CONNECTIONS_PER_USER_MAX
    }

    /// Whether a device has a connection now.
    pub fn is_here(&self, user: UserId, dev: DeviceId) -> bool {
        lock(&self.people)
            .get(&user)
            .is_some_and(|list| list.iter().any(|mailbox| mailbox.dev == dev))
    }

    /// The devices of a person that have a connection now.
    pub fn devices_here(&self, user: UserId) -> Vec<DeviceId> {
        let people = lock(&self.people);
        people.get(&user).into_iter().flatten().map(|mailbox| mailbox.dev).collect()
    }

    /// All devices that have a connection now; one may be there twice.
    pub fn all_devices(&self) -> Vec<(UserId, DeviceId)> {
        let people = lock(&self.people);
        let devices = people.values().flatten().map(|mailbox| (mailbox.user, mailbox.dev));
        devices.filter(|(_, dev)| *dev != DeviceId(0)).collect()
    }

    /// Follows a room from now on. The room stays open while somebody follows it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn follow(
        &self,
        store: &Store,
        room: RoomId,
        mailbox: &Arc<Mailbox>,
        interest: Interest,
    ) -> Result<(Arc<LiveRoom>, Arc<Follower>), StoreError> {
        let (live, follower, new) = {
            let mut rooms = lock(&self.rooms);
            let new = !rooms.contains_key(&room);
            let live = rooms.entry(room).or_insert_with(|| Arc::new(LiveRoom::new(room)));
            (Arc::clone(live), live.follow(Arc::clone(mailbox), interest), new)
        };
        // The room is open first and its head is read second: what is committed in between reaches
        // the ring, and what came before is in the store.
        match Self::measure(store, &live, new) {
            Ok(()) => Ok((live, follower)),
            Err(error) => {
                self.unfollow(&live, &follower);
                Err(error)
            }
        }
    }

    fn measure(store: &Store, room: &LiveRoom, new: bool) -> Result<(), StoreError> {
        let head = view::head(store, room.id)?;
        room.raise((head.seq, head.n));
        if new {
            room.resize(view::member_count(store, room.id)?);
        }
        Ok(())
    }

    /// Follows a room no longer.
    pub fn unfollow(&self, room: &Arc<LiveRoom>, follower: &Arc<Follower>) {
        let mut rooms = lock(&self.rooms);
        if room.unfollow(follower)
            && rooms.get(&room.id).is_some_and(|open| Arc::ptr_eq(open, room))
        {
            rooms.remove(&room.id);
        }
    }

    /// Tells heads to those who want no more than that, now and then, until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut rounds = Rounds::default();
        let mut next = Instant::now() + HEADS_EVERY;
        loop {
            let idle = rounds.rooms.is_empty();
            tokio::time::sleep_until(if idle { next } else { Instant::now() + HEADS_PAUSE }).await;
            if Instant::now() >= next {
                next = Instant::now() + HEADS_EVERY;
                rounds.begin(&mut lock(&self.moved));
            }
            self.tell_heads(&mut rounds);
        }
    }

    /// Tells some of those whose turn it is.
    fn tell_heads(&self, rounds: &mut Rounds) {
        let mut left = HEADS_AT_ONCE;
        while left > 0
            && let Some((id, below)) = rounds.next()
        {
            let max = left.min(HEADS_OF_A_ROOM);
            let room = lock(&self.rooms).get(&id).cloned();
            let below = room.map_or(0, |room| room.tell_head(below, max));
            left -= max;
            if below > 0 {
                rounds.rooms.insert(id, below);
            }
        }
    }

    fn tell(&self, user: UserId, note: &Note, wanted: impl Fn(&Mailbox) -> bool) {
        if let Some(list) = lock(&self.people).get(&user) {
            list.iter()
                .filter(|mailbox| wanted(mailbox))
                .for_each(|mailbox| mailbox.tell(note.clone()));
        }
    }

    /// Connections without a device have the same number and are different programs.
    fn mark(&self, user: UserId, except: DeviceId, marked: Marked) {
        if let Some(list) = lock(&self.people).get(&user) {
            list.iter()
                .filter(|mailbox| mailbox.dev != except || except == DeviceId(0))
                .for_each(|mailbox| mailbox.marked(marked));
        }
    }

    fn note(&self, effect: &Effect) {
        match effect {
            Effect::Membership { user, room, turn, members } => {
                let live = lock(&self.rooms).get(room).cloned();
                live.into_iter().for_each(|live| live.resize(*members));
                self.tell(*user, &Note::Membership { room: *room, turn: *turn }, |_| true);
            }
            Effect::Marked { user, except, marked } => {
                self.mark(*user, *except, *marked);
            }
            Effect::DeviceGone { user, dev } => {
                self.tell(*user, &Note::LoggedOut, |mailbox| mailbox.dev == *dev);
            }
            Effect::Erased { .. } | Effect::Message { .. } => {}
        }
    }

    fn forget(&self, room: RoomId) {
        if let Some(room) = lock(&self.rooms).get(&room) {
            room.forget();
        }
    }

    fn publish(&self, effects: Vec<Effect>, calls: &mut Calls) {
        let mut order = Vec::new();
        let mut fresh: HashMap<RoomId, Vec<Fresh>> = HashMap::new();
        let count = effects.len();
        for effect in effects {
            if let Effect::Message { room, seq, n, frame } = effect {
                let messages = fresh.entry(room).or_default();
                if messages.is_empty() {
                    // A batch is often about one room: growing step by step is dear.
                    messages.reserve(if order.is_empty() { count } else { 1 });
                    order.push(room);
                }
                messages.push(Fresh { seq, n, frame });
            }
        }
        for id in order {
            let Some(room) = lock(&self.rooms).get(&id).cloned() else { continue };
            if fresh.get(&id).is_some_and(|messages| room.publish_for(messages, calls)) {
                lock(&self.moved).insert(id);
            }
        }
    }
}

/// Rooms whose followers are being told the head, and below which place they have yet to be.
#[derive(Debug, Default)]
struct Rounds {
    rooms: BTreeMap<RoomId, usize>,
    last: RoomId,
}

impl Rounds {
    /// Takes the rooms that moved. One that is still being told waits for its next round.
    fn begin(&mut self, moved: &mut BTreeSet<RoomId>) {
        let begun = |room: &RoomId| !self.rooms.contains_key(room);
        let (new, waiting) = std::mem::take(moved).into_iter().partition(begun);
        *moved = waiting;
        let new: BTreeSet<RoomId> = new;
        self.rooms.extend(new.into_iter().map(|room| (room, usize::MAX)));
    }

    /// The room whose turn it is, which is taken out.
    fn next(&mut self) -> Option<(RoomId, usize)> {
        let behind = (Bound::Excluded(self.last), Bound::Unbounded);
        let found = self.rooms.range(behind).next().or_else(|| self.rooms.iter().next());
        let (&room, _) = found?;
        self.last = room;
        self.rooms.remove_entry(&room)
    }
}

impl Audience for Switchboard {
    fn committed(&self, effects: Vec<Effect>) -> Calls {
        let mut calls = Calls::default();
        // Notes first: whoever left a room must know before they could see what was said after.
        effects.iter().for_each(|effect| self.note(effect));
        let erased: Vec<RoomId> = effects.iter().filter_map(Effect::erased).collect();
        self.publish(effects, &mut calls);
        // Last: a message may have been posted and taken back in one batch.
        erased.into_iter().for_each(|room| self.forget(room));
        calls
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
