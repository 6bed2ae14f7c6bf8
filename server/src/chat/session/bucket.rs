//! How fast one connection may change things.

use std::time::Duration;

use liao_common::request::Request;
use tokio::time::Instant;

/// Posts per second, with a burst. Who is too fast is not read for a moment; nothing is refused.
///
/// All it remembers is when it is full again: every connection has one, and few of them post.
pub(super) struct Bucket {
    full_at: Instant,
    burst: u32,
    per_s: u32,
    paused: bool,
}

impl Bucket {
    pub(super) fn new(burst: u32, per_s: u32) -> Self {
        Self { full_at: Instant::now(), burst, per_s: per_s.max(1), paused: false }
    }

    /// How long it takes to earn so many posts.
    fn earning(&self, posts: f64) -> Duration {
        Duration::from_secs_f64(posts / f64::from(self.per_s))
    }

    /// Takes what a request costs.
    pub(super) fn take(&mut self, cost: f64) {
        if cost <= 0.0 {
            return;
        }
        let now = Instant::now();
        self.full_at = self.full_at.max(now) + self.earning(cost);
        self.paused = self.full_at - now > self.earning(f64::from(self.burst));
    }

    /// Until when the connection is not read.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.paused.then(|| self.full_at - self.earning(f64::from(self.burst)))
    }

    /// Ends a pause that is over.
    pub(super) fn resume(&mut self) {
        if self.paused_until().is_some_and(|until| until <= Instant::now()) {
            self.paused = false;
        }
    }
}

/// What a request costs, in posts: whatever is stored costs something, reading is bounded by pages
/// and by the number of requests under way.
pub(super) fn cost(request: &Request) -> f64 {
    match request {
        Request::Send(_)
        | Request::RoomCreate(_)
        | Request::RoomJoin(_)
        | Request::RoomLeave(_)
        | Request::RoomTopic(_)
        | Request::RoomInvite(_)
        | Request::RoomOpen(_)
        | Request::RoomRole(_)
        | Request::RoomKick(_)
        | Request::RoomBan(_)
        | Request::RoomUnban(_)
        | Request::Revoke(_)
        | Request::FileDone(_)
        | Request::Sync(_) => 1.0,
        Request::Passwd(_) => 5.0,
        Request::Mark(_) | Request::Who(_) | Request::Members(_) | Request::RoomBans(_) => 0.2,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_what_comes_behind_it_waits() {
        let mut bucket = Bucket::new(10, 2);
        (0..10).for_each(|_| bucket.take(1.0));
        assert_eq!(bucket.paused_until(), None);
        bucket.take(0.0);
        bucket.take(1.0);
        let half = Duration::from_millis(500);
        assert_eq!(bucket.paused_until(), Some(Instant::now() + half));
        bucket.resume();
        assert!(bucket.paused_until().is_some(), "not yet");
        tokio::time::advance(half).await;
        bucket.resume();
        assert_eq!(bucket.paused_until(), None);
        bucket.take(1.0);
        assert!(bucket.paused_until().is_some(), "nothing was earned beyond that");
        // However long one is silent, no more than a burst is free.
        tokio::time::advance(Duration::from_secs(3600)).await;
        bucket.resume();
        (0..10).for_each(|_| bucket.take(1.0));
        assert_eq!(bucket.paused_until(), None);
        bucket.take(1.0);
        assert!(bucket.paused_until().is_some());
    }
}
