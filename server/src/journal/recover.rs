//! Opening a journal after any kind of stop: finds the end of the last whole commit.
//! Owns nothing. Only the tail of the last segment may be torn, and only behind the last sync:
//! what was synced and is not sound is damage, never cut.

use std::io::ErrorKind;
use std::sync::Arc;

use super::reader::{Scan, open_segment, read_header};
use super::record::{FLAG_SYNCED_BEFORE, Head, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use super::room::{is_room, read_tail, shows, written};
use super::writer::{Opened, create_segment};
use super::{
    Flaw, JournalError, Position, first_segment, parse_segment_name, release, segment_name,
};
use crate::disk::{Disk, DiskFile};

/// Files with cut tails that are kept; the oldest goes first.
const CUT_FILES_MAX: usize = 16;

/// What was cut from the tail of the journal: writes that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailCut {
    /// Where the journal ends now.
    pub end: Position,
    /// Bytes that stood behind it, without zeros at their end.
    pub bytes: u64,
    /// What was wrong with them.
    pub reason: Flaw,
    /// Name of the file beside the segments that keeps them; `None` when the disk was full.
    pub kept_in: Option<String>,
}

pub(crate) struct Found {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) end: Position,
    /// Up to here there are zeros behind the end, in bytes from the start of the segment.
    pub(crate) room: u64,
    pub(crate) epoch: u64,
    pub(crate) opened: Opened,
}

/// Finds the end of the journal. `known` is a place between two commits up to which somebody else
/// knows where the records stand: damage before it stops nothing.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    new_epoch: u64,
    known: Option<(u64, Position)>,
) -> Result<Found, JournalError> {
    release::remove_released(disk.as_ref())?;
    let mut segments = list_segments(disk.as_ref())?;
    let dropped = drop_unborn(disk.as_ref(), &mut segments)?;
    let Some(&segment) = segments.last() else {
        let file = create_segment(disk.as_ref(), 1, new_epoch)?;
        let opened = Opened { created: true, ..Opened::default() };
        let (end, room) = (Position::START, Position::START.offset);
        return Ok(Found { file, end, room, epoch: new_epoch, opened });
    };
    for &closed in &segments[..segments.len() - 1] {
        read_header(open_segment(disk.as_ref(), closed)?.as_ref(), closed)?;
    }
    let file = open_segment(disk.as_ref(), segment)?;
    let epoch = read_header(file.as_ref(), segment)?.epoch;
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let is_here = |at: &Position| {
        (at.segment, true) == (segment, (SEGMENT_HEADER_BYTES..=size).contains(&at.offset))
    };
    let mut known = known.filter(|(of, _)| *of == epoch).map(|(_, at)| at).filter(is_here);
    // Where nothing is to be seen of it, this is an older journal.
    if let Some(at) = known
        && !shows(file.as_ref(), at)?
    {
        known = None;
    }
    let mut tail = find_tail(&file, Position { segment, offset: SEGMENT_HEADER_BYTES })?;
    let mut opened = Opened::default();
    // What somebody knows to be there was synced, so it is no torn tail.
    if let (Some(flaw), Some(known)) = (tail.flaw, known)
        && known > flaw.0
    {
        opened.damage = Some(flaw);
        tail = find_tail(&file, known)?;
    }
    let has_room = tail.has_room(file.as_ref())?;
    let Tail { end, group, flaw } = tail;
    let mut room = end.offset;
    match flaw {
        // When a later segment was begun, this one was synced to its end before, and ended there.
        Some((at, reason)) if dropped => return Err(JournalError::damaged(at, reason)),
        Some(_) if has_room => room = size,
        Some((at, reason)) if synced_behind(&file, at)? => {
            return Err(JournalError::damaged(at, reason));
        }
        Some((_, reason)) => opened.cut = Some(cut_tail(disk.as_ref(), &file, end, reason)?),
        None => {}
    }
    save_again(file.as_ref(), group, end)?;
    disk.sync_dir().map_err(JournalError::io("sync"))?;
    Ok(Found { file, end, room, epoch, opened })
}

