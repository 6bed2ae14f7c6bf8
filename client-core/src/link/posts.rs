//! In which order waiting posts are sent: one room in order, one post of a room at a time, rooms
//! beside each other. Also how far each room has been seen. Pure.

use std::collections::{BTreeMap, VecDeque};

use liao_common::{
    event::{Event, Synced},
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId, Seq},
    limits,
    request::Sync,
};
use tokio::time::{Duration, Instant};

/// How often a post is sent again after the server failed on it.
const FAILURES_MAX: u32 = 3;

/// Wait before a post is sent again when the server named no time, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// The same when the server's disk is full.
const RETRY_FULL_MS: u64 = 30_000;

/// The longest wait a server may ask for, in milliseconds.
const RETRY_MS_MAX: u64 = 300_000;

/// How long a post may wait for its turn and still count as said at once. Behind others that the server takes its time
/// for, its author may look elsewhere before it is sent.
const LATE_AFTER: Duration = Duration::from_secs(2);

/// Rooms whose position is remembered; the others begin at their read marker again.
const ROOMS_MAX: usize = 2 * limits::ROOMS_PER_USER_MAX;

/// A post that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) nonce: Nonce,
    /// When it was written, or sent again by its author.
    pub(super) since: Instant,
    /// Others may have spoken between its writing and its sending: it says nothing of what its author has read.
    pub(super) late: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    in_flight: bool,
    not_before: Option<Instant>,
    failures: u32,
}

impl Queue {
    fn is_first(&self, nonce: Nonce) -> bool {
        self.waiting.front().is_some_and(|post| post.nonce == nonce)
    }

    /// What waits is sent later than it was written.
    fn put_off(&mut self) {
        self.in_flight = false;
        self.waiting.iter_mut().for_each(|post| post.late = true);
    }
}

/// Posts in the order of their rooms.
#[derive(Debug, Default)]
pub(super) struct Posts {
    rooms: BTreeMap<RoomId, Queue>,
}

/// What becomes of a refused post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It will be sent again.
    Retry,
    /// It is for the person to decide.
    Failed,
}

impl Posts {
    pub(super) fn push(&mut self, room: RoomId, post: Waiting) {
        let queue = self.rooms.entry(room).or_default();
        if !queue.waiting.iter().any(|waiting| waiting.nonce == post.nonce) {
            queue.waiting.push_back(post);
        }
    }

    /// The next post that may be sent now; it counts as sent from here on.
    pub(super) fn take(&mut self, now: Instant) -> Option<(RoomId, Waiting)> {
        let free = |queue: &Queue| !queue.in_flight && queue.not_before.is_none_or(|at| at <= now);
        let mut rooms = self.rooms.iter_mut();
        let (room, queue) = rooms.find(|(_, queue)| free(queue) && !queue.waiting.is_empty())?;
        let post = queue.waiting.front_mut()?;
        post.late |= now.saturating_duration_since(post.since) > LATE_AFTER;
        queue.in_flight = true;
        Some((*room, *post))
    }

    /// When a post that was put off may be sent.
    pub(super) fn due(&self) -> Option<Instant> {
        let idle = self.rooms.values().filter(|queue| !queue.in_flight);
        idle.filter_map(|queue| queue.not_before).min()
    }

    /// The server has the post, or the person gave it up.
    pub(super) fn done(&mut self, room: RoomId, nonce: Nonce) {
        let Some(queue) = self.rooms.get_mut(&room) else { return };
        if queue.is_first(nonce) {
            queue.in_flight = false;
            queue.not_before = None;
            queue.failures = 0;
        }
        queue.waiting.retain(|waiting| waiting.nonce != nonce);
        if queue.waiting.is_empty() {
            self.rooms.remove(&room);
        }
    }

    /// Whether the post is on its way to the server just now.
    pub(super) fn is_in_flight(&self, room: RoomId, nonce: Nonce) -> bool {
        let queue = self.rooms.get(&room);
        queue.is_some_and(|queue| queue.in_flight && queue.is_first(nonce))
    }

    /// The server refused the first post of a room. The posts behind it wait with it.
    pub(super) fn refused(
        &mut self,
        room: RoomId,
        nonce: Nonce,
        fault: &Fault,
        now: Instant,
    ) -> Refusal {
        let Some(queue) = self.rooms.get_mut(&room) else { return Refusal::Failed };
        let named_ms = fault.retry_ms.unwrap_or(RETRY_MS);
        let wait_ms = match fault.code {
            FaultCode::RateLimited | FaultCode::ShuttingDown | FaultCode::SlowConsumer => named_ms,
            // Without a time it is a limit of the account, and waiting does not help.
            FaultCode::Busy if fault.retry_ms.is_some() => named_ms,
            FaultCode::StorageFull => named_ms.max(RETRY_FULL_MS),
            FaultCode::Internal if queue.failures < FAILURES_MAX => named_ms,
            _ => {
                self.done(room, nonce);
                return Refusal::Failed;
            }
        };
        let wait_ms = wait_ms.clamp(1, RETRY_MS_MAX) + a_little_ms(nonce);
        queue.failures += u32::from(fault.code == FaultCode::Internal);
        queue.put_off();
        queue.not_before = Some(now + Duration::from_millis(wait_ms));
        Refusal::Retry
    }

