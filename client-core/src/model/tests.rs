use liao_common::{
    event::{Empty, Gap, Heads, Marked, Posted, Presence, RoomKind, Synced, User, UserPage},
    fault::{Fault, FaultCode},
    id::Nonce,
    message::{Body, Kind},
    request::{RoomLeave, RoomOpen, Users, Watch, Who},
};

use super::*;
use crate::{
    fake::{room, said, session, user},
    inbox::{InboxKind, inbox},
    notice::{Queued, Ticket},
    timeline::RowState,
};

/// A model that is logged in, in sync with these rooms, and knows who is online.
pub(super) fn ready(rooms: &[Room]) -> Model {
    let mut model = Model::default();
    model.apply(&Notice::LoggedIn(Box::new(session(None))));
    model.apply(&synced(rooms));
    model.apply(&Notice::Event(Event::Synced));
    watches(&mut model);
    answer(&mut model, Who::default(), &page(&[user(7, "Me")], 1, None));
    model
}

/// The server tells who comes and goes from here on.
fn watches(model: &mut Model) -> Changes {
    answer(model, Watch { act: Vec::new(), online: true }, &Answer::Done(Empty {}))
}

pub(super) fn synced(rooms: &[Room]) -> Notice {
    Notice::Synced(Box::new(Synced { epoch: "e1".into(), reset: false, rooms: rooms.to_vec() }))
}

fn page(users: &[User], v: u64, next: Option<&str>) -> Answer {
    let total = users.len() as u64;
    let (users, next) = (users.to_vec(), next.map(str::to_owned));
    Answer::Users(UserPage { users, total, v, next, ..UserPage::default() })
}

pub(super) fn answer(model: &mut Model, request: impl Into<Request>, answer: &Answer) -> Changes {
    let (ticket, request) = (Ticket(1), Box::new(request.into()));
    model.apply(&Notice::Answer { ticket, request, answer: Ok(Box::new(answer.clone())) })
}

pub(super) fn push(model: &mut Model, message: Message) -> Changes {
    model.apply(&Notice::Event(Event::Message(Box::new(message))))
}

fn presence(model: &mut Model, v: u64, set: &[User], del: &[u64]) -> Changes {
    let del = del.iter().map(|user| UserId(*user)).collect();
    let on = 1;
    let change = Presence { v, on, set: set.to_vec(), del, reset: false };
    model.apply(&Notice::Event(Event::Presence(change)))
}

fn online(model: &Model) -> Vec<&str> {
    model.people.online().filter_map(|user| model.name(user)).collect()
}

fn kinds(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(Request::kind).collect()
}

#[test]
fn unread_counts_rise_with_others_and_fall_with_marks() {
    let mut model = ready(&[room(1, 4)]);
    assert_eq!(model.room(RoomId(1)).unwrap().unread(), 4);
    push(&mut model, said(1, 5, 9, "hi"));
    assert_eq!(model.unread(), 5);
    let request = model.mark_read(RoomId(1), Seq(99));
    assert_eq!(request, Some(Mark { room: RoomId(1), read: Seq(5) }.into()));
    assert_eq!((model.unread(), model.mark_read(RoomId(1), Seq(5))), (0, None));
    push(&mut model, said(1, 6, 7, "my own words"));
    assert_eq!(model.unread(), 0);
    push(&mut model, said(1, 7, 9, "one"));
    push(&mut model, said(1, 8, 9, "two"));
    model.mark_read(RoomId(1), Seq(7));
    assert_eq!(model.unread(), 1);
    let marked = Marked { room: RoomId(1), read: (Seq(8), 8) };
    model.apply(&Notice::Event(Event::Marked(marked)));
    assert_eq!(model.unread(), 0, "read on another device");
    let marked = Marked { room: RoomId(1), read: (Seq(2), 2) };
    model.apply(&Notice::Event(Event::Marked(marked)));
    assert_eq!(model.unread(), 0, "a late answer takes nothing back");
    push(&mut model, said(1, 9, 9, "three"));
    push(&mut model, said(1, 10, 7, "answered on another device"));
    assert_eq!(model.unread(), 0, "who answers has read");
}

