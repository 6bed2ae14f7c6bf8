//! Which passwords everybody would try early. The server refuses them, and clients say so before they ask it.

/// Passwords that everybody tries first, and words that they put a year or the like behind. Where they
/// are from stands in `common_passwords.license`.
const COMMON: &str = include_str!("common_passwords.txt");

/// Characters behind a common word that do not make it less common.
const TAIL_CHARS_MAX: usize = 4;

/// Whether everybody would try this password early: the user id, a common password, one of them with
/// a year or the like behind it, hardly more than one character again and again, or one after the
/// other as they stand in a row.
#[must_use]
pub fn is_common(password: &str, user_id: &str) -> bool {
    let lower = password.to_lowercase();
    let word = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    let tail = lower.chars().count() - word.chars().count();
    let word = if tail <= TAIL_CHARS_MAX { word } else { lower.as_str() };
    let is_one_of_us = |known: &str| known == lower || known == word;
    let mut kinds: Vec<char> = lower.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() <= 2 || is_row(&lower) || is_one_of_us(user_id) || COMMON.lines().any(is_one_of_us)
}

/// Letters or digits as they follow each other, up or down, such as 23456789.
fn is_row(password: &str) -> bool {
    let letters: Vec<u32> = password.chars().map(u32::from).collect();
    letters.windows(2).all(|pair| matches!(pair, [one, other] if one.abs_diff(*other) <= 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_there_and_can_be_found_in() {
        assert!(COMMON.lines().count() > 10_000);
        assert!(
            COMMON.lines().all(|known| known == known.to_lowercase()),
            "else it is never found"
        );
        assert!(is_common("Password1", "alice") && is_common("WangLaoWu", "wanglaowu"));
        assert!(!is_common("correct horse", "alice"));
    }
}
