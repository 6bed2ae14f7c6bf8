//! Replacing a record in place, as a redaction does, so that no cut leaves a damaged record.
//! The whole new record is synced to a redo file first; opening the journal finishes what a redo
//! file asks for. A redo file that is not sound means the segment was not touched yet.

use super::reader::{JournalReader, open_segment};
use super::record::{FLAG_LAST, Head, RECORD_HEADER_BYTES, Record, encode};
use super::{Flaw, JournalError, Position, RecordRef};
use crate::disk::{Disk, DiskFile};

const REDO_NAME: &str = "overwrite.redo";
const MAGIC: [u8; 8] = *b"LIAOREDO";
const HEADER_BYTES: usize = 8 + 4 + RecordRef::ENCODED_BYTES;

pub(super) fn run(
    disk: &dyn Disk,
    reader: &JournalReader,
    old: &Record,
    body: &[u8],
) -> Result<(), JournalError> {
    let file = reader.file(old.at.segment)?;
    let mut head = [0; RECORD_HEADER_BYTES];
    file.read_exact_at(&mut head, old.at.offset).map_err(JournalError::io("read"))?;
    let place = Position { segment: old.at.segment, offset: old.at.offset };
    let head = Head::decode(&head).map_err(|flaw| JournalError::damaged(place, flaw))?;
    debug_assert_eq!(head.flags & FLAG_LAST != 0, old.last, "the record moved while it was read");
    let mut record = Vec::with_capacity(head.record_bytes());
    encode(&mut record, (old.at.segment, old.at.offset), (head.kind, head.flags), body);
    write_redo(disk, &old.at, &record)?;
    reader
        .while_overwriting(|| file.write_all_at(&record, old.at.offset))
        .map_err(JournalError::io("write"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    remove_redo(disk)
}

/// Finishes an overwrite that a stop interrupted, if there was one.
pub(super) fn finish(disk: &dyn Disk) -> Result<(), JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    if !names.iter().any(|name| name == REDO_NAME) {
        return Ok(());
    }
    let redo = disk.open(REDO_NAME).map_err(JournalError::io("open"))?;
    if let Some((at, record)) = read_redo(redo.as_ref())? {
        // It may stand in the system's cache only, and the record is about to be torn open.
        redo.write_all_at(&encode_redo(&at, &record), 0).map_err(JournalError::io("write"))?;
        redo.sync().map_err(JournalError::io("sync"))?;
        disk.sync_dir().map_err(JournalError::io("sync"))?;
        let file = open_segment(disk, at.segment)?;
        let size = file.size_bytes().map_err(JournalError::io("read"))?;
        if at.end().offset > size {
            let place = Position { segment: at.segment, offset: size };
            return Err(JournalError::damaged(place, Flaw::Cut));
        }
        file.write_all_at(&record, at.offset).map_err(JournalError::io("write"))?;
        file.sync().map_err(JournalError::io("sync"))?;
    }
    remove_redo(disk)
}

/// The record that an interrupted overwrite asks to be written, if there is one.
pub(super) fn pending(disk: &dyn Disk) -> Result<Option<RecordRef>, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    if !names.iter().any(|name| name == REDO_NAME) {
        return Ok(None);
    }
    let redo = disk.open(REDO_NAME).map_err(JournalError::io("open"))?;
    Ok(read_redo(redo.as_ref())?.map(|(at, _)| at))
}

fn encode_redo(at: &RecordRef, record: &[u8]) -> Vec<u8> {
    let place = at.encode();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&place), record);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + record.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&place);
    bytes.extend_from_slice(record);
    bytes
}

fn write_redo(disk: &dyn Disk, at: &RecordRef, record: &[u8]) -> Result<(), JournalError> {
    let file = disk.create_new(REDO_NAME).map_err(JournalError::io("create"))?;
    file.write_all_at(&encode_redo(at, record), 0).map_err(JournalError::io("write"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))
}

fn read_redo(file: &dyn DiskFile) -> Result<Option<(RecordRef, Vec<u8>)>, JournalError> {
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let most = HEADER_BYTES + RECORD_HEADER_BYTES + super::RECORD_BODY_BYTES_MAX;
    let Some(count) = usize::try_from(size).ok().filter(|count| *count <= most) else {
        return Ok(None);
    };
    let mut bytes = vec![0; count];
    file.read_exact_at(&mut bytes, 0).map_err(JournalError::io("read"))?;
    Ok(decode_redo(&bytes))
}

fn decode_redo(bytes: &[u8]) -> Option<(RecordRef, Vec<u8>)> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (crc, rest) = rest.split_at_checked(4)?;
    if crc != crc32c::crc32c(rest).to_le_bytes() {
        return None;
    }
    let (place, record) = rest.split_at_checked(RecordRef::ENCODED_BYTES)?;
    let at = RecordRef::decode(place)?;
    (record.len() == RECORD_HEADER_BYTES + at.len as usize).then(|| (at, record.to_vec()))
}

fn remove_redo(disk: &dyn Disk) -> Result<(), JournalError> {
    disk.remove(REDO_NAME).map_err(JournalError::io("remove"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))
}
