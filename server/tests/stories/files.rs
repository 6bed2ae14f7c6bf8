//! Files: sent and fetched whole or not at all, through cuts, by those who may and by nobody else.

use std::{fs, path::PathBuf};

use liao_client_core::{
    inbox::InboxKind,
    transfer::{Phase, TransferChange, TransferFault, TransferId, TransferNotice},
};
use liao_common::{
    codec,
    event::{
        FileAck, FileData, FileFound, FileOpened, FileStored, Ping, Posted, Session, Welcome, kind,
    },
    fault::{Fault, FaultCode},
    id::{FileId, Hash, Nonce, RoomId},
    limits,
    message::{Body, Kind},
    request::{
        Auth, FileCancel, FileDone, FileGet, FileOpen, Hello, RoomBan, RoomKick, RoomUnban, Send,
    },
};
use tempfile::TempDir;

use crate::support::{Person, Raw, Seen, World};

/// Bytes that repeat after a long while only.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251 * 7) as u8).collect()
}

/// A folder with a file in it.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(blake3::hash(bytes).into())
}

async fn sent(person: &Person, id: TransferId) -> FileId {
    match person.transferred(id).await {
        Phase::Done { fid, .. } => fid,
        other => panic!("the file was not sent: {other:?}"),
    }
}

/// Fetches a file and compares it.
async fn fetched(person: &Person, id: TransferId, want: &[u8]) -> PathBuf {
    match person.transferred(id).await {
        Phase::Done { path, .. } => {
            assert!(fs::read(&path).unwrap() == want, "the content is the same");
            path
        }
        other => panic!("the file was not fetched: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_goes_from_one_disk_to_another() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let bytes = content(1_048_577);
    let (_dir, path) = file("报告.pdf", &bytes);
    alice.opens("bob").await;
    sent(&alice, alice.sends_file("@bob", &path)).await;
    bob.sees("@alice", "alice offers 报告.pdf").await;
    let offer = bob.looks(|seen| seen.offer("@alice", "报告.pdf"));
    assert_eq!((offer.size, offer.hash), (1_048_577, Some(hash(&bytes))));
    let into = tempfile::tempdir().unwrap();
    let first = fetched(&bob, bob.fetches("@alice", "报告.pdf", into.path()), &bytes).await;
    let again = fetched(&bob, bob.fetches("@alice", "报告.pdf", into.path()), &bytes).await;
    assert_eq!(first.file_name().unwrap(), "报告.pdf");
    assert_ne!(first, again, "nothing is overwritten");
    for person in [&alice, &bob] {
        let (phases, moved) = person.looks(|seen| progress(&seen.transfers));
        assert!(
            phases.contains(&Phase::Moving) && moved.last() == Some(&1_048_577),
            "{phases:?} {moved:?}"
        );
    }
}

/// The phases that transfers went through, and the bytes that were told to be done.
fn progress(notices: &[TransferNotice]) -> (Vec<Phase>, Vec<u64>) {
    let phase = |notice: &TransferNotice| match &notice.change {
        TransferChange::Phase { phase, .. } => Some(phase.clone()),
        _ => None,
    };
    let moved = |notice: &TransferNotice| match notice.change {
        TransferChange::Moved { done, .. } => Some(done),
        _ => None,
    };
    (notices.iter().filter_map(phase).collect(), notices.iter().filter_map(moved).collect())
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let (_dir, path) = file("empty", b"");
    sent(&alice, alice.sends_file("#lobby", &path)).await;
    bob.sees("#lobby", "alice offers empty").await;
    let into = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        fetched(&bob, bob.fetches("#lobby", "empty", into.path()), b"").await;
    }
}

#[tokio::test]
async fn somebody_away_finds_the_file() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let token = bob.token();
    bob.goes().await;
    let bytes = content(50_000);
    let (_dir, path) = file("plan.txt", &bytes);
    alice.opens("bob").await;
    sent(&alice, alice.sends_file("@bob", &path)).await;
    world.restarts().await;
    let bob = world.shows(token).await.unwrap();
    bob.sees("@alice", "alice offers plan.txt").await;
    let inbox = bob.inbox();
    assert!(
        inbox.iter().any(|row| matches!(row.kind, InboxKind::File(_)) && row.words == "plan.txt"),
        "{inbox:?}"
    );
    let into = tempfile::tempdir().unwrap();
    fetched(&bob, bob.fetches("@alice", "plan.txt", into.path()), &bytes).await;
}

