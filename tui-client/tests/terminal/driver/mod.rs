//! What the stories are told with: a terminal with the program in it, a server, and the wire between them.

mod frames;
mod keys;
mod steps;
mod terminal;
mod town;
mod wire;

use std::fmt::Display;

use liao::words::{Language, Words};

pub(crate) use keys::Key;
pub(crate) use steps::PASSWORD;
pub(crate) use terminal::{Opening, SIZE, Terminal, pause};
pub(crate) use town::Town;
pub(crate) use wire::Wire;

/// A text of the interface in English.
pub(crate) fn word(key: &'static str) -> &'static str {
    word_in(Language::English, key)
}

/// A text of the interface. One that is not there would be waited for in vain.
pub(crate) fn word_in(language: Language, key: &'static str) -> &'static str {
    let text = Words::of(language).t(key);
    assert_ne!(text, key, "no such text");
    text
}

/// The same in English, with values in it.
pub(crate) fn filled(key: &'static str, values: &[(&str, &dyn Display)]) -> String {
    let _ = word(key);
    Words::of(Language::English).fill(key, values)
}

/// A text in English for so many.
pub(crate) fn counted(key: &'static str, count: u64) -> String {
    Words::of(Language::English).count(key, count)
}

/// The part of a text in English before its first value.
pub(crate) fn beginning(key: &'static str) -> &'static str {
    word(key).split('{').next().unwrap_or_default()
}

/// The first sentence of a text in English, for places with room for no more.
pub(crate) fn first_sentence(key: &'static str) -> &'static str {
    word(key).split_inclusive('.').next().unwrap_or_default()
}

/// What is compared: lines break where they must and stand in frames, so neither blanks nor rules count.
pub(crate) fn solid(text: &str) -> String {
    let counts =
        |letter: &char| !letter.is_whitespace() && !('\u{2500}'..='\u{257f}').contains(letter);
    text.chars().filter(counts).collect()
}
