//! Reading every record of a journal without changing anything, for `liaod check`.
//! Owns nothing. Reports per segment, so that one damaged segment does not hide another.

use super::reader::{Scan, open_segment, read_header};
use super::record::SEGMENT_HEADER_BYTES;
use super::{Flaw, JournalError, Position, parse_segment_name};
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
    /// The first thing that is wrong, if any. In the last segment this may be a torn tail, which
    /// the next start cuts off.
    pub flaw: Option<JournalError>,
}

/// Reads every segment in `disk`. Fails only when the folder itself cannot be read.
pub fn check(disk: &dyn Disk) -> Result<Vec<SegmentReport>, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    let mut segments: Vec<u32> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
    segments.sort_unstable();
    let mut reports = Vec::with_capacity(segments.len());
    let mut expected = 1;
    for segment in segments {
        // One report for a hole, however wide a stray file makes it.
        if segment != expected {
            reports.push(check_segment(disk, expected));
        }
        reports.push(check_segment(disk, segment));
        expected = segment.saturating_add(1);
    }
    Ok(reports)
}

fn check_segment(disk: &dyn Disk, segment: u32) -> SegmentReport {
    let mut report = SegmentReport { segment, records: 0, commits: 0, flaw: None };
    report.flaw = count(disk, &mut report).err();
    report
}

fn count(disk: &dyn Disk, report: &mut SegmentReport) -> Result<(), JournalError> {
    let segment = report.segment;
    let file = open_segment(disk, segment)?;
    read_header(file.as_ref(), segment)?;
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let mut scan = Scan::new(file, segment, SEGMENT_HEADER_BYTES, size);
    let mut whole = true;
    while let Some(found) = scan.step()? {
        report.records += 1;
        report.commits += u64::from(found.record.last);
        whole = found.record.last;
    }
    if whole {
        return Ok(());
    }
    Err(JournalError::damaged(Position { segment, offset: size }, Flaw::Unfinished))
}
