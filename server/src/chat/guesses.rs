//! Guessing passwords gets slower and slower. Nobody is locked out: a delay is told to whoever
//! causes it, and ends. What is known is kept in memory only, for so many at most.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use liao_common::fault::{Fault, FaultCode};
use tokio::time::Instant;

use super::origin::Origin;
use crate::recent::{Gauge, Recent};

/// Entries of each of the lists. A full one forgets those that were quiet for longest.
const ENTRIES_MAX: usize = 16 * 1024;

/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// Failures counted beyond the free ones: enough for the longest delay, and few enough to be
/// forgotten within hours.
const OVER_MAX: u32 = 8;

/// Failures that are free, and how fast they are forgotten.
#[derive(Clone, Copy)]
struct Measure {
    free: u32,
    forgets_one: Duration,
}

/// Failures of one origin with any accounts: 20 in ten minutes.
const ORIGIN: Measure = Measure { free: 20, forgets_one: Duration::from_secs(30) };

/// Failures with one account from anywhere: 100 in an hour.
const ACCOUNT: Measure = Measure { free: 100, forgets_one: Duration::from_secs(36) };

/// How fast failures of one origin with one account are forgotten.
const PAIR_FORGETS_ONE: Duration = Duration::from_secs(120);

/// How fast accounts made by one origin are forgotten: 20 at once, then six an hour.
const NEWCOMERS: Measure = Measure { free: 20, forgets_one: Duration::from_secs(600) };

/// An account by what was typed, whether there is one or not: the brake must not tell.
type Name = [u8; 16];

/// Slows one thing down.
#[derive(Clone, Copy, Default)]
struct Brake {
    failures: Gauge,
    next: Option<Instant>,
    /// Somebody new was told to wait once, because the account is under attack.
    met: bool,
}

impl Brake {
    fn wait(&self, now: Instant) -> Duration {
        self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    fn over(&mut self, now: Instant, by: Measure) -> u32 {
        self.failures.count(now, by.forgets_one).saturating_sub(by.free)
    }

    fn fail(&mut self, now: Instant, by: Measure) {
        self.failures.count(now, by.forgets_one);
        self.failures.add(by.free.saturating_add(OVER_MAX));
        self.next = delay(self.over(now, by)).map(|delay| now + delay);
    }

    fn take_back(&mut self) {
        self.failures.take_back();
        self.next = None;
    }
}

/// 1, 2, 4 … seconds, up to a minute.
fn delay(over: u32) -> Option<Duration> {
    let seconds = 1_u64.checked_shl(over.checked_sub(1)?).unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(DELAY_MAX))
}

/// See the module.
pub struct Guesses {
    /// Failures of one origin with one account that are free.
    free: u32,
    state: Mutex<State>,
}

struct State {
    pairs: Recent<(Origin, Name), Brake>,
    origins: Recent<Origin, Brake>,
    accounts: Recent<Name, Brake>,
    newcomers: Recent<Origin, Brake>,
    /// From where an account was logged into: an attack from elsewhere does not slow these.
    welcome: Recent<(Origin, Name), ()>,
}

/// A try that is under way. Dropped, it has failed: giving up early does not help.
pub struct Guess<'a> {
    guesses: &'a Guesses,
    origin: Origin,
    name: Name,
}

impl Guesses {
    /// Nothing was guessed yet; so many failures of one origin with one account are free.
    #[must_use]
    pub fn new(free: u32) -> Self {
        let state = State {
            pairs: Recent::new(ENTRIES_MAX),
            origins: Recent::new(ENTRIES_MAX),
            accounts: Recent::new(ENTRIES_MAX),
            newcomers: Recent::new(ENTRIES_MAX),
            welcome: Recent::new(ENTRIES_MAX),
        };
        Self { free, state: Mutex::new(state) }
    }

    /// Lets somebody try a password for an account, as it was typed.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait. Asking earlier costs nothing and gains nothing.
    pub fn begin(&self, origin: Origin, account: &str) -> Result<Guess<'_>, Fault> {
        self.begin_at(origin, account, Instant::now())
    }

    fn begin_at(&self, origin: Origin, account: &str, now: Instant) -> Result<Guess<'_>, Fault> {
        let name = name(account);
        let mut state = self.lock();
        let state = &mut *state;
        let under_attack = state.accounts.entry(name).over(now, ACCOUNT);
        let known = state.welcome.contains(&(origin, name));
        let pair = state.pairs.entry((origin, name));
        if let Some(delay) = delay(under_attack)
            && !known
            && !pair.met
        {
            pair.met = true;
            pair.next = Some(now + delay);
        }
        let mut wait = pair.wait(now);
        if origin != Origin::Here {
            wait = wait.max(state.origins.entry(origin).wait(now));
        }
        if !wait.is_zero() {
            return Err(slow_down(wait));
        }
        pair.fail(now, self.pair());
        pair.met = false;
        state.accounts.entry(name).fail(now, ACCOUNT);
        if origin != Origin::Here {
            state.origins.entry(origin).fail(now, ORIGIN);
        }
        Ok(Guess { guesses: self, origin, name })
    }

    /// Counts somebody who wants to make an account.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub fn register(&self, origin: Origin) -> Result<(), Fault> {
        let now = Instant::now();
        let mut state = self.lock();
        let brake = state.newcomers.entry(origin);
        let wait = brake.wait(now);
        if origin == Origin::Here {
            return Ok(());
        }
        if !wait.is_zero() {
            return Err(slow_down(wait));
        }
        brake.fail(now, NEWCOMERS);
        Ok(())
    }

    fn pair(&self) -> Measure {
        Measure { free: self.free, forgets_one: PAIR_FORGETS_ONE }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guess<'_> {
    /// The password was right.
    pub fn was_right(self) {
        let mut state = self.guesses.lock();
        state.pairs.remove(&(self.origin, self.name));
        state.origins.entry(self.origin).take_back();
        state.accounts.entry(self.name).take_back();
        state.welcome.entry((self.origin, self.name));
    }

    /// The password was not looked at.
    pub fn did_not_count(self) {
        let mut state = self.guesses.lock();
        state.pairs.entry((self.origin, self.name)).take_back();
        state.origins.entry(self.origin).take_back();
        state.accounts.entry(self.name).take_back();
    }
}