/// What I wrote while I was away comes behind what the others said.
#[test]
fn own_words_that_waited_read_nothing_and_are_not_unread() {
    let late = |seq| {
        let body = Body { late: true, ..Body::text("from the train") };
        Message { body, ..said(1, seq, 7, "") }
    };
    let mut model = ready(&[Room { read: (Seq(4), 4), ..room(1, 4) }]);
    push(&mut model, late(5));
    assert_eq!((model.unread(), model.rooms()[0].read), (0, (Seq(5), 5)), "nothing is between");
    for message in [said(1, 6, 9, "one"), said(1, 7, 9, "two"), late(8), late(9)] {
        push(&mut model, message);
    }
    assert_eq!((model.unread(), model.rooms()[0].read), (2, (Seq(5), 5)));
    let rows = inbox(&model);
    assert_eq!((rows.len(), rows[0].count, rows[0].seq), (1, 2, Seq(6)));
    assert_eq!(rows[0].words, "two");
    push(&mut model, said(1, 10, 9, "three"));
    assert_eq!(model.unread(), 3);
    model.mark_read(RoomId(1), Seq(6));
    assert_eq!(model.unread(), 2, "one of them was read");
    // Read elsewhere up to my words: they need no reading.
    model.apply(&Notice::Event(Event::Marked(Marked { room: RoomId(1), read: (Seq(7), 7) })));
    assert_eq!((model.unread(), model.rooms()[0].read), (1, (Seq(9), 9)));
    push(&mut model, late(11));
    push(&mut model, said(1, 12, 7, "and now I am here"));
    assert_eq!((model.unread(), model.rooms()[0].read), (0, (Seq(12), 12)));
    // Somebody else's words that waited are as new to me as any.
    push(&mut model, Message { from: UserId(9), ..late(13) });
    assert_eq!(model.unread(), 1);
}

#[test]
fn a_wish_to_see_who_is_online_outlives_the_connection_it_was_made_on() {
    let mut model = Model::default();
    model.apply(&Notice::LoggedIn(Box::new(session(None))));
    model.apply(&synced(&[]));
    let request = Box::new(Watch { act: Vec::new(), online: true }.into());
    let lost = Notice::Answer { ticket: Ticket(1), request, answer: Err(CallError::Lost) };
    assert_eq!(kinds(&model.apply(&lost).requests), ["who"]);
    assert_eq!(kinds(&model.apply(&synced(&[])).requests), ["who"], "and on the next connection");
}

#[test]
fn heads_move_rooms_that_are_not_pushed() {
    let mut model = ready(&[room(1, 0), room(2, 0)]);
    assert_eq!(model.rooms()[0].id, RoomId(1));
    let heads = Heads { h: vec![(RoomId(2), Seq(9), 7), (RoomId(55), Seq(1), 1)] };
    let changes = model.apply(&Notice::Event(Event::Heads(heads)));
    assert_eq!(changes.rooms.into_iter().collect::<Vec<_>>(), [RoomId(2)]);
    assert_eq!((model.rooms()[0].id, model.unread()), (RoomId(2), 7));
}

#[test]
fn opening_a_room_asks_for_what_is_missing_once() {
    let mut model = ready(&[room(1, 250)]);
    let request = model.open(RoomId(1)).unwrap();
    let Request::History(asked) = &request else { panic!("{request:?}") };
    assert_eq!(asked.before, Some(Seq(251)));
    assert_eq!(model.open(RoomId(1)), None, "it is under way");
    let msgs: Vec<Message> = (151..=250).map(|seq| said(1, seq, 9, "x")).collect();
    let users = vec![user(9, "Nine")];
    let reply = Answer::Page(Page { msgs, more: true, floor: Seq(0), users });
    let changes = answer(&mut model, asked.clone(), &reply);
    assert!(changes.requests.is_empty(), "the page names its people");
    let timeline = &model.room(RoomId(1)).unwrap().timeline;
    assert_eq!((timeline.rows().count(), timeline.hole_at_end()), (100, None));
    let hole = Hole { from: Seq(1), to: Seq(150) };
    let Some(Request::History(asked)) = model.fill(RoomId(1), hole) else { panic!() };
    let reply = Answer::Page(Page { more: false, ..Page::default() });
    answer(&mut model, asked, &reply);
    let timeline = &model.room(RoomId(1)).unwrap().timeline;
    assert_eq!(timeline.items().len(), 100, "nothing comes before");
}

