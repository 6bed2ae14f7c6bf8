//! Reading: scrolling, unread, the inbox, people, mouse, what is fetched and what is marked as read.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use liao_client_core::{
    answer::Answer,
    notice::{End, LinkState, Notice, Queued},
    timeline::ENTRIES_OPEN_MAX,
};
use liao_common::{
    event::{Event, Gap, Heads, Page},
    fault::{Fault, FaultCode},
    id::{DeviceId, Nonce, RoomId, Seq},
    message::{Body, Kind, Message},
    request::{History, Mark, Request, RoomOpen},
};

use super::driver::{ALICE, BOB, Desk, RUST, WITH_BOB, ZHANG, busy, direct, gone, user};
use crate::{effect::Effect, input::Input, words::Language};

const SIZE: (u16, u16) = (120, 36);

pub(super) fn asks(desk: &Desk) -> Vec<Request> {
    let asked = desk.effects.iter().filter_map(|effect| match effect {
        Effect::Ask(request) => Some(request.clone()),
        _ => None,
    });
    asked.collect()
}

fn click(desk: &mut Desk, text: &str) {
    let shown = desk.screen();
    let (y, line) = shown.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
    let x = crate::text::width::columns(line.split(text).next().unwrap());
    let kind = MouseEventKind::Down(MouseButton::Left);
    let (column, row) = (u16::try_from(x).unwrap() + 1, u16::try_from(y).unwrap());
    desk.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn what_is_seen_is_marked_as_read_and_what_is_not_seen_is_not() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let seq = desk.said(RoomId::LOBBY, BOB, 1, "hi");
    assert!(asks(&desk).contains(&Mark { room: RoomId::LOBBY, read: seq }.into()));
    desk.effects.clear();
    desk.said(RUST, BOB, 2, "elsewhere");
    assert!(!asks(&desk).iter().any(|request| matches!(request, Request::Mark(_))));
    desk.shows("#rust 1");
    desk.keys("<A-a>");
    desk.shows("elsewhere");
    assert!(asks(&desk).contains(&Mark { room: RUST, read: Seq(1) }.into()));
    desk.shows(" #rust ");
    desk.hides("#rust 1");
}

#[test]
fn ones_own_words_are_read_without_telling_the_server_again() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.effects.clear();
    desk.said(RoomId::LOBBY, super::driver::ALICE, 1, "me");
    desk.shows("me");
    assert!(!asks(&desk).iter().any(|request| matches!(request, Request::Mark(_))));
    desk.said(RUST, BOB, 1, "unread so far");
    desk.shows("#rust 1");
    desk.said(RUST, super::driver::ALICE, 2, "answered on another device");
    desk.hides("#rust 1");
}

#[test]
fn a_chat_opens_at_the_first_unread_message() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=80 {
        desk.said(RUST, BOB, 1, &format!("line {number}."));
    }
    desk.keys("<C-n>");
    desk.shows("line 1.");
    desk.hides("line 80.");
    desk.shows("↓ ");
    desk.keys("<C-End>");
    desk.shows("line 80.");
    desk.hides("↓ ");
}

#[test]
fn only_what_came_since_counts_as_new_below() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=60 {
        desk.said(RoomId::LOBBY, BOB, 1, &format!("line {number}."));
    }
    desk.shows("line 60.");
    for cut in [false, true] {
        if cut {
            desk.tell(Notice::State(LinkState::Connecting));
        }
        desk.keys("<PgUp>");
        desk.hides("line 60.");
        desk.shows("↓  ");
        desk.keys("<Esc>");
    }
    desk.tell(Notice::Event(Event::Synced));
    desk.tell(Notice::State(LinkState::Online { latency_ms: None }));
    desk.keys("<PgUp>");
    desk.said(RoomId::LOBBY, BOB, 2, "news");
    desk.shows("↓ 1 new");
    desk.keys("<PgUp>");
    desk.said(RoomId::LOBBY, BOB, 2, "more");
    desk.shows("↓ 2 new");
    desk.keys("<C-End>");
    desk.shows("more");
    desk.keys("<PgUp>");
    desk.shows("↓  ");
}

