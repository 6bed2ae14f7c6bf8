//! When the server or the wire fails: words in the status line, and nothing that was written gets lost.

use std::net::SocketAddr;

use liao_common::request::Secret;
use liao_server::{
    admin::{account::SetPassword, client::set_password},
    config::Transport,
};

use crate::driver::{Key, Opening, PASSWORD, Town, Wire, beginning, counted, filled, word};

#[test]
fn a_line_typed_while_the_server_is_down_arrives_when_it_is_back() {
    let mut town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let bob = town.registers("bob", "Bob");
    alice.sees_online("Bob");
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    bob.waits_for(beginning("link.waiting"));
    alice.enters("typed into the dark");
    alice.waits_for(word("composer.offline"));
    alice.waits_for_all(&["typed into the dark", "◌"]);
    alice.waits_for(filled("status.unsent_one", &[("count", &1)]));
    town.starts();

    // It comes back by itself.
    alice.waits_for_end_of("◌");
    alice.waits_for_end_of(word("link.waiting").rsplit('…').next().unwrap());
    bob.waits_for("typed into the dark");
    bob.sees_online("Alice");
    alice.quits();
    bob.quits();
}

#[test]
fn who_got_another_password_meanwhile_is_asked_for_it() {
    let mut town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    let secret = Some(Secret("another password".into()));
    let ask = SetPassword { id: "alice".into(), secret };
    town.runtime().block_on(set_password(town.data(), ask)).unwrap();
    town.starts();
    alice.waits_for_all(&["alice", word("login.token_refused")]);
    assert!(alice.has_never_seen(word("fault.unauthenticated")));
    alice.enters("another password");
    alice.is_in("#lobby");
    alice.quits();
}

#[test]
fn a_cut_wire_loses_and_repeats_nothing() {
    let town = Town::new();
    let wire = Wire::to(&town);
    let mut alice = Opening::at(&town.home("alice")).with(&[&town.link_at(wire.addr())]).opens();
    alice.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    for round in ["one", "two", "three"] {
        wire.breaks();
        alice.waits_for(beginning("link.waiting"));
        bob.says(&format!("from bob, {round}"));
        alice.enters(&format!("from alice, {round}"));
        alice.waits_for("◌");
        wire.is_mended();
        alice.presses(Key::Ctrl('r'));
        alice.waits_for(format!("from bob, {round}"));
        alice.waits_for_end_of("◌");
        bob.waits_for(format!("from alice, {round}"));
    }
    for terminal in [&alice, &bob] {
        for line in ["from bob, one", "from bob, two", "from alice, one", "from alice, three"] {
            assert_eq!(terminal.text().matches(line).count(), 1, "{line}\n{}", terminal.text());
        }
    }
    alice.quits();
    bob.quits();
}

#[test]
fn what_a_server_of_tomorrow_says_has_its_place_over_restarts() {
    let mut town = Town::with(Transport::Plaintext);
    let opens = |home: &str, addr: SocketAddr| {
        let arguments = ["--insecure-plaintext", &addr.to_string()];
        Opening::at(&town.home(home)).with(&arguments).opens()
    };
    let wire = Wire::to(&town);
    // A message's kind, with its text behind it; and an event.
    wire.lies(
        b"\xa1k\xa4text\xa1b\x81\xa4text\xa6Lunch?",
        b"\xa1k\xa4poll\xa1b\x81\xa4asks\xa6Lunch?",
    );
    wire.lies(b"\x92\xa4pres\x00", b"\x92\xa4aura\x00");
    let mut alice = opens("alice", wire.addr());
    alice.registers("alice", "Alice");
    let mut bob = opens("bob", town.addr());
    bob.registers("bob", "Bob");
    for round in ["one", "two"] {
        bob.says(&format!("before {round}"));
        bob.says("Lunch?");
        bob.says(&format!("after {round}"));
        alice.waits_for(format!("after {round}"));
        town.restarts();
        alice.says(&format!("alice hears {round}"));
        bob.waits_for(format!("alice hears {round}"));
    }
    let text = alice.text();
    assert_eq!(text.matches(word("timeline.unknown")).count(), 2, "{text}");
    assert!(text.contains("before one") && !text.contains("Lunch"), "{text}");
    alice.quits();
    bob.quits();
}

#[test]
fn what_waits_to_be_sent_waits_for_the_next_start_of_the_program_too() {
    let mut town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    alice.enters("written before the lights went out");
    alice.waits_for("◌");
    alice.presses(Key::Ctrl('q'));
    alice.ends_saying(&counted("cli.unsent", 1));
    town.starts();
    let mut alice = town.opens("alice");
    alice.goes_on_as("Alice (alice)");
    alice.is_in("#lobby");
    alice.waits_for("written before the lights went out");
    alice.waits_for_end_of("◌");
    alice.quits();
}

#[test]
fn a_server_that_goes_during_the_login_is_waited_for_in_words() {
    let mut town = Town::new();
    town.registers("alice", "Alice").quits();
    town.stops();
    let mut alice = Opening::at(&town.home("alice")).opens();
    alice.goes_on_as("Alice (alice)");
    alice.waits_for(filled("connect.refused", &[("address", &town.addr())]));
    town.starts();
    alice.is_in("#lobby");
    alice.quits();
}

#[test]
fn a_login_that_waits_can_be_taken_back_and_tried_again() {
    let town = Town::new();
    town.registers("alice", "Alice").quits();
    let wire = Wire::to(&town);
    let mut alice = Opening::at(&town.home("phone")).with(&[&town.link_at(wire.addr())]).opens();
    alice.chooses("1");
    alice.waits_for(word("login.keep"));
    wire.breaks();
    alice.fills_in(&["alice", PASSWORD]);
    alice.waits_for("⠋");
    alice.presses(Key::Esc);
    alice.waits_for(word("hint.log_in"));
    wire.is_mended();
    alice.presses(Key::Enter);
    alice.is_in("#lobby");
    alice.quits();
}
