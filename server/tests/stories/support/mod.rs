//! The words of the stories: a world with a server, people with a client, and a bare connection for
//! those who do not keep to the protocol.

mod network;
mod person;
mod raw;
mod tomorrow;
mod world;

use std::{future::Future, time::Duration};

pub(crate) use network::Network;
pub(crate) use person::{Person, Seen};
pub(crate) use raw::Raw;
pub(crate) use tomorrow::{POLL, STRANGE_ROOM, Tomorrow};
pub(crate) use world::{World, cheap, register, secret};

use liao_client_core::answer::CallError;
use liao_common::fault::FaultCode;

/// No fact may take longer to come true.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);

/// What comes of `work`, which may not take for ever.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(WITHIN, work)
        .await
        .unwrap_or_else(|_| panic!("not within {WITHIN:?}: {what}"))
}

/// The code with which the server refused.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, CallError>) -> FaultCode {
    match answer {
        Err(CallError::Fault(fault)) => fault.code,
        other => panic!("this should have been refused: {other:?}"),
    }
}
