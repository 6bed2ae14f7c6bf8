//! What is done while there is no connection: messages wait, the rest stays with the person.

use liao_client_core::{
    answer::Answer,
    notice::{Cut, LinkState, Notice, Queued},
};
use liao_common::{
    event::{Event, Posted, Synced},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{Mark, Request},
};

use super::driver::{ALICE, BOB, Desk, NOW_MS, RUST, WITH_BOB, busy, direct, room, user};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn cut() -> Notice {
    Notice::State(LinkState::Waiting { retry_in_ms: 4000, why: Cut::Lost })
}

/// With a private chat with Bob, and no connection.
fn offline() -> Desk {
    let mut desk = busy(SIZE, Language::English);
    desk.tell(Notice::Event(Event::Room(Box::new(direct(WITH_BOB, user(BOB, "bob", "Bob"))))));
    desk.tell(cut());
    desk.effects.clear();
    desk
}

#[test]
fn a_private_message_waits_in_the_chat_it_is_for() {
    let mut desk = offline();
    desk.keys("/msg bob  see you <Enter>");
    let posts = [Effect::Post(WITH_BOB, Kind::Text, Body::text("see you"))];
    assert_eq!(desk.wishes(), posts);
    desk.shows("Message to Bob");
    desk.shows("Your message waits and is sent later.");
    desk.queued(WITH_BOB, 9, "see you");
    desk.shows("1 unsent");
}

#[test]
fn what_needs_the_server_says_so_and_stays() {
    for line in [
        "/msg zhangsan see you",
        "/msg eve see you",
        "/msg eve",
        "/join #music",
        "/create den",
        "/create",
        "/topic new",
        "/topic",
        "/invite bob",
        "/invite",
        "/send /tmp/a",
        "/rooms",
        "/password",
    ] {
        let mut desk = offline();
        desk.keys(line);
        desk.keys("<Enter>");
        assert_eq!(desk.wishes(), [], "{line}");
        desk.shows("Not connected. This needs the server");
        desk.shows(&format!("❯ {line}"));
        desk.keys("<C-q>");
        let kept = Effect::KeepDrafts([(LOBBY, line.to_owned())].into());
        assert_eq!(desk.wishes(), [kept, Effect::Quit], "{line}");
        desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
        desk.hides("Not connected.");
    }
    let mut desk = offline();
    desk.keys("<C-n>/leave<Enter>");
    desk.shows("Not connected. This needs the server");
    desk.shows("❯ /leave");
}

#[test]
fn what_needs_no_server_is_done() {
    let mut desk = offline();
    desk.keys("/join #rust<Enter>");
    desk.shows("Message to #rust");
    desk.keys("/reconnect<Enter>");
    assert_eq!(desk.wishes(), [Effect::RetryNow]);
    desk.keys("/msg bob<Enter>");
    desk.shows("Message to Bob");
}

#[test]
fn a_dialog_stays_until_there_is_a_connection() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/topic<Enter>");
    desk.tell(cut());
    desk.effects.clear();
    desk.keys("tea<Enter>");
    assert_eq!(desk.wishes(), []);
    desk.shows("Topic of #lobby");
    desk.shows("tea");
}

#[test]
fn words_for_a_room_that_is_not_open_yet_are_kept() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg eve a long story<Enter>and more");
    desk.effects.clear();
    desk.keys("<C-q>");
    let both = "/msg eve a long story\nand more".to_owned();
    assert_eq!(desk.wishes(), [Effect::KeepDrafts([(LOBBY, both)].into()), Effect::Quit]);
    let open = liao_common::request::RoomOpen { user: None, name: Some("eve".into()) };
    desk.answer(
        open,
        Answer::Room(direct(RoomId(8), user(liao_common::id::UserId(9), "eve", "Eve"))),
    );
    desk.effects.clear();
    desk.keys("<C-q>");
    let rest = Effect::KeepDrafts([(LOBBY, "and more".to_owned())].into());
    assert_eq!(desk.wishes(), [rest, Effect::Quit], "it is in the outbox now");
}

