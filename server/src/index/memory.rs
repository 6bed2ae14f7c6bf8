//! An index in memory, for tests. Clones share the rows, so they outlive a reopened store.
//! Owns a map behind a lock; nothing outlives the process.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::{Direction, Index, IndexError, IndexFound, IndexHome, Mark, Pair, Row, Span};
use crate::sync::{RwLock, RwLockReadGuard};

/// Rows in memory.
#[derive(Clone, Default)]
pub struct MemoryIndex {
    rows: Arc<RwLock<Rows>>,
}

#[derive(Default)]
struct Rows {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
    mark: Option<Mark>,
}

impl MemoryIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index for MemoryIndex {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.rows().map.get(key).cloned())
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, IndexError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows();
        let found = rows.map.range::<[u8], _>(span.bounds());
        let own = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match direction {
            Direction::Forward => found.take(limit).map(own).collect(),
            Direction::Backward => found.rev().take(limit).map(own).collect(),
        })
    }

    fn apply(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        let mut all = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in rows {
            match value {
                Some(value) => all.map.insert(key.to_vec(), value.to_vec()),
                None => all.map.remove(*key),
            };
        }
        Ok(())
    }

    fn set_mark(&self, mark: Mark) -> Result<(), IndexError> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner).mark = Some(mark);
        Ok(())
    }

    fn mark(&self) -> Result<Option<Mark>, IndexError> {
        Ok(self.rows().mark)
    }

    fn checkpoint(&self) -> Result<(), IndexError> {
        Ok(())
    }

    fn close(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

impl IndexHome for MemoryIndex {
    fn holds_rows(&self) -> Result<bool, IndexError> {
        Ok(self.rows().mark.is_some())
    }

    fn open(&self) -> Result<IndexFound, IndexError> {
        Ok(IndexFound::Sound(Arc::new(self.clone())))
    }

    fn set_aside(&self) -> Result<Option<String>, IndexError> {
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = Rows::default();
        Ok(None)
    }
}
