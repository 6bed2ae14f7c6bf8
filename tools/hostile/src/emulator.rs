//! Reads what was drawn as a terminal would, and lets pass what our own drawing needs: colours, cursor
//! moves, and the cursor's visibility. Anything else came from outside. Pure.

use std::num::NonZero;

use vt100::{MouseProtocolMode, Parser};

use crate::sanitiser::assert_tame;

/// Fails when the bytes say more than our own drawing does, or leave the screen.
pub(crate) fn assert_ours(bytes: &[u8], (columns, rows): (u16, u16)) {
    let drawn = str::from_utf8(bytes);
    assert!(drawn.is_ok(), "what is drawn is no text");
    let mut rest = drawn.unwrap_or_default();
    while let Some((before, after)) = rest.split_once('\x1b') {
        assert_plain(before);
        rest = skip_own(after);
    }
    assert_plain(rest);
    assert_calm(bytes, (columns, rows));
}

fn assert_plain(text: &str) {
    assert!(!text.contains('\n'), "{text:?} breaks a line");
    assert_tame(text);
}

/// What follows a sequence of ours.
fn skip_own(after: &str) -> &str {
    let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
    let (sequence, rest) = after.split_at(end);
    let own = match sequence {
        "[?25l" | "[?25h" | "[2J" => true,
        _ => {
            sequence.strip_prefix('[').and_then(|inner| inner.strip_suffix(['m', 'H'])).is_some_and(
                |numbers| numbers.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':')),
            )
        }
    };
    assert!(own, "{sequence:?} is not ours");
    rest
}

/// A terminal that was shown this is in no other mode than before.
fn assert_calm(bytes: &[u8], (columns, rows): (u16, u16)) {
    let (Some(columns), Some(rows)) = (NonZero::new(columns), NonZero::new(rows)) else { return };
    let mut parser = Parser::new(rows, columns, 0);
    parser.process(bytes);
    let screen = parser.screen();
    assert!(!screen.alternate_screen() && !screen.bracketed_paste(), "a mode was changed");
    assert!(!screen.application_cursor() && !screen.application_keypad(), "a mode was changed");
    assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "the mouse was asked for");
    let (row, column) = screen.cursor_position();
    assert!(row < rows.get() && column <= columns.get(), "the cursor left the screen");
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u16, u16) = (20, 3);

    #[test]
    fn our_own_drawing_passes() {
        assert_ours("\x1b[1;1H\x1b[38;5;1m中文\x1b[0m\x1b[?25l\x1b[2;2Hend".as_bytes(), SIZE);
    }

    #[test]
    fn everything_else_is_noticed() {
        for foreign in [
            "\x1b]0;x\x07",
            "\x1b]52;c;eA==\x07",
            "\x1b[c",
            "\x1b[6n",
            "\x1b[?1049h",
            "\x1bPq\x1b\\",
            "\x1b(0",
            "\x1bc",
            "\x1b",
            "\x1b[",
            "\x07",
            "\x08",
            "\n",
            "\r",
            "\u{9b}31m",
            "\u{202e}x",
        ] {
            let caught = std::panic::catch_unwind(|| assert_ours(foreign.as_bytes(), SIZE));
            assert!(caught.is_err(), "{foreign:?} passed");
        }
        assert!(std::panic::catch_unwind(|| assert_ours(b"\xff", SIZE)).is_err());
    }
}
