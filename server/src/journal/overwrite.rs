//! Replacing records in place, as a redaction does, so that no cut leaves a damaged record.
//! The whole new records are synced to a redo file first; opening the journal finishes what a redo
//! file asks for. A redo file that is not sound means that no segment was touched yet.

use std::collections::BTreeMap;

use super::reader::{JournalReader, open_segment};
use super::record::{FLAG_LAST, Head, RECORD_HEADER_BYTES, Record, encode};
use super::{Flaw, JournalError, Position, RecordRef, first_segment};
use crate::disk::{Disk, DiskFile};

const REDO_NAME: &str = "overwrite.redo";
const MAGIC: [u8; 8] = *b"LIAOREDO";
const HEADER_BYTES: usize = 8 + 4;

/// With more bytes than this in it, a redo file takes no further record.
pub(super) const REDO_BYTES_MAX: usize = 4 << 20;

/// A place, and the whole record that shall stand there.
pub(super) type Replacement = (RecordRef, Vec<u8>);

/// The record that shall stand in the place of `old`.
pub(super) fn replacement(
    reader: &JournalReader,
    old: &Record,
    body: &[u8],
) -> Result<Replacement, JournalError> {
    let mut head = [0; RECORD_HEADER_BYTES];
    let file = reader.file(old.at.segment)?;
    file.read_exact_at(&mut head, old.at.offset).map_err(JournalError::io("read"))?;
    let place = Position { segment: old.at.segment, offset: old.at.offset };
    let head = Head::decode(&head).map_err(|flaw| JournalError::damaged(place, flaw))?;
    debug_assert_eq!(head.flags & FLAG_LAST != 0, old.last, "the record moved while it was read");
    let mut record = Vec::with_capacity(head.record_bytes());
    encode(&mut record, (old.at.segment, old.at.offset), (head.kind, head.flags), body);
    Ok((old.at, record))
}

/// Puts all of them in their places, or none if a cut comes early.
pub(super) fn run(
    disk: &dyn Disk,
    reader: &JournalReader,
    all: &[Replacement],
) -> Result<(), JournalError> {
    write_redo(disk, all)?;
    let mut touched = BTreeMap::new();
    for (at, record) in all {
        let file = reader.file(at.segment)?;
        reader
            .while_overwriting(|| file.write_all_at(record, at.offset))
            .map_err(JournalError::io("write"))?;
        touched.insert(at.segment, file);
    }
    for file in touched.values() {
        file.sync().map_err(JournalError::io("sync"))?;
    }
    remove_redo(disk)
}

/// Finishes an overwrite that a stop interrupted, if there was one.
pub(super) fn finish(disk: &dyn Disk) -> Result<(), JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    if !names.iter().any(|name| name == REDO_NAME) {
        return Ok(());
    }
    let redo = disk.open(REDO_NAME).map_err(JournalError::io("open"))?;
    let all = read_redo(redo.as_ref())?;
    if !all.is_empty() {
        // It may stand in the system's cache only, and the records are about to be torn open.
        redo.write_all_at(&encode_redo(&all), 0).map_err(JournalError::io("write"))?;
        redo.sync().map_err(JournalError::io("sync"))?;
        disk.sync_dir().map_err(JournalError::io("sync"))?;
    }
    let (mut touched, first) = (BTreeMap::new(), first_segment(disk)?);
    // What was given back meanwhile needs no overwriting.
    for (at, record) in all.iter().filter(|(at, _)| at.segment >= first) {
        let file = open_segment(disk, at.segment)?;
        let size = file.size_bytes().map_err(JournalError::io("read"))?;
        if at.end().offset > size {
            let place = Position { segment: at.segment, offset: size };
            return Err(JournalError::damaged(place, Flaw::Cut));
        }
        file.write_all_at(record, at.offset).map_err(JournalError::io("write"))?;
        touched.insert(at.segment, file);
    }
    for file in touched.values() {
        file.sync().map_err(JournalError::io("sync"))?;
    }
    remove_redo(disk)
}

/// The records that an interrupted overwrite asks to be written.
pub(super) fn pending(disk: &dyn Disk) -> Result<Vec<RecordRef>, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    if !names.iter().any(|name| name == REDO_NAME) {
        return Ok(Vec::new());
    }
    let redo = disk.open(REDO_NAME).map_err(JournalError::io("open"))?;
    Ok(read_redo(redo.as_ref())?.into_iter().map(|(at, _)| at).collect())
}

/// Magic and checksum, then each place with its record.
fn encode_redo(all: &[Replacement]) -> Vec<u8> {
    let mut rest = Vec::new();
    for (at, record) in all {
        rest.extend_from_slice(&at.encode());
        rest.extend_from_slice(record);
    }
    [&MAGIC[..], &crc32c::crc32c(&rest).to_le_bytes(), &rest].concat()
}

fn write_redo(disk: &dyn Disk, all: &[Replacement]) -> Result<(), JournalError> {
    let file = disk.create_new(REDO_NAME).map_err(JournalError::io("create"))?;
    file.write_all_at(&encode_redo(all), 0).map_err(JournalError::io("write"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))
}

/// What stands in the file; nothing when it is not sound.
fn read_redo(file: &dyn DiskFile) -> Result<Vec<Replacement>, JournalError> {
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let last = RecordRef::ENCODED_BYTES + RECORD_HEADER_BYTES + super::RECORD_BODY_BYTES_MAX;
    let most = HEADER_BYTES + REDO_BYTES_MAX + last;
    let Some(count) = usize::try_from(size).ok().filter(|count| *count <= most) else {
        return Ok(Vec::new());
    };
    let mut bytes = vec![0; count];
    file.read_exact_at(&mut bytes, 0).map_err(JournalError::io("read"))?;
    Ok(decode_redo(&bytes).unwrap_or_default())
}

fn decode_redo(bytes: &[u8]) -> Option<Vec<Replacement>> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (crc, mut rest) = rest.split_at_checked(4)?;
    if crc != crc32c::crc32c(rest).to_le_bytes() {
        return None;
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (place, after) = rest.split_at_checked(RecordRef::ENCODED_BYTES)?;
        let at = RecordRef::decode(place)?;
        let (record, after) = after.split_at_checked(RECORD_HEADER_BYTES + at.len as usize)?;
        all.push((at, record.to_vec()));
        rest = after;
    }
    Some(all)
}

fn remove_redo(disk: &dyn Disk) -> Result<(), JournalError> {
    disk.remove(REDO_NAME).map_err(JournalError::io("remove"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))
}
