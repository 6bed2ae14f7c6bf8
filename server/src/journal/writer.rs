//! Writing the journal. `Journal` owns the end of the last segment; nobody else writes.
//! Commits are staged in memory, then written and synced together.
//! After a failed write or sync nothing more is taken: only a restart knows what is on disk.

use std::sync::Arc;

use bytes::Bytes;

use super::overwrite::Replacement;
use super::reader::JournalReader;
use super::record::{
    FLAG_LAST, FLAG_SYNCED_BEFORE, Head, NewRecord, RECORD_BODY_BYTES_MAX, RECORD_HEADER_BYTES,
    SEGMENT_HEADER_BYTES, encode, encode_segment_header,
};
use super::recover::{TailCut, recover};
use super::{Flaw, JournalError, Position, RecordRef, overwrite, parse_segment_name, segment_name};
use crate::disk::{Disk, DiskFile};

/// Choices made when a journal is opened.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Bytes after which a new segment is begun; also the most one commit may take.
    pub segment_bytes_max: u64,
    /// Name of the lineage for segments begun under a new one: any number not used before.
    pub new_epoch: u64,
    /// Begin a new lineage now, as after restoring a backup.
    pub begin_lineage: bool,
    /// A lineage, and a place between two of its commits up to which the places of all records are
    /// known to whoever asks for them: one that is damaged there does not keep the journal shut.
    pub known: Option<(u64, Position)>,
    /// Bytes that are made ready behind the end, at most. None are where the disk is nearly full.
    pub room_bytes: u64,
}

impl JournalOptions {
    /// The usual choices: segments of 64 MiB.
    pub fn new(new_epoch: u64) -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            new_epoch,
            begin_lineage: false,
            known: None,
            room_bytes: 256 << 10,
        }
    }
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// There was no journal; an empty one was begun.
    pub created: bool,
    /// What was cut from the tail, if anything.
    pub cut: Option<TailCut>,
    /// The first damage that was met and passed by.
    pub damage: Option<(Position, Flaw)>,
}

/// So many times the room must be free on the disk.
const ROOMS_FREE_MIN: u64 = 64;

/// Bytes of room that are kept from one sync to the next.
const SPARE_BYTES_MAX: usize = 256 << 10;

/// The writing end of a journal.
pub struct Journal {
    disk: Arc<dyn Disk>,
    reader: JournalReader,
    file: Arc<dyn DiskFile>,
    options: JournalOptions,
    epoch: u64,
    end: Position,
    /// Up to here the last segment has zeros behind its end. To write over them changes neither the length
    /// of the file nor where it lies, so that a sync has the bytes alone to bring to the disk.
    room: u64,
    staged: Vec<Part>,
    /// Room for the next bytes: growing anew for every sync is dear.
    spare: Vec<u8>,
    poisoned: bool,
}

/// Staged bytes for one segment.
struct Part {
    start: Position,
    bytes: Vec<u8>,
}

impl Part {
    fn end(&self) -> Position {
        let offset = self.start.offset + self.bytes.len() as u64;
        Position { segment: self.start.segment, offset }
    }
}

impl Journal {
    /// True when there is a journal in `disk`, sound or not.
    pub fn exists(disk: &dyn Disk) -> Result<bool, JournalError> {
        let names = disk.list().map_err(JournalError::io("list"))?;
        Ok(names.iter().any(|name| parse_segment_name(name).is_some()))
    }

    /// Opens the journal in `disk`, creating it when there is none, and repairs its tail.
    /// Damage anywhere else is an error.
    pub fn open(
        disk: Arc<dyn Disk>,
        options: JournalOptions,
    ) -> Result<(Self, Opened), JournalError> {
        overwrite::finish(disk.as_ref())?;
        let found = recover(&disk, options.new_epoch, options.known)?;
        let mut journal = Self {
            reader: JournalReader::new(disk.clone(), found.end),
            disk,
            file: found.file,
            epoch: found.epoch,
            end: found.end,
            room: found.room,
            staged: Vec::new(),
            spare: Vec::new(),
            poisoned: false,
            options,
        };
        if journal.options.begin_lineage && !found.opened.created {
            journal.begin_lineage()?;
        }
        Ok((journal, found.opened))
    }

    /// A handle for reading, which sees what is synced.
    pub fn reader(&self) -> JournalReader {
        self.reader.clone()
    }

    /// The lineage: changes when the history may have changed behind the readers' backs.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The end of the last synced commit.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The end of what is staged.
    pub fn staged_end(&self) -> Position {
        self.staged.last().map_or(self.end, Part::end)
    }

