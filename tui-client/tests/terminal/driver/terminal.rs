//! A terminal with the program in it: keys go in, pictures come out. Owns the process and ends it at the latest
//! when it is dropped.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::sync_channel},
    thread,
    time::Duration,
};

use liao::text::width::columns;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{Color, MouseProtocolMode};

use super::{
    Key,
    frames::{Frames, find},
    solid,
};

/// No fact may take longer to show.
const DEADLINE: Duration = Duration::from_secs(15);

/// Between two looks at whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long nothing has to happen before it counts as nothing.
const STILL: Duration = Duration::from_secs(2);

/// The window, unless a story says otherwise: columns, rows.
pub(crate) const SIZE: (u16, u16) = (100, 30);

/// How the program is opened.
pub(crate) struct Opening {
    home: PathBuf,
    arguments: Vec<String>,
    size: (u16, u16),
    variables: Vec<(&'static str, &'static str)>,
    by_shell: bool,
}

/// What a shell does that calls the program: before, it shows what `LEFT` says; behind it, it reads the next line. How
/// long that is says it all; the line itself might be a sequence, of which nothing would be seen.
const SHELL: &str = "printf '%b' \"$LEFT\"; \"$0\" \"$@\"; IFS= read -r next; \
     printf '%s bytes for the shell' \"${#next}\"";

impl Opening {
    /// With its files in `home`, in English.
    pub(crate) fn at(home: &Path) -> Self {
        let variables = vec![("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")];
        let (home, arguments) = (home.to_owned(), Vec::new());
        Self { home, arguments, size: SIZE, variables, by_shell: false }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// With this locale, and no other.
    pub(crate) fn locale(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.retain(|(name, _)| *name != "LC_ALL");
        self.variable(name, value)
    }

    /// With this in its environment.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// By a shell, which afterwards reads a line and says how many bytes it has.
    pub(crate) fn by_shell(mut self) -> Self {
        self.by_shell = true;
        self
    }

    pub(crate) fn sized(mut self, size: (u16, u16)) -> Self {
        self.size = size;
        self
    }

    pub(crate) fn opens(self) -> Terminal {
        let pair = native_pty_system().openpty(pty_size(self.size)).unwrap();
        let modes = format!("{:?}", pair.master.get_termios());
        std::fs::create_dir_all(&self.home).unwrap();
        let program = env!("CARGO_BIN_EXE_liao");
        let mut command = CommandBuilder::new(if self.by_shell { "/bin/sh" } else { program });
        if self.by_shell {
            command.args(["-c", SHELL, program]);
        }
        command.args(&self.arguments);
        command.cwd(&self.home);
        command.env_clear();
        command.env("HOME", &self.home);
        command.env("LIAO_HOME", &self.home);
        self.variables.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new(Seen::new(self.size));
        watch(pair.master.try_clone_reader().unwrap(), Arc::clone(&seen));
        let keyboard = pair.master.take_writer().unwrap();
        Terminal { seen, keyboard, child, master: pair.master, modes }
    }
}

struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    frames: Frames,
    closed: bool,
    stuck: bool,
}

