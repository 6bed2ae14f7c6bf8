//! Things that would do harm if they were believed, kept or printed as they are.

use std::fs;

use liao_common::limits;

use crate::support::{Town, longest_text};

const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil\u{0}\u{8}";

#[test]
fn escape_sequences_come_out_harmless() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    let bob = town.logs_in("bob", &["--register"]);
    bob.complains("you write to #lobby");
    let carl = town.enters("carl");
    ann.says(ESCAPES);
    let name = "a\u{1b}[31mb.txt";
    fs::write(town.path("home-ann").join(name), "x").unwrap();
    ann.says(&format!("/file #lobby {name}"));
    let harmless = |line: &str| line.chars().all(|c| !c.is_control() && c != '\u{202e}');
    let text = bob.reads("the text", |line| line.contains("evil"));
    assert!(harmless(&text), "{text:?}");
    assert!(text.contains("␛[2J"), "what was there can be seen: {text}");
    let file = bob.reads("the file", |line| line.contains("saves it"));
    assert!(harmless(&file), "{file:?}");
    let text = carl.hears("text", |_| true);
    assert!(harmless(text["text"].as_str().unwrap()), "{text}");
    let file = carl.hears("file", |_| true);
    assert!(harmless(file["file"].as_str().unwrap()), "{file}");

    // A name that carries them is not even taken.
    let (code, words) =
        town.logs_in("dora", &["--register", "--name", "Do\u{1b}[2Jra"]).ends_with_words();
    assert_eq!(code, 2, "{words:?}");
    assert_eq!(ann.ends().0, 0);
}

#[test]
fn a_line_that_is_too_long_is_not_sent_and_the_next_one_is() {
    let town = Town::new();
    let (mut ann, bob) = (town.enters("ann"), town.enters("bob"));
    let longest = longest_text();
    ann.says(&longest);
    assert_eq!(bob.hears("text", |_| true)["text"], *longest);
    for long in [
        format!("{longest}x{longest}"),
        "x".repeat(limits::TEXT_BYTES_MAX + 1),
        "x".repeat(1 << 20),
        format!("/msg bob {}", "x".repeat(limits::TEXT_BYTES_MAX + 1)),
    ] {
        ann.says(&long);
        ann.complains("This line is too long");
    }
    ann.types(b"\xff\xfe not text\n");
    ann.complains("not text in UTF-8");
    ann.says("the next one");
    assert_eq!(bob.hears("text", |_| true)["text"], "the next one");
    assert_eq!(ann.ends().0, 1, "a line was not sent");
}
