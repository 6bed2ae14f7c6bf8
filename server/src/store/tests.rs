//! What the store promises: nothing acknowledged is lost, nothing half-made is seen.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::disk::{MemoryDisk, RealDisk};
use crate::index::{IndexFound, IndexHome, MemoryIndex, Row, SledOptions, VALUE_BYTES_MAX, Write};
use crate::journal::Flaw;

/// Kind 1 sets a key of one byte length and its name to the rest; kind 2 removes it; kind 3 sets a
/// part of its value: one byte says where, the rest what.
/// Every kind 1 record also moves a row that many records share.
fn project(
    kind: u8,
    body: &[u8],
    at: RecordRef,
    out: &mut Vec<Change>,
) -> Result<(), ProjectError> {
    let (len, rest) = body.split_first().ok_or_else(|| ProjectError("no key".to_owned()))?;
    let (key, value) = rest
        .split_at_checked(usize::from(*len))
        .ok_or_else(|| ProjectError("key cut".to_owned()))?;
    match kind {
        1 => {
            out.push(Write::put(key, value).into());
            out.push(Write::put(*b"newest", at.encode()).into());
        }
        2 => out.push(Write::remove(key).into()),
        3 => {
            let (at, bytes) = value.split_first().ok_or_else(|| ProjectError("no part".into()))?;
            out.push(Change::Part { key: key.into(), at: (*at).into(), bytes: bytes.into() });
        }
        _ => return Err(ProjectError(format!("kind {kind}"))),
    }
    Ok(())
}

fn put(key: &str, value: &str) -> NewRecord {
    let mut body = vec![key.len() as u8];
    body.extend_from_slice(key.as_bytes());
    body.extend_from_slice(value.as_bytes());
    NewRecord { kind: 1, body: body.into() }
}

fn part(key: &str, at: u8, value: &str) -> NewRecord {
    let mut body = remove(key).body.to_vec();
    body.push(at);
    body.extend_from_slice(value.as_bytes());
    NewRecord { kind: 3, body: body.into() }
}

fn remove(key: &str) -> NewRecord {
    let mut body = vec![key.len() as u8];
    body.extend_from_slice(key.as_bytes());
    NewRecord { kind: 2, body: body.into() }
}

fn options() -> StoreOptions {
    let mut options = StoreOptions::new(77, 1);
    options.journal.segment_bytes_max = 4096;
    // Nobody here has time to wait for more.
    options.lag.wait = Duration::from_millis(2);
    options
}

type Parts = (Arc<Store>, Writer, Recovery);

fn try_open(disk: &MemoryDisk, home: &dyn IndexHome) -> Result<Parts, StoreError> {
    open(Arc::new(disk.clone()), home, options(), project, &mut |_| {})
}

fn memory(disk: &MemoryDisk, index: &MemoryIndex) -> Parts {
    try_open(disk, index).expect("the store opens")
}

fn on_disk(folder: &Path, boot: &str) -> Parts {
    let disk = Arc::new(RealDisk::open(folder.join("journal")).expect("journal folder"));
    open(disk, &sled_home(folder, boot), options(), project, &mut |_| {}).expect("the store opens")
}

fn sled_home(folder: &Path, boot: &str) -> SledOptions {
    SledOptions { folder: folder.join("index"), cache_bytes: 4 << 20, boot: Some(boot.to_owned()) }
}

fn rows(view: &dyn View) -> BTreeMap<Vec<u8>, Vec<u8>> {
    view.scan(&Span::all(), Direction::Forward, usize::MAX).expect("scan").into_iter().collect()
}

fn value(view: &dyn View, key: &str) -> Option<String> {
    let found = view.read(key.as_bytes()).expect("read");
    found.map(|value| String::from_utf8(value).expect("text"))
}

fn fill(writer: &mut Writer, count: usize) {
    for i in 0..count {
        let commit =
            vec![put(&format!("k{i:05}"), &format!("v{i}")), put("shared", &i.to_string())];
        writer.commit(vec![commit]).expect("commit");
    }
}

#[test]
fn a_store_on_disk_is_the_same_after_a_clean_close() {
    let folder = tempfile::tempdir().expect("folder");
    let (store, mut writer, recovery) = on_disk(folder.path(), "one");
    assert!(recovery.created);
    assert_eq!(recovery.index, IndexFate::Created);
    fill(&mut writer, 500);
    let before = rows(store.as_ref());
    assert_eq!(before.len(), 502);
    writer.close().expect("close");
    drop(store);

    // A clean close is trusted even after the machine was started anew.
    let (store, writer, recovery) = on_disk(folder.path(), "two");
    assert_eq!(recovery.index, IndexFate::Kept);
    assert_eq!(recovery.replayed_records, 0);
    assert_eq!(rows(store.as_ref()), before);
    assert_eq!(store.epoch(), 77);
    writer.close().expect("close");
}

#[test]
fn a_batch_sees_itself_and_others_see_it_when_it_is_finished() {
    let (store, mut writer, _) = memory(&MemoryDisk::new(), &MemoryIndex::new());
    assert!(rows(store.as_ref()).is_empty());
    writer.commit(vec![vec![put("a", "1"), put("b", "1")]]).expect("commit");
    let mut batch = writer.batch();
    let refs = batch.stage(&[put("a", "2"), remove("b")]).expect("stage");
    assert_eq!(value(&batch, "a").as_deref(), Some("2"));
    assert_eq!(value(&batch, "b"), None);
    let keys = |view: &dyn View| rows(view).into_keys().collect::<Vec<_>>();
    assert_eq!(keys(&batch), [b"a".to_vec(), b"newest".to_vec()]);
    assert_eq!(value(store.as_ref(), "a").as_deref(), Some("1"));
    assert_eq!(value(store.as_ref(), "b").as_deref(), Some("1"));
    assert_eq!(batch.record(&refs[0]).expect("staged record"), put("a", "2").body);
    assert!(store.record(&refs[0]).is_err(), "a staged record is not committed");
    batch.finish().expect("finish");
    assert_eq!(value(store.as_ref(), "a").as_deref(), Some("2"));
    assert_eq!(value(store.as_ref(), "b"), None);
    assert_eq!(store.record(&refs[0]).expect("record"), put("a", "2").body);
}