#[test]
fn nothing_is_asked_while_what_was_missed_still_comes() {
    let mut model = Model::default();
    model.apply(&Notice::LoggedIn(Box::new(session(None))));
    model.apply(&synced(&[room(1, 9)]));
    assert_eq!(model.open(RoomId(1)), None);
    model.apply(&Notice::Event(Event::Gap(Gap { room: RoomId(1), from: Seq(1), to: Seq(8) })));
    assert!(push(&mut model, said(1, 9, 9, "x")).requests.is_empty());
    let changes = model.apply(&Notice::Event(Event::Synced));
    assert_eq!(kinds(&changes.requests), ["users"]);
    let hole = Hole { from: Seq(1), to: Seq(8) };
    assert!(model.fill(RoomId(1), hole).is_some());
}

#[test]
fn unknown_people_are_looked_up_together() {
    let mut model = ready(&[room(1, 0)]);
    let first = push(&mut model, said(1, 1, 21, "a"));
    let Request::Users(asked) = &first.requests[0] else { panic!("{first:?}") };
    assert_eq!(asked.ids, [UserId(21)]);
    assert!(push(&mut model, said(1, 2, 22, "b")).requests.is_empty());
    assert!(push(&mut model, said(1, 3, 23, "c")).requests.is_empty());
    let reply = page(&[user(21, "Ev\u{202e}e")], 0, None);
    let next = answer(&mut model, Users::default(), &reply);
    let Request::Users(asked) = &next.requests[0] else { panic!("{next:?}") };
    assert_eq!(asked.ids, [UserId(22), UserId(23)]);
    assert_eq!(model.name(UserId(21)), Some("Eve"));
    let gone = answer(&mut model, Users::default(), &page(&[], 0, None));
    assert!(gone.requests.is_empty(), "who does not exist is not asked for again");
}

#[test]
fn presence_follows_numbered_changes() {
    let mut model = ready(&[]);
    presence(&mut model, 2, &[user(9, "bob"), user(8, "Anna")], &[]);
    assert_eq!(online(&model), ["Anna", "bob", "Me"]);
    presence(&mut model, 3, &[], &[9]);
    presence(&mut model, 3, &[user(9, "bob")], &[]);
    assert_eq!(online(&model), ["Anna", "Me"], "an old change is dropped");
    assert!(model.people.is_online(UserId(8)) && !model.people.is_online(UserId(9)));
    let jump = presence(&mut model, 5, &[], &[]);
    assert_eq!(kinds(&jump.requests), ["who"]);
    presence(&mut model, 6, &[user(5, "Cid")], &[8]);
    let reply = page(&[user(7, "Me"), user(8, "Anna"), user(9, "bob")], 5, None);
    assert!(answer(&mut model, Who::default(), &reply).requests.is_empty());
    assert_eq!(online(&model), ["bob", "Cid", "Me"], "changes during the fetch come on top");
}

#[test]
fn long_lists_come_page_by_page() {
    let mut model = Model::default();
    model.apply(&synced(&[]));
    assert_eq!(kinds(&watches(&mut model).requests), ["who"]);
    let changes = answer(&mut model, Who::default(), &page(&[user(1, "A")], 4, Some("a")));
    let Request::Who(next) = &changes.requests[0] else { panic!("{changes:?}") };
    assert_eq!(next.after.as_deref(), Some("a"));
    let reply = page(&[user(2, "B")], 6, None);
    assert!(answer(&mut model, next.clone(), &reply).requests.is_empty());
    assert_eq!(online(&model), ["A", "B"]);
    let stale = presence(&mut model, 6, &[], &[1]);
    assert_eq!(kinds(&stale.requests), ["who"], "the first page's number counts");
}

