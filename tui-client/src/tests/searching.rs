//! Searching a chat: what is found, how one gets there, and how far back one looks.

use liao_client_core::{
    notice::{Cut, LinkState, Notice},
    timeline::ENTRIES_OPEN_MAX,
};
use liao_common::{id::RoomId, request::Request};

use super::{
    driver::{BOB, Desk, RUST, ZHANG, busy},
    reading::{in_a_long_log, serve},
};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (100, 30);

#[test]
fn messages_are_found_by_their_words_and_names_whatever_the_case_and_one_goes_there() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=60 {
        desk.said(RoomId::LOBBY, BOB, 1, &format!("filler {number}."));
        if number == 3 {
            desk.said(RoomId::LOBBY, BOB, 1, "who wants\nPizza tonight?");
            desk.said(RoomId::LOBBY, ZHANG, 1, "pizza, 好的");
        }
    }
    desk.keys("<C-f>");
    desk.shows("Search #lobby");
    desk.hides("found");
    desk.keys("PIZZA");
    desk.shows("2 found");
    desk.shows("who wants Pizza tonight?");
    desk.shows("pizza, 好的");
    desk.keys(" tonight bob");
    desk.shows("1 found");
    desk.hides("好的");
    desk.keys("<Enter>");
    desk.hides("1 found");
    desk.shows("Pizza tonight?");
    desk.shows("filler 4.");
    desk.hides("filler 60.");
}

#[test]
fn going_to_what_was_found_reads_nothing_that_was_passed_over() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=80 {
        let text = if number == 70 { "the pizza is here" } else { "filler" };
        desk.said(RUST, BOB, 1, &format!("{text} {number}."));
    }
    desk.keys("<C-n>");
    let unread = |desk: &Desk| desk.app.model.room(RUST).unwrap().unread();
    let before = unread(&desk);
    assert!(before > 40, "some were shown: {before}");
    desk.keys("<C-f>pizza<Enter>");
    desk.shows("the pizza is here");
    desk.shows("filler 80.");
    assert_eq!(unread(&desk), before);
    desk.shows(&format!("#rust {before}"));
    // Who reads on from where they had been has read what they came by.
    desk.keys("<C-p><C-n>");
    desk.hides("pizza");
    for _ in 0..8 {
        desk.keys("<PgDn>");
    }
    desk.shows("the pizza is here");
    assert_eq!(unread(&desk), 0);
    // And who goes to the end does not want the rest.
    (1..=80).for_each(|number| _ = desk.said(RUST, BOB, 1, &format!("more {number}.")));
    desk.keys("<C-f>more 79<Enter>");
    desk.keys("<C-End>");
    assert_eq!(unread(&desk), 0);
}

#[test]
fn chinese_is_found_without_blanks_and_nothing_is_said_to_be_nothing() {
    let mut desk = Desk::inside(SIZE, Language::Chinese);
    desk.said(RoomId::LOBBY, ZHANG, 1, "大家好，今天的会议改到三点。");
    desk.keys("/search 会议<Enter>");
    desk.shows("找到 1 条");
    desk.keys("没有");
    desk.shows("找到 0 条");
    desk.keys("<C-u>");
    desk.hides("条");
    desk.keys("<Enter><Esc>");
    desk.hides("搜索 #lobby");
}

#[test]
fn older_messages_are_fetched_while_one_searches_and_not_without_end() {
    const SAID: u64 = 1_000_000;
    let mut desk = in_a_long_log(SAID);
    desk.keys("<C-f>");
    assert_eq!(serve(&mut desk, SAID), 0, "nothing is searched for yet");
    desk.keys("line 998000.");
    desk.shows("looking further back");
    let pages = serve(&mut desk, SAID);
    assert!((20..=40).contains(&pages), "{pages}");
    desk.shows("1 found · nothing before");
    let kept = desk.app.model.room(RoomId::LOBBY).unwrap().timeline.rows().count();
    assert!(kept <= ENTRIES_OPEN_MAX);
    desk.keys("<Enter>");
    serve(&mut desk, SAID);
    desk.shows("line 998000.");
    desk.shows("line 998001.");
}

#[test]
fn without_a_connection_what_is_here_is_searched() {
    let mut desk = busy(SIZE, Language::English);
    desk.said(RoomId::LOBBY, BOB, 1, "said before");
    desk.effects.clear();
    desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 1000, why: Cut::Lost }));
    desk.keys("<C-f>before");
    desk.shows("1 found");
    let asks = |effect: &Effect| matches!(effect, Effect::Ask(Request::History(_)));
    assert!(!desk.effects.iter().any(asks));
}