#[test]
fn a_dropped_batch_leaves_no_trace() {
    let disk = MemoryDisk::new();
    let (store, mut writer, _) = memory(&disk, &MemoryIndex::new());
    writer.batch().stage(&[put("a", "1")]).expect("stage");
    assert!(rows(store.as_ref()).is_empty());
    writer.commit(vec![vec![put("b", "1")]]).expect("commit");
    assert_eq!(value(store.as_ref(), "a"), None);
    drop(writer);
    let (store, _writer, recovery) = memory(&disk, &MemoryIndex::new());
    assert_eq!(recovery.replayed_records, 1);
    assert_eq!(value(store.as_ref(), "a"), None);
}

#[test]
fn a_commit_that_makes_no_sense_is_refused_and_the_batch_goes_on() {
    let disk = MemoryDisk::new();
    let (_, mut writer, _) = memory(&disk, &MemoryIndex::new());
    let senseless = [
        NewRecord { kind: 9, body: Bytes::from_static(b"\x01a") },
        put("\0mark", "the index keeps this key"),
        put("large", &"x".repeat(VALUE_BYTES_MAX + 1)),
    ];
    let mut batch = writer.batch();
    batch.stage(&[put("a", "1")]).expect("stage");
    for record in senseless {
        assert!(batch.stage(&[put("a", "2"), record]).is_err());
    }
    batch.stage(&[put("b", "1")]).expect("stage");
    assert_eq!(value(&batch, "a").as_deref(), Some("1"));
    batch.finish().expect("finish");
    drop(writer);
    let (store, _writer, recovery) = memory(&disk, &MemoryIndex::new());
    assert_eq!(recovery.replayed_records, 2);
    assert_eq!(value(store.as_ref(), "a").as_deref(), Some("1"));
    assert_eq!(value(store.as_ref(), "b").as_deref(), Some("1"));
}

#[test]
fn after_a_failed_sync_nothing_is_shown_and_nothing_more_is_taken() {
    for fail in [MemoryDisk::fail_next_sync, MemoryDisk::fail_next_append] {
        let disk = MemoryDisk::new();
        let index = MemoryIndex::new();
        let (store, mut writer, _) = memory(&disk, &index);
        fill(&mut writer, 3);
        let before = rows(store.as_ref());
        fail(&disk);
        assert!(writer.commit(vec![vec![put("lost", "1")]]).is_err());
        assert!(writer.poisoned());
        let again = writer.commit(vec![vec![put("late", "1")]]);
        assert!(matches!(again, Err(StoreError::Journal(JournalError::Poisoned))));
        assert_eq!(rows(store.as_ref()), before);
        drop(writer);
        // After the restart the unacknowledged commit may be there; the acknowledged ones are.
        let (store, _writer, _) = memory(&disk, &index);
        let mut after = rows(store.as_ref());
        assert_eq!(after.remove(&b"late"[..]), None);
        if after.remove(&b"lost"[..]).is_some() {
            after.insert(b"newest".to_vec(), before[&b"newest"[..]].clone());
        }
        assert_eq!(after, before);
    }
}

/// Xorshift: the same run for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Commits until the power goes; gives how many commits were begun and how many acknowledged.
fn run_until_cut(writer: &mut Writer, dice: &mut Dice, first: u64) -> (u64, u64) {
    let (mut begun, mut acknowledged) = (first, first);
    loop {
        let commits = (0..=dice.below(5)).map(|_| {
            begun += 1;
            let pad = "x".repeat(dice.below(300) as usize);
            vec![put(&format!("a{begun:06}"), &pad), put(&format!("b{begun:06}"), &pad)]
        });
        if writer.commit(commits.collect()).is_err() {
            return (begun, acknowledged);
        }
        acknowledged = begun;
    }
}

#[test]
fn two_hundred_power_cuts_lose_nothing_acknowledged() {
    let mut cut_tails = 0;
    for seed in 1..=50 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let (mut disk, mut index) = (MemoryDisk::new(), MemoryIndex::new());
        let (mut count, mut opened) = (0, false);
        for round in 0..4 {
            disk.power_off_after(dice.below(60));
            let (mut begun, mut acknowledged) = (count, count);
            if let Ok((_, mut writer, _)) = try_open(&disk, &index) {
                (begun, acknowledged) = run_until_cut(&mut writer, &mut dice, count);
                opened = true;
            }
            disk = disk.cut(seed * 10 + round, dice.below(3) > 0);
            if !opened || dice.below(2) == 0 {
                index = MemoryIndex::new();
            }
            // Look at a copy, so that the next round begins with an unrepaired disk.
            let (store, writer, recovery) = memory(&disk.fork(), &MemoryIndex::new());
            cut_tails += u32::from(!recovery.cuts.is_empty());
            assert!(!recovery.journal_fell_back);
            count = complete_commits(&store);
            assert!((acknowledged..=begun).contains(&count), "{acknowledged} {count} {begun}");
            drop(writer);
            let (kept, _writer, _) = memory(&disk.fork(), &index_copy(&index));
            assert_eq!(rows(kept.as_ref()), rows(store.as_ref()));
        }
    }
    assert!(cut_tails > 10, "the cuts tore something: {cut_tails}");
}

