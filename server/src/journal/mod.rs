//! The journal: the truth of the server, an ordered run of checksummed records in segment files.
//! `Journal` owns the end of the last segment and is the only writer; readers share the files.
//! A record that was synced is never lost, moved or reordered; a commit is there whole or not at all.

mod check;
mod overwrite;
mod reader;
mod record;
mod recover;
mod release;
mod room;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::io;

pub use check::{Remedy, SegmentReport, check};
pub use reader::{JournalReader, Records};
pub use record::{NewRecord, RECORD_BODY_BYTES_MAX, Record};
pub use recover::TailCut;
pub(crate) use recover::list_segments as segments;
pub(crate) use release::first_segment;
pub(crate) use room::written_end;
pub use writer::{Journal, JournalOptions, Opened};

/// A place between two commits. Ordered; an offset is in bytes from the start of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the segment, from 1.
    pub segment: u32,
    /// Bytes from the start of that segment.
    pub offset: u64,
}

impl Position {
    /// Before the first record of a journal of which nothing was given back.
    pub const START: Self = Self::of(1);

    /// Before the first record of a segment.
    pub const fn of(segment: u32) -> Self {
        Self { segment, offset: record::SEGMENT_HEADER_BYTES }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.segment, self.offset)
    }
}

/// Where one record stands. Small enough to be the value of an index row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Number of the segment, from 1.
    pub segment: u32,
    /// Bytes from the start of the segment to the record.
    pub offset: u64,
    /// Bytes of the body.
    pub len: u32,
}

impl RecordRef {
    /// Bytes of the stored form.
    pub const ENCODED_BYTES: usize = 16;

    /// The stored form: big-endian segment, offset, length.
    pub fn encode(&self) -> [u8; Self::ENCODED_BYTES] {
        let mut out = [0; Self::ENCODED_BYTES];
        out[..4].copy_from_slice(&self.segment.to_be_bytes());
        out[4..12].copy_from_slice(&self.offset.to_be_bytes());
        out[12..].copy_from_slice(&self.len.to_be_bytes());
        out
    }

    /// Reads the stored form; `None` when `bytes` has another length.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::ENCODED_BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let offset = (u64::from(word(4)) << 32) | u64::from(word(8));
        Some(Self { segment: word(0), offset, len: word(12) })
    }

    /// The position just after the record.
    pub fn end(&self) -> Position {
        let bytes = record::RECORD_HEADER_BYTES as u64 + u64::from(self.len);
        Position { segment: self.segment, offset: self.offset.saturating_add(bytes) }
    }
}

/// What is wrong with stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The file ends inside a record.
    #[error("a record is cut short")]
    Cut,
    /// The content is not what was written.
    #[error("a checksum does not match")]
    Checksum,
    /// The length cannot be true.
    #[error("a record has an impossible length")]
    Length,
    /// The flags cannot be true.
    #[error("a record has impossible flags")]
    Flags,
    /// The segment ends inside a commit.
    #[error("a commit is not complete")]
    Unfinished,
    /// The segment does not begin as a segment does.
    #[error("the segment header is not sound")]
    Header,
    /// The segment file is not there.
    #[error("the segment file is missing")]
    Missing,
}

/// Why the journal cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {action} the journal: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write or sync failed; what is on disk is only known after a restart.
    #[error("the journal stopped after a failed write; restart the server")]
    Poisoned,
    /// Stored records are not what was written.
    #[error("journal segment {segment:08}.log is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Number of the segment.
        segment: u32,
        /// Bytes from its start.
        offset: u64,
        /// What is wrong there.
        reason: Flaw,
    },
    /// The journal was written by a newer server.
    #[error("journal segment {segment:08}.log has format {version}, newer than this server knows")]
    Newer {
        /// Number of the segment.
        segment: u32,
        /// Its format version.
        version: u32,
    },
    /// A body or a commit is over the limit.
    #[error("{bytes} bytes is more than the {bytes_max} the journal takes at once")]
    TooLarge {
        /// Bytes asked for.
        bytes: u64,
        /// Bytes allowed.
        bytes_max: u64,
    },
    /// There is no such record.
    #[error("no record of {} bytes stands at {}:{}", at.len, at.segment, at.offset)]
    Absent {
        /// The place asked for.
        at: RecordRef,
    },
}

impl JournalError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// Whether this one record cannot be read and others may well be: it is not what was written,
    /// or the disk does not give it.
    #[must_use]
    pub fn is_one_record(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Io { action: "read", .. })
    }

    pub(crate) fn damaged(position: Position, reason: Flaw) -> Self {
        Self::Damaged { segment: position.segment, offset: position.offset, reason }
    }
}

/// File name of a segment.
pub(crate) fn segment_name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// Number of the segment in a file of this name; `None` for other files.
pub(crate) fn parse_segment_name(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (number > 0 && segment_name(number) == name).then_some(number)
}