impl Seen {
    fn new(size: (u16, u16)) -> Self {
        let state = State { frames: Frames::new(size), closed: false, stuck: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A test that failed while it looked does not keep others from looking.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub(crate) struct Terminal {
    seen: Arc<Seen>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    modes: String,
}

impl Terminal {
    /// Types letters.
    pub(crate) fn types(&mut self, text: &str) {
        self.sends(text.as_bytes());
    }

    /// Types letters, then Enter.
    pub(crate) fn enters(&mut self, text: &str) {
        self.types(text);
        self.presses(Key::Enter);
    }

    pub(crate) fn presses(&mut self, key: Key) {
        self.sends(&key.bytes());
    }

    /// Pastes, as a terminal does that marks where a paste begins and ends.
    pub(crate) fn pastes(&mut self, text: &str) {
        self.sends(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Answers a question of the program, on the line on which keys come.
    pub(crate) fn answers(&mut self, answer: &str) {
        self.sends(answer.as_bytes());
    }

    /// Several keys at once, as a slow line hands them over.
    pub(crate) fn presses_at_once(&mut self, keys: &[Key]) {
        self.sends(&keys.iter().flat_map(|key| key.bytes()).collect::<Vec<_>>());
    }

    /// A key and a paste at once.
    pub(crate) fn presses_pasting(&mut self, key: Key, text: &str) {
        self.sends(&[&key.bytes(), format!("\x1b[200~{text}\x1b[201~").as_bytes()].concat());
    }

    /// Answers in two parts, so far apart.
    pub(crate) fn answers_cut(&mut self, answer: &str, cut: usize, apart: Duration) {
        let (first, rest) = answer.as_bytes().split_at(cut);
        self.sends(first);
        pause(apart);
        self.sends(rest);
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).and_then(|()| self.keyboard.flush()).unwrap();
    }

    /// Clicks on a text that stands in one line of the screen.
    #[track_caller]
    pub(crate) fn clicks(&mut self, text: &str) {
        self.waits_until(text, |picture| place_of(picture, text).is_some());
        let (column, row) = place_of(&self.text(), text).expect("a text to click on");
        self.sends(format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").as_bytes());
    }

    /// Waits until a text stands on the screen, however its lines are broken.
    #[track_caller]
    pub(crate) fn waits_for(&self, text: impl AsRef<str>) {
        self.waits_for_all(&[text.as_ref()]);
    }

    /// Waits until several texts stand on the screen at once, one after the other.
    #[track_caller]
    pub(crate) fn waits_for_all(&self, texts: &[&str]) {
        self.until(&format!("{texts:?}"), |frames| in_order(&frames.text(), texts));
    }

    /// Waits until a text stands no longer on the screen.
    #[track_caller]
    pub(crate) fn waits_for_end_of(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.until(&format!("no {text:?}"), |frames| !in_order(&frames.text(), &[text]));
    }

    /// Waits until what stands on the screen is as it should be.
    #[track_caller]
    pub(crate) fn waits_until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        self.until(what, |frames| holds(&frames.text()));
    }

    /// Whether a text never was on the screen, as far back as pictures are kept.
    pub(crate) fn has_never_seen(&self, text: &str) -> bool {
        let wanted = solid(text);
        !self.seen.lock().frames.pictures().any(|picture| picture.contains(&wanted))
    }

    /// Waits until a text stands on the screen in this colour.
    #[track_caller]
    pub(crate) fn waits_for_colour(&self, text: &str, colour: Color) {
        self.until(&format!("{text:?} in {colour:?}"), |frames| {
            let place = place_of(&frames.text(), text);
            let cell = place.and_then(|(column, row)| {
                let at = |place: usize| u16::try_from(place - 1).unwrap();
                frames.screen().cell(at(row), at(column))
            });
            cell.is_some_and(|cell| cell.fgcolor() == colour)
        });
    }

    /// What stands on the screen now.
    pub(crate) fn text(&self) -> String {
        self.seen.lock().frames.text()
    }

    /// What stands in each cell of the lowest row with this text.
    #[track_caller]
    pub(crate) fn row_with(&self, text: &str) -> Vec<String> {
        let state = self.seen.lock();
        let screen = state.frames.screen();
        let (rows, columns) = screen.size();
        let cell = |row, column| screen.cell(row, column).map_or("", |cell| cell.contents());
        let cells = |row| -> Vec<String> {
            let blank =
                |shown: &str| if shown.is_empty() { " ".to_owned() } else { shown.to_owned() };
            (0..columns.get()).map(|column| blank(cell(row, column))).collect()
        };
        (0..rows.get())
            .rev()
            .map(cells)
            .find(|cells| cells.concat().contains(text))
            .expect("that text")
    }

    /// Where the cursor is (column, row), if it can be seen.
    pub(crate) fn cursor(&self) -> Option<(u16, u16)> {
        let state = self.seen.lock();
        let screen = state.frames.screen();
        let (row, column) = screen.cursor_position();
        (!screen.hide_cursor()).then_some((column, row))
    }

    /// Looks for a while, and nothing is drawn.
    #[track_caller]
    pub(crate) fn stays_still(&self) {
        let state = self.seen.lock();
        let before = state.frames.raw().len();
        let still = |state: &mut State| state.frames.raw().len() == before;
        let waited = self.seen.changed.wait_timeout_while(state, STILL, still);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let written = state.frames.raw()[before..].escape_ascii().to_string();
        drop(state);
        assert!(timeout.timed_out(), "drawn for nothing: {written}");
    }

    /// Sequences that came and should not have.
    pub(crate) fn strange(&self) -> Vec<String> {
        self.seen.lock().frames.strange().to_vec()
    }

    /// Whether the program ever wrote these bytes.
    pub(crate) fn wrote(&self, bytes: &[u8]) -> bool {
        find(self.seen.lock().frames.raw(), bytes).is_some()
    }

    /// Waits until the program has given the terminal back: its line is as it was.
    #[track_caller]
    pub(crate) fn waits_until_left(&self) {
        for _ in 0..DEADLINE.as_millis() / LOOK_EVERY.as_millis() {
            if format!("{:?}", self.master.get_termios()) == self.modes {
                return;
            }
            pause(LOOK_EVERY);
        }
        panic!("the terminal is not given back after {DEADLINE:?}");
    }

    /// The person drags the corner of the window.
    pub(crate) fn resizes(&self, size: (u16, u16)) {
        self.seen.lock().frames.resize(size);
        self.master.resize(pty_size(size)).unwrap();
    }

    /// The terminal takes nothing more, as over a line that hangs; or goes on.
    pub(crate) fn sticks(&self, stuck: bool) {
        self.seen.lock().stuck = stuck;
        self.seen.changed.notify_all();
    }

    /// Sends a signal to the program: `TERM`, `HUP`, `INT`.
    pub(crate) fn signals(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(done.success());
    }

    /// Leaves with the key for it, and looks at what is left behind.
    #[track_caller]
    pub(crate) fn quits(mut self) {
        self.presses(Key::Ctrl('q'));
        self.ends();
    }

    /// Waits for the end; the terminal has to be as it was before.
    #[track_caller]
    pub(crate) fn ends(self) {
        self.ends_saying("");
    }

    /// The same, with a last word below what stood there before.
    #[track_caller]
    pub(crate) fn ends_saying(mut self, last: &str) {
        self.until_state("the program's end", |state| state.closed);
        let status = self.exit_status();
        assert!(status.success(), "{status:?}\n{}", self.text());
        let modes = format!("{:?}", self.master.get_termios());
        assert_eq!(modes, self.modes, "the modes of the line are others than before");
        let state = self.seen.lock();
        let (screen, raw) = (state.frames.screen(), state.frames.raw());
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor stayed hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste stayed on");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "the mouse stayed on");
        let modes =
            ["\x1b[?1049l", "\x1b[?25h", "\x1b[?7h", "\x1b[?2004l", "\x1b[?1000l", "\x1b[?1006l"];
        for undone in modes {
            assert!(find(raw, undone.as_bytes()).is_some(), "{undone:?} was never written");
        }
        assert_eq!(solid(&screen.contents()), solid(last), "what was left behind");
        assert_eq!(state.frames.strange(), &[] as &[String], "the terminal was told odd things");
    }

    /// The terminal is closed, so the end is near; one that does not come is a failure.
    #[track_caller]
    fn exit_status(&mut self) -> ExitStatus {
        for _ in 0..DEADLINE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            pause(LOOK_EVERY);
        }
        panic!("the terminal is closed, and the program still runs after {DEADLINE:?}");
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Frames) -> bool) {
        self.until_state(what, |state| holds(&state.frames));
    }

    #[track_caller]
    fn until_state(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let changed = &self.seen.changed;
        let waiting = |state: &mut State| !holds(state) && !state.closed;
        let waited = changed.wait_timeout_while(self.seen.lock(), DEADLINE, waiting);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !holds(&state) {
            let (picture, closed) = (state.frames.text(), state.closed);
            drop(state);
            panic!("in vain: {what}; the program has ended: {closed}; there is\n{picture}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.sticks(false);
        // It has usually ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Time goes by: between two looks, or between two parts of what a slow terminal says.
pub(crate) fn pause(time: Duration) {
    let (_open, nothing) = sync_channel::<()>(0);
    assert!(nothing.recv_timeout(time).is_err());
}

/// Column and row of a text's first letter, from 1.
fn place_of(picture: &str, text: &str) -> Option<(usize, usize)> {
    let mut lines = picture.lines().enumerate();
    lines.find_map(|(row, line)| {
        let (before, _) = line.split_once(text)?;
        Some((columns(before) + 1, row + 1))
    })
}

/// Whether these texts stand one after the other, blanks and breaks aside.
fn in_order(picture: &str, texts: &[&str]) -> bool {
    let picture = solid(picture);
    let mut rest = picture.as_str();
    texts.iter().all(|text| match rest.split_once(&solid(text)) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

const fn pty_size((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn watch(mut reader: Box<dyn Read + Send>, seen: Arc<Seen>) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        loop {
            // At the end the line reports an error instead of nothing.
            let count = reader.read(&mut bytes).unwrap_or(0);
            let waited = seen.changed.wait_while(seen.lock(), |state| state.stuck);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            if count == 0 {
                state.frames.close();
                state.closed = true;
            } else {
                state.frames.take(&bytes[..count]);
            }
            seen.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    });
}
