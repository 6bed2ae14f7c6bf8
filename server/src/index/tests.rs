//! What every index promises, asked of each; then what only the one on disk must do.

use std::fs;
use std::ops::Bound;
use std::path::Path;

use super::*;

fn mark(offset: u64) -> Mark {
    Mark::at(3, 1, Position { segment: 1, offset })
}

/// Brings rows in, then the mark.
fn apply(index: &dyn Index, writes: &[Write], mark: Mark) {
    let rows: Vec<Row<'_>> =
        writes.iter().map(|write| (&*write.key, write.value.as_deref())).collect();
    index.apply(&rows).expect("apply");
    index.set_mark(mark).expect("mark");
}

fn sled_home(folder: &Path) -> SledOptions {
    SledOptions { folder: folder.join("index"), cache_bytes: 4 << 20, boot: Some("boot".into()) }
}

fn sound(home: &dyn IndexHome) -> Arc<dyn Index> {
    match home.open().expect("open") {
        IndexFound::Sound(index) => index,
        IndexFound::Doubtful { why, .. } => panic!("doubtful: {why}"),
    }
}

fn doubt(home: &dyn IndexHome) -> Option<String> {
    match home.open() {
        Ok(IndexFound::Sound(_)) => None,
        Ok(IndexFound::Doubtful { why, .. }) | Err(IndexError::Damaged(why)) => Some(why),
        Err(other) => panic!("{other}"),
    }
}

/// Runs one check on every kind of index.
fn each(check: fn(&dyn Index)) {
    check(sound(&MemoryIndex::new()).as_ref());
    let folder = tempfile::tempdir().expect("folder");
    check(sound(&sled_home(folder.path())).as_ref());
}

fn fill(index: &dyn Index, keys: &[&[u8]]) {
    let writes: Vec<Write> = keys.iter().map(|key| Write::put(*key, *key)).collect();
    apply(index, &writes, mark(1));
}

