//! The history while it is made. All clients write to one tape, so its order is the order of facts.

use std::{
    fs::File,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use liao_check::history::{Fact, Record};

use crate::clock::{self, Deadline};

/// What the records are dated by.
pub(crate) enum Dating {
    /// Milliseconds since this.
    Millis(Instant),
    /// Bytes that a trace has by then.
    Trace(File),
}

/// See the module.
pub(crate) struct Tape {
    dating: Dating,
    inner: Mutex<Inner>,
    moved: Condvar,
}

#[derive(Default)]
struct Inner {
    records: Vec<Record>,
    acked: u64,
}

impl Tape {
    pub(crate) fn new(dating: Dating) -> Self {
        Self { dating, inner: Mutex::default(), moved: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn date(&self) -> u64 {
        match &self.dating {
            Dating::Millis(start) => {
                u64::try_from((clock::now() - *start).as_millis()).unwrap_or(u64::MAX)
            }
            Dating::Trace(file) => file.metadata().map_or(u64::MAX, |facts| facts.len()),
        }
    }

    /// Adds a fact and gives its date.
    pub(crate) fn tell(&self, who: &str, fact: Fact) -> u64 {
        let mut inner = self.lock();
        // Under the lock: later records never have an earlier date.
        let at = self.date();
        inner.acked += u64::from(matches!(fact, Fact::Acked { .. }));
        inner.records.push(Record { at, who: who.to_owned(), fact });
        drop(inner);
        self.moved.notify_all();
        at
    }

    /// Acknowledgements so far.
    pub(crate) fn acked(&self) -> u64 {
        self.lock().acked
    }

    /// Waits until there are so many acknowledgements, or the time is over.
    pub(crate) fn wait_for_acks(&self, count: u64, deadline: Deadline) {
        let waiting = |inner: &mut Inner| inner.acked < count;
        drop(self.moved.wait_timeout_while(self.lock(), deadline.left(), waiting));
    }

    /// Passes time; acknowledgements do not shorten it.
    pub(crate) fn wait(&self, deadline: Deadline) {
        drop(self.moved.wait_timeout_while(self.lock(), deadline.left(), |_| true));
    }

    /// All records so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }
}
