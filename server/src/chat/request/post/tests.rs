//! Taking back where a crash comes in between.

use std::{future::ready, sync::Arc, time::Duration};

use liao_common::{
    event::{Empty, RoomKind},
    id::{DeviceId, FileId, Hash, Nonce, RoomId, UserId},
    request::RoomBan,
};

use super::*;
use crate::{
    blocking::Blocking,
    chat::{hub::Hub, origin::Origin},
    config::Config,
    disk::{Disk as _, MemoryDisk},
    engine::Lane,
    index::MemoryIndex,
    server::{self, Ground},
    state::{
        project,
        record::{Account, File, Member, Phc, Room, Standing},
    },
    store::{Applying, StoreOptions},
};

const ROOM: RoomId = RoomId(7);
const ANNA: UserId = UserId(1);

/// Writes and syncs of a post: one of each.
const CHANGES_OF_A_POST: u64 = 2;

fn open(disk: &MemoryDisk, index: &MemoryIndex, folder: &std::path::Path) -> Arc<Hub> {
    let mut store = StoreOptions::new(77, project::VERSION);
    store.applying = Applying::Writer;
    let disk = Arc::new(disk.clone());
    let blocking = Blocking::Inline(|| Duration::ZERO);
    let ground = Ground { disk, index, files: folder, store, clock: || 1, blocking };
    let config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    let (hub, duty, _) = server::assemble(&config, ground).unwrap();
    tokio::spawn(duty.on_this_task(|| ready(())));
    Arc::new(hub)
}

async fn posts(hub: &Arc<Hub>, cid: u8, kind: Kind, body: Body) -> Result<Posted, Fault> {
    let hub = Arc::clone(hub);
    let origin = Origin::Here;
    let caller =
        Caller { hub, user: ANNA, dev: DeviceId(1), origin, admin: false, lane: Lane::default() };
    send(caller, Send { room: ROOM, cid: Nonce([cid; 16]), kind, body }).await
}

async fn words(hub: &Arc<Hub>, seq: Seq) -> String {
    let read = move |hub: &Hub| {
        let (place, _) = view::message_place(&*hub.store, ROOM, seq)?.unwrap();
        Ok(record::message(&hub.store.record(&place)?).unwrap().body.text)
    };
    hub.read(read).await.unwrap().unwrap().trim().to_owned()
}

/// A room with Anna in it.
async fn enters(hub: &Arc<Hub>) {
    let (name, topic) = ("r".into(), String::new());
    let room =
        Room { room: ROOM, kind: RoomKind::Public, name, topic, by: ANNA, with: None, at: 1 };
    let enters = move |tx: &mut Transaction<'_, '_>| {
        tx.put_room(&room);
        Ok(tx.enter(&room, ANNA, Standing::Member)?)
    };
    hub.engine.run(enters).await.unwrap();
}

#[tokio::test]
async fn what_is_taken_back_cannot_be_changed_in_the_same_breath() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &index, folder.path());
    enters(&hub).await;
    let said = posts(&hub, 1, Kind::Text, Body::text("a secret")).await.unwrap().seq;
    let of = Some(said);
    let back = posts(&hub, 2, Kind::Redact, Body { of, ..Body::default() });
    let change = posts(&hub, 3, Kind::Edit, Body { of, ..Body::text("another") });
    // Both are asked before the committing task has its turn, so that they are decided together.
    let (back, change) = tokio::join!(biased; back, change);
    assert_eq!(back.unwrap().seq, said.next());
    assert_eq!(change.unwrap_err().code, FaultCode::Gone);
}

