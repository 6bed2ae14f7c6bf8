//! Keys that are pressed where they mean nothing, or something else than was thought: nothing of what is typed is
//! lost or sent in part, and what cannot be done says why.

use liao_client_core::{
    answer::Answer,
    notice::Notice,
    transfer::{Direction, Phase, TransferChange, TransferId, TransferNotice},
};
use liao_common::{
    event::{RoomPage, RoomRow, Synced},
    id::RoomId,
    message::{Body, Kind},
    request::{RoomJoin, RoomList},
};

use super::driver::{ALICE, Desk, RUST, busy, room};
use crate::{app::Front, effect::Effect, input::Input, view::main::MainView, words::Language};

const SIZE: (u16, u16) = (120, 36);

fn desk() -> Desk {
    busy(SIZE, Language::English)
}

#[test]
fn what_is_typed_among_the_messages_is_written_whole() {
    for typed in ["/topic x", "hello", "yes", "really", "extra", "did it"] {
        let mut desk = desk();
        desk.keys("<Tab>");
        desk.keys(typed);
        desk.shows(&format!("❯ {typed}"));
        assert_eq!(desk.wishes(), [], "{typed}");
    }
}

#[test]
fn after_something_was_done_with_a_message_one_writes_on() {
    let mut desk = desk();
    desk.keys("<Up>y/topic x");
    desk.shows("❯ /topic x");
    assert!(matches!(desk.wishes()[..], [Effect::Copy(_)]));

    let mut desk = self::desk();
    desk.said(RoomId::LOBBY, ALICE, 9, "oh");
    desk.keys("<Up>xyso");
    desk.shows("❯ so");
    assert!(matches!(&desk.wishes()[..], [Effect::Post(_, Kind::Redact, _)]));

    let mut desk = self::desk();
    desk.keys("<Up>sso");
    desk.shows("❯ so");
    assert!(matches!(desk.wishes()[..], [Effect::Download(_)]));
}

#[test]
fn who_is_in_no_room_types_into_the_list_of_rooms() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.app.front = Front::Main(Box::<MainView>::default());
    desk.log_in();
    let (epoch, rooms) = ("e".into(), Vec::new());
    desk.tell(Notice::Synced(Box::new(Synced { epoch, reset: false, rooms })));
    desk.greet();
    desk.shows("You are in no room");
    desk.wishes();

    desk.keys("/join #lob");
    desk.shows("/join #lob");
    let row = RoomRow {
        room: RoomId::LOBBY,
        name: "lobby".into(),
        topic: String::new(),
        members: 3,
        joined: false,
    };
    let asked = RoomList { query: "lob".into(), ..RoomList::default() };
    assert!(desk.wishes().contains(&Effect::Ask(asked.clone().into())));
    desk.answer(asked, Answer::Rooms(RoomPage { rooms: vec![row], next: None }));
    desk.keys("by<Enter>");
    let join = RoomJoin { room: Some(RoomId::LOBBY), name: None };
    assert!(desk.wishes().contains(&Effect::Ask(join.clone().into())));
    desk.answer(join, Answer::Room(room(RoomId::LOBBY, "lobby", 3)));
    desk.shows("You joined #lobby");
    desk.keys("hello");
    desk.shows("❯ hello");
}

#[test]
fn who_is_in_no_room_is_told_where_a_paste_or_a_command_cannot_go() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.app.front = Front::Main(Box::<MainView>::default());
    desk.log_in();
    let (epoch, rooms) = ("e".into(), Vec::new());
    desk.tell(Notice::Synced(Box::new(Synced { epoch, reset: false, rooms })));
    desk.greet();
    desk.wishes();
    desk.input(Input::Paste("one\ntwo".into()));
    desk.shows("Create a room");
    desk.hides("one");
    desk.keys("<Esc>");
    desk.keys("<C-k>msg<Enter>");
    desk.shows("Create a room");
}

#[test]
fn help_opens_above_every_box_and_leads_back_to_it() {
    for (open, heading, stays) in [
        ("<C-k>bo", "Lists", "Go to"),
        ("<F6>", "Lists", "Create a room"),
        ("<F5>", "Choosing a file", "Choose a file to send"),
        ("<F4>", "Transfers", "Offered to you"),
    ] {
        let mut desk = desk();
        desk.keys(open);
        desk.keys("<F1>");
        desk.shows("╭ Help");
        desk.shows(heading);
        desk.keys("<F1>");
        desk.hides("╭ Help");
        desk.shows(stays);
    }
}

#[test]
fn leaving_is_possible_from_every_box() {
    for open in ["<F4>", "<F5>", "<F6>", "<C-k>", "<F1>", "/create<Enter>"] {
        let mut desk = desk();
        desk.keys("<A-2>");
        desk.effects.clear();
        desk.keys(open);
        desk.keys("<C-q>");
        assert!(desk.wishes().contains(&Effect::Quit), "{open}");
    }
    // While files are on their way it is asked, from the help page too.
    let mut desk = desk();
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Download, "a".to_owned());
    desk.tell(notice(TransferChange::Added { direction, room: RUST, name, size: 9, fid: None }));
    desk.tell(notice(TransferChange::Phase { phase: Phase::Moving, at_ms: 0 }));
    for open in ["<F4>", "<F1>"] {
        desk.keys(open);
        desk.keys("<C-q>");
        assert!(!desk.wishes().contains(&Effect::Quit), "{open}");
        desk.shows("y quit");
        desk.keys("<Enter>");
        assert!(!desk.wishes().contains(&Effect::Quit), "Enter agrees to nothing");
        desk.hides("y quit");
    }
    desk.keys("<C-q>y");
    assert!(desk.wishes().contains(&Effect::Quit));
}

#[test]
fn what_cannot_be_done_here_says_why() {
    let mut desk = desk();
    desk.keys("<A-r>");
    desk.shows("Nothing in this chat failed.");
    desk.keys("<F2><F5>");
    desk.shows("A file goes to the chat that is shown.");
    desk.keys("<A-3><A-s>");
    desk.shows("There is no file to save in this chat.");
}

#[test]
fn the_transfers_tell_which_files_are_offered_and_where() {
    let mut desk = desk();
    desk.keys("<F4>");
    desk.shows("No transfers.");
    desk.shows("▤ design.pdf  2.3 MiB  from #lobby");
}

#[test]
fn help_begins_with_the_keys_of_where_one_is() {
    for (keys, first) in [("", "Writing"), ("<F2>", "Inbox"), ("<Tab>", "Messages")] {
        let mut desk = desk();
        desk.keys(keys);
        desk.keys("<F1>");
        let shown = desk.screen();
        let place = |text: &str| shown.lines().skip(2).position(|line| line.contains(text));
        assert!(place(first).is_some(), "{first} is not on\n{shown}");
        let later = place("Everywhere");
        assert!(later.is_none_or(|later| Some(later) > place(first)), "{shown}");
    }
}

#[test]
fn a_mention_is_one_thing_that_waits() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let body = Body { at: vec![ALICE], ..Body::text("@alice?") };
    desk.posted(RUST, super::driver::BOB, 1, Kind::Text, body);
    desk.keys("<F2>");
    desk.shows("1 thing waits for you");
    desk.shows("@alice?");
}
