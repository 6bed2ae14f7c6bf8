//! Reading everything in the data folder of a stopped server without changing anything, and saying
//! what a start would do about what is wrong.

use std::{fs, path::Path};

use super::backup::{BackupError, content};
use crate::{
    datadir::{DataDir, DataDirError},
    disk::RealDisk,
    journal::{self, JournalError, SegmentReport},
    tls,
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
    /// A file cannot be read.
    #[error(transparent)]
    Files(#[from] BackupError),
    /// The journal's folder cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// Lines for the operator, one a segment of the journal, and one for each of the rest.
    pub lines: Vec<String>,
    /// Whether a start would refuse this folder, or something of it is lost.
    pub damaged: bool,
}

/// Checks every record of the journal in this data folder, every file, the key and the index.
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
    let mut findings = Findings { lines, damaged };
    look_beside_segments(&folder.journal(), &mut findings);
    look_at_files(&folder.path().join("blobs"), &mut findings)?;
    look_at_key(&folder, &mut findings);
    look_at_index(&folder.index(), &mut findings);
    Ok(findings)
}

impl Findings {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn complain(&mut self, line: impl Into<String>) {
        self.damaged = true;
        self.say(line);
    }
}

fn look_beside_segments(journal: &Path, findings: &mut Findings) {
    if journal.join("overwrite.redo").exists() {
        findings.say("overwrite.redo: an erasure was interrupted; the next start finishes it");
    }
    let entries = fs::read_dir(journal).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut cut: Vec<String> = names.filter(|name| name.ends_with(".cut")).collect();
    cut.sort_unstable();
    for name in cut {
        findings.say(format!("{name}: cut off by an earlier start; nobody reads it"));
    }
}

fn look_at_files(blobs: &Path, findings: &mut Findings) -> Result<(), CheckError> {
    let mut sound = 0_u64;
    let mut damaged = Vec::new();
    content::each_blob(blobs, &mut |path, name| {
        if content::hash_of(path, &mut std::io::sink())? == name {
            sound += 1;
        } else {
            damaged.push(path.display().to_string());
        }
        Ok(())
    })?;
    findings.say(format!("blobs: {sound} sound files"));
    for path in damaged {
        findings.complain(format!(
            "{path}: not what its name says; whoever fetches it finds out and throws it away: put it back from a backup, or ask its sender to send it again"
        ));
    }
    Ok(())
}

fn look_at_key(folder: &DataDir, findings: &mut Findings) {
    match tls::pin(&folder.tls()) {
        Some(pin) => findings.say(format!("tls/key.pem: sound, pin {pin}")),
        None => findings.complain(
            "tls/key.pem: missing or unreadable; the server does not start without it: put it back from a backup",
        ),
    }
}

fn look_at_index(index: &Path, findings: &mut Findings) {
    if !index.is_dir() {
        findings.say("index: missing; the next start makes it anew from the journal");
    }
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