/// Number of commits in the store; they are whole and without a gap.
fn complete_commits(store: &Store) -> u64 {
    let keys = |prefix: &[u8]| -> Vec<u64> {
        let rows = store.scan(&Span::prefix(prefix), Direction::Forward, usize::MAX).expect("scan");
        let number = |key: &[u8]| String::from_utf8_lossy(&key[1..]).parse().expect("number");
        rows.iter().map(|(key, _)| number(key)).collect()
    };
    let first = keys(b"a");
    assert_eq!(first, keys(b"b"), "commits are whole");
    assert!(first.iter().copied().eq(1..=first.len() as u64), "there is no gap");
    first.len() as u64
}

fn index_copy(index: &MemoryIndex) -> MemoryIndex {
    let copy = MemoryIndex::new();
    if let Some(mark) = index.mark().expect("mark") {
        let rows = index.scan(&Span::all(), Direction::Forward, usize::MAX).expect("scan");
        let rows: Vec<Row<'_>> =
            rows.iter().map(|(key, value)| (&key[..], Some(&value[..]))).collect();
        copy.apply(&rows).expect("apply");
        copy.set_mark(mark).expect("mark");
    }
    copy
}

#[test]
fn parts_of_a_row_come_together_in_batches_in_the_index_and_at_a_replay() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let (store, mut writer, _) = memory(&disk, &index);
    let mut batch = writer.batch();
    batch.stage(&[part("k", 0, "a"), part("k", 1, "b")]).expect("stage");
    batch.stage(&[part("k", 2, "c"), put("other", "x")]).expect("stage");
    assert_eq!(value(&batch, "k").as_deref(), Some("abc"));
    assert_eq!(value(store.as_ref(), "k"), None);
    batch.finish().expect("finish");
    writer.commit(vec![vec![part("k", 3, "d")], vec![part("k", 1, "B")]]).expect("commit");
    assert_eq!(value(store.as_ref(), "k").as_deref(), Some("aBcd"), "from the overlay");
    writer.close().expect("close");
    assert_eq!(index.read(b"k").expect("read").as_deref(), Some(&b"aBcd"[..]));
    drop(store);

    let (store, mut writer, recovery) = memory(&disk, &index);
    assert_eq!(recovery.replayed_records, 0);
    writer.commit(vec![vec![part("k", 4, "e")]]).expect("commit");
    writer.commit(vec![vec![remove("k"), part("k", 1, "z")]]).expect("commit");
    assert_eq!(value(store.as_ref(), "k").as_deref(), Some("\0z"), "from the index, then anew");
    writer.commit(vec![vec![part("k", 0, "y")]]).expect("commit");
    writer.close().expect("close");
    drop(store);

    let (anew, _writer, recovery) = memory(&disk, &MemoryIndex::new());
    assert!(recovery.replayed_records > 0);
    assert_eq!(value(anew.as_ref(), "k").as_deref(), Some("yz"));
}

#[test]
fn a_part_of_a_row_that_may_not_be_leaves_no_trace() {
    let (store, mut writer, _) = memory(&MemoryDisk::new(), &MemoryIndex::new());
    let mut batch = writer.batch();
    let refused = batch.stage(&[put("a", "1"), part("", 0, "x")]).expect_err("no key");
    assert!(matches!(refused, StoreError::Project { .. }), "{refused}");
    batch.stage(&[part("k", 0, "v")]).expect("stage");
    batch.finish().expect("finish");
    assert_eq!(rows(store.as_ref()), BTreeMap::from([(b"k".to_vec(), b"v".to_vec())]));
}

#[test]
fn an_index_that_is_lost_or_damaged_is_rebuilt_and_equal() {
    type Harm = fn(&Path);
    let harm: [(&str, Harm); 4] = [
        ("garbage", |index| {
            let db = index.join("db");
            let size = fs::metadata(&db).expect("size").len() as usize;
            let noise: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
            fs::write(db, noise).expect("write");
        }),
        ("zeros", |index| {
            let db = index.join("db");
            let size = fs::metadata(&db).expect("size").len() as usize;
            fs::write(db, vec![0; size]).expect("write");
        }),
        ("cut", |index| {
            let db = fs::OpenOptions::new().write(true).open(index.join("db")).expect("open");
            db.set_len(4096).expect("cut");
        }),
        ("no main file", |index| fs::remove_file(index.join("db")).expect("remove")),
    ];
    for (name, harm) in harm {
        for clean in [true, false] {
            let folder = tempfile::tempdir().expect("folder");
            let (store, mut writer, _) = on_disk(folder.path(), "one");
            fill(&mut writer, 400);
            let before = rows(store.as_ref());
            writer.close().expect("close");
            drop(store);
            if !clean {
                drop(on_disk(folder.path(), "one"));
            }
            harm(&folder.path().join("index"));
            let (store, writer, recovery) = on_disk(folder.path(), "one");
            let IndexFate::Rebuilt { aside, .. } = recovery.index else {
                panic!("{name}: {:?}", recovery.index)
            };
            assert!(folder.path().join(aside.expect("a name")).is_dir(), "{name}: it is kept");
            assert_eq!(recovery.replayed_records, 800, "{name}");
            assert_eq!(rows(store.as_ref()), before, "{name}");
            writer.close().expect("close");
        }
    }
}