fn keys(index: &dyn Index, span: &Span, direction: Direction, limit: usize) -> Vec<Vec<u8>> {
    let rows = index.scan(span, direction, limit).expect("scan");
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_key_has_its_last_value() {
    each(|index| {
        assert_eq!(index.read(b"a").expect("read"), None);
        let writes = [Write::put("a", "1"), Write::put("b", "1"), Write::put("a", "2")];
        apply(index, &writes, mark(1));
        assert_eq!(index.read(b"a").expect("read"), Some(b"2".to_vec()));
        let writes = [Write::remove("b"), Write::remove("c"), Write::put("d", "")];
        apply(index, &writes, mark(2));
        assert_eq!(index.read(b"b").expect("read"), None);
        assert_eq!(index.read(b"d").expect("read"), Some(Vec::new()));
        let all = index.scan(&Span::all(), Direction::Forward, 9).expect("scan");
        assert_eq!(all, [(b"a".to_vec(), b"2".to_vec()), (b"d".to_vec(), Vec::new())]);
    });
}

#[test]
fn the_mark_is_that_of_the_last_apply_and_no_row() {
    each(|index| {
        assert_eq!(index.mark().expect("mark"), None);
        apply(index, &[], mark(5));
        assert_eq!(index.mark().expect("mark"), Some(mark(5)));
        apply(index, &[Write::put("a", "1")], mark(9));
        assert_eq!(index.mark().expect("mark"), Some(mark(9)));
        for direction in [Direction::Forward, Direction::Backward] {
            assert_eq!(keys(index, &Span::all(), direction, 9), [b"a"]);
        }
    });
}

#[test]
fn a_scan_keeps_to_its_span_its_direction_and_its_limit() {
    use Bound::{Excluded, Included, Unbounded};
    const ALL: [&[u8]; 6] = [b"a", b"b", b"b\0", b"bz", b"c", b"\xff\xff"];
    each(|index| {
        fill(index, &ALL);
        let bounds =
            [Unbounded, Included(b"b".to_vec()), Excluded(b"b".to_vec()), Included(b"c".to_vec())];
        for from in &bounds {
            for to in &bounds {
                let span = Span { from: from.clone(), to: to.clone() };
                let inside = |key: &[u8]| {
                    let low = match from {
                        Included(from) => key >= from.as_slice(),
                        Excluded(from) => key > from.as_slice(),
                        Unbounded => true,
                    };
                    low && match to {
                        Included(to) => key <= to.as_slice(),
                        Excluded(to) => key < to.as_slice(),
                        Unbounded => true,
                    }
                };
                let mut expected: Vec<&[u8]> = ALL.into_iter().filter(|key| inside(key)).collect();
                assert_eq!(keys(index, &span, Direction::Forward, 99), expected, "{span:?}");
                expected.reverse();
                assert_eq!(keys(index, &span, Direction::Backward, 99), expected, "{span:?}");
                expected.truncate(2);
                assert_eq!(keys(index, &span, Direction::Backward, 2), expected, "{span:?}");
            }
        }
    });
}

#[test]
fn a_prefix_span_has_all_keys_that_begin_so() {
    each(|index| {
        fill(index, &[b"a", b"b", b"b\xff", b"b\xff\xff", b"c", b"\xff", b"\xff\xff\x01"]);
        let under = |prefix: &[u8]| keys(index, &Span::prefix(prefix), Direction::Forward, 99);
        assert_eq!(under(b"b"), [&b"b"[..], b"b\xff", b"b\xff\xff"]);
        assert_eq!(under(b"b\xff"), [&b"b\xff"[..], b"b\xff\xff"]);
        assert_eq!(under(b"\xff"), [&b"\xff"[..], b"\xff\xff\x01"]);
        assert_eq!(under(b"").len(), 7);
        let page = Span::prefix(b"b").after(b"b");
        assert_eq!(keys(index, &page, Direction::Forward, 1), [b"b\xff"]);
        let page = Span::prefix(b"b").before(b"b\xff\xff");
        assert_eq!(keys(index, &page, Direction::Backward, 1), [b"b\xff"]);
    });
}

#[test]
fn an_index_is_there_again_after_a_close() {
    let folder = tempfile::tempdir().expect("folder");
    let memory = MemoryIndex::new();
    let sled = sled_home(folder.path());
    for home in [&memory as &dyn IndexHome, &sled] {
        assert!(!home.holds_rows().expect("look"));
        let index = sound(home);
        fill(index.as_ref(), &[b"a", b"b"]);
        index.close().expect("close");
        drop(index);
        assert!(home.holds_rows().expect("look"));
        let index = sound(home);
        assert_eq!(index.read(b"a").expect("read"), Some(b"a".to_vec()));
        assert_eq!(index.mark().expect("mark"), Some(mark(1)));
        drop(index);
        home.set_aside().expect("set aside");
        assert!(!home.holds_rows().expect("look"));
        assert_eq!(sound(home).mark().expect("mark"), None);
    }
}

#[test]
fn limits_of_keys_and_values_are_checked() {
    let allowed = |key: usize, value: usize| Write::put(vec![b'k'; key], vec![0; value]).allowed();
    assert!(allowed(1, 0) && allowed(KEY_BYTES_MAX, VALUE_BYTES_MAX));
    assert!(!allowed(0, 0) && !allowed(KEY_BYTES_MAX + 1, 0) && !allowed(1, VALUE_BYTES_MAX + 1));
    assert!(!Write::remove(*b"\0mark").allowed());
}

/// An index on disk with a checkpoint and some rows behind it, left by a stop that was not clean.
fn killed(folder: &Path) -> SledOptions {
    let home = sled_home(folder);
    let index = sound(&home);
    fill(index.as_ref(), &[b"a", b"b"]);
    index.checkpoint().expect("checkpoint");
    apply(index.as_ref(), &[Write::put("c", "c")], mark(2));
    home
}

#[test]
fn after_a_kill_the_rows_are_trusted() {
    let folder = tempfile::tempdir().expect("folder");
    let home = killed(folder.path());
    let index = sound(&home);
    assert_eq!(index.mark().expect("mark"), Some(mark(2)));
    assert_eq!(index.read(b"c").expect("read"), Some(b"c".to_vec()));
}

#[test]
fn after_a_stop_of_the_machine_nothing_is_trusted() {
    let folder = tempfile::tempdir().expect("folder");
    let home = killed(folder.path());
    for boot in ["another boot", ""] {
        let home = SledOptions { boot: Some(boot.to_owned()), ..home.clone() };
        assert!(doubt(&home).expect("doubt").contains("machine"));
    }
}

#[test]
fn a_copy_made_while_it_was_open_is_not_trusted() {
    let folder = tempfile::tempdir().expect("folder");
    let home = killed(folder.path());
    let db = home.folder.join("db");
    // sled's threads may write for a moment more; they hold its lock until they end.
    fs::File::open(&db).expect("open").lock().expect("lock");
    fs::copy(&db, folder.path().join("copy")).expect("copy");
    fs::rename(folder.path().join("copy"), &db).expect("rename");
    assert!(doubt(&home).expect("doubt").contains("copied"));
}

#[test]
fn a_closed_index_that_changed_is_not_trusted() {
    let changes: [fn(&Path); 4] = [
        |folder| {
            let db = fs::OpenOptions::new().write(true).open(folder.join("db")).expect("open");
            db.set_len(db.metadata().expect("size").len() / 2).expect("cut");
        },
        |folder| fs::remove_file(folder.join("db")).expect("remove"),
        |folder| fs::remove_file(folder.join("state")).expect("remove"),
        |folder| fs::write(folder.join("state"), "liao-index 1\nclean\n").expect("write"),
    ];
    for change in changes {
        let folder = tempfile::tempdir().expect("folder");
        let home = sled_home(folder.path());
        let index = sound(&home);
        fill(index.as_ref(), &[b"a"]);
        index.close().expect("close");
        drop(index);
        change(&home.folder);
        assert!(doubt(&home).is_some());
    }
}

/// Looks at the system's locks, of some microseconds each.
const LOOKS_MAX: usize = 200_000;

/// Waits until somebody waits for a lock of this process's files.
fn somebody_waits() -> bool {
    let mine = std::process::id().to_string();
    for _ in 0..LOOKS_MAX {
        let locks = fs::read_to_string("/proc/locks").expect("locks");
        let waits =
            |line: &str| line.contains("-> FLOCK") && line.split(' ').any(|pid| pid == mine);
        if locks.lines().any(waits) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_lock_from_before_that_is_held_for_a_moment_is_waited_for() {
    let folder = tempfile::tempdir().expect("folder");
    let home = sled_home(folder.path());
    let index = sound(&home);
    fill(index.as_ref(), &[b"a"]);
    index.close().expect("close");
    drop(index);
    let held = fs::File::open(home.folder.join("db")).expect("open");
    held.lock().expect("lock");
    let opening = std::thread::spawn(move || doubt(&home));
    assert!(somebody_waits(), "{:?}", opening.join());
    drop(held);
    assert_eq!(opening.join().expect("no panic"), None);
}

#[test]
fn what_was_set_aside_does_not_pile_up() {
    let folder = tempfile::tempdir().expect("folder");
    let home = sled_home(folder.path());
    for n in 1..=5 {
        fs::create_dir(&home.folder).expect("create");
        assert_eq!(home.set_aside().expect("set aside"), Some(format!("index.bad-{n}")));
    }
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .expect("list")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["index.bad-4", "index.bad-5"]);
}

#[test]
fn damage_met_while_reading_is_remembered_whatever_follows() {
    let folder = tempfile::tempdir().expect("folder");
    let home = sled_home(folder.path());
    let index = SledIndex::create(&home, "boot".to_owned()).expect("create");
    fill(&index, &[b"a"]);
    let met = index.watched(Err::<(), _>(IndexError::Damaged("a bad page".to_owned())));
    assert!(met.is_err());
    apply(&index, &[Write::put("b", "b")], mark(2));
    assert!(index.checkpoint().is_err());
    assert!(index.close().is_err());
    drop(index);
    assert!(doubt(&home).expect("doubt").contains("not noted"));
}

/// An index of some pages, cleanly closed, and its rows.
fn closed(folder: &Path) -> (SledOptions, Vec<Pair>) {
    let home = sled_home(folder);
    let index = sound(&home);
    for part in 0..12_u32 {
        let key = |i: u32| (0x0100_0000 + part * 200 + i).to_be_bytes();
        let writes: Vec<Write> = (0..200).map(|i| Write::put(key(i), vec![i as u8; 60])).collect();
        apply(index.as_ref(), &writes, mark(u64::from(part)));
    }
    let rows = index.scan(&Span::all(), Direction::Forward, 9999).expect("scan");
    index.close().expect("close");
    (home, rows)
}

#[test]
fn whatever_is_damaged_the_rows_are_right_or_the_index_is_set_aside() {
    let folder = tempfile::tempdir().expect("folder");
    let (home, rows) = closed(folder.path());
    let damages: [fn(&mut Vec<u8>, usize); 3] = [
        |bytes, at| bytes[at] ^= 0x10,
        |bytes, at| {
            let end = bytes.len().min(at + 512);
            bytes[at..end].fill(0);
        },
        |bytes, at| bytes.truncate(at),
    ];
    let (mut right, mut doubted) = (0, 0);
    for name in ["db", "conf", "state"] {
        let whole = fs::read(home.folder.join(name)).expect("read");
        for (part, damage) in (0..20).flat_map(|part| damages.map(|damage| (part, damage))) {
            let elsewhere = tempfile::tempdir().expect("folder");
            let home = copied(&home, elsewhere.path());
            let mut bytes = whole.clone();
            damage(&mut bytes, whole.len() * part / 20);
            fs::write(home.folder.join(name), bytes).expect("damage");
            if doubt(&home).is_some() {
                doubted += 1;
                home.set_aside().expect("set aside");
                assert_eq!(
                    sound(&home).mark().expect("mark"),
                    None,
                    "an empty one takes its place"
                );
            } else {
                right += 1;
                let index = sound(&home);
                let found = index.scan(&Span::all(), Direction::Forward, 9999);
                // What shows only now is named, and the next start doubts it.
                assert!(found.as_ref().is_ok_and(|found| *found == rows) || found.is_err());
                drop(index);
                assert_eq!(found.is_err(), doubt(&home).is_some());
            }
        }
    }
    assert!(doubted > 100 && right > 0, "{doubted} were doubted, {right} were right");
}

/// A closed index at another place.
fn copied(home: &SledOptions, to: &Path) -> SledOptions {
    let copy = sled_home(to);
    fs::create_dir(&copy.folder).expect("create");
    for entry in fs::read_dir(&home.folder).expect("list") {
        let entry = entry.expect("entry");
        if entry.path().is_file() {
            fs::copy(entry.path(), copy.folder.join(entry.file_name())).expect("copy");
        }
    }
    copy
}

/// The key of a post: a few bytes of the server's, and then a nonce that its author chose.
fn foreign(nonce: [u8; 16]) -> Vec<u8> {
    [&b"x\x01"[..], &nonce].concat()
}

/// Nonces of one person, so chosen that sled, in search of what stands before a page of them, ends up too far
/// back: between a byte and the same byte less one, followed by 255s, there are more than fit in a page.
fn hostile() -> Vec<Vec<u8>> {
    let numbers = (0..100_u8).flat_map(|byte| (0..100_u8).map(move |last| (byte, last)));
    let nonce = |(byte, last)| {
        let mut nonce = [0xff; 16];
        nonce[..6].copy_from_slice(&[0, 0, 0, 1, 0, byte]);
        nonce[15] = last;
        foreign(nonce)
    };
    numbers.map(nonce).collect()
}

#[test]
fn forwards_it_finds_its_way_over_keys_that_somebody_chose() {
    let folder = tempfile::tempdir().expect("folder");
    let index = sound(&sled_home(folder.path()));
    let (all, own) = (hostile(), Span::prefix(b"x\x01"));
    fill(index.as_ref(), &[b"w", b"y"]);
    for part in all.chunks(50) {
        let part: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
        fill(index.as_ref(), &part);
    }
    for from in (0..all.len()).step_by(997) {
        let span = Span { from: Bound::Included(all[from].clone()), ..own.clone() };
        let end = all.len().min(from + 256);
        assert_eq!(keys(index.as_ref(), &span, Direction::Forward, 256), all[from..end]);
        let span = own.clone().after(&all[from]);
        assert_eq!(keys(index.as_ref(), &span, Direction::Forward, 9999), all[from + 1..]);
    }
    // Should this ever pass, the rule in `Index::scan` may go.
    let back = index.scan(&own, Direction::Backward, all.len());
    assert!(back.is_err(), "sled walks backward over them");
}
