//! Every frame that the golden files hold, as Rust values: each request, each answer, each event
//! and each fault code at least once, with all optional fields set in one of them.

mod answers;
mod events;
mod requests;

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use liao_common::{
    codec, event,
    frame::{Frame, FrameCodec},
    id::{Hash, Nonce, UserId},
    limits,
    request::Request,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::Decoder;

/// One frame and what a receiver must make of it.
pub(crate) struct Case {
    /// Name of its golden file, without the ending.
    pub(crate) name: String,
    /// Type in the header.
    pub(crate) kind: &'static str,
    /// The request whose answer this is; empty for requests, events and faults.
    pub(crate) answers: &'static str,
    /// The whole frame, length included.
    pub(crate) frame: Bytes,
    /// Whether a frame reads as the value that this one was made from.
    pub(crate) same: Box<dyn Fn(&Frame) -> bool>,
    /// Whether a frame's body can be read as the type of this case.
    pub(crate) reads: Box<dyn Fn(&Frame) -> bool>,
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    [requests::all(), answers::all(), events::all()].into_iter().flatten().collect()
}

/// Reads the one frame that `bytes` consists of.
pub(crate) fn parse(bytes: &[u8]) -> Frame {
    let mut buffer = BytesMut::from(bytes);
    let frame = FrameCodec::new(limits::FRAME_BYTES_MAX)
        .decode(&mut buffer)
        .expect("the frame is well-formed")
        .expect("the frame is whole");
    assert!(buffer.is_empty(), "bytes follow the frame");
    frame
}

fn request(name: &str, rid: u64, request: impl Into<Request>) -> Case {
    let want: Request = request.into();
    let kind = want.kind();
    Case {
        name: name.to_owned(),
        kind,
        answers: "",
        frame: want.frame(rid),
        same: Box::new(move |frame| {
            let found = Request::decode(frame.kind(), &frame.body);
            frame.rid == rid && found == Ok(Some(want.clone()))
        }),
        reads: Box::new(|frame| Request::decode(frame.kind(), &frame.body).is_ok()),
    }
}

fn body<T>(name: String, kind: &'static str, rid: u64, body: T) -> Case
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    Case {
        name,
        kind,
        answers: "",
        frame: codec::frame(kind, rid, &body),
        same: Box::new(move |frame| {
            (frame.kind(), frame.rid) == (kind, rid)
                && frame.decode::<T>().is_ok_and(|found| found == body)
        }),
        reads: Box::new(|frame| frame.decode::<T>().is_ok()),
    }
}

fn answer<T>(request: &'static str, rid: u64, value: T) -> Case
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    Case { answers: request, ..body(format!("ok-{request}"), event::kind::OK, rid, value) }
}

fn event<T>(name: &str, kind: &'static str, value: T) -> Case
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    body(format!("event-{name}"), kind, 0, value)
}

fn nonce() -> Nonce {
    Nonce(std::array::from_fn(|at| at as u8))
}

fn hash() -> Hash {
    Hash(std::array::from_fn(|at| 0xe0 + at as u8))
}

fn person(user: u64, id: &str, name: &str, on: Option<bool>) -> event::User {
    event::User { user: UserId(user), id: id.to_owned(), name: name.to_owned(), on }
}
