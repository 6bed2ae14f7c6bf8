//! How a character can be typed: as itself, or, for Chinese, by the pinyin of any of its readings.

use pinyin::ToPinyinMulti;

/// Each number of letters at the start of `rest` that the character answers to: one for itself, and for a
/// Chinese character every beginning of a reading.
pub(super) fn letters_taken(character: char, rest: &[char]) -> Vec<usize> {
    let mut counts = Vec::new();
    let Some(first) = rest.first() else { return counts };
    if character == *first || character.to_lowercase().eq(std::iter::once(*first)) {
        counts.push(1);
        return counts;
    }
    if character.is_ascii() || !first.is_ascii_lowercase() {
        return counts;
    }
    let Some(readings) = character.to_pinyin_multi() else { return counts };
    for reading in readings {
        let common =
            reading.plain().chars().zip(rest).take_while(|(a, b)| sounds_like(*a, **b)).count();
        counts.extend(1..=common);
    }
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Input methods take v for ü, passports u.
fn sounds_like(written: char, typed: char) -> bool {
    written == typed || (written == 'ü' && matches!(typed, 'v' | 'u'))
}
