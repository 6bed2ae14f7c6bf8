//! Which rows of one table are surely not there. Each nonce is looked for once and hardly ever found, and
//! a look at the index for nothing was a quarter of what a post cost the writer.
//! Owned by the writer; a thread reads the table once and fills in what stood there before.
//! Must hold: from the moment it is believed, every row of the table is in the filter. A row that is not
//! there may be taken for one that is, never the other way round.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use super::{Applying, Store, StoreError, View};
use crate::index::{Direction, Span};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::thread::{self, JoinHandle};

/// Words of 64 bits in which one row sets its bits: as many as the processor fetches at once.
const BLOCK_WORDS: usize = 8;
/// Bits that a row sets.
const BITS_PER_ROW: usize = 6;
/// Rows read at once.
const PAGE_ROWS: usize = 1000;

/// A table whose rows are looked for once each, mostly in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sparse {
    /// First byte of its keys.
    pub table: u8,
    /// So many looks in vain, and the filter is begun: a server that is hardly used needs none.
    pub after_looks: usize,
    /// Bytes of the filter.
    pub filter_bytes: usize,
}

pub(super) struct Absent {
    sparse: Option<Sparse>,
    looks: Cell<usize>,
    filter: Option<Arc<Filter>>,
    reading: Option<JoinHandle<()>>,
}

impl Absent {
    pub(super) fn new(sparse: Option<Sparse>) -> Self {
        Self { sparse, looks: Cell::new(0), filter: None, reading: None }
    }

    /// Begins the filter if it is due. Everything that was staged so far must be committed.
    pub(super) fn prepare(&mut self, store: &Arc<Store>, applying: Applying) {
        let Some(sparse) = self.sparse else { return };
        if self.filter.is_some() || self.looks.get() < sparse.after_looks {
            return;
        }
        let filter = Arc::new(Filter::new(sparse.filter_bytes));
        self.filter = Some(Arc::clone(&filter));
        let store = Arc::clone(store);
        let read = move || {
            if let Err(error) = filter.read(&store, sparse.table) {
                tracing::warn!("what is not in the index is looked for each time: {error}");
            }
        };
        match applying {
            Applying::Writer => read(),
            Applying::OwnThread => {
                self.reading = thread::Builder::new().name("nonces".to_owned()).spawn(read).ok();
            }
        }
    }

    /// True when the index has no such row for sure; what is staged or not applied yet counts as there.
    pub(super) fn proves(&self, key: &[u8]) -> bool {
        self.of(key).is_some_and(|filter| filter.complete() && !filter.may_hold(key))
    }

    /// This row was looked for in vain.
    pub(super) fn missed(&self, key: &[u8]) {
        if self.filter.is_none() && self.is_of(key) {
            self.looks.set(self.looks.get() + 1);
        }
    }

    /// This row will be there.
    pub(super) fn keep(&self, key: &[u8]) {
        if let Some(filter) = self.of(key) {
            filter.insert(key);
        }
    }

    /// Reads no more. Must come before the index is closed.
    pub(super) fn stop(&mut self) {
        if let Some(filter) = &self.filter {
            filter.stopped.store(true, Ordering::Release);
        }
        if let Some(reading) = self.reading.take()
            && reading.join().is_err()
        {
            tracing::warn!("reading what is in the index ended in a panic");
        }
    }

    fn of(&self, key: &[u8]) -> Option<&Filter> {
        self.filter.as_deref().filter(|_| self.is_of(key))
    }

    fn is_of(&self, key: &[u8]) -> bool {
        self.sparse.is_some_and(|sparse| key.first() == Some(&sparse.table))
    }
}

impl Drop for Absent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A Bloom filter in blocks, filled by two threads.
struct Filter {
    words: Box<[AtomicU64]>,
    hasher: RandomState,
    complete: AtomicBool,
    stopped: AtomicBool,
}

impl Filter {
    fn new(bytes: usize) -> Self {
        let words = (bytes / 8).max(BLOCK_WORDS);
        Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            complete: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// Takes in what is committed. What is staged meanwhile comes in beside.
    fn read(&self, store: &Store, table: u8) -> Result<(), StoreError> {
        let mut span = Span::prefix(&[table]);
        while !self.stopped.load(Ordering::Acquire) {
            let rows = store.scan(&span, Direction::Forward, PAGE_ROWS)?;
            rows.iter().for_each(|(key, _)| self.insert(key));
            match rows.last() {
                Some((last, _)) => span = span.after(last),
                None => {
                    self.complete.store(true, Ordering::Release);
                    break;
                }
            }
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    fn insert(&self, key: &[u8]) {
        for (word, bit) in self.bits(key) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn may_hold(&self, key: &[u8]) -> bool {
        self.bits(key).all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// The words of a key, and its bit in each.
    fn bits(&self, key: &[u8]) -> impl Iterator<Item = (&AtomicU64, u64)> {
        // Seeded anew for each filter, so that nobody can choose nonces that fill it in one place.
        let hash = self.hasher.hash_one(key);
        let blocks = self.words.len() / BLOCK_WORDS;
        // Both are below the number of words.
        let block = (hash % blocks as u64) as usize * BLOCK_WORDS;
        let mut more = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..BITS_PER_ROW).filter_map(move |_| {
            let (word, bit) = ((more >> 58) as usize % BLOCK_WORDS, more >> 40 & 63);
            more = more.rotate_left(11).wrapping_mul(0xff51_afd7_ed55_8ccd);
            self.words.get(block + word).map(|word| (word, 1 << bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_never_taken_for_absent_and_what_is_not_seldom_for_present() {
        let filter = Filter::new(1 << 20);
        let key = |number: u32| [&b"x\x01"[..], &number.to_le_bytes(), &[9; 12]].concat();
        (0..300_000).for_each(|number| filter.insert(&key(number)));
        assert!((0..300_000).all(|number| filter.may_hold(&key(number))));
        let wrong = (300_000..400_000).filter(|&number| filter.may_hold(&key(number))).count();
        assert!(wrong < 1000, "{wrong} of 100,000");
    }
}
