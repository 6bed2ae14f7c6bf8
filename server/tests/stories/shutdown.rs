//! Stopping and starting: goodbyes, crashes, damage, and folders that belong to somebody else.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use liao_client_core::notice::{Cut, LinkState};
use liao_common::{
    event::{Empty, GoAway, Page, Posted, kind},
    fault::FaultCode,
    id::{Nonce, RoomId},
    message::{Body, Kind},
    request::{History, Logout, Send},
};
use liao_server::{
    config::{Config, Transport},
    server,
    store::IndexFate,
};

use crate::support::{Person, World, cheap, within};

/// Says some things and comes back for them later.
async fn says_some(person: &Person, count: usize) -> Vec<String> {
    let texts: Vec<String> = (0..count).map(|number| format!("kept {number}")).collect();
    for text in &texts {
        person.says("#lobby", text).await;
    }
    texts
}

async fn log(person: &Person) -> Vec<String> {
    let ask = History { room: RoomId::LOBBY, limit: Some(100), ..History::default() };
    let page: Page = person.asks(ask).await.unwrap();
    let texts = page.msgs.into_iter().filter(|message| message.kind == Kind::Text);
    texts.map(|message| message.body.text.unwrap()).collect()
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let mut world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let place = world.raw().await;
    let mut raw = place;
    raw.logs_in("alice", "").await;
    raw.quiet().await;
    world.stops().await;
    let last = raw.rest().await.pop().expect("a goodbye");
    assert_eq!(last.kind(), kind::GOAWAY);
    let away: GoAway = last.decode().unwrap();
    assert_eq!(away.why, "shutting_down");
    assert!(away.min_ms < away.max_ms, "clients come back spread over time: {away:?}");
    let told = |state: &LinkState| matches!(state, LinkState::Waiting { why: Cut::GoAway(why), .. } if why == "shutting_down");
    alice.waits_for("a goodbye", |seen| seen.states.iter().any(told)).await;
    assert!(!world.data().join("listening").exists() && !world.data().join("admin.sock").exists());
    alice.handle.post(RoomId::LOBBY, Kind::Text, Body::text("while it was down")).await.unwrap();
    world.starts().await;
    alice.sees("#lobby", "alice: while it was down").await;
}

#[tokio::test]
async fn requests_under_way_are_answered_before_the_goodbye() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    raw.quiet().await;
    let mut asked = Vec::new();
    for number in 1..=40_u8 {
        let body = Body::text(number.to_string());
        let send = Send { room: RoomId::LOBBY, cid: Nonce([number; 16]), kind: Kind::Text, body };
        asked.push(raw.sends(send).await);
    }
    raw.answer::<Posted>(asked[0]).await.unwrap();
    world.stops().await;
    let frames = raw.rest().await;
    let answered = frames.iter().filter(|frame| frame.kind() == kind::OK).count();
    assert_eq!(answered, 39, "what had been read was stored and answered");
    assert_eq!(frames.last().unwrap().kind(), kind::GOAWAY);
}

fn journal_files(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(data.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A folder as a crash would leave it: journal and keys as they are, no index.
fn crashed(data: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    fs::copy(data.join("format"), folder.path().join("format")).unwrap();
    for file in journal_files(data) {
        fs::copy(&file, folder.path().join("journal").join(file.file_name().unwrap())).unwrap();
    }
    folder
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_journal_at_any_moment() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    for number in 0..200 {
        let body = Body::text(number.to_string());
        alice.handle.post(RoomId::LOBBY, Kind::Text, body).await.unwrap();
    }
    let mut copies = Vec::new();
    for part in 1..=4 {
        alice.waits_for("some are stored", |seen| seen.posted.len() >= part * 40).await;
        let acknowledged = alice.looks(|seen| seen.posted.len());
        copies.push((acknowledged, crashed(world.data())));
    }
    alice.waits_for("all are stored", |seen| seen.posted.len() == 200).await;
    world.stops().await;
    for (acknowledged, folder) in copies {
        let running = within("a start", server::start(cheap(folder.path()))).await.unwrap();
        assert!(matches!(running.recovery().index, IndexFate::Rebuilt { .. } | IndexFate::Created));
        world.replaces(running);
        let reader = world.logs_in("alice").await;
        let head = reader.looks(|seen| seen.room("#lobby").unwrap().head.1);
        assert!(head >= acknowledged as u64, "{acknowledged} were acknowledged, {head} are there");
        reader.goes().await;
        world.stops().await;
    }
}

#[tokio::test]
async fn one_folder_has_one_server() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let error = server::start(cheap(world.data())).await.err().expect("refused").to_string();
    assert!(error.contains("is in use by a server that is running"), "{error}");
    alice.says("#lobby", "not disturbed").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = Config { listen: world.config().listen, ..cheap(elsewhere.path()) };
    let error = server::start(taken).await.err().expect("refused").to_string();
    assert!(error.starts_with("cannot listen on 127.0.0.1:"), "{error}");
    let abroad = Config { listen: ([0, 0, 0, 0], 0).into(), ..cheap(elsewhere.path()) };
    let error = server::start(abroad).await.err().expect("refused").to_string();
    assert!(error.contains("plain text is for loopback addresses only"), "{error}");
}

#[tokio::test]
async fn folders_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("format"), "liao-data 99\n").unwrap();
    let error = server::start(cheap(folder.path())).await.err().expect("refused").to_string();
    assert!(error.contains("Use a newer server"), "{error}");
    fs::write(folder.path().join("format"), "a shopping list").unwrap();
    let error = server::start(cheap(folder.path())).await.err().expect("refused").to_string();
    assert!(error.contains("does not say which format"), "{error}");
}

