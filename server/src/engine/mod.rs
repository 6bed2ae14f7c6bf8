//! Who orders what is said, and when it is safe. One thread owns all writes: it takes decisions from
//! a bounded queue, lets each see what the ones before it decided, writes what they ask for, syncs
//! once for the whole batch, and only then answers and shows.
//!
//! The contract: an answer is given when its records are on stable storage, never earlier. Each room
//! has one order. No promise spans two decisions. A caller that stops waiting may still be obeyed.

mod committer;
mod erasure;
mod newest;
mod transaction;

use std::{future::Future, sync::Arc, task::Waker, thread};

use bytes::Bytes;
use liao_common::{
    event::Marked,
    fault::{Fault, FaultCode},
    id::{DeviceId, RoomId, Seq, UserId},
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use erasure::EDITS_MAX;
pub use transaction::{Speaker, Transaction};

use crate::store::Writer;

/// Decisions that may wait; the next caller waits for a place.
const QUEUE_MAX: usize = 4096;

/// Decisions that share one sync.
const BATCH_MAX: usize = 1024;

/// What became true with a batch, told in order after it is on stable storage.
#[derive(Debug)]
pub enum Effect {
    /// A message stands in a room's log.
    Message {
        /// The room.
        room: RoomId,
        /// Its place.
        seq: Seq,
        /// How many messages up to it count as something to read.
        n: u64,
        /// Its whole frame, as it is stored and sent.
        frame: Bytes,
    },
    /// A stored message of this room has lost its words: what is kept of it in memory is void.
    Erased {
        /// The room.
        room: RoomId,
    },
    /// What a person is in a room has changed.
    Membership {
        /// The person.
        user: UserId,
        /// The room.
        room: RoomId,
        /// Which way.
        turn: Turn,
        /// How many members the room has after it.
        members: u64,
    },
    /// A person read on.
    Marked {
        /// The person.
        user: UserId,
        /// The device that asked, which has its answer.
        except: DeviceId,
        /// How far.
        marked: Marked,
    },
    /// A device was logged out.
    DeviceGone {
        /// Whose.
        user: UserId,
        /// Which.
        dev: DeviceId,
    },
}

/// How a person's part in a room has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// They are inside: what stands behind this message is told to them.
    Entered(Seq),
    /// They are gone: this is the last message that they may see.
    Left(Seq),
    /// They were invited, or an invitation is over.
    Beside,
}

impl Effect {
    /// The room whose messages in memory are void, if this is about one.
    #[must_use]
    pub const fn erased(&self) -> Option<RoomId> {
        match self {
            Self::Erased { room } => Some(*room),
            _ => None,
        }
    }
}

/// Whoever shows what became true. Called on the committing thread: it must not block.
pub trait Audience: Send + Sync {
    /// Everything that one batch made true, in order. Gives who is to be called for it.
    fn committed(&self, effects: Vec<Effect>) -> Calls;
}

/// Connections that have something to look at, and are called when this is dropped: after the answers,
/// so that whoever posted finds the answer and the message together, and writes once.
#[derive(Debug, Default)]
pub struct Calls(Vec<Waker>);

impl Calls {
    /// One more to call.
    pub fn add(&mut self, reader: Waker) {
        self.0.push(reader);
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

/// What the engine needs to know.
#[derive(Clone)]
pub struct Options {
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
    /// With fewer free bytes on the disk, only what frees or protects is written.
    pub free_bytes_min: u64,
}

/// A handle to the committing thread.
#[derive(Clone)]
pub struct Engine {
    queue: mpsc::Sender<Box<dyn committer::Job>>,
    failed: CancellationToken,
}

/// The way of one connection's decisions to the queue, one at a time. Without it, while the queue is full,
/// a later one may find the place that became free just after an earlier one had looked.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Semaphore>);

impl Default for Lane {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The committing thread itself; joining it closes the journal and the index.
pub struct Committing(thread::JoinHandle<()>);

impl Engine {
    /// Starts the committing thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        writer: Writer,
        audience: Arc<dyn Audience>,
        options: Options,
    ) -> std::io::Result<(Self, Committing)> {
        let (engine, duty) = Self::prepare(writer, audience, options);
        Ok((engine, duty.on_a_thread()?))
    }

    /// A handle, and the work behind it, which somebody must do.
    #[must_use]
    pub fn prepare(writer: Writer, audience: Arc<dyn Audience>, options: Options) -> (Self, Duty) {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let failed = writer.store().failed().clone();
        let committer = committer::Committer::new(writer, audience, options, failed.clone());
        let broken = failed.clone().drop_guard();
        (Self { queue, failed }, Duty { committer, jobs, broken })
    }

    /// Lets `decide` look at the state, and makes what it wrote durable before it returns what
    /// `decide` returned.
    ///
    /// # Errors
    /// The fault that `decide` gave, or `storage_full` or `internal` when it could not be stored.
    pub async fn run<T, F>(&self, decide: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_, '_>) -> Result<T, Fault> + Send + 'static,
    {
        self.hand_over(decide).await?.await.map_err(|_| stopped())?
    }

    /// The same behind all that was started in this lane before.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_in<T, F>(&self, lane: &Lane, decide: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_, '_>) -> Result<T, Fault> + Send + 'static,
    {
        let turn = lane.0.acquire().await.map_err(|_| stopped())?;
        let result = self.hand_over(decide).await?;
        drop(turn);
        result.await.map_err(|_| stopped())?
    }

    async fn hand_over<T, F>(&self, decide: F) -> Result<oneshot::Receiver<Result<T, Fault>>, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_, '_>) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job = committer::Decision::new(decide, answer);
        self.queue.send(Box::new(job)).await.map_err(|_| stopped())?;
        Ok(result)
    }

    /// Is cancelled when the store failed, and only the next start can mend it.
    #[must_use]
    pub const fn failed(&self) -> &CancellationToken {
        &self.failed
    }
}

/// The committing work that nobody does yet.
pub struct Duty {
    committer: committer::Committer,
    jobs: mpsc::Receiver<Box<dyn committer::Job>>,
    /// Only a panic drops it armed: then nothing can be stored any more, and all must know.
    broken: DropGuard,
}

impl Duty {
    /// Does it on a thread of its own.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn on_a_thread(self) -> std::io::Result<Committing> {
        let Self { committer, jobs, broken } = self;
        let thread = thread::Builder::new().name("committer".into()).spawn(move || {
            committer.run(jobs);
            broken.disarm();
        })?;
        Ok(Committing(thread))
    }

    /// Does it on the calling task, for simulations, which must go the same way every time. Before
    /// each batch it waits for what `gather` gives: with a paused clock, the time of a sync.
    pub async fn on_this_task<W: Future<Output = ()>>(self, gather: impl FnMut() -> W) {
        let Self { committer, jobs, broken } = self;
        committer.run_stepwise(jobs, gather).await;
        broken.disarm();
    }
}

impl Committing {
    /// Waits until all that was asked is done and the files are closed. All handles must be gone.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the committing thread panicked");
        }
    }
}

fn stopped() -> Fault {
    Fault::new(FaultCode::ShuttingDown, "the engine has stopped")
}

#[cfg(test)]
mod tests;
