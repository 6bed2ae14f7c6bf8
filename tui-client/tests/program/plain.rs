//! Line mode: `liao plain` as a child process against a server of its own.

mod chat;
mod errands;
mod files;
mod harm;
mod leave;
mod rooms;
mod secrets;
mod sentences;
mod trust;