/// How far a transfer was when it went on after a cut, for each cut.
fn went_on_at(person: &Person, id: TransferId) -> Vec<u64> {
    let mut cut = false;
    let mut places = Vec::new();
    person.looks(|seen| {
        for notice in seen.transfers.iter().filter(|notice| notice.id == id) {
            match notice.change {
                TransferChange::Phase { phase: Phase::Cut, .. } => cut = true,
                TransferChange::Moved { done, .. } if cut => {
                    places.push(done);
                    cut = false;
                }
                _ => {}
            }
        }
    });
    places
}

#[tokio::test]
async fn a_cut_transfer_goes_on_where_it_was() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let bytes = content(3 << 20);
    let (_dir, path) = file("large.bin", &bytes);
    alice.network.breaks_after(2 << 20);
    let up = alice.sends_file("#lobby", &path);
    sent(&alice, up).await;
    let places = went_on_at(&alice, up);
    assert!(places.len() == 1 && places[0] >= 1 << 20, "{places:?}");

    bob.sees("#lobby", "alice offers large.bin").await;
    bob.network.breaks_after(2 << 20);
    let into = tempfile::tempdir().unwrap();
    let down = bob.fetches("#lobby", "large.bin", into.path());
    fetched(&bob, down, &bytes).await;
    let places = went_on_at(&bob, down);
    assert!(places.len() == 1 && places[0] >= 1 << 20, "{places:?}");
}

/// Whether a transfer is in this phase.
fn is_in(id: TransferId, phase: Phase) -> impl Fn(&Seen) -> bool {
    move |seen| seen.model.transfers.find(id).is_some_and(|row| row.phase == phase)
}

#[tokio::test]
async fn a_transfer_can_be_paused_and_given_up() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let bytes = content(2 << 20);
    let (_dir, path) = file("large.bin", &bytes);
    alice.network.breaks_after(1 << 20);
    let up = alice.sends_file("#lobby", &path);
    alice.waits_for("a cut", is_in(up, Phase::Cut)).await;
    alice.handle.pause(up).unwrap();
    alice.waits_for("a pause", is_in(up, Phase::Paused)).await;
    alice.handle.resume(up).unwrap();
    sent(&alice, up).await;

    alice.sees("#lobby", "alice offers large.bin").await;
    alice.network.breaks_after(1 << 20);
    let into = tempfile::tempdir().unwrap();
    let down = alice.fetches("#lobby", "large.bin", into.path());
    alice.waits_for("a cut", is_in(down, Phase::Cut)).await;
    assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1, "a part");
    alice.handle.cancel(down).unwrap();
    assert_eq!(alice.transferred(down).await, Phase::Cancelled);
    assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0, "nothing is left of it");
    let again = alice.fetches("#lobby", "large.bin", into.path());
    fetched(&alice, again, &bytes).await;
}

#[tokio::test]
async fn many_files_are_sent_one_after_another() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let dir = tempfile::tempdir().unwrap();
    let mut sending = Vec::new();
    for number in 0..6 {
        let path = dir.path().join(format!("{number}.txt"));
        fs::write(&path, content(1000 * number)).unwrap();
        sending.push(alice.sends_file("#lobby", &path));
    }
    for id in sending {
        sent(&alice, id).await;
    }
    for number in 0..6 {
        bob.sees("#lobby", &format!("alice offers {number}.txt")).await;
    }
}

#[tokio::test]
async fn a_transfer_survives_a_restart_of_the_server() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let bytes = content(2 << 20);
    let (_dir, path) = file("large.bin", &bytes);
    alice.network.breaks_after(1 << 20);
    let up = alice.sends_file("#lobby", &path);
    alice.waits_for("a cut", is_in(up, Phase::Cut)).await;
    alice.network.goes_down();
    world.restarts().await;
    alice.network.comes_up();
    sent(&alice, up).await;
    assert!(went_on_at(&alice, up).iter().all(|place| *place > 0));
    let into = tempfile::tempdir().unwrap();
    alice.sees("#lobby", "alice offers large.bin").await;
    fetched(&alice, alice.fetches("#lobby", "large.bin", into.path()), &bytes).await;
}

