//! What every Liao client shares: reaching a server, staying connected without loss or duplicate,
//! and a model of what was said. The model's half is pure; the link's half owns sockets and files.

pub mod address;
pub mod answer;
pub mod clock;
pub mod dial;
pub mod entropy;
pub mod handle;
pub mod inbox;
pub mod model;
pub mod notice;
pub mod timeline;
pub mod tls;
pub mod transfer;
pub mod trust;