#[test]
fn new_messages_do_not_move_what_one_reads() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=60 {
        desk.said(RoomId::LOBBY, BOB, 1, &format!("line {number}."));
    }
    desk.keys("<PgUp>");
    let before = desk.screen();
    let timeline =
        |screen: &str| screen.lines().skip(3).take(25).map(str::to_owned).collect::<Vec<_>>();
    desk.said(RoomId::LOBBY, BOB, 2, "news");
    assert_eq!(timeline(&desk.screen()), timeline(&before));
    desk.keys("<C-End>");
    desk.shows("news");
}

#[test]
fn older_history_is_fetched_when_one_comes_to_it() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.tell(Notice::Event(Event::Gap(Gap { room: RoomId::LOBBY, from: Seq(1), to: Seq(500) })));
    let wanted = asks(&desk).into_iter().find_map(|request| match request {
        Request::History(history) => Some(history),
        _ => None,
    });
    assert_eq!(wanted.as_ref().map(|history| history.before), Some(Some(Seq(501))));
    desk.shows("loading older messages");
    let asked: History = wanted.unwrap();
    desk.answer(
        asked,
        Answer::Page(Page { msgs: Vec::new(), more: false, floor: Seq(500), users: Vec::new() }),
    );
    desk.hides("loading older messages");
}

/// A line that was said long ago.
pub(super) fn said_at(seq: u64) -> Message {
    let mut cid = Nonce([0; 16]);
    cid.0[..8].copy_from_slice(&seq.to_be_bytes());
    Message {
        room: RoomId::LOBBY,
        seq: Seq(seq),
        n: seq,
        at_ms: seq,
        from: BOB,
        device: DeviceId(2),
        cid,
        kind: Kind::Text,
        body: Body::text(format!("line {seq}.")),
    }
}

#[test]
fn of_a_long_flood_the_newest_stays_and_the_rest_is_a_scroll_away() {
    const SAID: u64 = ENTRIES_OPEN_MAX as u64 + 500;
    let mut desk = Desk::inside(SIZE, Language::English);
    let kept = |desk: &Desk| desk.app.model.room(RoomId::LOBBY).unwrap().timeline.rows().count();
    for seq in 1..=SAID {
        let notice = Notice::Event(Event::Message(Box::new(said_at(seq))));
        crate::app::update(&mut desk.app, Input::Notice(Box::new(notice)));
    }
    desk.input(Input::Woken);
    desk.shows(&format!("line {SAID}."));
    assert_eq!(kept(&desk), ENTRIES_OPEN_MAX);
    desk.effects.clear();
    desk.keys("<C-Home>");
    let wanted = asks(&desk).into_iter().find_map(|request| match request {
        Request::History(history) => Some(history),
        _ => None,
    });
    let asked = wanted.expect("a page of what is no longer here");
    assert_eq!(asked.after, Some(Seq::ZERO), "one goes to the beginning");
    let msgs = (1..=100).map(said_at).collect();
    let page = Page { msgs, more: true, floor: Seq::ZERO, users: Vec::new() };
    desk.answer(asked, Answer::Page(page));
    desk.shows("line 1.");
    assert_eq!(kept(&desk), ENTRIES_OPEN_MAX, "as much of the newest went");
    let before = desk.screen();
    for seq in SAID + 1..=SAID + 50 {
        desk.tell(Notice::Event(Event::Message(Box::new(said_at(seq)))));
    }
    let read = |screen: &str| numbers(screen);
    assert_eq!(read(&desk.screen()), read(&before), "what one reads is not what goes");
    assert_eq!(kept(&desk), ENTRIES_OPEN_MAX);
    desk.effects.clear();
    desk.keys("<C-End>");
    let newest = asks(&desk).into_iter().find_map(|request| match request {
        Request::History(history) => history.before,
        _ => None,
    });
    assert_eq!(newest, Some(Seq(SAID + 51)));
}

#[test]
fn a_frame_for_a_key_shows_the_key_and_the_next_one_what_came() {
    let mut desk = Desk::inside(SIZE, Language::English);
    (1..=60).for_each(|seq| desk.tell(Notice::Event(Event::Message(Box::new(said_at(seq))))));
    let notice = Notice::Event(Event::Message(Box::new(said_at(61))));
    let key = |code: KeyCode| Input::Key(KeyEvent::from(code));
    crate::app::update(&mut desk.app, Input::Notice(Box::new(notice)));
    crate::app::update(&mut desk.app, key(KeyCode::Char('q')));
    crate::app::settle_typed(&mut desk.app);
    desk.shows("❯ q");
    desk.hides("line 61.");
    crate::app::update(&mut desk.app, key(KeyCode::PageUp));
    crate::app::settle_typed(&mut desk.app);
    desk.hides("line 60.");
    crate::app::update(&mut desk.app, key(KeyCode::PageDown));
    crate::app::settle_typed(&mut desk.app);
    desk.shows("line 61.");
}

