//! The desk of transfers: which of them run, which wait for a place, which stand still. Owns the
//! list of jobs; each running one is a task with a connection of its own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use liao_common::{id::Nonce, request::Token};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Duration, sleep},
};

use super::{
    Direction, DownloadJob, Phase, TransferChange, TransferFault, TransferId, TransferNotice,
    UploadJob, download, file_name,
    session::{Control, Outcome, Session},
    shelf::{Kept, Shelf, Whole},
    upload,
};
use crate::{
    clock,
    dial::Dialer,
    entropy::{Entropy, Nonces},
    handle::{Command, TransferCommand},
    kept::KeptLogin,
    notice::Notice,
};

/// Transfers that run at a time; the others wait.
pub(crate) const RUNNING_MAX: usize = 2;

/// Transfers that wait, stand still or have failed. One more is refused.
pub(crate) const JOBS_MAX: usize = 64;

/// Commands that may wait.
pub(crate) const COMMANDS_MAX: usize = 64;

/// How far uploads are is written down at most this often, in milliseconds.
const KEEP_MS: u64 = 2_000;

/// What a login allows.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The device's token.
    pub(crate) token: Token,
    /// The largest file that the server takes, in bytes.
    pub(crate) file_bytes_max: u64,
    /// The lineage of the server's log.
    pub(crate) epoch: String,
}

/// What the desk needs.
pub(crate) struct TransferConfig {
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) agent: String,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) nonces: Arc<Nonces>,
    pub(crate) commands: mpsc::Receiver<TransferCommand>,
    pub(crate) notices: mpsc::Sender<Notice>,
    pub(crate) posts: mpsc::WeakSender<Command>,
    pub(crate) login: watch::Receiver<Option<Access>>,
    /// Where the login is kept, and perhaps renewed by another program.
    pub(crate) kept: Option<KeptLogin>,
    /// Where transfers are kept for the next run; none when they are not.
    pub(crate) shelf: Option<Shelf>,
    /// The next number of a transfer.
    pub(crate) numbers: Arc<AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Upload(UploadJob),
    Download(DownloadJob),
}

enum State {
    Waiting,
    Running(watch::Sender<Control>),
    Paused,
    Failed,
}

/// A job, and what has to outlive this run of the program.
struct Entry {
    job: Job,
    state: State,
    nonce: Nonce,
    epoch: String,
    /// Bytes of an upload that the server has.
    done: Arc<AtomicU64>,
    /// What an upload has become.
    whole: Option<Whole>,
}

/// A file is whole on the server, and may be offered once that is answered.
pub(super) type Wholeness = (TransferId, Whole, oneshot::Sender<()>);

struct Desk {
    config: TransferConfig,
    jobs: BTreeMap<TransferId, Entry>,
    running: JoinSet<(TransferId, Outcome)>,
    restored: bool,
    becoming: mpsc::Sender<Wholeness>,
    whole: mpsc::Receiver<Wholeness>,
    /// What stands on the shelf.
    kept: Vec<Kept>,
}

/// Runs the desk until the link ends or all handles are gone.
pub(crate) async fn run(config: TransferConfig) {
    let mut login = config.login.clone();
    let (jobs, running) = (BTreeMap::new(), JoinSet::new());
    let (becoming, whole) = mpsc::channel(RUNNING_MAX);
    let kept = Vec::new();
    let mut desk = Desk { config, jobs, running, restored: false, becoming, whole, kept };
    loop {
        let ticks = desk.config.shelf.is_some() && !desk.running.is_empty();
        tokio::select! {
            // The end of a transfer first: there are few, and they make place.
            biased;
            Some(done) = desk.running.join_next(), if !desk.running.is_empty() => {
                if let Ok((id, outcome)) = done {
                    desk.stopped(id, outcome).await;
                }
            }
            Some((id, whole, answer)) = desk.whole.recv() => {
                if let Some(entry) = desk.jobs.get_mut(&id) {
                    entry.whole = Some(whole);
                }
                desk.keep().await;
                let _ = answer.send(());
            }
            changed = login.changed() => if changed.is_err() {
                return desk.end().await;
            } else {
                desk.restore().await;
            },
            command = desk.config.commands.recv() => match command {
                Some(command) => desk.command(command).await,
                None => return desk.keep().await,
            },
            () = sleep(Duration::from_millis(KEEP_MS)), if ticks => {}
        }
        desk.start_waiting();
        desk.keep().await;
    }
}

