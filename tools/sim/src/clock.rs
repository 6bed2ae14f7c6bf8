//! Time in a simulated world. Waiting goes by the runtime's paused clock; the server's wall clock
//! stands somewhere beside it and may jump. One world per thread, so it is kept by thread. The only
//! file of the package that reads a real clock, to tell how long a run took.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use tokio::time::Instant;

use crate::Dice;

/// Where wall clocks stand when a world begins, in milliseconds since 1970.
const DAWN_MS: i64 = 1_800_000_000_000;

/// The longest that one read or one hash takes, in milliseconds: as a rule, and on a bad day.
const WORK_MS_MAX: u64 = 4;
const SLOW_WORK_MS_MAX: u64 = 600;

thread_local! {
    static DAWN: Cell<Option<Instant>> = const { Cell::new(None) };
    static WALL_OFF_MS: Cell<i64> = const { Cell::new(0) };
    static WORK_IS_SLOW: Cell<bool> = const { Cell::new(false) };
    static WORK: RefCell<Dice> = const { RefCell::new(Dice::new(0)) };
}

/// A world begins on this thread. Must be called inside its runtime.
pub(crate) fn begin(dice: Dice) {
    DAWN.set(Some(Instant::now()));
    WALL_OFF_MS.set(0);
    WORK_IS_SLOW.set(false);
    WORK.set(dice);
}

/// Milliseconds since the world began.
pub(crate) fn at_ms() -> u64 {
    let since = DAWN.get().map(|dawn| dawn.elapsed()).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The server's wall clock, in milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    true_ms().saturating_add_signed(WALL_OFF_MS.get())
}

/// What a clock shows that is right, in milliseconds since 1970.
pub(crate) fn true_ms() -> u64 {
    at_ms().saturating_add_signed(DAWN_MS)
}

/// The wall clock stands so far from where it should.
pub(crate) fn jump(off_ms: i64) {
    WALL_OFF_MS.set(off_ms);
}

/// From now on reading takes long, or does not.
pub(crate) fn work_is_slow(slow: bool) {
    WORK_IS_SLOW.set(slow);
}

/// How long a piece of blocking work takes this time.
pub(crate) fn work() -> Duration {
    let max = if WORK_IS_SLOW.get() { SLOW_WORK_MS_MAX } else { WORK_MS_MAX };
    Duration::from_millis(WORK.with_borrow_mut(|dice| dice.below(max + 1)))
}

/// Measures real time.
#[derive(Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock file")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Seconds since.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
