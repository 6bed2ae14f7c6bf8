use liao_client_core::timeline::{Farewell, FileOffer};
use liao_common::{
    event::Rank,
    id::{DeviceId, FileId, Seq, UserId},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    plain::event::{Banned, Listed, Place},
    words::Language,
};

/// 2026-11-21 at 12:05 in UTC.
const AT_MS: u64 = 1_795_262_700_250;

fn written(json: bool, event: &Event) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = Words::of(Language::English);
    let mut paper = Paper::new((&mut out, &mut err), json, words, TimeZone::UTC);
    paper.tell(event);
    assert!(!paper.is_torn());
    let text = String::from_utf8([err, out].concat()).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "one line: {text:?}");
    text.trim_end().to_owned()
}

fn who(id: &str, name: &str) -> Who {
    Who { id: id.to_owned(), name: name.to_owned() }
}

fn said(what: What, kind: &str) -> Said {
    Said {
        chat: Chat { label: "#lobby".to_owned(), with: None },
        seq: Seq(7),
        from: who("bob", "Bob"),
        at_ms: AT_MS,
        kind: kind.to_owned(),
        what,
        at: Vec::new(),
        mine: false,
        sent: false,
    }
}

fn sentence(said: Said) -> String {
    let line = written(false, &Event::Said(Box::new(said)));
    line.strip_prefix("2026-11-21 12:05 ").unwrap_or_else(|| panic!("no time: {line}")).to_owned()
}

fn file() -> What {
    What::File(FileOffer {
        fid: FileId(3),
        name: "a.txt".to_owned(),
        size: 1500,
        hash: None,
        media: String::new(),
    })
}

#[test]
fn every_entry_is_one_sentence() {
    let text = || What::Text("one\ntwo".to_owned());
    let plain = |why: &str, ban| {
        let farewell = Farewell { by: UserId(1), why: why.to_owned(), ban };
        What::Removed(who("ann", "Ann"), farewell)
    };
    assert_eq!(sentence(said(text(), "text")), "#lobby Bob: one two");
    assert_eq!(sentence(said(file(), "file")), "#lobby Bob: file a.txt (1.5 KiB), /get 3 saves it");
    assert_eq!(sentence(said(What::Join, "join")), "Bob joined #lobby");
    assert_eq!(sentence(said(What::Leave, "leave")), "Bob left #lobby");
    for (what, want) in [
        (What::Topic("tea".to_owned()), "Bob set the topic: tea"),
        (What::Topic(String::new()), "Bob removed the topic"),
        (What::Invite("Ann".to_owned()), "Bob invited Ann"),
        (plain("", false), "Bob was removed by Ann"),
        (plain("spam", false), "Bob was removed by Ann: spam"),
        (plain("", true), "Bob was banned by Ann"),
        (plain("spam", true), "Bob was banned by Ann: spam"),
        (What::Role(who("ann", "Ann"), Rank::Moderator), "Bob made Ann a moderator"),
        (What::Role(who("ann", "Ann"), Rank::Member), "Bob ended Ann's time as a moderator"),
        (What::Role(who("ann", "Ann"), Rank::Owner), "the room belongs to Ann now"),
        (What::Edit(Seq(4), "new".to_owned()), "Bob changed message 4 to: new"),
        (What::TakenBack(Seq(4)), "Bob took back message 4"),
        (What::Damaged, "this message is damaged on the server"),
    ] {
        assert_eq!(sentence(said(what, "x")), format!("#lobby: {want}"));
    }
    let direct = Chat { label: "bob".to_owned(), with: Some("Bob".to_owned()) };
    let to_me = Said { chat: direct.clone(), ..said(text(), "text") };
    assert_eq!(sentence(to_me), "Bob to you: one two");
    let mine = Said { chat: direct, from: who("ann", "Ann"), mine: true, ..said(text(), "text") };
    assert_eq!(sentence(mine), "you to Bob: one two");
}

