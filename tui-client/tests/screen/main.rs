//! The real program in a pseudo-terminal, against a real server: what a person would do with the keyboard, and what
//! stands on the screen then. Waits for facts, each under a deadline.

#[cfg(test)]
mod glass;
#[cfg(test)]
mod story;
