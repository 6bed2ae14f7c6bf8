//! Keeping order in a room, and being taken out of one.

use liao_client_core::answer::{Answer, CallError};
use liao_client_core::notice::{Notice, Ticket};
use liao_common::{
    event::{Ban, BanPage, Empty, Event, Rank, Removal, Role, Room, Synced, UserPage},
    fault::FaultCode,
    id::{Nonce, RoomId, UserId},
    message::{Body, Kind},
    request::{
        Members, Request, RoomBan, RoomBans, RoomJoin, RoomKick, RoomOpen, RoomRole, RoomTopic,
        RoomUnban, Users,
    },
};

use super::driver::{ALICE, BOB, Desk, NOW_MS, RUST, ZHANG, busy, room, user};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn ask(request: impl Into<Request>) -> Effect {
    Effect::Ask(request.into())
}

fn staff() -> (Request, Answer) {
    let asked = Members { room: LOBBY, limit: Some(1), ..Members::default() };
    let page = UserPage { owner: Some(BOB), mods: vec![ZHANG], ..UserPage::default() };
    (asked.into(), Answer::Users(page))
}

#[test]
fn commands_about_people_become_requests() {
    let text = |text: &str| text.to_owned();
    for (typed, want) in [
        (
            "/kick bob no spam<Enter>",
            ask(RoomKick { room: LOBBY, user: BOB, text: text("no spam") }),
        ),
        ("/ban @bob<Enter>", ask(RoomBan { room: LOBBY, user: BOB, text: text("") })),
        ("/unban bob<Enter>", ask(RoomUnban { room: LOBBY, user: BOB })),
        ("/bans<Enter>", ask(RoomBans { room: LOBBY, ..RoomBans::default() })),
        ("/mod bob<Enter>", ask(RoomRole { room: LOBBY, user: BOB, role: Rank::Moderator })),
        ("/unmod bob<Enter>", ask(RoomRole { room: LOBBY, user: BOB, role: Rank::Member })),
    ] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys(typed);
        assert_eq!(desk.wishes(), [want], "{typed}");
    }
}

#[test]
fn whoever_is_not_known_here_is_looked_up_first() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/kick eve spam<Enter>");
    let asked = Users { ids: Vec::new(), names: vec!["eve".into()] };
    assert!(desk.effects.contains(&ask(asked.clone())));
    desk.wishes();
    let page = UserPage { users: vec![user(UserId(9), "eve", "Eve")], ..UserPage::default() };
    desk.answer(asked, Answer::Users(page));
    let kick = RoomKick { room: LOBBY, user: UserId(9), text: "spam".into() };
    assert_eq!(desk.wishes(), [ask(kick)]);
    desk.keys("/ban eva<Enter>");
    let asked = Users { ids: Vec::new(), names: vec!["eva".into()] };
    desk.answer(asked, Answer::Users(UserPage::default()));
    desk.shows("There is nobody called eva.");
}

#[test]
fn the_banned_are_listed_all_of_them() {
    let ban = |user: u64, id: &str, text: &str| Ban {
        user: super::driver::user(UserId(user), id, id),
        by: BOB,
        at_ms: NOW_MS - 60_000,
        text: text.into(),
    };
    for (size, language) in super::driver::everywhere() {
        let mut desk = busy(size, language);
        let nobody = desk.app.base.words.t("room.no_bans");
        desk.keys("/bans<Enter>");
        let asked = RoomBans { room: LOBBY, ..RoomBans::default() };
        desk.answer(asked.clone(), Answer::Bans(BanPage::default()));
        desk.shows(nobody);
        desk.keys("<Esc>");
        desk.hides(nobody);

        desk.keys("/bans<Enter>");
        desk.wishes();
        let bans = vec![ban(9, "eve", "spam"), ban(10, "mallory", "")];
        let next = Some("10".to_owned());
        desk.answer(asked.clone(), Answer::Bans(BanPage { bans, next: next.clone() }));
        let second = RoomBans { after: next, ..asked.clone() };
        assert_eq!(desk.wishes(), [ask(second.clone())]);
        let bans = vec![ban(11, "trudy", "noise\u{1b}[2J"), ban(10, "mallory", "")];
        desk.answer(second, Answer::Bans(BanPage { bans, next: None }));
        assert_eq!(desk.wishes(), [], "that was the last page");
        for id in ["eve  spam", "mallory", "trudy  noise"] {
            desk.shows(id);
        }
        desk.keys("<Down>x");
        let lift = RoomUnban { room: LOBBY, user: UserId(10) };
        assert_eq!(desk.wishes(), [ask(lift.clone())]);
        desk.answer(lift, Answer::Done(Empty {}));
        desk.hides("mallory");
        desk.shows("trudy");
    }
}

