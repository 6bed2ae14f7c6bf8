//! The escape key and another in one go, as slow lines and terminals inside terminals hand them over: both do what
//! they do, and nothing of a sequence is typed.

use std::time::Duration;

use crate::driver::{Key, Town, pause, word};

#[test]
fn keys_right_behind_escape_are_never_typed() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("what I write");
    alice.waits_for("what I write");
    alice.presses_at_once(&[Key::Esc, Key::F(4)]);
    alice.waits_for(word("files.title"));
    alice.presses_at_once(&[Key::Esc, Key::Up]);
    alice.waits_for_end_of(word("files.title"));
    alice.types("s on");
    alice.says("e line");
    alice.waits_for("what I writes one line");
    for rubbish in ["OS", "[A", "writeO", "write["] {
        assert!(alice.has_never_seen(rubbish), "{rubbish}");
    }
    alice.quits();
}

#[test]
fn a_paste_right_behind_escape_is_not_sent() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.presses_pasting(Key::Esc, "first\rsecond");
    alice.waits_for("second");
    alice.says(" and third");
    alice.waits_for("second and third");
    assert!(alice.has_never_seen("200~"));
    alice.quits();
}

/// What was sent would stay on the screen when the line is cleared.
#[test]
fn a_paste_behind_escape_over_a_line_that_stops_is_not_sent() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("\x1b\x1b[200~alpha\r");
    for (size, part) in [((100, 32), "bravo\r"), ((100, 30), "\x0ccharlie\r")] {
        alice.resizes(size);
        pause(Duration::from_millis(100));
        alice.types(part);
    }
    alice.types("delta\x1b[201~");
    alice.waits_for("delta");
    alice.presses(Key::Ctrl('c'));
    for line in ["alpha", "bravo", "charlie", "delta"] {
        alice.waits_for_end_of(line);
    }
    alice.quits();
}

#[test]
fn a_new_line_together_with_escape_sends_nothing() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("alpha");
    alice.waits_for("alpha");
    alice.presses_at_once(&[Key::Esc, Key::Alt('\r')]);
    alice.types("bravo");
    alice.waits_for_all(&["alpha", "bravo"]);
    alice.presses(Key::Ctrl('c'));
    alice.waits_for_end_of("alpha");
    alice.quits();
}