#[test]
fn objects_have_what_the_event_has_and_nothing_else() {
    let parsed = |event: &Event| serde_json::from_str::<Value>(&written(true, event)).unwrap();
    let head = |kind: &str| {
        json!({"kind": kind, "room": "#lobby", "seq": 7, "from": "bob", "name": "Bob",
               "time": "2026-11-21T12:05:00.250Z"})
    };
    let with = |kind: &str, more: Value| {
        let mut line = head(kind);
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let text = What::Text("one\ntwo \"x\"".to_owned());
    for (event, want) in [
        (said(text.clone(), "text"), with("text", json!({"text": "one\ntwo \"x\""}))),
        (
            Said { sent: true, ..said(text, "text") },
            with("sent", json!({"text": "one\ntwo \"x\""})),
        ),
        (said(file(), "file"), with("file", json!({"fid": 3, "size": 1500, "file": "a.txt"}))),
        (said(What::Join, "join"), head("join")),
        (said(What::TakenBack(Seq(4)), "redact"), with("redact", json!({"of": 4}))),
    ] {
        assert_eq!(parsed(&Event::Said(Box::new(event))), want);
    }
    let saved = Event::Saved(FileId(3), "dir/a.txt".into());
    assert_eq!(parsed(&saved), json!({"kind": "saved", "fid": 3, "file": "dir/a.txt"}));
    let mut presence = parsed(&Event::Presence(who("bob", "Bob"), false));
    assert!(presence.as_object_mut().unwrap().remove("time").is_some());
    let want = json!({"kind": "presence", "from": "bob", "name": "Bob", "online": false});
    assert_eq!(presence, want);
}

fn removed() -> What {
    let farewell = Farewell { by: UserId(1), why: "spam".to_owned(), ban: true };
    What::Removed(who("ann", "Ann"), farewell)
}

fn banned() -> Banned {
    Banned { who: who("bob", "Bob"), why: "spam".to_owned(), at_ms: AT_MS }
}

fn listed() -> Listed {
    Listed { label: "#tea".to_owned(), topic: "green".to_owned(), members: 2 }
}

fn place() -> Place {
    let name = "laptop (liao)".to_owned();
    Place { dev: DeviceId(7), name, seen_ms: AT_MS, here: false, online: false }
}

#[test]
fn lists_are_a_line_for_each_entry() {
    for (event, line) in [
        (Event::Bans(Vec::new()), "Nobody is banned here."),
        (Event::Bans(vec![banned()]), "banned since 2026-11-21 12:05: Bob (bob): spam"),
        (
            Event::Bans(vec![Banned { why: String::new(), ..banned() }]),
            "banned since 2026-11-21 12:05: Bob (bob)",
        ),
        (Event::Rooms(vec![listed()]), "#tea  2 members  green"),
        (Event::Devices(vec![place()]), "7  laptop (liao)  last there 2026-11-21 12:05"),
        (
            Event::Devices(vec![Place { name: String::new(), online: true, ..place() }]),
            "7  device 7  connected",
        ),
        (Event::Devices(vec![Place { here: true, ..place() }]), "7  laptop (liao)  this one"),
    ] {
        assert_eq!(written(false, &event), line);
    }
}

/// One event of every kind, as an object.
fn all_objects() -> Vec<Value> {
    let said = |what: What, kind: &str| {
        let at = if matches!(what, What::Text(_) | What::Edit(..)) {
            vec!["ann".into()]
        } else {
            Vec::new()
        };
        Said { at, ..said(what, kind) }
    };
    let text = || What::Text("x".to_owned());
    let entries = [
        said(text(), "text"),
        said(file(), "file"),
        Said { sent: true, ..said(text(), "text") },
        Said { sent: true, ..said(file(), "file") },
        said(What::Edit(Seq(4), "new".to_owned()), "edit"),
        said(What::TakenBack(Seq(4)), "redact"),
        said(What::Join, "join"),
        said(What::Leave, "leave"),
        said(removed(), "leave"),
        said(What::Role(who("ann", "Ann"), Rank::Moderator), "role"),
        said(What::Topic("tea".to_owned()), "topic"),
        said(What::Invite("Ann".to_owned()), "invite"),
        said(What::Damaged, "damaged"),
    ];
    let chat = Chat { label: "#lobby".to_owned(), with: None };
    let others = [
        Event::Ready(who("ann", "Ann")),
        Event::Room(chat.clone()),
        Event::Missed(chat, 5),
        Event::Presence(who("bob", "Bob"), true),
        Event::Online(vec![who("bob", "Bob")]),
        Event::Bans(vec![banned()]),
        Event::Rooms(vec![listed()]),
        Event::Devices(vec![place()]),
        Event::Progress("a.txt".to_owned(), "phase.sending", 50),
        Event::Saved(FileId(3), "a.txt".into()),
    ];
    let events = entries.into_iter().map(|said| Event::Said(Box::new(said))).chain(others);
    let mut objects: Vec<Value> =
        events.map(|event| serde_json::from_str(&written(true, &event)).unwrap()).collect();
    objects.push(json!({"kind": "error", "text": "no"}));
    objects
}

/// The first cells of the tables in the document whose head begins with this cell, with the last cells.
fn table(document: &str, head: &str) -> Vec<(String, String)> {
    let rows = document.split(&format!("| {head} |")).nth(1).unwrap().lines().skip(2);
    let cells = rows.take_while(|row| row.starts_with('|')).map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        (cells.next().unwrap().to_owned(), cells.next_back().unwrap().to_owned())
    });
    cells.collect()
}

/// The words in backticks.
fn ticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_document_tells_all_kinds_and_keys_and_no_others() {
    use std::collections::{BTreeMap, BTreeSet};
    type Kinds = BTreeMap<String, BTreeSet<String>>;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PLAIN.md");
    let document = std::fs::read_to_string(path).unwrap();
    let mut told = Kinds::new();
    for (kinds, keys) in table(&document, "`kind`") {
        ticked(&kinds)
            .into_iter()
            .for_each(|kind| _ = told.insert(kind, ticked(&keys).into_iter().collect()));
    }
    let mut made = Kinds::new();
    for object in all_objects() {
        let mut object = object.as_object().unwrap().clone();
        let kind = object.remove("kind").unwrap().as_str().unwrap().to_owned();
        made.entry(kind).or_default().extend(object.keys().cloned());
    }
    assert_eq!(told, made);
    let explained: BTreeSet<String> =
        table(&document, "Key").iter().flat_map(|(keys, _)| ticked(keys)).collect();
    let mut used: BTreeSet<String> = made.into_values().flatten().collect();
    used.insert("kind".to_owned());
    assert_eq!(explained, used);
}

#[test]
fn times_are_of_one_length() {
    for at_ms in [0, 1, 1_795_262_700_000, 1_795_262_700_250] {
        let time = rfc3339(at_ms).unwrap();
        assert_eq!(time.len(), "2026-11-21T12:05:00.250Z".len(), "{time}");
    }
}

#[test]
fn a_complaint_reaches_people_and_programs() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = Words::of(Language::English);
    let mut paper = Paper::new((&mut out, &mut err), true, words, TimeZone::UTC);
    paper.complain("no \u{1b}[2J way");
    assert_eq!(err, "no ␛[2J way\n".as_bytes());
    let line: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(line["kind"], "error");
}