#[test]
fn edits_and_takebacks_that_wait_are_counted() {
    let mut desk = offline();
    let change = |nonce, kind, text: &str| {
        let body = Body { of: Some(Seq(1)), ..Body::text(text) };
        let nonce = Nonce([nonce; 16]);
        Notice::Queued(Box::new(Queued { nonce, room: LOBBY, kind, body, at_ms: NOW_MS }))
    };
    desk.tell(change(1, Kind::Edit, "better"));
    desk.shows("1 unsent");
    desk.tell(change(2, Kind::Redact, ""));
    desk.queued(LOBBY, 3, "hello");
    desk.shows("3 unsent");
    let posted = Posted { seq: Seq(90), at_ms: NOW_MS, dup: false };
    desk.tell(Notice::Posted { nonce: Nonce([1; 16]), room: LOBBY, posted });
    desk.shows("2 unsent");
    desk.tell(Notice::Discarded { nonce: Nonce([2; 16]), room: LOBBY });
    desk.shows("1 unsent");
}

#[test]
fn a_room_that_one_is_in_no_more_is_named_in_the_inbox_until_it_was_seen() {
    for seen in ["x", "X", "<Enter>"] {
        let mut desk = busy(SIZE, Language::English);
        desk.tell(cut());
        let rooms = vec![room(LOBBY, "lobby", 3)];
        let synced = Synced { epoch: "e".into(), reset: false, rooms };
        desk.tell(Notice::Synced(Box::new(synced)));
        desk.tell(Notice::Event(Event::Synced));
        desk.tell(Notice::State(LinkState::Online { latency_ms: Some(3) }));
        desk.hides(" #rust ");
        desk.shows("Inbox");
        desk.keys("<F2><Down><Home>");
        desk.keys("<End>");
        desk.shows("You are no longer in #rust.");
        desk.keys(seen);
        desk.hides("You are no longer in #rust.");
    }
}

/// The connection is cut in the lobby, where all was read. A line is written, others speak, and all of it comes with
/// the next connection.
fn comes_back(desk: &mut Desk, others: u64, at: RoomId) {
    desk.said(LOBBY, BOB, 1, "read before");
    desk.tell(cut());
    desk.queued(LOBBY, 9, "from the train");
    if at != LOBBY {
        desk.keys("<C-n>");
    }
    desk.tell(Notice::State(LinkState::Syncing));
    let rooms = vec![room(LOBBY, "lobby", 3), room(RUST, "rust", 128)];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: false, rooms })));
    for number in 1..=others {
        desk.said(LOBBY, BOB, 2, &format!("meanwhile {number}."));
    }
    desk.effects.clear();
    desk.tell(Notice::Event(Event::Synced));
    desk.tell(Notice::State(LinkState::Online { latency_ms: Some(3) }));
    let body = Body { late: true, ..Body::text("from the train") };
    let seq = desk.posted(LOBBY, ALICE, 3, Kind::Text, body);
    let posted = Posted { seq, at_ms: NOW_MS, dup: false };
    desk.tell(Notice::Posted { nonce: Nonce([9; 16]), room: LOBBY, posted });
}

fn unread(desk: &Desk) -> u64 {
    desk.app.model.room(LOBBY).unwrap().unread()
}

#[test]
fn a_line_that_waited_leaves_unread_what_was_said_meanwhile_elsewhere() {
    let mut desk = Desk::inside(SIZE, Language::English);
    comes_back(&mut desk, 3, RUST);
    desk.shows("#lobby 3");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Ask(Request::Mark(_)))));
    desk.keys("<F2>");
    desk.shows("meanwhile 3.");
    desk.keys("<Enter>");
    desk.shows("3 new messages");
    desk.shows("from the train");
    assert_eq!(unread(&desk), 0);
    let marks = desk
        .effects
        .iter()
        .any(|effect| *effect == Effect::Ask(Mark { room: LOBBY, read: Seq(5) }.into()));
    assert!(marks, "all of it was shown");
}

#[test]
fn who_is_back_begins_where_they_had_read_to() {
    let mut desk = Desk::inside(SIZE, Language::English);
    comes_back(&mut desk, 2, LOBBY);
    desk.shows("2 new messages");
    desk.shows("from the train");
    assert_eq!(unread(&desk), 0);
    // More than the window holds: what was not shown is not read.
    let mut desk = Desk::inside(SIZE, Language::English);
    comes_back(&mut desk, 90, LOBBY);
    desk.shows("90 new messages");
    desk.shows("meanwhile 1.");
    desk.hides("meanwhile 90.");
    let below = unread(&desk);
    assert!(below > 50, "{below}");
    desk.shows(&format!("↓ {below} new"));
    desk.keys("<C-End>");
    desk.shows("meanwhile 90.");
    assert_eq!(unread(&desk), 0);
}
