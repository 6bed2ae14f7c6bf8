//! What the last row says, when it says so, and when it stops.

use liao_client_core::answer::Answer;
use liao_client_core::notice::{Cut, LinkState, Notice};
use liao_client_core::transfer::{
    Direction, Phase, TransferChange, TransferFault, TransferId, TransferNotice,
};
use liao_common::{
    event::{Empty, Event, Role, Room, UserPage},
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId, UserId},
    message::{Body, Kind},
    request::{RoomJoin, RoomKick, RoomOpen, Users},
};

use super::driver::{BOB, Desk, RUST, ZHANG, busy, direct, room, tag, user};
use crate::{effect::Effect, input::Input, text::width::columns, words::Language};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn says(text: &str) -> Effect {
    Effect::Post(LOBBY, Kind::Text, Body::text(text))
}

fn last_row(desk: &mut Desk) -> String {
    desk.screen().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_follows_an_unknown_command_takes_its_place() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/jion #rust<Enter>");
    desk.shows("There is no command /jion. Did you mean /join?");
    desk.shows("❯ /jion #rust");
    desk.keys("hello");
    desk.shows("❯ hello");
    desk.hides("jion");
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [says("hello")]);

    // It can be repaired, emptied and fetched back.
    for (keys, left) in [
        ("<Left><Left>x", "❯ /jixon"),
        ("<Backspace>x", "❯ x"),
        ("<C-w>x", "❯ x"),
        ("<Esc> now", "❯ /jion now"),
        ("x<C-z>", "❯ /jion"),
    ] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("/jion<Enter>");
        desk.keys(keys);
        desk.shows(left);
        assert_eq!(desk.wishes(), [], "{keys}");
    }
}

#[test]
fn a_remark_goes_with_the_next_key_once_there_was_time_to_read_it() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<A-a><A-a>");
    desk.shows("Nothing unread.");
    desk.keys("a");
    desk.shows("Nothing unread.");
    desk.app.base.now_ms += 2_000;
    desk.keys("b");
    desk.hides("Nothing unread.");
}

#[test]
fn a_remark_that_was_touched_stands_no_longer_than_it_takes_to_read_it() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/theme none<Enter>");
    desk.shows("none");
    desk.keys("<Backspace>");
    desk.app.base.now_ms += 1_500;
    desk.input(Input::Woken);
    desk.hides("There is no theme");
}

#[test]
fn what_went_wrong_goes_when_something_comes_off() {
    let kick = RoomKick { room: LOBBY, user: BOB, text: String::new() };
    for (keys, answered) in [("fine<Enter>", false), ("/kick bob<Enter>", true)] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("/theme none<Enter>");
        desk.shows("❯ /theme none");
        desk.shows("There is no theme");
        desk.keys("<C-u>");
        desk.keys(keys);
        if answered {
            desk.shows("There is no theme");
            desk.answer(kick.clone(), Answer::Done(Empty {}));
        }
        // But not before one could read it.
        desk.shows("There is no theme");
        desk.app.base.now_ms += 1_500;
        desk.input(Input::Woken);
        desk.hides("There is no theme");
    }
}

#[test]
fn why_one_thing_was_refused_can_be_read_though_the_next_comes_off() {
    let kick = |user| RoomKick { room: LOBBY, user, text: String::new() };
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/kick bob<Enter>/kick zhangsan<Enter>");
    desk.refuse(kick(BOB), FaultCode::NotFound);
    desk.answer(kick(ZHANG), Answer::Done(Empty {}));
    desk.shows("is not in this room");
    desk.app.base.now_ms += 1_500;
    desk.input(Input::Woken);
    desk.hides("is not in this room");
}

#[test]
fn what_went_wrong_a_while_ago_goes_at_once_when_something_comes_off() {
    let open = |name: &str| RoomOpen { user: None, name: Some(name.into()) };
    let refused = || {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("/msg eve hi<Enter>/msg carol hi<Enter>");
        desk.refuse(open("eve"), FaultCode::NotFound);
        desk.shows("There is nobody called eve.");
        desk
    };
    let mut desk = refused();
    desk.app.base.now_ms += 1_500;
    let carol = direct(RoomId(8), user(UserId(9), "carol", "Carol"));
    desk.answer(open("carol"), Answer::Room(carol));
    desk.hides("There is nobody called eve.");
    // Or by hand.
    let mut desk = refused();
    desk.keys("<Esc>");
    desk.hides("There is nobody called eve.");
}

