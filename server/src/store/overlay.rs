//! Committed writes that the index does not have yet.
//! Owns the newest value of each such key, with the generation that wrote it.
//! A key leaves only when the index has that very write or a newer one.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::applier::Chunk;
use super::layer::Layer;
use crate::index::{Direction, Span};
use crate::sync::{RwLock, RwLockReadGuard};

/// A value and the write it came from.
pub(super) struct Entry {
    pub(super) value: Option<Vec<u8>>,
    pub(super) generation: u64,
    /// Its place among the writes of the newest chunk it is in; means something while staging only.
    pub(super) slot: usize,
}

/// Rows by key, newest only.
pub(super) type Rows = BTreeMap<Vec<u8>, Entry>;

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
        self.rows().get(key).map(|entry| entry.value.clone())
    }

    pub(super) fn layer(&self, span: &Span, order: (Direction, usize)) -> Layer {
        Layer::collect(&self.rows(), |entry| entry.value.clone(), span, order)
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
            if rows.get(&write.key).is_some_and(|entry| entry.generation <= chunk.generation) {
                rows.remove(&write.key);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }
}
