//! Terminal clients: how soon one can use them, what a flood of lines costs them, and whether one can
//! type meanwhile. `liao` and, in the same terminal and fed with the same lines, others in turn.

mod between;
mod feed;
mod keys;
mod program;
mod scroll;
mod terminal;

use std::{path::PathBuf, sync::mpsc::sync_channel, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum as _};
use liao_common::{event::Synced, id::RoomId, request::Request};

use crate::{
    crowd::{self, Person},
    play::{Script, play},
    report::{Good, Report, Row, short},
    rig::Output,
    say,
    server::{self, Hashing, Server, Transport},
    swarm::Swarm,
};
use feed::{Feed, Tongue, mark};
use keys::Keys;
use program::{Opened, Program, Town};
use terminal::Terminal;

/// Lines a second of the flood in which one types.
const FLOOD_PER_S: u64 = 10_000;

/// How long nothing has to be drawn before a client counts as idle.
const SETTLED: Duration = Duration::from_millis(1500);

/// How long an idle client is watched.
const IDLE: Duration = Duration::from_secs(10);

/// How long any flood may take to be drawn.
const DRAWN_WITHIN: Duration = Duration::from_secs(120);

/// Options of `liao-load client`.
#[derive(Args)]
pub(crate) struct Options {
    /// How often each client is measured, in turn with the others.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// Lines of the flood that is drawn as fast as it can be.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    lines: u64,
    /// Measure instead how one scrolls back through a room with so many messages, in `liao` alone.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1000..=5_000_000))]
    history: Option<u64>,
    /// Pages that are scrolled back there, one after the other.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pages: u64,
    /// Which clients, separated by commas [default: all that are installed].
    #[arg(long, value_delimiter = ',')]
    clients: Vec<Program>,
    /// The program `liao` [default: the one beside this program].
    #[arg(long, value_name = "FILE")]
    liao: Option<PathBuf>,
    /// The server's program [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What one run of one client gave.
struct Found {
    usable_s: f64,
    chat_s: f64,
    first_kib: u64,
    idle_ticks: f64,
    quiet: Keys,
    flooded: Keys,
    flood_s: f64,
    flood_cpu_s: f64,
    written_kib: f64,
    after_kib: u64,
}

impl Options {
    /// Measures all of it and prints one table.
    pub(crate) fn run(&self) -> Result<()> {
        let mut report = Report::begin()?;
        let folder = tempfile::tempdir()?;
        let liaod = self.liaod.clone().map_or_else(server::beside, Ok)?;
        let liao = self.liao.clone().map_or_else(|| server::program_beside("liao", "liao"), Ok)?;
        let data = folder.path().join("liaod");
        if let Some(messages) = self.history {
            let way = scroll::Way { liaod: &liaod, liao: &liao, data: &data, messages };
            way.scroll(self.pages, self.rounds, &mut report)?;
            return self.output.finish(report);
        }
        let server = Server::start(&liaod, &data, Transport::Plain, Hashing::Least)?;
        let people = crowd::register(&server, 2, 1)?;
        let [person, peer] = people.as_slice() else { return Err(anyhow!("nobody there")) };
        let tongue = tongue(&server, person, peer)?;
        let town = Town { server: &server, liao: &liao, person, tongue };
        let programs = self.programs(&liao);
        let mut found: Vec<(Program, Vec<Found>)> =
            programs.into_iter().map(|program| (program, Vec::new())).collect();
        for round in 0..self.rounds {
            for (program, runs) in &mut found {
                let home = folder.path().join(format!("{}{round}", program.name()));
                let run = measure(*program, &town, &home, self.lines);
                let run = run.with_context(|| program.name())?;
                say(&format!("round {}, {}: {}", round + 1, program.name(), run.words()));
                runs.push(run);
            }
        }
        server.stop()?;
        report.rows = rows(&found, self.lines);
        self.output.finish(report)
    }

