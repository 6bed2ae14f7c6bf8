//! What most measurements are told by the same options: which server, on which disk, and where to write
//! the figures.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;

use crate::{report::Report, say, server};

/// A server's program and a disk.
#[derive(Args)]
pub(crate) struct Rig {
    /// The server's program [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    /// Folder on the disk to be measured; what is made in it is removed again.
    #[arg(long, value_name = "DIR")]
    under: Option<PathBuf>,
}

impl Rig {
    pub(crate) fn liaod(&self) -> Result<PathBuf> {
        self.liaod.clone().map_or_else(server::beside, Ok)
    }

    /// A new folder, which goes when it is dropped.
    pub(crate) fn folder(&self) -> Result<tempfile::TempDir> {
        let made = match &self.under {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        made.context("cannot make a folder for the data")
    }
}

/// Where the figures go beside the screen.
#[derive(Args)]
pub(crate) struct Output {
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A report with all that was found at each size beside it.
#[derive(Serialize)]
struct Sizes<'a, T> {
    #[serde(flatten)]
    report: &'a Report,
    sizes: &'a [T],
}

impl Output {
    /// Prints the table and writes the file.
    pub(crate) fn finish(&self, mut report: Report) -> Result<()> {
        report.end();
        say(&format!("\n{}", report.table()));
        self.write(&report)
    }

    /// The same with what was found at each size.
    pub(crate) fn finish_sizes<T: Serialize>(&self, mut report: Report, sizes: &[T]) -> Result<()> {
        report.end();
        say(&format!("\n{}", report.table()));
        self.write(&Sizes { report: &report, sizes })
    }

    pub(crate) fn write(&self, figures: &impl Serialize) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(figures)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    #[test]
    fn figures_of_sizes_have_their_points_where_charts_look_for_them() {
        let row = |measured| Row {
            what: "1000 online: one comes".into(),
            measured,
            unit: "µs",
            target: None,
            detail: String::new(),
        };
        let mut report = Report::default();
        [row(2.0), row(0.0)].into_iter().for_each(|row| report.add_at("people", 1000, row));
        let figures = serde_json::to_value(Sizes { report: &report, sizes: &[7] }).unwrap();
        assert_eq!(figures["rows"].as_array().unwrap().len(), 2);
        assert_eq!(figures["growth"].as_array().unwrap().len(), 1, "nothing at zero can be drawn");
        assert_eq!(figures["growth"][0]["line"], "one comes");
        assert_eq!((&figures["growth"][0]["cost"], &figures["sizes"][0]), (&2.0.into(), &7.into()));
    }
}