#[test]
fn a_list_of_bans_that_is_refused_closes_and_says_why() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/bans<Enter>");
    desk.shows("Banned here");
    let asked = RoomBans { room: LOBBY, ..RoomBans::default() };
    let fault = CallError::Fault(FaultCode::Forbidden.into());
    desk.tell(Notice::Answer {
        ticket: Ticket(1),
        request: Box::new(asked.into()),
        answer: Err(fault),
    });
    desk.hides("Banned here");
    desk.shows("In #lobby only those who moderate it or administer the server may do this.");
}

#[test]
fn the_room_says_what_happened_and_the_list_who_keeps_order() {
    for (language, lines) in [
        (
            Language::English,
            [
                "张三 made Bob a moderator",
                "the room belongs to Bob now",
                "张三 was removed by Bob: spam",
                "张三 was banned by Bob",
                "taken back by Bob",
                "Bob (owner)",
                "张三 (moderator)",
            ],
        ),
        (
            Language::Chinese,
            [
                "张三 让 Bob 当了版主",
                "Bob 成了房主",
                "Bob 把 张三 移出了房间：spam",
                "Bob 封禁了 张三",
                "Bob 撤回了这条消息",
                "Bob (房主)",
                "张三 (版主)",
            ],
        ),
    ] {
        let mut desk = busy(SIZE, language);
        let (asked, answer) = staff();
        desk.answer(asked, answer);
        let [_, _, _, _, _, owner, moderator] = lines;
        desk.shows(owner);
        desk.shows(moderator);
        let role = |role| Body { user: Some(BOB), role: Some(role), ..Body::default() };
        desk.posted(LOBBY, ZHANG, 8, Kind::Role, role(Rank::Moderator));
        desk.posted(LOBBY, ZHANG, 8, Kind::Role, role(Rank::Owner));
        let farewell = Body { by: Some(BOB), ..Body::text("spam") };
        desk.posted(LOBBY, ZHANG, 8, Kind::Leave, farewell);
        desk.hides(moderator);
        let farewell = Body { by: Some(BOB), ban: true, ..Body::default() };
        desk.posted(LOBBY, ZHANG, 8, Kind::Leave, farewell);
        let said = desk.said(LOBBY, ZHANG, 9, "something bad");
        let back = Body { of: Some(said), ..Body::default() };
        desk.posted(LOBBY, BOB, 9, Kind::Redact, back);
        lines[..5].iter().for_each(|line| desk.shows(line));
        desk.hides("something bad");
    }
}

fn taken_out(ban: bool) -> Notice {
    let mut room = room(RUST, "", 0);
    let by = user(BOB, "bob", "Bob");
    room.role = Role::Gone;
    room.removed = Some(Removal { by, text: "too loud".into(), ban });
    Notice::Event(Event::Room(Box::new(room)))
}

/// A desk at #rust, where something half is written.
fn at_rust() -> Desk {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<C-n>half a sentence");
    desk.shows("anybody here?");
    desk.wishes();
    desk
}

