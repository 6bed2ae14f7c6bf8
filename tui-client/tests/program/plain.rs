//! Line mode: `liao plain` as a child process against a server of its own.

mod chat;
mod files;
mod harm;
mod leave;
mod sentences;
mod trust;
