//! The committing thread: gather, decide, sync once, tell, answer.

use std::{future::Future, sync::Arc};

use liao_common::{
    fault::{Fault, FaultCode},
    id::{RoomId, Seq},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Audience, BATCH_MAX, Calls, Effect, Options, Transaction,
    erasure::{self, Erasure},
    newest::Newest,
};
use crate::{
    journal::{JournalError, NewRecord},
    state::{record::Erased, view},
    store::{Batch, StoreError, Writer},
};

/// Messages whose words are erased between two notes of it, after a crash.
const ERASURES_AT_ONCE: usize = 256;

/// Most decisions are posts: the message, and the marker of who wrote it.
const EFFECTS_PER_JOB: usize = 2;

/// A decision whose result type is forgotten while it waits.
pub(super) trait Job: Send {
    /// Decides, and gives what is to be written; `None` when it was refused or needs nothing.
    /// `erased` is what earlier decisions of the batch took back, which still stands in the journal.
    /// `newest` is what is known of nonces.
    fn decide(
        &mut self,
        batch: &Batch<'_>,
        erased: &[Erasure],
        newest: &mut Newest,
        now_ms: u64,
    ) -> Option<Wish>;

    /// Takes the decision back: it will not be stored.
    fn refuse(&mut self, fault: Fault);

    /// Tells the caller.
    fn answer(self: Box<Self>);
}

/// What a decision wants.
pub(super) struct Wish {
    records: Vec<NewRecord>,
    effects: Vec<Effect>,
    essential: bool,
    erasures: Vec<Erasure>,
    taken_back: Vec<(RoomId, Seq)>,
}

/// A decision that waits for its turn, then for its answer.
pub(super) struct Decision<F, T> {
    decide: Option<F>,
    result: Result<T, Fault>,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<F, T> Decision<F, T> {
    pub(super) fn new(decide: F, answer: oneshot::Sender<Result<T, Fault>>) -> Self {
        Self { decide: Some(decide), result: Err(FaultCode::Internal.into()), answer }
    }
}

impl<F, T> Job for Decision<F, T>
where
    T: Send,
    F: FnOnce(&mut Transaction<'_, '_>) -> Result<T, Fault> + Send,
{
    fn decide(
        &mut self,
        batch: &Batch<'_>,
        erased: &[Erasure],
        newest: &mut Newest,
        now_ms: u64,
    ) -> Option<Wish> {
        let decide = self.decide.take()?;
        let mut transaction = Transaction::new(batch, erased, newest, now_ms);
        self.result = decide(&mut transaction);
        let Transaction { records, effects, essential, erasures, taken_back, .. } = transaction;
        let wanted = self.result.is_ok() && !(records.is_empty() && erasures.is_empty());
        wanted.then_some(Wish { records, effects, essential, erasures, taken_back })
    }

    fn refuse(&mut self, fault: Fault) {
        self.result = Err(fault);
    }

    fn answer(self: Box<Self>) {
        // Nobody waits any more when the connection is gone; what was decided stays.
        drop(self.answer.send(self.result));
    }
}

pub(super) struct Committer {
    writer: Writer,
    audience: Arc<dyn Audience>,
    options: Options,
    failed: CancellationToken,
    /// Of what was erased, what the journal does not say yet. Told with the next batch; when a crash
    /// comes first, the next start erases once more.
    erased: Vec<NewRecord>,
    newest: Newest,
}

impl Committer {
    pub(super) fn new(
        writer: Writer,
        audience: Arc<dyn Audience>,
        options: Options,
        failed: CancellationToken,
    ) -> Self {
        let (erased, newest) = (Vec::new(), Newest::default());
        Self { writer, audience, options, failed, erased, newest }
    }

    /// Works until all handles are gone, then closes the files.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        self.finish_erasures();
        while let Some(first) = jobs.blocking_recv() {
            self.commit(gather(first, &mut jobs));
        }
        self.close();
    }

    /// The same on a task, waiting before each batch.
    pub(super) async fn run_stepwise<W: Future<Output = ()>>(
        mut self,
        mut jobs: mpsc::Receiver<Box<dyn Job>>,
        mut wait: impl FnMut() -> W,
    ) {
        self.finish_erasures();
        while let Some(first) = jobs.recv().await {
            wait().await;
            self.commit(gather(first, &mut jobs));
        }
        self.close();
    }

    /// Erases what was taken back before a crash that came too early.
    fn finish_erasures(&mut self) {
        if let Err(error) = self.erase_what_is_left() {
            self.fail(&mut [], &error);
        }
    }

