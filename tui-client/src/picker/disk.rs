//! The folders of this computer. Owns nothing; entries that vanish while being listed are left out.

use std::path::Path;
use std::{fs, io};

use super::{Directory, ENTRIES_MAX, Entry};

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Directory for Disk {
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let read = fs::read_dir(folder)?.take(ENTRIES_MAX).filter_map(Result::ok);
        // Links are followed: a link to a folder can be entered.
        let entries = read.filter_map(|found| {
            let facts = fs::metadata(found.path()).ok()?;
            let sendable = facts.is_dir() || facts.is_file();
            sendable.then(|| Entry::new(found.file_name(), facts.is_dir(), facts.len()))
        });
        Ok(entries.collect())
    }
}
