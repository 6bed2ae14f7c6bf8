//! A rough estimate of how hard a password is to guess, shown while it is being chosen. Pure.
//! It advises only: what is allowed is decided by the server.

use unicode_segmentation::UnicodeSegmentation;

/// How hard a password is to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength(u8);

impl Strength {
    /// From 0 (very weak) to 4 (strong).
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }

    /// Key of the word for it.
    #[must_use]
    pub const fn word_key(self) -> &'static str {
        match self.0 {
            0 => "strength.0",
            1 => "strength.1",
            2 => "strength.2",
            3 => "strength.3",
            _ => "strength.4",
        }
    }
}

/// Beginnings of the passwords that are guessed first.
const COMMON: &[&str] = &[
    "123456", "password", "qwerty", "abc123", "111111", "iloveyou", "admin", "letmein", "welcome",
    "monkey", "dragon", "666666", "888888", "000000", "5201314", "1314520", "woaini", "a123456",
    "1q2w3e", "q1w2e3", "zxcvbn", "asdf", "passw0rd", "liao",
];

/// Bits of guessing work from which a level begins.
const LEVEL_BITS: [f64; 4] = [28.0, 40.0, 55.0, 70.0];

/// Estimates the strength of a password.
#[must_use]
pub fn password_strength(password: &str) -> Strength {
    let lower = password.to_lowercase();
    let common: usize =
        COMMON.iter().filter(|word| lower.contains(**word)).map(|word| word.len() - 1).sum();
    let bits = f64::from(effective_length(password, common)) * bits_per_character(password);
    let level = LEVEL_BITS.iter().take_while(|least| bits >= **least).count();
    Strength(u8::try_from(level).unwrap_or_default())
}

/// Characters that add guessing work: repeats, runs (`abcd`, `4321`) and known words add little.
fn effective_length(password: &str, common: usize) -> u32 {
    let mut points: Vec<u32> = Vec::new();
    for cluster in password.graphemes(true) {
        points.extend(cluster.chars().next().map(u32::from));
    }
    let predictable = points.windows(3).filter(|w| follows(w)).count();
    let kept = points.len().saturating_sub(predictable + common);
    u32::try_from(kept).unwrap_or(u32::MAX)
}

fn follows(window: &[u32]) -> bool {
    let [a, b, c] = window else { return false };
    let step = b.abs_diff(*a);
    step <= 1 && b.wrapping_sub(*a) == c.wrapping_sub(*b)
}

fn bits_per_character(password: &str) -> f64 {
    let has = |test: fn(&char) -> bool| password.chars().any(|c| test(&c));
    let mut alphabet = 0;
    for (found, size) in [
        (has(char::is_ascii_lowercase), 26),
        (has(char::is_ascii_uppercase), 26),
        (has(char::is_ascii_digit), 10),
        (has(|c| c.is_ascii_punctuation() || *c == ' '), 33),
        // Of some thousand characters in use, the common ones are tried first.
        (has(|c| !c.is_ascii()), 500),
    ] {
        alphabet += if found { size } else { 0 };
    }
    f64::from(alphabet.max(1)).log2()
}
