//! What restarts, slow readers and pings have in common: their options, a server of their own, people.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::{
    crowd::{self, Person},
    machine,
    report::{Good, Report, Row},
    rig::{Output, Rig},
    say,
    server::{Hashing, Server, Transport},
};

/// Options of a trial.
#[derive(Args)]
pub(crate) struct Trial {
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
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
        let (liaod, data) = (self.rig.liaod()?, self.rig.folder()?);
        let mut scene = Scene { liaod, data, report: Report::begin()? };
        work(&mut scene)?;
        self.output.finish(scene.report)
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
        let target = most.map(|most| (most, Good::Low));
        self.report.add(Row { what: what.to_owned(), measured, unit, target, detail });
    }
}