#[tokio::test]
async fn nothing_is_posted_behind_a_ban_of_the_same_breath() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &index, folder.path());
    enters(&hub).await;
    let owner = UserId(2);
    let has_owner = move |tx: &mut Transaction<'_, '_>| {
        let room = view::room(tx, ROOM)?.unwrap();
        let anna = view::inside(tx, ANNA, ROOM)?.unwrap();
        tx.put_rank(&Member { standing: Standing::Member, ..anna });
        for (user, id) in [(ANNA, "anna"), (owner, "owner")] {
            let (secret, name, id) = (Phc(String::new()), String::new(), id.into());
            let account = Account { user, id, name, secret, changes: 0, admin: false, at: 1 };
            tx.put_account(&account);
        }
        Ok(tx.enter(&room, owner, Standing::Owner)?)
    };
    hub.engine.run(has_owner).await.unwrap();
    let caller = Caller {
        hub: Arc::clone(&hub),
        user: owner,
        dev: DeviceId(2),
        origin: Origin::Here,
        admin: false,
        lane: Lane::default(),
    };
    let ban = staff::ban(caller, RoomBan { room: ROOM, user: ANNA, text: "enough".into() });
    let before = posts(&hub, 1, Kind::Text, Body::text("one more"));
    let behind = posts(&hub, 2, Kind::Text, Body::text("and another"));
    // All are asked before the committing task has its turn, so that they are decided together.
    let (before, ban, behind) = tokio::join!(biased; before, ban, behind);
    assert_eq!((before.unwrap().seq, ban), (Seq(3), Ok(Empty {})));
    assert_eq!(behind.unwrap_err().code, FaultCode::NotFound);
    assert_eq!(view::head(&*hub.store, ROOM).unwrap().seq, Seq(4), "the last is the farewell");
}

#[tokio::test]
async fn a_file_that_was_taken_back_cannot_be_changed() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &index, folder.path());
    enters(&hub).await;
    let (file, b3, name) = (FileId(1), Hash([3; 32]), "a name".to_owned());
    let media = String::new();
    let stored = File { file, user: ANNA, room: ROOM, b3, size: 1, name, media, used: 1, at: 1 };
    let stores = move |tx: &mut Transaction<'_, '_>| {
        tx.put_file(&stored);
        Ok(())
    };
    hub.engine.run(stores).await.unwrap();
    let offer = Body { fid: Some(file), ..Body::default() };
    let of = Some(posts(&hub, 1, Kind::File, offer).await.unwrap().seq);
    let change = Body { of, ..Body::text("see below") };
    posts(&hub, 2, Kind::Edit, change.clone()).await.unwrap();
    posts(&hub, 3, Kind::Redact, Body { of, ..Body::default() }).await.unwrap();
    let refused = posts(&hub, 4, Kind::Edit, change).await.unwrap_err();
    assert_eq!(refused.code, FaultCode::Gone);
}

#[tokio::test]
async fn what_was_taken_back_is_erased_also_when_its_author_has_left_since() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &index, folder.path());
    enters(&hub).await;
    let said = posts(&hub, 1, Kind::Text, Body::text("a secret")).await.unwrap().seq;

    disk.power_off_after(CHANGES_OF_A_POST);
    let back = Body { of: Some(said), ..Body::default() };
    posts(&hub, 2, Kind::Redact, back.clone()).await.unwrap_err();
    drop(hub);
    let found = disk.fork();
    assert!(stands_in(&found, "a secret"), "the crash came before the erasure");
    let hub = open(&found, &index, folder.path());
    assert_eq!(view::head(&*hub.store, ROOM).unwrap().seq, said.next(), "and after the request");
    let leaves = |tx: &mut Transaction<'_, '_>| {
        let anna = view::inside(tx, ANNA, ROOM)?.unwrap();
        Ok(tx.exit(&anna, Body::default())?)
    };
    hub.engine.run(leaves).await.unwrap();
    assert_eq!(words(&hub, said).await, "");
    assert!(!stands_in(&found, "a secret"), "nobody had to ask again");
    let again = posts(&hub, 2, Kind::Redact, back).await.unwrap();
    assert!(again.dup && again.seq == said.next());
}

