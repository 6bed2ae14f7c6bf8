//! Liao's terminal client: the screens, the words and colours they use, and the runtime that drives them.
//! Screens are pure; only the runtime owns the terminal, the clock and the network.

pub mod action;
pub mod app;
pub mod clock;
pub mod command;
pub mod composer;
mod computer;
pub mod effect;
mod escape;
pub mod form;
pub mod format;
pub mod fuzzy;
pub mod input;
pub mod keymap;
pub mod picker;
pub mod plain;
pub mod private;
mod runtime;
pub mod screen;
pub mod settings;
mod shade;
mod start;
mod terminal;
#[cfg(test)]
mod tests;
pub mod text;
pub mod theme;
pub mod view;
pub mod words;
mod world;

pub use start::{StartOptions, forget, full_screen, locale_language, target};