    fn erase_what_is_left(&mut self) -> Result<(), StoreError> {
        loop {
            let store = Arc::clone(self.writer.store());
            let left = view::erasing(&*store, ERASURES_AT_ONCE)?;
            if left.is_empty() {
                return Ok(());
            }
            for (room, of) in left {
                self.overwrite(&erasure::of_message(&*store, room, of)?)?;
                self.erased.push(Erased { room, of }.record());
            }
            self.tell_erased()?;
        }
    }

    fn overwrite(&mut self, erasures: &[Erasure]) -> Result<(), StoreError> {
        let all: Vec<_> = erasures.iter().map(|erasure| (erasure.at, &*erasure.body)).collect();
        self.writer.overwrite_all(&all)
    }

    /// Notes in the journal what was erased.
    fn tell_erased(&mut self) -> Result<(), StoreError> {
        if self.erased.is_empty() {
            return Ok(());
        }
        let mut batch = self.writer.batch();
        batch.stage(&std::mem::take(&mut self.erased))?;
        batch.finish().map(drop)
    }

    fn close(mut self) {
        if !self.failed.is_cancelled()
            && let Err(error) = self.tell_erased()
        {
            tracing::warn!("what was erased is looked at again at the next start: {error}");
        }
        if let Err(error) = self.writer.close() {
            tracing::error!(
                "the store was not closed cleanly, and is checked at the next start: {error}"
            );
        }
    }

    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let mut effects = Vec::with_capacity(EFFECTS_PER_JOB * jobs.len());
        let calls = match self.write(&mut jobs, &mut effects) {
            Ok(()) => self.audience.committed(effects),
            Err(error) => {
                self.fail(&mut jobs, &error);
                Calls::default()
            }
        };
        jobs.into_iter().for_each(Job::answer);
        drop(calls);
    }

    fn write(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        effects: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        if self.failed.is_cancelled() {
            return Err(JournalError::Poisoned.into());
        }
        let now_ms = (self.options.clock)();
        let full = self.is_full();
        let (mut erasures, mut taken_back) = (Vec::new(), Vec::new());
        let mut batch = self.writer.batch();
        if !self.erased.is_empty() {
            batch.stage(&self.erased)?;
        }
        for job in jobs {
            let Some(wish) = job.decide(&batch, &erasures, &mut self.newest, now_ms) else {
                continue;
            };
            if full && !wish.essential {
                job.refuse(
                    Fault::new(FaultCode::StorageFull, "too little room on the disk")
                        .retry_after(30_000),
                );
                continue;
            }
            if !wish.records.is_empty()
                && let Err(error) = batch.stage(&wish.records)
            {
                refuse_staging(job.as_mut(), error)?;
                continue;
            }
            effects.extend(wish.effects);
            erasures.extend(wish.erasures);
            taken_back.extend(wish.taken_back);
        }
        batch.finish()?;
        self.erased.clear();
        // After what asked for it is safe: a crash in between is made good at the next start.
        self.overwrite(&erasures)?;
        self.erased.extend(taken_back.iter().map(|&(room, of)| Erased { room, of }.record()));
        Ok(())
    }

    fn is_full(&self) -> bool {
        match self.writer.store().free_bytes() {
            Ok(free) => free < self.options.free_bytes_min,
            Err(error) => {
                tracing::warn!("cannot see how full the disk is: {error}");
                false
            }
        }
    }

    /// The files are in doubt: nothing of this batch is promised, and nothing is taken any more.
    fn fail(&self, jobs: &mut [Box<dyn Job>], error: &StoreError) {
        tracing::error!(
            "storing failed, and the server takes nothing more until it is restarted: {error}"
        );
        self.failed.cancel();
        let code = if is_full(error) { FaultCode::StorageFull } else { FaultCode::Internal };
        for job in jobs {
            job.refuse(Fault::new(code, "storing failed"));
        }
    }
}

/// A batch: all that waits by now.
fn gather(first: Box<dyn Job>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let mut waiting = vec![first];
    while waiting.len() < BATCH_MAX
        && let Ok(next) = jobs.try_recv()
    {
        waiting.push(next);
    }
    waiting
}

/// A commit that cannot be stored as it is concerns nobody else: the batch goes on without it.
fn refuse_staging(job: &mut dyn Job, error: StoreError) -> Result<(), StoreError> {
    match error {
        StoreError::Project { .. }
        | StoreError::Index(_)
        | StoreError::Journal(JournalError::TooLarge { .. }) => {
            tracing::error!("a decision cannot be stored: {error}");
            job.refuse(FaultCode::Internal.into());
            Ok(())
        }
        grave => Err(grave),
    }
}

fn is_full(error: &StoreError) -> bool {
    let (StoreError::Io { source, .. } | StoreError::Journal(JournalError::Io { source, .. })) =
        error
    else {
        return false;
    };
    source.kind() == std::io::ErrorKind::StorageFull
}
