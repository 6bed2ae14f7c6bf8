//! What the journal promises: synced commits are found again whole and in order, torn tails are
//! cut, and anything else that is wrong is named.

use std::collections::BTreeMap;

use super::{room::written, *};
use crate::disk::{Disk, DiskFile, MemoryDisk};
use std::sync::Arc;

const SEGMENT_BYTES: u64 = 512;

fn options() -> JournalOptions {
    JournalOptions {
        room_bytes: 100,
        segment_bytes_max: SEGMENT_BYTES,
        new_epoch: 7,
        begin_lineage: false,
        known: None,
    }
}

fn try_open(disk: &MemoryDisk) -> Result<(Journal, Opened), JournalError> {
    Journal::open(Arc::new(disk.clone()), options())
}

fn open(disk: &MemoryDisk) -> Journal {
    try_open(disk).expect("the journal opens").0
}

fn record(text: &str) -> NewRecord {
    NewRecord { kind: 1, body: text.to_owned().into() }
}

/// A commit of one to four records with bodies of many lengths.
fn commit(i: usize) -> Vec<NewRecord> {
    (0..=i % 4).map(|part| record(&format!("{i}.{part}{}", "x".repeat(i * 7 % 40)))).collect()
}

fn append(journal: &mut Journal, commit: &[NewRecord]) -> Result<Vec<RecordRef>, JournalError> {
    let refs = journal.stage(commit)?;
    journal.sync()?;
    Ok(refs)
}

fn fill(journal: &mut Journal, count: usize) {
    for i in 0..count {
        append(journal, &commit(i)).expect("append");
    }
}

/// All commits in the journal, as they were given.
fn commits(journal: &Journal) -> Result<Vec<Vec<NewRecord>>, JournalError> {
    let mut found = vec![Vec::new()];
    for record in journal.reader().records(Position::START) {
        let Record { kind, body, last, .. } = record?;
        found.last_mut().expect("a commit").push(NewRecord { kind, body });
        if last {
            found.push(Vec::new());
        }
    }
    assert_eq!(found.pop(), Some(Vec::new()), "the journal ends with a whole commit");
    Ok(found)
}

fn expected(count: usize) -> Vec<Vec<NewRecord>> {
    (0..count).map(commit).collect()
}

fn file(disk: &MemoryDisk, segment: u32) -> Arc<dyn DiskFile> {
    disk.open(&segment_name(segment)).expect("the segment is there")
}

fn bytes(disk: &MemoryDisk, segment: u32) -> Vec<u8> {
    let file = file(disk, segment);
    let mut bytes = vec![0; file.size_bytes().expect("size") as usize];
    file.read_exact_at(&mut bytes, 0).expect("read");
    bytes
}

/// Takes away the room behind the end.
fn close(journal: Journal) {
    journal.close().expect("close");
}

fn flip(disk: &MemoryDisk, segment: u32, offset: u64, bit: u8) {
    let file = file(disk, segment);
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("read");
    file.write_all_at(&[byte[0] ^ (1 << bit)], offset).expect("write");
}

fn damage<T>(result: Result<T, JournalError>) -> (u32, u64, Flaw) {
    match result {
        Err(JournalError::Damaged { segment, offset, reason }) => (segment, offset, reason),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("the damage was not seen"),
    }
}

#[test]
fn stored_bytes_are_these() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &[record("hi"), record("")]).expect("append");
    close(journal);
    let hex: String = bytes(&disk, 1).iter().map(|byte| format!("{byte:02x}")).collect();
    let header = "4c49414f4a524e4c01000000010000000700000000000000000000001a481d4b";
    let records = "02000000165c64a30102686900000000ea42c77d0101";
    assert_eq!(hex, format!("{header}{records}"));
}