#[tokio::test]
async fn a_file_that_vanishes_or_changes_is_not_offered() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let bytes = content(2 << 20);
    for gone in [true, false] {
        let (_dir, path) = file("moving.bin", &bytes);
        alice.network.breaks_after(1 << 20);
        let up = alice.sends_file("#lobby", &path);
        alice.waits_for("a cut", is_in(up, Phase::Cut)).await;
        if gone {
            fs::remove_file(&path).unwrap()
        } else {
            fs::write(&path, b"another").unwrap()
        }
        assert_eq!(alice.transferred(up).await, Phase::Failed(TransferFault::Changed));
    }
    let nowhere = tempfile::tempdir().unwrap();
    let missing = alice.transferred(alice.sends_file("#lobby", &nowhere.path().join("none"))).await;
    assert_eq!(missing, Phase::Failed(TransferFault::Missing));
    let folder = alice.transferred(alice.sends_file("#lobby", nowhere.path())).await;
    assert_eq!(folder, Phase::Failed(TransferFault::NotAFile));
    alice.says("#lobby", "sorry").await;
    assert_eq!(alice.looks(|seen| seen.room("#lobby").unwrap().head.1), 1, "nothing was offered");
}

#[tokio::test]
async fn a_full_disk_and_a_missing_file_are_told_in_words() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let bytes = content(10_000);
    let (_dir, path) = file("kept.txt", &bytes);
    sent(&alice, alice.sends_file("#lobby", &path)).await;
    alice.sees("#lobby", "alice offers kept.txt").await;
    fs::remove_dir_all(world.data().join("blobs")).unwrap();
    let into = tempfile::tempdir().unwrap();
    let lost = alice.transferred(alice.fetches("#lobby", "kept.txt", into.path())).await;
    assert!(
        matches!(&lost, Phase::Failed(TransferFault::Refused(fault)) if fault.code == FaultCode::Gone),
        "{lost:?}"
    );
    world.changes(|config| config.files.free_bytes_min = u64::MAX / 2).await;
    let full = alice.transferred(alice.sends_file("#lobby", &path)).await;
    assert!(
        matches!(&full, Phase::Failed(TransferFault::Refused(fault)) if fault.code == FaultCode::StorageFull),
        "{full:?}"
    );
}

fn open(name: &str, bytes: &[u8]) -> FileOpen {
    FileOpen {
        room: RoomId::LOBBY,
        size: bytes.len() as u64,
        b3: hash(bytes),
        name: name.into(),
        media: String::new(),
    }
}

async fn opened(raw: &mut Raw, ask: FileOpen) -> Result<FileOpened, Fault> {
    raw.asks(ask).await
}

async fn sends(raw: &mut Raw, x: u64, from: u64, bytes: &[u8]) {
    for (number, piece) in bytes.chunks(limits::CHUNK_BYTES).enumerate() {
        let o = from + (number * limits::CHUNK_BYTES) as u64;
        raw.writes(&codec::frame(kind::FDAT, 0, &FileData { x, o, d: piece.to_vec() })).await;
    }
}

async fn done(raw: &mut Raw, x: u64) -> Result<FileId, FaultCode> {
    raw.asks::<FileStored>(FileDone { x })
        .await
        .map(|stored| stored.fid)
        .map_err(|fault| fault.code)
}

async fn raw_alice(world: &World) -> Raw {
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    raw
}

#[tokio::test]
async fn what_is_not_what_was_promised_is_not_a_file() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = raw_alice(&world).await;
    let bytes = content(100_000);

    let x = opened(&mut raw, FileOpen { b3: hash(b"other"), ..open("a", &bytes) }).await.unwrap().x;
    sends(&mut raw, x, 0, &bytes).await;
    assert_eq!(done(&mut raw, x).await, Err(FaultCode::BadRequest), "another hash");
    let again =
        opened(&mut raw, FileOpen { b3: hash(b"other"), ..open("a", &bytes) }).await.unwrap();
    assert_eq!(again.off, 0, "what came was thrown away");
    raw.asks::<liao_common::event::Empty>(FileCancel { x: again.x, discard: true }).await.unwrap();

    let x = opened(&mut raw, open("a", &bytes)).await.unwrap().x;
    sends(&mut raw, x, 0, &bytes[..40_000]).await;
    assert_eq!(done(&mut raw, x).await, Err(FaultCode::Conflict), "bytes are missing");
    let on = opened(&mut raw, open("a", &bytes)).await.unwrap();
    assert_eq!(on.off, 40_000, "it goes on from there");
    sends(&mut raw, on.x, 50_000, &bytes[50_000..]).await;
    assert_eq!(done(&mut raw, on.x).await, Err(FaultCode::Conflict), "a hole");
    let on = opened(&mut raw, open("a", &bytes)).await.unwrap();
    assert_eq!(on.off, 40_000);
    sends(&mut raw, on.x, 40_000, &bytes[40_000..]).await;
    sends(&mut raw, on.x, 100_000, b"more").await;
    assert!(done(&mut raw, on.x).await.is_err(), "more than was announced");
    let on = opened(&mut raw, open("a", &bytes)).await.unwrap();
    sends(&mut raw, on.x, on.off, &bytes[usize::try_from(on.off).unwrap()..]).await;
    done(&mut raw, on.x).await.unwrap();
    assert_eq!(done(&mut raw, on.x).await, Err(FaultCode::NotFound), "it is over");
}

