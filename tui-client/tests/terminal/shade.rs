//! Light and dark terminals: the program asks which one it is in, and whatever comes for an answer, and whenever,
//! nothing of it is taken for typing.

use std::time::Duration;

use vt100::Color;

use crate::driver::{Key, Opening, Terminal, Town, pause, word};

const QUESTION: &[u8] = b"\x1b]11;?";
const LIGHT: &str = "\x1b]11;rgb:fdfd/f6f6/e3e3\x07";
const DARK: &str = "\x1b]11;rgb:0000/2b2b/3636\x1b\\";

/// The name of the program on the first screen, on dark and on light ground.
const LOGO: &str = "█";
const LOGO_ON_DARK: Color = Color::Idx(9);
const LOGO_ON_LIGHT: Color = Color::Idx(1);

/// The mark before what one writes, the same.
const PROMPT: &str = "❯";
const PROMPT_ON_DARK: Color = Color::Idx(6);
const PROMPT_ON_LIGHT: Color = Color::Idx(4);

fn opens(variables: &[(&'static str, &'static str)]) -> (tempfile::TempDir, Terminal) {
    let home = tempfile::tempdir().unwrap();
    let begun = Opening::at(home.path());
    let set = variables.iter().fold(begun, |opening, (name, value)| opening.variable(name, value));
    let terminal = set.opens();
    terminal.waits_for(word("menu.quit"));
    (home, terminal)
}

#[test]
fn a_light_terminal_gets_colours_for_light_ground() {
    let (_home, mut terminal) = opens(&[]);
    assert!(terminal.wrote(QUESTION));
    terminal.waits_for_colour(LOGO, LOGO_ON_DARK);
    terminal.answers(LIGHT);
    terminal.waits_for_colour(LOGO, LOGO_ON_LIGHT);
    terminal.quits();
}

#[test]
fn a_dark_one_keeps_its_own() {
    let (_home, mut terminal) = opens(&[]);
    terminal.answers(DARK);
    terminal.presses(Key::F(1));
    terminal.waits_for(word("help.title"));
    terminal.presses(Key::Esc);
    terminal.waits_for_end_of(word("help.title"));
    terminal.waits_for_colour(LOGO, LOGO_ON_DARK);
    terminal.quits();
}

#[test]
fn a_silent_one_is_not_waited_for() {
    let (_home, terminal) = opens(&[]);
    terminal.waits_for_colour(LOGO, LOGO_ON_DARK);
    terminal.stays_still();
    terminal.quits();
}

#[test]
fn a_late_answer_is_not_taken_for_typing() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    alice.types("half of a ");
    alice.waits_for_colour(PROMPT, PROMPT_ON_DARK);
    alice.answers(LIGHT);
    alice.types("sentence");
    alice.waits_for_colour(PROMPT, PROMPT_ON_LIGHT);
    alice.says(", and the rest");
    alice.waits_for("half of a sentence, and the rest");
    assert!(alice.has_never_seen("rgb"));
    alice.quits();
}

#[test]
fn an_answer_that_comes_in_two_parts_is_not_taken_for_typing() {
    let (behind_escape, before_the_end) = (1, DARK.len() - 1);
    for (cut, apart_ms) in [(behind_escape, 50), (7, 50), (15, 500), (before_the_end, 50)] {
        let town = Town::new();
        let mut alice = town.registers("alice", "Alice");
        alice.types("half of a ");
        alice.waits_for_colour(PROMPT, PROMPT_ON_DARK);
        alice.answers_cut(&LIGHT.replace('\x07', "\x1b\\"), cut, Duration::from_millis(apart_ms));
        alice.types("sentence");
        alice.waits_for_colour(PROMPT, PROMPT_ON_LIGHT);
        alice.says(", and the rest");
        alice.waits_for("half of a sentence, and the rest");
        assert!(alice.has_never_seen("rgb"), "{cut}");
        alice.quits();
    }
}

#[test]
fn the_escape_key_works_while_an_answer_may_come() {
    let (_home, mut terminal) = opens(&[]);
    terminal.presses(Key::F(1));
    terminal.waits_for(word("help.title"));
    terminal.presses(Key::Esc);
    terminal.waits_for_end_of(word("help.title"));
    terminal.quits();
}

#[test]
fn an_answer_that_comes_after_leaving_does_not_reach_the_shell() {
    let home = tempfile::tempdir().unwrap();
    for answer in [LIGHT, DARK] {
        let mut terminal = Opening::at(home.path()).by_shell().opens();
        terminal.waits_for(word("menu.quit"));
        terminal.presses(Key::Ctrl('q'));
        pause(Duration::from_millis(30));
        terminal.answers(answer);
        terminal.waits_until_left();
        terminal.enters("next");
        terminal.waits_for("4 bytes for the shell");
    }
}

#[test]
fn nobody_is_asked_who_cannot_answer_or_whose_colours_are_known() {
    for variables in [
        [("NO_COLOR", "1")],
        [("TERM", "dumb")],
        [("TERM", "linux")],
        [("COLORFGBG", "15;0")],
        [("COLORFGBG", "0;15")],
    ] {
        let (_home, terminal) = opens(&variables);
        assert!(!terminal.wrote(QUESTION), "{variables:?}");
        terminal.quits();
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "theme = \"ansi-dark\"\n").unwrap();
    let terminal = Opening::at(home.path()).opens();
    terminal.waits_for(word("menu.quit"));
    assert!(!terminal.wrote(QUESTION), "a theme was chosen");
    terminal.quits();
}
