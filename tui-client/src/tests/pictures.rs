//! Every screen at every size in both languages, compared with its picture.

use std::collections::BTreeSet;

use liao_client_core::{
    answer::Answer,
    notice::{LinkState, Notice},
    transfer::{Direction, Phase, TransferChange, TransferFault, TransferId, TransferNotice},
};
use liao_common::{
    event::{Event, Role, Room, RoomKind, RoomPage, RoomRow},
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId},
    request::RoomList,
};

use super::{
    door_scenes::DOOR,
    driver::{
        BOB, Desk, RUST, WITH_BOB, ZHANG, busy, direct, everywhere, picture_names, room, tag, user,
    },
};
use crate::{input::Input, picker::Entry, words::Language};

pub(super) type Scene = (&'static str, fn((u16, u16), Language) -> Desk);

const SCENES: &[Scene] = &[
    ("chat", busy),
    ("chat-pending", chat_pending),
    ("people", people),
    ("inbox", inbox),
    ("greeting", super::waiting::greeting),
    ("switcher", switcher),
    ("search", search),
    ("completion", completion),
    ("transfers", transfers),
    ("picker", picker),
    ("rooms", rooms),
    ("devices", devices),
    ("devices-ask", devices_ask),
    ("reply", reply),
    ("unknown-command", unknown_command),
    ("invited", invited),
    ("create-room", create_room),
    ("leave-ask", leave_ask),
    ("help", help),
];

fn chat_pending(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.queued(RoomId::LOBBY, 77, "still on its way");
    desk.queued(RoomId::LOBBY, 78, "refused");
    desk.tell(Notice::PostFailed {
        nonce: Nonce([78; 16]),
        room: RoomId::LOBBY,
        fault: Fault::from(FaultCode::TooLarge),
    });
    desk.tell(Notice::State(LinkState::Waiting {
        retry_in_ms: 4000,
        why: liao_client_core::notice::Cut::Lost,
    }));
    desk.keys("two<A-Enter>lines 张三");
    desk
}

fn people(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<F3>");
    desk
}

fn inbox(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.tell(Notice::Event(Event::Room(Box::new(direct(WITH_BOB, user(BOB, "bob", "Bob"))))));
    desk.said(WITH_BOB, BOB, 8, "psst, 看这里");
    desk.said(WITH_BOB, BOB, 9, "are you there?");
    let mut invitation = room(RoomId(9), "secret", 4);
    invitation.kind = RoomKind::Private;
    invitation.role = Role::Invited;
    invitation.with = Some(user(ZHANG, "zhangsan", "张三"));
    desk.tell(Notice::Event(Event::Room(Box::new(invitation))));
    desk.keys("<F2>");
    desk
}

fn switcher(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<C-k>zs");
    desk
}

fn search(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<C-f>会议");
    desk
}

fn completion(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("hello @");
    desk
}

fn moved(desk: &mut Desk, id: u64, done: u64, at_ms: u64) {
    let change = TransferChange::Moved { done, at_ms };
    desk.tell(Notice::Transfer(TransferNotice { id: TransferId(id), change }));
}

fn added(desk: &mut Desk, id: u64, direction: Direction, name: &str, phase: Phase) {
    let change = TransferChange::Added {
        direction,
        room: RUST,
        name: name.into(),
        size: 2_400_000,
        fid: None,
    };
    desk.tell(Notice::Transfer(TransferNotice { id: TransferId(id), change }));
    let change = TransferChange::Phase { phase, at_ms: 0 };
    desk.tell(Notice::Transfer(TransferNotice { id: TransferId(id), change }));
}

fn transfers(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    added(&mut desk, 1, Direction::Upload, "notes.txt", Phase::Failed(TransferFault::Changed));
    added(&mut desk, 2, Direction::Download, "video.mkv", Phase::Moving);
    let path = "/home/alice/Downloads/video.mkv".into();
    let change = TransferChange::Place { path };
    desk.tell(Notice::Transfer(TransferNotice { id: TransferId(2), change }));
    moved(&mut desk, 2, 600_000, 1000);
    moved(&mut desk, 2, 1_400_000, 2000);
    desk.keys("<F4>");
    desk
}

fn picker(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<F5>");
    let entries = vec![
        Entry::new("notes.txt", false, 1200),
        Entry::new("Pictures", true, 0),
        Entry::new("会议记录.md", false, 23_000),
        Entry::new(".hidden", false, 1),
    ];
    desk.input(Input::Listed { folder: "/home/alice".into(), entries: Ok(entries) });
    desk
}

fn rooms(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<F6>");
    let row = |id: u64, name: &str, joined| RoomRow {
        room: RoomId(id),
        name: name.into(),
        topic: format!("about {name}"),
        members: id * 3,
        joined,
    };
    let rooms = vec![row(1, "lobby", true), row(12, "music", false), row(13, "音乐", false)];
    desk.answer(RoomList::default(), Answer::Rooms(RoomPage { rooms, next: None }));
    desk
}

fn devices(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    super::devices::opens(&mut desk);
    desk
}

fn devices_ask(size: (u16, u16), language: Language) -> Desk {
    let mut desk = devices(size, language);
    desk.keys("jx");
    desk
}

fn reply(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<Up><Up><Up>rsoon");
    desk
}

fn unknown_command(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("/jion #rust<Enter>");
    desk
}

fn invited(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    let mut invitation = room(RoomId(9), "secret", 4);
    invitation.kind = RoomKind::Private;
    invitation.role = Role::Invited;
    invitation.with = Some(user(ZHANG, "zhangsan", "张三"));
    desk.tell(Notice::Event(Event::Room(Box::new(invitation))));
    desk
}

fn create_room(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("/create<Enter>two words<Tab><Tab> <Enter>");
    desk
}

fn leave_ask(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    let room = Room { kind: RoomKind::Private, ..room(RUST, "rust", 128) };
    desk.tell(Notice::Event(Event::Room(Box::new(room))));
    desk.keys("<C-n>/leave<Enter>");
    desk
}

fn help(size: (u16, u16), language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("<F1>");
    desk
}

#[test]
fn every_screen_looks_like_its_picture() {
    let mut drawn = BTreeSet::new();
    for ((columns, rows), language) in everywhere() {
        for (name, scene) in DOOR.iter().chain(SCENES) {
            let name = format!("{name}-{columns}x{rows}-{}", tag(language));
            scene((columns, rows), language).looks_like(&name);
            drawn.insert(name);
        }
    }
    assert_eq!(picture_names(), drawn, "a picture that nothing draws");
}

#[test]
fn no_screen_fails_at_any_size() {
    let sizes =
        [(1, 1), (39, 60), (200, 9), (40, 10), (59, 11), (60, 15), (99, 16), (100, 10), (200, 60)];
    for size in sizes {
        for (_, scene) in DOOR.iter().chain(SCENES) {
            let mut desk = scene(size, Language::Chinese);
            desk.screen();
            desk.resize((80, 24));
            desk.screen();
        }
    }
}

#[test]
fn a_window_that_is_too_small_says_so_and_loses_nothing() {
    let mut desk = busy((39, 9), Language::English);
    desk.keys("draft");
    desk.shows("too small");
    desk.resize((80, 24));
    desk.shows("draft");
}