#[test]
fn flipped_bits_in_the_index_never_give_wrong_rows() {
    let folder = tempfile::tempdir().expect("folder");
    let (store, mut writer, _) = on_disk(folder.path(), "one");
    fill(&mut writer, 300);
    let before = rows(store.as_ref());
    writer.close().expect("close");
    drop(store);
    let db = folder.path().join("index/db");
    let sound = fs::read(&db).expect("read");
    let state = fs::read(folder.path().join("index/state")).expect("read");
    let (mut rebuilt, mut dice) = (0, Dice(5));
    for _ in 0..12 {
        let mut spoiled = sound.clone();
        for _ in 0..8 {
            let at = dice.below(sound.len() as u64) as usize;
            spoiled[at] ^= 1 << dice.below(8);
        }
        fs::write(&db, spoiled).expect("write");
        fs::write(folder.path().join("index/state"), &state).expect("write");
        let (store, writer, recovery) = on_disk(folder.path(), "one");
        rebuilt += u32::from(matches!(recovery.index, IndexFate::Rebuilt { .. }));
        // Damage that is met while reading is an error once, and rebuilt at the next start.
        let found = store.scan(&Span::all(), Direction::Forward, usize::MAX);
        drop((store, writer));
        if let Ok(found) = found {
            assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), before);
            continue;
        }
        let (store, writer, recovery) = on_disk(folder.path(), "one");
        assert!(matches!(recovery.index, IndexFate::Rebuilt { .. }));
        assert_eq!(rows(store.as_ref()), before);
        drop((store, writer));
    }
    assert!(rebuilt > 0, "some of it was noticed when opening");
}

#[test]
fn after_a_kill_only_the_rest_is_replayed_and_after_a_power_cut_all() {
    let folder = tempfile::tempdir().expect("folder");
    let (store, mut writer, _) = on_disk(folder.path(), "one");
    fill(&mut writer, 400);
    let before = rows(store.as_ref());
    drop((store, writer));
    let (store, writer, recovery) = on_disk(folder.path(), "one");
    assert_eq!(recovery.index, IndexFate::Kept);
    assert_eq!(rows(store.as_ref()), before);
    drop((store, writer));
    let (store, writer, recovery) = on_disk(folder.path(), "two");
    assert!(matches!(recovery.index, IndexFate::Rebuilt { .. }), "{:?}", recovery.index);
    assert_eq!(recovery.replayed_records, 800);
    assert_eq!(rows(store.as_ref()), before);
    drop((store, writer));
}

#[test]
fn a_lost_journal_is_not_taken_for_an_empty_server() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let (_, mut writer, _) = memory(&disk, &index);
    fill(&mut writer, 3);
    writer.close().expect("close");
    let lost = try_open(&MemoryDisk::new(), &index);
    assert!(matches!(lost, Err(StoreError::JournalMissing)));
}

#[test]
fn a_journal_that_fell_back_begins_a_new_epoch() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let (store, mut writer, _) = memory(&disk, &index);
    fill(&mut writer, 20);
    let (older, before) = (disk.fork(), rows(store.as_ref()));
    fill(&mut writer, 40);
    writer.close().expect("close");
    let mut options = options();
    options.journal.new_epoch = 78;
    let disk = Arc::new(older.clone());
    let (store, mut writer, recovery) =
        open(disk, &index, options, project, &mut |_| {}).expect("open");
    assert!(recovery.journal_fell_back);
    assert_eq!(store.epoch(), 78);
    assert_eq!(rows(store.as_ref()), before);
    writer.commit(vec![vec![put("on", "1")]]).expect("commit");
    let after = rows(store.as_ref());
    writer.close().expect("close");
    let (store, _writer, recovery) = memory(&older, &index);
    assert_eq!((recovery.index, recovery.journal_fell_back), (IndexFate::Kept, false));
    assert_eq!((store.epoch(), rows(store.as_ref())), (78, after));
}

#[test]
fn an_index_that_is_not_believed_still_shows_that_the_journal_fell_back() {
    for short_bytes in [0, 3] {
        let folder = tempfile::tempdir().expect("folder");
        let (store, mut writer, _) = on_disk(folder.path(), "one");
        fill(&mut writer, 20);
        settle(&store);
        let end = writer.journal.end();
        drop((store, writer));
        let log = folder.path().join("journal/00000001.log");
        let log = fs::File::options().write(true).open(log).expect("journal");
        if short_bytes > 0 {
            log.set_len(end.offset - short_bytes).expect("truncate");
        }
        let mut options = options();
        options.journal.new_epoch = 78;
        let disk = Arc::new(RealDisk::open(folder.path().join("journal")).expect("journal folder"));
        let home = sled_home(folder.path(), "two");
        let (store, _writer, recovery) =
            open(disk, &home, options, project, &mut |_| {}).expect("open");
        assert!(matches!(recovery.index, IndexFate::Rebuilt { .. }));
        assert_eq!(recovery.journal_fell_back, short_bytes > 0);
        assert_eq!(store.epoch(), if short_bytes > 0 { 78 } else { 77 });
    }
}

/// A byte of a record is not what it was.
fn damage(disk: &MemoryDisk, at: RecordRef) {
    let file = disk.open(&format!("{:08}.log", at.segment)).expect("open");
    file.write_all_at(b"?", at.end().offset - 1).expect("write");
}

