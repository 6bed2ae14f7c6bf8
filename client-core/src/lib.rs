//! What every Liao client shares: reaching a server, staying connected without loss or duplicate,
//! and a model of what was said. The model's half is pure; the link's half owns sockets and files.

pub mod address;
pub mod answer;
pub mod authorities;
pub mod backoff;
pub mod clock;
pub mod connection;
pub mod dial;
pub mod entropy;
mod fair;
#[cfg(test)]
mod fake;
pub mod handle;
pub mod home;
pub mod inbox;
pub mod kept;
pub mod known;
pub mod link;
pub mod model;
pub mod notice;
pub mod outbox;
pub mod timeline;
pub mod tls;
pub mod transfer;
pub mod trust;
