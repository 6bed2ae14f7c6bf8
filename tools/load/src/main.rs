//! The program `liao-load`: measures a `liaod` of its own on this machine, prints a table, writes
//! JSON. Everything is bounded in number and time; every delivery is compared with what was posted.

mod chart;
mod client;
mod clock;
mod crowd;
mod dice;
mod durable;
mod fanout;
mod files;
mod history;
mod idle;
mod ledger;
mod link;
mod login;
mod machine;
mod million;
mod peers;
mod people;
mod ping;
mod play;
mod post;
mod presence;
mod report;
mod restarts;
mod rig;
mod rooms;
mod scribe;
mod server;
mod slow;
mod spread;
mod stats;
mod storm;
mod suite;
mod swarm;
mod tape;
mod tls;
mod trial;
mod usual;

use std::{io::Write as _, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use usual::{Figure, Usual};

/// Measures liaod on this machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What to measure. Each has options of its own.
#[derive(Subcommand)]
enum What {
    /// All of the five that follow.
    All(Usual),
    /// Posts that are on the disk when they are acknowledged.
    Durable(Usual),
    /// Terminal clients: `liao` beside weechat and irssi.
    Client(client::Options),
    /// One room of many, few who post.
    Fanout(Usual),
    /// Files there and back, beside a bare socket and scp.
    Files(files::Options),
    /// Memory of connections that only listen, and what their logins take.
    Idle(Usual),
    /// Logins with a password, right and wrong.
    Login(Usual),
    /// Everybody comes back at once after a restart.
    Storm(Usual),
    /// What a long history costs.
    History(history::Histories),
    /// Sessions in memory, up to a million of them, with the server in this process.
    Million(million::Options),
    /// Beside other servers, in turn: inspircd, mosquitto, nats-server, and a bare one as the ceiling.
    Peers(peers::Options),
    /// Stops and starts the server under people who talk.
    Restarts(restarts::Restarts),
    /// What those who do not read cost their neighbours.
    Slow(slow::Slow),
    /// How long an answer takes beside a large download over a slow line.
    Ping(ping::PingTrial),
    /// Draws costs against sizes, from the files that `--json` wrote.
    Chart(chart::Charts),
    /// Rooms of very many members, of whom some look.
    Rooms(rooms::Rooms),
    /// Very many rooms: what a post, a visit and a start cost.
    Spread(spread::Spread),
    /// The list of very many who are online, by itself and in this process.
    Presence(presence::Crowd),
    /// The bare one.
    #[command(hide = true)]
    Ceiling { port: u16 },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("liao-load: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(what: &What) -> Result<()> {
    match what {
        What::All(usual) => usual.run(Figure::All),
        What::Client(options) => options.run(),
        What::Durable(usual) => usual.run(Figure::Durable),
        What::Fanout(usual) => usual.run(Figure::Fanout),
        What::Files(options) => options.run(),
        What::Idle(usual) => usual.run(Figure::Idle),
        What::Login(usual) => usual.run(Figure::Login),
        What::Storm(usual) => usual.run(Figure::Storm),
        What::History(histories) => histories.run(),
        What::Million(options) => options.run(),
        What::Peers(options) => options.run(),
        What::Restarts(restarts) => restarts.run(),
        What::Slow(slow) => slow.run(),
        What::Ping(ping) => ping.run(),
        What::Chart(charts) => charts.run(),
        What::Ceiling { port } => peers::ceiling(*port),
        What::Rooms(rooms) => rooms.run(),
        What::Spread(spread) => spread.run(),
        What::Presence(crowd) => crowd.run(),
    }
}

/// Prints a line. Nobody may be reading; that is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
