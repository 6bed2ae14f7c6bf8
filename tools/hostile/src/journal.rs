//! Segments of the journal with any bytes in them: as a file that somebody else wrote, or as our own
//! with bytes changed. Opening repairs, or refuses; what is read is what was written, and after a
//! start that succeeded the next one has nothing to repair.

use std::sync::Arc;

use bytes::Bytes;
use liao_server::{
    disk::{Disk, MemoryDisk},
    journal::{Journal, JournalOptions, NewRecord, Position, Record, check},
};

use crate::pieces::{Piece, first, pieces};

/// Small, so that there are several.
const SEGMENT_BYTES_MAX: u64 = 512;

/// The largest file that is made, in bytes.
const FILE_BYTES_MAX: usize = 1 << 16;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let (mode, rest) = first(input);
    let disk = Arc::new(MemoryDisk::new());
    if mode % 2 == 0 {
        foreign(&disk, rest);
    } else {
        changed(&disk, rest);
    }
}

/// A whole segment from outside.
fn foreign(disk: &Arc<MemoryDisk>, bytes: &[u8]) {
    let Some((mut journal, _)) = open(disk) else { return };
    let _ = write(&mut journal, &[]);
    if let Some(name) = segments(disk).first() {
        replace(disk, name, bytes);
    }
    read_all(disk);
}

/// Our own, with bytes changed.
fn changed(disk: &Arc<MemoryDisk>, input: &[u8]) {
    let Some((mut journal, _)) = open(disk) else { return };
    let pieces = pieces(input);
    let (damage, records): (Vec<_>, Vec<_>) = pieces.iter().partition(|piece| piece.what > 0xf0);
    let mut written = Vec::new();
    for commit in records.chunks(3) {
        written.extend(write(&mut journal, commit));
    }
    assert_eq!(read(&journal), written, "what was written is not what is read");
    damage.iter().for_each(|piece| hurt(disk, piece));
    for record in read_all(disk) {
        let known = |old: &Record| (old.kind, &old.body) == (record.kind, &record.body);
        assert!(written.iter().any(known), "{record:?} was never written");
    }
}

fn open(disk: &Arc<MemoryDisk>) -> Option<(Journal, bool)> {
    let options = JournalOptions { segment_bytes_max: SEGMENT_BYTES_MAX, ..JournalOptions::new(7) };
    let shared: Arc<dyn Disk> = Arc::<MemoryDisk>::clone(disk);
    let (journal, opened) = Journal::open(shared, options).ok()?;
    Some((journal, opened.cut.is_some()))
}

/// What was taken of a commit, as it will be read.
fn write(journal: &mut Journal, commit: &[&Piece<'_>]) -> Vec<Record> {
    let record = |piece: &&Piece<'_>| NewRecord {
        kind: piece.what,
        body: Bytes::copy_from_slice(piece.body),
    };
    let records: Vec<NewRecord> = commit.iter().map(record).collect();
    let Ok(places) = journal.stage(&records) else { return Vec::new() };
    assert!(journal.sync().is_ok(), "a disk in memory does not fail");
    let count = records.len();
    let written = |(at, (place, record)): (usize, (_, NewRecord))| Record {
        at: place,
        kind: record.kind,
        body: record.body,
        last: at + 1 == count,
    };
    places.into_iter().zip(records).enumerate().map(written).collect()
}

fn read(journal: &Journal) -> Vec<Record> {
    journal.reader().records(Position::START).map_while(Result::ok).collect()
}

/// Everything that can be read of what lies there; the second start is a quiet one.
fn read_all(disk: &Arc<MemoryDisk>) -> Vec<Record> {
    let _ = check(&**disk);
    let Some((journal, _)) = open(disk) else { return Vec::new() };
    let records = read(&journal);
    drop(journal);
    let again = open(disk).map(|(journal, cut)| (read(&journal), cut));
    assert_eq!(again, Some((records.clone(), false)), "the second start is not quiet");
    records
}

fn segments(disk: &MemoryDisk) -> Vec<String> {
    let mut names = disk.list().unwrap_or_default();
    names.sort_unstable();
    names
}

fn replace(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    let Ok(file) = disk.open(name) else { return };
    let bytes = &bytes[..bytes.len().min(FILE_BYTES_MAX)];
    let done = file.truncate(0).and_then(|()| file.write_all_at(bytes, 0));
    assert!(done.is_ok(), "a disk in memory does not fail");
}

/// The body names a file, a place in it, and what shall stand there; or with no more, its end.
fn hurt(disk: &MemoryDisk, piece: &Piece<'_>) {
    let [which, high, low, bytes @ ..] = piece.body else { return };
    let names = segments(disk);
    let Some(name) = crate::pieces::pick(&names.iter().collect::<Vec<_>>(), *which) else { return };
    let Ok(file) = disk.open(name) else { return };
    let size = file.size_bytes().unwrap_or_default();
    let at = u64::from(u16::from_be_bytes([*high, *low])) % (size + 1);
    let done = if bytes.is_empty() { file.truncate(at) } else { file.write_all_at(bytes, at) };
    assert!(done.is_ok(), "a disk in memory does not fail");
}
