//! Foreign bytes: a server that lies in every name and text, people who write to terminals instead of to people.
//! Nothing of it reaches the terminal as a command; it is shown for what it is.

use std::{fs, sync::Arc};

use liao_client_core::{
    address::Address,
    dial::ServerDialer,
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    notice::{End, LinkState, Notice},
    transfer::UploadJob,
    trust::Trust,
};
use liao_common::{
    fault::FaultCode,
    id::RoomId,
    message::{Body, Kind},
    request::{Register, RoomTopic, Secret},
};
use liao_server::config::Transport;
use tokio::sync::mpsc::Receiver;

use crate::driver::{Key, Opening, PASSWORD, Town, Wire, beginning, filled, word};

/// Moves the cursor, sets the title, fills the clipboard, changes the character set, asks who is there, and
/// turns the direction of writing.
const HARM: &str = "\x1b[133;137H\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b(0\x1b[c\
                    \u{9b}31m\u{9d}0;owned\u{9c}\u{202e}\x08\x7f\rend";

/// Parts of it that would be commands.
const COMMANDS: [&str; 8] = [
    "\x1b[133;137H",
    "]0;owned\x07",
    "\x1b]52;",
    "\x1b(0",
    "\x1b[c",
    "\u{9b}",
    "\u{202e}",
    "\rend",
];

/// Somebody with a client of another make.
fn mallory(town: &Town, name: &str) -> (Handle, Receiver<Notice>) {
    let address = Address { host: town.addr().ip().to_string(), port: town.addr().port() };
    let trust = town.pin().map_or(Trust::Plaintext, Trust::Pinned);
    let register = Register {
        user: "mallory".into(),
        name: name.into(),
        secret: Secret(PASSWORD.into()),
        dev_name: "x".into(),
        invite: None,
    };
    let dialer = Arc::new(ServerDialer { address, trust });
    let _inside = town.runtime().enter();
    Link::start(LinkConfig::new(dialer, Credentials::Register(register), "other/1"))
}

/// The same, for whom nobody listens.
fn mallory_talks(town: &Town, name: &str) -> Handle {
    let (handle, mut notices) = mallory(town, name);
    town.runtime().spawn(async move { while notices.recv().await.is_some() {} });
    handle
}

fn post(town: &Town, mallory: &Handle, text: &str) {
    let posted = mallory.post(RoomId::LOBBY, Kind::Text, Body::text(text));
    town.runtime().block_on(posted).unwrap();
}

#[test]
fn escape_sequences_in_a_message_are_shown_and_not_obeyed() {
    let town = Town::new();
    let mallory = mallory_talks(&town, "Mallory");
    let alice = town.registers("alice", "Alice");
    alice.sees_online("Mallory");
    post(&town, &mallory, HARM);
    mallory.ask(RoomTopic { room: RoomId::LOBBY, topic: HARM.into() }).unwrap();
    alice.waits_for("␛]0;owned");
    alice.waits_for(filled("room.topic_set", &[("name", &"Mallory"), ("topic", &"")]));
    for command in COMMANDS {
        assert!(!alice.wrote(command.as_bytes()), "{command:?} reached the terminal");
    }
    assert_eq!(alice.strange(), &[] as &[String]);
    alice.quits();
}

#[test]
fn names_that_are_commands_are_refused_by_form_and_server() {
    let town = Town::new();
    let mut form = town.opens("mallory");
    form.chooses("2");
    form.waits_for(word("field.password_again"));
    form.fills_in(&["mallory", "\u{3164}", PASSWORD, PASSWORD]);
    form.waits_for(word("invalid.name_characters"));
    form.quits();

    let (_handle, mut notices) = mallory(&town, "a\x1b[2Jb");
    let refused = town.runtime().block_on(async {
        loop {
            match notices.recv().await.expect("an end of the link") {
                Notice::State(LinkState::Ended(End::Refused(fault))) => break fault.code,
                Notice::State(LinkState::Ended(_) | LinkState::Online { .. }) => {
                    panic!("not refused")
                }
                _ => {}
            }
        }
    });
    assert_eq!(refused, FaultCode::BadName);
}

