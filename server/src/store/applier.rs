//! Bringing committed writes into the index behind the writer's back.
//! The queue owns the chunks that are not applied yet; one thread empties it.
//! A chunk leaves the overlay only after the index has it, so readers never miss a write.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::overlay::Overlay;
use crate::index::{Index, IndexError, Mark, Octets, Write};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Records in one batch of the index: more make sled's memory jump.
pub(super) const APPLY_RECORDS_MAX: usize = 300;
/// Rows in one batch of the index, for the same reason; a single record may bring more.
pub(super) const APPLY_ROWS_MAX: usize = 1000;
/// How long the first of them waits for others under less load: a batch of one record costs the index
/// almost as much as one of many, and nobody waits for either.
const GATHER: Duration = Duration::from_millis(20);
/// Records applied between two checkpoints under load.
const CHECKPOINT_RECORDS: usize = 50_000;
/// Quiet time after which a checkpoint is due.
const CHECKPOINT_IDLE: Duration = Duration::from_secs(5);

/// Who brings what is committed into the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applying {
    /// A thread, behind the writer's back.
    OwnThread,
    /// The writer itself, before it finishes its next batch: for simulations, which must go the
    /// same way every time.
    Writer,
}

/// Writes of some commits, in order.
pub(super) struct Chunk {
    pub(super) writes: Vec<Write>,
    pub(super) records: usize,
    /// Generation of the newest write in here.
    pub(super) generation: u64,
    /// `None` when the chunk ends inside a commit: the mark then stays where it is.
    pub(super) mark: Option<Mark>,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Chunk>,
    /// Records in `chunks` and in the batch being applied.
    records: usize,
    draining: bool,
    stopped: bool,
    failed: Option<String>,
}

/// Chunks on their way to the index.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    records_max: usize,
}

impl Queue {
    pub(super) fn new(records_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::default(), records_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the applier is less than the limit behind.
    pub(super) fn wait_for_room(&self) -> Result<(), IndexError> {
        let mut state = self.lock();
        while state.failed.is_none() && state.records >= self.records_max {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.clone().map_or(Ok(()), |words| Err(IndexError::Stopped(words)))
    }

    pub(super) fn push(&self, chunks: Vec<Chunk>) {
        let mut state = self.lock();
        let before = state.records;
        state.records += chunks.iter().map(|chunk| chunk.records).sum::<usize>();
        state.chunks.extend(chunks);
        // In between nobody waits for a push: the applier is at work, or gathers until there are enough.
        if before == 0 || state.records >= self.enough() {
            self.changed.notify_all();
        }
    }

    /// Records that fill a batch of the index, or for which the writer waits.
    fn enough(&self) -> usize {
        APPLY_RECORDS_MAX.min(self.records_max)
    }

    /// Waits a moment for more to apply together.
    fn gather<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let few =
            |state: &mut State| state.records < self.enough() && !state.draining && !state.stopped;
        let waited = self.changed.wait_timeout_while(state, GATHER, few);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Records not yet in the index.
    pub(super) fn records(&self) -> usize {
        self.lock().records
    }

    /// The next chunks, merged to one batch; `None` when there will be no more.
    fn take(&self, idle: &mut dyn FnMut()) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if state.stopped || (state.draining && state.chunks.is_empty()) {
                return None;
            }
            if !state.chunks.is_empty() {
                state = self.gather(state);
                return if state.stopped { None } else { state.next() };
            }
            let waited = self.changed.wait_timeout(state, CHECKPOINT_IDLE);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            if timeout.timed_out() && state.chunks.is_empty() {
                drop(state);
                idle();
                state = self.lock();
            }
        }
    }

    /// The next chunks without waiting for them.
    fn take_ready(&self) -> Option<Chunk> {
        self.lock().next()
    }

    fn done(&self, records: usize) {
        self.lock().records -= records;
        self.changed.notify_all();
    }

    fn fail(&self, error: &IndexError) {
        self.lock().failed = Some(error.to_string());
        self.changed.notify_all();
    }
}

impl State {
    /// The next chunks, merged to one batch.
    fn next(&mut self) -> Option<Chunk> {
        let mut chunk = self.chunks.pop_front()?;
        while let Some(next) = self.chunks.front()
            && chunk.takes(next.records, next.writes.len())
            && let Some(next) = self.chunks.pop_front()
        {
            chunk.merge(next);
        }
        Some(chunk)
    }
}

