//! The usual figures, each by itself or all in a row: options, and the order they are taken in.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{
    machine,
    report::Report,
    say,
    server::{self, Transport},
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
        suite.report.processors = std::thread::available_parallelism()?.get();
        suite.report.load_average.0 = machine::load_average();
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
        suite.report.load_average.1 = machine::load_average();
        finish(&suite.report, self.json.as_deref())
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

/// Prints the table and writes the file.
pub(crate) fn finish(report: &Report, json: Option<&std::path::Path>) -> Result<()> {
    say(&format!("\n{}", report.table()));
    write(report, json)
}

/// A report with all that was found at each size beside it.
#[derive(Serialize)]
struct Sizes<'a, T> {
    #[serde(flatten)]
    report: &'a Report,
    sizes: &'a [T],
}

/// The same with what was found at each size.
pub(crate) fn finish_sizes<T: Serialize>(
    report: &Report,
    sizes: &[T],
    json: Option<&std::path::Path>,
) -> Result<()> {
    say(&format!("\n{}", report.table()));
    write(&Sizes { report, sizes }, json)
}

fn write(figures: &impl Serialize, json: Option<&std::path::Path>) -> Result<()> {
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(figures)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Growth, Row};

    #[test]
    fn figures_of_sizes_have_their_points_where_charts_look_for_them() {
        let row = |measured| Row {
            what: "1000 online: one comes".into(),
            measured,
            unit: "µs",
            target: None,
            detail: String::new(),
        };
        let rows = [row(2.0), row(0.0)];
        let growth = rows.iter().filter_map(|row| Growth::of_row("people", 1000, row));
        let report = Report { growth: growth.collect(), ..Report::default() };
        let figures = serde_json::to_value(Sizes { report: &report, sizes: &[7] }).unwrap();
        assert_eq!(figures["growth"].as_array().unwrap().len(), 1, "nothing at zero can be drawn");
        assert_eq!(figures["growth"][0]["line"], "one comes");
        assert_eq!((&figures["growth"][0]["cost"], &figures["sizes"][0]), (&2.0.into(), &7.into()));
    }
}