#[tokio::test]
async fn a_lost_or_damaged_index_is_made_anew() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let texts = says_some(&alice, 20).await;
    for damage in [lose_index as fn(&Path), damage_index] {
        world.stops().await;
        damage(&world.data().join("index"));
        world.starts().await;
        let fate = world.server(|running| format!("{:?}", running.recovery().index));
        assert!(fate.contains("Rebuilt") || fate.contains("Created"), "{fate}");
        assert_eq!(log(&alice).await, texts);
    }
    assert_eq!(alice.asks(Logout {}).await, Ok(Empty {}), "accounts and devices are there too");
}

fn lose_index(index: &Path) {
    fs::remove_dir_all(index).unwrap();
}

fn damage_index(index: &Path) {
    let mut damaged = 0;
    for entry in walk(index) {
        let len = fs::metadata(&entry).unwrap().len();
        if len > 0 {
            fs::write(&entry, vec![0x5a; usize::try_from(len).unwrap()]).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_nothing_acknowledged_was_in_it() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let mut texts = says_some(&alice, 5).await;
    for torn in [&[0xa5; 3][..], &[0; 700], &[0, 0, 0, 90, 1, 2, 3, 4, 5, 6, 7, 8]] {
        world.stops().await;
        let last = journal_files(world.data()).pop().unwrap();
        append_torn(&last, torn);
        world.starts().await;
        assert_eq!(log(&alice).await, texts, "{torn:?}");
        let more = format!("after {}", texts.len());
        alice.says("#lobby", &more).await;
        texts.push(more);
    }
    world.restarts().await;
    assert_eq!(log(&alice).await, texts);
}

fn append_torn(file: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file).unwrap().write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_posts_and_nothing_else() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let texts = says_some(&alice, 3).await;
    world.changes(|config| config.free_bytes_min = u64::MAX).await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    let send = Send {
        room: RoomId::LOBBY,
        cid: Nonce([9; 16]),
        kind: Kind::Text,
        body: Body::text("more"),
    };
    let fault = raw.asks::<Posted>(send.clone()).await.unwrap_err();
    assert!(fault.code == FaultCode::StorageFull && fault.retry_ms.is_some(), "{fault}");
    assert_eq!(log(&alice).await, texts, "reading and logging in by token go on");
    let other = world.shows(alice.token()).await.unwrap();
    let mut phone = world.raw().await;
    phone.logs_in("alice", "phone").await;
    world.changes(|config| config.free_bytes_min = 0).await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    let posted: Posted = raw.asks(send).await.unwrap();
    assert!(!posted.dup, "it had not been stored");
    other.sees("#lobby", "alice: more").await;
}

#[tokio::test]
async fn a_first_start_that_failed_does_not_look_like_a_lost_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { transport: Transport::Tls, ..cheap(folder.path()) };
    fs::write(folder.path().join("tls"), "in the way").unwrap();
    assert!(server::start(config.clone()).await.is_err(), "the key cannot be made");
    fs::remove_file(folder.path().join("tls")).unwrap();
    let running = within("a start", server::start(config.clone())).await.unwrap();
    let pin = running.pin();
    running.stop().await;
    let running = within("a start", server::start(config)).await.unwrap();
    assert_eq!(running.pin(), pin);
    running.stop().await;
}