#[test]
fn a_last_group_damaged_before_and_behind_the_mark_is_lost_and_told() {
    for own_group in [false, true] {
        let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
        let (store, mut writer, _) = memory(&disk, &index);
        fill(&mut writer, 20);
        let before = rows(store.as_ref());
        let mut group = ["a", "b", "c"].map(|key| vec![put(key, "1")]).to_vec();
        let first = if own_group { group.drain(..1).collect() } else { Vec::new() };
        let mut places = writer.commit(first).expect("commit").concat();
        places.extend(writer.commit(group).expect("commit").concat());
        let reach = writer.journal.end();
        drop((store, writer));
        // Killed in a pass that was to bring the last of them; and the disk lost two of them.
        let mark = Mark { reach, ..Mark::at(77, 1, places[1].end()) };
        index.set_mark(mark).expect("mark");
        damage(&disk, places[0]);
        damage(&disk, places[2]);
        let mut options = options();
        options.journal.new_epoch = 78;
        let opened = open(Arc::new(disk.clone()), &index, options, project, &mut |_| {});
        if own_group {
            // What follows the first shows that it was synced.
            let refused = opened.err().expect("refused");
            let named = matches!(&refused, StoreError::Journal(JournalError::Damaged { .. }));
            assert!(named, "{refused}");
            assert_eq!(index.mark().expect("mark"), Some(mark), "the index stays as it is");
            continue;
        }
        let (store, writer, recovery) = opened.expect("it starts");
        assert!(recovery.journal_fell_back);
        let kept_in = recovery.cuts.iter().filter_map(|cut| cut.kept_in.as_deref());
        assert_eq!(kept_in.collect::<Vec<_>>(), ["tail-1.cut", "tail-2.cut"], "both are told");
        assert_eq!((store.epoch(), rows(store.as_ref())), (78, before.clone()));
        drop((store, writer));
        let (store, _writer, recovery) = memory(&disk, &index);
        assert_eq!((recovery.cuts, recovery.journal_fell_back), (Vec::new(), false));
        assert_eq!(rows(store.as_ref()), before);
    }
}

#[test]
fn another_projection_rebuilds_the_index_and_tells_how_far_it_is() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let (store, mut writer, _) = memory(&disk, &index);
    fill(&mut writer, 500);
    let before = rows(store.as_ref());
    writer.close().expect("close");
    let newer = StoreOptions { projection_version: 2, ..options() };
    let mut steps = Vec::new();
    let (store, writer, recovery) =
        open(Arc::new(disk), &index, newer, project, &mut |step| steps.push(step)).expect("open");
    assert!(matches!(recovery.index, IndexFate::Rebuilt { .. }));
    assert_eq!(rows(store.as_ref()), before);
    assert_eq!(store.index_mark().expect("mark").expect("a mark").version, 2);
    assert!(steps.len() >= 3, "{steps:?}");
    assert!(steps.windows(2).all(|two| two[0].position < two[1].position));
    assert!(steps.iter().all(|step| step.position <= step.end && step.records <= 1000));
    drop(writer);
}

#[test]
fn damage_in_the_journal_stops_a_rebuild() {
    let disk = MemoryDisk::new();
    let (_, mut writer, _) = memory(&disk, &MemoryIndex::new());
    fill(&mut writer, 200);
    drop(writer);
    disk.open("00000002.log").expect("open").write_all_at(b"?", 100).expect("write");
    match try_open(&disk, &MemoryIndex::new()) {
        Err(StoreError::Journal(JournalError::Damaged { segment: 2, reason, .. })) => {
            assert_eq!(reason, Flaw::Checksum);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the damage was not seen"),
    }
}

#[test]
fn an_overwritten_record_stays_so_and_is_projected_so() {
    let disk = MemoryDisk::new();
    let (store, mut writer, _) = memory(&disk, &MemoryIndex::new());
    let refs = writer.commit(vec![vec![put("a", "secret")]]).expect("commit");
    writer.overwrite(&refs[0][0], &put("a", "******").body).expect("overwrite");
    assert_eq!(store.record(&refs[0][0]).expect("record"), put("a", "******").body);
    drop(writer);
    let (store, _writer, _) = memory(&disk, &MemoryIndex::new());
    assert_eq!(value(store.as_ref(), "a").as_deref(), Some("******"));
}

/// An index in memory in whose changes somebody has a hand.
trait Meddled: Clone + Send + Sync + 'static {
    fn rows(&self) -> &MemoryIndex;

    fn takes(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        self.rows().apply(rows)
    }

    fn is_marked(&self, mark: Mark) -> Result<(), IndexError> {
        self.rows().set_mark(mark)
    }
}

impl<M: Meddled> Index for M {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        self.rows().read(key)
    }

    fn scan(&self, span: &Span, to: Direction, limit: usize) -> Result<Vec<Pair>, IndexError> {
        self.rows().scan(span, to, limit)
    }

    fn apply(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        self.takes(rows)
    }

    fn set_mark(&self, mark: Mark) -> Result<(), IndexError> {
        self.is_marked(mark)
    }

    fn mark(&self) -> Result<Option<Mark>, IndexError> {
        self.rows().mark()
    }

    fn checkpoint(&self) -> Result<(), IndexError> {
        self.rows().checkpoint()
    }

    fn close(&self) -> Result<(), IndexError> {
        self.rows().close()
    }
}

impl<M: Meddled> IndexHome for M {
    fn holds_rows(&self) -> Result<bool, IndexError> {
        self.rows().holds_rows()
    }

    fn open(&self) -> Result<IndexFound, IndexError> {
        Ok(IndexFound::Sound(Arc::new(self.clone())))
    }

    fn set_aside(&self) -> Result<Option<String>, IndexError> {
        self.rows().set_aside()
    }
}

/// An index whose applying can be held up, or made to fail.
#[derive(Clone, Default)]
struct GatedIndex {
    rows: MemoryIndex,
    gate: Arc<(Mutex<Gate>, Condvar)>,
    applied: Arc<AtomicU32>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Gate {
    #[default]
    Open,
    Closed,
    /// Open for one batch, then broken.
    Once,
    Broken,
}

impl GatedIndex {
    fn set(&self, gate: Gate) {
        *self.gate.0.lock().expect("gate") = gate;
        self.gate.1.notify_all();
    }
}

/// Ends what others wait for when a test ends, also by a panic.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Meddled for GatedIndex {
    fn rows(&self) -> &MemoryIndex {
        &self.rows
    }

