//! Everything of a server but its door, on a disk in memory with small segments.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use liao_common::{
    event::RoomKind,
    id::{DeviceId, Nonce, UserId},
    message::{Body, Kind},
};

use super::*;
use crate::{
    blocking::Blocking,
    config::Config,
    disk::{Disk as _, MemoryDisk},
    engine::{Committing, Speaker},
    index::{Direction, Index as _, MemoryIndex, Span},
    server::{Ground, assemble},
    state::{
        project,
        record::{Member, Room, Standing},
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

struct World {
    disk: MemoryDisk,
    index: MemoryIndex,
    files: tempfile::TempDir,
    hub: Arc<Hub>,
    committing: Committing,
    fate: IndexFate,
}

impl World {
    fn open(disk: MemoryDisk, index: MemoryIndex, rule: Retention) -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut config = Config::new(files.path(), "127.0.0.1:0".parse().unwrap());
        config.rules.retention = Retention { grace_ms: 0, ..rule };
        config.free_bytes_min = 0;
        let mut store = StoreOptions::new(7, project::VERSION);
        store.journal.segment_bytes_max = SEGMENT_BYTES;
        let ground = Ground {
            disk: Arc::new(disk.clone()),
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

    fn journal_bytes(&self) -> u64 {
        let names = self.disk.list().unwrap();
        names.iter().map(|name| self.disk.open(name).unwrap().size_bytes().unwrap()).sum()
    }

    fn close(self) -> (MemoryDisk, MemoryIndex) {
        let Self { disk, index, hub, committing, files, .. } = self;
        drop(hub);
        committing.join();
        drop(files);
        (disk, index)
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
        world.close();
        cut.power_on();
        for keep_unsynced in [false, true] {
            let left = cut.cut(changes, keep_unsynced);
            let world = World::open(left, MemoryIndex::new(), keep(50));
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
