//! What a person does to the composer, step by step.

use proptest::prelude::*;

use super::*;

fn composer(text: &str) -> Composer {
    let mut composer = Composer::new();
    composer.set_text(text).unwrap();
    composer
}

/// The text with `|` at the caret.
fn shown(composer: &Composer) -> String {
    let mut text = composer.text().to_owned();
    text.insert(composer.caret(), '|');
    text
}

#[test]
fn motions_go_by_cluster_word_and_line() {
    use Motion::{Left, LineEnd, LineStart, Right, TextEnd, TextStart, WordLeft, WordRight};
    for (text, caret, motion, expected) in [
        ("你好", 6, Left, "你|好"),
        ("你好", 0, Right, "你|好"),
        ("e\u{301}x", 3, Left, "|e\u{301}x"),
        ("👨\u{200d}👩\u{200d}👧", 18, Left, "|👨\u{200d}👩\u{200d}👧"),
        ("one two", 7, WordLeft, "one |two"),
        ("one, two", 5, WordLeft, "|one, two"),
        ("one two", 0, WordRight, "one| two"),
        ("说hello吧", 8, WordLeft, "说|hello吧"),
        ("大家好", 9, WordLeft, "大家|好"),
        ("大家，好", 6, WordRight, "大家，好|"),
        ("ab\ncd", 4, LineStart, "ab\n|cd"),
        ("ab\ncd", 1, LineEnd, "ab|\ncd"),
        ("ab\ncd", 4, TextStart, "|ab\ncd"),
        ("ab\ncd", 0, TextEnd, "ab\ncd|"),
        ("", 0, Left, "|"),
        ("", 0, WordRight, "|"),
    ] {
        let mut composer = composer(text);
        composer.place_caret(caret);
        composer.go(motion);
        assert_eq!(shown(&composer), expected, "{motion:?} in {text:?} at {caret}");
    }
}

#[test]
fn deletion_takes_what_the_motion_passes() {
    use Motion::{Left, Right, WordLeft, WordRight};
    for (text, caret, motion, expected) in [
        ("你好", 6, Left, "你|"),
        ("你好", 0, Right, "|好"),
        ("e\u{301}", 3, Left, "|"),
        ("🇨🇳🇫🇷", 16, Left, "🇨🇳|"),
        ("one two", 7, WordLeft, "one |"),
        ("one two", 0, WordRight, "| two"),
        ("今天开会", 12, WordLeft, "今天开|"),
    ] {
        let mut composer = composer(text);
        composer.place_caret(caret);
        assert!(composer.delete(motion));
        assert_eq!(shown(&composer), expected, "{motion:?} in {text:?}");
    }
    assert!(!composer("x").delete(Right), "nothing behind the end");
}

#[test]
fn killing_takes_the_line_then_its_end() {
    let mut text = composer("ab\ncd");
    text.place_caret(1);
    assert!(text.kill_to_line_end());
    assert_eq!(shown(&text), "a|\ncd");
    assert!(text.kill_to_line_end());
    assert_eq!(shown(&text), "a|cd");
    assert!(text.kill_to_line_start());
    assert_eq!(shown(&text), "|cd");
    assert!(!text.kill_to_line_start());
}

#[test]
fn pasted_text_is_cleaned() {
    let mut text = Composer::new();
    text.insert("a\r\nb\rc\u{1b}[31m\u{7}\td").unwrap();
    assert_eq!(text.text(), "a\nb\nc␛[31m␇    d");
}

#[test]
fn a_combining_mark_keeps_the_caret_at_an_edge() {
    let mut text = composer("e");
    text.place_caret(0);
    text.go(Motion::Right);
    text.insert("\u{301}").unwrap();
    assert_eq!(text.caret(), 3);
}

