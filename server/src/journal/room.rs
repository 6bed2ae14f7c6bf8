//! The room behind the end of the last segment: zeros that were written there beforehand, so that what comes
//! next changes neither the length of the file nor where it lies. Pure looking; the writer makes it.
//! Must hold: nothing but zeros stands behind the end, or what stands there was never acknowledged.

use std::io::ErrorKind;

use super::{JournalError, Position, reader::open_segment, segments};
use crate::disk::{Disk, DiskFile};

/// Bytes looked at together.
const WINDOW_BYTES: usize = 64 << 10;

/// Whether there is nothing but zeros from here to the end of the file: room that was made for what would
/// be written next.
pub(super) fn is_room(file: &dyn DiskFile, from: u64) -> Result<bool, JournalError> {
    Ok(written(&read_tail(file, from)?).is_empty())
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
    let Some(&segment) = segments(disk)?.last() else { return Ok(Position::START) };
    let file = open_segment(disk, segment)?;
    loop {
        match last_written(file.as_ref(), Position::of(segment).offset) {
            // The room was taken back meanwhile, and is looked for anew.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            found => {
                let offset = found.map_err(JournalError::io("read"))?;
                return Ok(Position { segment, offset });
            }
        }
    }
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
