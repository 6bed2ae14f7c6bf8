//! Answering, changing and taking back what was said.

use liao_client_core::notice::{Notice, Queued};
use liao_common::{
    event::Synced,
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
};

use super::driver::{ALICE, BOB, Desk, RUST, WITH_BOB, busy, direct, user};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn posts(desk: &mut Desk) -> Vec<(RoomId, Kind, Body)> {
    let posts = desk.wishes().into_iter().filter_map(|wish| match wish {
        Effect::Post(room, kind, body) => Some((room, kind, body)),
        _ => None,
    });
    posts.collect()
}

/// Three messages in the lobby: of Bob, one's own, of Bob.
fn desk() -> Desk {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.said(LOBBY, BOB, 1, "shall we meet?");
    desk.said(LOBBY, ALICE, 2, "yes, at thre");
    desk.said(LOBBY, BOB, 3, "good");
    desk.effects.clear();
    desk
}

#[test]
fn an_answer_quotes_and_tells_the_one_who_is_answered() {
    let mut desk = desk();
    desk.keys("draft");
    desk.keys("<C-u><Up><Up><Up>r");
    desk.shows("─ reply to Bob: shall we meet? ─");
    desk.keys("tomorrow<Enter>");
    let answer = Body { re: Some(Seq(1)), at: vec![BOB], ..Body::text("tomorrow") };
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Text, answer.clone())]);
    desk.hides("reply to");
    desk.posted(LOBBY, ALICE, 4, Kind::Text, answer);
    desk.shows("┌ Bob: shall we meet?");
    desk.keys("next<Enter>");
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Text, Body::text("next"))]);

    desk.keys("<Up>r");
    desk.shows("reply to");
    desk.keys("<Esc>alone<Enter>");
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Text, Body::text("alone"))]);
}

#[test]
fn a_quote_is_of_the_same_room() {
    let mut desk = desk();
    desk.said(RUST, BOB, 1, "another first message");
    desk.posted(LOBBY, BOB, 4, Kind::Text, Body { re: Some(Seq(1)), ..Body::text("so?") });
    desk.shows("┌ Bob: shall we meet?");
    desk.hides("another first message");
}

#[test]
fn ones_own_message_is_changed_and_what_was_being_written_comes_back() {
    let mut desk = desk();
    desk.keys("half a thought");
    desk.keys("<Tab><Up><Up>e");
    desk.shows("─ edit of Alice: yes, at thre ─");
    desk.shows("❯ yes, at thre");
    desk.keys("e<Enter>");
    let change = Body { of: Some(Seq(2)), ..Body::text("yes, at three") };
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Edit, change.clone())]);
    desk.shows("❯ half a thought");
    desk.posted(LOBBY, ALICE, 4, Kind::Edit, change);
    desk.shows("yes, at three (edited)");

    desk.keys("<Tab><Up><Up>e<Enter>");
    assert_eq!(posts(&mut desk), [], "nothing was changed");
    desk.keys("<Tab><Up><Up>e!<Esc>");
    desk.shows("❯ half a thought");
    desk.keys("<Tab><Up>e");
    desk.hides("edit of");
    assert_eq!(posts(&mut desk), [], "what others said is theirs");
}

#[test]
fn a_text_that_looks_like_a_command_is_changed_as_text() {
    let mut desk = desk();
    desk.said(LOBBY, ALICE, 4, "/join is a command");
    desk.keys("<Up>e");
    desk.shows("❯ //join is a command");
    desk.keys("!<Enter>");
    let change = Body { of: Some(Seq(4)), ..Body::text("/join is a command!") };
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Edit, change)]);
}

#[test]
fn what_is_being_written_is_kept_while_a_message_is_changed() {
    let mut desk = desk();
    desk.keys("half");
    desk.keys("<Tab><Up><Up>exxx<C-q>");
    let kept = Effect::KeepDrafts([(LOBBY, "half".to_owned())].into());
    assert_eq!(desk.wishes(), [kept, Effect::Quit]);
}

#[test]
fn ones_own_message_is_taken_back_after_a_question() {
    let mut desk = desk();
    desk.keys("<Up><Up>x");
    desk.shows("Take “yes, at thre” back?");
    desk.keys("n");
    assert_eq!(posts(&mut desk), []);
    desk.keys("d<Enter>");
    assert_eq!(posts(&mut desk), [], "a hand presses Enter by itself");
    desk.keys("dy");
    let back = Body { of: Some(Seq(2)), ..Body::default() };
    assert_eq!(posts(&mut desk), [(LOBBY, Kind::Redact, back.clone())]);
    desk.posted(LOBBY, ALICE, 4, Kind::Redact, back);
    desk.shows("message taken back");
    desk.hides("yes, at thre");
    desk.keys("<Esc><Up>x");
    assert_eq!(posts(&mut desk), []);
    desk.hides("Take “");
    desk.keys("<Up>re");
    assert_eq!(posts(&mut desk), [], "there is nothing left to answer or to change");
    desk.shows("y copy");
}

/// One's own change of the second message stands in the outbox.
fn queue(desk: &mut Desk, nonce: Nonce, kind: Kind, text: &str) {
    let body = Body { of: Some(Seq(2)), ..Body::text(text) };
    let queued = Queued { nonce, room: LOBBY, kind, body, at_ms: super::driver::NOW_MS };
    desk.tell(Notice::Queued(Box::new(queued)));
}

