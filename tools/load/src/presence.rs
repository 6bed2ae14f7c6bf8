//! The list of who is online, with very many in it: what coming and going costs, how long pages take,
//! and what those hear who watch. The server's own code, in this process: a million connections are
//! more than a system allows.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    event::{self, User},
    frame::Frame,
    id::{DeviceId, UserId},
    limits::{PAGE_ENTRIES_MAX, PRESENCE_FIRST_MAX},
};
use liao_server::chat::{
    mailbox::{Mailbox, Note},
    presence::Presence,
};
use serde::Serialize;

use crate::{
    clock, machine,
    report::{Report, Row, short},
    rig::Output,
    stats::{Latencies, Mark, Rate},
    suite::times,
};

/// Pages asked for, of each kind.
const PAGES: u64 = 500;

/// How often some come and go.
const STEP: Duration = Duration::from_millis(10);

/// Nobody stays in the list for a grace: all say that they go.
const GRACE: Duration = Duration::ZERO;

/// Options.
#[derive(Args)]
pub(crate) struct Crowd {
    /// People online, one size after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000, 1_000_000], value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    people: Vec<u64>,
    /// Connections that watch who comes and goes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    watchers: u64,
    /// Turns a second: people who go and people who come, half of each.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    turns: u64,
    /// Seconds of it.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    #[command(flatten)]
    output: Output,
}

/// What was found with so many people.
#[derive(Clone, Copy, Debug, Serialize)]
struct Found {
    people: u64,
    watchers: u64,
    /// Bytes for each of them.
    bytes_each: f64,
    /// All of them came.
    coming: Rate,
    /// The first page.
    open: Latencies,
    /// A page by the beginning of a user id.
    by_id: Latencies,
    /// A page by the beginning of a display name.
    by_name: Latencies,
    /// People who came and went while all watched.
    turning: Rate,
    /// Bytes a second that one of those who watch heard.
    heard_bytes_per_s: f64,
    /// Frames a second.
    heard_frames_per_s: f64,
    /// How often one of them was asked to look for itself.
    resets: u64,
    /// At the end, names that one who followed as a client does had right, of so many.
    right: (usize, usize),
}

impl Crowd {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        let mut report = Report::begin()?;
        let mut sizes = Vec::new();
        for &people in &self.people {
            let found = self.measure(people)?;
            for row in found.rows(self.turns) {
                report.add_at("people online", people, row);
            }
            sizes.push(found);
        }
        self.output.finish_sizes(report, &sizes)
    }

    fn measure(&self, people: u64) -> Result<Found> {
        let pid = std::process::id();
        let before_kib = machine::resident_kib(pid)?;
        let presence = Arc::new(Presence::default());
        let mark = Mark::set(pid, 0)?;
        (1..=people).for_each(|number| presence.enter(user(number)));
        let coming = mark.until_now(pid, people)?;
        let grown_kib = machine::resident_kib(pid)?.saturating_sub(before_kib);
        let begins = |of: fn(u64) -> String| {
            move |turn: u64| {
                let whole = of(1 + turn * 7919 % people);
                whole.chars().take(3 + usize::try_from(turn % 6).unwrap_or(0)).collect::<String>()
            }
        };
        let open = pages(&presence, |_| String::new())?;
        let by_id = pages(&presence, begins(id))?;
        let by_name = pages(&presence, begins(name))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let turned = runtime.block_on(self.turn(&presence, people))?;
        Ok(Found {
            people,
            watchers: self.watchers,
            bytes_each: grown_kib as f64 * 1024.0 / people as f64,
            coming,
            open,
            by_id,
            by_name,
            turning: turned.rate,
            heard_bytes_per_s: turned.ear.bytes as f64 / turned.rate.wall_s,
            heard_frames_per_s: turned.ear.frames as f64 / turned.rate.wall_s,
            resets: turned.ear.resets,
            right: turned.right,
        })
    }

    /// People come and go, all over the list, while some watch.
    async fn turn(&self, presence: &Arc<Presence>, people: u64) -> Result<Turned> {
        let mailbox = |_| Arc::new(Mailbox::new(UserId(0), DeviceId(0)));
        let watchers: Vec<_> = (0..self.watchers).map(mailbox).collect();
        watchers.iter().for_each(|mailbox| presence.watch(mailbox));
        let running = tokio::spawn(Arc::clone(presence).run());
        let mut ear = Ear::default();
        let steps = self.seconds * 1000 / u64::try_from(STEP.as_millis())?;
        let each = (self.turns * u64::try_from(STEP.as_millis())? / 1000).max(1);
        let mark = Mark::set(std::process::id(), 0)?;
        let begun = clock::now();
        let mut ever = 0_u64;
        for step in 1..=steps {
            for _ in 0..each {
                // Everybody has a turn, in an order that jumps about; at first they go, then come.
                let number = 1 + (ever / 2).wrapping_mul(0x9e37_79b1) % people;
                match ever.is_multiple_of(2) {
                    true => presence.leave(UserId(number), true, GRACE),
                    false => presence.enter(user(number)),
                }
                ever += 1;
            }
            for (place, mailbox) in watchers.iter().enumerate() {
                let notes = mailbox.take().notes;
                if place == 0 {
                    notes.iter().try_for_each(|note| ear.hear(note, presence))?;
                }
            }
            let next = begun + STEP * u32::try_from(step)?;
            tokio::time::sleep(next.saturating_duration_since(clock::now())).await;
        }
        let rate = mark.until_now(std::process::id(), ever)?;
        let settled: Instant = clock::now();
        while settled.elapsed() < Duration::from_secs(6) {
            tokio::time::sleep(STEP).await;
            let notes = watchers.first().context("nobody watches")?.take().notes;
            notes.iter().try_for_each(|note| ear.hear(note, presence))?;
        }
        running.abort();
        let right = ear.right(presence);
        if right.0 < right.1 {
            bail!("one who watches knew {} of the first {} at the end", right.0, right.1);
        }
        Ok(Turned { rate, ear, right })
    }
}