/// Numbers of the segments, in order, from the journal's beginning and without a hole.
pub(crate) fn list_segments(disk: &dyn Disk) -> Result<Vec<u32>, JournalError> {
    let first = first_segment(disk)?;
    let names = disk.list().map_err(JournalError::io("list"))?;
    let mut segments: Vec<u32> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
    segments.retain(|segment| *segment >= first);
    segments.sort_unstable();
    let missing = |segment| JournalError::Damaged { segment, offset: 0, reason: Flaw::Missing };
    if segments.is_empty() && first > 1 {
        return Err(missing(first));
    }
    for (expected, &found) in (first..).zip(&segments) {
        if found != expected {
            return Err(missing(expected));
        }
    }
    Ok(segments)
}

/// Removes a last segment whose header never reached the disk: records are written only after
/// the header was synced, so none can be in it. True when there was one.
fn drop_unborn(disk: &dyn Disk, segments: &mut Vec<u32>) -> Result<bool, JournalError> {
    let Some(&segment) = segments.last() else { return Ok(false) };
    if !is_unborn(disk, segment)? {
        return Ok(false);
    }
    disk.remove(&segment_name(segment)).map_err(JournalError::io("remove"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))?;
    segments.pop();
    Ok(true)
}

/// Whether the last segment was begun, but not far enough for a record.
pub(super) fn is_unborn(disk: &dyn Disk, segment: u32) -> Result<bool, JournalError> {
    let file = open_segment(disk, segment)?;
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let header = read_header(file.as_ref(), segment);
    let unsound = matches!(header, Err(JournalError::Damaged { reason: Flaw::Header, .. }));
    Ok(unsound && size <= SEGMENT_HEADER_BYTES)
}

/// Bytes that stand behind the last whole commit of the last segment and were never synced; `None`
/// when they were, or when there are none.
pub(super) fn torn(disk: &dyn Disk, segment: u32) -> Result<Option<u64>, JournalError> {
    let file = open_segment(disk, segment)?;
    let tail = find_tail(&file, Position { segment, offset: SEGMENT_HEADER_BYTES })?;
    match tail.flaw {
        Some((at, _)) if !synced_behind(&file, at)? => {
            let bytes = written(&read_tail(file.as_ref(), tail.end.offset)?).len();
            Ok(Some(bytes as u64))
        }
        _ => Ok(None),
    }
}

/// The last segment, as far as it can be read.
struct Tail {
    /// End of the last whole commit.
    end: Position,
    /// Start of the records that no later record shows to have been synced.
    group: Position,
    /// What stands behind `end`, and where, when that is not the end of the file.
    flaw: Option<(Position, Flaw)>,
}

impl Tail {
    /// Whether there is room behind the end, and nothing else.
    fn has_room(&self, file: &dyn DiskFile) -> Result<bool, JournalError> {
        let at_end = self.flaw.is_some_and(|(at, _)| at == self.end);
        Ok(at_end && is_room(file, self.end.offset)?)
    }
}

/// Reads from a place between two commits to the end of the file.
fn find_tail(file: &Arc<dyn DiskFile>, from: Position) -> Result<Tail, JournalError> {
    let size = file.size_bytes().map_err(JournalError::io("read"))?;
    let Position { segment, .. } = from;
    let mut end = from;
    let mut last = end;
    let mut group = end;
    let mut scan = Scan::new(file.clone(), segment, end.offset, size);
    loop {
        match scan.step() {
            Ok(Some(found)) => {
                last = found.record.end();
                // A sync follows whole commits only, so one inside a commit is a lie.
                if found.synced_before && end != start_of(&found.record.at) {
                    return Ok(Tail { end, group, flaw: Some((end, Flaw::Unfinished)) });
                }
                if found.synced_before {
                    group = end;
                }
                if found.record.last {
                    end = last;
                }
            }
            Ok(None) if last == end => return Ok(Tail { end, group, flaw: None }),
            Ok(None) => return Ok(Tail { end, group, flaw: Some((last, Flaw::Unfinished)) }),
            Err(JournalError::Damaged { offset, reason, .. }) => {
                let flaw = Some((Position { segment, offset }, reason));
                return Ok(Tail { end, group, flaw });
            }
            Err(other) => return Err(other),
        }
    }
}

