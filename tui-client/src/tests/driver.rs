//! The desk at which tests sit: an app, a screen of cells, what it asked for, and the notices of a small server.

use std::{collections::BTreeSet, fs, path::PathBuf};

use liao_client_core::{
    address::Address,
    answer::Answer,
    notice::{LinkState, Notice, Queued, Ticket},
};
use liao_common::{
    event::{
        Empty, Event, Limits, Presence, Role, Room, RoomKind, Session, Synced, User, UserPage,
        Welcome,
    },
    fault::{Fault, FaultCode},
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::{Request, Watch, Who},
};
use ratatui::{Terminal, backend::TestBackend};

use crate::{
    app::{self, App, Front, Start},
    effect::Effect,
    input::Input,
    keymap::Chord,
    screen,
    settings::{Bell, Remembered},
    text::width::cluster_columns,
    theme::Theme,
    view::{
        main::MainView,
        server::{Account, KnownKey, Server},
    },
    words::Language,
};

/// Sun 22 Nov 2026, 10:40 UTC.
pub(super) const NOW_MS: u64 = 1_795_344_000_000;
const MINUTE_MS: u64 = 60_000;

pub(super) const ALICE: UserId = UserId(1);
pub(super) const BOB: UserId = UserId(2);
pub(super) const ZHANG: UserId = UserId(3);
pub(super) const RUST: RoomId = RoomId(2);
pub(super) const WITH_BOB: RoomId = RoomId(3);

/// An app with a screen.
pub(super) struct Desk {
    pub(super) app: App,
    terminal: Terminal<TestBackend>,
    pub(super) effects: Vec<Effect>,
    next_seq: std::collections::BTreeMap<RoomId, u64>,
}

pub(super) fn start(size: (u16, u16), language: Language) -> Start {
    Start {
        language,
        theme: Theme::default(),
        on_light: None,
        zone: jiff::tz::TimeZone::UTC,
        size,
        remembered: Remembered::default(),
        known: Vec::new(),
        accounts: Vec::new(),
        server: None,
        downloads: PathBuf::from("/home/alice/Downloads"),
        folder: PathBuf::from("/home/alice"),
        bell: Bell::Mentions,
        complaints: Vec::new(),
        now_ms: NOW_MS,
    }
}

/// The same with a server, its key and logins known.
pub(super) fn with(
    start: Start,
    server: Server,
    known: Vec<(Address, KnownKey)>,
    accounts: Vec<Account>,
) -> Start {
    Start { server: Some(server), known, accounts, ..start }
}

impl Desk {
    pub(super) fn new(start: Start) -> Self {
        let (columns, rows) = start.size;
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let next_seq = std::collections::BTreeMap::new();
        Self { app: App::new(start), terminal, effects: Vec::new(), next_seq }
    }

    /// At the menu, nothing known.
    pub(super) fn fresh(size: (u16, u16), language: Language) -> Self {
        Self::new(start(size, language))
    }

    /// Logged in as alice, in a lobby of three, with nothing said yet.
    pub(super) fn inside(size: (u16, u16), language: Language) -> Self {
        let mut desk = Self::fresh(size, language);
        desk.app.front = Front::Main(Box::<MainView>::default());
        desk.log_in();
        desk.tell(Notice::Synced(Box::new(Synced {
            epoch: "e".into(),
            reset: false,
            rooms: vec![room(RoomId::LOBBY, "lobby", 3), room(RUST, "rust", 128)],
        })));
        desk.greet();
        // The welcome goes after a while.
        desk.app.base.now_ms += 10_000;
        desk.input(Input::Woken);
        desk.effects.clear();
        desk
    }

    pub(super) fn log_in(&mut self) {
        self.tell(Notice::Welcome(Box::new(welcome())));
        self.tell(Notice::LoggedIn(Box::new(Session {
            user: ALICE,
            id: "alice".into(),
            name: "Alice".into(),
            dev: DeviceId(1),
            token: None,
            admin: false,
        })));
    }

    /// Everything missed has come.
    pub(super) fn greet(&mut self) {
        self.tell(Notice::Event(Event::Synced));
        self.tell(Notice::State(LinkState::Online { latency_ms: Some(3) }));
        let users = vec![
            user(ALICE, "alice", "Alice"),
            user(BOB, "bob", "Bob"),
            user(ZHANG, "zhangsan", "张三"),
        ];
        let watch = Watch { act: Vec::new(), online: true };
        self.answer(watch, Answer::Done(Empty {}));
        let page = UserPage { users, total: 3, v: 1, ..UserPage::default() };
        self.answer(Who { limit: Some(100), ..Who::default() }, Answer::Users(page));
        self.settle();
    }