#[test]
fn a_lying_server_gets_nothing_past_the_client() {
    let town = Town::with(Transport::Plaintext);
    let wire = Wire::to(&town);
    // As long as what it replaces, so that every frame keeps its form.
    let lie = |first: &str, last: &str| {
        let lie = format!("{first}\x1b[133;137H\x1b]0;owned\x07\x1b(0\u{9b}5m{last}");
        let truth = format!("{first}{}", "m".repeat(lie.len() - first.len()));
        wire.lies(&truth, lie.as_bytes());
        truth
    };
    let (name, text, topic) = (lie("name", ""), lie("text", ""), lie("topic", ""));
    let file = lie("file", "/../../../outside");
    let mallory = mallory_talks(&town, &name);
    let arguments = ["--insecure-plaintext", &wire.addr().to_string()];
    let mut alice = Opening::at(&town.home("alice")).with(&arguments).opens();
    alice.registers("alice", "Alice");
    alice.sees_online("name␛[133;137H");
    post(&town, &mallory, &text);
    mallory.ask(RoomTopic { room: RoomId::LOBBY, topic }).unwrap();
    let path = town.path(&file);
    fs::write(&path, "harmless").unwrap();
    mallory.upload(UploadJob { room: RoomId::LOBBY, path, media: String::new() }).unwrap();
    alice.waits_for("text␛[133;137H");
    alice.waits_for("topic␛[133;137H");
    alice.waits_until("a file of an odd name", |text| text.contains("▤ "));
    assert!(!alice.text().contains(&file), "the wire did not lie about the file's name");
    alice.presses(Key::Alt('s'));
    alice.waits_for(beginning("files.saved_as"));
    let saved: Vec<_> = fs::read_dir(town.home("alice").join("downloads"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(saved.len(), 1, "outside of the folder for it: {saved:?}");
    assert!(!saved[0].contains(char::is_control), "{saved:?}");
    for command in COMMANDS {
        assert!(!alice.wrote(command.as_bytes()), "{command:?} reached the terminal");
    }
    assert_eq!(alice.strange(), &[] as &[String]);
    alice.quits();
}

#[test]
fn a_huge_paste_is_refused_with_a_sentence_and_a_long_one_asks() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("before ");
    alice.pastes(&"x".repeat(1 << 20));
    alice.waits_for(word("composer.too_many_bytes"));
    alice.types("and after");
    alice.waits_for("❯ before and after");
    alice.pastes(&"one of many lines\r".repeat(40));
    alice.waits_for(filled("composer.paste_ask", &[("count", &40)]));
    alice.types("n");
    alice.waits_for("❯ before and after");
    alice.pastes("\x1b[2J\x1b]0;owned\x07");
    alice.waits_for("owned");
    assert!(!alice.wrote(b"\x1b]0;"), "what was pasted reached the terminal");
    alice.quits();
}

#[test]
fn what_this_terminal_takes_for_wider_or_narrower_leaves_nothing_behind() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    // Here each letter of them stands for itself, so that some are twice as wide.
    for (round, sign) in (1..).zip(["🇨🇳", "👍🏽", "👩🏿"]) {
        bob.enters(&format!("between {sign} words"));
        bob.enters(&format!("at its end {sign}"));
        alice.waits_until("both lines", |picture| {
            picture.matches("between").count() == round
                && picture.matches("at its").count() == round
        });
        // Two columns, and what follows stands behind them.
        let cells = alice.row_with("between");
        let start = cells.windows(2).position(|pair| pair.concat() == "be").expect("the word");
        assert_eq!(cells[start + 10..start + 16].concat(), " words", "{sign}: {cells:?}");
        let cells = alice.row_with("at its end");
        let start = cells.windows(2).position(|pair| pair.concat() == "at").expect("the word");
        assert_eq!(cells[start + 13..start + 30].concat().trim(), "", "{sign}: {cells:?}");
        // The next screen has nothing of it.
        alice.presses(Key::F(2));
        alice.waits_for_end_of("at its end");
        let rest = |letter: char| !letter.is_ascii() && sign.contains(letter);
        assert!(!alice.text().contains(rest), "{sign}\n{}", alice.text());
        alice.presses(Key::F(2));
        alice.waits_for("at its end");
    }
    alice.quits();
    bob.quits();
}
