//! What a history of a server's clients must look like, and how one that breaks a promise is found.
//! The harnesses in this package write such histories; others may too.

pub mod dice;
pub mod history;
pub mod verdict;
