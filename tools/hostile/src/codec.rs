//! Bytes on a connection. They are refused or read, never half; what was read and is written again is
//! read as the same; and it does not matter in which portions the bytes arrive.

use bytes::BytesMut;
use liao_client_core::answer::Answer;
use liao_common::{
    event::Event,
    fault::Fault,
    frame::{Frame, FrameCodec},
    limits::FRAME_BYTES_MAX,
    message::Message,
    request::{KINDS, Request},
};
use tokio_util::codec::Decoder as _;

use crate::pieces::first;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let (portion, stream) = first(input);
    let (frames, broken) = cut(stream, stream.len().max(1));
    let again = cut(stream, usize::from(portion).max(1));
    let kinds =
        |frames: &[Frame]| frames.iter().map(|frame| frame.body.clone()).collect::<Vec<_>>();
    assert_eq!((kinds(&frames), broken), (kinds(&again.0), again.1), "portions matter");
    frames.iter().for_each(read_as_anything);
}

/// The frames of a stream that arrives in portions of so many bytes, and whether it broke.
fn cut(stream: &[u8], portion: usize) -> (Vec<Frame>, bool) {
    let (mut codec, mut buffer) = (FrameCodec::new(FRAME_BYTES_MAX), BytesMut::new());
    let mut frames = Vec::new();
    for bytes in stream.chunks(portion) {
        buffer.extend_from_slice(bytes);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn read_as_anything(frame: &Frame) {
    let _ = Event::decode(frame);
    let _ = (frame.decode::<Fault>(), frame.decode::<Message>());
    for kind in KINDS {
        let _ = Answer::decode(kind, frame);
        if let Ok(Some(request)) = Request::decode(kind, &frame.body) {
            assert_lasts(&request, frame.rid);
        }
    }
}

fn assert_lasts(request: &Request, rid: u64) {
    let (frames, broken) = cut(&request.frame(rid), FRAME_BYTES_MAX);
    // What is optional may become longer when it is written out, so a frame at the limit may break.
    let Some(frame) = frames.first() else { return assert!(broken, "nothing was written") };
    let read = Request::decode(frame.kind(), &frame.body);
    assert_eq!((frame.rid, read), (rid, Ok(Some(request.clone()))), "it is read otherwise");
}
