//! The program `liao-load`: measures a `liaod` of its own on this machine, prints a table, writes
//! JSON. Everything is bounded in number and time; every delivery is compared with what was posted.

mod clock;
mod crowd;
mod durable;
mod fanout;
mod idle;
mod ledger;
mod link;
mod login;
mod machine;
mod play;
mod post;
mod report;
mod server;
mod stats;
mod storm;
mod suite;
mod swarm;
mod tape;
mod tls;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use report::Report;
use server::Transport;
use suite::Suite;

/// Descriptors beside those of the connections.
const DESCRIPTORS_BESIDE: u64 = 100;

/// Measures liaod on this machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    what: What,
    /// Seconds of each measured window.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Members of the room of the fan-out.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(4..=1000))]
    members: u64,
    /// Connections that idle, or come back at once, each of another person.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=19_000))]
    connections: u64,
    /// Posts in flight in the fan-out, of its four senders together [default: 64, 4 and 256].
    #[arg(long, value_parser = clap::value_parser!(u64).range(4..=256))]
    window: Option<u64>,
    /// Only this transport [default: both].
    #[arg(long)]
    transport: Option<Wire>,
    /// The server's program [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    /// Folder on the disk to be measured; what is made in it is removed again.
    #[arg(long, value_name = "DIR")]
    under: Option<PathBuf>,
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    All,
    Durable,
    Fanout,
    Idle,
    Login,
    Storm,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wire {
    Plain,
    Tls,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("liao-load: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut suite = prepare(arguments)?;
    suite.report.processors = std::thread::available_parallelism()?.get();
    suite.report.load_average.0 = machine::load_average();
    let is = |what: What| arguments.what == What::All || arguments.what == what;
    let (members, connections) =
        (usize::try_from(arguments.members)?, usize::try_from(arguments.connections)?);
    let many = is(What::Idle) || is(What::Storm);
    if arguments.what != What::Login {
        suite.register(if many { connections.max(members) } else { members })?;
    }
    suite.disk()?;
    for transport in transports(arguments.transport) {
        if is(What::Durable) {
            suite.durable(transport, 16, 16)?;
            suite.durable(transport, 1, 1)?;
        }
        if is(What::Fanout) {
            let windows = arguments.window.map_or_else(|| vec![64, 4, 256], |window| vec![window]);
            windows.into_iter().try_for_each(|window| suite.fanout(transport, members, window))?;
        }
        if is(What::Idle) {
            suite.idle(transport, connections)?;
        }
        if is(What::Storm) {
            suite.storm(transport, connections)?;
        }
    }
    if is(What::Login) {
        suite.login()?;
    }
    suite.report.load_average.1 = machine::load_average();
    finish(&suite.report, arguments.json.as_deref())
}

fn prepare(arguments: &Arguments) -> Result<Suite> {
    let descriptors = machine::raise_descriptors()?;
    if arguments.connections + DESCRIPTORS_BESIDE > descriptors {
        bail!(
            "{} connections are more than the limit of descriptors ({descriptors}) allows",
            arguments.connections
        );
    }
    let data = match &arguments.under {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    Ok(Suite {
        liaod: arguments.liaod.clone().map_or_else(server::beside, Ok)?,
        data: data.context("cannot make a folder for the data")?,
        seconds: arguments.seconds,
        rooms: 0,
        people: Vec::new(),
        report: Report::default(),
        say,
    })
}

fn transports(only: Option<Wire>) -> Vec<Transport> {
    match only {
        Some(Wire::Plain) => vec![Transport::Plain],
        Some(Wire::Tls) => vec![Transport::Tls],
        None => vec![Transport::Plain, Transport::Tls],
    }
}

fn finish(report: &Report, json: Option<&std::path::Path>) -> Result<()> {
    say(&format!("\n{}", report.table()));
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(report)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Prints a line. Nobody may be reading; that is no reason to stop.
fn say(line: &str) {
    let mut out = std::io::stdout();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
