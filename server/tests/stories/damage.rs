//! A disk that lies: single bytes of old messages are not what was written. Their readers see that,
//! and everything else.

use std::{fs, io::Write as _, path::Path};

use liao_common::{
    event::{Page, Posted, Session, Synced},
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind, Message},
    request::{Auth, History, Send, Sync},
};
use liao_server::store::IndexFate;
use rustix::process::Signal;

use crate::{
    program::Program,
    support::{Person, Raw, World, register, secret},
};

/// Turns one bit of what stands around these words in the journal.
pub(super) fn flip(data: &Path, words: &str) {
    let mut hits = 0;
    for entry in fs::read_dir(data.join("journal")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let found = bytes.windows(words.len()).position(|part| part == words.as_bytes());
        if let Some(at) = found {
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            hits += 1;
        }
    }
    assert_eq!(hits, 1, "{words} stands in the journal once");
}

async fn page(person: &Person, ask: History) -> Page {
    person.asks(ask).await.unwrap()
}

/// What a page says, in order: the text, or `damaged`.
fn told(page: &Page) -> Vec<String> {
    let said = page.msgs.iter().filter_map(|message| match message.kind {
        Kind::Text => message.body.text.clone(),
        Kind::Damaged => Some("damaged".to_owned()),
        _ => None,
    });
    said.collect()
}

#[tokio::test]
async fn a_damaged_message_hides_no_other() {
    let mut world = World::new().await;
    let (alice, away) = (world.registers("alice").await, world.registers("bob").await);
    alice.says("#lobby", "before").await;
    away.sees("#lobby", "alice: before").await;
    away.network.goes_down();
    let mut seqs = Vec::new();
    for text in ["first words", "second words", "third words", "fourth words"] {
        seqs.push(alice.says("#lobby", text).await);
    }
    world.stops().await;
    flip(world.data(), "second words");
    world.starts().await;
    assert_eq!(world.server(|running| running.recovery().index.clone()), IndexFate::Kept);
    assert!(world.server(|running| running.recovery().damage).is_some(), "it was noticed");

    let reader = world.logs_in("bob").await;
    let all = History { room: RoomId::LOBBY, ..History::default() };
    let want = ["before", "first words", "damaged", "third words", "fourth words"];
    let whole = page(&reader, all.clone()).await;
    assert_eq!(told(&whole), want);
    let placeholder = whole.msgs.iter().find(|message| message.kind == Kind::Damaged).unwrap();
    assert_eq!((placeholder.seq, placeholder.room, placeholder.n), (seqs[1], RoomId::LOBBY, 3));
    assert_eq!(placeholder.body, Body::default());
    let times: Vec<u64> = whole.msgs.iter().map(|message| message.at_ms).collect();
    assert!(times.is_sorted() && times[0] > 0, "it stands in its time: {times:?}");
    let only = History { before: Some(seqs[2]), limit: Some(1), ..all.clone() };
    assert_eq!(told(&page(&reader, only).await), ["damaged"]);
    let from_there = History { after: Some(seqs[0]), limit: Some(2), ..all };
    assert_eq!(told(&page(&reader, from_there).await), ["damaged", "third words"]);

    away.network.comes_up();
    away.sees("#lobby", "alice: fourth words").await;
    let lines = away.looks(|seen| seen.lines("#lobby"));
    let end = &lines[lines.len() - 4..];
    let want = ["alice: first words", "damaged", "alice: third words", "alice: fourth words"];
    assert_eq!(end, want, "who catches up is not cut off");
    assert_eq!(away.looks(|seen| seen.gaps.len()), 0);
    alice.says("#lobby", "life goes on").await;
    away.sees("#lobby", "alice: life goes on").await;
}

#[tokio::test]
async fn what_is_damaged_can_be_neither_changed_nor_taken_back() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let seq = alice.says("#lobby", "soon unreadable").await;
    alice.says("#lobby", "another").await;
    flip(world.data(), "soon unreadable");
    for kind in [Kind::Edit, Kind::Redact] {
        let body = Body { of: Some(seq), ..Body::text("new") };
        let fault = alice.posts("#lobby", kind, body).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Gone);
    }
    alice.says("#lobby", "and on").await;
}

