use liao_client_core::timeline::FileOffer;
use liao_common::id::{FileId, Seq};
use serde_json::{Value, json};

use super::*;
use crate::words::Language;

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
    assert_eq!(sentence(said(text(), "text")), "#lobby Bob: one two");
    assert_eq!(sentence(said(file(), "file")), "#lobby Bob: file a.txt (1.5 KiB), /get 3 saves it");
    assert_eq!(sentence(said(What::Join, "join")), "Bob joined #lobby");
    assert_eq!(sentence(said(What::Leave, "leave")), "Bob left #lobby");
    for (what, want) in [
        (What::Topic("tea".to_owned()), "Bob set the topic: tea"),
        (What::Topic(String::new()), "Bob removed the topic"),
        (What::Invite("Ann".to_owned()), "Bob invited Ann"),
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
               "time": "2026-11-21T12:05:00.25Z"})
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