/// Whether the journal has these bytes.
fn stands_in(disk: &MemoryDisk, words: &str) -> bool {
    let names = disk.list().unwrap().into_iter().filter(|name| name.ends_with(".log"));
    let mut files = names.map(|name| {
        let file = disk.open(&name).unwrap();
        let mut bytes = vec![0; file.size_bytes().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    });
    files.any(|bytes| bytes.windows(words.len()).any(|part| part == words.as_bytes()))
}

#[tokio::test]
async fn every_crash_while_something_is_taken_back_ends_in_its_erasure() {
    for changes in 0..40 {
        let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
        let folder = tempfile::tempdir().unwrap();
        let hub = open(&disk, &index, folder.path());
        enters(&hub).await;
        let said = posts(&hub, 1, Kind::Text, Body::text("the first secret")).await.unwrap().seq;
        let of = Some(said);
        posts(&hub, 2, Kind::Edit, Body { of, ..Body::text("the other secret") }).await.unwrap();
        disk.power_off_after(changes);
        let back = posts(&hub, 3, Kind::Redact, Body { of, ..Body::default() }).await;
        posts(&hub, 4, Kind::Text, Body::text("life goes on")).await.ok();
        drop(hub);
        for made_anew in [false, true] {
            let found = disk.cut(changes, true);
            let anew = MemoryIndex::new();
            let hub = open(&found, if made_anew { &anew } else { &index }, folder.path());
            posts(&hub, 5, Kind::Text, Body::text("afterwards")).await.unwrap();
            let stored = view::is_redacted(&*hub.store, ROOM, said).unwrap();
            assert!(stored || back.is_err(), "what was acknowledged is stored");
            for words in ["the first secret", "the other secret"] {
                assert_eq!(stands_in(&found, words), !stored, "{words} after {changes} changes");
            }
            assert!(
                !stored || view::erasing(&*hub.store, 9).unwrap().is_empty(),
                "and it is noted"
            );
        }
    }
}

#[tokio::test]
async fn a_file_taken_back_cannot_be_given_words_in_the_same_breath() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &index, folder.path());
    enters(&hub).await;
    let file = File {
        file: FileId(1),
        user: ANNA,
        room: ROOM,
        b3: liao_common::id::Hash([7; 32]),
        size: 5,
        name: "secret plan.txt".into(),
        media: String::new(),
        used: 5,
        at: 1,
    };
    let stores = move |tx: &mut Transaction<'_, '_>| {
        tx.put_file(&file);
        Ok(())
    };
    hub.engine.run(stores).await.unwrap();
    let fid = Some(FileId(1));
    let offer = |cid| posts(&hub, cid, Kind::File, Body { fid, ..Body::default() });
    let (one, two) = (offer(1).await.unwrap().seq, offer(2).await.unwrap().seq);
    let back = |cid, of| posts(&hub, cid, Kind::Redact, Body { of: Some(of), ..Body::default() });
    back(3, one).await.unwrap();
    assert!(view::file(&*hub.store, FileId(1)).unwrap().is_some(), "the other offers it still");
    assert!(stands_in(&disk, "secret plan.txt"));
    let change = posts(&hub, 5, Kind::Edit, Body { of: Some(two), ..Body::text("another secret") });
    let (back, change) = tokio::join!(biased; back(4, two), change);
    back.unwrap();
    assert_eq!(change.unwrap_err().code, FaultCode::Gone);
    assert!(view::file(&*hub.store, FileId(1)).unwrap().is_none());
    for words in ["secret plan.txt", "another secret"] {
        assert!(!stands_in(&disk, words), "{words}");
    }
    let again = posts(&hub, 6, Kind::File, Body { fid, ..Body::default() }).await;
    assert_eq!(again.unwrap_err().code, FaultCode::NotFound);
    assert_eq!(view::files_used(&*hub.store, ANNA).unwrap(), 0);
    assert_eq!(view::next_number(&*hub.store, crate::state::key::FILES).unwrap(), 2);
}

#[tokio::test]
async fn a_post_taken_back_before_its_answer_came_is_no_conflict_after_a_rebuild() {
    let disk = MemoryDisk::new();
    let folder = tempfile::tempdir().unwrap();
    let hub = open(&disk, &MemoryIndex::new(), folder.path());
    enters(&hub).await;
    let words = Body::text("a secret");
    let said = posts(&hub, 1, Kind::Text, words.clone()).await.unwrap();
    let back = Body { of: Some(said.seq), ..Body::default() };
    posts(&hub, 2, Kind::Redact, back).await.unwrap();
    let hub = open(&disk.fork(), &MemoryIndex::new(), folder.path());
    let again = posts(&hub, 1, Kind::Text, words).await;
    assert_eq!(again, Ok(Posted { dup: true, ..said }));
    let other = posts(&hub, 2, Kind::Text, Body::text("something else")).await.unwrap_err();
    assert_eq!(other.code, FaultCode::CidConflict);
}
