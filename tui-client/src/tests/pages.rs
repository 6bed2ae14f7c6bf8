//! Lists that come in pages: the following ones are asked for, as long as somebody wants them.

use liao_client_core::answer::Answer;
use liao_common::{
    event::{RoomPage, RoomRow, User, UserPage},
    id::{RoomId, UserId},
    request::{Request, RoomList, Who},
};

use super::driver::{Desk, busy};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (120, 36);

fn rooms(first: u64, next: Option<&str>) -> Answer {
    let row = |id: u64| RoomRow {
        room: RoomId(id),
        name: format!("room-{id}"),
        topic: String::new(),
        members: 1,
        joined: false,
    };
    Answer::Rooms(RoomPage {
        rooms: (first..first + 100).map(row).collect(),
        next: next.map(str::to_owned),
    })
}

fn asked(desk: &mut Desk) -> Vec<Request> {
    let asks = std::mem::take(&mut desk.effects).into_iter().filter_map(|effect| match effect {
        Effect::Ask(request @ (Request::RoomList(_) | Request::Who(_))) => Some(request),
        _ => None,
    });
    asks.collect()
}

fn list(query: &str, after: Option<&str>) -> RoomList {
    RoomList { query: query.into(), after: after.map(str::to_owned), ..RoomList::default() }
}

#[test]
fn rooms_beyond_the_first_page_are_asked_for_and_listed() {
    let mut desk = busy(SIZE, Language::English);
    desk.effects.clear();
    desk.keys("<F6>");
    assert_eq!(asked(&mut desk), [list("", None).into()]);
    desk.answer(list("", None), rooms(1000, Some("room-1099")));
    assert_eq!(asked(&mut desk), [list("", Some("room-1099")).into()]);
    desk.answer(list("", Some("room-1099")), rooms(1100, None));
    assert_eq!(asked(&mut desk), []);
    desk.keys("room-1199");
    desk.shows("#room-1199");
}

#[test]
fn pages_end_with_the_limit_with_the_wish_and_with_a_server_that_says_nothing_new() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<F6>");
    desk.effects.clear();
    let mut pages = 0;
    let mut next = list("", None);
    loop {
        desk.answer(next, rooms(1000 + 100 * pages, Some("more")));
        pages += 1;
        match asked(&mut desk).pop() {
            Some(Request::RoomList(again)) => next = again,
            None => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pages, 10);

    let mut desk = busy(SIZE, Language::English);
    desk.keys("<F6>");
    desk.answer(list("", None), rooms(1000, Some("more")));
    desk.effects.clear();
    desk.answer(list("", Some("more")), rooms(1000, Some("again")));
    assert_eq!(asked(&mut desk), [], "the same rooms again");
    desk.keys("x");
    assert_eq!(asked(&mut desk), [list("x", None).into()]);
    desk.answer(list("", Some("more")), rooms(2000, Some("late")));
    assert_eq!(asked(&mut desk), [], "something else is looked for by now");
}

#[test]
fn people_found_beyond_the_first_page_are_asked_for() {
    let mut desk = busy(SIZE, Language::English);
    let person = |id: u64| User {
        user: UserId(id),
        id: format!("zoe{id}"),
        name: format!("Zoe {id}"),
        on: Some(true),
    };
    let page = |ids: std::ops::Range<u64>, next: Option<&str>| {
        let users = ids.map(person).collect();
        let next = next.map(str::to_owned);
        Answer::Users(UserPage { users, total: 150, v: 1, next, ..UserPage::default() })
    };
    let who = |after: Option<&str>| Who {
        query: "zoe".into(),
        after: after.map(str::to_owned),
        ..Who::default()
    };
    desk.keys("<F3>zoe");
    desk.effects.clear();
    desk.answer(who(None), page(1000..1100, Some("zoe1099")));
    assert_eq!(asked(&mut desk), [who(Some("zoe1099")).into()]);
    desk.answer(who(Some("zoe1099")), page(1100..1150, None));
    assert_eq!(asked(&mut desk), []);
    desk.keys("<C-u>zoe1149");
    desk.shows("Zoe 1149");
}