fn name(account: &str) -> Name {
    let mut name = [0; 16];
    let hash = blake3::hash(account.as_bytes());
    name.copy_from_slice(&hash.as_bytes()[..16]);
    name
}

fn slow_down(wait: Duration) -> Fault {
    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    Fault::new(FaultCode::RateLimited, "too many failed attempts").retry_after(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACKER: Origin = Origin::There(666);
    const OWNER: Origin = Origin::There(1);

    struct Clock(Instant);

    impl Clock {
        fn passes(&mut self, ms: u64) {
            self.0 += Duration::from_millis(ms);
        }

        /// A wrong password, or how long to wait.
        fn fails(&self, guesses: &Guesses, origin: Origin, account: &str) -> Result<(), u64> {
            let begun = guesses.begin_at(origin, account, self.0);
            begun.map(drop).map_err(|fault| fault.retry_ms.unwrap())
        }

        fn succeeds(&self, guesses: &Guesses, origin: Origin, account: &str) -> Result<(), u64> {
            let begun = guesses.begin_at(origin, account, self.0);
            begun.map(Guess::was_right).map_err(|fault| fault.retry_ms.unwrap())
        }
    }

    #[test]
    fn the_delay_grows_and_the_right_password_ends_it() {
        let (guesses, mut clock) = (Guesses::new(5), Clock(Instant::now()));
        let fails = |clock: &Clock| clock.fails(&guesses, ATTACKER, "alice");
        for _ in 0..6 {
            assert_eq!(fails(&clock), Ok(()));
        }
        for delay in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000] {
            assert_eq!(fails(&clock), Err(delay));
            clock.passes(delay - 1);
            assert_eq!(fails(&clock), Err(1), "asking early changes nothing");
            clock.passes(1);
            assert_eq!(fails(&clock), Ok(()));
        }
        assert_eq!(clock.succeeds(&guesses, OWNER, "alice"), Ok(()), "elsewhere nothing changed");
        clock.passes(60_000);
        assert_eq!(clock.succeeds(&guesses, ATTACKER, "alice"), Ok(()));
        for _ in 0..5 {
            assert_eq!(fails(&clock), Ok(()));
        }
    }

    #[test]
    fn one_password_for_many_accounts_is_slow_too() {
        let (guesses, clock) = (Guesses::new(5), Clock(Instant::now()));
        let tried = (0..1000)
            .filter(|n| clock.fails(&guesses, ATTACKER, &format!("user{n}")).is_ok())
            .count();
        assert_eq!(tried, 21);
        assert_eq!(clock.succeeds(&guesses, OWNER, "user1"), Ok(()));
        let here = (0..1000)
            .filter(|n| clock.fails(&guesses, Origin::Here, &format!("user{n}")).is_ok())
            .count();
        assert_eq!(here, 1000, "behind a proxy all come from one place");
    }

    #[test]
    fn an_account_under_attack_from_everywhere_is_not_locked() {
        let (guesses, mut clock) = (Guesses::new(5), Clock(Instant::now()));
        assert_eq!(clock.succeeds(&guesses, OWNER, "alice"), Ok(()));
        let bot = |n: u64| Origin::There(1000 + n);
        let tried = (0..5000).filter(|n| clock.fails(&guesses, bot(*n), "alice").is_ok()).count();
        assert!(tried <= 108, "{tried} guesses");
        assert_eq!(clock.succeeds(&guesses, OWNER, "alice"), Ok(()), "from where she always is");
        let elsewhere = Origin::There(2);
        let wait = clock.succeeds(&guesses, elsewhere, "alice").unwrap_err();
        assert!(wait <= 60_000);
        for n in 0..5000 {
            let _ = clock.fails(&guesses, bot(n), "alice");
        }
        clock.passes(wait);
        assert_eq!(clock.succeeds(&guesses, elsewhere, "alice"), Ok(()), "after one wait");
    }

    #[test]
    fn tries_under_way_count_and_those_not_looked_at_do_not() {
        let (guesses, clock) = (Guesses::new(2), Clock(Instant::now()));
        let begin = || guesses.begin_at(OWNER, "alice", clock.0);
        let (one, two, three) = (begin().ok(), begin().ok(), begin().ok());
        assert!(three.is_some() && begin().is_err(), "all at once gains nothing");
        for guess in [one, two, three].into_iter().flatten() {
            guess.did_not_count();
        }
        assert!(begin().is_ok());
    }
}
