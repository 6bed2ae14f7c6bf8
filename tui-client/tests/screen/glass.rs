//! A terminal with the program in it: keys in, screen out.

use std::{
    io::{Read, Write},
    num::NonZero,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// How long a fact may take to show, in milliseconds.
const DEADLINE_MS: u64 = 30_000;

/// What was seen so far.
struct Seen {
    parser: Parser,
    /// Texts that were waited for while they pass by.
    passing: Vec<(&'static str, bool)>,
    closed: bool,
    stuck: bool,
}

/// A terminal with the program in it.
pub(crate) struct Glass {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Glass {
    /// Starts the program with its files in `home`.
    pub(crate) fn start(home: &Path, arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_liao"));
        command.args(arguments);
        command.env("LIAO_HOME", home);
        command.env("LC_ALL", "en_GB.UTF-8");
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let nonzero = |count| NonZero::new(count).unwrap();
        let parser = Parser::new(nonzero(rows), nonzero(columns), 0);
        let seen = Arc::new((
            Mutex::new(Seen { parser, passing: Vec::new(), closed: false, stuck: false }),
            Condvar::new(),
        ));
        watch(pair.master.try_clone_reader().unwrap(), Arc::clone(&seen));
        let keyboard = pair.master.take_writer().unwrap();
        Self { seen, keyboard, child, _master: pair.master }
    }

    /// Types letters and control characters as a terminal would send them.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until a text stands on the screen.
    pub(crate) fn sees(&self, text: &str) {
        self.until(&format!("{text:?} to show"), |seen| {
            seen.parser.screen().contents().contains(text)
        });
    }

    /// Waits until a text is gone from the screen.
    pub(crate) fn misses(&self, text: &str) {
        self.until(&format!("{text:?} to go"), |seen| {
            !seen.parser.screen().contents().contains(text)
        });
    }

    /// From now on notes whether a text passes by.
    pub(crate) fn looks_out_for(&self, text: &'static str) {
        self.seen.0.lock().unwrap().passing.push((text, false));
    }

    /// Whether it did.
    pub(crate) fn saw(&self, text: &str) -> bool {
        self.seen.0.lock().unwrap().passing.iter().any(|(wanted, seen)| *wanted == text && *seen)
    }

    /// The terminal takes nothing more, as over a line that hangs; or goes on.
    pub(crate) fn sticks(&self, stuck: bool) {
        self.seen.0.lock().unwrap().stuck = stuck;
        self.seen.1.notify_all();
    }

    /// Asks the program to end, as the operating system does.
    pub(crate) fn terminate(&self) {
        let id = self.child.process_id().unwrap().to_string();
        let done = std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(done.success());
    }

    /// Waits for the end; the terminal has to be as it was before.
    pub(crate) fn ends(mut self) {
        self.until("the program to end", |seen| seen.closed);
        let deadline = now() + Duration::from_millis(DEADLINE_MS);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(now() < deadline, "the terminal is closed, and the program still runs");
            thread::yield_now();
        };
        assert!(status.success(), "{status:?}");
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor stayed hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste stayed on");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse stayed on"
        );
    }

    fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let (seen, changed) = &*self.seen;
        let deadline = now() + Duration::from_millis(DEADLINE_MS);
        let mut guard = seen.lock().unwrap();
        while !holds(&guard) {
            let left = deadline.saturating_duration_since(now());
            assert!(
                !left.is_zero(),
                "waited for {what}, but there is\n{}",
                guard.parser.screen().contents()
            );
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }
}

/// Waits until a file says something.
pub(crate) fn waits_for_words(file: &std::path::Path, words: &str) {
    let deadline = now() + Duration::from_millis(DEADLINE_MS);
    while !std::fs::read_to_string(file).is_ok_and(|text| text.contains(words)) {
        assert!(now() < deadline, "{} never says {words:?}", file.display());
        std::thread::yield_now();
    }
}

#[expect(clippy::disallowed_methods, reason = "a program in a terminal runs in real time")]
fn now() -> Instant {
    Instant::now()
}

impl Drop for Glass {
    fn drop(&mut self) {
        // It has usually ended by itself.
        let _ = self.child.kill();
    }
}

fn watch(mut reader: Box<dyn Read + Send>, seen: Arc<(Mutex<Seen>, Condvar)>) {
    thread::spawn(move || {
        let mut bytes = [0; 8192];
        loop {
            let count = reader.read(&mut bytes).unwrap_or(0);
            let guard = seen.0.lock().unwrap();
            let mut guard = seen.1.wait_while(guard, |seen| seen.stuck).unwrap();
            let now = &mut *guard;
            now.parser.process(&bytes[..count]);
            let contents = now.parser.screen().contents();
            for (text, found) in &mut now.passing {
                *found |= contents.contains(*text);
            }
            now.closed = count == 0;
            seen.1.notify_all();
            if count == 0 {
                return;
            }
        }
    });
}
