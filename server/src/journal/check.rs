//! Reading every record of a journal without changing anything, for `liaod check`.
//! Owns nothing. Reports per segment, so that one damaged segment does not hide another.

use std::sync::Arc;

use super::reader::{Scan, open_segment, read_header};
use super::record::SEGMENT_HEADER_BYTES;
use super::{
    Flaw, JournalError, Position, RecordRef, first_segment, overwrite, parse_segment_name, recover,
    room,
};
use crate::disk::Disk;

/// What was found in one segment.
#[derive(Debug)]
pub struct SegmentReport {
    /// Number of the segment.
    pub segment: u32,
    /// Sound records.
    pub records: u64,
    /// Whole commits.
    pub commits: u64,
    /// Bytes of zeros behind them, which a server that did not stop in order had ready.
    pub room_bytes: u64,
    /// The first thing that is wrong, if any.
    pub flaw: Option<JournalError>,
    /// What the next start does about that.
    pub remedy: Remedy,
}

/// What a start does about a segment that is not sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: what was synced once and is damaged cannot be repaired from within.
    None,
    /// It removes so many bytes at the end, a write that was cut off and never acknowledged.
    Cut {
        /// Bytes behind the last whole commit.
        bytes: u64,
    },
    /// It removes the segment, in which nothing was ever written.
    Removal,
    /// It finishes an overwriting that was cut off there.
    Redo,
}

/// Reads every segment in `disk`. Fails only when the folder itself cannot be read.
pub fn check(disk: &dyn Disk) -> Result<Vec<SegmentReport>, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    let mut segments: Vec<u32> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
    let first = first_segment(disk)?;
    segments.retain(|segment| *segment >= first);
    segments.sort_unstable();
    if segments.is_empty() && first > 1 {
        segments.push(first);
    }
    let mut reports = Vec::with_capacity(segments.len());
    let mut expected = first;
    let newest = segments.last().copied();
    for segment in segments {
        // One report for a hole, however wide a stray file makes it.
        if segment != expected {
            reports.push(check_segment(disk, expected, false));
        }
        reports.push(check_segment(disk, segment, Some(segment) == newest));
        expected = segment.saturating_add(1);
    }
    let redo = overwrite::pending(disk)?;
    let last = reports.len().saturating_sub(1);
    for (at, report) in reports.iter_mut().enumerate() {
        report.remedy = remedy(disk, report, at == last, &redo)?;
    }
    Ok(reports)
}

fn remedy(
    disk: &dyn Disk,
    report: &SegmentReport,
    last: bool,
    redo: &[RecordRef],
) -> Result<Remedy, JournalError> {
    let Some(JournalError::Damaged { segment, offset, reason }) = report.flaw else {
        return Ok(Remedy::None);
    };
    if redo.iter().any(|at| (at.segment, at.offset) == (segment, offset)) {
        return Ok(Remedy::Redo);
    }
    Ok(match reason {
        Flaw::Missing => Remedy::None,
        Flaw::Header if last && recover::is_unborn(disk, segment)? => Remedy::Removal,
        Flaw::Header => Remedy::None,
        _ if last => {
            recover::torn(disk, segment)?.map_or(Remedy::None, |bytes| Remedy::Cut { bytes })
        }
        _ => Remedy::None,
    })
}

fn check_segment(disk: &dyn Disk, segment: u32, last: bool) -> SegmentReport {
    let mut report = SegmentReport {
        segment,
        records: 0,
        commits: 0,
        room_bytes: 0,
        flaw: None,
        remedy: Remedy::None,
    };
    report.flaw = count(disk, &mut report, last).err();
    report
}

/// `last`: of the journal, so that there may be room behind its end.
fn count(disk: &dyn Disk, report: &mut SegmentReport, last: bool) -> Result<(), JournalError> {
    let segment = report.segment;
    let file = open_segment(disk, segment)?;
    read_header(file.as_ref(), segment)?;
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let mut scan = Scan::new(Arc::clone(&file), segment, SEGMENT_HEADER_BYTES, size);
    let mut whole = true;
    loop {
        match scan.step() {
            Ok(Some(found)) => {
                report.records += 1;
                report.commits += u64::from(found.record.last);
                whole = found.record.last;
            }
            Ok(None) if whole => return Ok(()),
            Ok(None) => {
                return Err(JournalError::damaged(
                    Position { segment, offset: size },
                    Flaw::Unfinished,
                ));
            }
            Err(JournalError::Damaged { offset, .. })
                if last && whole && room::is_room(file.as_ref(), offset)? =>
            {
                report.room_bytes = size - offset;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