    fn takes(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        let gate = self.gate.0.lock().expect("gate");
        let mut gate = self.gate.1.wait_while(gate, |gate| *gate == Gate::Closed).expect("gate");
        match *gate {
            Gate::Broken => return Err(IndexError::Damaged("told to fail".to_owned())),
            Gate::Once => *gate = Gate::Broken,
            Gate::Open | Gate::Closed => {}
        }
        self.applied.fetch_add(1, Ordering::Relaxed);
        self.rows.apply(rows)
    }
}

/// Waits until the index has all; the applier needs no more than to be let run.
fn settle(store: &Store) {
    let mut turns = 0u64;
    while store.unapplied_records() > 0 || !store.overlay.is_empty() {
        thread::yield_now();
        turns += 1;
        assert!(turns < 1 << 24, "the index never caught up");
    }
}

#[test]
fn reads_and_scans_are_as_if_there_were_one_map() {
    let index = GatedIndex::default();
    let (store, mut writer, _) = try_open(&MemoryDisk::new(), &index).expect("open");
    let _open = AtEnd(|| index.set(Gate::Open));
    let (mut model, mut dice) = (BTreeMap::new(), Dice(11));
    let mut change = |batch: &mut Batch<'_>, model: &mut BTreeMap<Vec<u8>, Vec<u8>>| {
        let key = format!("k{:02}", dice.below(40));
        let record = if dice.below(3) == 0 {
            model.remove(key.as_bytes());
            remove(&key)
        } else {
            let value = dice.below(1000).to_string();
            model.insert(key.clone().into_bytes(), value.clone().into_bytes());
            put(&key, &value)
        };
        batch.stage(&[record]).expect("stage");
    };
    for _ in 0..30 {
        // One part in the index, one in the overlay, one staged.
        for gate in [Gate::Open, Gate::Closed] {
            index.set(gate);
            let mut batch = writer.batch();
            (0..15).for_each(|_| change(&mut batch, &mut model));
            batch.finish().expect("finish");
            if gate == Gate::Open {
                settle(&store);
            }
        }
        compare(store.as_ref(), &model);
        let mut batch = writer.batch();
        let mut staged = model.clone();
        (0..15).for_each(|_| change(&mut batch, &mut staged));
        compare(&batch, &staged);
        drop(batch);
        index.set(Gate::Open);
        settle(&store);
        compare(store.as_ref(), &model);
    }
}

fn compare(view: &dyn View, model: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let bounds = |key: &[u8]| {
        [Bound::Unbounded, Bound::Included(key.to_vec()), Bound::Excluded(key.to_vec())]
    };
    for from in bounds(b"k05") {
        for to in bounds(b"k31").into_iter().chain([Bound::Excluded(b"k05".to_vec())]) {
            let span = Span { from: from.clone(), to };
            for limit in [0, 1, 7, 1000] {
                let all = || {
                    let all = if span.is_empty() {
                        None
                    } else {
                        Some(model.range::<[u8], _>(span.bounds()))
                    };
                    all.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()))
                };
                let newest = |row: &Pair| row.0 == b"newest";
                let mut found = view.scan(&span, Direction::Forward, limit).expect("scan");
                found.retain(|row| !newest(row));
                assert_eq!(found, all().take(limit).collect::<Vec<_>>(), "{span:?} {limit}");
                let limit = limit + usize::from(span.to == Bound::Unbounded);
                let mut found = view.scan(&span, Direction::Backward, limit).expect("scan");
                found.retain(|row| !newest(row));
                let mut expected: Vec<Pair> = all().collect();
                expected.reverse();
                expected.truncate(limit - usize::from(span.to == Bound::Unbounded));
                assert_eq!(found, expected, "{span:?} {limit}");
            }
        }
    }
}

#[test]
fn readers_never_miss_a_committed_write_while_it_moves_to_the_index() {
    const ROUNDS: u32 = 60;
    const BATCH: u32 = 700;
    let (store, mut writer, _) = try_open(&MemoryDisk::new(), &MemoryIndex::new()).expect("open");
    let (committed, done) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for reader in 0..2 {
            let (store, committed, done) = (&store, &committed, &done);
            scope.spawn(move || {
                let mut seen = 0;
                while !done.load(Ordering::Acquire) {
                    let least = committed.load(Ordering::Acquire);
                    if reader == 0 {
                        let counter = value(store.as_ref(), "counter")
                            .map_or(0, |text| text.parse::<u32>().expect("a number"));
                        assert!(counter >= least.max(seen), "{counter} {least} {seen}");
                        seen = counter;
                    } else {
                        let span = Span::prefix(b"round");
                        let rows = store.scan(&span, Direction::Backward, 1000).expect("scan");
                        assert!(rows.len() as u32 >= least / BATCH, "{} {least}", rows.len());
                    }
                }
            });
        }
        let _done = AtEnd(|| done.store(true, Ordering::Release));
        for round in 0..ROUNDS {
            // One key written often in one batch, so that its writes are in several chunks.
            let mut batch = writer.batch();
            for i in 1..=BATCH {
                let counter = put("counter", &(round * BATCH + i).to_string());
                batch.stage(&[counter]).expect("stage");
            }
            batch.stage(&[put(&format!("round{round:03}"), "1")]).expect("stage");
            batch.finish().expect("finish");
            committed.store((round + 1) * BATCH, Ordering::Release);
        }
        settle(&store);
    });
    assert_eq!(value(store.as_ref(), "counter"), Some((ROUNDS * BATCH).to_string()));
}

#[test]
fn commits_that_follow_one_another_reach_the_index_together() {
    const COMMITS: u32 = 1000;
    let index = GatedIndex::default();
    let (store, mut writer, _) = try_open(&MemoryDisk::new(), &index).expect("open");
    for i in 0..COMMITS {
        writer.commit(vec![vec![put(&format!("k{i}"), "1")]]).expect("commit");
    }
    settle(&store);
    let applied = index.applied.load(Ordering::Relaxed);
    assert!(applied < COMMITS / 4, "{applied} batches");
}

