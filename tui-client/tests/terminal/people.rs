//! People on their terminals: in a private server that one Enter started, and on a server of somebody else.

use crate::driver::{Key, Opening, PASSWORD, Town, filled, first_sentence, word};

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
    // It opened by itself, so its letters are no keys yet.
    bob.presses(Key::F(2));
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

#[test]
fn two_terminals_of_one_person_are_one_person() {
    let town = Town::new();
    let mut bob = town.registers("bob", "Bob");
    let mut desk = town.registers("alice", "Alice");
    let mut phone = Opening::at(&town.home("alice-phone")).with(&[&town.link()]).opens();
    phone.logs_in("alice", PASSWORD);
    phone.is_in("#lobby");
    bob.sees_online("Alice");
    assert_eq!(bob.text().matches("● Alice").count(), 1, "one row for one person");
    desk.says("from the desk");
    phone.waits_for("from the desk");
    phone.enters("/msg bob from the phone");
    desk.waits_for("Bob");
    bob.waits_for("Alice 1");

    phone.quits();
    bob.says("are you still there?");
    desk.waits_for("are you still there?");
    bob.sees_online("Alice");
    desk.quits();
    bob.sees_gone("Alice");
    bob.quits();
}

#[test]
fn logging_out_forgets_the_login_on_this_computer_only() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut phone = Opening::at(&town.home("alice-phone")).with(&[&town.link()]).opens();
    phone.logs_in("alice", PASSWORD);
    phone.is_in("#lobby");
    alice.enters("/logout");
    alice.waits_for(word("menu.login"));
    alice.quits();
    let mut alice = town.opens("alice");
    alice.waits_for(word("menu.login"));
    assert!(alice.has_never_seen(&filled("menu.remembered", &[("name", &"")])));
    phone.says("the phone is still in");
    alice.logs_in("alice", PASSWORD);
    alice.waits_for("the phone is still in");
    alice.quits();
    phone.quits();
}

#[test]
fn a_new_password_sends_every_other_terminal_back_to_the_door() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut phone = Opening::at(&town.home("alice-phone")).with(&[&town.link()]).opens();
    phone.logs_in("alice", PASSWORD);
    phone.is_in("#lobby");
    alice.enters("/password");
    alice.waits_for(word("field.password_old"));
    alice.fills_in(&[PASSWORD, "another good password", "another good password"]);
    alice.waits_for(word("status.password_changed"));
    phone.waits_for_all(&[word("field.user"), word("field.password")]);
    phone.waits_for(first_sentence("fault.auth_revoked"));
    phone.quits();
    let mut phone = Opening::at(&town.home("alice-phone")).with(&[&town.link()]).opens();
    phone.logs_in("alice", "another good password");
    phone.is_in("#lobby");
    phone.quits();
    alice.quits();
}
