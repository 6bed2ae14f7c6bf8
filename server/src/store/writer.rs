//! The writing end of the store, owned by the one thread that commits.
//! A batch is decided and projected while it is staged; finishing it is one sync.
//! Nothing of a batch is seen by others before it is safe, and a batch dropped leaves no trace.

use std::sync::Arc;

use bytes::Bytes;

use super::applier::Applier;
use super::known::Known;
use super::layer::{self, Layer};
use super::overlay::Rows;
use super::{Change, Commit, ProjectError, Projection, Store, StoreError, View};
use crate::index::{Direction, Mark, Octets, Pair, Span};
use crate::journal::{Journal, NewRecord, Position, RecordRef};

/// The only way to write. Dropping it without [`Writer::close`] is like a crash: safe, but the
/// next start has more to replay.
pub struct Writer {
    pub(super) store: Arc<Store>,
    pub(super) journal: Journal,
    pub(super) applier: Applier,
    pub(super) projection: Projection,
    pub(super) version: u32,
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
            records: 0,
            mark: None,
            changes: Vec::new(),
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
        self.journal.close()?;
        Ok(self.store.index.close()?)
    }
}

/// Commits that will be synced together. Reads see the store with all that was staged here.
pub struct Batch<'a> {
    writer: &'a mut Writer,
    rows: Rows,
    records: usize,
    /// How far the index is once it has all of it.
    mark: Option<Mark>,
    /// What the commit changes that is being staged.
    changes: Vec<Change>,
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
        self.before.clear();
        for (record, at) in commit.iter().zip(&refs) {
            if let Err(error) = self.project(record, *at) {
                self.writer.journal.unstage(before);
                return Err(error);
            }
        }
        self.keep(commit.len(), refs.last().map(RecordRef::end));
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
        Ok(())
    }

    /// Takes what one commit changes into the rows.
    fn keep(&mut self, records: usize, end: Option<Position>) {
        let (epoch, version) = (self.writer.journal.epoch(), self.writer.version);
        self.records += records;
        self.mark = end.map(|end| Mark::at(epoch, version, end)).or(self.mark);
        for (key, value) in self.before.drain(..) {
            self.rows.insert(key, value.map(Octets::from));
        }
        for change in self.changes.drain(..) {
            self.writer.known.forget(change.key());
            change.lay_onto(&mut self.rows);
        }
    }

    /// True when nothing was staged.
    pub fn is_empty(&self) -> bool {
        self.records == 0
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
        let Store { overlay, queue, .. } = &*self.writer.store;
        queue.publish(overlay, std::mem::take(&mut self.rows), self.records, self.mark);
        Ok(end)
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
        if let Some(value) = self.rows.get(key) {
            return Ok(value.as_deref().map(<[u8]>::to_vec));
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
        let newer = |span: &Span, wanted| Layer::collect([&self.rows], span, wanted);
        let older = |span: &Span, limit| self.writer.store.scan(span, direction, limit);
        layer::scan(span, (direction, limit), newer, older)
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        Ok(self.writer.journal.read(at)?)
    }
}
