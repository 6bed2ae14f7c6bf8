//! What the server knows, as records and as what is read from the index.
//! `record` says what is stored, `key` where the index keeps it, `project` how one becomes the
//! other, `view` reads it back as values. Pure but for the reads that are handed in.

pub mod carry;
pub mod key;
pub mod project;
pub mod record;
pub mod view;

#[cfg(test)]
mod tests;
