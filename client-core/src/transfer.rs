//! Transfers as a screen sees them: phase, bytes, rate, time left. Pure; the tasks that move the
//! bytes are in `transfer/`, and they say when something happened.

use std::{collections::BTreeMap, path::PathBuf};

mod download;
pub mod file_name;
mod session;
mod shelf;
pub(crate) mod task;
mod upload;

pub use shelf::Shelf;

use liao_common::{
    fault::Fault,
    id::{FileId, Hash, RoomId},
    text,
};

/// Finished transfers that stay in the list; the oldest goes first.
pub const FINISHED_MAX: usize = 64;

/// Without a byte for this long, a moving transfer counts as stalled, in milliseconds.
pub const STALL_AFTER_MS: u64 = 5_000;

/// Time over which the rate is smoothed, in milliseconds.
const SMOOTH_MS: f64 = 3_000.0;

/// Number of a transfer in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// To the server or from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Upload,
    /// From the server.
    Download,
}

/// A file to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadJob {
    /// For the members of this room.
    pub room: RoomId,
    /// Where it lies.
    pub path: PathBuf,
    /// Media type, a hint; may be empty.
    pub media: String,
}

/// A file to be fetched, as its message described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadJob {
    /// The room in which it was offered.
    pub room: RoomId,
    /// The file.
    pub fid: FileId,
    /// The sender's name for it; it is made harmless before it becomes a file name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// BLAKE3 of its content.
    pub hash: Hash,
    /// The directory it goes to; made when it is missing.
    pub dir: PathBuf,
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Others go first.
    Waiting,
    /// The file is read once for its hash.
    Hashing,
    /// Bytes move.
    Moving,
    /// The connection is cut; it goes on by itself.
    Cut,
    /// The person stopped it.
    Paused,
    /// All bytes are there and are compared with the hash.
    Verifying,
    /// Done.
    Done {
        /// The file on the server.
        fid: FileId,
        /// The file on this computer.
        path: PathBuf,
    },
    /// It stopped and can be started again with `resume`.
    Failed(TransferFault),
    /// The person gave it up.
    Cancelled,
}

impl Phase {
    /// Nothing will happen any more without the person.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed(_) | Self::Cancelled)
    }

    /// Whether it can be started again with `resume`.
    #[must_use]
    pub const fn can_resume(&self) -> bool {
        match self {
            Self::Paused => true,
            Self::Failed(fault) => !fault.is_final(),
            _ => false,
        }
    }
}

/// Why a transfer stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferFault {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The file cannot be opened or read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// It is a directory or something else that is no plain file.
    #[error("this is not a plain file")]
    NotAFile,
    /// The file changed or went away while it was sent.
    #[error("the file changed while it was sent")]
    Changed,
    /// The file or the target directory cannot be written.
    #[error("the file cannot be written: {0}")]
    Unwritable(String),
    /// The disk of this computer is full.
    #[error("the disk is full")]
    DiskFull,
    /// What arrived is not what was promised.
    #[error("the content does not agree with its hash")]
    HashMismatch,
    /// The file is larger than the server takes; the server was not asked.
    #[error("the file has {size} bytes, the server takes {bytes_max}")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
        /// Bytes that the server takes.
        bytes_max: u64,
    },
    /// The server refused.
    #[error(transparent)]
    Refused(Fault),
    /// Too many transfers wait already.
    #[error("too many transfers are waiting")]
    TooMany,
    /// The link has ended.
    #[error("the link has ended")]
    LinkEnded,
    /// The server's log was replaced since: its room or its file may be another one now.
    #[error("the server's log was replaced")]
    OtherLog,
}

impl TransferFault {
    /// Whether it cannot be started again with `resume`.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany | Self::LinkEnded | Self::OtherLog)
    }
}

/// Something happened to a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferNotice {
    /// Which.
    pub id: TransferId,
    /// What.
    pub change: TransferChange,
}

/// What happened to a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferChange {
    /// It is in the list now.
    Added {
        /// Which way.
        direction: Direction,
        /// The room.
        room: RoomId,
        /// The file's name.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// The file on the server, for downloads.
        fid: Option<FileId>,
    },
    /// Where it lies on this computer, or will lie: the file itself.
    Place {
        /// Its path.
        path: PathBuf,
    },
    /// It is in another phase.
    Phase {
        /// Which.
        phase: Phase,
        /// When, by `clock::steady_ms`.
        at_ms: u64,
    },
    /// Bytes moved, or were hashed.
    Moved {
        /// How many are done in this phase.
        done: u64,
        /// When, by `clock::steady_ms`.
        at_ms: u64,
    },
}

/// One line of the transfers list.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Its number.
    pub id: TransferId,
    /// Which way.
    pub direction: Direction,
    /// The room.
    pub room: RoomId,
    /// The file's name, cleaned.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes done in this phase.
    pub done: u64,
    /// The file on the server, where known.
    pub fid: Option<FileId>,
    /// Where it lies on this computer, or will lie; none while that is unknown.
    pub path: Option<PathBuf>,
    /// Where it stands.
    pub phase: Phase,
    /// Bytes that were there before the file was read for its hash.
    before: u64,
    rate: f64,
    /// The first sample of a phase says where it begins, which is no speed.
    fresh: bool,
    sampled_ms: u64,
    moved_ms: u64,
}