#[test]
fn a_record_ref_keeps_its_meaning_and_order() {
    let one = RecordRef { segment: 1, offset: 0x00ff_ffff_ffff, len: 9 };
    let two = RecordRef { segment: 2, offset: 32, len: 0 };
    assert_eq!(RecordRef::decode(&one.encode()), Some(one));
    assert!(one.encode() < two.encode());
    assert_eq!(RecordRef::decode(&one.encode()[1..]), None);
}

#[test]
fn commits_come_back_in_order_over_many_segments() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    let mut refs = Vec::new();
    // Half alone, half in groups with one sync, so that a group crosses segments.
    for i in 0..30 {
        refs.push(append(&mut journal, &commit(i)).expect("append"));
    }
    for i in 30..60 {
        refs.push(journal.stage(&commit(i)).expect("stage"));
    }
    let staged = refs[59][0];
    assert_eq!(journal.read(&staged).expect("staged"), commit(59)[0].body);
    assert!(matches!(journal.reader().read(&staged), Err(JournalError::Absent { .. })));
    journal.sync().expect("sync");
    assert!(journal.end().segment > 5, "many segments are in play");
    for segment in 1..=journal.end().segment {
        assert!(bytes(&disk, segment).len() as u64 <= SEGMENT_BYTES);
    }
    for journal in [journal, open(&disk)] {
        assert_eq!(commits(&journal).expect("commits"), expected(60));
        for (i, refs) in refs.iter().enumerate() {
            let segments: Vec<u32> = refs.iter().map(|at| at.segment).collect();
            assert!(segments.windows(2).all(|two| two[0] == two[1]), "a commit is in one segment");
            for (at, record) in refs.iter().zip(commit(i)) {
                assert_eq!(journal.reader().read(at).expect("read"), record.body);
            }
        }
        // Reading can begin behind any commit.
        for refs in &refs {
            let from = refs.last().expect("a record").end();
            let found = journal.reader().records(from).next().transpose().expect("record");
            assert_eq!(found.is_none(), from == journal.end());
        }
    }
    assert!(check(&disk).expect("check").iter().all(|report| report.flaw.is_none()));
}

#[test]
fn what_is_too_large_is_refused_and_leaves_nothing() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    let body = "x".repeat(300);
    let two = [record(&body), record(&body)];
    assert!(matches!(journal.stage(&two), Err(JournalError::TooLarge { .. })));
    append(&mut journal, &commit(0)).expect("append");
    assert_eq!(commits(&journal).expect("commits"), expected(1));
}

#[test]
fn unstaged_commits_are_as_if_they_never_were() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    journal.stage(&commit(0)).expect("stage");
    let end = journal.staged_end();
    for i in 10..40 {
        journal.stage(&commit(i)).expect("stage");
    }
    journal.unstage(end);
    assert_eq!(journal.staged_end(), end);
    journal.stage(&commit(1)).expect("stage");
    journal.sync().expect("sync");
    assert_eq!(commits(&open(&disk)).expect("commits"), expected(2));
}

#[test]
fn any_cut_of_the_last_segment_leaves_a_prefix_of_whole_commits() {
    let disk = MemoryDisk::new();
    let roomy = JournalOptions { segment_bytes_max: 8 * SEGMENT_BYTES, ..options() };
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), roomy).expect("open");
    fill(&mut journal, 8);
    let kept_before = commits(&journal).expect("commits").len();
    // One group, as a power cut in the middle of writing it would leave it.
    let group_start = journal.end();
    let mut ends = vec![group_start.offset];
    for i in 8..12 {
        let refs = journal.stage(&commit(i)).expect("stage");
        ends.push(refs.last().expect("a record").end().offset);
    }
    journal.sync().expect("sync");
    let segment = group_start.segment;
    assert_eq!(journal.end().segment, segment, "the group is in one segment");
    let all = bytes(&disk, segment);
    for len in group_start.offset..=journal.end().offset {
        let torn = disk.fork();
        file(&torn, segment).truncate(len).expect("truncate");
        let (journal, opened) = try_open(&torn).expect("the journal opens");
        let whole = ends.iter().filter(|end| **end <= len).count() - 1;
        assert_eq!(commits(&journal).expect("commits"), expected(kept_before + whole));
        let surplus = written(&all[..len as usize][ends[whole] as usize..]).len() as u64;
        assert_eq!(opened.cut.as_ref().map_or(0, |cut| cut.bytes), surplus);
        if let Some(cut) = opened.cut {
            let kept = torn.open(&cut.kept_in.expect("a name")).expect("what was cut is kept");
            assert_eq!(kept.size_bytes().expect("size"), surplus);
        }
        // The journal goes on from there, and a second start finds nothing to repair.
        let mut journal = journal;
        append(&mut journal, &commit(99)).expect("append");
        assert_eq!(try_open(&torn).expect("reopen").1, Opened::default());
    }
}