    /// True after a failed write or sync.
    pub fn poisoned(&self) -> bool {
        self.poisoned
    }

    /// Adds a commit to what the next [`Journal::sync`] writes and says where its records will
    /// stand. On an error nothing of it is staged.
    pub fn stage(&mut self, commit: &[NewRecord]) -> Result<Vec<RecordRef>, JournalError> {
        self.usable()?;
        let bytes = self.measure(commit)?;
        let max = self.options.segment_bytes_max;
        let end = self.staged_end();
        if end.offset + bytes > max && end.offset > SEGMENT_HEADER_BYTES {
            let start = Position { segment: end.segment + 1, offset: SEGMENT_HEADER_BYTES };
            self.staged.push(Part { start, bytes: Vec::new() });
        } else if self.staged.is_empty() {
            self.staged.push(Part { start: end, bytes: std::mem::take(&mut self.spare) });
        }
        let Some(part) = self.staged.last_mut() else { return Ok(Vec::new()) };
        Ok(part.add(commit))
    }

    fn measure(&self, commit: &[NewRecord]) -> Result<u64, JournalError> {
        let mut total = 0;
        for record in commit {
            let bytes = record.body.len();
            if bytes > RECORD_BODY_BYTES_MAX {
                let bytes_max = RECORD_BODY_BYTES_MAX as u64;
                return Err(JournalError::TooLarge { bytes: bytes as u64, bytes_max });
            }
            total += (RECORD_HEADER_BYTES + bytes) as u64;
        }
        let bytes_max = self.options.segment_bytes_max.saturating_sub(SEGMENT_HEADER_BYTES);
        if total > bytes_max {
            return Err(JournalError::TooLarge { bytes: total, bytes_max });
        }
        Ok(total)
    }

    /// Forgets what was staged behind `end`, an earlier [`Journal::staged_end`].
    pub fn unstage(&mut self, end: Position) {
        self.staged.retain(|part| part.start.segment <= end.segment);
        if let Some(part) = self.staged.last_mut() {
            let kept = end.offset.saturating_sub(part.start.offset);
            part.bytes.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        }
    }

    /// Forgets all that is staged.
    pub fn discard(&mut self) {
        self.staged.clear();
    }

    /// The body of a record that is synced or staged.
    pub fn read(&self, at: &RecordRef) -> Result<Bytes, JournalError> {
        let staged = self
            .staged
            .iter()
            .find(|part| part.start.segment == at.segment && part.start.offset <= at.offset);
        let Some(part) = staged else { return self.reader.read(at) };
        part.read(at).ok_or(JournalError::Absent { at: *at })
    }

    /// Writes and syncs what is staged. When this returns an error nothing more is taken, ever.
    pub fn sync(&mut self) -> Result<Position, JournalError> {
        self.usable()?;
        let mut parts = std::mem::take(&mut self.staged);
        let written = parts.iter().try_for_each(|part| self.write(part));
        self.poisoned = written.is_err();
        self.spare = parts.pop().map(|part| part.bytes).unwrap_or_default();
        self.spare.clear();
        self.spare.shrink_to(SPARE_BYTES_MAX);
        written.map(|()| self.end)
    }

    fn write(&mut self, part: &Part) -> Result<(), JournalError> {
        if part.start.segment != self.end.segment {
            // What stands before is synced, so the new file never outlives a lost tail.
            self.rotate(self.epoch)?;
        }
        if part.bytes.is_empty() {
            return Ok(());
        }
        self.file
            .write_all_at(&part.bytes, part.start.offset)
            .map_err(JournalError::io("write"))?;
        let end = part.end();
        if end.offset > self.room {
            self.make_room(end.offset);
        }
        self.file.sync().map_err(JournalError::io("sync"))?;
        self.end = end;
        self.reader.publish_end(self.end);
        Ok(())
    }

    /// Writes zeros behind the end for what will be written next. The sync that follows is for them too.
    fn make_room(&mut self, end: u64) {
        let full = self.options.segment_bytes_max.max(end);
        let to = end.saturating_add(self.options.room_bytes).min(full);
        self.room = end;
        let needed = self.options.room_bytes.saturating_mul(ROOMS_FREE_MIN);
        if to == end || self.disk.free_bytes().unwrap_or(0) < needed {
            return;
        }
        // Also of a write that fails, some may be there.
        self.room = to;
        let zeros = vec![0; usize::try_from(to - end).unwrap_or_default()];
        if let Err(error) = self.file.write_all_at(&zeros, end) {
            // Room is for speed alone.
            tracing::debug!("no room could be made behind the end of the journal: {error}");
        }
    }

