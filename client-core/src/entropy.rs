//! Where random bytes come from: the operating system, or a seed in tests.
//! The only file of the crate that asks for randomness.

use std::sync::{Arc, Mutex, PoisonError};

use liao_common::id::Nonce;

use crate::clock;

/// Bytes at the front of a nonce that say when it was made.
const TIME_BYTES: usize = 6;

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

/// A nonce for a new post: the time, to the second, and ten random bytes. One that is newer than all
/// before costs the server less; a clock that is wrong costs no more than that. The second, because
/// whoever reads the post reads its nonce, and a clock is known by its milliseconds.
#[must_use]
pub fn nonce(entropy: &Arc<dyn Entropy>) -> Nonce {
    let mut bytes = [0; Nonce::LEN];
    let time_ms = entropy.time_ms();
    let (time, random) = bytes.split_at_mut(TIME_BYTES);
    time.copy_from_slice(&(time_ms - time_ms % 1000).to_be_bytes()[8 - TIME_BYTES..]);
    entropy.fill(random);
    Nonce(bytes)
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

    /// A clock that stands.
    struct At(u64);

    impl Entropy for At {
        fn fill(&self, bytes: &mut [u8]) {
            SystemEntropy.fill(bytes);
        }

        fn time_ms(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn nonces_differ_rise_by_the_second_and_tell_no_more_of_the_clock() {
        let at = |ms| -> Arc<dyn Entropy> { Arc::new(At(ms)) };
        let of = |ms| nonce(&at(ms));
        assert_ne!(of(1_800_000_000_000), of(1_800_000_000_000));
        assert!(of(1_800_000_000_999) < of(1_800_000_001_000));
        let time = |ms| of(ms).0.first_chunk::<TIME_BYTES>().copied();
        assert_eq!(time(1_800_000_000_999), time(1_800_000_000_000));
        assert_ne!(of(0), Nonce([0; Nonce::LEN]), "a clock that was never set");
        assert_ne!(of(u64::MAX), of(u64::MAX));
    }
}