#[test]
fn any_length_of_the_last_segment_opens_or_is_named() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    fill(&mut journal, 12);
    let segment = journal.end().segment;
    let all = expected(12);
    for len in 0..=journal.end().offset {
        let torn = disk.fork();
        file(&torn, segment).truncate(len).expect("truncate");
        let found = commits(&open(&torn)).expect("commits");
        assert_eq!(found, all[..found.len()], "cut to {len} bytes");
    }
}

#[test]
fn room_is_made_behind_the_end_and_taken_back() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &[record("a")]).expect("append");
    let room = journal.end().offset + options().room_bytes;
    assert_eq!(bytes(&disk, 1).len() as u64, room);
    append(&mut journal, &[record("b")]).expect("append");
    assert_eq!(bytes(&disk, 1).len() as u64, room, "the room is written over, not made anew");
    assert!(check(&disk).expect("check").iter().all(|report| report.flaw.is_none()));
    let end = journal.end();
    drop(journal);
    let (mut journal, opened) = try_open(&disk).expect("open");
    assert_eq!((journal.end(), &opened), (end, &Opened::default()), "room is no torn tail");
    append(&mut journal, &[record("c")]).expect("append");
    assert_eq!(bytes(&disk, 1).len() as u64, room, "the next run uses it");
    let end = journal.end();
    close(journal);
    assert_eq!(bytes(&disk, 1).len() as u64, end.offset);
    let mut journal = open(&disk);
    (4..40).for_each(|i| drop(append(&mut journal, &commit(i)).expect("append")));
    assert_eq!(commits(&journal).expect("commits").len(), 39);
    for segment in 1..journal.end().segment {
        assert_ne!(bytes(&disk, segment).last(), Some(&0), "a closed segment has no room");
    }
}

#[test]
fn where_the_disk_is_nearly_full_no_room_is_made() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    disk.set_free_bytes(options().room_bytes * 64 - 1);
    append(&mut journal, &commit(1)).expect("append");
    assert_eq!(bytes(&disk, 1).len() as u64, journal.end().offset);
}

#[test]
fn room_that_was_made_in_part_is_taken_back_too() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    disk.fail_append_after(1);
    append(&mut journal, &commit(1)).expect("the room alone failed");
    let made = options().room_bytes / 2;
    assert_eq!(bytes(&disk, 1).len() as u64, journal.end().offset + made, "half of it is there");
    let large = record(&"x".repeat(SEGMENT_BYTES as usize - 50));
    append(&mut journal, std::slice::from_ref(&large)).expect("append");
    assert_eq!(journal.end().segment, 2);
    let all = [commit(1), vec![large]];
    assert_eq!(commits(&journal).expect("a closed segment has no room"), all);
    assert_eq!(commits(&open(&disk)).expect("commits"), all);
}

