//! Windows of every size, and what happens while somebody drags their corner.

use liao::view::areas::{COLUMNS_MIN, ROWS_MIN};

use crate::driver::{Key, Opening, PASSWORD, SIZE, Town, filled, word};

const PHONE: (u16, u16) = (40, 12);
const TOO_SMALL: (u16, u16) = (30, 8);

fn too_small() -> String {
    filled("app.too_small", &[("columns", &COLUMNS_MIN), ("rows", &ROWS_MIN)])
}

#[test]
fn nothing_typed_is_lost_when_the_window_shrinks_and_grows() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    bob.says("hello, said in a large window");
    alice.sees_online("Bob");
    alice.types("half of a sentence, ");
    alice.waits_for("half of a sentence,");
    alice.resizes(PHONE);
    alice.sees_gone("Bob");
    alice.waits_for_all(&["hello, said in a large window", "❯ half of a sentence,"]);
    alice.resizes(TOO_SMALL);
    alice.waits_for(too_small());
    alice.waits_for_end_of("half of a sentence");
    alice.types("typed blindly, ");
    alice.resizes(PHONE);
    alice.waits_for("half of a sentence, typed blindly,");
    alice.resizes((200, 60));
    alice.sees_online("Bob");
    alice.resizes(SIZE);
    alice.waits_for_all(&["hello, said in a large window", "half of a sentence, typed blindly,"]);
    alice.enters("and its end");
    bob.waits_for("half of a sentence, typed blindly, and its end");
    alice.quits();
    bob.quits();
}

#[test]
fn a_form_keeps_what_is_in_it_too() {
    let town = Town::new();
    let mut alice = town.opens("alice");
    alice.chooses("2");
    alice.waits_for(word("field.password_again"));
    alice.types("alice");
    alice.presses(Key::Tab);
    alice.types("爱丽丝");
    alice.presses(Key::Tab);
    alice.types(PASSWORD);
    alice.waits_for("爱丽丝");
    alice.resizes(TOO_SMALL);
    alice.waits_for(too_small());
    alice.resizes(PHONE);
    alice.waits_for_all(&["alice", "爱丽丝"]);
    alice.resizes(SIZE);
    alice.waits_for_all(&["alice", "爱丽丝", word("field.password_again")]);
    alice.presses(Key::Tab);
    alice.enters(PASSWORD);
    alice.is_in("#lobby");
    alice.sees_online("爱丽丝");
    alice.quits();
}

#[test]
fn everything_works_in_the_window_of_a_phone() {
    let town = Town::new();
    let mut bob = town.registers("bob", "Bob");
    let mut alice = Opening::at(&town.home("alice")).with(&[&town.link()]).sized(PHONE).opens();
    alice.registers("alice", "Alice");
    alice.says("hi from the train");
    bob.waits_for("hi from the train");
    bob.enters("大家好，今天的会议改到三点。会后请把记录发到群里，谢谢！");
    alice.waits_for("大家好，今天的会议改到三点。会后请把记录发到群里，谢谢！");
    alice.presses(Key::F(3));
    alice.sees_online("Bob");
    alice.types("bob");
    alice.presses(Key::Enter);
    alice.is_in("Bob");
    alice.says("in private");
    alice.presses(Key::F(2));
    alice.waits_for(word("inbox.empty"));
    alice.presses(Key::F(1));
    alice.waits_for(word("help.title"));
    alice.presses(Key::Esc);
    alice.waits_for_end_of(word("help.filter"));
    alice.quits();
    bob.quits();
}
