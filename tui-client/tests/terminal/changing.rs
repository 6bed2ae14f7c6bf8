//! What was said is answered, changed and taken back, and the others see it.

use crate::driver::{Key, Town, filled, word};

#[test]
fn a_message_is_answered_changed_and_taken_back() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    alice.says("we meet at thre");
    bob.waits_for("we meet at thre");

    bob.presses(Key::Tab);
    bob.presses(Key::Up);
    bob.types("r");
    let quote = filled("timeline.quote", &[("name", &"Alice"), ("text", &"we meet at thre")]);
    bob.waits_for(filled("composer.answers", &[("text", &quote)]));
    bob.enters("where?");
    alice.waits_for_all(&["┌", &quote, "where?"]);

    for _ in 0..2 {
        alice.presses(Key::Up);
    }
    alice.types("e");
    alice.waits_for("❯ we meet at thre");
    alice.enters("e");
    bob.waits_for("we meet at three");
    bob.waits_for(word("timeline.edited"));

    bob.presses(Key::Up);
    bob.types("x");
    bob.waits_for(filled("timeline.take_back_ask", &[("words", &"where?")]));
    bob.types("y");
    alice.waits_for(word("timeline.deleted"));
    alice.waits_for_end_of("where?");
    alice.quits();

    // So it is for who comes later.
    let mut alice = town.opens("alice");
    alice.goes_on_as("Alice (alice)");
    alice.is_in("#lobby");
    alice.waits_for_all(&["we meet at three", word("timeline.edited"), word("timeline.deleted")]);
    alice.quits();
    bob.quits();
}
