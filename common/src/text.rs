//! The one sanitiser of foreign text. Whatever somebody else wrote passes here before it reaches a
//! terminal, a log or a notification. What was done to the text stays visible where it matters.

use unicode_normalization::char::is_combining_mark;

/// Combining marks kept on one base character; more only paint over the neighbours.
const MARKS_MAX: usize = 8;

/// Text of several lines, safe to draw: no control characters but `\n`, no direction overrides, no
/// invisible characters outside of where writing needs them.
#[must_use]
pub fn clean_text(text: &str) -> String {
    clean(text, false)
}

/// The same on one line: line breaks become spaces.
#[must_use]
pub fn clean_line(text: &str) -> String {
    clean(text, true)
}

fn clean(text: &str, one_line: bool) -> String {
    // Most of what is said has nothing to look at twice.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let (mark, len) = (is_combining_mark(c), out.len());
        let after =
            rest.peek().copied().filter(|&next| stays(next, marks) && !is_noncharacter(next));
        match c {
            '\n' => out.push(if one_line { ' ' } else { '\n' }),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\t' => out.push_str("    "),
            '\u{0}'..='\u{1f}' => out.push(picture(c)),
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => out.push('\u{2426}'),
            '\u{200c}' | '\u{200d}' if joins(&out, after) => out.push(c),
            '\u{fe00}'..='\u{fe0f}' if !follows_base(&out) => {}
            '\u{e0020}'..='\u{e007f}' if in_flag(&out) => out.push(c),
            _ if !stays(c, marks) => {}
            _ if is_noncharacter(c) => out.push('\u{fffd}'),
            _ => out.push(c),
        }
        // Neither what was taken away nor a joiner is a base on which marks may pile up anew.
        if out.len() > len && !is_joiner(c) {
            marks = if mark { marks + 1 } else { 0 };
        }
    }
    out
}

/// Whether a character behind so many marks is kept, unless what stands around it forbids it.
fn stays(c: char, marks: usize) -> bool {
    !(is_hidden(c) || is_combining_mark(c) && marks >= MARKS_MAX)
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// The visible stand-in of a C0 control (Unicode block Control Pictures).
fn picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}')
}

/// Characters that show nothing and change how others are shown.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Joiners stay between emoji, and inside scripts whose writing needs them.
fn joins(before: &str, after: Option<char>) -> bool {
    let (Some(left), Some(right)) = (before.chars().rev().find(|c| *c != '\u{fe0f}'), after) else {
        return false;
    };
    (is_pictograph(left) && is_pictograph(right)) || (needs_joiners(left) && needs_joiners(right))
}

const fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}')
}

/// Arabic to Mongolian: the blocks whose scripts join or conjoin letters.
const fn needs_joiners(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{a840}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// A variation selector is kept once, behind something visible.
fn follows_base(before: &str) -> bool {
    before
        .chars()
        .next_back()
        .is_some_and(|c| !c.is_whitespace() && !matches!(c, '\u{fe00}'..='\u{fe0f}'))
}

/// Tag characters spell the region of a flag emoji and nothing else.
fn in_flag(before: &str) -> bool {
    let base = before.chars().rev().find(|c| !matches!(c, '\u{e0020}'..='\u{e007e}'));
    base == Some('\u{1f3f4}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_harmless() {
        for (foreign, want) in [
            ("plain 中文 é", "plain 中文 é"),
            ("\u{1b}[2J\u{7}", "␛[2J␇"),
            ("a\u{9b}31mb\u{7f}", "a␦31mb␡"),
            ("a\r\nb\rc", "a\nb␍c"),
            ("a\tb", "a    b"),
            ("\u{202e}evil\u{202c}", "evil"),
            ("a\u{200b}\u{feff}\u{2060}b", "ab"),
            ("👩\u{200d}👩\u{200d}👧", "👩\u{200d}👩\u{200d}👧"),
            ("a\u{200d}b", "ab"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("\u{fe0f}x", "x"),
            ("x\u{fe0f}\u{fe0f}", "x\u{fe0f}"),
            ("a\u{2028}b", "a␦b"),
            ("\u{ffff}\u{fdd0}", "\u{fffd}\u{fffd}"),
            ("\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}", "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}"),
            ("a\u{e0067}", "a"),
        ] {
            assert_eq!(clean_text(foreign), want, "{foreign:?}");
        }
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(clean_line("a\nb\r\nc"), "a b c");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let zalgo = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(clean_text(&zalgo).chars().count(), 2 + MARKS_MAX);
    }

    #[test]
    fn marks_do_not_pile_up_over_what_is_invisible() {
        for between in ["\u{200b}", "\u{202e}", "\u{200d}", "\u{ad}"] {
            let zalgo = format!("\u{628}{}", format!("{}{between}", "\u{64b}".repeat(8)).repeat(9));
            let marks = clean_text(&zalgo).chars().filter(|c| *c == '\u{64b}').count();
            assert_eq!(marks, MARKS_MAX, "{between:?}");
        }
    }

    #[test]
    fn a_joiner_before_what_goes_goes_too() {
        for foreign in [
            "\u{70b}\u{200d}\u{61c}x".to_owned(),
            format!("\u{628}{}\u{200d}\u{64b}x", "\u{64b}".repeat(MARKS_MAX)),
            // Among letters that join, and replaced.
            "\u{70b}\u{200d}\u{fde0}x".to_owned(),
        ] {
            let once = clean_text(&foreign);
            assert!(!once.contains('\u{200d}'), "{once:?}");
            assert_eq!(clean_text(&once), once);
        }
    }

    proptest::proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC*|.*") {
            let once = clean_text(&text);
            proptest::prop_assert!(once.chars().all(|c| c == '\n' || !c.is_control()));
            proptest::prop_assert_eq!(clean_text(&once), once);
        }
    }
}
