//! The whole program but for its runtime: a server that says anything, a person who presses anything,
//! windows of any size. Whatever is drawn is ours, and the same when it is drawn again.

use std::{
    cell::RefCell,
    io::{self, Write},
    path::PathBuf,
    rc::Rc,
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use liao::{
    app::{self, App, Front, Start},
    input::Input,
    screen,
    settings::{Bell, Remembered},
    theme::Theme,
    view::main::MainView,
    words::Language,
};
use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

use crate::{
    client, emulator,
    pieces::{Piece, first, pick, pieces},
};

/// Sun 22 Nov 2026, 10:40 UTC.
const NOW_MS: u64 = 1_795_344_000_000;

/// Windows: columns, rows.
const SIZES: &[(u16, u16)] =
    &[(80, 24), (60, 20), (40, 12), (120, 36), (1, 1), (7, 3), (20, 5), (200, 8), (2, 50)];

/// Keys that are no letters.
const KEYS: &[KeyCode] = &[
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::F(1),
];

/// Keys of one piece.
const KEYS_MAX: usize = 32;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let (mode, rest) = first(input);
    let mut app = App::new(start(mode));
    // Some of it meets the door, most of it the main screen.
    if !mode.is_multiple_of(8) {
        app.front = Front::Main(Box::<MainView>::default());
    }
    draw(&mut app);
    for piece in pieces(rest) {
        let inputs = inputs(&piece);
        if !inputs.is_empty() {
            for input in inputs {
                app::update(&mut app, input);
                app::settle(&mut app);
            }
            draw(&mut app);
        }
    }
}

fn start(mode: u8) -> Start {
    Start {
        language: if mode & 0x10 == 0 { Language::English } else { Language::Chinese },
        theme: Theme::default(),
        on_light: None,
        zone: jiff::tz::TimeZone::UTC,
        size: pick(SIZES, mode & 7).unwrap_or((80, 24)),
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

fn inputs(piece: &Piece<'_>) -> Vec<Input> {
    let body = piece.body;
    match piece.what {
        0xe8..0xf8 => body.chunks(2).take(KEYS_MAX).map(|pair| Input::Key(key(pair))).collect(),
        0xf8 | 0xf9 => vec![Input::Paste(String::from_utf8_lossy(body).into_owned())],
        0xfa | 0xfb => body.chunks(3).take(KEYS_MAX).map(|at| Input::Mouse(mouse(at))).collect(),
        0xfc | 0xfd => {
            let (columns, rows) = pick(SIZES, first(body).0).unwrap_or((80, 24));
            vec![Input::Resize(columns, rows)]
        }
        0xfe | 0xff => vec![Input::Woken],
        _ => client::notice(piece)
            .map(|notice| Input::Notice(Box::new(notice)))
            .into_iter()
            .collect(),
    }
}

/// A byte for the key, one for what is held with it.
fn key(pair: &[u8]) -> KeyEvent {
    let (which, rest) = first(pair);
    let code = match which {
        b' '..=b'~' => KeyCode::Char(char::from(which)),
        _ => pick(KEYS, which).unwrap_or(KeyCode::Enter),
    };
    KeyEvent::new(code, KeyModifiers::from_bits_truncate(first(rest).0 & 7))
}

fn mouse(at: &[u8]) -> MouseEvent {
    let (what, rest) = first(at);
    let (column, rest) = first(rest);
    let row = u16::from(first(rest).0);
    let kind = match what % 4 {
        0 => MouseEventKind::Down(MouseButton::Left),
        1 => MouseEventKind::Up(MouseButton::Left),
        2 => MouseEventKind::ScrollUp,
        _ => MouseEventKind::ScrollDown,
    };
    MouseEvent { kind, column: u16::from(column), row, modifiers: KeyModifiers::NONE }
}

/// Bytes that were drawn.
#[derive(Clone, Default)]
struct Drawn(Rc<RefCell<Vec<u8>>>);

impl Write for Drawn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn draw(app: &mut App) {
    let once = bytes(app);
    emulator::assert_ours(&once, app.base.size);
    assert!(once == bytes(app), "drawn again, it is another picture");
}

/// What a terminal would be sent that shows nothing yet.
fn bytes(app: &mut App) -> Vec<u8> {
    let drawn = Drawn::default();
    let (columns, rows) = app.base.size;
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    let backend = CrosstermBackend::new(drawn.clone());
    let terminal = Terminal::with_options(backend, TerminalOptions { viewport });
    let shown = terminal
        .and_then(|mut terminal| terminal.draw(|frame| screen::draw(app, frame)).map(|_| ()));
    assert!(shown.is_ok(), "memory does not fail");
    drawn.0.take()
}
