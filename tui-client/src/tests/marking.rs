//! What is marked as read, and what is not because nobody saw it.

use liao_client_core::{
    answer::Answer,
    notice::{LinkState, Notice, Queued},
};
use liao_common::{
    event::{Event, Gap, Heads, Marked, Page, Posted, Room},
    fault::FaultCode,
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{History, Request, RoomTopic},
};

use super::{
    driver::{ALICE, BOB, Desk, RUST, room},
    reading::{asks, in_a_long_log, said_at, serve},
};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn unread(desk: &Desk, room: RoomId) -> u64 {
    desk.app.model.room(room).unwrap().unread()
}

/// In the lobby, of which nothing is here: so much was said there that was not read.
fn at_a_long_log_unread(said: u64) -> Desk {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.keys("<C-n>");
    let heads = Heads { h: vec![(LOBBY, Seq(said), said)] };
    desk.tell(Notice::Event(Event::Heads(heads)));
    desk.keys("<C-p>");
    desk
}

/// At the first of so many unread messages, all of which are here.
fn at_unread(said: u64) -> Desk {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=said {
        desk.said(RUST, BOB, 1, &format!("line {number}."));
    }
    desk.keys("<C-n>");
    desk.shows("line 1.");
    assert!(unread(&desk, RUST) > said / 2);
    desk
}

/// The newest page comes, and not yet the one at which one looks.
fn bring_newest(desk: &mut Desk, said: u64) {
    let is_newest = |request: Request| match request {
        Request::History(page) => Some(page).filter(|page| page.before == Some(Seq(said + 1))),
        _ => None,
    };
    let asked: History = asks(desk).into_iter().find_map(is_newest).unwrap();
    let msgs = (said - 99..=said).map(said_at).collect();
    let page = Page { msgs, more: true, floor: Seq::ZERO, users: Vec::new() };
    desk.answer(asked, Answer::Page(page));
}

/// The connection comes back after so much was said, of which the last are pushed.
fn come_back(desk: &mut Desk, seen: u64, said: u64, pushed: u64) {
    desk.tell(Notice::State(LinkState::Connecting));
    let (from, to) = (Seq(seen + 1), Seq(said - pushed));
    desk.tell(Notice::Event(Event::Gap(Gap { room: LOBBY, from, to })));
    for seq in to.0 + 1..=said {
        desk.tell(Notice::Event(Event::Message(Box::new(said_at(seq)))));
    }
    desk.tell(Notice::Event(Event::Synced));
    desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
}

#[test]
fn what_is_not_here_yet_is_not_read() {
    let mut desk = at_a_long_log_unread(500);
    bring_newest(&mut desk, 500);
    desk.shows("line 401.");
    assert_eq!(unread(&desk, LOBBY), 500);
    desk.shows(" new ");
    // Nor when one scrolls on before it comes.
    (0..8).for_each(|_| desk.keys("<PgDn>"));
    desk.shows("line 500.");
    assert_eq!(unread(&desk, LOBBY), 500);
    desk.keys("<C-Home>");
    serve(&mut desk, 500);
    desk.shows("line 1.");
    let left = unread(&desk, LOBBY);
    assert!(left > 460 && left < 500, "{left}");
    // Who goes to the end does not want the rest.
    desk.keys("<C-End>");
    assert_eq!(unread(&desk, LOBBY), 0);
}

#[test]
fn what_is_still_to_come_after_a_pause_is_not_read() {
    // More is pushed than the window holds, and less: then what is missing is filled before one's eyes.
    for pushed in [200, 3] {
        let mut desk = in_a_long_log(100);
        come_back(&mut desk, 100, 728, pushed);
        assert_eq!(unread(&desk, LOBBY), 628, "{pushed} pushed");
        serve(&mut desk, 728);
        desk.shows("line 101.");
        desk.shows("628 new messages");
        let left = unread(&desk, LOBBY);
        assert!(left > 590 && left < 628, "{left}");
    }
}

#[test]
fn what_was_read_and_is_not_here_keeps_nothing_unread() {
    let mut desk = at_a_long_log_unread(500);
    let marked = Room { head: (Seq(500), 500), read: (Seq(499), 499), ..room(LOBBY, "lobby", 3) };
    desk.tell(Notice::Event(Event::Room(Box::new(marked))));
    desk.keys("<C-n><C-p>");
    let before = unread(&desk, LOBBY);
    bring_newest(&mut desk, 500);
    desk.shows("line 500.");
    assert_eq!((before, unread(&desk, LOBBY)), (1, 0));
}

