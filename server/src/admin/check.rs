//! Reading everything in the data folder of a stopped server without changing anything, and saying
//! what a start would do about what is wrong.

use std::{fs, path::Path};

use super::backup::{BackupError, content};
use crate::{
    datadir::{DataDir, DataDirError},
    disk::RealDisk,
    journal::{self, JournalError, Remedy, SegmentReport},
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
    /// Whether something that was synced once cannot be read any more, or a start would be refused.
    pub damaged: bool,
}

/// Checks every record of the journal in this data folder, every file, the key and the index.
///
/// # Errors
/// See [`CheckError`].
pub fn check(data: &Path) -> Result<Findings, CheckError> {
    // Opening a folder for work would make what is missing in it.
    if !data.join("format").exists() && !data.join("journal").is_dir() {
        return Err(CheckError::Nothing(data.display().to_string()));
    }
    let folder = DataDir::open(data)?;
    let mut findings = Findings { lines: Vec::new(), damaged: false };
    look_at_journal(&folder.journal(), &mut findings)?;
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

fn look_at_journal(journal: &Path, findings: &mut Findings) -> Result<(), JournalError> {
    let reports = match journal.is_dir() {
        true => {
            let open = |source| JournalError::Io { action: "open", source };
            journal::check(&RealDisk::open(journal).map_err(open)?)?
        }
        false => Vec::new(),
    };
    for report in &reports {
        findings.damaged |= report.flaw.is_some() && report.remedy == Remedy::None;
        findings.say(line(report));
    }
    if reports.is_empty() {
        findings.complain(
            "journal: missing, and with it all that was said; put it back from a backup, or remove the index to begin an empty server",
        );
    }
    Ok(())
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

fn line(report: &SegmentReport) -> String {
    let SegmentReport { segment, records, commits, room_bytes, flaw, remedy } = report;
    let mut sound = format!("{segment:08}.log: sound records {records}, commits {commits}");
    if *room_bytes > 0 {
        sound +=
            &format!(", and {room_bytes} bytes of room, as a server leaves that was not stopped");
    }
    let Some(flaw) = flaw else { return format!("{sound}, nothing is wrong") };
    match remedy {
        Remedy::Cut { bytes } => format!(
            "{sound}. The last write was cut off: {bytes} bytes at the end are not complete. They \
             were never acknowledged; the server removes them at the next start and keeps a copy"
        ),
        Remedy::Removal => format!(
            "{segment:08}.log was begun and nothing was written to it yet; the server removes it at \
             the next start. Nothing is lost"
        ),
        Remedy::Redo => format!(
            "{sound}. Behind them, words that were taken back were being erased when the server \
             stopped; it finishes that at the next start. Check again after it"
        ),
        Remedy::None => format!(
            "{sound}. Then: {flaw}. While the index is sound, the server starts and shows what is \
             damaged as such; without it, it does not start. Put this segment back from a backup"
        ),
    }
}
