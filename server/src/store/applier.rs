//! Bringing committed rows into the index behind the writer's back.
//! The queue owns what is known of the rows in the overlay: how many records and bytes they are, and how
//! far they reach. One thread brings them over, many at a time: of a row written often the index then has
//! to write the newest value alone.
//! Rows leave the overlay only after the index has them, so readers never miss a write.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::overlay::{Overlay, Rows};
use super::pass;
use crate::index::{Index, IndexError, Mark};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Records applied between two checkpoints under load.
const CHECKPOINT_RECORDS: usize = 50_000;
/// Between two slices of rows the applier lets others have the processor for so long, unless it is waited for:
/// nobody waits for the index, and where all processors are taken somebody would wait behind it.
const REST: Duration = Duration::from_millis(2);
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

/// How far the index may be behind. All of it is replayed at the next start after a crash, and the rows
/// take memory until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// So many records are brought over together, if they come fast enough.
    pub records: usize,
    /// The same by the bytes that their rows take in memory.
    pub bytes: usize,
    /// For so long the first of them waits for others.
    pub wait: Duration,
    /// Commits wait while the index lacks so many records.
    pub records_max: usize,
    /// The same by bytes; the batch that reaches it may bring more.
    pub bytes_max: usize,
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            records: 16 << 10,
            bytes: 16 << 20,
            wait: Duration::from_secs(1),
            records_max: 64 << 10,
            bytes_max: 48 << 20,
        }
    }
}

/// How much it is.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    records: usize,
    bytes: usize,
}

#[derive(Default)]
struct State {
    /// What is in the newer layer of the overlay.
    newer: Load,
    /// What is in the older one, on its way to the index.
    older: Load,
    /// How far the newer layer reaches; `None` when nothing was committed yet.
    mark: Option<Mark>,
    draining: bool,
    stopped: bool,
    failed: Option<String>,
}

/// What is on its way to the index, in numbers.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    lag: Lag,
}

/// Rows that are brought over together.
struct Pass {
    rows: Arc<Rows>,
    load: Load,
    mark: Option<Mark>,
}

impl Queue {
    pub(super) fn new(lag: Lag) -> Self {
        Self { state: Mutex::default(), changed: Condvar::default(), lag }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the applier is less than the limits behind.
    pub(super) fn wait_for_room(&self) -> Result<(), IndexError> {
        let mut state = self.lock();
        while state.failed.is_none() && state.is_full(&self.lag) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failed.clone().map_or(Ok(()), |words| Err(IndexError::Stopped(words)))
    }

    /// Shows the rows of a batch of so many records to all readers, and sees to it that the index gets them.
    pub(super) fn publish(
        &self,
        overlay: &Overlay,
        rows: Rows,
        records: usize,
        mark: Option<Mark>,
    ) {
        let mut state = self.lock();
        let first = state.newer.records == 0 && records > 0;
        let few = !state.is_enough(&self.lag);
        state.newer.bytes = overlay.publish(rows);
        state.newer.records += records;
        state.mark = mark.or(state.mark);
        // In between nobody waits for it: the applier is at work, or waits until there is enough.
        if first || (few && state.is_enough(&self.lag)) {
            self.changed.notify_all();
        }
    }

    /// Waits a moment for more to bring over together.
    fn gather<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let few =
            |state: &mut State| !state.is_enough(&self.lag) && !state.draining && !state.stopped;
        let waited = self.changed.wait_timeout_while(state, self.lag.wait, few);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Records not yet in the index.
    pub(super) fn records(&self) -> usize {
        let state = self.lock();
        state.newer.records + state.older.records
    }

    /// The next rows; `None` when there will be no more.
    fn take(&self, overlay: &Overlay, idle: &mut dyn FnMut()) -> Option<Pass> {
        let mut state = self.lock();
        loop {
            if state.stopped || (state.draining && state.newer.records == 0) {
                return None;
            }
            if state.newer.records > 0 {
                state = self.gather(state);
                return if state.stopped { None } else { Some(state.begin(overlay)) };
            }
            let waited = self.changed.wait_timeout(state, CHECKPOINT_IDLE);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            if timeout.timed_out() && state.newer.records == 0 {
                drop(state);
                idle();
                state = self.lock();
            }
        }
    }

    /// The next rows without waiting for them.
    fn take_ready(&self, overlay: &Overlay) -> Option<Pass> {
        let mut state = self.lock();
        (state.newer.records > 0).then(|| state.begin(overlay))
    }

    fn done(&self) {
        self.lock().older = Load::default();
        self.changed.notify_all();
    }

    /// Rests for a moment, unless there is enough for the next pass already. False when all is to stop.
    fn rest(&self) -> bool {
        let state = self.lock();
        let idle =
            |state: &mut State| !state.is_enough(&self.lag) && !state.draining && !state.stopped;
        let rested = self.changed.wait_timeout_while(state, REST, idle);
        !rested.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    fn fail(&self, error: &IndexError) {
        self.lock().failed = Some(error.to_string());
        self.changed.notify_all();
    }
}

impl State {
    fn is_full(&self, lag: &Lag) -> bool {
        self.newer.records + self.older.records >= lag.records_max
            || self.newer.bytes + self.older.bytes >= lag.bytes_max
    }

    /// Whether it is time to bring the newer layer over: there is enough of it, or the writer waits.
    fn is_enough(&self, lag: &Lag) -> bool {
        self.newer.records >= lag.records || self.newer.bytes >= lag.bytes || self.is_full(lag)
    }

    fn begin(&mut self, overlay: &Overlay) -> Pass {
        self.older = std::mem::take(&mut self.newer);
        Pass { rows: overlay.freeze(), load: self.older, mark: self.mark }
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
        let overlay = self.overlay.clone();
        let mut checked = Ok(());
        while let Some(pass) = queue.take(&overlay, &mut || self.check(&mut checked)) {
            std::mem::replace(&mut checked, Ok(()))?;
            self.apply(pass, &|| queue.rest())?;
        }
        checked
    }

    fn catch_up(&mut self) -> Result<(), IndexError> {
        while let Some(pass) = self.queue.take_ready(&self.overlay) {
            self.apply(pass, &|| true)?;
        }
        Ok(())
    }

    fn apply(&mut self, pass: Pass, go_on: &dyn Fn() -> bool) -> Result<(), IndexError> {
        let Pass { rows, load, mark } = pass;
        let to = mark.unwrap_or(self.mark);
        if !pass::bring(self.index.as_ref(), &rows, (self.mark, to), go_on)? {
            return Ok(());
        }
        self.mark = to;
        drop(rows);
        self.overlay.forget();
        self.queue.done();
        self.unsafe_records += load.records;
        if self.unsafe_records >= CHECKPOINT_RECORDS {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// A checkpoint, unless one failed before, which must not be forgotten.
    fn check(&mut self, checked: &mut Result<(), IndexError>) {
        if checked.is_ok() {
            *checked = self.checkpoint();
        }
    }

    fn checkpoint(&mut self) -> Result<(), IndexError> {
        if std::mem::take(&mut self.unsafe_records) > 0 {
            self.index.checkpoint()?;
        }
        Ok(())
    }
}
