//! Frames on a byte stream: where one ends, what its header says, where its body begins.
//! Memory grows with what has arrived, never with what was announced.

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::Decoder;
use zeroize::Zeroize as _;

use crate::{
    codec::{self, DecodeError},
    depth,
};

/// One frame as it came, split into header and body; the body is not yet looked at.
#[derive(Clone, Debug)]
pub struct Frame {
    kind: Bytes,
    /// Number of the request this belongs to; 0 for events.
    pub rid: u64,
    /// The MessagePack map behind the header.
    pub body: Bytes,
}

/// What breaks the framing itself. The connection cannot go on after it.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The announced length is 0 or above the limit of this stage of the connection.
    #[error("a frame of {bytes} bytes was announced, the limit is {limit}")]
    Length {
        /// What was announced.
        bytes: u64,
        /// What is allowed now.
        limit: usize,
    },
    /// The header is not `[type, rid, …]`.
    #[error("the frame's header is broken: {0}")]
    Header(DecodeError),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Frame {
    /// Splits what stood behind a length.
    ///
    /// # Errors
    /// [`FrameError::Header`] when the header is not an array of text, number and possibly more.
    pub fn parse(bytes: Bytes) -> Result<Self, FrameError> {
        let len = depth::value_len(&bytes).map_err(FrameError::Header)?;
        let broken = || FrameError::Header(DecodeError::Shape);
        let mut header = &bytes[..len];
        let count = rmp::decode::read_array_len(&mut header).map_err(|_| broken())?;
        if count < 2 {
            return Err(broken());
        }
        let kind_len = rmp::decode::read_str_len(&mut header).map_err(|_| broken())? as usize;
        let kind_at = len - header.len();
        header.advance(kind_len);
        let rid = rmp::decode::read_int(&mut header).map_err(|_| broken())?;
        let kind = bytes.slice(kind_at..kind_at + kind_len);
        Ok(Self { kind, rid, body: bytes.slice(len..) })
    }

    /// The frame's type. Text by construction; `""` never reaches a reader.
    #[must_use]
    pub fn kind(&self) -> &str {
        std::str::from_utf8(&self.kind).unwrap_or_default()
    }

    /// Overwrites the body with zeros. Says whether it could: not while others hold bytes that came
    /// with it.
    pub fn wipe(self) -> bool {
        self.wiped().is_some()
    }

    fn wiped(self) -> Option<BytesMut> {
        let Self { kind, body, .. } = self;
        drop(kind);
        let mut body = body.try_into_mut().ok()?;
        body.as_mut().zeroize();
        Some(body)
    }

    /// Reads the body as `T`.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode_map(&self.body)
    }
}

/// Cuts a byte stream into frames, with a limit that can be raised after login.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    bytes_max: usize,
}

impl FrameCodec {
    /// A codec that takes frames of up to `bytes_max` bytes behind their length.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes_max }
    }

    /// Changes the limit for the frames to come.
    pub const fn allow(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
        let bytes = u32::from_be_bytes(*head);
        let len = bytes as usize;
        if len == 0 || len > self.bytes_max {
            return Err(FrameError::Length { bytes: u64::from(bytes), limit: self.bytes_max });
        }
        if buffer.len() < 4 + len {
            return Ok(None);
        }
        buffer.advance(4);
        Frame::parse(buffer.split_to(len).freeze()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
        FrameCodec::new(max).decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_frame_is_read_back_and_extra_header_elements_are_ignored() {
        let mut bytes = vec![0, 0, 0, 9, 0x93, 0xa3, b'm', b's', b'g', 7, 0xc0, 0x80, 0x05];
        bytes[3] = 8;
        let mut buffer = BytesMut::from(&bytes[..]);
        let frame = FrameCodec::new(64).decode(&mut buffer).unwrap().unwrap();
        assert_eq!((frame.kind(), frame.rid, &frame.body[..]), ("msg", 7, &[0x80][..]));
        assert_eq!(&buffer[..], &[5], "the next frame is left alone");
    }

    #[test]
    fn it_waits_for_the_whole_frame_without_reserving_it() {
        let mut buffer = BytesMut::with_capacity(8);
        buffer.extend([0, 1, 0, 0, 0x92]);
        assert!(FrameCodec::new(1 << 20).decode(&mut buffer).unwrap().is_none());
        assert!(buffer.capacity() < 64, "memory grows with what came, not with what was said");
    }

    #[test]
    fn other_protocols_and_lies_end_it_at_the_fourth_byte() {
        for head in [b"GET ", &[0x16, 3, 1, 0], &[0xff; 4], &[0; 4]] {
            assert!(matches!(cut(head, 4096), Err(FrameError::Length { .. })), "{head:?}");
        }
    }

    #[test]
    fn a_body_is_wiped_when_nobody_else_has_bytes_that_came_with_it() {
        let came = [0, 0, 0, 9, 0x92, 0xa1, b'x', 1, 0x81, 0xa1, b'a', 0xa1, b'b', 0, 0];
        let mut buffer = BytesMut::from(&came[..]);
        let mut frame = || FrameCodec::new(64).decode(&mut buffer).unwrap().unwrap();
        let shared = frame();
        assert!(!shared.clone().wipe(), "the rest of the buffer is in use");
        drop(buffer);
        assert!(!shared.clone().wipe(), "somebody reads it");
        assert_eq!(shared.wiped().unwrap(), [0; 5][..]);
    }

    #[test]
    fn broken_headers_are_refused() {
        for header in [
            &[0x91, 0xa1, b'x'][..],
            &[0x92, 1, 1],
            &[0x92, 0xa1, b'x', 0xa0],
            &[0xc0],
            &[0x92, 0xa9],
        ] {
            let mut bytes = vec![0, 0, 0, u8::try_from(header.len()).unwrap()];
            bytes.extend(header);
            assert!(matches!(cut(&bytes, 4096), Err(FrameError::Header(_))), "{header:02x?}");
        }
    }
}