#[test]
fn limits_leave_the_text_as_it_was() {
    let mut text = composer("keep");
    assert_eq!(text.insert(&"x".repeat(TEXT_BYTES_MAX)), Err(ComposeError::TooManyBytes));
    assert_eq!(text.insert(&"\n".repeat(TEXT_LINES_MAX)), Err(ComposeError::TooManyLines));
    assert_eq!(shown(&text), "keep|");
    assert_eq!(text.insert(&"x".repeat(TEXT_BYTES_MAX - 4)), Ok(()));
}

#[test]
fn undo_goes_by_words_typed_and_redo_comes_back() {
    let mut text = Composer::new();
    for letter in ["h", "i", " ", "y", "o"] {
        text.insert(letter).unwrap();
    }
    assert!(text.undo());
    assert_eq!(shown(&text), "hi |");
    assert!(text.undo() && text.undo());
    assert!(text.is_empty() && !text.undo());
    assert!(text.redo() && text.redo() && text.redo());
    assert_eq!(shown(&text), "hi yo|");
    assert!(!text.redo());
    text.undo();
    text.insert("x").unwrap();
    assert!(!text.redo(), "a new change ends the future");
}

#[test]
fn undo_is_bounded() {
    let mut text = Composer::new();
    for _ in 0..=UNDO_STEPS_MAX {
        text.insert("ab").unwrap();
    }
    let taken_back = std::iter::from_fn(|| text.undo().then_some(())).count();
    assert_eq!(taken_back, UNDO_STEPS_MAX);
    assert_eq!(text.text(), "ab");
}

#[test]
fn history_walks_and_gives_the_draft_back() {
    let mut text = Composer::new();
    for line in ["one", "two", "two", "  "] {
        text.set_text(line).unwrap();
        text.take();
    }
    text.insert("draft").unwrap();
    let mut seen = Vec::new();
    while text.history_back() {
        seen.push(text.text().to_owned());
    }
    assert_eq!(seen, ["two", "one"]);
    assert!(text.history_on() && text.history_on());
    assert_eq!(shown(&text), "draft|");
    assert!(!text.history_on());
}

#[test]
fn history_is_bounded() {
    let mut text = Composer::new();
    for n in 0..SENT_LINES_MAX + 5 {
        text.set_text(&n.to_string()).unwrap();
        text.take();
    }
    while text.history_back() {}
    assert_eq!(text.text(), "5");
}

#[test]
fn rows_are_walked_with_their_column() {
    let mut text = composer("abcdef\nx\n你好吗朋友");
    text.place_caret(5);
    assert!(!text.go_up(20), "the first row");
    assert!(text.go_down(20));
    assert_eq!(shown(&text), "abcdef\nx|\n你好吗朋友");
    assert!(text.go_down(20));
    assert_eq!(shown(&text), "abcdef\nx\n你好吗|朋友");
    assert!(!text.go_down(20));
    assert!(text.go_up(20) && text.go_up(20));
    assert_eq!(shown(&text), "abcde|f\nx\n你好吗朋友");
}

#[test]
fn the_caret_has_a_cell_at_every_place() {
    for (text, caret, width, rows_max, expected) in [
        ("", 0, 10, 8, (0, 0)),
        ("你好", 6, 10, 8, (4, 0)),
        ("你好", 3, 10, 8, (2, 0)),
        ("abcd", 4, 5, 8, (4, 0)),
        ("abcde", 5, 5, 8, (1, 1)),
        ("abcde", 4, 5, 8, (0, 1)),
        ("ab\n", 3, 5, 8, (0, 1)),
        ("ab\n", 2, 5, 8, (2, 0)),
        ("ab      ", 8, 5, 8, (4, 0)),
        ("1\n2\n3\n4", 7, 5, 2, (1, 1)),
        ("1\n2\n3\n4", 0, 5, 2, (0, 0)),
        ("好", 3, 1, 8, (1, 0)),
    ] {
        let mut composer = composer(text);
        composer.place_caret(caret);
        let layout = composer.layout(width, rows_max);
        assert_eq!((layout.caret.x, layout.caret.y), expected, "{text:?} at {caret} in {width}");
        assert!(layout.rows.len() <= rows_max);
    }
}

