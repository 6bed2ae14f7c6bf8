//! Everything of a server but its door, on a disk in memory with small segments.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use liao_common::{
    event::RoomKind,
    id::{DeviceId, FileId, Hash, Nonce, UserId},
    message::{Body, Kind},
};

use super::*;
use crate::{
    blocking::Blocking,
    config::Config,
    disk::{Disk, MemoryDisk, RealDisk},
    engine::{Committing, Speaker},
    files::FileError,
    index::{Direction, Index as _, IndexHome, MemoryIndex, SledOptions, Span},
    server::{Ground, assemble},
    state::{
        project,
        record::{File, Member, Room, Standing},
    },
    store::{IndexFate, StoreOptions},
};

const SEGMENT_BYTES: u64 = 50_000;
const NOW_MS: u64 = 1_800_000_000_000;
const ROOMS: [RoomId; 3] = [RoomId(2), RoomId(3), RoomId(4)];
const ALICE: UserId = UserId(1);

/// One clock for each test thread would be needed otherwise: all move on by asking.
static CLOCK_MS: AtomicU64 = AtomicU64::new(NOW_MS);

fn clock() -> u64 {
    CLOCK_MS.fetch_add(1, Ordering::Relaxed)
}

/// The clock of the one test in which it leaps, and by how much.
static LEAPT_BY_MS: AtomicU64 = AtomicU64::new(0);

fn leaping() -> u64 {
    NOW_MS + LEAPT_BY_MS.load(Ordering::Relaxed)
}

struct World<D = MemoryDisk, I = MemoryIndex> {
    disk: D,
    index: I,
    files: tempfile::TempDir,
    hub: Arc<Hub>,
    committing: Committing,
    fate: IndexFate,
}

impl World {
    fn open(disk: MemoryDisk, index: MemoryIndex, rule: Retention) -> Self {
        Self::open_at(disk, index, rule, clock)
    }

    fn open_at(disk: MemoryDisk, index: MemoryIndex, rule: Retention, clock: fn() -> u64) -> Self {
        let (shared, files) = (Arc::new(disk.clone()), tempfile::tempdir().unwrap());
        Self::open_on((disk, shared), index, files, rule, clock)
    }

    fn journal_bytes(&self) -> u64 {
        let names = self.disk.list().unwrap();
        names.iter().map(|name| self.disk.open(name).unwrap().size_bytes().unwrap()).sum()
    }

    fn close(self) -> (MemoryDisk, MemoryIndex) {
        let (disk, index, _) = self.end();
        (disk, index)
    }
}

/// On a real disk: the folder of the journal, and sled.
impl World<PathBuf, SledOptions> {
    fn open_real(data: tempfile::TempDir, rule: Retention) -> Self {
        let journal = data.path().join("journal");
        let disk = Arc::new(RealDisk::open(&journal).unwrap());
        let mut index = SledOptions::new(data.path().join("index"));
        index.boot = Some("boot".to_owned());
        Self::open_on((journal, disk), index, data, rule, clock)
    }

    fn segments(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.disk).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

impl<D, I: IndexHome> World<D, I> {
    fn open_on(
        (disk, shared): (D, Arc<dyn Disk>),
        index: I,
        files: tempfile::TempDir,
        rule: Retention,
        clock: fn() -> u64,
    ) -> Self {
        let mut config = Config::new(files.path(), "127.0.0.1:0".parse().unwrap());
        config.rules.retention = Retention { grace_ms: 0, ..rule };
        config.free_bytes_min = 0;
        let mut store = StoreOptions::new(7, project::VERSION);
        store.journal.segment_bytes_max = SEGMENT_BYTES;
        store.lag.wait = Duration::from_millis(5);
        let ground = Ground {
            disk: shared,
            index: &index,
            files: files.path(),
            store,
            clock,
            blocking: Blocking::Threads,
        };
        let (hub, duty, recovery) = assemble(&config, ground).unwrap();
        let committing = duty.on_a_thread().unwrap();
        Self { disk, index, files, hub: Arc::new(hub), committing, fate: recovery.index }
    }

    async fn make_rooms(&self) {
        let made = self.hub.engine.run(|tx| {
            for room in ROOMS {
                tx.put_room(&Room {
                    room,
                    kind: RoomKind::Public,
                    name: format!("room{room}"),
                    topic: String::new(),
                    by: ALICE,
                    with: None,
                    at: 1,
                });
                let standing = Standing::Owner;
                let (floor, joined) = (Seq::ZERO, Seq::ZERO);
                tx.put_member(&Member { room, user: ALICE, standing, floor, members: 1, joined });
            }
            Ok(())
        });
        made.await.unwrap();
    }