#[tokio::test]
async fn names_are_no_paths() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = raw_alice(&world).await;
    let long = "x".repeat(limits::FILE_NAME_BYTES_MAX + 1);
    for name in [
        "",
        ".",
        "..",
        "../up",
        "/etc/passwd",
        "a\\b",
        "a\0b",
        "a\u{1b}[2Jb",
        "a\u{202e}b",
        "a\nb",
        &long,
    ] {
        let fault = opened(&mut raw, open(name, b"bytes")).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::BadName, "{name:?}");
    }
    opened(&mut raw, open("…完全 正常.txt", b"bytes")).await.unwrap();
}

#[tokio::test]
async fn files_are_for_the_members_of_their_room() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let eve = world.registers("eve").await;
    alice.creates("#plan", true).await;
    let (_dir, path) = file("plan.txt", b"at dawn");
    let fid = sent(&alice, alice.sends_file("#plan", &path)).await;
    let mut raw = world.raw().await;
    raw.logs_in("eve", "laptop").await;
    for (fid, what) in [(fid, "a foreign one"), (FileId(999), "none")] {
        let fault = raw.asks::<FileFound>(FileGet { fid, off: 0 }).await.unwrap_err();
        assert_eq!(fault, FaultCode::NotFound.into(), "{what}");
    }
    for room in [alice.room("#plan"), RoomId(999)] {
        let fault = opened(&mut raw, FileOpen { room, ..open("a", b"bytes") }).await.unwrap_err();
        assert_eq!(fault, FaultCode::NotFound.into());
    }
    let offer = Body { fid: Some(fid), ..Body::default() };
    let stolen = eve.posts("#lobby", Kind::File, offer.clone()).await.unwrap_err();
    assert_eq!(stolen.code, FaultCode::NotFound, "somebody else's file");
    let moved = alice.posts("#lobby", Kind::File, offer).await.unwrap_err();
    assert_eq!(moved.code, FaultCode::NotFound, "a file stays in its room");
}

/// Whether somebody may fetch a file, and if not, why.
async fn may_fetch(raw: &mut Raw, fid: FileId) -> Result<(), FaultCode> {
    let found = raw.asks::<FileFound>(FileGet { fid, off: 0 }).await;
    found.map(drop).map_err(|fault| fault.code)
}

#[tokio::test]
async fn a_file_is_seen_by_those_who_see_its_message() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#plan", true).await;
    let (_dir, path) = file("before.txt", b"before bob came");
    let before = sent(&alice, alice.sends_file("#plan", &path)).await;
    alice.sees("#plan", "alice offers before.txt").await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    let (_dir, path) = file("after.txt", b"bob is here");
    let after = sent(&alice, alice.sends_file("#plan", &path)).await;
    bob.sees("#plan", "alice offers after.txt").await;
    let (mut to_alice, mut to_bob) = (raw_alice(&world).await, world.raw().await);
    to_bob.logs_in("bob", "").await;
    assert_eq!(may_fetch(&mut to_bob, before).await, Err(FaultCode::NotFound));
    assert_eq!(may_fetch(&mut to_bob, after).await, Ok(()));

    let room = alice.room("#plan");
    let opened =
        opened(&mut to_alice, FileOpen { room, ..open("silent", b"never offered") }).await.unwrap();
    sends(&mut to_alice, opened.x, 0, b"never offered").await;
    let silent = done(&mut to_alice, opened.x).await.unwrap();
    assert_eq!(may_fetch(&mut to_bob, silent).await, Err(FaultCode::NotFound));

    let offered = alice.looks(|seen| {
        let mut messages = seen.messages.iter();
        messages.find(|message| message.body.fid == Some(after)).unwrap().seq
    });
    let redact = Body { of: Some(offered), ..Body::default() };
    alice.posts("#plan", Kind::Redact, redact).await.unwrap();
    bob.sees("#plan", "alice took it back").await;
    assert_eq!(may_fetch(&mut to_bob, after).await, Err(FaultCode::NotFound));
    bob.leaves("#plan").await;
    assert_eq!(may_fetch(&mut to_bob, after).await, Err(FaultCode::NotFound));
}