#[test]
fn a_room_whose_first_unread_words_are_gone_is_read_from_where_it_begins() {
    let mut desk = at_a_long_log_unread(500);
    let floor = Seq(300);
    let begins = Room { head: (Seq(500), 500), floor, ..room(LOBBY, "lobby", 3) };
    desk.tell(Notice::Event(Event::Room(Box::new(begins))));
    desk.keys("<C-n><C-p>");
    serve(&mut desk, 500);
    desk.shows("line 301.");
    let left = unread(&desk, LOBBY);
    assert!(left > 150 && left < 200, "{left}");
}

#[test]
fn choosing_the_newest_message_reads_nothing_before_it() {
    let mut desk = at_unread(80);
    let before = unread(&desk, RUST);
    desk.keys("<Up>");
    desk.shows("line 80.");
    assert_eq!(unread(&desk, RUST), before);
}

#[test]
fn escape_reads_nothing_and_loses_no_place() {
    let mut desk = at_unread(80);
    let before = unread(&desk, RUST);
    // Whatever it closes first.
    for keys in ["<Esc>", "<Esc><Esc>", "@b<Esc><Esc><C-u>", "<Tab><Down><Esc><Esc>"] {
        desk.keys(keys);
        desk.hides("line 80.");
        desk.shows("Message to #rust");
    }
    assert_eq!(unread(&desk, RUST), before);
    // Where nothing is unread it goes back to the end.
    desk.keys("<C-End><PgUp>");
    desk.hides("line 80.");
    desk.keys("<Esc>");
    desk.shows("line 80.");
}

#[test]
fn a_command_reads_nothing() {
    let mut desk = at_unread(80);
    let before = unread(&desk, RUST);
    for line in ["/theme none", "/theme dark", "/topic fine", "/nonsense"] {
        desk.keys(&format!("{line}<Enter>"));
        assert_eq!(unread(&desk, RUST), before, "{line}");
        desk.keys("<C-u>");
        desk.shows("line 1.");
    }
    let topic = RoomTopic { room: RUST, topic: "fine".into() };
    desk.refuse(topic, FaultCode::Forbidden);
    assert_eq!(unread(&desk, RUST), before);
    // But who speaks has read, and one command says so.
    desk.keys("<C-u>hi<Enter>");
    assert_eq!(unread(&desk, RUST), 0);
    let mut desk = at_unread(80);
    desk.keys("/read<Enter>");
    assert_eq!(unread(&desk, RUST), 0);
}

#[test]
fn changing_ones_own_words_reads_nothing_behind_them() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.said(RUST, ALICE, 0, "so ist it");
    for number in 1..=80 {
        desk.said(RUST, BOB, 1, &format!("line {number}."));
    }
    desk.keys("<C-n>");
    let before = unread(&desk, RUST);
    desk.keys("<C-Home><Tab><C-f>so ist<Enter>e!<Enter>");
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Post(_, Kind::Edit, _))));
    desk.shows("line 1.");
    assert_eq!(unread(&desk, RUST), before);
}

#[test]
fn the_rule_says_how_many_are_new_though_not_all_before_it_is_here() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let said = |seq| Notice::Event(Event::Message(Box::new(said_at(seq))));
    (1..=5).for_each(|seq| desk.tell(said(seq)));
    desk.keys("<C-n>");
    // What one had said before a pause is confirmed when later words are here already: what stands before it is not.
    let (nonce, body) = (Nonce([9; 16]), Body::text("before the pause"));
    let queued = Queued { nonce, room: LOBBY, kind: Kind::Text, body, at_ms: 1 };
    desk.tell(Notice::Queued(Box::new(queued)));
    let posted = Posted { seq: Seq(100), at_ms: 100, dup: true };
    desk.tell(Notice::Posted { nonce, room: LOBBY, posted });
    let marked = Marked { room: LOBBY, read: (Seq(100), 100) };
    desk.tell(Notice::Event(Event::Marked(marked)));
    (101..=140).for_each(|seq| desk.tell(said(seq)));
    desk.keys("<C-p>");
    desk.shows("40 new messages");
}
