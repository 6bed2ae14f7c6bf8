//! Foreign text through the one sanitiser. What comes out commands no terminal, turns no direction of
//! writing, and is left alone when it passes again.

use liao_common::text;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let foreign = String::from_utf8_lossy(input);
    let (many, one) = (text::clean_text(&foreign), text::clean_line(&foreign));
    assert_tame(&many);
    assert_eq!(text::clean_text(&many), many, "cleaning twice changes {foreign:?}");
    assert_eq!(text::clean_line(&one), one, "cleaning twice changes {foreign:?}");
    assert_eq!(one, many.replace('\n', " "), "one line is another text: {foreign:?}");
    // Each character becomes at most four: a tab.
    assert!(many.chars().count() <= 4 * foreign.chars().count(), "{foreign:?} grew");
}

/// Fails when the text has a character that a terminal obeys.
pub(crate) fn assert_tame(text: &str) {
    let wild = text.chars().find(|c| (c.is_control() && *c != '\n') || turns(*c));
    assert_eq!(wild, None, "{text:?} commands a terminal");
}

/// Characters that change the direction of what stands around them, or break lines unseen.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
