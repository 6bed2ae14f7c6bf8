//! Bringing into the index at start what it lacks: little after a crash, all when it is made anew.
//! Owns the rows that are on their way: many at a time, since an index likes them in the order of keys.

use super::open::Progress;
use super::overlay::{Rows, lay};
use super::{Change, ProjectError, Projection, StoreError, pass};
use crate::index::{Index, Mark, Octets};
use crate::journal::{JournalReader, Record};

/// Bytes that rows may take in memory before they are brought over.
const BYTES_MAX: usize = 64 << 20;
/// Records between two words on how far it is.
const PROGRESS_RECORDS: u64 = 256;

pub(super) struct Replay<'a> {
    index: &'a dyn Index,
    projection: Projection,
    /// How far the index is.
    pub(super) mark: Mark,
    /// How far it is with the rows in here.
    next: Mark,
    rows: Rows,
    bytes: usize,
    changes: Vec<Change>,
    /// Records that were replayed.
    pub(super) records: u64,
}

impl<'a> Replay<'a> {
    pub(super) fn new(index: &'a dyn Index, projection: Projection, mark: Mark) -> Self {
        let (rows, changes) = (Rows::new(), Vec::new());
        Self { index, projection, mark, next: mark, rows, bytes: 0, changes, records: 0 }
    }

    pub(super) fn run(
        &mut self,
        reader: &JournalReader,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), StoreError> {
        let end = reader.end();
        for record in reader.records(self.mark.position) {
            let record = record?;
            self.take(&record)?;
            let position = record.end();
            if self.bytes >= BYTES_MAX {
                self.flush()?;
            }
            if self.records.is_multiple_of(PROGRESS_RECORDS) {
                progress(Progress { position, end, records: self.records });
            }
        }
        self.flush()
    }

    fn take(&mut self, record: &Record) -> Result<(), StoreError> {
        let at = self.next.position;
        let refuse = |source| StoreError::Project { at, source };
        let mut changes = std::mem::take(&mut self.changes);
        (self.projection)(record.kind, &record.body, record.at, &mut changes).map_err(refuse)?;
        for change in changes.drain(..) {
            if !change.allowed() {
                return Err(refuse(ProjectError::over_limits()));
            }
            self.lay(change)?;
        }
        self.changes = changes;
        self.records += 1;
        self.next.reach = self.next.reach.max(record.end());
        if record.last {
            self.next.position = record.end();
        }
        Ok(())
    }

    fn lay(&mut self, change: Change) -> Result<(), StoreError> {
        let key = change.key();
        if change.is_part() && !self.rows.contains_key(key) {
            let before = self.index.read(key)?.map(Octets::from);
            let came = lay(&mut self.rows, key.into(), before);
            self.bytes = self.bytes.saturating_add_signed(came);
        }
        self.bytes = self.bytes.saturating_add_signed(change.lay_onto(&mut self.rows));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.next != self.mark {
            pass::bring(self.index, &self.rows, (self.mark, self.next), &|| true)?;
            self.mark = self.next;
            self.rows = Rows::new();
            self.bytes = 0;
        }
        Ok(())
    }
}
