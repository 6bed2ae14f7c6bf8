//! People on their terminals: in a private server that one Enter started, and on a server of somebody else.

use crate::driver::{Key, Opening, PASSWORD, Town, filled, word};

#[test]
fn one_enter_starts_a_private_server_and_a_second_terminal_joins_it() {
    let home = tempfile::tempdir().unwrap();
    let mut alice = Opening::at(home.path()).opens();
    alice.waits_for(word("menu.start_server"));
    alice.presses(Key::Enter);
    alice.waits_for(word("field.password_again"));
    alice.fills_in(&["alice", "爱丽丝", PASSWORD, PASSWORD]);
    alice.waits_for(filled("register.welcome", &[("name", &"爱丽丝"), ("room", &"#lobby")]));
    alice.is_in("#lobby");

    let mut bob = Opening::at(home.path()).opens();
    bob.waits_for(word("menu.private_server"));
    bob.registers("bob", "Bob");
    alice.sees_online("Bob");
    bob.sees_online("爱丽丝");
    alice.says("大家好，欢迎来到这里");
    bob.waits_for("大家好，欢迎来到这里");

    // In private, through the list of who is online.
    alice.presses(Key::F(3));
    alice.waits_for(word("presence.filter"));
    alice.types("bo");
    alice.sees_gone("爱丽丝");
    alice.presses(Key::Enter);
    alice.is_in("Bob");
    alice.says("just between us");
    bob.waits_for("爱丽丝 1");
    bob.presses(Key::Alt('a'));
    bob.is_in("爱丽丝");
    bob.waits_for("just between us");

    // Whoever leaves is missed at once, and finds later what was said meanwhile.
    bob.quits();
    alice.sees_gone("Bob");
    alice.says("you were away");
    let mut bob = Opening::at(home.path()).opens();
    bob.goes_on_as("Bob (bob)");
    bob.waits_for_all(&[word("inbox.title"), "爱丽丝", "you were away"]);
    bob.waits_for(filled("inbox.waiting_one", &[("count", &1)]));
    bob.presses(Key::Enter);
    bob.is_in("爱丽丝");
    alice.sees_online("Bob");

    // The terminal that carried the server goes; the other carries on.
    alice.quits();
    bob.says("who carries the server now?");
    bob.quits();
}

#[test]
fn what_was_said_to_somebody_away_survives_a_restart_of_the_server() {
    let mut town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    town.registers("bob", "Bob").quits();
    alice.sees_gone("Bob");
    alice.says("said to all");
    alice.enters("/msg bob said to you alone");
    alice.is_in("Bob");
    alice.waits_for("said to you alone");
    alice.waits_for_end_of("◌");
    town.restarts();

    // The server, its key and the login are remembered: no address, no password.
    let mut bob = Opening::at(&town.home("bob")).opens();
    bob.waits_for(town.addr().to_string());
    bob.goes_on_as("Bob (bob)");
    bob.waits_for(filled("inbox.waiting_many", &[("count", &2)]));
    bob.waits_for("said to you alone");
    bob.waits_for("said to all");
    bob.types("X");
    bob.waits_for(word("inbox.empty"));
    bob.quits();

    // What was read stays read.
    let mut bob = Opening::at(&town.home("bob")).opens();
    bob.goes_on_as("Bob (bob)");
    bob.is_in("#lobby");
    bob.waits_for("said to all");
    bob.quits();
    alice.quits();
}

#[test]
fn a_mouse_is_enough_to_go_from_chat_to_chat() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let bob = town.registers("bob", "Bob");
    alice.clicks("● Bob");
    alice.is_in("Bob");
    alice.says("clicked on you");
    bob.waits_for("Alice 1");
    alice.clicks("#lobby");
    alice.is_in("#lobby");
    alice.clicks(word("tabs.inbox"));
    alice.waits_for(word("inbox.empty"));
    alice.quits();
    bob.quits();
}
