//! What a person does to a form.

use proptest::prelude::*;

use super::*;
use crate::text::width::columns;
use crate::words::{Language, Words};

fn login() -> Form {
    Form::new("login.title", vec![Field::text("field.user"), Field::password("field.password")])
}

#[test]
fn the_first_empty_field_has_the_focus() {
    let fields =
        vec![Field::text("field.user").with_value("bob"), Field::password("field.password")];
    assert_eq!(Form::new("login.title", fields).focus(), 1);
    assert_eq!(login().focus(), 0);
}

#[test]
fn enter_walks_and_submits_on_the_last_field() {
    let mut form = login();
    form.insert("bob");
    assert_eq!(form.enter(), FormStep::Changed);
    form.insert("secret");
    assert_eq!(form.enter(), FormStep::Submit);
    form.wait("login.checking");
    assert_eq!(form.enter(), FormStep::Still, "no second submit while waiting");
    assert_eq!(form.insert("x"), FormStep::Still);
    assert!(form.cancel_wait());
    assert_eq!((form.value("field.user"), form.value("field.password")), ("bob", "secret"));
}

#[test]
fn focus_goes_round() {
    let mut form = login();
    form.focus_previous();
    assert_eq!(form.focus(), 1);
    form.focus_next();
    assert_eq!(form.focus(), 0);
    assert_eq!(form.focus_on(7), FormStep::Still);
}

#[test]
fn the_first_error_takes_the_focus_and_typing_clears_it() {
    let mut form = login();
    form.focus_on(1);
    form.fail_field("field.user", FieldError::new("invalid.user_empty"));
    form.fail_field("field.password", FieldError::with_count("invalid.password_short", 8));
    assert_eq!(form.focus(), 0);
    let sentence = form.fields()[1].error.as_ref().unwrap().sentence(Words::of(Language::English));
    assert_eq!(sentence, "At least 8 characters.");
    form.insert("b");
    assert!(form.fields()[0].error.is_none() && form.has_errors());
    form.fail("The server is busy.");
    form.edit(Line::delete_back);
    assert_eq!(*form.submit(), Submit::Editing);
}

#[test]
fn passwords_are_masked_until_shown() {
    let mut form = login();
    form.focus_on(1);
    form.insert("pä密");
    assert_eq!(form.view(1, 20), LineView { text: "•••".to_owned(), caret_x: 3 });
    form.toggle_reveal();
    assert_eq!(form.view(1, 20), LineView { text: "pä密".to_owned(), caret_x: 4 });
    form.forget_passwords();
    assert_eq!((form.value("field.password"), form.revealed()), ("", false));
}

#[test]
fn a_long_line_scrolls_with_its_caret() {
    let mut line = Line::default();
    line.set("你好世界abc");
    assert_eq!(line.view(6, None), LineView { text: "界abc".to_owned(), caret_x: 5 });
    line.home();
    assert_eq!(line.view(6, None), LineView { text: "你好世".to_owned(), caret_x: 0 });
    assert_eq!(line.view(0, None), LineView::default());
}

#[test]
fn a_line_is_edited_by_clusters() {
    let mut line = Line::default();
    assert!(!line.insert("\n"));
    line.insert("one two\r\n");
    assert_eq!(line.text(), "one two");
    assert!(line.delete_word_back());
    assert_eq!(line.text(), "one ");
    line.set("e\u{301}好");
    assert!(line.left() && line.left() && !line.left());
    assert!(line.delete_on());
    assert_eq!(line.text(), "好");
    assert!(line.end() && line.delete_to_start() && !line.delete_to_end());
    assert!(!line.insert(&"x".repeat(LINE_BYTES_MAX + 1)));
}

#[test]
fn strength_grows_with_length_and_variety() {
    for (password, level) in [
        ("", 0),
        ("123456", 0),
        ("password1", 0),
        ("aaaaaaaaaaaaaaaa", 0),
        ("abcdefghijkl", 0),
        ("qwerty2024", 0),
        ("zebra7fi", 2),
        ("woaini1314520", 0),
        ("correct horse battery", 4),
        ("今天天气真不错呀", 4),
        ("T7#kq!9xL2", 3),
    ] {
        assert_eq!(password_strength(password).level(), level, "{password}");
    }
    let words = Words::of(Language::Chinese);
    assert_eq!(words.t(password_strength("T7#kq!9xL2").word_key()), "好");
}

proptest! {
    #[test]
    fn whatever_is_done_the_caret_is_in_view(
        deeds in prop::collection::vec((0_u8..8, "([a-z]|[你好]|\\PC|[\u{301}\u{200d}👩🇨🇳]){1,6}"), 1..30),
        width in 1_usize..12,
    ) {
        let mut line = Line::default();
        for (deed, text) in deeds {
            match deed {
                0 => { line.delete_back(); }
                1 => { line.delete_on(); }
                2 => { line.left(); }
                3 => { line.right(); }
                4 => { line.delete_word_back(); }
                5 => { line.home(); }
                _ => { line.insert(&text); }
            }
            prop_assert!(line.text().is_char_boundary(line.caret()));
            for mask in [None, Some(MASK)] {
                let view = line.view(width, mask);
                prop_assert!(view.caret_x < width);
                prop_assert!(columns(&view.text) <= width);
            }
        }
    }
}
