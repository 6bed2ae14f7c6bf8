//! However the program ends, the terminal is as it was before. What is looked at each time stands in
//! `Terminal::ends`.

use crate::driver::{Key, Opening, SIZE, Town, beginning, filled, word};

#[test]
fn a_signal_ends_it_properly_wherever_it_is() {
    let town = Town::new();
    let mut watcher = town.registers("watcher", "Watcher");
    for (name, signal) in [("anna", "TERM"), ("bert", "HUP"), ("carl", "INT")] {
        let terminal = town.registers(name, "");
        watcher.sees_online(name);
        terminal.signals(signal);
        terminal.ends();
        // It said goodbye: nobody has to wait for the grace of a lost connection.
        watcher.sees_gone(name);
    }
    let menu = Opening::at(&town.home("dora")).opens();
    menu.waits_for(word("menu.start_server"));
    menu.signals("TERM");
    menu.ends();
    watcher.presses(Key::Ctrl('c'));
    watcher.waits_for(filled("status.again_quits", &[("key", &"Ctrl-C")]));
    watcher.presses(Key::Ctrl('c'));
    watcher.ends();
}

#[test]
fn what_a_program_that_was_killed_has_left_is_wiped_away() {
    let home = tempfile::tempdir().unwrap();
    // The other screen, and a word in its corner.
    let left = "\\033[?1049h\\033[1;1Hleftover";
    let opening = Opening::at(home.path()).by_shell().variable("LEFT", left);
    let mut menu = opening.opens();
    menu.waits_for(word("menu.start_server"));
    assert!(!menu.text().contains("leftover"), "{}", menu.text());
    menu.presses(Key::Ctrl('q'));
    menu.waits_until_left();
    menu.enters("next");
    menu.waits_for("4 bytes for the shell");
}

#[test]
fn it_ends_properly_while_the_server_is_gone() {
    let mut town = Town::new();
    let alice = town.registers("alice", "Alice");
    let bob = town.registers("bob", "Bob");
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    alice.signals("TERM");
    alice.ends();
    bob.waits_for(beginning("link.waiting"));
    bob.quits();
}

#[test]
fn nothing_is_drawn_while_nothing_happens() {
    let town = Town::new();
    let alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    alice.waits_for(filled("room.joined", &[("name", &"Bob")]));
    alice.sees_online("Bob");
    // What was said in the status line goes by itself.
    alice.waits_for_end_of(filled("register.welcome", &[("name", &"Alice"), ("room", &"#lobby")]));
    bob.types("a thought that is not yet a message");
    alice.stays_still();
    bob.waits_for("not yet a message");
    alice.quits();
    bob.quits();
}

#[test]
fn a_terminal_that_hangs_holds_nobody_up() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    bob.sees_online("Alice");
    alice.sticks(true);
    for number in 0..40 {
        bob.pastes(&format!("{number} {}", "many words ".repeat(80)));
        bob.presses(Key::Enter);
    }
    bob.waits_for("39 many words");
    bob.waits_for_end_of("◌");
    alice.enters("I still hear you");
    bob.waits_for("I still hear you");
    alice.sticks(false);
    alice.waits_for("I still hear you");

    alice.sticks(true);
    bob.pastes(&"more words ".repeat(400));
    bob.presses(Key::Enter);
    alice.signals("TERM");
    bob.sees_gone("Alice");
    alice.sticks(false);
    alice.ends();
    bob.quits();
}

#[test]
fn the_cursor_stands_where_the_next_letter_goes() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("张三, hi");
    alice.waits_for("❯ 张三, hi");
    let (column, row) = alice.cursor().expect("a cursor that can be seen");
    let line = alice.text().lines().nth(usize::from(row)).unwrap_or_default().to_owned();
    let before: String = line.chars().take_while(|letter| *letter != 'h').collect();
    assert!(before.contains("张三"), "row {row} of {SIZE:?}: {line}");
    // Two of those letters take two columns each; `hi` takes two more.
    assert_eq!(usize::from(column), before.chars().count() + 2 + 2, "{line}");
    alice.quits();
}