/// Writes and syncs again what may stand in the system's cache only. What is read from now on is
/// answered to people, and after a failed sync the system holds unsaved bytes for saved ones.
fn save_again(file: &dyn DiskFile, group: Position, end: Position) -> Result<(), JournalError> {
    for (from, to) in [(0, SEGMENT_HEADER_BYTES), (group.offset, end.offset)] {
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count];
        file.read_exact_at(&mut bytes, from).map_err(JournalError::io("read"))?;
        file.write_all_at(&bytes, from).map_err(JournalError::io("write"))?;
    }
    file.sync().map_err(JournalError::io("sync"))
}

fn start_of(at: &super::RecordRef) -> Position {
    Position { segment: at.segment, offset: at.offset }
}

/// True when a sound record that was begun after a sync stands anywhere behind `flawed`: then
/// the flawed bytes had been synced once, and may have been acknowledged.
fn synced_behind(file: &Arc<dyn DiskFile>, flawed: Position) -> Result<bool, JournalError> {
    let bytes = read_tail(file.as_ref(), flawed.offset)?;
    let sound = |start: usize| {
        let rest = &bytes[start..];
        let head = rest.get(..RECORD_HEADER_BYTES).and_then(|head| Head::decode(head).ok())?;
        if head.flags & FLAG_SYNCED_BEFORE == 0 {
            return None;
        }
        let body = rest.get(RECORD_HEADER_BYTES..head.record_bytes())?;
        head.verify(flawed.segment, flawed.offset + start as u64, body).ok()
    };
    Ok((1..bytes.len()).any(|start| sound(start).is_some()))
}

fn cut_tail(
    disk: &dyn Disk,
    file: &Arc<dyn DiskFile>,
    end: Position,
    reason: Flaw,
) -> Result<TailCut, JournalError> {
    let tail = read_tail(file.as_ref(), end.offset)?;
    let tail = written(&tail);
    let bytes = tail.len() as u64;
    let kept_in = match keep_tail(disk, tail) {
        Ok(name) => Some(name),
        // A full disk must not keep the server from starting: these bytes were promised to nobody.
        Err(JournalError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => None,
        Err(other) => return Err(other),
    };
    file.truncate(end.offset).map_err(JournalError::io("cut"))?;
    Ok(TailCut { end, bytes, reason, kept_in })
}

/// Keeps the cut bytes beside the segments; nobody reads them but a curious person.
fn keep_tail(disk: &dyn Disk, tail: &[u8]) -> Result<String, JournalError> {
    let names = disk.list().map_err(JournalError::io("list"))?;
    let number = |name: &String| -> Option<u32> {
        name.strip_prefix("tail-")?.strip_suffix(".cut")?.parse().ok()
    };
    let mut kept: Vec<u32> = names.iter().filter_map(number).collect();
    kept.sort_unstable();
    let surplus = (kept.len() + 1).saturating_sub(CUT_FILES_MAX);
    for old in kept.iter().take(surplus) {
        disk.remove(&format!("tail-{old}.cut")).map_err(JournalError::io("remove"))?;
    }
    let name = format!("tail-{}.cut", kept.last().map_or(1, |last| last.saturating_add(1)));
    let file = disk.create_new(&name).map_err(JournalError::io("create"))?;
    file.write_all_at(tail, 0).map_err(JournalError::io("write"))?;
    file.sync().map_err(JournalError::io("sync"))?;
    disk.sync_dir().map_err(JournalError::io("sync"))?;
    Ok(name)
}
