//! Whether the other side is still there: pings after silence, and a verdict when two of them stay
//! unanswered. Pure but for the instants passed in.

use std::sync::Arc;

use liao_common::limits;
use tokio::time::{Duration, Instant};

use crate::entropy::{Entropy, up_to};

/// Time for an answer to a ping, in milliseconds.
pub(super) const ANSWER_MS: u64 = 15_000;

/// Unanswered pings after which the connection counts as dead.
const UNANSWERED_MAX: u32 = 2;

/// What has to be done about the silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing.
    Wait,
    /// Send a ping with this number.
    Ping(u64),
    /// Give the connection up.
    Dead,
}

#[derive(Debug)]
pub(super) struct Pings {
    due: Instant,
    unanswered: u32,
    number: u64,
    sent: Option<Instant>,
}

impl Pings {
    /// The first ping comes at a random point, so that many clients do not beat together.
    pub(super) fn new(now: Instant, entropy: &Arc<dyn Entropy>) -> Self {
        let first_ms = up_to(entropy, limits::PING_AFTER_MS);
        let due = now + Duration::from_millis(first_ms);
        Self { due, unanswered: 0, number: 0, sent: None }
    }

    /// When to look again.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Something was heard: the silence is over.
    pub(super) fn heard(&mut self, now: Instant, entropy: &Arc<dyn Entropy>) {
        let fifth = limits::PING_AFTER_MS / 5;
        let idle_ms = limits::PING_AFTER_MS - fifth + up_to(entropy, 2 * fifth);
        self.unanswered = 0;
        self.due = now + Duration::from_millis(idle_ms);
    }

    /// A pong came: the round trip in milliseconds, if it is the one that was waited for.
    pub(super) fn pong(&mut self, number: u64, now: Instant) -> Option<u64> {
        if number != self.number {
            return None;
        }
        let sent = self.sent.take()?;
        u64::try_from(now.duration_since(sent).as_millis()).ok()
    }

    /// The time has come.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::Wait;
        }
        if self.unanswered >= UNANSWERED_MAX {
            return Beat::Dead;
        }
        self.unanswered += 1;
        self.number += 1;
        self.sent = Some(now);
        self.due = now + Duration::from_millis(ANSWER_MS);
        Beat::Ping(self.number)
    }
}
