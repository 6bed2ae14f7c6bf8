//! Types to bytes and back: the only file that knows how. Whatever comes from outside is measured
//! (`depth`) before serde sees it.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::depth;

/// Why bytes are not what they should be. None of them says anything about the sender's intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the value is cut off")]
    Truncated,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// Not MessagePack, or text that is not UTF-8.
    #[error("not well-formed MessagePack")]
    Malformed,
    /// Nested deeper than `limits::DEPTH_MAX`.
    #[error("nested too deep")]
    TooDeep,
    /// A container of more than `limits::ENTRIES_MAX` entries.
    #[error("too many entries")]
    TooMany,
    /// A map with the same key twice.
    #[error("a key is repeated")]
    RepeatedKey,
    /// Well-formed, but a field is missing or of another type.
    #[error("a field is missing or of another type")]
    Shape,
}

/// Reads one value that fills `bytes` to the last.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if depth::value_len(bytes)? != bytes.len() {
        return Err(DecodeError::Trailing);
    }
    decode_own(bytes)
}

/// Reads one value that [`encode`] made and that nobody outside has touched since: without the
/// measurement, which takes longer than the reading.
///
/// # Errors
/// [`DecodeError::Shape`] when it is not such a value.
pub fn decode_own<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    rmp_serde::from_slice(bytes).map_err(|_| DecodeError::Shape)
}

/// The same for the body of a frame, which is a map: a list in its place would be read field by
/// field, and mean something else when a field is added.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_map<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let is_map = matches!(bytes.first(), Some(0x80..=0x8f | 0xde | 0xdf));
    if is_map || bytes.is_empty() { decode(bytes) } else { Err(DecodeError::Shape) }
}

/// A value as MessagePack with named fields.
///
/// # Panics
/// Never for the types of this crate: writing to memory cannot fail, and none of them has a map
/// whose length is unknown.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    encode_into(value, &mut out);
    out
}

fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = rmp_serde::encode::write_named(out, value);
    assert!(written.is_ok(), "wire types encode: {written:?}");
}

/// Room for most frames, a message of a few lines included.
const FRAME_BYTES_USUAL: usize = 256;

/// A whole frame, length included: `length | [kind, rid] | body`.
#[must_use]
pub fn frame<T: Serialize + ?Sized>(kind: &str, rid: u64, body: &T) -> Bytes {
    let mut out = Vec::with_capacity(FRAME_BYTES_USUAL);
    out.extend([0; 4]);
    encode_into(&(kind, rid), &mut out);
    encode_into(body, &mut out);
    seal(out)
}

/// A whole frame around a body that is encoded already.
#[must_use]
pub fn frame_raw(kind: &str, rid: u64, body: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(4 + kind.len() + 12 + body.len());
    out.extend([0; 4]);
    encode_into(&(kind, rid), &mut out);
    out.extend(body);
    seal(out)
}

fn seal(mut frame: Vec<u8>) -> Bytes {
    let len = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&len.to_be_bytes());
    frame.into()
}
