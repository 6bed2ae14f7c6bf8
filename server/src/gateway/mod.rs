//! Between a byte stream and a session.

pub mod native;
mod pipeline;
mod stream;