#[test]
fn a_refused_change_says_so_and_its_words_are_one_key_away() {
    let mut desk = desk();
    let nonce = Nonce([8; 16]);
    queue(&mut desk, nonce, Kind::Edit, "yes, at three");
    let fault = Fault::from(FaultCode::Gone);
    desk.tell(Notice::PostFailed { nonce, room: LOBBY, fault });
    desk.shows("Not changed: This is no longer kept on the server.");
    assert_eq!(desk.wishes(), [Effect::Discard(nonce)]);
    desk.keys("<A-Up>");
    desk.shows("❯ yes, at three");

    let nonce = Nonce([9; 16]);
    queue(&mut desk, nonce, Kind::Redact, "");
    let fault = Fault::from(FaultCode::EpochChanged);
    desk.tell(Notice::PostFailed { nonce, room: LOBBY, fault });
    desk.shows("Not taken back: The server's data were restored.");
    assert_eq!(desk.wishes(), [Effect::Discard(nonce)]);
}

#[test]
fn a_change_that_waits_is_marked_on_its_message() {
    let mut desk = desk();
    queue(&mut desk, Nonce([1; 16]), Kind::Edit, "yes, at three");
    desk.shows("yes, at thre ◌ edit waits");
    desk.keys("<Up><Up>e");
    desk.shows("❯ yes, at three");
    desk.keys("<Esc>");
    let at_ms = super::driver::NOW_MS;
    let posted = liao_common::event::Posted { seq: Seq(4), at_ms, dup: false };
    desk.tell(Notice::Posted { nonce: Nonce([1; 16]), room: LOBBY, posted });
    desk.hides("◌");
    queue(&mut desk, Nonce([2; 16]), Kind::Redact, "");
    desk.shows("yes, at thre ◌ take-back waits");
    desk.keys("<Up><Up>x");
    desk.hides("Take “");
    desk.resize((40, 12));
    desk.shows("◌ take-back waits");
}

#[test]
fn an_answer_to_a_message_of_a_replaced_log_says_so() {
    let mut desk = desk();
    let nonce = Nonce([7; 16]);
    let body = Body { re: Some(Seq(1)), ..Body::text("fine") };
    let at_ms = super::driver::NOW_MS;
    let queued = Queued { nonce, room: LOBBY, kind: Kind::Text, body, at_ms };
    desk.tell(Notice::Queued(Box::new(queued.clone())));
    let fault = Fault::from(FaultCode::EpochChanged);
    desk.tell(Notice::PostFailed { nonce, room: LOBBY, fault });
    desk.shows("What it answers is another message now.");
    desk.shows("fine");
    desk.keys("<A-r>");
    assert_eq!(desk.wishes(), [Effect::Resend(nonce)]);
    let alone = Queued { body: Body::text("fine"), ..queued };
    desk.tell(Notice::Queued(Box::new(alone)));
    desk.shows("fine ◌");
    desk.hides("┌");
}

#[test]
fn what_was_said_in_a_room_that_one_has_left_is_no_refused_change() {
    let mut desk = desk();
    let (nonce, fault) = (Nonce([8; 16]), Fault::from(FaultCode::NotFound));
    desk.tell(Notice::PostFailed { nonce, room: liao_common::id::RoomId(99), fault });
    desk.hides("was not changed");
    assert_eq!(desk.wishes(), [], "it stays where it is kept");
}

#[test]
fn after_the_log_was_replaced_nothing_is_done_to_what_stands_in_the_old_places() {
    let reset = |desk: &mut Desk| {
        let synced = Synced {
            epoch: "another".into(),
            reset: true,
            rooms: vec![super::driver::room(LOBBY, "lobby", 3)],
        };
        desk.tell(Notice::Synced(Box::new(synced)));
        desk.greet();
        desk.wishes();
    };
    let mut asked = desk();
    asked.keys("<Up><Up>x");
    reset(&mut asked);
    asked.keys("y");
    assert_eq!(posts(&mut asked), [], "nobody agreed to take back another message");

    let mut changing = desk();
    changing.keys("half<Tab><Up><Up>ee");
    reset(&mut changing);
    changing.keys("<Enter>");
    assert_eq!(posts(&mut changing), [(LOBBY, Kind::Text, Body::text("half"))]);

    let mut answering = desk();
    answering.keys("<Up>rok");
    reset(&mut answering);
    answering.keys("<Enter>");
    assert_eq!(posts(&mut answering), [(LOBBY, Kind::Text, Body::text("ok"))]);
}

#[test]
fn in_private_an_answer_names_nobody() {
    let mut desk = busy(SIZE, Language::Chinese);
    let room = direct(WITH_BOB, user(BOB, "bob", "Bob"));
    desk.tell(Notice::Event(liao_common::event::Event::Room(Box::new(room))));
    desk.said(WITH_BOB, BOB, 8, "看这里");
    desk.keys("<A-a><A-a><Up>r");
    desk.shows("你和 Bob 的对话从这里开始");
    desk.shows("─ 回复 Bob：看这里 ─");
    desk.keys("好<Enter>");
    let answer = Body { re: Some(Seq(1)), ..Body::text("好") };
    assert_eq!(posts(&mut desk).last(), Some(&(WITH_BOB, Kind::Text, answer)));
}