#[test]
fn rooms_come_change_and_go() {
    let mut model = ready(&[room(1, 0)]);
    let mut direct = Room { kind: RoomKind::Direct, name: String::new(), ..room(3, 0) };
    direct.with = Some(user(9, "Bob"));
    answer(&mut model, RoomOpen::default(), &Answer::Room(direct));
    assert_eq!(model.direct_room(UserId(9)).map(|room| room.id), Some(RoomId(3)));
    assert_eq!(model.name(UserId(9)), Some("Bob"));

    push(&mut model, Message { kind: Kind::Join, body: Body::default(), ..said(1, 1, 9, "") });
    let topic = Body::text("new\u{7} topic");
    push(&mut model, Message { kind: Kind::Topic, body: topic, ..said(1, 2, 9, "") });
    let lobby = model.room_named("room1").unwrap();
    assert_eq!((lobby.members, lobby.topic.as_str()), (3, "new␇ topic"));
    model.apply(&synced(&[Room { members: 5, ..room(1, 9) }]));
    push(&mut model, Message { kind: Kind::Join, ..said(1, 8, 4, "") });
    assert_eq!(model.room(RoomId(1)).unwrap().members, 5, "it was counted in already");
    assert!(model.room(RoomId(3)).is_none(), "left meanwhile");

    let gone = Room { role: Role::Gone, ..room(1, 0) };
    model.apply(&Notice::Event(Event::Room(Box::new(gone))));
    assert!(model.room(RoomId(1)).is_none());
    model.apply(&Notice::Event(Event::Room(Box::new(room(2, 0)))));
    answer(&mut model, RoomLeave { room: RoomId(2) }, &Answer::Done(Empty {}));
    assert!(model.rooms().is_empty());
}

#[test]
fn of_two_rooms_of_a_name_the_one_inside_comes_before_an_invitation() {
    let name = || "tea".to_owned();
    let invited = Room { role: Role::Invited, name: name(), ..room(1, 0) };
    let model = ready(&[invited, Room { name: name(), ..room(2, 0) }]);
    assert_eq!(model.room_named("tea").map(|room| room.id), Some(RoomId(2)));
}

#[test]
fn people_of_one_name_are_told_apart_by_their_user_ids() {
    let mut model = ready(&[room(1, 0)]);
    let called = |model: &Model, number: u64| model.name(UserId(number)).map(str::to_owned);
    let user = |number: u64, name: &str| User { id: format!("u{number}"), ..user(number, name) };
    presence(&mut model, 1, &[user(7, "Alice")], &[]);
    assert_eq!(called(&model, 7).as_deref(), Some("Alice"));
    presence(&mut model, 2, &[user(8, "ＡＬＩＣＥ"), user(9, "Bob")], &[]);
    presence(&mut model, 3, &[user(7, "Alice"), user(10, "alice")], &[]);
    assert_eq!(called(&model, 7).as_deref(), Some("Alice (u7)"));
    assert_eq!(called(&model, 8).as_deref(), Some("ＡＬＩＣＥ (u8)"));
    assert_eq!(called(&model, 9).as_deref(), Some("Bob"));
    assert_eq!(called(&model, 10).as_deref(), Some("alice (u10)"));
}

#[test]
fn another_epoch_makes_a_clean_start() {
    let mut model = ready(&[room(1, 1)]);
    push(&mut model, said(1, 2, 9, "old"));
    let fresh = Synced { epoch: "e2".into(), reset: true, rooms: vec![room(1, 1)] };
    model.apply(&Notice::Synced(Box::new(fresh)));
    let lobby = model.room(RoomId(1)).unwrap();
    assert_eq!((lobby.head, lobby.timeline.rows().count()), ((Seq(1), 1), 0));
}

#[test]
fn own_posts_show_before_login_and_settle_after_it() {
    let nonce = Nonce([1; 16]);
    let queued = |nonce| {
        let (room, kind, body) = (RoomId(1), Kind::Text, Body::text("mine"));
        Notice::Queued(Box::new(Queued { nonce, room, kind, body, at_ms: 1 }))
    };
    let mut model = Model::default();
    model.apply(&queued(nonce));
    model.apply(&Notice::LoggedIn(Box::new(session(None))));
    model.apply(&synced(&[room(1, 0)]));
    let pending = model.room(RoomId(1)).unwrap().timeline.pending();
    assert_eq!((pending.len(), pending[0].from), (1, UserId(7)));
    let posted = Posted { seq: Seq(1), at_ms: 9, dup: false };
    model.apply(&Notice::Posted { nonce, room: RoomId(1), posted });
    push(&mut model, Message { cid: nonce, ..said(1, 1, 7, "mine") });
    let timeline = &model.room(RoomId(1)).unwrap().timeline;
    assert_eq!((timeline.pending().len(), timeline.rows().count()), (0, 1));
    let nonce = Nonce([2; 16]);
    model.apply(&queued(nonce));
    let fault = Fault::from(FaultCode::Forbidden);
    let failed = Notice::PostFailed { nonce, room: RoomId(1), fault };
    assert!(model.apply(&failed).rooms.contains(&RoomId(1)));
}

