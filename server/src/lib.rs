//! `liaod`, the chat server of Liao, as a library: the program is a thin `main` around it, and a
//! client can carry a private server inside itself.

pub mod admin;
pub mod blocking;
pub mod chat;
pub mod clock;
pub mod config;
pub mod datadir;
pub mod descriptors;
pub mod discreet;
pub mod disk;
pub mod engine;
mod entropy;
pub mod files;
pub mod gateway;
pub mod hidden;
pub mod index;
pub mod journal;
mod listen;
pub mod machine;
mod recent;
mod report;
pub mod server;
pub mod state;
pub mod store;
mod sync;
pub mod tls;
