//! What was said and has left the disk: a disk on which each segment of the journal is read before it is
//! removed. Owns what it read. With what still stands in the journal it is everything that was ever stored.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use liao_common::{
    id::{RoomId, Seq},
    message::Message,
};
use liao_server::{
    disk::{Disk, DiskFile, MemoryDisk},
    journal::{Journal, JournalOptions, Position, Record},
    state::record::{self, kind},
};

/// Messages of a room by their places.
pub(crate) type Messages = BTreeMap<Seq, Message>;

/// See the module. Clones share what was read.
#[derive(Clone, Default)]
pub(crate) struct Archive(Arc<Mutex<BTreeMap<RoomId, Messages>>>);

impl Archive {
    /// All that was read so far.
    pub(crate) fn rooms(&self) -> BTreeMap<RoomId, Messages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, disk: &dyn Disk, name: &str) -> Option<()> {
        let segment = name.strip_suffix(".log")?.parse().ok()?;
        let records = read_alone(disk, name, segment)?;
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|record| add(&mut rooms, record));
        Some(())
    }
}

/// Adds what a record says to what is known. The last word is the one that counts: it may be blank.
pub(crate) fn add(rooms: &mut BTreeMap<RoomId, Messages>, record: &Record) {
    if matches!(record.kind, kind::MESSAGE | kind::KEPT)
        && let Some(message) = record::message(&record.body)
    {
        rooms.entry(message.room).or_default().insert(message.seq, message);
    }
}

/// The records of one segment, read as a journal that has nothing else. `None`: it cannot be read.
fn read_alone(disk: &dyn Disk, name: &str, segment: u32) -> Option<Vec<Record>> {
    let file = disk.open(name).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size_bytes().ok()?).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let alone: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    alone.create_new(&format!("{segment:08}.first")).ok()?;
    alone.create_new(name).ok()?.write_all_at(&bytes, 0).ok()?;
    let (journal, _) = Journal::open(alone, JournalOptions::new(0)).ok()?;
    Some(journal.reader().records(Position::of(segment)).map_while(Result::ok).collect())
}

/// A disk whose journal is read before it is removed.
pub(crate) struct WatchedDisk {
    disk: Arc<dyn Disk>,
    archive: Archive,
}

impl WatchedDisk {
    pub(crate) const fn new(disk: Arc<dyn Disk>, archive: Archive) -> Self {
        Self { disk, archive }
    }
}

impl Disk for WatchedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create_new(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        // What could not be read is missing in the end, and told then.
        let _read = self.archive.keep(&*self.disk, name);
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

#[cfg(test)]
mod tests {
    use liao_common::{
        codec, event,
        id::{DeviceId, Nonce, UserId},
        message::{Body, Kind},
    };
    use liao_server::journal::NewRecord;

    use super::*;

    fn say(journal: &mut Journal, seq: u64) {
        let message = Message {
            room: RoomId(3),
            seq: Seq(seq),
            n: seq,
            at_ms: 1,
            from: UserId(1),
            device: DeviceId(1),
            cid: Nonce([0; 16]),
            kind: Kind::Text,
            body: Body::text("here"),
        };
        let body = codec::frame(event::kind::MSG, 0, &message);
        journal.stage(&[NewRecord { kind: kind::MESSAGE, body }]).unwrap();
        journal.sync().unwrap();
    }

    #[test]
    fn what_leaves_the_disk_is_known() {
        let archive = Archive::default();
        let watched = WatchedDisk::new(Arc::new(MemoryDisk::new()), archive.clone());
        let options = JournalOptions { segment_bytes_max: 200, ..JournalOptions::new(0) };
        let (mut journal, _) = Journal::open(Arc::new(watched), options).unwrap();
        (1..=20).for_each(|seq| say(&mut journal, seq));
        let reader = journal.reader();
        let first = reader.end().segment;
        assert!(first > 3, "several segments");
        assert!(archive.rooms().is_empty(), "nothing has gone");
        reader.release(first - 1).unwrap();
        let mut rooms = archive.rooms();
        let gone = rooms[&RoomId(3)].len();
        assert!((1..20).contains(&gone), "{gone} have gone");
        let left = reader.records(Position::of(first - 1)).map(Result::unwrap);
        left.for_each(|record| add(&mut rooms, &record));
        assert!(rooms[&RoomId(3)].keys().map(|seq| seq.0).eq(1..=20), "nothing is unknown");
    }
}
