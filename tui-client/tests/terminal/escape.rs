//! The escape key and another in one go, as slow lines and terminals inside terminals hand them over: both do what
//! they do, and nothing of a sequence is typed.

use crate::driver::{Key, Town, word};

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