#[test]
fn who_is_taken_out_is_told_and_may_still_read() {
    for (ban, sentence) in [
        (false, "Bob removed you from #rust: too loud"),
        (true, "Bob banned you from #rust: too loud"),
    ] {
        let mut desk = at_rust();
        desk.tell(taken_out(ban));
        desk.shows(sentence);
        desk.shows("anybody here?");
        desk.keys("<Enter>");
        assert_eq!(desk.wishes(), [], "nothing is sent there");
        desk.shows(sentence);
        desk.shows("half a sentence");
        desk.keys("<C-c>");
        desk.shows("You are no longer in #rust. /close takes it away.");
        desk.keys("/close<Enter>");
        desk.hides("anybody here?");
        desk.shows("Message to #lobby");
        let screen = desk.screen();
        assert!(!screen.lines().next().unwrap().contains("#rust"), "{screen}");
    }
}

fn tabs(desk: &mut Desk) -> String {
    desk.screen().lines().next().unwrap_or_default().to_owned()
}

/// The next connection, on which #rust is not named.
fn without_rust(desk: &mut Desk) {
    let rooms = vec![room(LOBBY, "lobby", 3)];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: false, rooms })));
    desk.tell(Notice::Event(Event::Synced));
}

#[test]
fn who_was_taken_out_without_a_connection_keeps_what_they_write() {
    let mut desk = at_rust();
    desk.queued(RUST, 5, "said in vain");
    without_rust(&mut desk);
    desk.shows("You are no longer in #rust");
    desk.shows("❯ half a sentence");
    desk.wishes();
    let fault = FaultCode::NotFound.into();
    desk.tell(Notice::PostFailed { nonce: Nonce([5; 16]), room: RUST, fault });
    desk.shows("Not sent: you are no longer in #rust");
    desk.shows("said in vain");
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [], "nothing is sent there");
    desk.keys("<C-c>/close<Enter>");
    desk.shows("What you wrote in #rust was not sent.");
    assert_eq!(desk.wishes(), []);
    desk.keys("y");
    assert_eq!(desk.wishes(), [Effect::Discard(Nonce([5; 16]))]);
    desk.shows("Message to #lobby");
    assert!(!tabs(&mut desk).contains("#rust"));
}

#[test]
fn a_room_that_is_gone_goes_from_the_tabs_when_nothing_is_lost_with_it() {
    let mut desk = busy(SIZE, Language::English);
    desk.shows("#rust");
    without_rust(&mut desk);
    desk.hides("#rust");
    desk.hides("no longer");
}

#[test]
fn words_refused_in_a_room_that_is_not_known_can_be_read_and_thrown_away() {
    let mut desk = busy(SIZE, Language::English);
    let (room, nonce) = (RoomId(9), Nonce([6; 16]));
    desk.queued(room, 6, "of yesterday");
    desk.tell(Notice::PostFailed { nonce, room, fault: FaultCode::NotFound.into() });
    desk.shows("Not sent: you are no longer in #9");
    assert!(tabs(&mut desk).contains("#9"));
    desk.keys("<A-4>");
    desk.shows("of yesterday");
    desk.keys("<Up>d");
    assert_eq!(desk.wishes(), [Effect::Discard(nonce)]);
    desk.tell(Notice::Discarded { nonce, room });
    desk.hides("of yesterday");
    desk.keys("/close<Enter>");
    assert!(!tabs(&mut desk).contains("#9"));
}

#[test]
fn who_comes_back_writes_on() {
    let mut desk = at_rust();
    desk.tell(taken_out(false));
    desk.tell(Notice::Event(Event::Room(Box::new(room(RUST, "rust", 2)))));
    desk.keys("<Enter>");
    let said = Body::text("half a sentence");
    assert_eq!(desk.wishes(), [Effect::Post(RUST, Kind::Text, said)]);
}

#[test]
fn a_moderator_takes_back_what_others_said() {
    for moderates in [false, true] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("<C-n>");
        let mut rust = room(RUST, "rust", 2);
        rust.moderates = moderates;
        desk.tell(Notice::Event(Event::Room(Box::new(rust))));
        desk.keys("<Up>d");
        let asked = desk.screen().contains("Take “anybody here?” back?");
        assert_eq!(asked, moderates, "{}", desk.screen());
    }
}