    /// The server answers.
    pub(super) fn answer(&mut self, request: impl Into<Request>, answer: Answer) {
        let request = Box::new(request.into());
        self.tell(Notice::Answer { ticket: Ticket(1), request, answer: Ok(Box::new(answer)) });
    }

    /// The server says no.
    pub(super) fn refuse(&mut self, request: impl Into<Request>, code: FaultCode) {
        let (request, answer) = (Box::new(request.into()), Err(Fault::from(code).into()));
        self.tell(Notice::Answer { ticket: Ticket(1), request, answer });
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.input(Input::Notice(Box::new(notice)));
    }

    pub(super) fn input(&mut self, input: Input) {
        let effects = app::update(&mut self.app, input);
        self.effects.extend(effects);
        self.settle();
    }

    fn settle(&mut self) {
        let effects = app::settle(&mut self.app);
        self.effects.extend(effects);
    }

    /// Somebody says something; minutes after 10:20 on the day of the tests.
    pub(super) fn said(&mut self, room: RoomId, from: UserId, minute: u64, text: &str) -> Seq {
        self.posted(room, from, minute, Kind::Text, Body::text(text))
    }

    pub(super) fn posted(
        &mut self,
        room: RoomId,
        from: UserId,
        minute: u64,
        kind: Kind,
        body: Body,
    ) -> Seq {
        let seq = self.next_seq.entry(room).or_default();
        *seq += 1;
        let message = Message {
            room,
            seq: Seq(*seq),
            n: *seq,
            at_ms: NOW_MS + minute * MINUTE_MS - 20 * MINUTE_MS,
            from,
            device: DeviceId(from.0),
            cid: Nonce(
                [u8::try_from(*seq % 251).unwrap() ^ u8::try_from(room.0 << 5 & 0xff).unwrap(); 16],
            ),
            kind,
            body,
        };
        let seq = message.seq;
        self.tell(Notice::Event(Event::Message(Box::new(message))));
        seq
    }

    /// One's own message that is not yet there.
    pub(super) fn queued(&mut self, room: RoomId, nonce: u8, text: &str) {
        let (kind, body) = (Kind::Text, Body::text(text));
        let at_ms = NOW_MS - MINUTE_MS;
        self.tell(Notice::Queued(Box::new(Queued {
            nonce: Nonce([nonce; 16]),
            room,
            kind,
            body,
            at_ms,
        })));
    }

    /// The window changes its size.
    pub(super) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.terminal.backend_mut().resize(columns, rows);
        self.input(Input::Resize(columns, rows));
    }

    /// Types: letters as they are, keys in angle brackets, `<lt>` for the bracket itself.
    pub(super) fn keys(&mut self, typed: &str) {
        let mut rest = typed;
        while let Some(letter) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|after| after.split_once('>'));
            let (name, after) = match named {
                Some((name, after)) => (name.to_owned(), after),
                None => (letter.to_string(), &rest[letter.len_utf8()..]),
            };
            let name = if name == "lt" { "<".to_owned() } else { name };
            let chord = Chord::parse(&name).unwrap_or_else(|| panic!("no key {name}"));
            self.input(Input::Key(chord.event()));
            rest = after;
        }
    }

    /// What stands on the screen, without spaces at the ends of lines.
    pub(super) fn screen(&mut self) -> String {
        let app = &mut self.app;
        self.terminal.draw(|frame| screen::draw(app, frame)).unwrap();
        let buffer = self.terminal.backend().buffer();
        let mut lines = Vec::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += u16::try_from(cluster_columns(symbol).max(1)).unwrap();
            }
            lines.push(line.trim_end().to_owned());
        }
        lines.join("\n")
    }

    /// Where the terminal's cursor stands; none when it is hidden.
    pub(super) fn cursor(&mut self) -> (u16, u16) {
        self.screen();
        let place = self.terminal.get_cursor_position().unwrap();
        (place.x, place.y)
    }

    /// The cell in which a text begins.
    pub(super) fn style_of(&mut self, text: &str) -> ratatui::buffer::Cell {
        let shown = self.screen();
        let mut lines = shown.lines().enumerate();
        let (y, before) = lines
            .find_map(|(y, line)| line.split_once(text).map(|(before, _)| (y, before.to_owned())))
            .unwrap_or_else(|| panic!("{text:?} is not on\n{shown}"));
        let x = u16::try_from(crate::text::width::columns(&before)).unwrap();
        self.terminal.backend().buffer()[(x, u16::try_from(y).unwrap())].clone()
    }

    /// Compares the screen with the picture of that name.
    pub(super) fn looks_like(&mut self, name: &str) {
        // Pictures outlive versions.
        let shown = self.screen().replace(env!("CARGO_PKG_VERSION"), "N.N.N") + "\n";
        super::colours::keep(name, self.terminal.backend().buffer());
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("src/tests/pictures")
            .join(format!("{name}.txt"));
        if std::env::var_os("LIAO_BLESS").is_some() {
            return fs::write(path, shown).unwrap();
        }
        let want = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{shown}", path.display()));
        assert!(shown == want, "{name} should look like\n{want}\nbut looks like\n{shown}");
    }

    pub(super) fn shows(&mut self, text: &str) {
        let shown = self.screen();
        assert!(shown.contains(text), "{text:?} is not on\n{shown}");
    }

    pub(super) fn hides(&mut self, text: &str) {
        let shown = self.screen();
        assert!(!shown.contains(text), "{text:?} is on\n{shown}");
    }

    /// What was asked for since the last time, without looks at the server that come by themselves.
    pub(super) fn wishes(&mut self) -> Vec<Effect> {
        let by_itself = |effect: &Effect| match effect {
            Effect::Watch(_) => true,
            Effect::Ask(request) => {
                matches!(
                    request,
                    Request::Mark(_)
                        | Request::History(_)
                        | Request::Who(_)
                        | Request::Users(_)
                        | Request::Members(_)
                )
            }
            _ => false,
        };
        std::mem::take(&mut self.effects).into_iter().filter(|effect| !by_itself(effect)).collect()
    }
}

