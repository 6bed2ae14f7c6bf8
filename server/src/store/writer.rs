//! The writing end of the store, owned by the one thread that commits.
//! A batch is decided and projected while it is staged; finishing it is one sync.
//! Nothing of a batch is seen by others before it is safe, and a batch dropped leaves no trace.

use std::sync::Arc;

use bytes::Bytes;

use super::applier::{Applier, Chunk};
use super::known::Known;
use super::layer::Layer;
use super::overlay::{Entry, Rows};
use super::{Change, Commit, ProjectError, Projection, Store, StoreError, View};
use crate::index::{Direction, Mark, Pair, Span, Write};
use crate::journal::{Journal, NewRecord, Position, RecordRef};

/// The only way to write. Dropping it without [`Writer::close`] is like a crash: safe, but the
/// next start has more to replay.
pub struct Writer {
    pub(super) store: Arc<Store>,
    pub(super) journal: Journal,
    pub(super) applier: Applier,
    pub(super) projection: Projection,
    pub(super) version: u32,
    pub(super) generation: u64,
    pub(super) known: Known,
}

impl Writer {
    /// What readers see.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Begins a batch.
    pub fn batch(&mut self) -> Batch<'_> {
        Batch {
            writer: self,
            rows: Rows::new(),
            chunks: Vec::new(),
            changes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Commits several at once: all are safe when this returns. On an error the journal may hold
    /// some of them, but they are seen only after a restart.
    pub fn commit(&mut self, commits: Vec<Commit>) -> Result<Vec<Vec<RecordRef>>, StoreError> {
        let mut batch = self.batch();
        let refs = commits.iter().map(|commit| batch.stage(commit)).collect::<Result<_, _>>()?;
        batch.finish()?;
        Ok(refs)
    }

    /// Replaces the body of a synced record by one of the same length, for good and on disk.
    /// The index is not told: commit a record that says so first.
    pub fn overwrite(&mut self, at: &RecordRef, body: &[u8]) -> Result<(), StoreError> {
        Ok(self.journal.overwrite(at, body)?)
    }

    /// The same for many records, which are synced together.
    pub fn overwrite_all(&mut self, all: &[(RecordRef, &[u8])]) -> Result<(), StoreError> {
        Ok(self.journal.overwrite_all(all)?)
    }

    /// True after a failed write or sync: nothing more is taken.
    pub fn poisoned(&self) -> bool {
        self.journal.poisoned()
    }

    /// Brings the index up to date and to the disk, and notes that this stop was clean.
    pub fn close(self) -> Result<(), StoreError> {
        self.applier.drain()?;
        debug_assert!(
            self.store.overlay.is_empty(),
            "what the index has is kept in memory no more"
        );
        Ok(self.store.index.close()?)
    }
}

/// Commits that will be synced together. Reads see the store with all that was staged here.
pub struct Batch<'a> {
    writer: &'a mut Writer,
    rows: Rows,
    chunks: Vec<Chunk>,
    changes: Vec<Change>,
    scratch: Vec<Write>,
}