/// The numbers of the lines on a screen.
fn numbers(screen: &str) -> Vec<u64> {
    let of_line = |line: &str| line.split_once("line ")?.1.split_once('.')?.0.parse().ok();
    screen.lines().filter_map(of_line).collect()
}

/// A server with so many lines answers what is asked of the log; gives how many pages it had to send.
pub(super) fn serve(desk: &mut Desk, said: u64) -> usize {
    serve_of(desk, said, said_at)
}

/// The same with other words in its log.
fn serve_of(desk: &mut Desk, said: u64, word: impl Fn(u64) -> Message) -> usize {
    const PAGE: u64 = 100;
    let mut pages = 0;
    loop {
        let asked = asks(desk).into_iter().find_map(|request| match request {
            Request::History(history) => Some(history),
            _ => None,
        });
        let Some(asked) = asked else { return pages };
        let place = desk
            .effects
            .iter()
            .position(|effect| *effect == Effect::Ask(asked.clone().into()))
            .unwrap();
        desk.effects.remove(place);
        let first = match (asked.before, asked.after) {
            (Some(before), _) => before.0.saturating_sub(PAGE).max(1),
            (_, after) => after.unwrap_or_default().0 + 1,
        };
        let last = asked.before.map_or(first + PAGE - 1, |before| before.0 - 1).min(said);
        let more = if asked.before.is_some() { first > 1 } else { last < said };
        let msgs = (first..=last).map(&word).collect();
        let page = Page { msgs, more, floor: Seq::ZERO, users: Vec::new() };
        desk.answer(asked, Answer::Page(page));
        pages += 1;
        assert!(pages < 100, "it fetches on and on by itself");
    }
}

/// In a lobby where so much was said, at its end.
pub(super) fn in_a_long_log(said: u64) -> Desk {
    let mut desk = Desk::inside(SIZE, Language::English);
    let heads = Heads { h: vec![(RoomId::LOBBY, Seq(said), said)] };
    desk.tell(Notice::Event(Event::Heads(heads)));
    desk.keys("<C-End>");
    serve(&mut desk, said);
    desk.shows(&format!("line {said}."));
    desk
}

#[test]
fn far_up_and_down_again_no_line_is_passed_over() {
    const SAID: u64 = ENTRIES_OPEN_MAX as u64 + 1500;
    let mut desk = in_a_long_log(SAID);
    let mut top = numbers(&desk.screen())[0];
    let mut fetched = 0;
    while top > 1 {
        desk.keys("<PgUp>");
        fetched += serve(&mut desk, SAID);
        let shown = numbers(&desk.screen());
        assert!(shown.is_sorted() && shown.windows(2).all(|two| two[1] == two[0] + 1));
        let last = *shown.last().unwrap();
        assert!(shown[0] < top && last + 1 >= top, "from {top} to {shown:?}");
        top = shown[0];
    }
    assert!(fetched as u64 <= SAID / 100 + 2, "{fetched} pages");
    desk.keys("<C-End>");
    serve(&mut desk, SAID);
    desk.shows(&format!("line {SAID}."));
    desk.keys("<C-Home>");
    serve(&mut desk, SAID);
    desk.shows("line 1.");
    down_again(&mut desk, SAID);
}