pub(super) fn welcome() -> Welcome {
    Welcome {
        v: 1,
        caps: Vec::new(),
        epoch: "e".into(),
        auth: vec!["password".into()],
        register: "open".into(),
        server: "liaod".into(),
        limits: Limits {
            frame: 1 << 17,
            text: 1 << 14,
            page: 100,
            chunk: 1 << 15,
            window: 1 << 19,
            file: 100_000_000,
            password_min: 8,
            idle_s: 30,
        },
        next_pin: None,
    }
}

pub(super) fn room(id: RoomId, name: &str, members: u64) -> Room {
    Room {
        room: id,
        kind: RoomKind::Public,
        name: name.into(),
        topic: if name == "rust" { "Borrow checkers anonymous".into() } else { String::new() },
        head: (Seq::ZERO, 0),
        read: (Seq::ZERO, 0),
        role: Role::Member,
        members,
        floor: Seq::ZERO,
        with: None,
        moderates: false,
        removed: None,
    }
}

pub(super) fn direct(id: RoomId, with: User) -> Room {
    Room { kind: RoomKind::Direct, with: Some(with), ..room(id, "", 2) }
}

pub(super) fn user(id: UserId, name: &str, shown: &str) -> User {
    User { user: id, id: name.into(), name: shown.into(), on: Some(true) }
}

/// Somebody goes.
pub(super) fn gone(user: UserId, v: u64, on: u64) -> Notice {
    let presence = Presence { v, on, set: Vec::new(), del: vec![user], reset: false };
    Notice::Event(Event::Presence(presence))
}

/// A chat in which everything happened.
pub(super) fn busy(size: (u16, u16), language: Language) -> Desk {
    let mut desk = Desk::inside(size, language);
    let lobby = RoomId::LOBBY;
    desk.posted(lobby, BOB, 0, Kind::Join, Body::default());
    desk.said(lobby, ZHANG, 1, "大家好，今天的会议改到三点。会后请把记录发到群里，谢谢！");
    desk.said(lobby, ZHANG, 1, "see https://example.org/agenda");
    let quoted = desk.said(lobby, BOB, 2, "ok, see you there. `cargo run` works **now**");
    desk.posted(lobby, ALICE, 3, Kind::Text, Body { re: Some(quoted), ..Body::text("wonderful") });
    desk.posted(
        lobby,
        BOB,
        4,
        Kind::Text,
        Body {
            at: vec![ALICE],
            ..Body::text("@alice can you review this?\n```rust\nfn main() {}\n```")
        },
    );
    desk.posted(lobby, BOB, 5, Kind::Topic, Body::text("Everybody is here"));
    let file = Body {
        fid: Some(liao_common::id::FileId(7)),
        name: Some("design.pdf".into()),
        size: Some(2_400_000),
        b3: Some(liao_common::id::Hash([7; 32])),
        ..Body::default()
    };
    desk.posted(lobby, ZHANG, 6, Kind::File, file);
    desk.said(RUST, BOB, 7, "anybody here?");
    desk.effects.clear();
    desk
}

/// Names of both languages, for the names of pictures.
pub(super) fn tag(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::Chinese => "zh",
    }
}

/// The sizes and languages in which everything is looked at.
pub(super) fn everywhere() -> impl Iterator<Item = ((u16, u16), Language)> {
    let sizes = [(120, 36), (80, 24), (60, 20), (40, 12)];
    sizes.into_iter().flat_map(|size| Language::ALL.map(|language| (size, language)))
}

/// Every picture that tests compare, so that none lies about unused.
pub(super) fn picture_names() -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tests/pictures");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}
