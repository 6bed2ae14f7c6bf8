//! The inbox: it opens by itself when something waits and takes no letter from whoever writes; its keys work for
//! whoever means them, and those that can do nothing say why.

use liao_client_core::{
    answer::Answer,
    notice::{Cut, LinkState, Notice},
};
use liao_common::{
    event::{Empty, Event, Role, Room, Synced},
    id::{FileId, Hash, RoomId, Seq},
    message::{Body, Kind},
    request::{Request, RoomJoin, RoomLeave, RoomList, RoomOpen},
};

use super::driver::{BOB, Desk, RUST, WITH_BOB, ZHANG, direct, room, user};
use crate::{
    app::Front,
    effect::Effect,
    view::main::Place,
    words::{Language, Words},
};

const SIZE: (u16, u16) = (120, 36);
const DEN: RoomId = RoomId(7);

/// On the way in, while Bob waits with a word; `before` runs while what was missed still comes.
fn arriving(size: (u16, u16), language: Language, before: impl FnOnce(&mut Desk)) -> Desk {
    let mut desk = Desk::fresh(size, language);
    desk.app.front = Front::Main(Box::default());
    desk.log_in();
    let mut waiting = direct(WITH_BOB, user(BOB, "bob", "Bob"));
    waiting.head = (Seq(1), 1);
    let rooms = vec![room(RoomId::LOBBY, "lobby", 2), room(RUST, "rust", 4), waiting];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: false, rooms })));
    desk.said(WITH_BOB, BOB, 3, "call me");
    before(&mut desk);
    desk.greet();
    desk
}

/// The inbox that opened by itself.
pub(super) fn greeting(size: (u16, u16), language: Language) -> Desk {
    arriving(size, language, |_| {})
}

fn arrived() -> Desk {
    greeting(SIZE, Language::English)
}

fn invitation() -> Room {
    Room { role: Role::Invited, with: Some(user(BOB, "bob", "Bob")), ..room(DEN, "den", 2) }
}

fn is_at_inbox(desk: &Desk) -> bool {
    matches!(&desk.app.front, Front::Main(main) if main.place == Place::Inbox)
}

#[test]
fn the_inbox_opens_when_something_waits_and_jumps_to_it() {
    let mut desk = arrived();
    desk.shows("1 thing waits for you");
    desk.shows("call me");
    desk.keys("<Enter>");
    desk.shows("Message to Bob");
    desk.keys("<F2>");
    desk.shows("Nothing waits for you.");
}

#[test]
fn what_is_typed_after_the_login_arrives_whole() {
    for text in ["hello", "xXdjkgGs?", "don't", " 你好"] {
        let mut desk = arrived();
        assert!(is_at_inbox(&desk));
        desk.shows("What you type goes to #lobby.");
        desk.effects.clear();
        desk.keys(text);
        desk.shows(&format!("❯ {text}"));
        assert_eq!(desk.wishes(), [], "{text}: nothing is done but writing");
        desk.keys("<Enter>");
        let said = text.trim_end();
        let posts = [Effect::Post(RoomId::LOBBY, Kind::Text, Body::text(said))];
        assert_eq!(desk.wishes(), posts);
    }
}

#[test]
fn what_is_pasted_into_the_inbox_arrives_too() {
    for keys in ["", "<F2>"] {
        let mut desk = arrived();
        desk.keys(keys);
        desk.input(crate::input::Input::Paste("xyz".into()));
        desk.shows("❯ xyz");
    }
}

#[test]
fn who_writes_before_everything_has_come_is_not_interrupted() {
    let mut desk = arriving(SIZE, Language::English, |desk| desk.keys("hel"));
    assert!(!is_at_inbox(&desk));
    desk.shows("1 thing waits for you: F2 shows it.");
    desk.keys("lo");
    desk.shows("❯ hello");
}

#[test]
fn letters_are_keys_of_the_list_for_whoever_moves_in_it() {
    for keys in ["<Down>", "<F2>", "<PgDn>"] {
        let mut desk = arrived();
        desk.keys(keys);
        desk.hides("What you type goes to");
        desk.keys("x");
        desk.shows("Nothing waits for you.");
        desk.keys("now");
        desk.shows("❯ now");
    }
}

