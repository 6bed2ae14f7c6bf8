//! Hostile input: functions that take any bytes and fail when the bytes do what they must not. The
//! fuzzer in `fuzz/` calls them with what it makes up, the tests here with the corpus it left.
//! Nothing is kept between two calls.

mod client;
mod codec;
mod emulator;
mod files;
mod journal;
mod pieces;
mod sanitiser;
mod screen;
mod session;

/// A function over bytes. It panics when the bytes did what they must not.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("client", client::run),
    ("codec", codec::run),
    ("files", files::run),
    ("journal", journal::run),
    ("sanitiser", sanitiser::run),
    ("screen", screen::run),
    ("session", session::run),
];

/// Gives bytes to the target of that name; nothing happens when there is none.
pub fn run(name: &str, input: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
        target(input);
    }
}