impl Desk {
    async fn command(&mut self, command: TransferCommand) {
        match command {
            TransferCommand::Upload(id, job) => self.add(id, Job::Upload(job)).await,
            TransferCommand::Download(id, job) => self.add(id, Job::Download(job)).await,
            TransferCommand::Pause(id) => self.control(id, Control::Pause).await,
            TransferCommand::Cancel(id) => self.control(id, Control::Cancel).await,
            TransferCommand::Resume(id) => self.resume(id).await,
        }
    }

    async fn add(&mut self, id: TransferId, job: Job) {
        let nonce = self.config.nonces.fresh();
        self.announce(id, &job).await;
        if self.jobs.len() >= JOBS_MAX && !self.forget_a_failed_one() {
            self.phase(id, Phase::Failed(TransferFault::TooMany)).await;
            return;
        }
        let (epoch, done) = (self.epoch(), Arc::default());
        let (state, whole) = (State::Waiting, None);
        self.jobs.insert(id, Entry { job, state, nonce, epoch, done, whole });
        self.phase(id, Phase::Waiting).await;
    }

    async fn announce(&self, id: TransferId, job: &Job) {
        self.tell(id, added(job)).await;
        let path = match job {
            Job::Upload(job) => job.path.clone(),
            Job::Download(job) => job.dir.join(file_name::safe_name(&job.name)),
        };
        self.tell(id, TransferChange::Place { path }).await;
    }

    /// The lineage of the server's log, as the last login said; empty before the first.
    fn epoch(&self) -> String {
        self.config.login.borrow().as_ref().map(|access| access.epoch.clone()).unwrap_or_default()
    }

    /// After the first login: what the last run left stands still until the person goes on with it. What
    /// was whole and perhaps not offered yet is offered.
    async fn restore(&mut self) {
        let Some(shelf) = self.config.shelf.clone().filter(|_| !self.restored) else { return };
        self.restored = true;
        self.kept = shelf.read(JOBS_MAX).await;
        for Kept { job, nonce, epoch, done, whole } in self.kept.clone() {
            let id = TransferId(self.config.numbers.fetch_add(1, Ordering::Relaxed));
            self.announce(id, &job).await;
            if !epoch.is_empty() && epoch != self.epoch() {
                self.phase(id, Phase::Failed(TransferFault::OtherLog)).await;
                continue;
            }
            let there = match &job {
                Job::Upload(_) => done,
                Job::Download(job) => download::part_len(job),
            };
            let (state, phase) = match whole {
                Some(_) => (State::Waiting, Phase::Waiting),
                None => (State::Paused, Phase::Paused),
            };
            self.phase(id, phase).await;
            let at_ms = clock::steady_ms();
            self.tell(id, TransferChange::Moved { done: there, at_ms }).await;
            let done = Arc::new(AtomicU64::new(done));
            self.jobs.insert(id, Entry { job, state, nonce, epoch, done, whole });
        }
    }

    /// Writes down what is not at an end, if that is news.
    async fn keep(&mut self) {
        let Some(shelf) = &self.config.shelf else { return };
        let kept: Vec<Kept> = self.jobs.values().map(Entry::kept).collect();
        // What the last run left is read after the login, and not overwritten before.
        if kept != self.kept && self.restored {
            self.kept.clone_from(&kept);
            shelf.write(kept).await;
        }
    }

    /// A running transfer stops by itself and says so; the others stop here.
    async fn control(&mut self, id: TransferId, control: Control) {
        match self.jobs.get(&id) {
            None => {}
            Some(Entry { state: State::Running(tell), .. }) => {
                tell.send_replace(control);
            }
            Some(_) => {
                let outcome = match control {
                    Control::Cancel => Outcome::Cancelled,
                    Control::Pause | Control::Run => Outcome::Paused,
                };
                if let (Outcome::Cancelled, Some(Entry { job: Job::Download(job), .. })) =
                    (&outcome, self.jobs.get(&id))
                {
                    download::remove_part(job);
                }
                self.stopped(id, outcome).await;
            }
        }
    }

