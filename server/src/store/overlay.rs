//! Committed writes that the index does not have yet.
//! Owns the newest value of each such key, with the generation that wrote it.
//! A key leaves only when the index has that very write or a newer one.

use std::collections::{BTreeMap, btree_map};
use std::sync::PoisonError;

use super::applier::Chunk;
use super::layer::Layer;
use crate::index::{Direction, Octets, Span};
use crate::sync::{RwLock, RwLockReadGuard};

/// A value and the write it came from.
pub(super) struct Entry {
    pub(super) value: Option<Octets>,
    pub(super) generation: u64,
    /// The newest chunk of its batch that it is in, and its place among the writes there; means
    /// something while staging only.
    pub(super) place: (usize, usize),
}

impl Entry {
    /// The value, as readers get it.
    pub(super) fn given(&self) -> Option<Vec<u8>> {
        self.value.as_ref().map(|value| value.to_vec())
    }
}

/// Rows by key, newest only.
pub(super) type Rows = BTreeMap<Octets, Entry>;

/// Shared by the writer, the applier and all readers.
#[derive(Default)]
pub(super) struct Overlay {
    rows: RwLock<Rows>,
}

impl Overlay {
    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key: `None` when it must be asked of the index, `Some(None)` when removed.
    pub(super) fn read(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.rows().get(key).map(Entry::given)
    }

    pub(super) fn layer(&self, span: &Span, order: (Direction, usize)) -> Layer {
        Layer::collect(&self.rows(), Entry::given, span, order)
    }

    /// Shows `staged` to all readers at once.
    pub(super) fn publish(&self, mut staged: Rows) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        if rows.is_empty() {
            *rows = staged;
        } else {
            // One by one: `append` would rebuild the whole map for every small batch.
            while let Some((key, entry)) = staged.pop_first() {
                rows.insert(key, entry);
            }
        }
    }

    /// Forgets what the index has now.
    pub(super) fn forget(&self, chunk: &Chunk) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for write in &chunk.writes {
            if let btree_map::Entry::Occupied(row) = rows.entry(write.key.clone())
                && row.get().generation <= chunk.generation
            {
                row.remove();
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }
}
