//! The files of this client, worked on by one thread: a disk that is slow, or a file that another run of the
//! program holds, never holds the screen up. What is asked for is done in order.

use std::{fmt::Display, thread};

use liao_client_core::home::Home;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the disk; more are refused.
const JOBS_MAX: usize = 64;

type Job = Box<dyn FnOnce(&Home) + Send>;

/// See the module.
#[derive(Clone)]
pub(super) struct Cabinet {
    jobs: mpsc::Sender<Job>,
}

impl Cabinet {
    /// Starts the thread. Without one every job is refused.
    pub(super) fn open(home: Home) -> Self {
        let (jobs, mut waiting) = mpsc::channel::<Job>(JOBS_MAX);
        let work = move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&home);
            }
        };
        super::log(thread::Builder::new().name("files".into()).spawn(work));
        Self { jobs }
    }

    /// Does a job whose result somebody waits for. The wait ends without a result when it is refused.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Home) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, wait) = oneshot::channel();
        let job = move |home: &Home| {
            // Whoever asked may be gone by now.
            let _ = done.send(job(home));
        };
        self.push(Box::new(job));
        wait
    }

    /// Does a job whose failure is only written down.
    pub(super) fn tell<T, E: Display>(
        &self,
        job: impl FnOnce(&Home) -> Result<T, E> + Send + 'static,
    ) {
        self.queue(job);
    }

    /// The same; says whether it will be done.
    pub(super) fn queue<T, E: Display>(
        &self,
        job: impl FnOnce(&Home) -> Result<T, E> + Send + 'static,
    ) -> bool {
        self.push(Box::new(|home| super::log(job(home))))
    }

    /// Waits until all that was asked for is done, also where there is no place for one more job.
    pub(super) async fn finish(&self) {
        let (done, wait) = oneshot::channel();
        let job = move |_: &Home| {
            let _ = done.send(());
        };
        // Without a thread there is nothing to wait for.
        if self.jobs.send(Box::new(job)).await.is_ok() {
            let _ = wait.await;
        }
    }

    fn push(&self, job: Job) -> bool {
        let queued = self.jobs.try_send(job).map_err(|_| "too much waits for the disk");
        let is_queued = queued.is_ok();
        super::log(queued);
        is_queued
    }
}
