//! What Liao's server and its clients agree on, and nothing else: names, frames, messages, limits.
//! No I/O, no clock, no runtime. The wire as a whole is described in docs/PROTOCOL.md.

pub mod codec;
mod depth;
pub mod event;
pub mod fault;
pub mod frame;
pub mod id;
pub mod limits;
pub mod message;
pub mod name;
pub mod password;
pub mod request;
pub mod text;