#[test]
fn who_reads_faster_than_pages_come_passes_nothing_over_though_own_words_stand_below() {
    const SAID: u64 = 2000;
    let mut desk = in_a_long_log(150);
    desk.keys("<C-Home>");
    serve(&mut desk, 150);
    let heads = Heads { h: vec![(RoomId::LOBBY, Seq(SAID), SAID)] };
    desk.tell(Notice::Event(Event::Heads(heads)));
    let (nonce, body) = (Nonce([9; 16]), Body::text("on its way"));
    let queued = Queued { nonce, room: RoomId::LOBBY, kind: Kind::Text, body, at_ms: 1 };
    desk.tell(Notice::Queued(Box::new(queued)));
    let mut before = String::new();
    while before != desk.screen() {
        before = desk.screen();
        desk.keys("<PgDn>");
    }
    desk.shows("on its way");
    desk.shows(" new");
    let bottom = *numbers(&desk.screen()).last().unwrap();
    assert!(bottom < SAID);
    serve(&mut desk, SAID);
    let top = numbers(&desk.screen())[0];
    assert!(top <= bottom + 1, "from {bottom} to {top}");
    down_again(&mut desk, SAID);
    desk.shows("on its way");
}

/// From the beginning, page by page.
fn down_again(desk: &mut Desk, said: u64) {
    let mut bottom = *numbers(&desk.screen()).last().unwrap();
    while bottom < said {
        desk.keys("<PgDn>");
        serve(desk, said);
        let shown = numbers(&desk.screen());
        assert!(shown.windows(2).all(|two| two[1] == two[0] + 1), "{shown:?}");
        let last = *shown.last().unwrap();
        assert!(last > bottom && shown[0] <= bottom + 1, "from {bottom} to {shown:?}");
        bottom = last;
        assert!(desk.screen().contains(" new") || bottom == said, "it says that more is below");
    }
    let kept = desk.app.model.room(RoomId::LOBBY).unwrap().timeline.rows().count();
    assert!(kept <= ENTRIES_OPEN_MAX);
}

#[test]
fn what_was_changed_again_and_again_is_not_fetched_again_and_again() {
    const SAID: u64 = 100_000;
    // A line, and then fifty changes of it.
    let word = |seq: u64| match (seq - 1) % 51 {
        0 => said_at(seq),
        after => {
            let body = Body { of: Some(Seq(seq - after)), ..Body::text(format!("line {seq}.")) };
            Message { kind: Kind::Edit, body, ..said_at(seq) }
        }
    };
    let mut desk = Desk::inside(SIZE, Language::English);
    let heads = Heads { h: vec![(RoomId::LOBBY, Seq(SAID), SAID)] };
    desk.tell(Notice::Event(Event::Heads(heads)));
    desk.keys("<C-End>");
    serve_of(&mut desk, SAID, word);
    for _ in 0..8 {
        desk.keys("<PgUp>");
        serve_of(&mut desk, SAID, word);
    }
}

#[test]
fn a_page_that_is_slow_in_coming_leaves_one_where_one_is() {
    const SAID: u64 = 1000;
    let mut desk = in_a_long_log(SAID);
    desk.keys("<PgUp><PgUp><PgUp><PgUp><PgUp><PgUp>");
    let before = numbers(&desk.screen());
    serve(&mut desk, SAID);
    let after = numbers(&desk.screen());
    let both = after.iter().filter(|number| before.contains(number)).count();
    assert!(both + 2 >= before.len(), "{before:?} and then {after:?}");
}

#[test]
fn the_way_to_the_beginning_takes_one_page() {
    let mut desk = in_a_long_log(1_000_000);
    desk.keys("<C-Home>");
    assert!(serve(&mut desk, 1_000_000) <= 3);
    desk.shows("line 1.");
    desk.keys("<C-End>");
    assert!(serve(&mut desk, 1_000_000) <= 3);
    desk.shows("line 1000000.");
}

#[test]
fn a_room_with_a_million_unread_opens_at_the_first_of_them() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let said = 1_000_000;
    desk.keys("<C-n>");
    let heads = Heads { h: vec![(RoomId::LOBBY, Seq(said), said)] };
    desk.tell(Notice::Event(Event::Heads(heads)));
    desk.keys("<C-p>");
    assert!(serve(&mut desk, said) <= 4);
    desk.shows("line 1.");
}

#[test]
fn a_person_is_opened_from_the_list_by_keys_and_by_mouse() {
    let open = Request::from(RoomOpen { user: Some(ZHANG), name: None });
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<F3>zs<Enter>");
    assert_eq!(desk.wishes(), [Effect::Ask(open.clone())]);
    desk.answer(
        RoomOpen { user: Some(ZHANG), name: None },
        Answer::Room(direct(RoomId(8), user(ZHANG, "zhangsan", "张三"))),
    );
    desk.shows("Message to 张三");
    let mut desk = busy(SIZE, Language::English);
    click(&mut desk, "● 张三");
    assert_eq!(desk.wishes(), [Effect::Ask(open)]);
}

