//! Random numbers of one program, and the clock its nonces go by. Whether both server and client are
//! right about the time, one of them is not, or the program knows nothing of clocks goes by its seed.

use liao_client_core::entropy::{Entropy, SeededEntropy};

use crate::clock;

/// See the module.
pub(crate) struct Chance {
    bytes: SeededEntropy,
    clock: Clock,
}

enum Clock {
    /// Beside the true time, in milliseconds.
    Beside(i64),
    /// Nonces that begin with anything, as older programs make them.
    None,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = match seed % 8 {
            0 | 1 => Clock::None,
            2 => Clock::Beside(-90_000),
            3 => Clock::Beside(5_000),
            4 => Clock::Beside(7_200_000),
            _ => Clock::Beside(0),
        };
        Self { bytes: SeededEntropy::new(seed), clock }
    }
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        self.bytes.fill(bytes);
    }

    fn time_ms(&self) -> u64 {
        match self.clock {
            Clock::Beside(off_ms) => clock::true_ms().saturating_add_signed(off_ms),
            Clock::None => {
                let mut bytes = [0; 8];
                self.bytes.fill(&mut bytes);
                u64::from_le_bytes(bytes)
            }
        }
    }
}