    async fn say(&self, room: RoomId, number: u64) {
        let said = self.hub.engine.run(move |tx| {
            let by = Speaker { room, from: ALICE, device: DeviceId(1) };
            let body = Body::text(format!("{number:090}"));
            Ok(tx.say(by, Nonce((u128::from(number) + 1).to_be_bytes()), Kind::Text, body)?)
        });
        said.await.unwrap();
    }

    /// A busy room, one that is now and then said something in, and one that was left early.
    async fn talk(&self, from: u64, to: u64) {
        for number in from..to {
            let room = match number {
                0..10 => ROOMS[2],
                number if number % 20 == 0 => ROOMS[1],
                _ => ROOMS[0],
            };
            self.say(room, number).await;
        }
    }

    async fn sweep(&self) -> Swept {
        let calendar = Calendar::begin(&self.hub).unwrap();
        sweep(&self.hub, Some(&calendar), true).await.unwrap()
    }

    /// Everything that is kept, read as people read it.
    fn log(&self, room: RoomId) -> Vec<(u64, String)> {
        let store = &*self.hub.store;
        let floor = view::floor(store, room).unwrap().0;
        let to = view::head(store, room).unwrap().seq;
        let places =
            view::message_places(store, room, (floor, to), Direction::Forward, 10_000).unwrap();
        assert_eq!(places.len() as u64, to.0 - floor.0, "no gap above the floor of {room}");
        let words = |place: &view::Place| {
            let message = record::message(&store.record(&place.at).unwrap()).unwrap();
            assert_eq!(message.seq, place.seq);
            (place.seq.0, message.body.text.unwrap_or_default())
        };
        places.iter().map(words).collect()
    }

    fn end(self) -> (D, I, tempfile::TempDir) {
        let Self { disk, index, hub, committing, files, .. } = self;
        drop(hub);
        committing.join();
        (disk, index, files)
    }
}

/// All rows, without the places of records: an index that was made anew has the same.
fn rows(index: &MemoryIndex) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let rows = index.scan(&Span::all(), Direction::Forward, usize::MAX).unwrap();
    rows.into_iter()
        .filter(|(key, value)| key[0] != b'm' || value.iter().any(|b| *b != 0))
        .collect()
}

fn same_rows(one: &MemoryIndex, other: &MemoryIndex) {
    let (one, other) = (rows(one), rows(other));
    for (key, value) in &one {
        assert_eq!(other.get(key), Some(value), "{}", key.escape_ascii());
    }
    for key in other.keys() {
        assert!(one.contains_key(key), "{}", key.escape_ascii());
    }
}

fn keep(messages: u64) -> Retention {
    Retention { messages: Some(messages), ..Retention::default() }
}

#[tokio::test]
async fn what_is_kept_stays_readable_and_the_disk_is_given_back() {
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), keep(50));
    world.make_rooms().await;
    world.talk(0, 3000).await;
    let before: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    let bytes = world.journal_bytes();
    let swept = world.sweep().await;
    assert!(swept.bytes * 10 > bytes * 7, "{swept:?} of {bytes}");
    assert!(world.journal_bytes() * 2 < bytes);
    let after: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.len(), before.len().min(50));
        assert!(before.ends_with(after), "the newest are kept as they were");
    }
    let head = view::head(&*world.hub.store, ROOMS[0]).unwrap().seq;
    world.talk(3000, 3002).await;
    assert_eq!(view::head(&*world.hub.store, ROOMS[0]).unwrap().seq, Seq(head.0 + 1), "seqs go on");

    // Without the index, the journal alone gives the same.
    let kept: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    let (disk, index) = world.close();
    let world = World::open(disk.clone(), MemoryIndex::new(), keep(50));
    assert!(matches!(world.fate, IndexFate::Rebuilt { .. }));
    assert_eq!(ROOMS.iter().map(|room| world.log(*room)).collect::<Vec<_>>(), kept);
    let (_, anew) = world.close();
    same_rows(&anew, &index);

    // A round later the rows that were carried are carried again.
    let world = World::open(disk, index, keep(50));
    world.talk(3002, 6000).await;
    assert!(world.sweep().await.bytes > 0);
    let kept: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    assert_eq!(kept[2].len(), 10, "the room that was left early has all it had");
    let (disk, index) = world.close();
    let world = World::open(disk, MemoryIndex::new(), keep(50));
    assert_eq!(ROOMS.iter().map(|room| world.log(*room)).collect::<Vec<_>>(), kept);
    let (_, anew) = world.close();
    same_rows(&anew, &index);
}

