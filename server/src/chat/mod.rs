//! The rules of chat. Knows no socket and no disk: requests come in, frames go out, the engine
//! decides and the store is read.

pub mod age;
pub mod guesses;
pub mod hub;
pub mod mailbox;
pub mod origin;
pub mod password;
pub mod presence;
pub mod retention;
pub mod room;
pub mod session;
pub mod switchboard;

mod follow;
pub(crate) mod log;
mod overview;
pub(crate) mod request;