#[test]
fn a_click_puts_the_caret_at_the_nearest_edge() {
    for (text, x, y, expected) in [
        ("你好", 0, 0, "|你好"),
        ("你好", 1, 0, "你|好"),
        ("你好", 9, 0, "你好|"),
        ("ab\ncd", 1, 1, "ab\nc|d"),
        ("ab\ncd", 1, 7, "ab\nc|d"),
    ] {
        let mut composer = composer(text);
        let layout = composer.layout(10, 8);
        composer.click(&layout, x, y);
        assert_eq!(shown(&composer), expected, "{text:?} at {x},{y}");
    }
}

#[test]
fn tokens_are_found_and_completed() {
    use TokenKind::{Argument, Command, Emoji, Person, Room};
    for (text, expected) in [
        ("hi @al", Some((Person, "al"))),
        ("@", Some((Person, ""))),
        ("你好@张", Some((Person, "张"))),
        ("me@exam", None),
        ("see #ru", Some((Room, "ru"))),
        ("/jo", Some((Command, "jo"))),
        ("hi /jo", None),
        ("/usr/bin", None),
        (":smi", Some((Emoji, "smi"))),
        (":s", None),
        ("12:30", None),
        ("https://a", None),
        ("/send ~/My Fi", Some((Argument, "~/My Fi"))),
        ("/msg @bo", Some((Person, "bo"))),
        ("words", None),
    ] {
        let found = composer(text).token();
        let found = found.as_ref().map(|token| (token.kind, token.typed.as_str()));
        assert_eq!(found, expected, "{text:?}");
    }
    let mut text = composer("hi @al, ok");
    text.place_caret(6);
    let token = text.token().unwrap();
    text.complete(&token, "@alice").unwrap();
    assert_eq!(shown(&text), "hi @alice|, ok");
}

#[derive(Clone, Debug)]
enum Deed {
    Insert(String),
    Delete(Motion),
    Go(Motion),
    Up,
    Down,
    Undo,
    Redo,
    Click(usize, usize),
}

fn motion() -> impl Strategy<Value = Motion> {
    use Motion::{Left, LineEnd, LineStart, Right, TextEnd, TextStart, WordLeft, WordRight};
    prop::sample::select(vec![
        Left, Right, WordLeft, WordRight, LineStart, LineEnd, TextStart, TextEnd,
    ])
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => "([a-z ]|[你好，]|\\PC|[\n\t\u{301}\u{200d}👩🇨🇳]){1,8}".prop_map(Deed::Insert),
        2 => motion().prop_map(Deed::Delete),
        3 => motion().prop_map(Deed::Go),
        1 => Just(Deed::Up),
        1 => Just(Deed::Down),
        1 => Just(Deed::Undo),
        1 => Just(Deed::Redo),
        1 => (0_usize..12, 0_usize..5).prop_map(|(x, y)| Deed::Click(x, y)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_the_caret_stands_at_an_edge_inside_the_box(
        deeds in prop::collection::vec(deed(), 1..40),
        width in 2_usize..12,
    ) {
        let mut composer = Composer::new();
        for deed in deeds {
            match deed {
                Deed::Insert(text) => composer.insert(&text).unwrap(),
                Deed::Delete(motion) => { composer.delete(motion); }
                Deed::Go(motion) => { composer.go(motion); }
                Deed::Up => { composer.go_up(width); }
                Deed::Down => { composer.go_down(width); }
                Deed::Undo => { composer.undo(); }
                Deed::Redo => { composer.redo(); }
                Deed::Click(x, y) => {
                    let layout = composer.layout(width, 4);
                    composer.click(&layout, x, y);
                }
            }
            let caret = composer.caret();
            prop_assert_eq!(motion::cluster_start(composer.text(), caret), caret);
            let layout = composer.layout(width, 4);
            prop_assert!(layout.caret.x < width && layout.caret.y < layout.rows.len());
        }
    }
}