#[test]
fn what_cannot_be_done_to_somebody_is_said_in_words() {
    let mine = Room { role: Role::Owner, ..room(RUST, "rust", 128) };
    let owned = UserPage { owner: Some(ALICE), ..UserPage::default() };
    let members = Members { room: RUST, limit: Some(1), ..Members::default() };
    for (typed, said) in [
        ("/mod alice", "The room is yours"),
        ("/kick alice", "You cannot take yourself out."),
        ("/ban @alice", "You cannot take yourself out."),
    ] {
        let mut desk = busy(SIZE, Language::English);
        desk.tell(Notice::Event(Event::Room(Box::new(mine.clone()))));
        desk.keys("<C-n>");
        desk.answer(members.clone(), Answer::Users(owned.clone()));
        desk.wishes();
        desk.keys(&format!("{typed}<Enter>"));
        desk.shows(said);
        assert_eq!(desk.wishes(), [], "{typed}");
    }
    let text = String::new;
    let moderator = Rank::Moderator;
    let refused: [(&str, Request, FaultCode, &str); 6] = [
        (
            "/unban bob",
            RoomUnban { room: LOBBY, user: BOB }.into(),
            FaultCode::NotFound,
            "Bob is not banned here.",
        ),
        (
            "/kick bob",
            RoomKick { room: LOBBY, user: BOB, text: text() }.into(),
            FaultCode::NotFound,
            "Bob is not in this room.",
        ),
        (
            "/mod bob",
            RoomRole { room: LOBBY, user: BOB, role: moderator }.into(),
            FaultCode::NotFound,
            "Bob is not in this room.",
        ),
        (
            "/kick bob",
            RoomKick { room: LOBBY, user: BOB, text: text() }.into(),
            FaultCode::Forbidden,
            "In #lobby only those who moderate it or administer the server may do this.",
        ),
        (
            "/msg nobody hello",
            RoomOpen { user: None, name: Some("nobody".into()) }.into(),
            FaultCode::NotFound,
            "There is nobody called nobody.",
        ),
        (
            "/kick bob",
            RoomKick { room: LOBBY, user: BOB, text: text() }.into(),
            FaultCode::Internal,
            "The server failed at this.",
        ),
    ];
    for (typed, request, code, said) in refused {
        let mut desk = busy(SIZE, Language::English);
        desk.keys(&format!("{typed}<Enter>"));
        desk.hides(&format!("❯ {typed}"));
        desk.refuse(request, code);
        desk.shows(said);
        desk.shows(&format!("❯ {typed}"));
    }
}

#[test]
fn a_moderator_of_the_lobby_is_not_told_that_only_administrators_are_above_others() {
    let mut desk = busy(SIZE, Language::English);
    let lobby = Room { moderates: true, ..room(LOBBY, "lobby", 2) };
    desk.tell(Notice::Event(Event::Room(Box::new(lobby))));
    desk.keys("/kick bob<Enter>");
    let kick = RoomKick { room: LOBBY, user: BOB, text: String::new() };
    desk.refuse(kick, FaultCode::Forbidden);
    desk.hides("Ask the");
    desk.shows("Bob keeps order in #lobby too. Only those who administer the server may do this.");
    let role = liao_common::event::Rank::Moderator;
    desk.keys("/mod bob<Enter>");
    desk.refuse(RoomRole { room: LOBBY, user: BOB, role }, FaultCode::Forbidden);
    desk.shows("Who moderates #lobby is for those who administer the server to say.");
    desk.keys("/topic tea<Enter>");
    let topic = RoomTopic { room: LOBBY, topic: "tea".to_owned() };
    desk.refuse(topic, FaultCode::Forbidden);
    desk.shows("Only those who administer the server set the topic of #lobby.");
    desk.keys("/join #rust<Enter>/kick bob<Enter>");
    let kick = RoomKick { room: RUST, user: BOB, text: String::new() };
    desk.refuse(kick, FaultCode::Forbidden);
    desk.shows("In #rust only the owner and the moderators may do this.");
}