#[test]
fn an_older_journal_with_room_is_known_to_be_older() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &commit(1)).expect("append");
    let (older, end) = (disk.fork(), journal.end());
    append(&mut journal, &commit(3)).expect("append");
    let known = Some((journal.epoch(), journal.end()));
    for torn in [&b""[..], b"torn"] {
        let disk = older.fork();
        file(&disk, 1).write_all_at(torn, end.offset).expect("write");
        let options = JournalOptions { known, ..options() };
        let (journal, opened) = Journal::open(Arc::new(disk), options).expect("open");
        assert_eq!((journal.end(), opened.damage), (end, None));
        assert_eq!(opened.cut.map_or(0, |cut| cut.bytes), torn.len() as u64);
    }
}

#[test]
fn a_flipped_bit_in_the_room_is_cut_off() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &commit(1)).expect("append");
    let end = journal.end();
    flip(&disk, 1, end.offset + 50, 1);
    let known = Some((journal.epoch(), end));
    let (journal, opened) =
        Journal::open(Arc::new(disk), JournalOptions { known, ..options() }).expect("open");
    assert_eq!((journal.end(), opened.damage), (end, None));
    assert_eq!(opened.cut.expect("a cut").bytes, 51);
    assert_eq!(commits(&journal).expect("commits"), [commit(1)]);
}

#[test]
fn where_the_last_segment_has_room_alone_the_written_end_is_before_it() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &commit(1)).expect("append");
    assert_eq!(written_end(&disk).expect("end"), journal.end());
    let end = journal.end();
    journal.begin_lineage().expect("a new segment");
    file(&disk, 2).write_all_at(&[0; 40], Position::of(2).offset).expect("write");
    assert_eq!(written_end(&disk).expect("end"), end);
}

#[test]
fn a_flipped_bit_in_a_closed_segment_is_found_and_named() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    fill(&mut journal, 40);
    let last = journal.end().segment;
    assert!(last > 4, "some segments are closed");
    for segment in 1..last {
        let size = bytes(&disk, segment).len() as u64;
        for offset in 0..size {
            // The reserved bytes and the rest of the header are under its checksum too.
            let spoiled = disk.fork();
            flip(&spoiled, segment, offset, (offset % 8) as u8);
            let found = damage(try_open(&spoiled).and_then(|(journal, _)| commits(&journal)));
            assert_eq!(found.0, segment);
            assert!(found.1 <= offset, "byte {offset} was named as {}", found.1);
            let reports = check(&spoiled).expect("check");
            let flawed: Vec<u32> = reports
                .iter()
                .filter(|found| found.flaw.is_some())
                .map(|found| found.segment)
                .collect();
            assert_eq!(flawed, [segment]);
        }
    }
}

#[test]
fn a_flipped_bit_behind_a_later_sync_is_damage_and_not_a_torn_tail() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, &commit(1)).expect("append");
    let synced = journal.end().offset;
    append(&mut journal, &commit(2)).expect("append");
    for offset in Position::START.offset..synced {
        let spoiled = disk.fork();
        flip(&spoiled, 1, offset, 3);
        let before = bytes(&spoiled, 1);
        let (segment, _, _) = damage(try_open(&spoiled));
        assert_eq!(segment, 1);
        assert_eq!(bytes(&spoiled, 1), before, "nothing was cut");
    }
    // In the last group the two cannot be told apart; it is cut, kept aside and reported.
    let spoiled = disk.fork();
    flip(&spoiled, 1, synced + 12, 3);
    let (journal, opened) = try_open(&spoiled).expect("open");
    assert_eq!(commits(&journal).expect("commits"), [commit(1)]);
    assert_eq!(opened.cut.expect("a cut").reason, Flaw::Checksum);
}

#[test]
fn damage_is_told_with_the_file_and_the_place() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    fill(&mut journal, 20);
    flip(&disk, 2, 40, 0);
    let words = commits(&open(&disk)).expect_err("damage").to_string();
    assert!(words.contains("00000002.log") && words.contains("32"), "{words}");
}