#[test]
fn news_that_concern_me_ring_and_others_do_not() {
    let direct = Room { kind: RoomKind::Direct, ..room(2, 0) };
    let mut model = ready(&[room(1, 0), direct]);
    let named = |seq, from| Message {
        body: Body { at: vec![UserId(7)], ..Body::text("@me") },
        ..said(1, seq, from, "")
    };
    assert!(push(&mut model, said(1, 1, 9, "hi all")).alerts.is_empty());
    assert_eq!(push(&mut model, named(2, 9)).alerts.len(), 1);
    assert!(push(&mut model, named(2, 9)).alerts.is_empty(), "once only");
    assert_eq!(model.room(RoomId(1)).unwrap().mentions(UserId(7)), 1);
    assert!(push(&mut model, named(3, 7)).alerts.is_empty(), "not for my own words");
    assert_eq!(model.room(RoomId(1)).unwrap().mentions(UserId(7)), 0);
    assert_eq!(push(&mut model, said(2, 1, 9, "psst")).alerts.len(), 1);
    model.apply(&synced(&[room(1, 4)]));
    assert!(push(&mut model, named(4, 9)).alerts.is_empty(), "what was missed is for the inbox");
}

#[test]
fn the_inbox_shows_invitations_then_what_waits_newest_first() {
    let direct = Room { kind: RoomKind::Direct, with: Some(user(9, "Bob")), ..room(2, 0) };
    let invited = Room { role: Role::Invited, with: Some(user(9, "Bob")), ..room(3, 0) };
    let mut model = ready(&[room(1, 0), direct, invited, room(4, 0)]);
    let named = Body { at: vec![UserId(7)], ..Body::text("@me look") };
    push(&mut model, said(1, 1, 9, "hello"));
    push(&mut model, Message { body: named, ..said(1, 2, 9, "") });
    push(&mut model, Message { at_ms: 9_000, ..said(2, 1, 9, "psst") });
    let file = Body {
        fid: Some(liao_common::id::FileId(5)),
        name: Some("a.txt".into()),
        ..Body::default()
    };
    push(&mut model, Message { kind: Kind::File, body: file, at_ms: 3_000, ..said(1, 3, 9, "") });
    let rows = inbox(&model);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.kind, row.room.0, row.seq.0, row.count)).collect();
    let file = liao_common::id::FileId(5);
    assert_eq!(
        seen,
        [
            (InboxKind::Invitation, 3, 0, 0),
            (InboxKind::Direct, 2, 1, 1),
            (InboxKind::File(file), 1, 3, 1),
            (InboxKind::Mention, 1, 2, 3),
        ]
    );
    assert_eq!((rows[1].words.as_str(), rows[1].from), ("psst", Some(UserId(9))));
    model.mark_read(RoomId(1), Seq(3));
    model.mark_read(RoomId(2), Seq(1));
    let left: Vec<_> = inbox(&model).iter().map(|row| row.kind).collect();
    assert_eq!(left, [InboxKind::Invitation]);
}

#[test]
fn a_refused_page_is_not_asked_for_at_every_look() {
    let mut model = ready(&[room(1, 9)]);
    let Some(Request::History(asked)) = model.open(RoomId(1)) else { panic!() };
    let hole = Hole { from: Seq(1), to: Seq(9) };
    for (error, again) in [
        (CallError::Lost, true),
        (CallError::Full, true),
        (Fault::from(FaultCode::Internal).into(), false),
    ] {
        let (ticket, request) = (Ticket(1), Box::new(asked.clone().into()));
        model.apply(&Notice::Answer { ticket, request, answer: Err(error) });
        assert_eq!(model.fill(RoomId(1), hole).is_some(), again);
    }
    assert!(model.open(RoomId(1)).is_some(), "a person who opens it anew wants to know");
}

