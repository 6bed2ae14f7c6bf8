//! Where random bytes come from: the operating system, or a seed in tests.
//! The only file of the crate that asks for randomness.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use liao_common::id::Nonce;

use crate::clock;

/// Bits of a nonce behind its time that count the nonces of that time.
const COUNT_BITS: u32 = 16;

/// How far back the clock may go without nonces beginning again with what it says, in milliseconds.
const BACK_MS_MAX: u64 = 60_000;

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// What the nonces of now begin with, in milliseconds since 1970. A simulation has a time of its own.
    fn time_ms(&self) -> u64 {
        clock::wall_ms()
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::panic, reason = "without randomness nonces repeat and posts get lost")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// Numbers that repeat with their seed (SplitMix64): for tests and load generators, never for
/// secrets.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The series of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// A number between two, both included; the first where they are the wrong way round.
pub(crate) fn between(entropy: &Arc<dyn Entropy>, min: u64, max: u64) -> u64 {
    min.saturating_add(up_to(entropy, max.saturating_sub(min)))
}

/// Makes the nonces of new posts: the time, to the second, in six bytes, then a number in two, so that each is newer
/// than the ones before, and eight random bytes, so that no other program makes the same. One that is newer
/// than all before costs the server less; a clock that is wrong costs no more than that. The second, because
/// whoever reads the post reads its nonce, and a clock is known by its milliseconds.
pub struct Nonces {
    entropy: Arc<dyn Entropy>,
    /// Time and number of the last one.
    last: AtomicU64,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

impl Nonces {
    /// None has been made yet.
    #[must_use]
    pub const fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, last: AtomicU64::new(0) }
    }

    /// One that nobody has.
    #[must_use]
    pub fn fresh(&self) -> Nonce {
        let time_ms = self.entropy.time_ms();
        let now = (time_ms - time_ms % 1000) << COUNT_BITS;
        let mut random = [0; 8];
        self.entropy.fill(&mut random);
        let follow = |last| Some(following(last, now));
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, follow);
        let begin = following(before.unwrap_or_else(|last| last), now);
        Nonce((u128::from(begin) << 64 | u128::from(u64::from_be_bytes(random))).to_be_bytes())
    }
}

/// The beginning of a nonce after the last one. Many in a second run into its milliseconds.
const fn following(last: u64, now: u64) -> u64 {
    let far_ahead = last.saturating_sub(now) >> COUNT_BITS > BACK_MS_MAX;
    if last < now || far_ahead { now } else { last.wrapping_add(1) }
}

/// A number from 0 to `max`, both included, each about as likely.
#[must_use]
pub fn up_to(entropy: &Arc<dyn Entropy>, max: u64) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    let wide = u128::from(u64::from_le_bytes(bytes)) * (u128::from(max) + 1);
    u64::try_from(wide >> 64).unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let drawn: Vec<u64> = (0..1000).map(|_| up_to(&entropy, 3)).collect();
        for want in 0..=3 {
            assert!(drawn.contains(&want), "{want}");
        }
        assert!(drawn.iter().all(|drawn| *drawn <= 3));
        assert_eq!(up_to(&entropy, 0), 0);
    }

    /// A clock that is set by hand.
    struct Set(AtomicU64);

    impl Entropy for Set {
        fn fill(&self, bytes: &mut [u8]) {
            SystemEntropy.fill(bytes);
        }

        fn time_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn time_ms(nonce: Nonce) -> u64 {
        u64::try_from(u128::from_be_bytes(nonce.0) >> 80).unwrap()
    }

    #[test]
    fn nonces_rise_and_tell_no_more_of_the_clock_than_the_second() {
        let clock = Arc::new(Set(AtomicU64::new(1_800_000_000_999)));
        let nonces = Nonces::new(Arc::clone(&clock) as Arc<dyn Entropy>);
        let at = |ms| {
            clock.0.store(ms, Ordering::Relaxed);
            nonces.fresh()
        };
        let times = [1_800_000_000_999, 1_800_000_000_001, 1_800_000_000_999, 1_800_000_001_000];
        let made = times.map(at);
        assert!(made.is_sorted(), "{made:?}");
        assert_eq!(made.map(time_ms).map(|ms| ms % 1000), [0; 4]);
        assert_eq!(time_ms(made[0]), 1_800_000_000_000);
        let many: Vec<Nonce> = (0..70_000).map(|_| at(1_800_000_001_000)).collect();
        assert!(many.is_sorted() && time_ms(many[69_999]) == 1_800_000_001_001);
        assert!(at(1_800_000_000_500) > many[69_999], "a clock that went back a little");
        assert_eq!(time_ms(at(1_700_000_000_000)), 1_700_000_000_000, "one that was put right");
    }

    #[test]
    fn two_programs_never_make_the_same_nonce_whatever_their_clocks_say() {
        for ms in [0, 999, 1_800_000_000_000, u64::MAX] {
            let of = || Nonces::new(Arc::new(Set(AtomicU64::new(ms)))).fresh();
            assert_ne!(of(), of(), "{ms}");
            assert_ne!(of(), Nonce([0; Nonce::LEN]), "{ms}");
        }
    }
}