    /// Takes back the room behind the end, for a file that is written no more.
    fn take_room_back(&mut self) -> Result<(), JournalError> {
        if self.room > self.end.offset {
            self.file.truncate(self.end.offset).map_err(JournalError::io("cut"))?;
            self.room = self.end.offset;
        }
        Ok(())
    }

    /// Leaves nothing behind the end; a journal that failed is left to the next start.
    ///
    /// # Errors
    /// When the disk does not do it.
    pub fn close(mut self) -> Result<(), JournalError> {
        if self.poisoned { Ok(()) } else { self.take_room_back() }
    }

    fn rotate(&mut self, epoch: u64) -> Result<(), JournalError> {
        let segment = self.end.segment + 1;
        // Before there is a later one: only the last segment has anything behind its end.
        self.take_room_back()?;
        self.file = create_segment(self.disk.as_ref(), segment, epoch)?;
        self.end = Position { segment, offset: SEGMENT_HEADER_BYTES };
        self.room = self.end.offset;
        self.reader.publish_end(self.end);
        Ok(())
    }

    /// Begins a new segment under the new epoch of the options.
    pub fn begin_lineage(&mut self) -> Result<(), JournalError> {
        self.usable()?;
        self.discard();
        let begun = self.rotate(self.options.new_epoch);
        self.poisoned = begun.is_err();
        self.epoch = self.options.new_epoch;
        begun
    }

    /// Replaces the body of a synced record by one of the same length, for good and on disk.
    /// Atomic over power cuts: the old body or the new one is found, never a damaged record.
    pub fn overwrite(&mut self, at: &RecordRef, body: &[u8]) -> Result<(), JournalError> {
        self.overwrite_all(&[(*at, body)])
    }

    /// The same for many records, which are synced together.
    pub fn overwrite_all(&mut self, all: &[(RecordRef, &[u8])]) -> Result<(), JournalError> {
        let (mut gathered, mut bytes) = (Vec::new(), 0);
        for (at, body) in all {
            self.usable()?;
            let old = self.reader.read_record(at)?;
            if old.body.len() != body.len() {
                return Err(JournalError::Absent { at: *at });
            }
            let replacement = overwrite::replacement(&self.reader, &old, body)?;
            bytes += replacement.1.len();
            gathered.push(replacement);
            if bytes >= overwrite::REDO_BYTES_MAX {
                self.overwrite_gathered(&mut gathered)?;
                bytes = 0;
            }
        }
        self.overwrite_gathered(&mut gathered)
    }

    fn overwrite_gathered(&mut self, all: &mut Vec<Replacement>) -> Result<(), JournalError> {
        if all.is_empty() {
            return Ok(());
        }
        self.usable()?;
        let done = overwrite::run(self.disk.as_ref(), &self.reader, all);
        self.poisoned = done.is_err();
        all.clear();
        done
    }

    fn usable(&self) -> Result<(), JournalError> {
        if self.poisoned { Err(JournalError::Poisoned) } else { Ok(()) }
    }
}

impl Part {
    fn add(&mut self, commit: &[NewRecord]) -> Vec<RecordRef> {
        let mut refs = Vec::with_capacity(commit.len());
        for (i, record) in commit.iter().enumerate() {
            let last = if i + 1 == commit.len() { FLAG_LAST } else { 0 };
            let first = if self.bytes.is_empty() { FLAG_SYNCED_BEFORE } else { 0 };
            let Position { segment, offset } = self.end();
            // The lengths were measured against the limit, which fits.
            let len = u32::try_from(record.body.len()).unwrap_or(u32::MAX);
            encode(&mut self.bytes, (segment, offset), (record.kind, last | first), &record.body);
            refs.push(RecordRef { segment, offset, len });
        }
        refs
    }

    fn read(&self, at: &RecordRef) -> Option<Bytes> {
        let start = usize::try_from(at.offset - self.start.offset).ok()?;
        let bytes = self.bytes.get(start..)?;
        let head = Head::decode(bytes.get(..RECORD_HEADER_BYTES)?).ok()?;
        let body = bytes.get(RECORD_HEADER_BYTES..head.record_bytes())?;
        (head.len == at.len).then(|| Bytes::copy_from_slice(body))
    }
}

/// Creates a segment whose header and name hold after a power cut.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    segment: u32,
    epoch: u64,
) -> Result<Arc<dyn DiskFile>, JournalError> {
    let file = disk.create_new(&segment_name(segment)).map_err(JournalError::io("create"))?;
    file.write_all_at(&encode_segment_header(segment, epoch), 0)
        .map_err(JournalError::io("write"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))?;
    Ok(file)
}
