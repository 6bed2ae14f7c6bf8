//! Between a byte stream and a session.

pub mod native;
mod pipeline;
pub(crate) mod stop;
pub mod strangers;
mod stream;
