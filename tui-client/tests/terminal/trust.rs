//! Whom one talks to: a key nobody vouched for, and a key that changed.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::driver::{Key, Opening, PASSWORD, Town, filled, word};

#[test]
fn an_unknown_key_is_shown_before_anything_can_be_typed() {
    let town = Town::new();
    let addr = town.addr().to_string();
    let mut alice = Opening::at(&town.home("alice")).with(&[&addr]).opens();
    alice.waits_for(word("trust.unknown"));
    alice.chooses("2");
    let first = filled("trust.first_time", &[("address", &addr)]);
    alice.waits_for_all(&[word("trust.title"), &first, word("trust.words"), &town.key_words()]);
    alice.waits_for_all(&[word("trust.fingerprint"), &town.pin().unwrap().to_string()]);
    assert!(alice.has_never_seen(word("field.password")), "no password before the key");

    // Nothing but the key for it says yes, and no goes back.
    alice.presses(Key::Enter);
    alice.presses(Key::Esc);
    alice.waits_for(word("menu.quit"));
    assert!(alice.has_never_seen(word("field.password")));
    alice.chooses("2");
    alice.waits_for(word("trust.title"));
    alice.types("y");
    alice.waits_for(word("field.password_again"));
    alice.fills_in(&["alice", "", PASSWORD, PASSWORD]);
    alice.is_in("#lobby");
    alice.quits();
}

#[test]
fn a_changed_key_stops_everything_and_names_the_command_for_it() {
    let mut town = Town::new();
    town.registers("alice", "Alice").quits();
    let home = town.home("alice");
    town.changes_its_key();
    let addr = town.addr().to_string();

    let mut alice = Opening::at(&home).opens();
    alice.goes_on_as("Alice (alice)");
    let command = format!("liao forget {addr}");
    alice.waits_for_all(&[word("trust.changed_title"), word("trust.changed_fix"), &command]);
    // There is no key to go on nevertheless.
    alice.types("y");
    alice.presses(Key::Enter);
    alice.presses(Key::Esc);
    alice.waits_for(word("menu.quit"));
    assert!(alice.has_never_seen(word("presence.you")));

    // Forgotten by another program; the one that runs asks anew.
    let forget = Command::new(env!("CARGO_BIN_EXE_liao"))
        .args(["forget", &addr])
        .env("LIAO_HOME", &home)
        .stdin(Stdio::null())
        .status();
    assert!(forget.unwrap().success());
    alice.goes_on_as("Alice (alice)");
    alice.waits_for_all(&[word("trust.title"), &town.key_words()]);
    alice.types("y");
    alice.is_in("#lobby");
    alice.quits();
}

#[test]
fn a_certificate_spares_the_question_and_its_loss_stops() {
    let mut town = Town::new();
    let addr = town.addr().to_string();
    let home = town.home("alice");
    let file = town.gets_a_certificate();
    let mut alice = Opening::at(&home).with(&["--ca-file", file.to_str().unwrap(), &addr]).opens();
    alice.chooses("2");
    alice.waits_for(word("field.password_again"));
    assert!(alice.has_never_seen(word("trust.title")), "nobody is asked");
    alice.fills_in(&["alice", "", PASSWORD, PASSWORD]);
    alice.is_in("#lobby");
    alice.quits();

    let before = town.pin();
    let file = town.gets_a_certificate();
    assert_ne!(town.pin(), before);
    let opens = || Opening::at(&home).with(&["--ca-file", file.to_str().unwrap()]).opens();
    let mut alice = opens();
    alice.goes_on_as("alice");
    alice.is_in("#lobby");
    alice.quits();

    town.gives_its_certificate_up();
    let mut alice = opens();
    alice.goes_on_as("alice");
    alice.waits_for_all(&[word("trust.uncertified_title"), &format!("liao forget {addr}")]);
    assert!(alice.has_never_seen(word("presence.you")));
    alice.presses(Key::Esc);
    alice.waits_for(word("menu.quit"));
    alice.quits();
}

#[test]
fn a_key_that_was_announced_is_no_changed_key() {
    let mut town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    town.announces_a_key();
    alice.says("after the restart");
    alice.waits_for("after the restart");
    alice.quits();
    let before = town.pin();
    town.takes_the_announced_key();
    assert_ne!(town.pin(), before);
    for _ in 0..2 {
        let mut alice = Opening::at(&town.home("alice")).opens();
        alice.goes_on_as("Alice (alice)");
        alice.is_in("#lobby");
        alice.quits();
    }
    let known = fs::read_to_string(town.home("alice").join("known_servers.toml")).unwrap();
    assert!(known.contains(&town.pin().unwrap().to_string()), "{known}");
    assert!(!known.contains(&before.unwrap().to_string()), "the old key counts no more: {known}");
}

#[test]
fn a_link_with_another_key_than_the_servers_is_told_as_such() {
    let town = Town::new();
    let forged = format!("liao://{}/?pin={}", town.addr(), "5a".repeat(32));
    let mut alice = Opening::at(&town.home("alice")).with(&[&forged]).opens();
    alice.waits_for(word("trust.from_link"));
    alice.chooses("2");
    alice.fills_in(&["alice", "", PASSWORD, PASSWORD]);
    alice.waits_for_all(&[word("trust.link_title"), &town.key_words()]);
    alice.presses(Key::Esc);
    alice.waits_for(word("trust.from_link"));
    alice.quits();
}

#[test]
fn a_link_with_another_key_than_the_known_one_is_refused() {
    let town = Town::new();
    town.registers("alice", "Alice").quits();
    let forged = format!("liao://{}/?pin={}", town.addr(), "5a".repeat(32));
    let mut alice = Opening::at(&town.home("alice")).with(&[&forged]).opens();
    alice.chooses("1");
    alice.waits_for(word("trust.link_title"));
    alice.quits();
}
