//! Between a byte stream and a session.

pub mod native;
mod pipeline;
pub mod strangers;
mod stream;