#[tokio::test]
async fn a_damaged_change_keeps_nothing_from_being_taken_back() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let of = alice.says("#lobby", "a secret").await;
    for text in ["soon unreadable", "a second secret"] {
        let body = Body { of: Some(of), ..Body::text(text) };
        alice.posts("#lobby", Kind::Edit, body).await.unwrap();
    }
    flip(world.data(), "soon unreadable");
    let back = Body { of: Some(of), ..Body::default() };
    alice.posts("#lobby", Kind::Redact, back).await.unwrap();
    world.stops().await;
    for words in ["a secret", "a second secret"] {
        let journal = fs::read(world.data().join("journal/00000001.log")).unwrap();
        assert!(!journal.windows(words.len()).any(|part| part == words.as_bytes()), "{words}");
    }
}

#[tokio::test]
async fn a_page_of_nothing_but_damage_is_a_page() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    alice.creates("#plan", true).await;
    alice.says("#plan", "the only words").await;
    alice.says("#lobby", "elsewhere").await;
    let room = alice.room("#plan");
    world.stops().await;
    flip(world.data(), "the only words");
    world.starts().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    raw.quiet().await;
    let ask = History { room, before: Some(Seq(3)), limit: Some(1), ..History::default() };
    let page: Page = raw.asks(ask).await.unwrap();
    assert_eq!((told(&page), page.more), (vec!["damaged".to_owned()], true));
    assert!(page.msgs[0].at_ms > 0);
    let ask = Sync { epoch: String::new(), cur: vec![(room, Seq(1))] };
    raw.asks::<Synced>(ask).await.unwrap();
    let pushed = raw.next().await.expect("the placeholder");
    let message: Message = pushed.decode().unwrap();
    assert_eq!((message.kind, message.seq), (Kind::Damaged, Seq(2)));
}

/// Many words, so that not all of the index is in memory after a start.
const MANY: usize = 2000;

#[tokio::test]
async fn with_its_index_damaged_while_it_runs_it_stops_and_the_next_start_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--insecure-plaintext", "--posts-per-second", "100000"];
    let program = Program::start(folder.path(), &arguments).await;
    let mut raw = program.raw().await;
    raw.hello().await;
    raw.asks::<Session>(register("alice")).await.unwrap();
    let mut asked = Vec::new();
    for number in 0..MANY {
        let cid = Nonce(*blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().unwrap());
        let body = Body::text(format!("words {number}"));
        asked.push(raw.sends(Send { room: RoomId::LOBBY, cid, kind: Kind::Text, body }).await);
        if asked.len() == 50 {
            for rid in asked.drain(..) {
                raw.answer::<Posted>(rid).await.unwrap();
            }
        }
    }
    program.signal(Signal::TERM);
    assert_eq!(program.ends().await, Some(0));

    let program = Program::start(folder.path(), &arguments).await;
    let rows = folder.path().join("index/db");
    let len = fs::metadata(&rows).unwrap().len();
    fs::File::options().write(true).open(rows).unwrap().write_all(&vec![0; len as usize]).unwrap();
    let mut raw = program.raw().await;
    raw.hello().await;
    read_all(&mut raw).await.expect_err("not all of it can be read");
    let ended = program.finishes().await;
    assert_eq!(ended.0, Some(1));
    assert!(ended.1.contains("the index is damaged, so the server stops"), "{}", ended.1);
    assert!(ended.1.contains("nothing acknowledged is lost"), "{}", ended.1);

    let program = Program::start(folder.path(), &arguments).await;
    let mut raw = program.raw().await;
    raw.hello().await;
    assert_eq!(read_all(&mut raw).await.unwrap(), MANY);
}

/// Logs in and reads the lobby from its end to its beginning; gives how many texts there are.
async fn read_all(raw: &mut Raw) -> Result<usize, Fault> {
    let (user, secret) = (Some("alice".into()), Some(secret("alice")));
    let auth = Auth { mech: "password".into(), user, secret, ..Auth::default() };
    raw.asks::<Session>(auth).await?;
    let mut ask = History { room: RoomId::LOBBY, limit: Some(100), ..History::default() };
    let mut texts = 0;
    loop {
        let page: Page = raw.asks(ask.clone()).await?;
        texts += page.msgs.iter().filter(|message| message.kind == Kind::Text).count();
        ask.before = page.msgs.first().map(|message| message.seq);
        if !page.more {
            return Ok(texts);
        }
    }
}
