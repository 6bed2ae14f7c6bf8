//! Reading the journal: one record by its place, or all of them in order.
//! Readers own a small cache of open files and nothing else; any number may read while one writes.
//! No byte is handed out whose checksum was not verified.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::record::{
    FLAG_LAST, FLAG_SYNCED_BEFORE, FORMAT_VERSION, Head, RECORD_BODY_BYTES_MAX,
    RECORD_HEADER_BYTES, Record, SEGMENT_HEADER_BYTES, SegmentHeader, decode_segment_header,
};
use super::{Flaw, JournalError, Position, RecordRef, first_segment, release, segment_name};
use crate::disk::{Disk, DiskFile};

/// Segment files kept open for reading.
const OPEN_FILES_MAX: usize = 32;
/// Bytes asked of the disk at once when reading in order.
const WINDOW_BYTES: usize = 1 << 20;

/// A handle for reading; clones share the open files.
#[derive(Clone)]
pub struct JournalReader {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    files: Mutex<Vec<(u32, Arc<dyn DiskFile>)>>,
    end: Mutex<Position>,
    overwriting: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The guarded values are whole after every statement, so a panic elsewhere cannot spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JournalReader {
    pub(crate) fn new(disk: Arc<dyn Disk>, end: Position) -> Self {
        let shared = Shared {
            disk,
            files: Mutex::new(Vec::new()),
            end: Mutex::new(end),
            overwriting: Mutex::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The end of the last synced commit.
    pub fn end(&self) -> Position {
        *lock(&self.shared.end)
    }

    pub(crate) fn publish_end(&self, end: Position) {
        *lock(&self.shared.end) = end;
    }

    /// The body of the record at `at`.
    pub fn read(&self, at: &RecordRef) -> Result<Bytes, JournalError> {
        self.read_record(at).map(|record| record.body)
    }

    /// The record at `at`, with its kind.
    pub fn read_record(&self, at: &RecordRef) -> Result<Record, JournalError> {
        if at.end() > self.end() || at.len as usize > RECORD_BODY_BYTES_MAX {
            return Err(JournalError::Absent { at: *at });
        }
        match self.try_read(at) {
            // An overwrite may be half done in this very moment: look again when none is.
            Err(JournalError::Damaged { .. }) => {
                let _calm = lock(&self.shared.overwriting);
                self.try_read(at)
            }
            found => found,
        }
    }

    fn try_read(&self, at: &RecordRef) -> Result<Record, JournalError> {
        let place = Position { segment: at.segment, offset: at.offset };
        let mut bytes = vec![0; RECORD_HEADER_BYTES + at.len as usize];
        self.file(at.segment)?.read_exact_at(&mut bytes, at.offset).map_err(
            |source| match source.kind() {
                io::ErrorKind::UnexpectedEof => JournalError::damaged(place, Flaw::Cut),
                _ => JournalError::Io { action: "read", source },
            },
        )?;
        let bytes = Bytes::from(bytes);
        let damaged = |flaw| JournalError::damaged(place, flaw);
        let head = Head::decode(&bytes[..RECORD_HEADER_BYTES]).map_err(damaged)?;
        if head.len != at.len {
            return Err(damaged(Flaw::Length));
        }
        let body = bytes.slice(RECORD_HEADER_BYTES..);
        head.verify(at.segment, at.offset, &body).map_err(damaged)?;
        Ok(Record { at: *at, kind: head.kind, body, last: head.flags & FLAG_LAST != 0 })
    }

    /// All records from `from` to the end as it is now. The first error ends the run.
    pub fn records(&self, from: Position) -> Records {
        Records { reader: self.clone(), next: from, to: self.end(), scan: None, broken: false }
    }

    /// Where the journal begins.
    pub fn start(&self) -> Result<Position, JournalError> {
        first_segment(self.shared.disk.as_ref()).map(Position::of)
    }

    /// Lets the journal begin with the segment `first`, which must be there, and gives the room of all
    /// before it back to the disk: so many bytes. Whatever refers to them must be gone for good.
    pub fn release(&self, first: u32) -> Result<u64, JournalError> {
        let last = self.end().segment;
        if first > last {
            return Err(JournalError::damaged(Position::of(first), Flaw::Missing));
        }
        let freed = release::release(self.shared.disk.as_ref(), first);
        lock(&self.shared.files).retain(|(segment, _)| *segment >= first);
        freed
    }

    /// Runs `change` while no reader judges a record it may be changing.
    pub(crate) fn while_overwriting<T>(&self, change: impl FnOnce() -> T) -> T {
        let _alone = lock(&self.shared.overwriting);
        change()
    }

    pub(crate) fn file(&self, segment: u32) -> Result<Arc<dyn DiskFile>, JournalError> {
        let mut files = lock(&self.shared.files);
        if let Some(found) = files.iter().position(|(number, _)| *number == segment) {
            // Most recently used last.
            files[found..].rotate_left(1);
            return files.last().map(|(_, file)| file.clone()).ok_or(JournalError::Poisoned);
        }
        let file = open_segment(self.shared.disk.as_ref(), segment)?;
        if files.len() >= OPEN_FILES_MAX {
            files.remove(0);
        }
        files.push((segment, file.clone()));
        Ok(file)
    }
}

/// Opens a segment file; a missing one is damage.
pub(crate) fn open_segment(
    disk: &dyn Disk,
    segment: u32,
) -> Result<Arc<dyn DiskFile>, JournalError> {
    disk.open(&segment_name(segment)).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            JournalError::Damaged { segment, offset: 0, reason: Flaw::Missing }
        }
        _ => JournalError::Io { action: "open", source },
    })
}