#[test]
fn damage_before_a_place_that_is_known_keeps_nothing_shut() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    let refs: Vec<RecordRef> =
        (0..5).flat_map(|i| append(&mut journal, &commit(i)).expect("append")).collect();
    let end = journal.end();
    let known = refs[5].end();
    let reopen = |disk: &MemoryDisk, known| {
        let options = JournalOptions { known: Some(known), ..options() };
        Journal::open(Arc::new(disk.clone()), options)
    };
    for at in &refs {
        let spoiled = disk.fork();
        flip(&spoiled, 1, at.offset + 11, 3);
        let (mut journal, opened) = reopen(&spoiled, (7, end)).expect("all places are known");
        assert_eq!(
            opened.damage,
            Some((Position { segment: 1, offset: at.offset }, Flaw::Checksum))
        );
        assert_eq!((opened.cut, journal.end()), (None, end), "nothing is lost");
        for other in refs.iter().filter(|other| *other != at) {
            journal.read(other).expect("the others are read");
        }
        assert!(journal.read(at).expect_err("this one is damaged").is_one_record());
        append(&mut journal, &commit(9)).expect("and it goes on");
        let opened = reopen(&spoiled, (7, known));
        assert_eq!(opened.is_ok(), at.end() <= known, "damage behind it is as without it");
        // Behind the last sync a flaw cannot be told from a torn tail, when nothing is known.
        for unknown in [(8, end), (7, Position { segment: 2, ..end })] {
            match reopen(&spoiled, unknown) {
                Err(JournalError::Damaged { .. }) => {}
                found => assert!(at >= &refs[refs.len() - commit(4).len()] && found.is_ok()),
            }
        }
    }
    let far = Position { offset: end.offset + 1000, ..end };
    let (journal, opened) = reopen(&disk, (7, far)).expect("it is whole");
    assert_eq!((journal.end(), opened.damage), (end, None));
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = MemoryDisk::new();
    fill(&mut open(&disk), 40);
    for segment in 1..4 {
        let holed = disk.fork();
        holed.remove(&segment_name(segment)).expect("remove");
        assert_eq!(damage(try_open(&holed)), (segment, 0, Flaw::Missing));
    }
}

#[test]
fn a_newer_format_is_refused_in_words() {
    let disk = MemoryDisk::new();
    fill(&mut open(&disk), 1);
    let mut header = bytes(&disk, 1)[..28].to_vec();
    header[8] = 9;
    let crc = crc32c::crc32c(&header).to_le_bytes();
    file(&disk, 1).write_all_at(&[&header[..], &crc].concat(), 0).expect("write");
    assert!(matches!(try_open(&disk), Err(JournalError::Newer { segment: 1, version: 9 })));
}

#[test]
fn a_segment_that_was_never_begun_is_removed_but_its_forerunner_must_be_whole() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    fill(&mut journal, 6);
    let (end, next) = (journal.end(), journal.end().segment + 1);
    close(journal);
    disk.create_new(&segment_name(next)).expect("create").write_all_at(&[0; 20], 0).expect("write");
    let torn = disk.fork();
    file(&torn, end.segment).truncate(end.offset - 1).expect("truncate");
    assert_eq!(damage(try_open(&torn)).0, end.segment);
    let mut journal = open(&disk);
    assert_eq!(journal.end(), end);
    for i in 6..30 {
        append(&mut journal, &commit(i)).expect("append");
    }
    assert_eq!(commits(&open(&disk)).expect("commits"), expected(30));
}