#[test]
fn who_leaves_is_gone_from_the_list_at_once() {
    let mut desk = busy(SIZE, Language::English);
    desk.shows("● Bob");
    desk.tell(gone(BOB, 2, 2));
    desk.hides("● Bob");
    desk.shows("2 online");
}

#[test]
fn going_to_words_that_name_one_reads_nothing_that_was_passed_over() {
    let mut desk = Desk::inside(SIZE, Language::English);
    for number in 1..=80 {
        let at = if number == 75 { vec![ALICE] } else { Vec::new() };
        let body = Body { at, ..Body::text(format!("line {number}.")) };
        desk.posted(RUST, BOB, 1, Kind::Text, body);
    }
    let unread = |desk: &Desk| desk.app.model.room(RUST).unwrap().unread();
    desk.keys("<F2>");
    desk.shows("line 75.");
    desk.keys("<Enter>");
    desk.shows("line 75.");
    desk.hides("line 1.");
    assert_eq!(unread(&desk), 80);
    // From the rule on it is read as one comes by it.
    desk.keys("<C-Home>");
    desk.shows("line 1.");
    let left = unread(&desk);
    assert!(left > 0 && left < 80, "{left}");
    desk.keys("<C-End>");
    assert_eq!(unread(&desk), 0);
}

#[test]
fn everything_is_marked_as_read_at_once() {
    let mut desk = busy(SIZE, Language::English);
    desk.said(RUST, BOB, 8, "one more");
    desk.keys("<F2>");
    desk.effects.clear();
    desk.keys("X");
    assert!(asks(&desk).contains(&Mark { room: RUST, read: Seq(2) }.into()));
    desk.shows("Nothing waits for you.");
}

#[test]
fn a_bell_rings_for_what_concerns_one_elsewhere() {
    let mut desk = busy(SIZE, Language::English);
    desk.tell(Notice::Event(Event::Room(Box::new(direct(WITH_BOB, user(BOB, "bob", "Bob"))))));
    desk.effects.clear();
    desk.said(RoomId::LOBBY, BOB, 9, "nothing special");
    assert!(!desk.effects.contains(&Effect::Bell));
    desk.said(WITH_BOB, BOB, 9, "psst");
    assert!(desk.effects.contains(&Effect::Bell));
}

#[test]
fn tabs_are_clicked_and_turned() {
    let mut desk = busy(SIZE, Language::English);
    click(&mut desk, "#rust");
    desk.shows("Message to #rust");
    desk.keys("<C-p>");
    desk.shows("Message to #lobby");
    desk.keys("<A-1>");
    desk.hides("Message to");
    desk.keys("<A-3>");
    desk.shows("Message to #rust");
}

#[test]
fn a_message_is_chosen_and_copied() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.said(RoomId::LOBBY, BOB, 1, "first");
    desk.said(RoomId::LOBBY, BOB, 2, "second");
    desk.keys("<Up><Up>y");
    assert_eq!(desk.wishes(), [Effect::Copy("first".into())]);
    desk.keys("<Esc>x");
    desk.shows("❯ x");
}

#[test]
fn an_ended_login_leads_back_to_the_form() {
    let mut desk = busy(SIZE, Language::English);
    desk.tell(Notice::State(LinkState::Ended(End::Refused(Fault::from(FaultCode::AuthRevoked)))));
    desk.shows("logged out from elsewhere");
    desk.shows("alice");
    // The operator gave them another password while the server was down.
    let mut desk = busy(SIZE, Language::English);
    let fault = Fault::from(FaultCode::Unauthenticated);
    desk.tell(Notice::State(LinkState::Ended(End::Refused(fault))));
    desk.shows("The saved login is no longer valid.");
    desk.shows("alice");
    desk.hides("is wrong");
}

#[test]
fn escape_sequences_in_names_and_messages_do_nothing() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.said(RoomId::LOBBY, BOB, 1, "\u{1b}[2J\u{1b}]0;owned\u{7}after");
    let shown = desk.screen();
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'));
    desk.shows("after");
}

