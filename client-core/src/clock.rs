//! The only file of the crate that reads a clock. Wall time is for display and expiry; waiting
//! goes by tokio's time, which tests may pause.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// Milliseconds since 1970 by the wall clock; 0 when the clock stands before that.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Now, for waiting and measuring.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since this was first asked, on a clock that only rises.
#[must_use]
pub fn steady_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    ms_since(*START.get_or_init(now))
}

/// Whole milliseconds from `earlier` until now.
#[must_use]
pub fn ms_since(earlier: Instant) -> u64 {
    u64::try_from(earlier.elapsed().as_millis()).unwrap_or(u64::MAX)
}