#[tokio::test]
async fn nonces_are_known_for_a_week_whatever_became_of_their_messages() {
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), keep(50));
    world.make_rooms().await;
    world.talk(0, 1000).await;
    assert!(world.sweep().await.bytes > 0);
    let known = |number: u64| {
        let cid = Nonce((u128::from(number) + 1).to_be_bytes());
        view::post(&*world.hub.store, ALICE, &cid).unwrap()
    };
    assert_eq!(known(101).map(|post| post.room), Some(ROOMS[0]), "its message is gone");
    let place = view::message_place(&*world.hub.store, ROOMS[0], Seq(50)).unwrap();
    assert_eq!(place, None);
}

#[tokio::test]
async fn a_clock_that_leaps_while_it_runs_has_no_post_forgotten() {
    let world = World::open_at(MemoryDisk::new(), MemoryIndex::new(), keep(50), leaping);
    world.make_rooms().await;
    world.talk(0, 1000).await;
    let calendar = Calendar::begin(&world.hub).unwrap();
    LEAPT_BY_MS.store(10 * 365 * DAY_MS, Ordering::Relaxed);
    let known = |number: u64| {
        let cid = Nonce((u128::from(number) + 1).to_be_bytes());
        view::post(&*world.hub.store, ALICE, &cid).unwrap().is_some()
    };
    assert!(sweep(&world.hub, Some(&calendar), true).await.unwrap().bytes > 0);
    assert!(known(101), "its message is gone, and it may be sent again");
    // A start is the end of what is known.
    world.talk(1000, 2000).await;
    assert!(world.sweep().await.bytes > 0);
    assert!(!known(101) && known(1101), "after a week");
}

#[tokio::test]
async fn age_drops_what_is_old_and_no_clock_that_leapt_is_believed() {
    let rule = Retention { age_ms: Some(1), ..Retention::default() };
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), rule);
    world.make_rooms().await;
    world.talk(0, 1000).await;
    let leapt = Calendar { known_ms: NOW_MS - 2 * AHEAD_MS_MAX, since: Instant::now() };
    let swept = sweep(&world.hub, Some(&leapt), true).await.unwrap();
    assert_eq!(swept, Swept::default(), "nothing goes");
    assert!(world.sweep().await.bytes > 0);
    for room in ROOMS {
        let floor = view::floor(&*world.hub.store, room).unwrap();
        let head = view::head(&*world.hub.store, room).unwrap();
        assert!(floor.0.0 + 5 > head.seq.0 && head.n > 0, "all but what was said just now");
        assert_eq!(floor.0.0 - floor.1, head.seq.0 - head.n);
    }
}

/// Cuts the power at every so manieth change of the disk while a sweep runs, and looks at what is left.
#[tokio::test]
async fn a_cut_at_any_moment_of_a_sweep_loses_nothing_that_is_kept() {
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), keep(50));
    world.make_rooms().await;
    world.talk(0, 1200).await;
    let whole: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    let bytes = world.journal_bytes();
    let (disk, _) = world.close();
    let (mut changes, mut done) = (1, false);
    while !done {
        let cut = disk.fork();
        let world = World::open(cut.clone(), MemoryIndex::new(), keep(50));
        cut.power_off_after(changes);
        let calendar = Calendar::begin(&world.hub).unwrap();
        done = sweep(&world.hub, Some(&calendar), true).await.is_ok();
        let (_, index) = world.close();
        cut.power_on();
        // A kill leaves what was not synced, and the index.
        let ends = [(false, MemoryIndex::new()), (true, MemoryIndex::new()), (true, index)];
        for (keep_unsynced, index) in ends {
            let left = cut.cut(changes, keep_unsynced);
            let is_kept = index.mark().unwrap().is_some();
            let world = World::open(left, index, keep(50));
            assert_eq!(world.fate == IndexFate::Kept, is_kept, "cut after {changes} changes");
            for (before, room) in whole.iter().zip(ROOMS) {
                let after = world.log(room);
                assert!(before.ends_with(&after), "cut after {changes} changes");
                assert!(after.len() >= before.len().min(50), "cut after {changes} changes");
            }
            world.sweep().await;
            assert!(world.journal_bytes() * 2 < bytes, "the next sweep makes good for it");
            world.close();
        }
        changes += 1 + changes / 4;
    }
    assert!(changes > 20, "the sweep was cut off often enough");
}