    fn programs(&self, liao: &std::path::Path) -> Vec<Program> {
        let all = Program::value_variants().to_vec();
        let wanted = if self.clients.is_empty() { all } else { self.clients.clone() };
        let there = |program: &Program| {
            let there = program.find(liao).is_some();
            if !there {
                let name = program.name();
                say(&format!("{name} is left out: it is not installed (apt install {name})"));
            }
            there
        };
        wanted.into_iter().filter(there).collect()
    }
}

/// Where the lobby stands, so that lines can be put behind it.
fn tongue(server: &Server, person: &Person, peer: &Person) -> Result<Tongue> {
    let ask: Vec<Request> = person.follows();
    let script = Script { link: None, ask, leave: true };
    let played = play(&mut Swarm::new()?, server, vec![script], 1)?;
    let answer = played.first().and_then(|played| played.answers.last()).context("no answer")?;
    let synced: Synced = answer.decode()?;
    let lobby = synced.rooms.iter().find(|room| room.room == RoomId::LOBBY);
    Ok(Tongue::Liao { from: peer.user, head: lobby.context("no lobby")?.head })
}

fn measure(program: Program, town: &Town<'_>, home: &std::path::Path, lines: u64) -> Result<Found> {
    let Opened { mut terminal, mut feed, usable, chat } = program.open(town, home)?;
    terminal.settle(SETTLED)?;
    let first_kib = terminal.resident_kib()?;
    let before = terminal.cpu_s()?;
    terminal.watch_for(IDLE)?;
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let idle_ticks = ((terminal.cpu_s()? - before) * ticks).round();
    let quiet = keys::type_keys(&mut terminal)?;
    let flooded = type_in_flood(&mut terminal, &mut feed)?;
    terminal.settle(SETTLED)?;
    let (cpu_s, written) = (terminal.cpu_s()?, terminal.written);
    let flood_s = flood(&mut terminal, &mut feed, lines)?;
    terminal.settle(SETTLED)?;
    Ok(Found {
        usable_s: usable.duration_since(terminal.opened).as_secs_f64(),
        chat_s: chat.duration_since(terminal.opened).as_secs_f64(),
        first_kib,
        idle_ticks,
        quiet,
        flooded,
        flood_s,
        flood_cpu_s: terminal.cpu_s()? - cpu_s,
        written_kib: (terminal.written - written) as f64 / 1024.0,
        after_kib: terminal.resident_kib()?,
    })
}

/// Types while lines come at their pace, and waits until the last of them is drawn.
fn type_in_flood(terminal: &mut Terminal, feed: &mut Feed) -> Result<Keys> {
    let (stop, told) = sync_channel(1);
    let keys = thread::scope(|scope| {
        let flood = scope.spawn(|| feed.pace(FLOOD_PER_S, told));
        let keys = keys::type_keys(terminal);
        drop(stop);
        flood.join().map_err(|_| anyhow!("the flood ended early"))??;
        keys
    })?;
    terminal.until(&mark(feed.next - 1), DRAWN_WITHIN)?;
    Ok(keys)
}

/// Seconds from the first line to the last one on the screen.
fn flood(terminal: &mut Terminal, feed: &mut Feed, lines: u64) -> Result<f64> {
    let last = mark(feed.next + lines - 1);
    thread::scope(|scope| {
        let flood = scope.spawn(|| feed.blast(lines));
        let drawn = terminal.until(&last, DRAWN_WITHIN);
        let began = flood.join().map_err(|_| anyhow!("the flood ended early"))??;
        Ok(drawn?.duration_since(began).as_secs_f64())
    })
}

impl Found {
    fn words(&self) -> String {
        let mib = |kib: u64| kib as f64 / 1024.0;
        format!(
            "usable {:.3} s, in the chat {:.3} s, {:.1} MiB, idle {} ticks; keys p99 {:.1} ms, in a flood \
             p50 {:.1} ms, p99 {:.1} ms, lost {}; lines {:.2} s, CPU {:.2} s, {:.0} KiB drawn, {:.1} MiB after",
            self.usable_s,
            self.chat_s,
            mib(self.first_kib),
            self.idle_ticks,
            self.quiet.latency.p99_us as f64 / 1e3,
            self.flooded.latency.p50_us as f64 / 1e3,
            self.flooded.latency.p99_us as f64 / 1e3,
            self.flooded.lost + self.quiet.lost,
            self.flood_s,
            self.flood_cpu_s,
            self.written_kib,
            mib(self.after_kib),
        )
    }
}

/// A figure: its name, its unit, its target, and where it stands in what was found.
type Figure = (&'static str, &'static str, Option<f64>, fn(&Found) -> f64);

const FIGURES: [Figure; 12] = [
    ("first screen", "s", Some(0.05), |found| found.usable_s),
    ("in the chat, first line drawn", "s", None, |found| found.chat_s),
    ("resident there", "MiB", None, |found| found.first_kib as f64 / 1024.0),
    ("processor time of 10 s idle", "ticks", Some(0.0), |found| found.idle_ticks),
    ("key to letter, quiet, p50", "ms", None, |found| found.quiet.latency.p50_us as f64 / 1e3),
    ("key to letter, quiet, p99", "ms", None, |found| found.quiet.latency.p99_us as f64 / 1e3),
    ("key to letter in 10,000 lines/s, p50", "ms", None, |found| {
        found.flooded.latency.p50_us as f64 / 1e3
    }),
    ("key to letter in 10,000 lines/s, p99", "ms", None, |found| {
        found.flooded.latency.p99_us as f64 / 1e3
    }),
    ("keys lost of 200", "", Some(0.0), |found| (found.quiet.lost + found.flooded.lost) as f64),
    ("all lines until drawn", "s", Some(1.0), |found| found.flood_s),
    ("its processor time", "s", None, |found| found.flood_cpu_s),
    ("resident afterwards", "MiB", Some(20.0), |found| found.after_kib as f64 / 1024.0),
];

fn rows(found: &[(Program, Vec<Found>)], lines: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (what, unit, target, of) in FIGURES {
        let Some((first, others)) = found.split_first() else { return rows };
        let (own, range) = median(&first.1, of);
        let mut detail = vec![range];
        for (program, runs) in others {
            let (theirs, range) = median(runs, of);
            let ratio = if own > 0.0 { format!(", {:.1} x", theirs / own) } else { String::new() };
            detail.push(format!("{} {} {range}{ratio}", program.name(), short(theirs)));
        }
        let what = match what {
            "all lines until drawn" => format!("{lines} lines of 100 bytes until drawn"),
            what => what.to_owned(),
        };
        rows.push(Row {
            what: format!("{}: {what}", first.0.name()),
            measured: own,
            unit,
            target: target.map(|target| (target, Good::Low)),
            detail: detail.join("; "),
        });
    }
    rows
}

fn median(runs: &[Found], of: fn(&Found) -> f64) -> (f64, String) {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let range = format!("[{}–{}]", short(at(0)), short(at(values.len().saturating_sub(1))));
    (at(values.len() / 2), range)
}