#[tokio::test]
async fn quotas_hold_also_for_uploads_side_by_side() {
    let world = World::with(|config| {
        config.files.file_bytes_max = 100_000;
        config.files.user_bytes_max = 150_000;
    })
    .await;
    world.registers("alice").await;
    let mut raw = raw_alice(&world).await;
    let too_large = opened(&mut raw, open("a", &content(100_001))).await.unwrap_err();
    assert_eq!(too_large.code, FaultCode::TooLarge);
    let (one, other) = (content(100_000), content(99_999));
    let first = opened(&mut raw, open("one", &one)).await.unwrap();
    let second = opened(&mut raw, open("other", &other)).await.map_err(|fault| fault.code);
    assert_eq!(second, Err(FaultCode::TooLarge), "what is promised to the first counts");
    sends(&mut raw, first.x, 0, &one).await;
    done(&mut raw, first.x).await.unwrap();
    let second = opened(&mut raw, open("other", &other)).await.map_err(|fault| fault.code);
    assert_eq!(second, Err(FaultCode::TooLarge));
    let small = content(50_000);
    let third = opened(&mut raw, open("small", &small)).await.unwrap();
    sends(&mut raw, third.x, 0, &small).await;
    done(&mut raw, third.x).await.unwrap();
}

#[tokio::test]
async fn two_transfers_run_on_a_connection() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = raw_alice(&world).await;
    let first = opened(&mut raw, open("a", b"one")).await.unwrap();
    opened(&mut raw, open("b", b"two")).await.unwrap();
    let third = opened(&mut raw, open("c", b"three")).await.unwrap_err();
    assert_eq!(third.code, FaultCode::Busy);
    let mut elsewhere = raw_alice(&world).await;
    let same = opened(&mut elsewhere, open("a", b"one")).await.unwrap_err();
    assert!(same.code == FaultCode::Busy && same.retry_ms.is_some(), "under way elsewhere: {same}");
    sends(&mut raw, first.x, 0, b"one").await;
    let fid = done(&mut raw, first.x).await.unwrap();
    opened(&mut raw, open("c", b"three")).await.unwrap();
    let body = Body { fid: Some(fid), ..Body::default() };
    let offer = Send { room: RoomId::LOBBY, cid: Nonce([3; 16]), kind: Kind::File, body };
    raw.asks::<Posted>(offer).await.unwrap();
}

/// Logs in as a client does that only moves files: nothing is pushed there.
async fn logs_in_for_files(raw: &mut Raw, person: &Person) {
    let v = (limits::PROTOCOL_VERSION, limits::PROTOCOL_VERSION);
    let role = Some("data".into());
    raw.asks::<Welcome>(Hello { v, caps: Vec::new(), agent: "raw".into(), role }).await.unwrap();
    let auth = Auth { mech: "token".into(), token: Some(person.token()), ..Auth::default() };
    raw.asks::<Session>(auth).await.unwrap();
}

/// A person's places for transfers are all taken by connections of their own: one more waits, and others
/// do not.
#[tokio::test]
async fn a_person_without_a_place_for_a_transfer_waits_and_others_do_not() {
    let places = limits::TRANSFERS_PER_USER_MAX;
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut holding = Vec::new();
    for number in 0..places.div_ceil(limits::TRANSFERS_MAX) {
        let mut raw = world.raw().await;
        logs_in_for_files(&mut raw, &alice).await;
        for half in ["a", "b"].into_iter().take(places - holding.len() * limits::TRANSFERS_MAX) {
            let bytes = format!("{number}{half}").repeat(1000);
            opened(&mut raw, open(half, bytes.as_bytes())).await.unwrap();
        }
        holding.push(raw);
    }
    let mut refused = world.raw().await;
    logs_in_for_files(&mut refused, &alice).await;
    let fault = opened(&mut refused, open("c", b"one more")).await.unwrap_err();
    assert!(fault.code == FaultCode::Busy && fault.retry_ms.is_some(), "{fault}");
    let (_dir, path) = file("late", &content(50_000));
    sent(&bob, bob.sends_file("#lobby", &path)).await;
    let late = alice.sends_file("#lobby", &path);
    let waits = |seen: &Seen| progress(&seen.transfers).0.contains(&Phase::Cut);
    alice.waits_for("a transfer that waits", waits).await;
    drop(holding);
    sent(&alice, late).await;
}

