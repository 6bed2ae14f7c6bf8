//! The bytes of a segment: its header and its records. Pure functions, no files.
//! A record's checksum also covers where it stands, so a record can never pass for another one.
//! These bytes never change within a format version; the golden test holds them.

use bytes::Bytes;

use super::{Flaw, Position, RecordRef};

/// Longest record body, in bytes.
pub const RECORD_BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes before the first record of a segment.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 32;
/// Bytes before the body of a record.
pub(crate) const RECORD_HEADER_BYTES: usize = 10;
/// Version of the segment format this code writes.
pub(crate) const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"LIAOJRNL";
/// Last record of its commit.
pub(crate) const FLAG_LAST: u8 = 1;
/// First record after a sync: all that stands before it was safe when it was written.
pub(crate) const FLAG_SYNCED_BEFORE: u8 = 2;

/// A record to be written. What kind and body mean is not the journal's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// What the body is.
    pub kind: u8,
    /// At most [`RECORD_BODY_BYTES_MAX`] bytes.
    pub body: Bytes,
}

/// A record read in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub at: RecordRef,
    /// What the body is.
    pub kind: u8,
    /// The body.
    pub body: Bytes,
    /// True for the last record of its commit.
    pub last: bool,
}

impl Record {
    /// The position just after this record; the end of a commit only when `last` is true.
    pub fn end(&self) -> Position {
        self.at.end()
    }
}

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: u32,
    pub(crate) crc: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
}

impl Head {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        let [a, b, c, d, e, f, g, h, kind, flags] = *bytes else { return Err(Flaw::Cut) };
        let len = u32::from_le_bytes([a, b, c, d]);
        if len as usize > RECORD_BODY_BYTES_MAX {
            return Err(Flaw::Length);
        }
        if flags & !(FLAG_LAST | FLAG_SYNCED_BEFORE) != 0 {
            return Err(Flaw::Flags);
        }
        Ok(Self { len, crc: u32::from_le_bytes([e, f, g, h]), kind, flags })
    }

    /// Bytes of the whole record.
    pub(crate) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.len as usize
    }

    pub(crate) fn verify(&self, segment: u32, offset: u64, body: &[u8]) -> Result<(), Flaw> {
        let found = checksum(segment, offset, self.kind, self.flags, body);
        if found == self.crc { Ok(()) } else { Err(Flaw::Checksum) }
    }
}

/// Appends one record that will stand at `offset` of `segment`.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    (segment, offset): (u32, u64),
    (kind, flags): (u8, u8),
    body: &[u8],
) {
    // The caller has checked the length against RECORD_BODY_BYTES_MAX.
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&checksum(segment, offset, kind, flags, body).to_le_bytes());
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(body);
}

fn checksum(segment: u32, offset: u64, kind: u8, flags: u8, body: &[u8]) -> u32 {
    let mut place = [0; 18];
    place[..4].copy_from_slice(&segment.to_le_bytes());
    place[4..12].copy_from_slice(&offset.to_le_bytes());
    place[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
    place[16..].copy_from_slice(&[kind, flags]);
    crc32c::crc32c_append(crc32c::crc32c(&place), body)
}

/// The header of a segment.
pub(crate) fn encode_segment_header(segment: u32, epoch: u64) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&segment.to_le_bytes());
    out[16..24].copy_from_slice(&epoch.to_le_bytes());
    let crc = crc32c::crc32c(&out[..28]);
    out[28..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// What a sound segment header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u32,
    pub(crate) epoch: u64,
}

/// Reads a segment header; `None` when it is not a sound header of this very segment.
pub(crate) fn decode_segment_header(bytes: &[u8; 32], segment: u32) -> Option<SegmentHeader> {
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
    if bytes[..8] != MAGIC || word(28) != crc32c::crc32c(&bytes[..28]) || word(12) != segment {
        return None;
    }
    let epoch = u64::from(word(16)) | (u64::from(word(20)) << 32);
    Some(SegmentHeader { version: word(8), epoch })
}
