//! The one file that reads clocks. The wall clock is for display and expiry only; order comes from
//! `seq`, deadlines from tokio's monotonic time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the wall clock; 0 when it stands before that.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
