//! What is secret stays out of the program's log, however much is logged.

use std::fs;

use crate::driver::{Key, Opening, PASSWORD, Terminal, Town, beginning, word};

const WORDS: &str = "canary of what was said";
const PRIVATE: &str = "canary of what was said between two";
const DEN: &str = "canary-room";
const INVITE: &str = "canary-of-an-invite";
const FILE: &str = "canary of a file.txt";
const CONTENT: &str = "canary of what is in a file";

#[test]
fn nothing_secret_is_logged_even_when_everything_is() {
    let mut town = Town::new();
    let link = format!("{}&invite={INVITE}", town.link());
    let opens = |town: &Town, user: &str| {
        Opening::at(&town.home(user)).with(&[&link]).locale("LIAO_LOG", "trace").opens()
    };
    let mut bob = opens(&town, "bob");
    registers_with_invite(&mut bob, "bob", "Bob");
    let mut alice = opens(&town, "alice");
    registers_with_invite(&mut alice, "alice", "Alice");
    alice.says(WORDS);
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    town.starts();
    alice.waits_for_end_of(beginning("link.waiting"));
    // What is stored shows that the server is there again; a form is not opened before.
    alice.says("here again");
    talks_in_private(&town, &mut alice, &mut bob);
    alice.quits();
    bob.quits();
    for user in ["alice", "bob"] {
        let log = fs::read_to_string(town.home(user).join("liao.log")).unwrap();
        assert!(log.contains("DEBUG"), "little is logged, so little is proved:\n{log}");
        for secret in [PASSWORD, WORDS, PRIVATE, DEN, INVITE, FILE, CONTENT] {
            assert!(!log.contains(secret), "{secret:?} is in {user}'s log:\n{log}");
        }
    }
}

fn registers_with_invite(person: &mut Terminal, user: &str, shown: &str) {
    person.chooses("2");
    person.waits_for_all(&[word("field.password_again"), INVITE]);
    person.fills_in(&[user, shown, PASSWORD, PASSWORD]);
    person.presses(Key::Enter);
    person.is_in("#lobby");
}

/// A room for two, a chat of two, and a file from one to the other.
fn talks_in_private(town: &Town, alice: &mut Terminal, bob: &mut Terminal) {
    alice.enters("/create");
    alice.waits_for(word("room.create_title"));
    alice.types(DEN);
    alice.presses(Key::Tab);
    alice.presses(Key::Tab);
    alice.types(" ");
    alice.presses(Key::Enter);
    alice.is_in(&format!("#{DEN}"));
    alice.enters("/invite bob");
    alice.waits_for(word("status.invited"));
    alice.enters(&format!("/msg bob {PRIVATE}"));
    alice.is_in("Bob");
    let path = town.path(FILE);
    fs::write(&path, CONTENT).unwrap();
    alice.enters(&format!("/send {}", path.display()));
    alice.waits_for(FILE);
    bob.waits_for("Alice 2");
    bob.presses(Key::Alt('a'));
    bob.is_in("Alice");
    bob.waits_for(PRIVATE);
    bob.presses(Key::Alt('s'));
    bob.waits_for(beginning("files.saved_as"));
}