#[test]
fn who_is_online_is_asked_for_behind_the_wish_to_hear_of_changes() {
    let mut model = Model::default();
    let early = model.apply(&synced(&[]));
    assert_eq!(kinds(&early.requests), [] as [&str; 0], "whoever comes now would be missed");
    let blind = Watch { act: vec![RoomId(1)], online: false };
    assert!(answer(&mut model, blind, &Answer::Done(Empty {})).requests.is_empty());
    assert_eq!(kinds(&watches(&mut model).requests), ["who"]);
    assert!(watches(&mut model).requests.is_empty(), "once");
    // After a cut the link repeats the wish before anything else.
    assert_eq!(kinds(&model.apply(&synced(&[])).requests), ["who"]);
}

#[test]
fn an_empty_page_with_more_behind_it_is_not_asked_for_at_every_look() {
    let mut model = ready(&[room(1, 9)]);
    let Some(Request::History(asked)) = model.open(RoomId(1)) else { panic!() };
    let hole = Hole { from: Seq(1), to: Seq(9) };
    answer(&mut model, asked, &Answer::Page(Page { more: true, ..Page::default() }));
    assert_eq!(model.fill(RoomId(1), hole), None);
    assert!(model.open(RoomId(1)).is_some(), "a person who opens it anew wants to know");
}

#[test]
fn what_is_on_the_screen_is_filled_after_every_sync() {
    let mut model = Model::default();
    assert_eq!(model.open(RoomId(1)), None);
    model.apply(&synced(&[room(1, 9), room(2, 9)]));
    let changes = model.apply(&Notice::Event(Event::Synced));
    assert_eq!(kinds(&changes.requests), ["history"]);
    model.close(RoomId(1));
    model.apply(&synced(&[room(1, 9)]));
    assert!(model.apply(&Notice::Event(Event::Synced)).requests.is_empty());
}

#[test]
fn a_page_from_the_midst_leaves_a_hole_on_either_side() {
    let mut model = ready(&[Room { floor: Seq(100), ..room(1, 900) }]);
    let asked = History { room: RoomId(1), around: Some(Seq(500)), ..History::default() };
    let msgs = (450..=549).map(|seq| said(1, seq, 9, "x")).collect();
    let reply = Answer::Page(Page { msgs, more: true, floor: Seq(100), users: Vec::new() });
    answer(&mut model, asked, &reply);
    let holes = model.room(RoomId(1)).unwrap().timeline.items();
    let holes = holes.iter().filter(|item| matches!(item, crate::timeline::Item::Hole(_)));
    assert_eq!(holes.count(), 2);
}

#[test]
fn the_highest_numbers_are_survived() {
    let mut model = ready(&[Room { members: u64::MAX, ..room(1, 0) }]);
    push(&mut model, Message { kind: Kind::Join, ..said(1, 1, 9, "") });
    assert_eq!(model.room(RoomId(1)).unwrap().members, u64::MAX);
    let last = Message { seq: Seq(u64::MAX), n: u64::MAX, ..said(1, 2, 9, "the end") };
    push(&mut model, last);
    assert_eq!(model.room(RoomId(1)).unwrap().head, (Seq(u64::MAX), u64::MAX));
}

#[test]
fn who_enters_sees_what_the_invitation_did_not_show() {
    let mut model = ready(&[room(1, 0)]);
    let head = (Seq(9), 9);
    let invitation = Room { role: Role::Invited, head, floor: Seq(9), ..room(5, 0) };
    model.apply(&Notice::Event(Event::Room(Box::new(invitation.clone()))));
    let member = Room { role: Role::Member, head, floor: Seq::ZERO, ..invitation };
    model.apply(&Notice::Event(Event::Room(Box::new(member.clone()))));
    let floor = |model: &Model| model.room(RoomId(5)).unwrap().timeline.floor();
    assert_eq!(floor(&model), Seq::ZERO);
    assert!(model.open(RoomId(5)).is_some(), "what was said before is fetched");
    let late = Room { floor: Seq(4), ..member.clone() };
    model.apply(&Notice::Event(Event::Room(Box::new(late))));
    model.apply(&Notice::Event(Event::Room(Box::new(member))));
    assert_eq!(floor(&model), Seq(4), "otherwise it only rises");
}

