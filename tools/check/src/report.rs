//! What a run leaves: lines for people, and, when something broke, the folder with everything in it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use liao_check::{
    history::{self, Record},
    verdict::{Counts, Verdict},
};
use tempfile::TempDir;

/// A folder for one run: data, log and history. It goes with its owner unless it is kept.
pub(crate) struct Kept {
    folder: TempDir,
}

impl Kept {
    pub(crate) fn new(name: &str, under: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let prefix = format!("liao-{name}-");
        let builder = builder.prefix(&prefix);
        let folder = match under {
            Some(under) => builder.tempdir_in(under),
            None => builder.tempdir(),
        };
        Ok(Self { folder: folder.context("cannot make a folder for the run")? })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// Keeps the folder, with this history in it.
    pub(crate) fn keep(&self, history: &[Record]) -> Result<()> {
        history::write(BufWriter::new(File::create(self.path().join("history.jsonl"))?), history)?;
        let kept = self.path().with_extension("kept");
        fs::rename(self.path(), &kept)?;
        say(&format!("kept in {}", kept.display()));
        Ok(())
    }
}

/// What a history was about, in words.
pub(crate) fn words(counts: &Counts) -> String {
    let Counts { sent, acked, repeated, unknown_kept, pushed, read, read_whole, left, old } =
        counts;
    format!(
        "{sent} posts, {acked} acknowledged ({repeated} of them when sent again), {unknown_kept} kept without an answer; {pushed} entries pushed, \
         {read} read in {read_whole} whole rooms; somebody went out of a room {left} times; {old} entries were old and went"
    )
}

/// Prints the faults, if there are any.
///
/// # Errors
/// When there are.
pub(crate) fn judge(verdict: &Verdict, history: &[Record], kept: &Kept) -> Result<()> {
    if verdict.faults.is_empty() {
        return Ok(());
    }
    for fault in &verdict.faults {
        say(&fault.to_string());
    }
    kept.keep(history)?;
    bail!("{} promises broken", verdict.faults.len())
}

/// # Errors
/// When the server panicked, with where.
pub(crate) fn no_panic(log: &Path) -> Result<()> {
    let text = fs::read_to_string(log)?;
    match text.lines().find(|line| line.contains("panicked at")) {
        Some(line) => bail!("liaod panicked: {line}"),
        None => Ok(()),
    }
}

/// Prints a line. Nobody may be reading; that is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
