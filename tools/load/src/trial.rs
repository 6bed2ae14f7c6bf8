//! What restarts, slow readers and pings have in common: their options, a server of their own, people.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    crowd::{self, Person},
    machine,
    report::{Good, Report, Row, short},
    say,
    server::{self, Hashing, Server, Transport},
    usual,
};

/// Options of a trial.
#[derive(Args)]
pub(crate) struct Trial {
    /// The server's program [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    /// Folder on the disk to be used; what is made in it is removed again.
    #[arg(long, value_name = "DIR")]
    under: Option<PathBuf>,
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A data folder, and what was found with it.
pub(crate) struct Scene {
    liaod: PathBuf,
    data: tempfile::TempDir,
    report: Report,
}

impl Trial {
    /// Does the work with a scene of its own, prints the table and writes the file.
    pub(crate) fn run(&self, work: impl FnOnce(&mut Scene) -> Result<()>) -> Result<()> {
        machine::raise_descriptors()?;
        let data = match &self.under {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let data = data.context("cannot make a folder for the data")?;
        let liaod = self.liaod.clone().map_or_else(server::beside, Ok)?;
        let report = Report {
            processors: std::thread::available_parallelism()?.get(),
            load_average: (machine::load_average(), 0.0),
            ..Report::default()
        };
        let mut scene = Scene { liaod, data, report };
        work(&mut scene)?;
        scene.report.load_average.1 = machine::load_average();
        usual::finish(&scene.report, self.json.as_deref())
    }
}

impl Scene {
    /// Starts the server, in plain text.
    pub(crate) fn server(&self) -> Result<Server> {
        let data = self.data.path().join("liaod");
        Server::start(&self.liaod, &data, Transport::Plain, Hashing::Least)
    }

    /// People with accounts.
    pub(crate) fn register(&self, count: usize) -> Result<Vec<Person>> {
        say(&format!("registering {count} people"));
        let server = self.server()?;
        let people = crowd::register(&server, count, crowd::REGISTER_AT_ONCE)?;
        server.stop()?;
        Ok(people)
    }

    /// Writes a figure down.
    pub(crate) fn add(
        &mut self,
        what: &str,
        (measured, unit): (f64, &'static str),
        most: Option<f64>,
        detail: String,
    ) {
        say(&format!("{what}: {} {unit} ({detail})", short(measured)));
        let target = most.map(|most| (most, Good::Low));
        self.report.rows.push(Row { what: what.to_owned(), measured, unit, target, detail });
    }
}
