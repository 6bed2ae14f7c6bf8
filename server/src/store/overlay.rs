//! Committed rows that the index does not have yet.
//! Owns two layers: one that commits are laid into, and behind it one that no longer changes and is on its
//! way to the index. Of each key a layer has the newest value alone.
//! Must hold: a layer goes only when the index has all of it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::layer::{Layer, Wanted};
use crate::index::{Octets, Span};
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Rows by key, newest only; `None` where the row was removed.
pub(super) type Rows = BTreeMap<Octets, Option<Octets>>;

/// What a row takes in memory beside the bytes of its key and value, about.
pub(super) const ROW_BYTES: usize = 96;

/// The bytes that a row takes in memory, about.
fn row_bytes(key: &Octets, value: Option<&Octets>) -> usize {
    ROW_BYTES + key.len() + value.map_or(0, |value| value.len())
}

/// Lays a row over those that are there; gives how many bytes came to them.
pub(super) fn lay(rows: &mut Rows, key: Octets, value: Option<Octets>) -> isize {
    let key_bytes = key.len();
    let come = row_bytes(&key, value.as_ref());
    let gone = rows
        .insert(key, value)
        .map_or(0, |old| ROW_BYTES + key_bytes + old.map_or(0, |value| value.len()));
    // Both are bounded by what fits in memory.
    come as isize - gone as isize
}

#[derive(Default)]
struct Layers {
    newer: Rows,
    newer_bytes: usize,
    older: Arc<Rows>,
}

/// Shared by the writer, the applier and all readers.
#[derive(Default)]
pub(super) struct Overlay {
    layers: RwLock<Layers>,
}

impl Overlay {
    fn layers(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers_mut(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key: `None` when it must be asked of the index, `Some(None)` when removed.
    pub(super) fn read(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let layers = self.layers();
        let found = layers.newer.get(key).or_else(|| layers.older.get(key));
        found.map(|value| value.as_deref().map(<[u8]>::to_vec))
    }

    pub(super) fn layer(&self, span: &Span, wanted: Wanted) -> Layer {
        let layers = self.layers();
        Layer::collect([&layers.newer, &layers.older], span, wanted)
    }

    /// Shows `staged` to all readers at once. Gives the bytes that the newer layer takes now.
    pub(super) fn publish(&self, mut staged: Rows) -> usize {
        let mut layers = self.layers_mut();
        let Layers { newer, newer_bytes, .. } = &mut *layers;
        if newer.is_empty() {
            *newer_bytes = staged.iter().map(|(key, value)| row_bytes(key, value.as_ref())).sum();
            *newer = staged;
        } else {
            // One by one: `append` would rebuild the whole map for every small batch.
            while let Some((key, value)) = staged.pop_first() {
                *newer_bytes = newer_bytes.saturating_add_signed(lay(newer, key, value));
            }
        }
        *newer_bytes
    }

    /// The newer layer becomes the older one, which must have been forgotten. From now on nothing in it
    /// changes.
    pub(super) fn freeze(&self) -> Arc<Rows> {
        let mut layers = self.layers_mut();
        debug_assert!(layers.older.is_empty(), "what was on its way is in the index");
        layers.newer_bytes = 0;
        layers.older = Arc::new(std::mem::take(&mut layers.newer));
        Arc::clone(&layers.older)
    }

    /// Forgets the older layer: the index has it now.
    pub(super) fn forget(&self) {
        let older = std::mem::take(&mut self.layers_mut().older);
        // Giving so much back takes time, and nobody need wait for it.
        drop(older);
    }

    pub(super) fn is_empty(&self) -> bool {
        let layers = self.layers();
        layers.newer.is_empty() && layers.older.is_empty()
    }
}
