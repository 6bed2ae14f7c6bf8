//! How long to wait before the next attempt: full jitter, so that many clients cut off at once do
//! not come back at once. Pure but for the random bytes passed in.

use std::sync::Arc;

use crate::entropy::{Entropy, up_to};

/// The longest wait after the first failure, in milliseconds; it doubles with each.
pub const FIRST_MS: u64 = 500;

/// The longest wait of all, in milliseconds.
pub const LAST_MS: u64 = 60_000;

/// Counts failures and gives waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// All is well: begin from the start.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// One more failure: the time to wait, in milliseconds.
    pub fn next_ms(&mut self, entropy: &Arc<dyn Entropy>) -> u64 {
        let longest = FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(LAST_MS);
        self.failures = self.failures.saturating_add(1);
        up_to(entropy, longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn waits_grow_to_a_limit_and_are_spread() {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        let longest = |failures: u32| {
            let waits = (0..500).map(|_| Backoff { failures }.next_ms(&entropy));
            waits.max().unwrap_or_default()
        };
        for (failures, limit) in [(0, 500), (1, 1000), (6, 32_000), (7, 60_000), (99, 60_000)] {
            let got = longest(failures);
            assert!(got <= limit && got > limit * 9 / 10, "{failures}: {got} of {limit}");
        }
        let mut backoff = Backoff { failures: 20 };
        backoff.reset();
        assert!(backoff.next_ms(&entropy) <= FIRST_MS);
    }
}
