//! The one place where the terminal client asks what time it is, and how far local time is from UTC.
//! Owns the time zone. Everything else is handed a number of milliseconds.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, tz::TimeZone};

use crate::format::LocalOffset;

/// Wall time, local time and a steady time.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// A clock in the time zone of this computer.
    #[must_use]
    pub fn system() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// Now, in milliseconds since 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// A moment on the clock that never jumps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn after(&self, time: Duration) -> Instant {
        Instant::now() + time
    }

    /// What the zone is called and how it changes.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// How far local time is from UTC at the moment given in milliseconds since 1970.
#[must_use]
pub fn offset_at(zone: &TimeZone, at_ms: u64) -> LocalOffset {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    LocalOffset::from_seconds(at.map_or(0, |at| zone.to_offset(at).seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(offset_at(&zone, 1_790_000_000_000).seconds, 8 * 3600);
        assert_eq!(offset_at(&TimeZone::UTC, u64::MAX).seconds, 0);
    }
}