    /// The connection is gone: what was under way is sent again on the next one, without delay.
    pub(super) fn connection_lost(&mut self) {
        for queue in self.rooms.values_mut() {
            queue.put_off();
            queue.not_before = None;
        }
    }
}

/// On top of the time that a server named to many at once. The nonce is as good as any dice.
fn a_little_ms(nonce: Nonce) -> u64 {
    u64::from(nonce.0[0])
}

/// How far each room has been seen, so that a reconnect asks for the rest only.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// The lineage that `seen` belongs to; empty when the server is asked for everything anew.
    epoch: String,
    /// The lineage that was seen last.
    last_epoch: String,
    seen: BTreeMap<RoomId, Seq>,
}

impl Positions {
    pub(super) fn request(&self) -> Sync {
        let cur = self.seen.iter().map(|(&room, &seq)| (room, seq)).collect();
        Sync { epoch: self.epoch.clone(), cur }
    }

    /// The lineage of the log that was seen last; empty before the first one.
    pub(super) fn last_epoch(&self) -> &str {
        &self.last_epoch
    }

    pub(super) fn clear(&mut self) {
        self.epoch.clear();
        self.seen.clear();
    }

    pub(super) fn synced(&mut self, synced: &Synced) {
        if synced.reset || synced.epoch != self.epoch {
            self.seen.clear();
        }
        self.epoch.clone_from(&synced.epoch);
        self.last_epoch.clone_from(&synced.epoch);
        self.seen.retain(|seen, _| synced.rooms.iter().any(|room| room.room == *seen));
    }

    /// Takes an event in. `false`: it was seen before and is dropped.
    pub(super) fn see(&mut self, event: &Event) -> bool {
        let (room, seq) = match event {
            Event::Message(message) => (message.room, message.seq),
            Event::Gap(gap) => (gap.room, gap.to),
            _ => return true,
        };
        if self.seen.len() >= ROOMS_MAX && !self.seen.contains_key(&room) {
            return true;
        }
        let seen = self.seen.entry(room).or_default();
        let news = seq > *seen;
        *seen = seq.max(*seen);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const ROOM: RoomId = RoomId(4);
    const NONCE: Nonce = Nonce([200; 16]);

    /// How long a post waits after this fault, in milliseconds; `None` when it failed for good.
    fn wait_ms(posts: &mut Posts, code: FaultCode, retry_ms: Option<u64>) -> Option<u64> {
        let now = clock::now();
        posts.push(ROOM, Waiting { nonce: NONCE, since: now, late: false });
        posts.connection_lost();
        posts.take(now).unwrap();
        let fault = Fault { retry_ms, ..Fault::from(code) };
        match posts.refused(ROOM, NONCE, &fault, now) {
            Refusal::Retry => {
                let wait = posts.due().unwrap().duration_since(now);
                Some(u64::try_from(wait.as_millis()).unwrap())
            }
            Refusal::Failed => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_named_time_is_kept_and_a_little_more() {
        let mut posts = Posts::default();
        assert_eq!(wait_ms(&mut posts, FaultCode::RateLimited, Some(5000)), Some(5200));
        assert_eq!(wait_ms(&mut posts, FaultCode::Busy, Some(100)), Some(300));
        assert_eq!(wait_ms(&mut posts, FaultCode::Busy, None), None);
        assert_eq!(wait_ms(&mut posts, FaultCode::StorageFull, None), Some(30_200));
        assert_eq!(wait_ms(&mut posts, FaultCode::StorageFull, Some(1000)), Some(30_200));
        assert_eq!(wait_ms(&mut posts, FaultCode::StorageFull, Some(60_000)), Some(60_200));
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_of_the_server_are_counted() {
        let mut posts = Posts::default();
        for _ in 0..10 {
            assert!(wait_ms(&mut posts, FaultCode::RateLimited, Some(1)).is_some());
        }
        for _ in 0..FAILURES_MAX {
            assert!(wait_ms(&mut posts, FaultCode::Internal, None).is_some());
        }
        assert_eq!(wait_ms(&mut posts, FaultCode::Internal, None), None);
    }
}