/// Two decisions in one batch: the fifth message of a room is taken back, and the room begins behind it.
async fn taken_back_as_it_goes(world: &World) {
    let engine = &world.hub.engine;
    let (floor, original) = {
        let store = &*world.hub.store;
        let (at, _) = view::message_place(store, ROOMS[0], Seq(5)).unwrap().unwrap();
        let (_, n) = view::message_place(store, ROOMS[0], Seq(9)).unwrap().unwrap();
        let floor = Floor { room: ROOMS[0], after: Seq::ZERO, seq: Seq(9), n };
        (floor, record::message(&store.record(&at).unwrap()).unwrap())
    };
    let (begins, begun) = tokio::sync::oneshot::channel();
    let (open, gate) = std::sync::mpsc::sync_channel(1);
    let holds = engine.run(move |_| {
        begins.send(()).unwrap();
        gate.recv().unwrap();
        Ok(())
    });
    let takes_back = engine.run(move |tx| {
        tx.take_back(ROOMS[0], &original)?;
        let by = Speaker { room: ROOMS[0], from: ALICE, device: DeviceId(1) };
        let body = Body { of: Some(original.seq), ..Body::default() };
        Ok(tx.say(by, Nonce([7; 16]), Kind::Redact, body)?)
    });
    let begins_behind = engine.run(move |tx| Ok(tx.raise_floor(&floor)?));
    let both = async {
        begun.await.unwrap();
        // The committing thread waits, so that both are there when it goes on.
        let opens = async { open.send(()).unwrap() };
        tokio::join!(takes_back, begins_behind, opens)
    };
    // Where the power is cut these fail.
    let (_, (taken_back, raised, ())) = tokio::join!(holds, both);
    assert!(raised.is_err() || taken_back.is_ok() && !raised.unwrap(), "its place is needed still");
}

#[tokio::test]
async fn words_taken_back_as_their_room_begins_behind_them_go_after_a_kill_at_any_moment() {
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), keep(50));
    world.make_rooms().await;
    world.talk(0, 100).await;
    let words = world.log(ROOMS[0])[4].1.clone();
    let (disk, _) = world.close();
    let stands = |disk: &MemoryDisk| {
        disk.list().unwrap().iter().any(|name| {
            let file = disk.open(name).unwrap();
            let mut bytes = vec![0; usize::try_from(file.size_bytes().unwrap()).unwrap()];
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes.windows(words.len()).any(|part| part == words.as_bytes())
        })
    };
    let mut stored_and_left = 0;
    for changes in 0.. {
        let cut = disk.fork();
        let world = World::open(cut.clone(), MemoryIndex::new(), keep(50));
        cut.power_off_after(changes);
        taken_back_as_it_goes(&world).await;
        let (_, index) = world.close();
        cut.power_on();
        let stood = stands(&cut);
        let world = World::open(cut, index, keep(50));
        // Behind what the start has to make good.
        world.hub.engine.run(|_| Ok(())).await.unwrap();
        if view::is_redacted(&*world.hub.store, ROOMS[0], Seq(5)).unwrap() {
            stored_and_left += u32::from(stood);
            assert!(!stands(&world.disk), "cut after {changes} changes");
            world.sweep().await;
            let head = view::head(&*world.hub.store, ROOMS[0]).unwrap().seq;
            let floor = view::floor(&*world.hub.store, ROOMS[0]).unwrap().0;
            assert_eq!(floor, Seq(head.0 - 50), "it is put off, not off");
        }
        world.close();
        if !stood {
            break;
        }
    }
    assert!(stored_and_left > 0, "a kill came between the storing and the painting over");
}

