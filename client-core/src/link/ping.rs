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

/// The shortest silence before a ping that a server may ask for, in milliseconds.
const IDLE_MS_MIN: u64 = 1_000;

/// The longest one, in milliseconds.
const IDLE_MS_MAX: u64 = 3_600_000;

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
    /// The silence after which a ping is sent, in milliseconds.
    idle_ms: u64,
    /// The same, a little off, so that many clients do not beat together; another one after each ping.
    quiet_ms: u64,
    heard_due: Instant,
    spoken_due: Instant,
    unanswered: u32,
    number: u64,
    sent: Option<Instant>,
}

impl Pings {
    /// For a server that wants a ping after so much silence, in milliseconds; 0 when it did not
    /// say. The first ping comes at a random point, so that many clients do not beat together.
    pub(super) fn new(now: Instant, idle_ms: u64, entropy: &Arc<dyn Entropy>) -> Self {
        let idle_ms = match idle_ms {
            0 => limits::PING_AFTER_MS,
            idle_ms => idle_ms.clamp(IDLE_MS_MIN, IDLE_MS_MAX),
        };
        let due = now + Duration::from_millis(up_to(entropy, idle_ms));
        Self {
            idle_ms,
            quiet_ms: about(idle_ms, entropy),
            heard_due: due,
            spoken_due: due,
            unanswered: 0,
            number: 0,
            sent: None,
        }
    }

    /// When to look again.
    pub(super) fn due(&self) -> Instant {
        self.heard_due.min(self.spoken_due)
    }

    /// Something was heard: the silence is over.
    pub(super) fn heard(&mut self, now: Instant) {
        self.unanswered = 0;
        self.heard_due = now + Duration::from_millis(self.quiet_ms);
    }

    /// Something was said: the other side knows that this one is there.
    pub(super) fn spoke(&mut self, now: Instant) {
        self.spoken_due = now + Duration::from_millis(self.idle_ms);
    }

    /// A pong came: the round trip in milliseconds, if it is the one that was waited for.
    pub(super) fn pong(&mut self, number: u64, now: Instant) -> Option<u64> {
        if number != self.number {
            return None;
        }
        let sent = self.sent.take()?;
        u64::try_from(now.duration_since(sent).as_millis()).ok()
    }

    /// The time has come. Who hears much and says nothing is taken for dead by the other side.
    pub(super) fn beat(&mut self, now: Instant, entropy: &Arc<dyn Entropy>) -> Beat {
        if now >= self.heard_due {
            if self.unanswered >= UNANSWERED_MAX {
                return Beat::Dead;
            }
            self.unanswered += 1;
            self.heard_due = now + Duration::from_millis(ANSWER_MS);
        } else if now < self.spoken_due {
            return Beat::Wait;
        }
        self.spoke(now);
        self.quiet_ms = about(self.idle_ms, entropy);
        self.number += 1;
        self.sent = Some(now);
        Beat::Ping(self.number)
    }
}

/// Up to a fifth more or less.
fn about(idle_ms: u64, entropy: &Arc<dyn Entropy>) -> u64 {
    let fifth = idle_ms / 5;
    idle_ms - fifth + up_to(entropy, 2 * fifth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock, entropy::SeededEntropy};

    const SECOND: Duration = Duration::from_secs(1);

    fn entropy() -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(5))
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_says_after_what_silence() {
        let entropy = entropy();
        for (idle_s, least, most) in
            [(10, 8, 12), (100, 80, 120), (0, 24, 36), (1 << 50, 2880, 4320)]
        {
            let now = clock::now();
            let mut pings = Pings::new(now, 1000 * idle_s, &entropy);
            pings.heard(now);
            pings.spoke(now);
            let silence = pings.due().duration_since(now).as_secs();
            assert!((least..=most).contains(&silence), "{idle_s}: {silence}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_listens_says_that_it_is_there() {
        let entropy = entropy();
        let start = clock::now();
        let mut pings = Pings::new(start, 30_000, &entropy);
        let mut last = start;
        for second in 1..600 {
            let now = start + SECOND * second;
            pings.heard(now);
            match pings.beat(now, &entropy) {
                Beat::Ping(_) => last = now,
                Beat::Wait => {}
                Beat::Dead => panic!("somebody is there"),
            }
            assert!(now.duration_since(last) <= 31 * SECOND, "silent since {last:?}");
        }
    }
}
