//! Files between two terminals: seen on the way, broken off and continued, whole at the end.

use std::fs;

use liao::format;

use crate::driver::{Key, Opening, Terminal, Town, Wire, beginning, filled, word};

const FILE_BYTES: usize = 3 << 20;

/// No two parts of it are the same.
fn content() -> Vec<u8> {
    (0..FILE_BYTES as u32)
        .flat_map(|place| place.wrapping_mul(2_654_435_761).to_be_bytes())
        .take(FILE_BYTES)
        .collect()
}

/// The numbers before a percent sign.
fn percents(text: &str) -> Vec<u64> {
    let before = text.split(" %").map(|part| part.rsplit(' ').next().unwrap_or_default());
    before.filter_map(|word| word.parse().ok()).collect()
}

/// Waits until something is on its way: bar, percent, what is being done, rate, time left.
#[track_caller]
fn sees_progress(terminal: &Terminal, phase: &'static str) {
    let left = filled("files.left", &[("time", &"")]);
    terminal.waits_until(phase, |text| {
        let under_way = percents(text).iter().any(|percent| (1..100).contains(percent));
        let speaks = text.contains(word(phase)) && text.contains("B/s") && text.contains(&left);
        under_way && text.contains('█') && speaks
    });
}

fn opens_at(town: &Town, wire: &Wire, user: &str) -> Terminal {
    Opening::at(&town.home(user)).with(&[&town.link_at(wire.addr())]).opens()
}

#[test]
fn a_file_is_sent_with_a_bar_through_a_cut_and_arrives_whole() {
    let town = Town::new();
    let (wire_a, wire_b) = (Wire::to(&town), Wire::to(&town));
    let mut alice = opens_at(&town, &wire_a, "alice");
    alice.registers("alice", "Alice");
    let mut bob = opens_at(&town, &wire_b, "bob");
    bob.registers("bob", "Bob");
    let path = town.path("holiday photos.zip");
    fs::write(&path, content()).unwrap();

    wire_a.is_narrow();
    alice.enters(&format!("/send {}", path.display()));
    sees_progress(&alice, "phase.sending");
    alice.presses(Key::F(4));
    alice.waits_for(word("files.title"));
    sees_progress(&alice, "phase.sending");
    alice.presses(Key::F(4));
    alice.waits_for_end_of(word("files.title"));
    wire_a.breaks();
    alice.waits_for(word("phase.waiting"));
    wire_a.is_wide();
    wire_a.is_mended();
    alice.presses(Key::Ctrl('r'));

    bob.waits_for("holiday photos.zip");
    bob.waits_for(format::size(FILE_BYTES as u64));
    wire_b.is_narrow();
    bob.presses(Key::Alt('s'));
    bob.presses(Key::F(4));
    bob.waits_for(word("files.title"));
    sees_progress(&bob, "phase.receiving");
    bob.presses(Key::F(4));
    bob.waits_for_end_of(word("files.title"));
    wire_b.is_wide();
    let saved = town.home("bob").join("downloads/holiday photos.zip");
    bob.waits_for(beginning("files.saved_as"));
    assert!(fs::read(&saved).unwrap() == content(), "other bytes arrived than were sent");

    // Fetching is not a reason to write over what is there.
    fs::write(&path, b"another one of the same name").unwrap();
    alice.enters(&format!("/send {}", path.display()));
    bob.waits_for(format::size(28));
    bob.presses(Key::Alt('s'));
    bob.waits_until("two saved files", |text| {
        text.matches(beginning("files.saved_as")).count() == 2
    });
    assert!(fs::read(&saved).unwrap() == content(), "the first file was overwritten");

    // What was saved and is there no more is saved again: the newest.
    fs::remove_file(&saved).unwrap();
    bob.presses(Key::Alt('s'));
    bob.waits_until("the newest file under the free name", |_| {
        fs::read(&saved).is_ok_and(|bytes| bytes == b"another one of the same name")
    });
    alice.is_through_with(2);
    alice.quits();
    bob.quits();
}

