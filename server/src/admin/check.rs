//! Reading the whole journal of a stopped server without changing anything, and saying what a
//! start would do about what is wrong.

use std::path::Path;

use crate::{
    datadir::{DataDir, DataDirError},
    disk::RealDisk,
    journal::{self, JournalError, SegmentReport},
};

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The folder cannot be opened; most often the server runs.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// There is no data folder there.
    #[error("there is no data folder at {0}")]
    Nothing(String),
    /// The journal's folder cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// Lines for the operator, one a segment.
    pub lines: Vec<String>,
    /// Whether a start would refuse this journal.
    pub damaged: bool,
}

/// Checks every record of the journal in this data folder.
///
/// # Errors
/// See [`CheckError`].
pub fn check(data: &Path) -> Result<Findings, CheckError> {
    if !data.is_dir() {
        return Err(CheckError::Nothing(data.display().to_string()));
    }
    let folder = DataDir::open(data)?;
    let disk = RealDisk::open(folder.journal())
        .map_err(|source| JournalError::Io { action: "open", source })?;
    let reports = journal::check(&disk)?;
    let last = reports.len().saturating_sub(1);
    let damaged = reports.iter().take(last).any(|report| report.flaw.is_some());
    let lines = reports.iter().enumerate().map(|(at, report)| line(report, at == last)).collect();
    Ok(Findings { lines, damaged })
}

fn line(report: &SegmentReport, last: bool) -> String {
    let SegmentReport { segment, records, commits, flaw } = report;
    let sound = format!("{segment:08}.log: {records} sound records in {commits} commits");
    match flaw {
        None => sound,
        Some(flaw) if last => {
            format!(
                "{sound}; then: {flaw}. If nothing sound follows, the next start cuts this tail off and keeps it"
            )
        }
        Some(flaw) => format!(
            "{sound}; then: {flaw}. What is behind this cannot be read, and a server that has to read it again does not start: put the segment back from a backup"
        ),
    }
}