impl Chunk {
    /// True when this much more fits in one batch of the index.
    pub(super) fn takes(&self, records: usize, rows: usize) -> bool {
        self.records + records <= APPLY_RECORDS_MAX && self.writes.len() + rows <= APPLY_ROWS_MAX
    }

    /// A place for the row's value.
    pub(super) fn add(&mut self, key: Octets) -> usize {
        self.writes.push(Write { key, value: None });
        self.writes.len() - 1
    }

    fn merge(&mut self, next: Self) {
        self.writes.extend(next.writes);
        self.records += next.records;
        self.generation = next.generation;
        self.mark = next.mark.or(self.mark);
    }
}

/// Whatever applies.
pub(super) struct Applier {
    queue: Arc<Queue>,
    worker: Worker,
}

enum Worker {
    Thread(Option<JoinHandle<Result<(), IndexError>>>),
    Writer(Work),
}

impl Applier {
    /// Starts the thread, if there is to be one. `mark` is the mark the index has now.
    pub(super) fn start(
        applying: Applying,
        index: Arc<dyn Index>,
        overlay: Arc<Overlay>,
        queue: Arc<Queue>,
        mark: Mark,
    ) -> std::io::Result<Self> {
        let work = Work { index, overlay, queue: queue.clone(), mark, unsafe_records: 0 };
        let worker = match applying {
            Applying::OwnThread => {
                let thread = thread::Builder::new().name("index".to_owned());
                Worker::Thread(Some(thread.spawn(|| work.run())?))
            }
            Applying::Writer => Worker::Writer(work),
        };
        Ok(Self { queue, worker })
    }

    /// Without a thread: applies all that is queued.
    pub(super) fn catch_up(&mut self) -> Result<(), IndexError> {
        match &mut self.worker {
            Worker::Thread(_) => Ok(()),
            Worker::Writer(work) => work.catch_up(),
        }
    }

    /// Applies all that is queued and ends the thread.
    pub(super) fn drain(mut self) -> Result<(), IndexError> {
        self.queue.lock().draining = true;
        self.catch_up()?;
        self.join()
    }

    fn join(&mut self) -> Result<(), IndexError> {
        self.queue.changed.notify_all();
        let Worker::Thread(thread) = &mut self.worker else { return Ok(()) };
        let Some(thread) = thread.take() else { return Ok(()) };
        let gone = || IndexError::Stopped("its thread ended in a panic".to_owned());
        thread.join().unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        // Without a drain this is a stop like a crash: the rest is replayed at the next start.
        self.queue.lock().stopped = true;
        if let Err(error) = self.join() {
            tracing::warn!("the index stopped early: {error}");
        }
    }
}

struct Work {
    index: Arc<dyn Index>,
    overlay: Arc<Overlay>,
    queue: Arc<Queue>,
    mark: Mark,
    /// Records applied since the last checkpoint.
    unsafe_records: usize,
}

impl Work {
    fn run(mut self) -> Result<(), IndexError> {
        let queue = self.queue.clone();
        let done = self.empty(&queue);
        if let Err(error) = &done {
            tracing::error!("the index takes no more writes: {error}");
            queue.fail(error);
        }
        done
    }

    fn empty(&mut self, queue: &Queue) -> Result<(), IndexError> {
        let mut checked = Ok(());
        while let Some(chunk) = queue.take(&mut || checked = self.checkpoint()) {
            std::mem::replace(&mut checked, Ok(()))?;
            self.apply(&chunk)?;
            queue.done(chunk.records);
        }
        checked
    }

    fn catch_up(&mut self) -> Result<(), IndexError> {
        while let Some(chunk) = self.queue.take_ready() {
            self.apply(&chunk)?;
            self.queue.done(chunk.records);
        }
        Ok(())
    }

    fn apply(&mut self, chunk: &Chunk) -> Result<(), IndexError> {
        self.mark = chunk.mark.unwrap_or(self.mark);
        self.index.apply(&chunk.writes, self.mark)?;
        self.overlay.forget(chunk);
        self.unsafe_records += chunk.records;
        if self.unsafe_records >= CHECKPOINT_RECORDS {
            self.checkpoint()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), IndexError> {
        if std::mem::take(&mut self.unsafe_records) > 0 {
            self.index.checkpoint()?;
        }
        Ok(())
    }
}