/// Takes pieces, and acknowledges each, until the download is over; gives how many bytes came.
async fn takes_until_refused(raw: &mut Raw, x: u64, mut got: u64) -> (u64, Fault) {
    loop {
        let frame = if raw.events.is_empty() {
            raw.next().await.expect("a piece or a word")
        } else {
            raw.events.remove(0)
        };
        match (frame.kind(), frame.rid) {
            (kind::FDAT, 0) => {
                got += frame.decode::<FileData>().unwrap().d.len() as u64;
                raw.writes(&codec::frame(kind::FACK, 0, &FileAck { x, o: got })).await;
            }
            (kind::ERR, 0) => return (got, frame.decode().unwrap()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_download_ends_with_the_right_to_it() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#tea", false).await;
    let room = alice.room("#tea");
    let size = 2 * limits::WINDOW_BYTES;
    let (_dir, path) = file("large.bin", &content(usize::try_from(size).unwrap()));
    let fid = sent(&alice, alice.sends_file("#tea", &path)).await;
    alice.sees("#tea", "alice offers large.bin").await;
    let offered = alice.looks(|seen| {
        let mut messages = seen.messages.iter();
        messages.find(|message| message.body.fid == Some(fid)).unwrap().seq
    });
    let user = bob.number();
    for how in ["leaves", "kicked", "banned", "taken back"] {
        let mut raw = world.raw().await;
        bob.joins("#tea").await;
        logs_in_for_files(&mut raw, &bob).await;
        let found: FileFound = raw.asks(FileGet { fid, off: 0 }).await.unwrap();
        match how {
            "leaves" => bob.leaves("#tea").await,
            "kicked" => {
                alice.asks(RoomKick { room, user, text: String::new() }).await.unwrap();
            }
            "banned" => {
                alice.asks(RoomBan { room, user, text: String::new() }).await.unwrap();
                alice.asks(RoomUnban { room, user }).await.unwrap();
            }
            _ => {
                let redact = Body { of: Some(offered), ..Body::default() };
                alice.posts("#tea", Kind::Redact, redact).await.unwrap();
            }
        }
        let (got, fault) = takes_until_refused(&mut raw, found.x, 0).await;
        assert_eq!(fault.code, FaultCode::NotFound, "{how}");
        assert!(fault.msg.contains(&found.x.to_string()) && !fault.fatal, "{how}: {fault}");
        // Nothing was acknowledged before: more than a window cannot have been on its way.
        assert!(got <= limits::WINDOW_BYTES, "{how}: {got}");
        assert_eq!(may_fetch(&mut raw, fid).await, Err(FaultCode::NotFound), "{how}: it goes on");
    }
}

#[tokio::test]
async fn what_is_asked_during_a_download_is_answered_between_its_pieces() {
    // What the pipe to the server and this side's buffer hold, the piece being written, and one to spare.
    const PIECES_MAX: usize = 6;
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let size = 2 * limits::WINDOW_BYTES;
    let (_dir, path) = file("large.bin", &content(usize::try_from(size).unwrap()));
    let fid = sent(&alice, alice.sends_file("#lobby", &path)).await;
    let mut raw = world.raw().await;
    logs_in_for_files(&mut raw, &alice).await;
    let FileFound { x, .. } = raw.asks(FileGet { fid, off: 0 }).await.unwrap();
    let mut got = 0;
    for n in 1..=8 {
        raw.writes(&codec::frame(kind::PING, 0, &Ping { n })).await;
        let asked = raw.sends(FileGet { fid, off: size }).await;
        let (mut pieces, mut ponged) = (0, false);
        loop {
            let frame = raw.next().await.expect("an answer");
            match frame.kind() {
                kind::FDAT => {
                    let piece: FileData = frame.decode().unwrap();
                    assert_eq!((piece.x, piece.o), (x, got), "in order");
                    (pieces, got) = (pieces + 1, got + piece.d.len() as u64);
                }
                kind::PONG => ponged = frame.decode::<Ping>().unwrap().n == n,
                kind::OK if frame.rid == asked => break,
                _ => {}
            }
        }
        assert!(ponged && pieces <= PIECES_MAX, "{pieces} pieces stood before the answer");
        raw.writes(&codec::frame(kind::FACK, 0, &FileAck { x, o: got })).await;
    }
    assert!(got > 0, "the download went on meanwhile");
}