impl Batch<'_> {
    /// Adds a commit and says where its records will stand. On an error nothing of this commit is
    /// staged, and the batch can go on.
    pub fn stage(&mut self, commit: &[NewRecord]) -> Result<Vec<RecordRef>, StoreError> {
        // Projected against the places first: a commit that cannot be projected is not written.
        let before = self.writer.journal.staged_end();
        let refs = self.writer.journal.stage(commit)?;
        let mut ends = Vec::with_capacity(commit.len());
        self.scratch.clear();
        for (record, at) in commit.iter().zip(&refs) {
            if let Err(error) = self.project(record, *at) {
                self.writer.journal.unstage(before);
                return Err(error);
            }
            ends.push(self.scratch.len());
        }
        self.keep(&ends, refs.last().map(RecordRef::end));
        Ok(refs)
    }

    fn project(&mut self, record: &NewRecord, at: RecordRef) -> Result<(), StoreError> {
        let place = Position { segment: at.segment, offset: at.offset };
        let refuse = |source| StoreError::Project { at: place, source };
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        (self.writer.projection)(record.kind, &record.body, at, &mut changes).map_err(refuse)?;
        for change in changes.drain(..) {
            let write = change.whole(|key| self.newest(key))?;
            if !write.allowed() {
                return Err(refuse(ProjectError::over_limits()));
            }
            self.scratch.push(write);
        }
        self.changes = changes;
        Ok(())
    }

    /// The value of a key, with what this very commit makes of it.
    fn newest(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.scratch.iter().rfind(|write| write.key == key) {
            Some(write) => Ok(write.value.clone()),
            None => self.read(key),
        }
    }

    /// Takes the projected writes of one commit into the rows and the chunks. `ends` has the
    /// number of writes up to the end of each record.
    fn keep(&mut self, ends: &[usize], end: Option<Position>) {
        let epoch = self.writer.journal.epoch();
        let mark = end.map(|position| Mark { epoch, version: self.writer.version, position });
        let mut writes = self.scratch.drain(..);
        let mut taken = 0;
        for (i, &upto) in ends.iter().enumerate() {
            self.writer.generation += 1;
            let generation = self.writer.generation;
            let fits = |chunk: &Chunk| chunk.takes(1, upto - taken);
            if !self.chunks.last().is_some_and(fits) {
                let (writes, records, mark) = (Vec::new(), 0, None);
                self.chunks.push(Chunk { writes, records, generation, mark });
            }
            let Some(chunk) = self.chunks.last_mut() else { return };
            for write in writes.by_ref().take(upto - taken) {
                self.writer.known.forget(&write.key);
                keep_write(&mut self.rows, chunk, write, generation);
            }
            taken = upto;
            chunk.records += 1;
            chunk.generation = generation;
            if i + 1 == ends.len() {
                chunk.mark = mark.or(chunk.mark);
            }
        }
    }

    /// True when nothing was staged.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What all others see: the store without this batch.
    pub fn store(&self) -> &Arc<Store> {
        &self.writer.store
    }

    /// Makes the batch safe, then visible, and says where the journal ends now. On an error
    /// nothing of it is visible and the writer takes no more.
    pub fn finish(mut self) -> Result<Position, StoreError> {
        self.writer.applier.catch_up()?;
        self.writer.store.queue.wait_for_room()?;
        let end = self.writer.journal.sync()?;
        let store = &self.writer.store;
        store.overlay.publish(std::mem::take(&mut self.rows));
        store.queue.push(std::mem::take(&mut self.chunks));
        Ok(end)
    }
}

/// A key that is written often has one place in its chunk.
fn keep_write(rows: &mut Rows, chunk: &mut Chunk, write: Write, generation: u64) {
    let value = write.value.clone();
    match rows.get_mut(&write.key) {
        Some(entry) => {
            let same = chunk.writes.get_mut(entry.slot).filter(|old| old.key == write.key);
            if let Some(old) = same {
                old.value = write.value;
            } else {
                entry.slot = chunk.writes.len();
                chunk.writes.push(write);
            }
            (entry.value, entry.generation) = (value, generation);
        }
        None => {
            let slot = chunk.writes.len();
            rows.insert(write.key.clone(), Entry { value, generation, slot });
            chunk.writes.push(write);
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // After a finish there is nothing left to discard.
        self.writer.journal.discard();
    }
}

impl View for Batch<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(entry) = self.rows.get(key) {
            return Ok(entry.value.clone());
        }
        if let Some(value) = self.writer.known.read(key) {
            return Ok(Some(value));
        }
        let found = self.writer.store.read(key)?;
        if let Some(value) = &found {
            self.writer.known.keep(key, value);
        }
        Ok(found)
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let value = |entry: &Entry| entry.value.clone();
        let newer = Layer::collect(&self.rows, value, span, (direction, limit));
        let older = self.writer.store.scan(span, direction, newer.older_limit(limit))?;
        Ok(newer.over(older, direction, limit))
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        Ok(self.writer.journal.read(at)?)
    }
}