#[test]
fn a_failed_write_or_sync_stops_the_journal_for_good() {
    let fail: [fn(&MemoryDisk); 3] =
        [MemoryDisk::fail_next_append, MemoryDisk::fail_next_sync, |disk| disk.set_free_bytes(10)];
    for fail in fail {
        let disk = MemoryDisk::new();
        let mut journal = open(&disk);
        fill(&mut journal, 3);
        fail(&disk);
        assert!(matches!(append(&mut journal, &commit(3)), Err(JournalError::Io { .. })));
        disk.set_free_bytes(u64::MAX);
        assert!(journal.poisoned());
        assert!(matches!(journal.stage(&commit(4)), Err(JournalError::Poisoned)));
        assert!(matches!(journal.sync(), Err(JournalError::Poisoned)));
        assert_eq!(journal.reader().end(), journal.end());
        let found = commits(&open(&disk)).expect("commits");
        assert_eq!(found[..3], expected(3));
        assert!(found.len() <= 4);
    }
}

#[test]
fn an_overwrite_holds_and_every_power_cut_leaves_the_old_or_the_new() {
    let old = [record("keep"), record("secret"), record("keep too")];
    let new = [record("keep"), record("******"), record("keep too")];
    let mut seen = BTreeMap::new();
    for changes in 0..12 {
        for seed in 0..12 {
            let disk = MemoryDisk::new();
            let mut journal = open(&disk);
            let at = append(&mut journal, &old).expect("append")[1];
            append(&mut journal, &commit(5)).expect("append");
            disk.power_off_after(changes);
            let done = journal.overwrite(&at, b"******").is_ok();
            let after = disk.cut(seed, seed % 3 != 0);
            let (journal, opened) = try_open(&after).expect("the journal opens");
            assert_eq!(opened, Opened::default());
            let found = commits(&journal).expect("commits");
            assert!(found[0] == new || (found[0] == old && !done));
            assert_eq!(found[1], commit(5));
            assert_eq!(after.list().expect("list"), [segment_name(1)], "no redo file is left");
            *seen.entry((done, found[0] == new)).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 3, "old, new, and new before it was known: {seen:?}");
}

#[test]
fn many_overwrites_hold_together_and_every_power_cut_leaves_all_old_or_all_new() {
    let secrets = |of: usize| [record("keep"), record(&format!("secret {of:02}"))];
    let blank = [record("keep"), record("*********")];
    let mut seen = BTreeMap::new();
    for changes in 0..24 {
        for seed in 0..12 {
            let disk = MemoryDisk::new();
            let mut journal = open(&disk);
            let places: Vec<RecordRef> =
                (0..20).map(|of| append(&mut journal, &secrets(of)).expect("append")[1]).collect();
            assert!(places[19].segment > places[0].segment, "they are in several segments");
            disk.power_off_after(changes);
            let all: Vec<_> = places.iter().map(|at| (*at, &b"*********"[..])).collect();
            let done = journal.overwrite_all(&all).is_ok();
            let after = disk.cut(seed, seed % 3 != 0);
            let found = commits(&try_open(&after).expect("the journal opens").0).expect("commits");
            let new = found.iter().filter(|commit| **commit == blank).count();
            let old = (0..20).filter(|of| found[*of] == secrets(*of)).count();
            assert!(
                (new, old) == (20, 0) || (new, old) == (0, 20) && !done,
                "{new} new, {old} old"
            );
            assert!(!after.list().expect("list").iter().any(|name| name.ends_with(".redo")));
            *seen.entry((done, new > 0)).or_insert(0) += 1;
        }
    }
    assert!(seen.contains_key(&(false, false)) && seen.contains_key(&(false, true)), "{seen:?}");
}

#[test]
fn a_redo_file_takes_so_many_bytes_and_the_next_one_the_rest() {
    let disk = Arc::new(MemoryDisk::new());
    let (mut journal, _) = Journal::open(disk, JournalOptions::new(7)).expect("open");
    let large = NewRecord { kind: 1, body: vec![b'x'; 100_000].into() };
    let places: Vec<RecordRef> = (0..100)
        .map(|_| append(&mut journal, std::slice::from_ref(&large)).expect("append")[0])
        .collect();
    let blank = vec![b'*'; 100_000];
    let all: Vec<_> = places.iter().map(|at| (*at, &*blank)).collect();
    journal.overwrite_all(&all).expect("overwrite");
    for at in &places {
        assert!(journal.reader().read(at).expect("read") == blank);
    }
}

#[test]
fn an_overwrite_of_another_length_or_place_is_refused() {
    let mut journal = open(&MemoryDisk::new());
    let at = append(&mut journal, &[record("secret")]).expect("append")[0];
    assert!(journal.overwrite(&at, b"short").is_err());
    assert!(journal.overwrite(&RecordRef { offset: at.offset + 1, ..at }, b"******").is_err());
    assert!(!journal.poisoned());
    assert_eq!(journal.reader().read(&at).expect("read"), "secret");
    journal.overwrite(&at, b"******").expect("overwrite");
    assert_eq!(journal.reader().read(&at).expect("read"), "******");
}

#[test]
fn a_new_lineage_is_a_new_epoch_over_the_same_records() {
    let disk = MemoryDisk::new();
    fill(&mut open(&disk), 3);
    let options = JournalOptions { new_epoch: 8, begin_lineage: true, ..options() };
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), options).expect("open");
    assert_eq!(journal.epoch(), 8);
    append(&mut journal, &commit(3)).expect("append");
    let journal = open(&disk);
    assert_eq!(journal.epoch(), 8);
    assert_eq!(commits(&journal).expect("commits"), expected(4));
}