#[test]
fn a_decision_sees_what_was_changed_since_it_looked_last() {
    let index = GatedIndex::default();
    let (store, mut writer, _) = try_open(&MemoryDisk::new(), &index).expect("open");
    writer.commit(vec![vec![put("a", "1")]]).expect("commit");
    for round in 2..10 {
        settle(&store);
        let mut batch = writer.batch();
        assert_eq!(value(&batch, "a"), Some((round - 1).to_string()), "from the index");
        assert_eq!(value(&batch, "a"), Some((round - 1).to_string()), "remembered");
        batch.stage(&[put("a", "dropped")]).expect("stage");
        assert_eq!(value(&batch, "a").as_deref(), Some("dropped"));
        drop(batch);
        let batch = writer.batch();
        assert_eq!(value(&batch, "a"), Some((round - 1).to_string()), "nothing was changed");
        drop(batch);
        writer.commit(vec![vec![put("a", &round.to_string())]]).expect("commit");
        assert_eq!(value(&writer.batch(), "a"), Some(round.to_string()), "from the overlay");
    }
    writer.commit(vec![vec![remove("a")]]).expect("commit");
    assert_eq!(value(&writer.batch(), "a"), None);
    settle(&store);
    assert_eq!(value(&writer.batch(), "a"), None);
}

#[test]
fn commits_wait_for_an_index_that_is_too_far_behind() {
    const MAX: usize = 10;
    let index = GatedIndex::default();
    index.set(Gate::Closed);
    let lag = Lag { records_max: MAX, ..options().lag };
    let options = StoreOptions { lag, ..options() };
    let (store, mut writer, _) =
        open(Arc::new(MemoryDisk::new()), &index, options, project, &mut |_| {}).expect("open");
    thread::scope(|scope| {
        let committing = scope.spawn(|| {
            for i in 0..100 {
                writer.commit(vec![vec![put(&format!("k{i}"), "1")]]).expect("commit");
                assert!(store.unapplied_records() <= MAX);
            }
        });
        let _open = AtEnd(|| index.set(Gate::Open));
        while store.unapplied_records() < MAX {
            assert!(!committing.is_finished(), "the queue never filled");
            thread::yield_now();
        }
        // The eleventh commit cannot be there before the gate opens.
        assert_eq!(rows(store.as_ref()).len(), MAX + 1);
        index.set(Gate::Open);
    });
    assert_eq!(rows(store.as_ref()).len(), 101);
}

#[test]
fn a_failing_index_stops_the_writer_but_loses_nothing() {
    let (disk, index) = (MemoryDisk::new(), GatedIndex::default());
    let (store, mut writer, _) = try_open(&disk, &index).expect("open");
    index.set(Gate::Broken);
    let mut count = 0;
    let error = loop {
        match writer.commit(vec![vec![put(&format!("k{count}"), "1")]]) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
        thread::yield_now();
        assert!(count < 1_000_000, "the failure was never told");
    };
    assert!(matches!(error, StoreError::Index(IndexError::Stopped(_))), "{error}");
    assert_eq!(rows(store.as_ref()).len(), count + 1);
    drop(writer);
    let (store, _writer, _) = memory(&disk, &MemoryIndex::new());
    assert_eq!(rows(store.as_ref()).len(), count + 1);
}

#[test]
fn a_commit_half_in_the_index_is_replayed_whole() {
    let (disk, index) = (MemoryDisk::new(), GatedIndex::default());
    let (store, mut writer, _) = try_open(&disk, &index).expect("open");
    fill(&mut writer, 5);
    settle(&store);
    let before = index.rows.mark().expect("mark").expect("a mark");
    index.set(Gate::Once);
    let long: Vec<NewRecord> = (0..1700).map(|i| remove(&i.to_string())).collect();
    let long = [long, vec![put("last", "1")]].concat();
    let roomy = long.iter().map(|record| record.body.len() as u64 + 10).sum::<u64>();
    assert!(roomy > 4096, "it would not fit in a small segment");
    drop((store, writer));

    let mut options = options();
    options.journal.segment_bytes_max = 1 << 20;
    let disk = Arc::new(disk);
    let (store, mut writer, _) =
        open(disk.clone(), &index, options, project, &mut |_| {}).expect("open");
    writer.commit(vec![long]).expect("commit");
    while *index.gate.0.lock().expect("gate") != Gate::Broken {
        thread::yield_now();
    }
    drop(writer);
    let after = index.rows.mark().expect("mark").expect("a mark");
    assert_eq!(after.position, before.position, "the mark is behind whole commits only");
    assert_eq!(after.reach, store.position(), "it is known how far rows may reach");
    drop(store);
    let (store, _writer, recovery) = memory(&disk, &index.rows);
    assert_eq!(recovery.replayed_records, 1701);
    assert_eq!(value(store.as_ref(), "last").as_deref(), Some("1"));
}

#[test]
fn what_a_restart_shows_survives_the_next_power_cut() {
    // The sync failed, or the process was killed before it: the bytes are in the cache only.
    let stops: [fn(&MemoryDisk); 2] = [MemoryDisk::fail_next_sync, |disk| disk.power_off_after(1)];
    for stop in stops {
        let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
        let (_, mut writer, _) = memory(&disk, &index);
        writer.commit(vec![vec![put("a", "1")]]).expect("commit");
        stop(&disk);
        assert!(writer.commit(vec![vec![put("b", "1")]]).is_err());
        drop(writer);
        disk.power_on();
        let (store, writer, _) = memory(&disk, &index);
        assert_eq!(value(store.as_ref(), "b").as_deref(), Some("1"), "it is shown");
        drop(writer);
        let (store, _writer, recovery) = memory(&disk.cut(1, false), &index);
        assert!(!recovery.journal_fell_back);
        assert_eq!(value(store.as_ref(), "b").as_deref(), Some("1"), "it is safe");
    }
}

