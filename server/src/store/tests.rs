//! What the store promises: nothing acknowledged is lost, nothing half-made is seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::disk::{MemoryDisk, RealDisk};
use crate::index::{IndexHome, MemoryIndex, SledOptions, VALUE_BYTES_MAX};

/// Kind 1 sets a key of one byte length and its name to the rest; kind 2 removes it.
/// Every kind 1 record also moves a row that many records share.
fn project(kind: u8, body: &[u8], at: RecordRef, out: &mut Vec<Write>) -> Result<(), ProjectError> {
    let (len, rest) = body.split_first().ok_or_else(|| ProjectError("no key".to_owned()))?;
    let (key, value) = rest
        .split_at_checked(usize::from(*len))
        .ok_or_else(|| ProjectError("key cut".to_owned()))?;
    match kind {
        1 => {
            out.push(Write::put(key, value));
            out.push(Write::put(*b"newest", at.encode()));
        }
        2 => out.push(Write::remove(key)),
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

fn remove(key: &str) -> NewRecord {
    let mut body = vec![key.len() as u8];
    body.extend_from_slice(key.as_bytes());
    NewRecord { kind: 2, body: body.into() }
}

fn options() -> StoreOptions {
    let mut options = StoreOptions::new(77, 1);
    options.journal.segment_bytes_max = 4096;
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