#[test]
fn what_is_refused_comes_back_unless_something_else_is_written_there() {
    let open = || RoomOpen { user: None, name: Some("eve".into()) };
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg eve<Enter>and more");
    desk.refuse(open(), FaultCode::NotFound);
    desk.shows("There is nobody called eve.");
    desk.shows("❯ and more");
    desk.keys("<Up>");
    desk.shows("❯ /msg eve");

    let mut desk = busy(SIZE, Language::English);
    desk.keys("/send /tmp/nothing<Enter>");
    desk.hides("❯ /send");
    let (path, result) = ("/tmp/nothing".into(), Err(std::io::ErrorKind::NotFound.into()));
    desk.input(Input::FileSeen { session: 0, room: LOBBY, path, result });
    desk.shows("❯ /send /tmp/nothing");

    // Whom it is about has to be looked up first.
    let mut desk = busy(SIZE, Language::English);
    let users = Users { ids: Vec::new(), names: vec!["eve".to_owned()] };
    desk.keys("/kick eve<Enter>");
    desk.answer(users.clone(), Answer::Users(UserPage::default()));
    desk.shows("❯ /kick eve");
    desk.keys("<Enter>");
    let eve = user(UserId(9), "eve", "Eve");
    desk.answer(users, Answer::Users(UserPage { users: vec![eve], ..UserPage::default() }));
    desk.hides("❯ /kick eve");
    desk.refuse(
        RoomKick { room: LOBBY, user: UserId(9), text: String::new() },
        FaultCode::NotFound,
    );
    desk.shows("❯ /kick eve");
}

#[test]
fn a_remark_goes_with_its_cause() {
    let mut desk = busy(SIZE, Language::English);
    desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 4000, why: Cut::Lost }));
    desk.keys("hi<Enter>");
    desk.shows("Not connected.");
    desk.tell(Notice::State(LinkState::Connecting));
    desk.shows("Not connected.");
    desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
    desk.hides("Not connected.");

    let path = std::path::PathBuf::from("/tmp/a");
    desk.input(Input::FileSeen { session: 0, room: LOBBY, path, result: Ok(1) });
    desk.shows("Sending to #lobby");
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Upload, "a".to_owned());
    let added = TransferChange::Added { direction, room: LOBBY, name, size: 1000, fid: None };
    desk.tell(notice(added));
    desk.shows("Sending to #lobby");
    let phase = Phase::Failed(TransferFault::DiskFull);
    desk.tell(notice(TransferChange::Phase { phase, at_ms: 0 }));
    desk.hides("Sending to #lobby");
}

#[test]
fn a_remark_is_whole_in_every_window() {
    for (columns, language) in
        [(120, Language::English), (80, Language::Chinese), (40, Language::English)]
    {
        let mut desk = busy((columns, 12), language);
        desk.keys("/jion<Enter>");
        let values: [(&str, &dyn std::fmt::Display); 2] = [("command", &"jion"), ("near", &"join")];
        let wanted = desk.app.base.words.fill("composer.unknown_command_near", &values);
        let solid = |text: &str| text.split_whitespace().collect::<String>();
        let shown = desk.screen();
        assert!(solid(&shown).contains(&solid(&wanted)), "{wanted} is not on\n{shown}");
    }
}

#[test]
fn the_last_row_always_leads_to_help_and_stands_still() {
    for (size, language) in super::driver::everywhere() {
        let mut desk = busy(size, language);
        for keys in ["", "<Up>", "<Esc><F2>"] {
            desk.keys(keys);
            let row = last_row(&mut desk);
            assert!(row.contains("F1"), "{size:?} {} {keys}: {row}", tag(language));
        }
    }
    let mut desk = busy((80, 24), Language::English);
    let mut starts = std::collections::BTreeSet::new();
    for latency_ms in [None, Some(0), Some(3), Some(250), None] {
        desk.tell(Notice::State(LinkState::Online { latency_ms }));
        let row = last_row(&mut desk);
        starts.insert((row.split("F1").next().unwrap_or_default().to_owned(), columns(&row)));
        assert!(!row.contains("online"), "the answer time was known already: {row}");
    }
    assert_eq!(starts.len(), 1, "{starts:?}");
}

#[test]
fn the_hints_fit_what_is_chosen() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<Up>");
    assert!(last_row(&mut desk).contains("s save"), "a file is chosen");
    desk.keys("<Up><Up>");
    let row = last_row(&mut desk);
    assert!(row.contains("y copy") && !row.contains("retry") && !row.contains("save"), "{row}");
    desk.keys("<Esc>");
    desk.queued(LOBBY, 9, "oh no");
    let fault = Fault::from(FaultCode::Forbidden);
    desk.tell(Notice::PostFailed { nonce: Nonce([9; 16]), room: LOBBY, fault });
    desk.shows("then d gives it up");
    desk.keys("<Up>");
    let row = last_row(&mut desk);
    assert!(row.contains("R retry") && row.contains("d give up"), "{row}");
}