#[test]
fn a_quote_shows_no_marks_and_a_name_ends_where_it_ends() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let seq = desk.said(RoomId::LOBBY, BOB, 1, "ok, `cargo run` works **now**");
    let body = Body { re: Some(seq), ..Body::text("fine") };
    desk.posted(RoomId::LOBBY, ZHANG, 2, Kind::Text, body);
    desk.shows("┌ Bob: ok, cargo run works now");
    let body = Body { at: vec![ZHANG], ..Body::text("@张三你好") };
    desk.posted(RoomId::LOBBY, BOB, 3, Kind::Text, body);
    desk.shows("@张三你好");
    let mention = desk.app.base.theme.styles.mention;
    let styled = desk.style_of("你好");
    assert_ne!(styled.fg, mention.fg.unwrap_or_default(), "only the name is one");
    assert_eq!(desk.style_of("@张三").fg, mention.fg.unwrap_or_default());
}

#[test]
fn who_speaks_stands_in_the_first_line_of_the_window_too() {
    let first_line = |desk: &mut Desk| {
        let shown = desk.screen();
        let mut lines = shown.lines().filter(|line| line.contains("line "));
        lines.next().unwrap_or_default().to_owned()
    };
    for size in [(120, 36), (80, 24)] {
        let mut desk = Desk::inside(size, Language::English);
        for number in 1..=90 {
            desk.said(RoomId::LOBBY, BOB, number / 20, &format!("line {number}."));
        }
        for _ in 0..12 {
            let line = first_line(&mut desk);
            assert!(line.starts_with(" 10:2") && line.contains("Bob "), "{line:?}");
            assert_eq!(desk.screen().matches("Bob   ").count(), 1, "and in no other");
            desk.keys("<C-k><Esc>");
            let up = MouseEventKind::ScrollUp;
            let wheel = MouseEvent { kind: up, column: 3, row: 5, modifiers: KeyModifiers::NONE };
            desk.input(Input::Mouse(wheel));
        }
    }
    // In the midst of one long message as well.
    let mut desk = Desk::inside((80, 24), Language::English);
    desk.said(RoomId::LOBBY, ZHANG, 9, &"one long line ".repeat(88));
    let line = first_line(&mut desk);
    assert!(line.starts_with(" 10:29  张三"), "{line:?}");
}

#[test]
fn in_a_narrow_window_the_first_name_stands_above_and_returns_every_five_minutes() {
    let mut desk = Desk::inside((40, 12), Language::English);
    for number in 1..=30 {
        desk.said(RoomId::LOBBY, BOB, 0, &format!("line {number}."));
    }
    desk.hides("line 1.");
    desk.shows("line 30.");
    let topic = desk.screen().lines().nth(1).unwrap_or_default().to_owned();
    assert!(topic.starts_with(" #lobby") && topic.ends_with("Bob  10:20"), "{topic:?}");
    desk.said(RoomId::LOBBY, BOB, 4, "still the same");
    desk.hides("Bob  10:24");
    desk.said(RoomId::LOBBY, BOB, 5, "a while later");
    desk.shows("Bob  10:25");
    desk.keys("<C-Home>");
    desk.shows("line 1.");
    let topic = desk.screen().lines().nth(1).unwrap_or_default().to_owned();
    assert!(!topic.contains("Bob"), "it stands in its place: {topic:?}");
}

#[test]
fn a_long_name_is_cut_where_it_can_be_seen_and_never_within_a_sign() {
    let name = "🎉👩‍💻Lovely long name 🎉🇩🇪👍🏽 of somebody";
    for size in [(120, 36), (80, 24), (40, 12)] {
        let mut desk = Desk::inside(size, Language::English);
        let with = user(BOB, "bob", name);
        desk.tell(Notice::Event(Event::Room(Box::new(direct(WITH_BOB, with)))));
        desk.said(WITH_BOB, BOB, 1, "hi");
        for keys in ["", "<F2>", "<Esc><C-k>lovely"] {
            desk.keys(keys);
            let shown = desk.screen();
            let lines = shown.lines().filter(|line| line.contains("Lovely"));
            for line in lines {
                assert!(line.contains("👩‍💻"), "{line}");
                assert!(line.contains("of somebody") || line.contains('…'), "{line}");
            }
        }
        desk.shows("👩‍💻Lovely");
    }
}