/// An index that remembers how far its rows were ever said to reach.
#[derive(Clone, Default)]
struct RememberingIndex {
    rows: MemoryIndex,
    reaches: Arc<Mutex<Vec<Position>>>,
}

impl Meddled for RememberingIndex {
    fn rows(&self) -> &MemoryIndex {
        &self.rows
    }

    fn is_marked(&self, mark: Mark) -> Result<(), IndexError> {
        self.reaches.lock().expect("reaches").push(mark.reach);
        self.rows.set_mark(mark)
    }
}

/// Every record makes a row as large as rows may be.
fn project_much(
    _: u8,
    body: &[u8],
    _: RecordRef,
    out: &mut Vec<Change>,
) -> Result<(), ProjectError> {
    out.push(Write::put(body, vec![0; VALUE_BYTES_MAX]).into());
    Ok(())
}

#[test]
fn a_replay_in_parts_does_not_forget_how_far_rows_reached_before() {
    // More than is replayed at a time.
    const RECORDS: usize = 1400;
    let disk = MemoryDisk::new();
    let (store, mut writer, _) = memory(&disk, &MemoryIndex::new());
    let commits = (0..RECORDS).map(|i| vec![put(&i.to_string(), "")]).collect();
    writer.commit(commits).expect("commit");
    let (epoch, reach) = (store.epoch(), store.position());
    drop((store, writer));
    // A crash came in the midst of a pass that had most of it.
    let index = RememberingIndex::default();
    let mark = Mark { reach, ..Mark::at(epoch, 1, Position::of(1)) };
    index.rows.set_mark(mark).expect("mark");
    let disk = Arc::new(disk);
    let (_, _, recovery) = open(disk, &index, options(), project_much, &mut |_| {}).expect("open");
    assert_eq!(recovery.replayed_records, RECORDS as u64);
    let reaches = index.reaches.lock().expect("reaches");
    assert!(reaches.len() > 2, "in parts");
    assert!(reaches.iter().all(|seen| *seen >= reach), "{reaches:?}");
}

/// An index that stands still for ever after so many changes, in the midst of whatever it is asked.
#[derive(Clone)]
struct StoppingIndex {
    rows: MemoryIndex,
    left: Arc<AtomicU32>,
}

impl StoppingIndex {
    fn new(rows: &MemoryIndex, changes: u32) -> Self {
        Self { rows: rows.clone(), left: Arc::new(AtomicU32::new(changes)) }
    }

    fn change(&self) -> Result<(), IndexError> {
        let less = |left: u32| left.checked_sub(1);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map(drop).map_err(|_| IndexError::Stopped("as told".to_owned()))
    }
}

impl Meddled for StoppingIndex {
    fn rows(&self) -> &MemoryIndex {
        &self.rows
    }

    fn takes(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        rows.iter().try_for_each(|row| {
            self.change()?;
            self.rows.apply(&[*row])
        })
    }

    fn is_marked(&self, mark: Mark) -> Result<(), IndexError> {
        self.change()?;
        self.rows.set_mark(mark)
    }
}

/// A record on one of few keys: set, removed, or a part of it set.
fn any_record() -> impl Strategy<Value = NewRecord> {
    let key = || (0..6u8).prop_map(|key| format!("k{key}"));
    prop_oneof![
        (key(), "[a-z]{0,6}").prop_map(|(key, value)| put(&key, &value)),
        key().prop_map(|key| remove(&key)),
        (key(), 0..8u8, "[A-Z]{1,3}").prop_map(|(key, at, value)| part(&key, at, &value)),
    ]
}

/// What is committed between two stops: in batches of commits of records; and after how many changes
/// of the index it stops, at work and then in the next start.
type Run = (Vec<Vec<Vec<NewRecord>>>, u32, u32);

fn any_runs() -> impl Strategy<Value = Vec<Run>> {
    let commits = vec(vec(any_record(), 1..4), 1..5);
    vec((vec(commits, 1..5), 0..40u32, 0..60u32), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Rows may be newer than the mark, any of them; whatever follows, the replay makes them right.
    #[test]
    fn an_index_that_stops_at_any_row_is_right_after_the_replay(
        runs in any_runs(), own_thread in any::<bool>(),
    ) {
        let applying = if own_thread { Applying::OwnThread } else { Applying::Writer };
        let (disk, rows_kept) = (MemoryDisk::new(), MemoryIndex::new());
        let start = |home: &dyn IndexHome| {
            let mut options = StoreOptions { applying, ..options() };
            options.lag.records = 5;
            open(Arc::new(disk.clone()), home, options, project, &mut |_| {})
        };
        drop(start(&rows_kept).expect("the first start"));
        for (batches, stop_at_work, stop_at_start) in runs {
            if let Ok((_, mut writer, _)) = start(&StoppingIndex::new(&rows_kept, stop_at_work)) {
                // A stopped index refuses batches sooner or later; then the run is over.
                for batch in batches {
                    if writer.commit(batch).is_err() {
                        break;
                    }
                }
            }
            drop(start(&StoppingIndex::new(&rows_kept, stop_at_start)));
            let (anew, ..) = memory(&disk.fork(), &MemoryIndex::new());
            let (kept, ..) = memory(&disk.fork(), &index_copy(&rows_kept));
            prop_assert_eq!(rows(kept.as_ref()), rows(anew.as_ref()));
        }
    }
}