#[test]
fn the_key_of_the_inbox_leads_to_it_before_it_leads_back() {
    let mut desk = arrived();
    desk.keys("<F2>");
    assert!(is_at_inbox(&desk), "it opened by itself");
    desk.keys("<F2>");
    desk.shows("Message to #lobby");
    desk.keys("<A-3><F2>");
    assert!(is_at_inbox(&desk));
    desk.keys("<F2>");
    desk.shows("Message to #rust");
    desk.keys("<F2><Esc>");
    desk.shows("Message to #rust");
}

#[test]
fn an_invitation_is_declined_after_a_question() {
    let mut desk = arrived();
    desk.tell(Notice::Event(Event::Room(Box::new(invitation()))));
    desk.keys("<F2>");
    desk.effects.clear();
    desk.keys("d");
    desk.shows("Decline the invitation to #den?");
    desk.keys("<Enter>");
    desk.hides("Decline the invitation");
    assert_eq!(desk.wishes(), [], "Enter agrees to nothing");
    desk.keys("dn");
    assert_eq!(desk.wishes(), []);
    desk.keys("dy");
    let leave = RoomLeave { room: DEN };
    assert_eq!(desk.wishes(), [Effect::Ask(leave.clone().into())]);
    desk.answer(leave, Answer::Done(Empty {}));
    desk.shows("Declined.");
    desk.hides("invites you to #den");
}

#[test]
fn keys_of_the_inbox_that_do_nothing_say_why() {
    let mut desk = arrived();
    desk.keys("<F2><A-s>");
    desk.shows("This is no file.");
    desk.keys("d");
    desk.shows("Only an invitation can be declined.");
    desk.keys("<A-r>");
    desk.shows("This works in the chat");
    desk.keys("x<Enter>");
    desk.keys("<A-s>");
    desk.shows("Nothing waits for you.");
    desk.tell(Notice::Event(Event::Room(Box::new(invitation()))));
    desk.keys("x");
    desk.shows("Enter joins, d declines.");
}

#[test]
fn a_file_is_saved_from_the_inbox() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let body = Body {
        fid: Some(FileId(7)),
        name: Some("design.pdf".into()),
        size: Some(2_400_000),
        b3: Some(Hash([7; 32])),
        ..Body::default()
    };
    desk.posted(RUST, ZHANG, 6, Kind::File, body);
    desk.keys("<F2>");
    desk.shows("Alt-S save");
    desk.effects.clear();
    desk.keys("<A-s>");
    let wishes = desk.wishes();
    assert!(
        matches!(wishes.as_slice(), [Effect::Download(job)] if job.fid == FileId(7)),
        "{wishes:?}"
    );
    desk.shows("Saving the file.");
}

#[test]
fn what_waits_for_the_connection_says_so_and_is_done() {
    let waits = Words::of(Language::English).t("link.will_be_done");
    let cut = || Notice::State(LinkState::Waiting { retry_in_ms: 4000, why: Cut::Lost });
    let join = RoomJoin { room: Some(DEN), name: None };
    let open = RoomOpen { user: Some(ZHANG), name: None };
    let ways: [(&str, Request); 4] = [
        ("<A-j>", join.clone().into()),
        ("<F2><Home><Enter>", join.into()),
        ("<C-k>zhangsan<Enter>", open.clone().into()),
        ("<F6>", RoomList::default().into()),
    ];
    for (keys, request) in ways {
        let mut desk = arrived();
        desk.tell(Notice::Event(Event::Room(Box::new(invitation()))));
        desk.tell(cut());
        desk.effects.clear();
        desk.keys(keys);
        desk.shows(waits);
        assert_eq!(desk.wishes(), [Effect::Ask(request)], "{keys}");
    }
    let mut desk = arrived();
    desk.tell(cut());
    desk.keys("<C-k>zhangsan<Enter>");
    desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
    desk.hides(waits);
    desk.answer(open, Answer::Room(direct(RoomId(9), user(ZHANG, "zhangsan", "张三"))));
    desk.shows("Message to 张三");
}

#[test]
fn who_writes_meanwhile_is_not_taken_elsewhere() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 4000, why: Cut::Lost }));
    desk.keys("<C-k>zhangsan<Enter>half a sen");
    desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
    let open = RoomOpen { user: Some(ZHANG), name: None };
    desk.answer(open, Answer::Room(direct(RoomId(9), user(ZHANG, "zhangsan", "张三"))));
    desk.shows("❯ half a sen");
    desk.shows("张三 is there now.");
}