#[test]
fn transfers_offer_what_can_be_done_with_them() {
    let mut desk = busy(SIZE, Language::English);
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Download, "a".to_owned());
    desk.tell(notice(TransferChange::Added { direction, room: RUST, name, size: 9, fid: None }));
    desk.keys("<F4>");
    let moving = TransferChange::Phase { phase: Phase::Moving, at_ms: 0 };
    desk.tell(notice(moving));
    desk.shows("p pause   c cancel   Esc back");
    for phase in [Phase::Paused, Phase::Failed(TransferFault::DiskFull)] {
        desk.tell(notice(TransferChange::Phase { phase, at_ms: 0 }));
        desk.shows("R go on   c cancel   Esc back");
        desk.hides("p pause");
    }
}

#[test]
fn the_time_left_is_on_the_screen_at_every_width() {
    for (columns, language) in [
        (120, Language::English),
        (100, Language::Chinese),
        (60, Language::English),
        (40, Language::Chinese),
    ] {
        let mut desk = busy((columns, 24), language);
        let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
        let (direction, name) = (Direction::Download, "design.pdf".to_owned());
        let (size, fid) = (2_400_000_000, Some(liao_common::id::FileId(7)));
        desk.tell(notice(TransferChange::Added { direction, room: LOBBY, name, size, fid }));
        desk.tell(notice(TransferChange::Phase { phase: Phase::Moving, at_ms: 0 }));
        for second in 1..=2 {
            let change = TransferChange::Moved { done: second * 123_000, at_ms: second * 1000 };
            desk.tell(notice(change));
        }
        let transfer = desk.app.model.transfers.iter().next().unwrap();
        let time = crate::format::span(transfer.seconds_left().unwrap());
        let left = desk.app.base.words.fill("files.left", &[("time", &time)]);
        desk.shows(&left);
    }
}

#[test]
fn a_box_over_half_a_wide_character_leaves_no_hole_in_its_edge() {
    let mut desk = Desk::inside((80, 24), Language::Chinese);
    for _ in 0..10 {
        desk.said(LOBBY, ZHANG, 1, &"聊天很有意思".repeat(10));
        desk.said(LOBBY, BOB, 1, &format!("x{}", "聊天很有意思".repeat(10)));
    }
    desk.keys("<F3>");
    let shown = desk.screen();
    for row in shown.lines().skip(3).take(17) {
        let (before, _) =
            row.split_once('│').unwrap_or_else(|| panic!("no edge in {row:?}\n{shown}"));
        assert_eq!(columns(before), 54, "{row}");
    }
    desk.shows("聊");
}

#[test]
fn the_popup_says_that_there_is_more() {
    let mut desk = busy((80, 24), Language::English);
    desk.keys("/");
    let count = crate::command::ALL.len();
    desk.shows(&format!(" 1/{count} "));
    desk.shows("join a room, or create it: /join #room");
    desk.keys("<Up>");
    desk.shows(&format!(" {count}/{count} "));
    desk.keys("<Esc><C-u>/th");
    desk.hides("1/1");
}

fn invitation(role: liao_common::event::Role) -> Notice {
    let mut room = super::driver::room(RoomId(9), "secret", 4);
    room.kind = liao_common::event::RoomKind::Private;
    room.role = role;
    room.with = Some(super::driver::user(ZHANG, "zhangsan", "张三"));
    Notice::Event(liao_common::event::Event::Room(Box::new(room)))
}

#[test]
fn an_invitation_is_told_at_once_and_taken_with_one_key() {
    use liao_common::{event::Role, request::RoomJoin};
    for (language, sentence) in [
        (Language::English, "张三 invites you to #secret. Alt-J joins"),
        (Language::Chinese, "张三 邀请你加入 #secret。按 Alt-J 加入"),
    ] {
        let mut desk = busy((80, 24), language);
        desk.tell(invitation(Role::Invited));
        desk.shows(sentence);
        assert_eq!(desk.wishes(), [Effect::Bell]);
        desk.app.base.now_ms += 3_600_000;
        desk.input(Input::Woken);
        desk.shows(sentence);
        desk.keys("<A-j>");
        desk.hides(sentence);
        let join = RoomJoin { room: Some(RoomId(9)), name: None };
        assert_eq!(desk.wishes(), [Effect::Ask(join.into())]);

        desk.keys("<F6>");
        desk.shows("+ #secret");
        desk.keys("<Enter>");
        let join = RoomJoin { room: Some(RoomId(9)), name: None };
        assert!(desk.wishes().contains(&Effect::Ask(join.into())), "from the list of rooms too");

        // The same invitation is told once, and is gone with its end.
        desk.tell(invitation(Role::Invited));
        desk.hides(sentence);
        desk.tell(invitation(Role::Gone));
        desk.tell(invitation(Role::Invited));
        desk.shows(sentence);
        desk.tell(invitation(Role::Member));
        desk.hides(sentence);
        desk.keys("<A-j>");
        assert!(!desk.wishes().iter().any(|wish| matches!(wish, Effect::Ask(_))));
    }
}

