//! Giving back the oldest segments. What was worth keeping in them was written again behind.
//! The name of one empty file says where the journal begins: there is nothing in it to be torn.
//! That file is on the disk before the first segment goes, so a missing segment is never mistaken.

use super::{Flaw, JournalError, parse_segment_name, segment_name};
use crate::disk::Disk;

const ENDING: &str = ".first";

fn first_name(segment: u32) -> String {
    format!("{segment:08}{ENDING}")
}

fn parse_first_name(name: &str) -> Option<u32> {
    let segment = name.strip_suffix(ENDING)?.parse().ok()?;
    (segment > 0 && first_name(segment) == name).then_some(segment)
}

/// The number of the segment with which the journal begins.
pub(crate) fn first_segment(disk: &dyn Disk) -> Result<u32, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    Ok(names.iter().filter_map(|name| parse_first_name(name)).max().unwrap_or(1))
}

/// Lets the journal begin with the segment `first`, and removes all before it. Gives how many bytes
/// that freed. Done twice, or done again after a stop in between, it is the same.
pub(super) fn release(disk: &dyn Disk, first: u32) -> Result<u64, JournalError> {
    if first <= first_segment(disk)? {
        return remove_released(disk);
    }
    // The segment it will begin with must be there: it is never the journal's last trace.
    disk.open(&segment_name(first)).map_err(|_| JournalError::Damaged {
        segment: first,
        offset: 0,
        reason: Flaw::Missing,
    })?;
    let file = disk.create_new(&first_name(first)).map_err(JournalError::io("create"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))?;
    remove_released(disk)
}

/// Removes what stands before the beginning, as far as it is still there.
pub(super) fn remove_released(disk: &dyn Disk) -> Result<u64, JournalError> {
    let first = first_segment(disk)?;
    let names = disk.list().map_err(JournalError::io("list"))?;
    let is_before = |name: &str| {
        parse_segment_name(name).or_else(|| parse_first_name(name)).is_some_and(|at| at < first)
    };
    let mut freed = 0;
    for name in names.iter().filter(|name| is_before(name)) {
        let file = disk.open(name).map_err(JournalError::io("open"))?;
        freed += file.size_bytes().map_err(JournalError::io("read"))?;
        disk.remove(name).map_err(JournalError::io("remove"))?;
    }
    if freed > 0 {
        disk.sync_dir().map_err(JournalError::io("sync"))?;
    }
    Ok(freed)
}