/// Reads and checks the header of a segment.
pub(crate) fn read_header(
    file: &dyn DiskFile,
    segment: u32,
) -> Result<SegmentHeader, JournalError> {
    let unsound = JournalError::Damaged { segment, offset: 0, reason: Flaw::Header };
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(unsound),
        Err(source) => return Err(JournalError::Io { action: "read", source }),
    }
    let header = decode_segment_header(&bytes, segment).ok_or(unsound)?;
    if header.version > FORMAT_VERSION {
        return Err(JournalError::Newer { segment, version: header.version });
    }
    Ok(header)
}

/// Reads the records of one segment in order.
pub(crate) struct Scan {
    file: Arc<dyn DiskFile>,
    segment: u32,
    offset: u64,
    end: u64,
    window: Bytes,
    window_offset: u64,
}

/// One step of a scan.
pub(crate) struct Scanned {
    pub(crate) record: Record,
    /// All that stands before this record was synced when it was written.
    pub(crate) synced_before: bool,
}

impl Scan {
    /// Reads from `offset` up to `end`, both in bytes from the start of the segment.
    pub(crate) fn new(file: Arc<dyn DiskFile>, segment: u32, offset: u64, end: u64) -> Self {
        Self { file, segment, offset, end, window: Bytes::new(), window_offset: offset }
    }

    /// The next record; `None` at the end. A flaw is reported at the offset where it stands.
    pub(crate) fn step(&mut self) -> Result<Option<Scanned>, JournalError> {
        if self.offset == self.end {
            return Ok(None);
        }
        let place = Position { segment: self.segment, offset: self.offset };
        let damaged = |flaw| JournalError::damaged(place, flaw);
        let head = Head::decode(&self.take(RECORD_HEADER_BYTES)?).map_err(damaged)?;
        let bytes = self.take(head.record_bytes())?;
        let body = bytes.slice(RECORD_HEADER_BYTES..);
        head.verify(self.segment, self.offset, &body).map_err(damaged)?;
        let at = RecordRef { segment: self.segment, offset: self.offset, len: head.len };
        self.offset += bytes.len() as u64;
        let record = Record { at, kind: head.kind, body, last: head.flags & FLAG_LAST != 0 };
        Ok(Some(Scanned { record, synced_before: head.flags & FLAG_SYNCED_BEFORE != 0 }))
    }

    /// `count` bytes from the present offset, which stays.
    fn take(&mut self, count: usize) -> Result<Bytes, JournalError> {
        let left = self.end.saturating_sub(self.offset);
        if (count as u64) > left {
            let place = Position { segment: self.segment, offset: self.offset };
            return Err(JournalError::damaged(place, Flaw::Cut));
        }
        let mut start = usize::try_from(self.offset - self.window_offset).unwrap_or(usize::MAX);
        if start.saturating_add(count) > self.window.len() {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(count.max(WINDOW_BYTES));
            let mut bytes = vec![0; wanted];
            self.file.read_exact_at(&mut bytes, self.offset).map_err(JournalError::io("read"))?;
            self.window = Bytes::from(bytes);
            self.window_offset = self.offset;
            start = 0;
        }
        Ok(self.window.slice(start..start + count))
    }
}

/// The records of the journal in order, over all segments.
pub struct Records {
    reader: JournalReader,
    next: Position,
    to: Position,
    scan: Option<Scan>,
    broken: bool,
}

impl Records {
    fn step(&mut self) -> Result<Option<Record>, JournalError> {
        loop {
            if self.next >= self.to {
                return Ok(None);
            }
            let mut scan = match self.scan.take() {
                Some(scan) => scan,
                None => self.open_scan()?,
            };
            if let Some(found) = scan.step()? {
                self.next = found.record.end();
                self.scan = Some(scan);
                // A closed segment must end with a whole commit.
                if !found.record.last && self.next.offset == self.segment_end()? {
                    return Err(JournalError::damaged(self.next, Flaw::Unfinished));
                }
                return Ok(Some(found.record));
            }
            self.next = Position { segment: self.next.segment + 1, offset: SEGMENT_HEADER_BYTES };
        }
    }

    fn open_scan(&self) -> Result<Scan, JournalError> {
        let file = self.reader.file(self.next.segment)?;
        read_header(file.as_ref(), self.next.segment)?;
        let end = self.segment_end()?;
        if self.next.offset > end {
            return Err(JournalError::damaged(self.next, Flaw::Cut));
        }
        Ok(Scan::new(file, self.next.segment, self.next.offset, end))
    }

    fn segment_end(&self) -> Result<u64, JournalError> {
        if self.next.segment == self.to.segment {
            return Ok(self.to.offset);
        }
        if let Some(scan) = &self.scan {
            return Ok(scan.end);
        }
        let file = self.reader.file(self.next.segment)?;
        file.size_bytes().map_err(JournalError::io("read"))
    }
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let found = self.step().transpose();
        self.broken = matches!(found, Some(Err(_)) | None);
        found
    }
}
