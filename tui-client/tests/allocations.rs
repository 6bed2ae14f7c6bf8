//! What a line that comes, a frame of an unchanged screen, a key and a page of scrolling cost in allocations, held
//! within bounds. Counts, not times: they are the same on a busy machine.

#![cfg(test)]

use std::{alloc::System, path::PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use liao::{
    app::{self, App, Front, Start},
    input::Input,
    screen,
    settings::{Bell, Remembered},
    theme::Theme,
    view::main::MainView,
    words::Language,
};
use liao_client_core::notice::{LinkState, Notice};
use liao_common::{
    event::{Event, Role, Room, RoomKind, Session, Synced},
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};
use ratatui::{Terminal, backend::TestBackend};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZE: (u16, u16) = (120, 36);
const NOW_MS: u64 = 1_790_000_000_000;
const ME: UserId = UserId(1);
const PEER: UserId = UserId(2);

/// Lines before the counting: as many as are kept.
const LINES_BEFORE: u64 = 4096;

const ROUNDS: u64 = 256;

/// Allocations of one kind: at most these, about a quarter above what was counted when they were set (2.2, 169,
/// 172, 1,553 and 1,792), and at least these, so that a count of nothing is noticed.
struct Bounds {
    what: &'static str,
    least: f64,
    most: f64,
}

const LINE: Bounds = Bounds { what: "a line that comes", least: 1.0, most: 2.7 };
const FRAME: Bounds = Bounds { what: "a frame of an unchanged screen", least: 50.0, most: 215.0 };
const HASTE: Bounds = Bounds { what: "a key while lines come", least: 50.0, most: 215.0 };
const KEY: Bounds = Bounds { what: "a key that is typed", least: 100.0, most: 1950.0 };
const SCROLL: Bounds = Bounds { what: "a page that is scrolled", least: 100.0, most: 2250.0 };

fn allocations() -> usize {
    let stats = MEMORY.stats();
    stats.allocations + stats.reallocations
}

/// The program without its rim, and a terminal in memory.
struct Desk {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    /// In the lobby, with as many lines as are kept, drawn.
    fn in_the_lobby() -> Self {
        let terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
        let mut desk = Self { app: App::new(start()), terminal };
        desk.app.front = Front::Main(Box::<MainView>::default());
        let session = Session {
            user: ME,
            id: "alice".into(),
            name: "Alice".into(),
            dev: DeviceId(1),
            token: None,
            admin: false,
        };
        let synced = Synced { epoch: "e".into(), reset: false, rooms: vec![lobby()] };
        for notice in [
            Notice::LoggedIn(Box::new(session)),
            Notice::Synced(Box::new(synced)),
            Notice::Event(Event::Synced),
            Notice::State(LinkState::Online { latency_ms: Some(3) }),
        ] {
            desk.takes(Input::Notice(Box::new(notice)));
        }
        lines(1..LINES_BEFORE).into_iter().for_each(|line| desk.takes(line));
        desk.draws();
        desk
    }

    fn takes(&mut self, input: Input) {
        drop(app::update(&mut self.app, input));
    }

    fn draws(&mut self) {
        drop(app::settle(&mut self.app));
        self.only_draws();
    }

    fn only_draws(&mut self) {
        let app = &mut self.app;
        self.terminal.draw(|frame| screen::draw(app, frame)).unwrap();
    }

    fn presses(&mut self, code: KeyCode) {
        self.takes(Input::Key(KeyEvent::from(code)));
        self.draws();
    }

    fn shows(&self, text: &str) -> bool {
        let cells = self.terminal.backend().buffer().content();
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().contains(text)
    }
}

fn start() -> Start {
    Start {
        language: Language::English,
        theme: Theme::default(),
        on_light: None,
        zone: jiff::tz::TimeZone::UTC,
        size: SIZE,
        remembered: Remembered::default(),
        known: Vec::new(),
        accounts: Vec::new(),
        server: None,
        downloads: PathBuf::from("/downloads"),
        folder: PathBuf::from("/"),
        bell: Bell::Mentions,
        complaints: Vec::new(),
        now_ms: NOW_MS,
    }
}

fn lobby() -> Room {
    Room {
        room: RoomId::LOBBY,
        kind: RoomKind::Public,
        name: "lobby".into(),
        members: 2,
        role: Role::Member,
        ..Room::gone(RoomId::LOBBY)
    }
}

/// Lines as the link tells them.
fn lines(numbers: std::ops::Range<u64>) -> Vec<Input> {
    let line = |number: u64| {
        let message = Message {
            room: RoomId::LOBBY,
            seq: Seq(number),
            n: number,
            at_ms: NOW_MS,
            from: PEER,
            device: DeviceId(2),
            cid: Nonce([7; 16]),
            kind: Kind::Text,
            body: Body::text(format!("line {number} of many, none of which says anything new")),
        };
        Input::Notice(Box::new(Notice::Event(Event::Message(Box::new(message)))))
    };
    numbers.map(line).collect()
}

/// Allocations for each of so many.
fn counted(bounds: &Bounds, mut each: impl FnMut()) {
    let before = allocations();
    (0..ROUNDS).for_each(|_| each());
    let count = (allocations() - before) as f64 / ROUNDS as f64;
    println!("{count:.2} allocations for {}", bounds.what);
    assert!(count >= bounds.least, "{count:.2} allocations for {}: nothing was done", bounds.what);
    assert!(count <= bounds.most, "{count:.2} allocations for {}", bounds.what);
}

#[test]
fn what_things_cost_stays_within_bounds() {
    let mut desk = Desk::in_the_lobby();
    let mut more = lines(LINES_BEFORE..LINES_BEFORE + ROUNDS).into_iter();
    counted(&LINE, || desk.takes(more.next().unwrap()));
    desk.draws();
    assert!(desk.shows(&format!("line {} of many", LINES_BEFORE + ROUNDS - 1)));

    counted(&FRAME, || desk.only_draws());

    let from = LINES_BEFORE + ROUNDS;
    let mut more = lines(from..from + ROUNDS).into_iter();
    counted(&HASTE, || {
        desk.takes(more.next().unwrap());
        desk.takes(Input::Key(KeyEvent::from(KeyCode::Left)));
        drop(app::settle_typed(&mut desk.app));
        desk.only_draws();
    });
    desk.draws();

    let mut letters = ('a'..='z').cycle();
    counted(&KEY, || desk.presses(KeyCode::Char(letters.next().unwrap())));
    assert!(desk.shows("qrstuv"));

    let mut pages = [KeyCode::PageUp, KeyCode::PageUp, KeyCode::PageDown].into_iter().cycle();
    counted(&SCROLL, || desk.presses(pages.next().unwrap()));
}
