//! Names, parsed once at the border and compared by one rule ever after.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use crate::{limits, text};

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
    /// More graphemes or bytes than the limit.
    #[error("the name is too long")]
    TooLong,
    /// A character that names of this kind may not have.
    #[error("the name has a character that is not allowed")]
    Character,
    /// Letters of more than one script, which invites look-alikes.
    #[error("the name mixes scripts")]
    MixedScripts,
}

/// A user id: what one logs in with. Letters of one script and digits, also `-`, `_` and `.`
/// behind the first; in lower case, NFKC (in the spirit of PRECIS UsernameCaseMapped, RFC 8265).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UserName(String);

impl UserName {
    /// Brings a typed name into its one form.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let name = fold(typed)?;
        check_identifier(&name, limits::USER_NAME_GRAPHEMES_MAX)?;
        check_scripts(&name)?;
        Ok(Self(name))
    }

    /// The name in its one form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A room's name, without `#`. Letters and digits of any script, also `-`, `_` and `.` behind the
/// first; in lower case, NFKC. Unique among public and private rooms of a server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RoomName(String);

impl RoomName {
    /// Brings a typed name, with or without `#`, into its one form.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let typed = typed.trim();
        let name = fold(typed.strip_prefix('#').unwrap_or(typed))?;
        check_identifier(&name, limits::ROOM_NAME_GRAPHEMES_MAX)?;
        Ok(Self(name))
    }

    /// The name in its one form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What others see beside a message: anything printable on one line.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// Takes a typed name, in NFC and with single spaces.
    ///
    /// # Errors
    /// See [`NameError`]. A name with control or invisible characters is refused, not mended, so
    /// that nobody is called other than they think.
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        if typed.len() > limits::NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        let name: String = name.nfc().collect();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name != text::clean_line(&name) || name.chars().any(is_blank_letter) {
            return Err(NameError::Character);
        }
        check_length(&name, limits::DISPLAY_NAME_GRAPHEMES_MAX)?;
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_form {
    ($($name:ident)*) => {$(
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )*};
}

text_form!(UserName RoomName DisplayName);

/// A name as names are compared: in lower case, NFKC.
#[must_use]
pub fn in_one_form(name: &str) -> String {
    let lower: String = name.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect()
}

fn fold(typed: &str) -> Result<String, NameError> {
    if typed.len() > limits::NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    let name = in_one_form(typed.trim());
    if name.is_empty() { Err(NameError::Empty) } else { Ok(name) }
}

fn check_identifier(name: &str, graphemes_max: usize) -> Result<(), NameError> {
    check_length(name, graphemes_max)?;
    let allowed = |(at, c): (usize, char)| {
        let selector = matches!(c, '\u{fe00}'..='\u{fe0f}');
        let mark = unicode_normalization::char::is_combining_mark(c) && !selector;
        let joint = matches!(c, '-' | '_' | '.') || mark;
        (c.is_alphanumeric() && !is_blank_letter(c)) || (at > 0 && joint)
    };
    // Marks that show nothing, and piles of marks, would make one name look like another.
    let plain = name == text::clean_line(name);
    if plain && name.char_indices().all(allowed) { Ok(()) } else { Err(NameError::Character) }
}

/// Letters by their category that show nothing: the Hangul fillers.
const fn is_blank_letter(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

fn check_length(name: &str, graphemes_max: usize) -> Result<(), NameError> {
    let long = name.len() > limits::NAME_BYTES_MAX || name.graphemes(true).count() > graphemes_max;
    if long { Err(NameError::TooLong) } else { Ok(()) }
}

/// One script beside digits and marks; Japanese and Korean writing count as one with Han
/// (the "highly restrictive" idea of UTS #39, without Latin).
fn check_scripts(name: &str) -> Result<(), NameError> {
    let family = |c: char| match c.script() {
        Script::Common | Script::Inherited => None,
        Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul => {
            Some(Script::Han)
        }
        script => Some(script),
    };
    let mut scripts = name.chars().filter_map(family);
    match scripts.next() {
        Some(first) if scripts.any(|other| other != first) => Err(NameError::MixedScripts),
        _ => Ok(()),
    }
}

/// Bytes of a host name (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

/// Bytes of a part of it.
const HOST_LABEL_BYTES_MAX: usize = 63;

/// Whether a computer may be called so: parts of letters, digits, `-` and `_` with dots between. Numbers with three
/// dots pass as well; IPv6 does not.
#[must_use]
pub fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=HOST_LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= HOST_BYTES_MAX && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_have_one_form() {
        for (typed, want) in [
            ("zhangsan", Ok("zhangsan")),
            ("100", Ok("100")),
            (" Alice ", Ok("alice")),
            ("Ｂｏｂ", Ok("bob")),
            ("张三", Ok("张三")),
            ("张三2", Ok("张三2")),
            ("a.b-c_d", Ok("a.b-c_d")),
            ("", Err(NameError::Empty)),
            ("  ", Err(NameError::Empty)),
            ("-a", Err(NameError::Character)),
            ("a b", Err(NameError::Character)),
            ("a\u{1b}[2J", Err(NameError::Character)),
            ("a\u{200b}b", Err(NameError::Character)),
            ("a\u{3164}", Err(NameError::Character)),
            ("alice\u{34f}", Err(NameError::Character)),
            ("alice\u{fe0f}", Err(NameError::Character)),
            (
                "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}",
                Err(NameError::Character),
            ),
            ("pаypal", Err(NameError::MixedScripts)),
            ("alice张", Err(NameError::MixedScripts)),
        ] {
            assert_eq!(
                UserName::parse(typed).as_ref().map(UserName::as_str),
                want.as_ref().copied(),
                "{typed:?}"
            );
        }
        assert_eq!(UserName::parse(&"x".repeat(33)), Err(NameError::TooLong));
        assert_eq!(UserName::parse(&"x".repeat(100_000)), Err(NameError::TooLong));
    }

    #[test]
    fn room_names_lose_their_hash() {
        assert_eq!(RoomName::parse("#Rust").unwrap().as_str(), "rust");
        assert_eq!(RoomName::parse("大厅").unwrap().as_str(), "大厅");
        assert_eq!(RoomName::parse("rust中文").unwrap().as_str(), "rust中文");
        assert_eq!(RoomName::parse("##x"), Err(NameError::Character));
        assert_eq!(RoomName::parse("#"), Err(NameError::Empty));
    }

    #[test]
    fn display_names_are_printable() {
        assert_eq!(DisplayName::parse("  张 三  ").unwrap().as_str(), "张 三");
        for bad in ["\u{202e}abc", "a\u{7}b", "\u{3164}", "a\u{200b}"] {
            assert_eq!(DisplayName::parse(bad), Err(NameError::Character), "{bad:?}");
        }
        assert_eq!(DisplayName::parse(&"长".repeat(33)), Err(NameError::TooLong));
    }
}
