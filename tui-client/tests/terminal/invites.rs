//! A server for the invited: who has a link comes in with it, once, and others are told what they need.

use crate::driver::{Key, Opening, PASSWORD, Terminal, Town, first_sentence, word};

fn code(link: &str) -> &str {
    link.split_once("invite=").unwrap().1
}

fn registers_with(terminal: &mut Terminal, user: &str, link: &str) {
    terminal.chooses("2");
    terminal.waits_for(word("field.password_again"));
    terminal.waits_for_all(&[word("field.invite"), code(link)]);
    terminal.fills_in(&[user, "", PASSWORD, PASSWORD]);
    terminal.presses(Key::Enter);
}

#[test]
fn a_link_lets_one_person_in_and_asks_no_question_about_the_key() {
    let mut town = Town::new();
    town.asks_for_invites();
    let link = town.invites(1);
    let opens = |user: &str, link: &str| Opening::at(&town.home(user)).with(&[link]).opens();

    let mut alice = opens("alice", &link);
    registers_with(&mut alice, "alice", &link);
    alice.is_in("#lobby");

    let mut late = opens("late", &link);
    registers_with(&mut late, "late", &link);
    late.waits_for(first_sentence("fault.invite_required"));
    late.quits();

    let mut stranger = opens("stranger", &town.link());
    stranger.chooses("2");
    stranger.waits_for(word("field.password_again"));
    stranger.fills_in(&["stranger", "", PASSWORD, PASSWORD]);
    stranger.waits_for(first_sentence("fault.invite_required"));
    // The whole link, as it was handed on.
    stranger.pastes("liao://127.0.0.1:1/?invite=c0de");
    stranger.presses(Key::Enter);
    stranger.waits_for(word("invalid.invite_elsewhere"));
    stranger.presses(Key::Ctrl('u'));
    stranger.pastes(&town.invites(1));
    stranger.presses(Key::Enter);
    stranger.is_in("#lobby");
    alice.sees_online("stranger");
    stranger.quits();
    alice.quits();
}
