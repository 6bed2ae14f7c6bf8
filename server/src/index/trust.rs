//! The note beside the index that says whether its files can be trusted at the next start.
//! Owns the file `state` in the index folder; it is replaced whole and synced.
//! sled syncs its file too seldom to survive a power cut. So after an unclean stop its files are
//! trusted only when the machine did not start anew since, they are the very same files, and they
//! hold at least what the last checkpoint held. In all other cases the index is rebuilt.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Mark;
use crate::disk::sync_folder;

const STATE_NAME: &str = "state";
const MAGIC: &str = "liao-index 1";

/// What the note said, or says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// True from a clean close until the next open.
    pub(super) clean: bool,
    /// Names this run of the machine; empty when the system has no such name.
    pub(super) boot: String,
    /// Device and inode number of sled's file: a copied folder has others.
    pub(super) file: (u64, u64),
    /// Length of sled's file in bytes, looked at only after a clean close.
    pub(super) file_bytes: u64,
    /// The mark of the last checkpoint.
    pub(super) mark: Option<Mark>,
}

/// Reasons for doubt, in words; `None` when the files can be trusted.
pub(super) fn doubt(noted: Option<&State>, now: &State) -> Option<&'static str> {
    let Some(noted) = noted else { return Some("its state is not noted") };
    if noted.clean {
        // sled may still lengthen its file while it ends, behind the note.
        let changed = now.file_bytes < noted.file_bytes || noted.mark != now.mark;
        return changed.then_some("it changed after it was closed");
    }
    if now.boot.is_empty() || noted.boot != now.boot {
        return Some("the machine stopped while it was open");
    }
    if noted.file != now.file {
        return Some("it was copied while it was open");
    }
    let place = |mark: Option<Mark>| mark.map(|mark| mark.position);
    (place(now.mark) < place(noted.mark)).then_some("its newest part is gone")
}

pub(super) fn read(folder: &Path) -> io::Result<Option<State>> {
    match fs::read_to_string(folder.join(STATE_NAME)) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the note; it holds after a power cut when this returns.
pub(super) fn write(folder: &Path, state: &State) -> io::Result<()> {
    let fresh = folder.join("state.new");
    let mut file = File::create(&fresh)?;
    file.write_all(render(state).as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join(STATE_NAME))?;
    sync_folder(folder)
}

/// Removes the note, so that the next start trusts nothing.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(STATE_NAME))?;
    sync_folder(folder)
}

fn render(state: &State) -> String {
    let hex = |mark: Mark| mark.encode().iter().map(|byte| format!("{byte:02x}")).collect();
    let mark: String = state.mark.map_or_else(|| "none".to_owned(), hex);
    let text = format!(
        "{MAGIC}\n{}\n{}\n{} {}\n{}\n{mark}\n",
        if state.clean { "clean" } else { "open" },
        state.boot,
        state.file.0,
        state.file.1,
        state.file_bytes,
    );
    format!("{text}{:08x}\n", crc32c::crc32c(text.as_bytes()))
}

fn parse(text: &str) -> Option<State> {
    let body = text.get(..text.len().checked_sub(9)?)?;
    if text.get(body.len()..)?.trim_end() != format!("{:08x}", crc32c::crc32c(body.as_bytes())) {
        return None;
    }
    let mut lines = body.lines();
    if lines.next()? != MAGIC {
        return None;
    }
    let clean = lines.next()? == "clean";
    let boot = lines.next()?.to_owned();
    let (device, inode) = lines.next()?.split_once(' ')?;
    let file = (device.parse().ok()?, inode.parse().ok()?);
    let file_bytes = lines.next()?.parse().ok()?;
    let mark = match lines.next()? {
        "none" => None,
        hex => Some(parse_mark(hex)?),
    };
    Some(State { clean, boot, file, file_bytes, mark })
}

fn parse_mark(hex: &str) -> Option<Mark> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    Mark::decode(&bytes?)
}

/// The name of this run of the machine, as the kernel gives it; empty when it gives none.
pub(super) fn boot_name() -> String {
    let found = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    found.map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// Identity and length of the file at `path`.
pub(super) fn file_facts(path: &PathBuf) -> io::Result<((u64, u64), u64)> {
    let facts = fs::metadata(path)?;
    Ok(((facts.dev(), facts.ino()), facts.len()))
}