#[test]
fn a_file_that_was_left_half_sent_is_there_at_the_next_start() {
    let town = Town::new();
    let wire = Wire::to(&town);
    let mut alice = opens_at(&town, &wire, "alice");
    alice.registers("alice", "Alice");
    let bob = town.registers("bob", "Bob");
    let path = town.path("thesis.pdf");
    fs::write(&path, content()).unwrap();
    wire.is_narrow();
    alice.enters(&format!("/send {}", path.display()));
    sees_progress(&alice, "phase.sending");
    alice.presses(Key::Ctrl('q'));
    alice.waits_for(word("hint.stay"));
    alice.types("y");
    alice.ends();
    wire.is_wide();

    let mut alice = Opening::at(&town.home("alice")).opens();
    alice.goes_on_as("Alice (alice)");
    alice.is_in("#lobby");
    alice.presses(Key::F(4));
    alice.waits_for_all(&[word("phase.paused"), "thesis.pdf"]);
    alice.types("R");
    bob.waits_for("thesis.pdf");
    bob.waits_for(format::size(FILE_BYTES as u64));
    alice.waits_for(word("phase.done"));
    alice.quits();
    bob.quits();
}

#[test]
fn a_file_waits_for_somebody_who_is_away() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    town.registers("bob", "Bob").quits();
    alice.sees_gone("Bob");
    alice.enters("/msg bob look at this");
    alice.is_in("Bob");
    let path = town.path("plan.txt");
    fs::write(&path, "first we take the tram").unwrap();
    alice.enters(&format!("/send {}", path.display()));
    alice.waits_until("a file that was sent", |text| {
        text.contains("plan.txt  22 B") && !text.contains('⇅') && !text.contains('◌')
    });
    alice.quits();

    let mut bob = town.opens("bob");
    bob.goes_on_as("Bob (bob)");
    // The inbox itself, and not only its tab: before, Enter goes elsewhere.
    bob.waits_for_all(&[word("inbox.title"), "Alice", word("inbox.file")]);
    bob.presses(Key::Enter);
    bob.waits_for("plan.txt");
    bob.presses(Key::Alt('s'));
    let saved = town.home("bob").join("downloads/plan.txt");
    bob.waits_for(beginning("files.saved_as"));
    assert_eq!(fs::read_to_string(saved).unwrap(), "first we take the tram");
    bob.quits();
}

#[test]
fn a_file_is_found_by_its_path() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let bob = town.registers("bob", "Bob");
    for (name, size) in [("dropped here.txt", 11), ("typed.txt", 22), ("completed.txt", 33)] {
        fs::write(town.path(name), vec![b'x'; size]).unwrap();
    }
    alice.presses(Key::F(5));
    alice.waits_for(word("files.picker_title"));
    alice.pastes(&format!("'{}'", town.path("dropped here.txt").display()));
    alice.presses(Key::Enter);
    bob.waits_for("dropped here.txt");

    alice.presses(Key::F(5));
    alice.waits_for(word("files.picker_title"));
    alice.enters(&town.path("typed.txt").display().to_string());
    bob.waits_for("typed.txt");

    alice.types(&format!("/send {}", town.path("compl").display()));
    alice.presses(Key::Tab);
    alice.waits_for("completed.txt");
    alice.presses(Key::Enter);
    bob.waits_for(format::size(33));
    alice.is_through_with(3);
    alice.quits();
    bob.quits();
}

#[test]
fn what_cannot_be_sent_says_why() {
    let town = Town::new();
    let wire = Wire::to(&town);
    let mut alice = opens_at(&town, &wire, "alice");
    alice.registers("alice", "Alice");
    alice.enters("/send /no/such/file");
    alice.waits_for(filled("files.not_found", &[("path", &"/no/such/file")]));
    alice.enters("/send /");
    alice.waits_for(filled("files.not_a_file", &[("path", &"/")]));

    let path = town.path("draft.bin");
    fs::write(&path, content()).unwrap();
    wire.is_narrow();
    alice.enters(&format!("/send {}", path.display()));
    sees_progress(&alice, "phase.sending");
    fs::write(&path, b"all of it was wrong").unwrap();
    wire.is_wide();
    alice.waits_for(filled("files.vanished", &[("file", &"draft.bin")]));
    alice.quits();
}