impl Transfer {
    /// Bytes per second, smoothed over a few seconds; 0 while nothing moves.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is not negative, and a float saturates on its way to an integer"
    )]
    pub fn rate(&self) -> u64 {
        if self.is_moving() { self.rate as u64 } else { 0 }
    }

    /// From 0 to 100. 100 only when all bytes are there.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let done = u128::from(self.done.min(self.size));
        let percent = (done * 100).checked_div(u128::from(self.size)).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }

    /// Seconds until the end at the present rate; `None` while that cannot be said.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        let left = self.size.saturating_sub(self.done);
        left.checked_div(self.rate())
    }

    /// Whether bytes should move and have not moved for `STALL_AFTER_MS`; `now_ms` by
    /// `clock::steady_ms`.
    #[must_use]
    pub fn is_stalled(&self, now_ms: u64) -> bool {
        self.is_moving() && now_ms.saturating_sub(self.moved_ms) >= STALL_AFTER_MS
    }

    const fn is_moving(&self) -> bool {
        matches!(self.phase, Phase::Moving | Phase::Hashing)
    }

    fn enter(&mut self, phase: &Phase, at_ms: u64) {
        if self.phase == Phase::Hashing {
            // What was hashed has not moved.
            self.done = self.before;
        }
        self.phase = phase.clone();
        self.rate = 0.0;
        self.fresh = true;
        self.sampled_ms = at_ms;
        self.moved_ms = at_ms;
        match phase {
            Phase::Done { fid, .. } => {
                self.fid = Some(*fid);
                self.done = self.size;
            }
            // What arrived damaged is thrown away.
            Phase::Failed(TransferFault::HashMismatch) => self.done = 0,
            Phase::Hashing => self.before = std::mem::take(&mut self.done),
            _ => {}
        }
    }

    /// An exponential mean: a sample weighs as much as the time it stands for.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
    fn sample(&mut self, done: u64, at_ms: u64) {
        let span_ms = at_ms.saturating_sub(self.sampled_ms);
        let moved = done.saturating_sub(self.done);
        if moved > 0 {
            self.moved_ms = at_ms;
        }
        if std::mem::take(&mut self.fresh) {
            self.done = done;
            self.sampled_ms = at_ms;
            return;
        }
        if span_ms == 0 {
            self.done = done;
            return;
        }
        let rate = moved as f64 * 1000.0 / span_ms as f64;
        let weight = 1.0 - (-(span_ms as f64) / SMOOTH_MS).exp();
        self.rate = if self.rate == 0.0 { rate } else { self.rate + (rate - self.rate) * weight };
        self.done = done;
        self.sampled_ms = at_ms;
    }
}

/// All transfers of this program, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    rows: BTreeMap<TransferId, Transfer>,
}

impl Transfers {
    /// Takes a notice in.
    pub fn apply(&mut self, notice: &TransferNotice) {
        match &notice.change {
            TransferChange::Added { direction, room, name, size, fid } => {
                let row = Transfer {
                    id: notice.id,
                    direction: *direction,
                    room: *room,
                    name: text::clean_line(name),
                    size: *size,
                    done: 0,
                    fid: *fid,
                    path: None,
                    phase: Phase::Waiting,
                    before: 0,
                    rate: 0.0,
                    fresh: true,
                    sampled_ms: 0,
                    moved_ms: 0,
                };
                self.rows.insert(notice.id, row);
                self.trim();
            }
            TransferChange::Place { path } => {
                if let Some(row) = self.rows.get_mut(&notice.id) {
                    row.path = Some(path.clone());
                }
            }
            TransferChange::Phase { phase, at_ms } => {
                if let Some(row) = self.rows.get_mut(&notice.id) {
                    row.enter(phase, *at_ms);
                }
            }
            TransferChange::Moved { done, at_ms } => {
                if let Some(row) = self.rows.get_mut(&notice.id) {
                    row.sample(*done, *at_ms);
                }
            }
        }
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Transfer> {
        self.rows.values()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: TransferId) -> Option<&Transfer> {
        self.rows.get(&id)
    }

    /// The newest one of a file on the server.
    #[must_use]
    pub fn of_file(&self, fid: FileId) -> Option<&Transfer> {
        self.rows.values().rev().find(|row| row.fid == Some(fid))
    }

    /// Those that are not over, paused ones included.
    pub fn active(&self) -> impl DoubleEndedIterator<Item = &Transfer> {
        self.rows.values().filter(|row| !row.phase.is_over())
    }

    /// Those that move or will move without the person.
    pub fn moving(&self) -> impl DoubleEndedIterator<Item = &Transfer> {
        self.active().filter(|row| row.phase != Phase::Paused)
    }

    fn trim(&mut self) {
        let over = self.rows.values().filter(|row| row.phase.is_over()).map(|row| row.id);
        let over: Vec<_> = over.collect();
        for id in over.iter().take(over.len().saturating_sub(FINISHED_MAX)) {
            self.rows.remove(id);
        }
    }
}

#[cfg(test)]
mod tests;