    async fn resume(&mut self, id: TransferId) {
        match self.jobs.get_mut(&id) {
            Some(Entry { state: state @ (State::Paused | State::Failed), .. }) => {
                *state = State::Waiting;
                self.phase(id, Phase::Waiting).await;
            }
            // It may have been told to pause a moment ago and not have heard it yet.
            Some(Entry { state: State::Running(tell), .. }) => {
                tell.send_replace(Control::Run);
            }
            Some(Entry { state: State::Waiting, .. }) | None => {}
        }
    }

    async fn stopped(&mut self, id: TransferId, outcome: Outcome) {
        let phase = match outcome {
            Outcome::Done { fid, path } => Phase::Done { fid, path },
            Outcome::Cancelled => Phase::Cancelled,
            Outcome::Paused => Phase::Paused,
            Outcome::Failed(fault) => Phase::Failed(fault),
        };
        let is_final = match &phase {
            Phase::Done { .. } | Phase::Cancelled => true,
            Phase::Failed(fault) => fault.is_final(),
            _ => false,
        };
        if is_final {
            self.jobs.remove(&id);
        } else if let Some(Entry { state, .. }) = self.jobs.get_mut(&id) {
            *state = if phase == Phase::Paused { State::Paused } else { State::Failed };
        }
        self.phase(id, phase).await;
    }

    /// Makes room for a new job. What failed longest ago can no longer be resumed then.
    fn forget_a_failed_one(&mut self) -> bool {
        let mut jobs = self.jobs.iter();
        let failed = jobs.find(|(_, entry)| matches!(entry.state, State::Failed));
        let Some(id) = failed.map(|(id, _)| *id) else { return false };
        self.jobs.remove(&id).is_some()
    }

    fn start_waiting(&mut self) {
        for (id, Entry { job, state, nonce, epoch, done, whole }) in &mut self.jobs {
            if self.running.len() >= RUNNING_MAX {
                return;
            }
            if !matches!(state, State::Waiting) {
                continue;
            }
            let (tell, control) = watch::channel(Control::Run);
            *state = State::Running(tell);
            let becoming = self.becoming.clone();
            let session = Session::new(*id, &self.config, (control, becoming), epoch.clone());
            let (id, job, done) = (*id, job.clone(), Arc::clone(done));
            let offer = upload::Offer { nonce: *nonce, whole: *whole };
            self.running.spawn(async move {
                let outcome = match job {
                    Job::Upload(job) => upload::run(session, job, offer, &done).await,
                    Job::Download(job) => download::run(session, job).await,
                };
                (id, outcome)
            });
        }
    }

    async fn end(&mut self) {
        self.running.shutdown().await;
        self.keep().await;
        let ids: Vec<TransferId> = self.jobs.keys().copied().collect();
        for id in ids {
            self.phase(id, Phase::Failed(TransferFault::LinkEnded)).await;
        }
    }

    async fn phase(&self, id: TransferId, phase: Phase) {
        self.tell(id, TransferChange::Phase { phase, at_ms: clock::steady_ms() }).await;
    }

    /// When nobody listens any more, the link ends and this task with it.
    async fn tell(&self, id: TransferId, change: TransferChange) {
        let notice = Notice::Transfer(TransferNotice { id, change });
        let _ = self.config.notices.send(notice).await;
    }
}

impl Entry {
    fn kept(&self) -> Kept {
        let done = self.done.load(Ordering::Relaxed);
        let (job, epoch) = (self.job.clone(), self.epoch.clone());
        Kept { job, nonce: self.nonce, epoch, done, whole: self.whole }
    }
}

fn added(job: &Job) -> TransferChange {
    match job {
        Job::Upload(job) => TransferChange::Added {
            direction: Direction::Upload,
            room: job.room,
            name: upload::name_of(job),
            size: std::fs::metadata(&job.path).map_or(0, |meta| meta.len()),
            fid: None,
        },
        Job::Download(job) => TransferChange::Added {
            direction: Direction::Download,
            room: job.room,
            name: file_name::safe_name(&job.name),
            size: job.size,
            fid: Some(job.fid),
        },
    }
}

#[cfg(test)]
mod tests;