#[test]
fn a_long_remark_covers_no_message() {
    for (size, language) in super::driver::everywhere() {
        let mut desk = busy(size, language);
        desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 4000, why: Cut::Lost }));
        desk.keys("see you there<Enter>");
        desk.queued(LOBBY, 9, "see you there");
        let remark = desk.app.base.words.t("composer.offline");
        let shown = desk.screen();
        let solid = |text: &str| text.split_whitespace().collect::<String>();
        assert!(solid(&shown).contains(&solid(remark)), "{remark} is not on\n{shown}");
        assert!(shown.contains("see you there"), "the row is covered in\n{shown}");
        // It gives its rows back.
        desk.app.base.now_ms += 10_000;
        desk.input(Input::Woken);
        assert!(desk.screen().contains("see you there"));
        assert!(!solid(&desk.screen()).contains(&solid(remark)));
    }
}

#[test]
fn what_the_last_run_left_unfinished_is_told() {
    let notice = |id, change| Notice::Transfer(TransferNotice { id: TransferId(id), change });
    let left = |desk: &mut Desk, id| {
        let (direction, name) = (Direction::Upload, "a.bin".to_owned());
        let added = TransferChange::Added { direction, room: RUST, name, size: 9, fid: None };
        desk.tell(notice(id, added));
        desk.tell(notice(id, TransferChange::Place { path: "/home/alice/a.bin".into() }));
        desk.tell(notice(id, TransferChange::Phase { phase: Phase::Paused, at_ms: 0 }));
    };
    for (language, told) in
        [(Language::English, "1 transfer is unfinished: F4"), (Language::Chinese, "1 个传输未完成")]
    {
        // Whether it comes after the first screen, or before.
        let mut late = Desk::inside((120, 36), language);
        left(&mut late, 5);
        let mut early = Desk::fresh((120, 36), language);
        early.app.front = crate::app::Front::Main(Box::default());
        early.log_in();
        left(&mut early, 5);
        let rooms = vec![super::driver::room(LOBBY, "lobby", 3)];
        let synced = liao_common::event::Synced { epoch: "e".into(), reset: false, rooms };
        early.tell(Notice::Synced(Box::new(synced)));
        early.greet();
        for desk in [&mut late, &mut early] {
            desk.shows(told);
            desk.app.base.now_ms += 3_600_000;
            desk.input(Input::Woken);
            desk.shows(told);
            desk.keys("a");
            desk.hides(told);
        }
    }
    // What somebody paused by hand is no news.
    let mut desk = Desk::inside((120, 36), Language::English);
    let (direction, name) = (Direction::Upload, "a.bin".to_owned());
    let added = TransferChange::Added { direction, room: RUST, name, size: 9, fid: None };
    desk.tell(notice(5, added));
    for phase in [Phase::Waiting, Phase::Paused] {
        desk.tell(notice(5, TransferChange::Phase { phase, at_ms: 0 }));
        desk.hides("unfinished");
    }
}

#[test]
fn a_room_that_is_not_there_is_asked_about_on_the_question_itself() {
    let missing = RoomJoin { room: None, name: Some("fresh".into()) };
    for (size, language) in super::driver::everywhere() {
        let mut desk = busy(size, language);
        let ask = desk.app.base.words.t("room.create_ask");
        desk.keys("/join #fresh<Enter>");
        desk.refuse(missing.clone(), FaultCode::NotFound);
        desk.shows(ask);
        desk.shows("fresh");
        desk.shows("Enter");
        desk.shows("Esc");
        desk.keys("<Esc>");
        desk.hides(ask);

        // Hands that do something else by now are not interrupted.
        desk.keys("/join #fresh<Enter>a thought");
        desk.refuse(missing.clone(), FaultCode::NotFound);
        desk.hides(ask);
        desk.shows("/create");
        desk.shows("a thought");
    }
}

#[test]
fn an_invitation_can_be_taken_beside_a_question() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/create<Enter>half");
    let attic = Room { role: Role::Invited, ..room(RoomId(9), "attic", 2) };
    desk.tell(Notice::Event(Event::Room(Box::new(attic))));
    desk.shows("Alt-J");
    desk.wishes();
    desk.keys("<A-j>");
    let join = RoomJoin { room: Some(RoomId(9)), name: None };
    assert_eq!(desk.wishes(), [Effect::Ask(join.clone().into())]);
    desk.answer(join, Answer::Room(room(RoomId(9), "attic", 3)));
    desk.shows("Create a room");
    desk.shows("half");
    desk.keys("<Esc>");
    desk.hides("Create a room");
    desk.shows("#attic");
    desk.shows("Message to #lobby");
}
