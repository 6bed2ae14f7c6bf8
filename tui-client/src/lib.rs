//! Liao's terminal client: the screens, the words and colours they use, and the runtime that drives them.
//! Screens are pure; only the runtime owns the terminal, the clock and the network.

pub mod composer;
pub mod form;
pub mod format;
pub mod fuzzy;
pub mod picker;
pub mod text;
pub mod theme;
pub mod words;
