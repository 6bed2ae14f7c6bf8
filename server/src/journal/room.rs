//! The room behind the end of the last segment: zeros that were written there beforehand, so that what comes
//! next changes neither the length of the file nor where it lies. Pure looking; the writer makes it.
//! Must hold: nothing but zeros stands behind the end, or what stands there was never acknowledged.

use std::io::ErrorKind;

use super::{JournalError, Position, reader::open_segment, segments};
use crate::disk::{Disk, DiskFile};

/// Bytes looked at together.
const WINDOW_BYTES: usize = 64 << 10;

/// No record ends with so many zeros: what does not reach nearer than this to its end is not there.
const ZEROS_MAX: u64 = 16;

/// Tries to look at a file that its server shortens meanwhile, as it does when a segment or itself ends.
const TRIES_MAX: u32 = 16;

/// Whether there is nothing but zeros from here to the end of the file: room that was made for what would
/// be written next.
pub(super) fn is_room(file: &dyn DiskFile, from: u64) -> Result<bool, JournalError> {
    Ok(last_written(file, from).map_err(JournalError::io("read"))? == from)
}

/// Whether something is to be seen of a record that ended at `end`, in the last segment.
pub(super) fn shows(file: &dyn DiskFile, end: Position) -> Result<bool, JournalError> {
    let first = Position::of(end.segment).offset;
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let written = last_written(file, first).map_err(JournalError::io("read"))?;
    // A file that ends there was left in order, without room: zeros in it are damage.
    Ok(end.offset == size || end.offset < written + ZEROS_MAX)
}

/// What is left without the zeros at the end.
pub(super) fn written(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    &bytes[..bytes.len() - zeros]
}

pub(super) fn read_tail(file: &dyn DiskFile, from: u64) -> Result<Vec<u8>, JournalError> {
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let mut bytes = vec![0; usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from).map_err(JournalError::io("read"))?;
    Ok(bytes)
}

/// Where what was written ends, or a little before it: a record may end with zeros too. In the journal of a
/// running server it is further on by the time this is known.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn written_end(disk: &dyn Disk) -> Result<Position, JournalError> {
    let mut tries = 0;
    loop {
        match try_written_end(disk) {
            // The room was taken back meanwhile, and is looked for anew.
            Err(JournalError::Io { source, .. })
                if source.kind() == ErrorKind::UnexpectedEof && tries < TRIES_MAX =>
            {
                tries += 1;
            }
            found => return found,
        }
    }
}

fn try_written_end(disk: &dyn Disk) -> Result<Position, JournalError> {
    let segments = segments(disk)?;
    for (at, &segment) in segments.iter().enumerate().rev() {
        let Position { offset: first, .. } = Position::of(segment);
        let file = open_segment(disk, segment)?;
        let offset = last_written(file.as_ref(), first).map_err(JournalError::io("read"))?;
        // Whoever reads to the end of one stays there until there is something in the next.
        if offset > first || at == 0 {
            return Ok(Position { segment, offset });
        }
    }
    Ok(Position::START)
}

fn last_written(file: &dyn DiskFile, first: u64) -> std::io::Result<u64> {
    let mut end = file.size_bytes()?;
    let mut bytes = vec![0; WINDOW_BYTES];
    while end > first {
        let from = end.saturating_sub(WINDOW_BYTES as u64).max(first);
        let count = usize::try_from(end - from).unwrap_or(WINDOW_BYTES);
        file.read_exact_at(&mut bytes[..count], from)?;
        let found = written(&bytes[..count]).len() as u64;
        if found > 0 {
            return Ok(from + found);
        }
        end = from;
    }
    Ok(first)
}