#[tokio::test]
async fn on_a_real_disk_the_oldest_files_go_and_the_next_start_begins_behind_them() {
    let world = World::open_real(tempfile::tempdir().unwrap(), keep(50));
    world.make_rooms().await;
    world.talk(0, 2000).await;
    assert!(world.segments().contains(&"00000001.log".to_owned()));
    let on_disk = |world: &World<PathBuf, SledOptions>| -> u64 {
        let size = |name: &String| world.disk.join(name).metadata().unwrap().len();
        world.segments().iter().map(size).sum()
    };
    let bytes = on_disk(&world);
    let swept = world.sweep().await;
    assert!(swept.bytes > 0 && on_disk(&world) < bytes, "{swept:?} of {bytes}");
    let segments = world.segments();
    assert!(!segments.contains(&"00000001.log".to_owned()), "{segments:?}");
    let firsts = segments.iter().filter(|name| name.ends_with(".first"));
    assert_eq!(firsts.count(), 1, "{segments:?}");
    let kept: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    let (_, index, data) = world.end();

    // With the index, and without it.
    let world = World::open_real(data, keep(50));
    assert_eq!(world.fate, IndexFate::Kept);
    assert_eq!(ROOMS.iter().map(|room| world.log(*room)).collect::<Vec<_>>(), kept);
    world.talk(2000, 2010).await;
    let kept: Vec<_> = ROOMS.iter().map(|room| world.log(*room)).collect();
    let (_, _, data) = world.end();
    std::fs::remove_dir_all(index.folder).unwrap();
    let world = World::open_real(data, keep(50));
    assert!(matches!(world.fate, IndexFate::Rebuilt { .. }));
    assert_eq!(ROOMS.iter().map(|room| world.log(*room)).collect::<Vec<_>>(), kept);
}

/// Stores a file of Alice in the first room.
async fn put_file(world: &World, file: FileId, content: &[u8]) {
    let (b3, size) = (Hash(blake3::hash(content).into()), content.len() as u64);
    let mut upload = world.hub.files.upload(ALICE, size, b3, 0).unwrap();
    upload.write(0, content).unwrap();
    let put = world.hub.engine.run(move |tx| {
        let (room, name, media) = (ROOMS[0], "a.txt".to_owned(), String::new());
        let used = view::files_used(tx, ALICE)? + size;
        tx.put_file(&File { file, user: ALICE, room, b3, size, name, media, used, at: NOW_MS });
        Ok(())
    });
    put.await.unwrap();
    upload.verify().unwrap().publish().unwrap();
}

/// Offers it.
async fn offer(world: &World, number: u64, file: FileId) {
    let said = world.hub.engine.run(move |tx| {
        let by = Speaker { room: ROOMS[0], from: ALICE, device: DeviceId(1) };
        let body = Body { fid: Some(file), ..Body::default() };
        Ok(tx.say(by, Nonce((u128::from(number) + 1).to_be_bytes()), Kind::File, body)?)
    });
    said.await.unwrap();
}

#[tokio::test]
async fn a_file_goes_with_its_last_offer_and_its_bytes_are_free() {
    let world = World::open(MemoryDisk::new(), MemoryIndex::new(), keep(50));
    world.make_rooms().await;
    let contents: [&[u8]; 3] = [b"one", b"twice", b"the same"];
    let [gone, offered, same] = [FileId(1), FileId(2), FileId(3)];
    for (file, content) in [gone, offered, same].into_iter().zip(contents) {
        put_file(&world, file, content).await;
        offer(&world, 100_000 + file.0, file).await;
    }
    put_file(&world, FileId(4), contents[2]).await;
    world.talk(10, 1200).await;
    offer(&world, 200_000, offered).await;
    offer(&world, 200_001, FileId(4)).await;
    assert!(world.sweep().await.bytes > 0);

    let store = &*world.hub.store;
    let is_there = |file| view::file(store, file).unwrap().is_some();
    assert_eq!([gone, offered, same, FileId(4)].map(is_there), [false, true, false, true]);
    assert!(view::file_place(store, gone).unwrap().unwrap().1, "its number is given to no other");
    let has_bytes = |content: &[u8]| {
        let (b3, size) = (Hash(blake3::hash(content).into()), content.len() as u64);
        match world.hub.files.download(ALICE, &b3, size, 0) {
            Ok(_) => true,
            Err(FileError::Missing) => false,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(contents.map(has_bytes), [false, true, true], "another file has the last content");
    let left = contents[1].len() + contents[2].len();
    assert_eq!(view::files_used(store, ALICE).unwrap(), left as u64);

    // Without the index, the journal says the same.
    let (disk, index) = world.close();
    let world = World::open(disk, MemoryIndex::new(), keep(50));
    let (_, anew) = world.close();
    same_rows(&anew, &index);
}