#[test]
fn cut_tails_do_not_pile_up() {
    let disk = MemoryDisk::new();
    fill(&mut open(&disk), 1);
    for _ in 0..40 {
        let file = file(&disk, 1);
        file.write_all_at(b"torn", file.size_bytes().expect("size")).expect("write");
        assert!(try_open(&disk).expect("open").1.cut.is_some());
    }
    let names = disk.list().expect("list");
    assert_eq!(names.iter().filter(|name| name.ends_with(".cut")).count(), 16);
    assert!(names.contains(&"tail-40.cut".to_owned()), "the newest are kept: {names:?}");
}

#[test]
fn any_bytes_as_a_segment_open_or_are_named() {
    proptest::proptest!(|(noise in proptest::collection::vec(0u8.., 0..200), keep in 0usize..80)| {
        let disk = MemoryDisk::new();
        fill(&mut open(&disk), 2);
        let file = file(&disk, 1);
        file.truncate(keep as u64).expect("truncate");
        file.write_all_at(&noise, keep as u64).expect("write");
        match try_open(&disk) {
            Ok((journal, _)) => assert!(commits(&journal).is_ok()),
            Err(JournalError::Damaged { .. } | JournalError::Newer { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn a_full_disk_does_not_keep_a_torn_journal_from_opening() {
    let disk = MemoryDisk::new();
    fill(&mut open(&disk), 3);
    let last = file(&disk, 1);
    last.write_all_at(b"torn", last.size_bytes().expect("size")).expect("write");
    disk.set_free_bytes(2);
    let (journal, opened) = try_open(&disk).expect("open");
    assert_eq!(opened.cut.expect("a cut").kept_in, None);
    assert_eq!(commits(&journal).expect("commits"), expected(3));
}

#[test]
fn a_check_names_every_missing_or_damaged_segment_once() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    fill(&mut journal, 40);
    let behind = journal.end().segment + 1;
    close(journal);
    disk.remove(&segment_name(2)).expect("remove");
    flip(&disk, 4, 50, 1);
    disk.create_new(&segment_name(99_999_999)).expect("create");
    let reports = check(&disk).expect("check");
    let flaws: Vec<(u32, Flaw)> = reports
        .into_iter()
        .filter_map(|report| Some((report.segment, damage(Err::<(), _>(report.flaw?)).2)))
        .collect();
    let expected = [
        (2, Flaw::Missing),
        (4, Flaw::Checksum),
        (behind, Flaw::Missing),
        (99_999_999, Flaw::Header),
    ];
    assert_eq!(flaws, expected);
}
