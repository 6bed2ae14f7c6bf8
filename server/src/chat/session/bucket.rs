//! How fast one connection may change things.

use std::time::Duration;

use liao_common::request::Request;
use tokio::time::Instant;

/// Posts per second, with a burst. Who is too fast is not read for a moment; nothing is refused.
pub(super) struct Bucket {
    burst: f64,
    per_s: f64,
    left: f64,
    filled: Instant,
    until: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(burst: u32, per_s: u32) -> Self {
        let (burst, per_s) = (f64::from(burst), f64::from(per_s.max(1)));
        Self { burst, per_s, left: burst, filled: Instant::now(), until: None }
    }

    /// Takes what a request costs.
    pub(super) fn take(&mut self, cost: f64) {
        if cost <= 0.0 {
            return;
        }
        let now = Instant::now();
        let earned = now.duration_since(self.filled).as_secs_f64() * self.per_s;
        self.left = (self.left + earned).min(self.burst) - cost;
        self.filled = now;
        self.until =
            (self.left < 0.0).then(|| now + Duration::from_secs_f64(-self.left / self.per_s));
    }

    /// Until when the connection is not read.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.until
    }

    /// Ends a pause that is over.
    pub(super) fn resume(&mut self) {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            self.until = None;
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
