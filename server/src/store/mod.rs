//! The store: journal and index as one. What was committed is read here, wherever it is by now.
//! `Store` is shared and only reads; `Writer` belongs to one thread and is the only way to write.
//! A reader sees every commit from the moment its `finish` returned, and none that was not synced.

mod applier;
mod change;
mod known;
mod layer;
mod open;
mod overlay;
mod pass;
mod replay;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::disk::Disk;
use crate::index::{Direction, Index, IndexError, Mark, Pair, Span};
use crate::journal::{JournalError, JournalReader, NewRecord, Position, RecordRef};
use applier::Queue;
use overlay::Overlay;

pub use applier::{Applying, Lag};
pub use change::Change;
pub use open::{IndexFate, Progress, Recovery, StoreOptions, open};
pub use writer::{Batch, Writer};

/// Records that are there together or not at all.
pub type Commit = Vec<NewRecord>;

/// Turns a record into changes of the index. Must depend on its arguments alone, and doing it twice must
/// give the same rows: after a crash records are projected again.
pub type Projection =
    fn(kind: u8, body: &[u8], at: RecordRef, out: &mut Vec<Change>) -> Result<(), ProjectError>;

/// A record the projection does not understand; the words say what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProjectError(pub String);

impl ProjectError {
    fn over_limits() -> Self {
        Self("it makes an index row over the limits".to_owned())
    }
}

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal failed; see there.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index failed; a restart rebuilds it when it is damaged.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A record has no meaning here.
    #[error("the record at {at} cannot be understood: {source}")]
    Project {
        /// Where it stands, or would stand.
        at: Position,
        /// What the projection said.
        source: ProjectError,
    },
    /// There is an index but no journal: the journal was lost or moved.
    #[error(
        "the journal is missing though its index is there; put the journal back, or remove the \
         index to begin an empty server"
    )]
    JournalMissing,
    /// The system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Reading committed rows, or those of a batch that is being made.
pub trait View {
    /// The value of a key.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// At most `limit` rows of `span`, the nearest in `direction` first. Every row is committed;
    /// a commit made meanwhile may be seen in some rows and not in others.
    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;
    /// The body of a record.
    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError>;
}

/// Committed state, for any number of readers.
pub struct Store {
    disk: Arc<dyn Disk>,
    journal: JournalReader,
    index: Arc<dyn Index>,
    overlay: Arc<Overlay>,
    queue: Arc<Queue>,
    epoch: u64,
    /// Cancelled when nothing can be stored, or not everything found, before the next start.
    failed: CancellationToken,
}

impl Store {
    /// The lineage of the journal. When it differs from what a client remembers, seqs it knows
    /// may mean other messages now.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Bytes free for the journal.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        self.disk.free_bytes().map_err(|source| StoreError::Io { action: "ask for room", source })
    }

    /// The end of the last commit.
    pub fn position(&self) -> Position {
        self.journal.end()
    }

    /// For reading the journal in order.
    pub fn journal(&self) -> &JournalReader {
        &self.journal
    }

    /// Records committed but not yet in the index.
    pub fn unapplied_records(&self) -> usize {
        self.queue.records()
    }

    /// What is cancelled once the store can do no more before the next start.
    pub fn failed(&self) -> &CancellationToken {
        &self.failed
    }

    /// Passes on what the index gave. With a damaged one it is better to stop and make it anew than to
    /// answer some and not others.
    fn watched<T>(&self, given: Result<T, IndexError>) -> Result<T, StoreError> {
        if matches!(given, Err(IndexError::Damaged(_))) && !self.failed.is_cancelled() {
            tracing::error!(
                "the index is damaged, so the server stops: the next start makes it anew"
            );
            self.failed.cancel();
        }
        Ok(given?)
    }

    /// How far the index is.
    pub fn index_mark(&self) -> Result<Option<Mark>, StoreError> {
        Ok(self.index.mark()?)
    }
}

impl Store {
    /// Gives the room of all segments before `first` back to the disk, once the index needs none of
    /// them at any start: so many bytes. `None`: it is not yet that far. Blocks.
    pub fn release(&self, first: u32) -> Result<Option<u64>, StoreError> {
        let reached = self.index_mark()?.is_some_and(|mark| mark.position >= Position::of(first));
        if !reached {
            return Ok(None);
        }
        // What it has reached must hold after a kill and a power cut too.
        self.watched(self.index.checkpoint())?;
        Ok(Some(self.journal.release(first)?))
    }
}

impl StoreError {
    /// Whether one record cannot be read while others may well be.
    #[must_use]
    pub fn is_one_record(&self) -> bool {
        matches!(self, Self::Journal(error) if error.is_one_record())
    }
}

impl View for Store {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // The overlay first: what is gone from it by then is in the index already.
        match self.overlay.read(key) {
            Some(value) => Ok(value),
            None => self.watched(self.index.read(key)),
        }
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        // The overlay first here too.
        let newer = |span: &Span, wanted| self.overlay.layer(span, wanted);
        let older = |span: &Span, limit| self.watched(self.index.scan(span, direction, limit));
        layer::scan(span, (direction, limit), newer, older)
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        Ok(self.journal.read(at)?)
    }
}