struct Turned {
    rate: Rate,
    ear: Ear,
    right: (usize, usize),
}

/// One who watches, and follows the list as a client does.
#[derive(Default)]
struct Ear {
    bytes: u64,
    frames: u64,
    resets: u64,
    names: std::collections::BTreeMap<UserId, String>,
    version: u64,
}

impl Ear {
    fn hear(&mut self, note: &Note, presence: &Presence) -> Result<()> {
        let Note::Presence(bytes) = note else { return Ok(()) };
        self.bytes += bytes.len() as u64;
        self.frames += 1;
        let change: event::Presence = Frame::parse(bytes.slice(4..))?.decode()?;
        if change.v <= self.version {
            return Ok(());
        }
        if change.reset || change.v != self.version + 1 {
            self.resets += 1;
            return self.look(presence);
        }
        self.version = change.v;
        self.names.extend(change.set.into_iter().map(|user| (user.user, user.id)));
        change.del.iter().for_each(|user| drop(self.names.remove(user)));
        Ok(())
    }

    fn look(&mut self, presence: &Presence) -> Result<()> {
        self.names.clear();
        let mut after = None;
        loop {
            let page = presence.page("", after.as_deref(), PAGE_ENTRIES_MAX);
            if self.names.is_empty() {
                self.version = page.v;
            }
            self.names.extend(page.users.into_iter().map(|user| (user.user, user.id)));
            after = page.next;
            if after.is_none() || self.names.len() >= PRESENCE_FIRST_MAX {
                return Ok(());
            }
        }
    }

    /// Of the first people in the list, how many it knows.
    fn right(&self, presence: &Presence) -> (usize, usize) {
        let first = presence.page("", None, PAGE_ENTRIES_MAX).users;
        let known = first.iter().filter(|user| self.names.contains_key(&user.user)).count();
        (known, first.len())
    }
}

impl Found {
    fn rows(&self, turns: u64) -> Vec<Row> {
        let of = format!("{} online", short(self.people as f64));
        let row =
            |what: &str, measured, detail| Row::found(format!("{of}: {what}"), measured, detail);
        // All in one thread, so that time passed is finer than the system's count of processor time.
        let coming_us = self.coming.wall_s * 1e6 / self.coming.count.max(1) as f64;
        let page =
            |what: &str, found: Latencies| row(what, (found.p99_us as f64, "µs"), times(found));
        let (right, of) = self.right;
        vec![
            row("one comes", (coming_us, "µs"), format!("{:.0} bytes each", self.bytes_each)),
            page("a first page, p99", self.open),
            page("a page by the beginning of an id, p99", self.by_id),
            page("a page by the beginning of a name, p99", self.by_name),
            row(
                &format!("{turns} turns a second, heard by one who watches"),
                (self.heard_bytes_per_s, "bytes/s"),
                format!(
                    "{:.1} frames/s, {} times asked to look; {right} of the first {of} right at the end",
                    self.heard_frames_per_s, self.resets,
                ),
            ),
            row(
                &format!("{turns} turns a second, {} watch", self.watchers),
                (self.turning.cpu_s / self.turning.wall_s, "processors"),
                format!("{:.0} turns a second", self.turning.per_wall_s()),
            ),
        ]
    }
}

/// Times pages by these queries.
fn pages(presence: &Presence, query: impl Fn(u64) -> String) -> Result<Latencies> {
    let mut took = Vec::new();
    for turn in 0..PAGES {
        let query = query(turn);
        let begun = clock::now();
        let page = black_box(presence.page(&query, None, PAGE_ENTRIES_MAX));
        took.push(begun.elapsed());
        if page.users.is_empty() {
            bail!("nobody is found by {query:?}");
        }
    }
    Ok(Latencies::of(took))
}

fn id(number: u64) -> String {
    format!("{:05x}user{number}", number.wrapping_mul(0x9e37_79b1) >> 12 & 0xf_ffff)
}

fn name(number: u64) -> String {
    format!("Name {:05x} {number}", number.wrapping_mul(0x85eb_ca6b) >> 12 & 0xf_ffff)
}

fn user(number: u64) -> User {
    User { user: UserId(number), id: id(number), name: name(number), on: None }
}
