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
use crate::index::{Direction, Mark, Octets, Pair, Span, Write};
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
            ends: Vec::new(),
            before: Vec::new(),
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
    /// What the commit changes that is being staged.
    changes: Vec<Change>,
    /// The number of changes up to the end of each of its records.
    ends: Vec<usize>,
    /// Rows that it changes in part and that the batch does not have yet.
    before: Vec<(Octets, Option<Vec<u8>>)>,
}

impl Batch<'_> {
    /// Adds a commit and says where its records will stand. On an error nothing of this commit is
    /// staged, and the batch can go on.
    pub fn stage(&mut self, commit: &[NewRecord]) -> Result<Vec<RecordRef>, StoreError> {
        // Projected against the places first: a commit that cannot be projected is not written.
        let before = self.writer.journal.staged_end();
        let refs = self.writer.journal.stage(commit)?;
        self.changes.clear();
        self.ends.clear();
        self.before.clear();
        for (record, at) in commit.iter().zip(&refs) {
            if let Err(error) = self.project(record, *at) {
                self.writer.journal.unstage(before);
                return Err(error);
            }
        }
        self.keep(refs.last().map(RecordRef::end));
        Ok(refs)
    }

    fn project(&mut self, record: &NewRecord, at: RecordRef) -> Result<(), StoreError> {
        let place = Position { segment: at.segment, offset: at.offset };
        let refuse = |source| StoreError::Project { at: place, source };
        let first = self.changes.len();
        (self.writer.projection)(record.kind, &record.body, at, &mut self.changes)
            .map_err(refuse)?;
        for number in first..self.changes.len() {
            let change = &self.changes[number];
            if !change.allowed() {
                return Err(refuse(ProjectError::over_limits()));
            }
            let key = change.key();
            if change.is_part()
                && !self.rows.contains_key(key)
                && !self.before.iter().any(|(known, _)| **known == *key)
            {
                self.before.push((key.into(), self.read(key)?));
            }
        }
        self.ends.push(self.changes.len());
        Ok(())
    }

    /// Takes what one commit changes into the rows and the chunks.
    fn keep(&mut self, end: Option<Position>) {
        let epoch = self.writer.journal.epoch();
        let mark = end.map(|position| Mark { epoch, version: self.writer.version, position });
        for (key, value) in self.before.drain(..) {
            let (value, generation) = (value.map(Octets::from), self.writer.generation);
            self.rows.insert(key, Entry { value, generation, place: NO_PLACE });
        }
        let mut changes = self.changes.drain(..);
        let mut taken = 0;
        for (i, &upto) in self.ends.iter().enumerate() {
            self.writer.generation += 1;
            let generation = self.writer.generation;
            let fits = |chunk: &Chunk| chunk.takes(1, upto - taken);
            if !self.chunks.last().is_some_and(fits) {
                let (writes, records, mark) = (Vec::new(), 0, None);
                self.chunks.push(Chunk { writes, records, generation, mark });
            }
            for change in changes.by_ref().take(upto - taken) {
                self.writer.known.forget(change.key());
                keep_change(&mut self.rows, &mut self.chunks, change, generation);
            }
            taken = upto;
            let Some(chunk) = self.chunks.last_mut() else { return };
            chunk.records += 1;
            chunk.generation = generation;
            if i + 1 == self.ends.len() {
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
        for entry in self.rows.values() {
            settle(&mut self.chunks, entry);
        }
        let store = &self.writer.store;
        store.overlay.publish(std::mem::take(&mut self.rows));
        store.queue.push(std::mem::take(&mut self.chunks));
        Ok(end)
    }
}

/// The place of a row that no chunk of the batch has.
const NO_PLACE: (usize, usize) = (usize::MAX, 0);

/// Changes the row. One that is written often has one place in its chunk, which gets the value when
/// nothing more comes.
fn keep_change(rows: &mut Rows, chunks: &mut [Chunk], change: Change, generation: u64) {
    let Some(newest) = chunks.len().checked_sub(1) else { return };
    match rows.get_mut(change.key()) {
        Some(entry) => {
            if entry.place.0 != newest {
                settle(chunks, entry);
                entry.place = (newest, chunks[newest].add(change.key().into()));
            }
            entry.value = change.onto(entry.value.take()).value;
            entry.generation = generation;
        }
        None => {
            let Write { key, value } = change.onto(None);
            let place = (newest, chunks[newest].add(key.clone()));
            rows.insert(key, Entry { value, generation, place });
        }
    }
}

/// Writes the value of a row to its place.
fn settle(chunks: &mut [Chunk], entry: &Entry) {
    let (chunk, slot) = entry.place;
    if let Some(write) = chunks.get_mut(chunk).and_then(|chunk| chunk.writes.get_mut(slot)) {
        write.value = entry.value.clone();
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
            return Ok(entry.given());
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
        let newer = Layer::collect(&self.rows, Entry::given, span, (direction, limit));
        let older = self.writer.store.scan(span, direction, newer.older_limit(limit))?;
        Ok(newer.over(older, direction, limit))
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        Ok(self.writer.journal.read(at)?)
    }
}
