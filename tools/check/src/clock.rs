//! The one file that reads the clock, and the one place that knows how long things may take.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Now, by the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// An end to waiting: whatever is waited for has come by then, or the run has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// This far from now.
    pub(crate) fn within(time: Duration) -> Self {
        Self(now() + time)
    }

    /// What is left; nothing when it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    /// # Errors
    /// When it has passed; `what` says what was waited for.
    pub(crate) fn check(self, what: &str) -> Result<()> {
        if self.left().is_zero() {
            bail!("{what}: not done in time");
        }
        Ok(())
    }
}
