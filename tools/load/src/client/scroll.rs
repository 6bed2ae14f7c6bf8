//! Scrolling back through a room with a long history: each page is asked for when the one before stands on the
//! screen, as by somebody who holds the key down and looks. Also the way to the beginning and to the end at once.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    SETTLED,
    program::{FIRST_PERSON, START_WITHIN, remembered},
    terminal::Terminal,
};
use crate::{
    clock,
    history::prepare::{Plan, prepare},
    report::{Good, Report, Row, short},
    server::{Hashing, Server, Transport},
    stats::Latencies,
    suite::times,
};

/// How long a page may take to come.
const PAGE_WITHIN: Duration = Duration::from_secs(30);

/// Digits of the number with which a message begins.
const NUMBER_DIGITS: usize = 12;

const PAGE_UP: &str = "\x1b[5~";
const TO_THE_LIST: &str = "\x0b";
const TO_THE_BEGINNING: &str = "\x1b[1;5H";
const TO_THE_END: &str = "\x1b[1;5F";

/// What is scrolled through, and by what.
pub(crate) struct Way<'a> {
    pub(crate) liaod: &'a Path,
    pub(crate) liao: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) messages: u64,
}

struct Found {
    pages: Latencies,
    count: usize,
    scrolled: u64,
    took: Duration,
    beginning: Duration,
    end: Duration,
    before_kib: u64,
    after_kib: u64,
    cpu_s: f64,
}

impl Way<'_> {
    /// Makes the history and scrolls so many pages of it, so often.
    pub(crate) fn scroll(&self, pages: u64, rounds: u64, report: &mut Report) -> Result<()> {
        let people = prepare(self.data, Plan { rooms: 1, messages: self.messages })?;
        let person = people.first().context("nobody there")?;
        let server = Server::start(self.liaod, self.data, Transport::Plain, Hashing::Least)?;
        for round in 0..rounds {
            let home = self.data.with_extension(format!("home{round}"));
            std::fs::create_dir_all(&home)?;
            let arguments = remembered(server.addr, person, &home)?;
            let mut terminal = Terminal::open(self.liao, &arguments, &home)?;
            let found = self.measure(&mut terminal, pages)?;
            found.rows(self.messages).into_iter().for_each(|row| report.add(row));
        }
        server.stop()?;
        Ok(())
    }

    fn measure(&self, terminal: &mut Terminal, pages: u64) -> Result<Found> {
        terminal.until(FIRST_PERSON, START_WITHIN)?;
        terminal.press("\r")?;
        terminal.until("#room0", START_WITHIN)?;
        terminal.press(TO_THE_LIST)?;
        terminal.until("chat, person or command", START_WITHIN)?;
        terminal.press("room0")?;
        terminal.settle(SETTLED)?;
        terminal.press("\r")?;
        terminal.until("Message to #room0", START_WITHIN)?;
        self.go_to(terminal, TO_THE_END, self.messages)?;
        terminal.settle(SETTLED)?;
        let (before_kib, cpu_s) = (terminal.resident_kib()?, terminal.cpu_s()?);
        let (times, scrolled, took) = page_up(terminal, pages)?;
        let cpu_s = terminal.cpu_s()? - cpu_s;
        terminal.settle(SETTLED)?;
        let beginning = self.go_to(terminal, TO_THE_BEGINNING, 1)?;
        let end = self.go_to(terminal, TO_THE_END, self.messages)?;
        terminal.settle(SETTLED)?;
        let after_kib = terminal.resident_kib()?;
        let (count, pages) = (times.len(), Latencies::of(times));
        Ok(Found { pages, count, scrolled, took, beginning, end, before_kib, after_kib, cpu_s })
    }

    /// Presses a key and waits until this message stands on the screen.
    fn go_to(&self, terminal: &mut Terminal, key: &str, number: u64) -> Result<Duration> {
        let pressed = clock::now();
        terminal.press(key)?;
        let there = terminal.until(&format!("{number:0NUMBER_DIGITS$}"), PAGE_WITHIN)?;
        Ok(there.duration_since(pressed))
    }
}

/// How long each page took, how many messages they were, and how long it all took.
fn page_up(terminal: &mut Terminal, pages: u64) -> Result<(Vec<Duration>, u64, Duration)> {
    let first = oldest(terminal).context("no message on the screen")?;
    let mut top = first;
    let mut times = Vec::new();
    let began = clock::now();
    while times.len() as u64 != pages && top > 1 {
        let pressed = clock::now();
        terminal.press(PAGE_UP)?;
        top = until_older(terminal, top, pressed)?;
        times.push(pressed.elapsed());
    }
    Ok((times, first - top, began.elapsed()))
}

/// Waits until an older message than this stands on the screen; gives the oldest.
fn until_older(terminal: &mut Terminal, than: u64, since: Instant) -> Result<u64> {
    loop {
        if let Some(number) = oldest(terminal).filter(|number| *number < than) {
            return Ok(number);
        }
        if since.elapsed() > PAGE_WITHIN {
            bail!("no page above message {than}; there is\n{}", terminal.rows().join("\n"));
        }
        terminal.watch_once(PAGE_WITHIN)?;
    }
}

/// The number of the oldest message on the screen.
fn oldest(terminal: &Terminal) -> Option<u64> {
    let number = |row: String| {
        row.split_whitespace()
            .find(|word| {
                word.len() == NUMBER_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit())
            })
            .and_then(|word| word.parse().ok())
    };
    terminal.rows().into_iter().find_map(number)
}

impl Found {
    fn rows(&self, messages: u64) -> Vec<Row> {
        let of = format!("liao, {} messages", short(messages as f64));
        let row = |what: &str, (measured, unit): (f64, &'static str), detail: String| Row {
            what: format!("{of}: {what}"),
            measured,
            unit,
            target: None,
            detail,
        };
        let count = self.count as f64;
        let took = self.took.as_secs_f64();
        let detail = format!(
            "{} messages on {count} pages in {took:.1} s, CPU {:.2} s",
            self.scrolled, self.cpu_s
        );
        let mib = |kib: u64| kib as f64 / 1024.0;
        let seconds = |time: Duration| (time.as_secs_f64() * 1e3, "ms");
        let memory = Row {
            target: Some((20.0, Good::Low)),
            ..row(
                "resident afterwards",
                (mib(self.after_kib), "MiB"),
                format!("{:.1} MiB before", mib(self.before_kib)),
            )
        };
        vec![
            row("scrolling back", (count / took, "pages/s"), detail),
            row("key to page, p99", (self.pages.p99_us as f64 / 1e3, "ms"), times(self.pages)),
            row("to the beginning", seconds(self.beginning), String::new()),
            row("to the end", seconds(self.end), String::new()),
            memory,
        ]
    }
}