#[test]
fn refused_changes_are_told_once_with_their_words() {
    let mut model = ready(&[room(1, 3)]);
    let nonce = Nonce([3; 16]);
    let body = Body { of: Some(Seq(2)), ..Body::text("better") };
    let queued = Queued { nonce, room: RoomId(1), kind: Kind::Edit, body, at_ms: 1 };
    model.apply(&Notice::Queued(Box::new(queued)));
    assert_eq!(
        (model.waiting_changes(), model.waiting_text(RoomId(1), Seq(2))),
        (1, Some("better"))
    );
    assert_eq!(model.take_refused_changes(), []);
    let fault = Fault::from(FaultCode::EpochChanged);
    model.apply(&Notice::PostFailed { nonce, room: RoomId(1), fault });
    assert_eq!((model.waiting_changes(), model.waiting_text(RoomId(1), Seq(2))), (0, None));
    let told = RefusedChange {
        nonce,
        room: RoomId(1),
        text: Some("better".into()),
        code: FaultCode::EpochChanged,
    };
    assert_eq!(model.take_refused_changes(), [told]);
    assert_eq!(model.take_refused_changes(), []);
}

fn queue(model: &mut Model, room: u64, nonce: u8) -> (Nonce, RoomId) {
    let (nonce, room) = (Nonce([nonce; 16]), RoomId(room));
    let queued = Queued { nonce, room, kind: Kind::Text, body: Body::text("unsent"), at_ms: 1 };
    model.apply(&Notice::Queued(Box::new(queued)));
    (nonce, room)
}

fn refuse(model: &mut Model, (nonce, room): (Nonce, RoomId)) -> Changes {
    model.apply(&Notice::PostFailed { nonce, room, fault: FaultCode::NotFound.into() })
}

#[test]
fn a_room_that_is_not_listed_any_more_stays_with_the_words_that_were_refused() {
    let mut model = ready(&[room(1, 0), room(5, 2)]);
    push(&mut model, said(5, 3, 9, "before"));
    let own = queue(&mut model, 5, 4);
    model.apply(&synced(&[room(1, 0)]));
    model.apply(&Notice::Event(Event::Synced));
    assert_eq!((model.rooms().len(), model.unread(), model.waiting_unlisted()), (1, 0, 1));
    refuse(&mut model, own);
    let view = model.room(RoomId(5)).unwrap();
    assert_eq!(view.removed, Some(Loss::Unlisted));
    assert!(!view.is_inside() && view.name == "room5" && view.timeline.row(Seq(3)).is_some());
    assert!(matches!(view.timeline.pending()[0].state, RowState::Failed(_)));

    model.apply(&synced(&[room(1, 0), room(5, 3)]));
    let view = model.room(RoomId(5)).unwrap();
    assert!(view.is_inside() && view.removed.is_none() && view.timeline.pending().len() == 1);

    let reset = Synced { epoch: "e2".into(), reset: true, rooms: vec![room(1, 0)] };
    model.apply(&Notice::Synced(Box::new(reset)));
    assert!(model.room(RoomId(5)).is_none(), "of another log nothing is known");
    model.apply(&Notice::Event(Event::Synced));
    let kept = model.room(RoomId(5)).unwrap();
    assert_eq!(kept.timeline.pending().len(), 1, "but words of one's own are kept");
}

#[test]
fn refused_words_of_an_earlier_run_are_shown_without_their_room() {
    for ready in [false, true] {
        let mut model = Model::default();
        model.apply(&Notice::LoggedIn(Box::new(session(None))));
        let own = queue(&mut model, 5, 4);
        model.apply(&synced(&[room(1, 0)]));
        if ready {
            model.apply(&Notice::Event(Event::Synced));
            assert!(model.room(RoomId(5)).is_none(), "they may still be taken");
        }
        refuse(&mut model, own);
        model.apply(&Notice::Event(Event::Synced));
        let view = model.lost().next().unwrap();
        assert_eq!((view.id, view.timeline.pending().len()), (RoomId(5), 1));
        assert!(model.forget(RoomId(5)));
        model.apply(&Notice::Discarded { nonce: own.0, room: own.1 });
        assert!(model.room(RoomId(5)).is_none());
    }
}