/// A desk at #rust, as what one is there.
fn at_rust_as(role: Role, moderates: bool, admin: bool) -> Desk {
    let mut desk = busy(SIZE, Language::English);
    let rust = Room { role, moderates, ..room(RUST, "rust", 2) };
    desk.tell(Notice::Event(Event::Room(Box::new(rust))));
    if let Some(me) = &mut desk.app.model.me {
        me.admin = admin;
    }
    desk.keys("<C-n>");
    desk.wishes();
    desk
}

#[test]
fn a_refusal_says_who_is_above() {
    let kick: Request = RoomKick { room: RUST, user: BOB, text: String::new() }.into();
    let unban: Request = RoomUnban { room: RUST, user: BOB }.into();
    let banned = "Somebody above you banned Bob.";
    let administers = "Bob administers the server.";
    for (role, moderates, admin, request, said) in [
        (Role::Member, false, false, &unban, "In #rust only the owner and the moderators"),
        (Role::Member, true, false, &unban, banned),
        (Role::Owner, false, false, &unban, banned),
        (Role::Member, true, false, &kick, "Bob keeps order in #rust too. Ask the owner."),
        (Role::Owner, false, false, &kick, administers),
        (Role::Member, false, true, &kick, administers),
    ] {
        let mut desk = at_rust_as(role, moderates, admin);
        desk.refuse(request.clone(), FaultCode::Forbidden);
        desk.shows(said);
    }
}

#[test]
fn who_a_room_falls_to_is_said_when_it_is_known() {
    let owned = |mods| UserPage { owner: Some(ALICE), mods, ..UserPage::default() };
    let members = Members { room: RUST, limit: Some(1), ..Members::default() };
    for (mods, heir) in [
        (vec![], "The member who has been here longest"),
        (vec![BOB], "Bob becomes the owner."),
        (vec![BOB, ZHANG], "The moderator who has been here"),
        (vec![UserId(9)], "The moderator who has been here"),
    ] {
        let mut desk = at_rust_as(Role::Owner, false, false);
        desk.keys("/leave<Enter>");
        desk.shows("Leave #rust?");
        desk.hides("becomes the owner");
        desk.answer(members.clone(), Answer::Users(owned(mods)));
        desk.shows(heir);
    }
}

#[test]
fn what_is_for_rooms_is_refused_in_a_private_chat() {
    for (language, said) in
        [(Language::English, "This is for rooms."), (Language::Chinese, "这个命令用于房间。")]
    {
        for typed in [
            "/topic",
            "/topic tea",
            "/leave",
            "/invite",
            "/invite bob",
            "/kick bob",
            "/ban bob",
            "/unban bob",
            "/bans",
            "/mod bob",
            "/unmod bob",
        ] {
            let mut desk = busy(SIZE, language);
            let with = super::driver::direct(RoomId(8), user(BOB, "bob", "Bob"));
            desk.tell(Notice::Event(Event::Room(Box::new(with))));
            desk.keys("/msg bob<Enter>");
            desk.wishes();
            desk.keys(&format!("{typed}<Enter>"));
            desk.shows(said);
            // The line is back, and no form is open.
            desk.shows(&format!("❯ {typed}"));
            assert_eq!(desk.wishes(), [], "{typed}");
        }
    }
}

#[test]
fn an_invitation_into_a_namesake_of_ones_own_room_says_what_is_in_the_way() {
    let mut desk = busy(SIZE, Language::English);
    let invitation = Room { role: Role::Invited, ..room(RoomId(99), "rust", 2) };
    desk.tell(Notice::Event(Event::Room(Box::new(invitation))));
    desk.wishes();
    desk.keys("<A-j>");
    let join = RoomJoin { room: Some(RoomId(99)), name: None };
    assert_eq!(desk.wishes(), [ask(join.clone())]);
    desk.refuse(join, FaultCode::Taken);
    desk.shows("You are in another room called #rust. Leave that one first.");
}
