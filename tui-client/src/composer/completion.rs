//! What stands before the caret and can be completed: `@name`, `#room`, `/command`, `:emoji:`, or the argument
//! of a command. Pure; who offers which words is the caller's business.

use std::ops::Range;

/// What kind of word is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `@` and the start of a name.
    Person,
    /// `#` and the start of a room's name.
    Room,
    /// `/` and the start of a command, at the beginning of the text only.
    Command,
    /// `:` and at least two letters of an emoji's name.
    Emoji,
    /// The rest of a line that begins with `/command `, such as a path. `typed` has no mark then.
    Argument,
}

/// A word being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Bytes that a completion replaces, from the mark to the caret.
    pub range: Range<usize>,
    /// What was typed behind the mark.
    pub typed: String,
    /// For an argument the command's name without `/`, else empty.
    pub command: String,
}

const EMOJI_LETTERS_MIN: usize = 2;

pub(super) fn token_at(text: &str, caret: usize) -> Option<Token> {
    let before = text.get(..caret)?;
    marked(before).or_else(|| argument(before))
}

fn marked(before: &str) -> Option<Token> {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    });
    let word = before.get(start..)?;
    if start == 0 && word.starts_with('/') && !word.get(1..)?.contains('/') {
        return token(before, 0, TokenKind::Command);
    }
    // A mark may follow Chinese text or a bracket directly, but not a Latin letter: that is an address.
    let mark = word.rfind(['@', '#', ':'])?;
    let joined =
        word.get(..mark)?.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | ':'));
    let rest = word.get(mark + 1..)?;
    let named =
        !rest.contains(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+')));
    if joined || !named {
        return None;
    }
    match word.as_bytes().get(mark)? {
        b'@' => token(before, start + mark, TokenKind::Person),
        b'#' => token(before, start + mark, TokenKind::Room),
        _ if rest.chars().count() >= EMOJI_LETTERS_MIN => {
            token(before, start + mark, TokenKind::Emoji)
        }
        _ => None,
    }
}

fn token(before: &str, start: usize, kind: TokenKind) -> Option<Token> {
    let typed = before.get(start + 1..)?.to_owned();
    Some(Token { kind, range: start..before.len(), typed, command: String::new() })
}

fn argument(before: &str) -> Option<Token> {
    let (command, rest) = before.strip_prefix('/')?.split_once(' ')?;
    if before.contains('\n') || command.is_empty() {
        return None;
    }
    let typed = rest.trim_start();
    Some(Token {
        kind: TokenKind::Argument,
        range: before.len() - typed.len()..before.len(),
        typed: typed.to_owned(),
        command: command.to_owned(),
    })
}
