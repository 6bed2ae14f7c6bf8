//! The usual figures, each by itself or all in a row: options, and the order they are taken in.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    machine,
    report::Report,
    rig::{Output, Rig},
    server::Transport,
    suite::Suite,
};

/// Descriptors beside those of the connections.
const DESCRIPTORS_BESIDE: u64 = 100;

/// Options of all of them.
#[derive(Args)]
pub(crate) struct Usual {
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
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
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

impl Usual {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self, figure: Figure) -> Result<()> {
        let mut suite = prepare(self)?;
        let is = |one: Figure| figure == Figure::All || figure == one;
        let (members, connections) =
            (usize::try_from(self.members)?, usize::try_from(self.connections)?);
        match figure {
            Figure::Login => {}
            Figure::Idle | Figure::Storm => suite.prepare(connections)?,
            Figure::Durable | Figure::Fanout => suite.register(members)?,
            Figure::All => suite.register(connections.max(members))?,
        }
        suite.disk()?;
        for transport in transports(self.transport) {
            if is(Figure::Durable) {
                suite.durable(transport, 16, 16)?;
                suite.durable(transport, 1, 1)?;
            }
            if is(Figure::Fanout) {
                let windows = self.window.map_or_else(|| vec![64, 4, 256], |window| vec![window]);
                windows
                    .into_iter()
                    .try_for_each(|window| suite.fanout(transport, members, window))?;
            }
            if is(Figure::Idle) {
                suite.idle(transport, connections)?;
            }
            if is(Figure::Storm) {
                suite.storm(transport, connections)?;
            }
        }
        if is(Figure::Login) {
            suite.login()?;
        }
        self.output.finish(suite.report)
    }
}

fn prepare(arguments: &Usual) -> Result<Suite> {
    let descriptors = machine::raise_descriptors()?;
    if arguments.connections + DESCRIPTORS_BESIDE > descriptors {
        bail!(
            "{} connections are more than the limit of descriptors ({descriptors}) allows",
            arguments.connections
        );
    }
    Ok(Suite {
        liaod: arguments.rig.liaod()?,
        data: arguments.rig.folder()?,
        seconds: arguments.seconds,
        rooms: 0,
        people: Vec::new(),
        report: Report::begin()?,
    })
}

fn transports(only: Option<Wire>) -> Vec<Transport> {
    match only {
        Some(Wire::Plain) => vec![Transport::Plain],
        Some(Wire::Tls) => vec![Transport::Tls],
        None => vec![Transport::Plain, Transport::Tls],
    }
}
