//! The desk of transfers: which of them run, which wait for a place, which stand still. Owns the
//! list of jobs; each running one is a task with a connection of its own.

use std::{collections::BTreeMap, sync::Arc};

use liao_common::request::Token;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    Direction, DownloadJob, Phase, TransferChange, TransferFault, TransferId, TransferNotice,
    UploadJob, download, file_name,
    session::{Control, Outcome, Session},
    upload,
};
use crate::{
    clock,
    dial::Dialer,
    entropy::Entropy,
    handle::{Command, TransferCommand},
    notice::Notice,
};

/// Transfers that run at a time; the others wait.
pub(crate) const RUNNING_MAX: usize = 2;

/// Transfers that wait, stand still or have failed. One more is refused.
pub(crate) const JOBS_MAX: usize = 64;

/// Commands that may wait.
pub(crate) const COMMANDS_MAX: usize = 64;

/// What a login allows.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The device's token.
    pub(crate) token: Token,
    /// The largest file that the server takes, in bytes.
    pub(crate) file_bytes_max: u64,
}

/// What the desk needs.
pub(crate) struct TransferConfig {
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) agent: String,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) commands: mpsc::Receiver<TransferCommand>,
    pub(crate) notices: mpsc::Sender<Notice>,
    pub(crate) posts: mpsc::WeakSender<Command>,
    pub(crate) login: watch::Receiver<Option<Access>>,
}

#[derive(Clone, Debug)]
enum Job {
    Upload(UploadJob),
    Download(DownloadJob),
}

enum State {
    Waiting,
    Running(watch::Sender<Control>),
    Paused,
    Failed,
}

struct Desk {
    config: TransferConfig,
    jobs: BTreeMap<TransferId, (Job, State)>,
    running: JoinSet<(TransferId, Outcome)>,
}

/// Runs the desk until the link ends or all handles are gone.
pub(crate) async fn run(config: TransferConfig) {
    let mut login = config.login.clone();
    let mut desk = Desk { config, jobs: BTreeMap::new(), running: JoinSet::new() };
    loop {
        tokio::select! {
            // The end of a transfer first: there are few, and they make place.
            biased;
            Some(done) = desk.running.join_next(), if !desk.running.is_empty() => {
                if let Ok((id, outcome)) = done {
                    desk.stopped(id, outcome).await;
                }
            }
            changed = login.changed() => if changed.is_err() {
                return desk.end().await;
            },
            command = desk.config.commands.recv() => match command {
                Some(command) => desk.command(command).await,
                None => return,
            },
        }
        desk.start_waiting();
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
        self.tell(id, added(&job)).await;
        if self.jobs.len() >= JOBS_MAX && !self.forget_a_failed_one() {
            self.phase(id, Phase::Failed(TransferFault::TooMany)).await;
            return;
        }
        self.jobs.insert(id, (job, State::Waiting));
        self.phase(id, Phase::Waiting).await;
    }

    /// A running transfer stops by itself and says so; the others stop here.
    async fn control(&mut self, id: TransferId, control: Control) {
        match self.jobs.get(&id) {
            None => {}
            Some((_, State::Running(tell))) => {
                tell.send_replace(control);
            }
            Some(_) => {
                let outcome = match control {
                    Control::Cancel => Outcome::Cancelled,
                    Control::Pause | Control::Run => Outcome::Paused,
                };
                if let (Outcome::Cancelled, Some((Job::Download(job), _))) =
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
            Some((_, state @ (State::Paused | State::Failed))) => {
                *state = State::Waiting;
                self.phase(id, Phase::Waiting).await;
            }
            // It may have been told to pause a moment ago and not have heard it yet.
            Some((_, State::Running(tell))) => {
                tell.send_replace(Control::Run);
            }
            Some((_, State::Waiting)) | None => {}
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
        } else if let Some((_, state)) = self.jobs.get_mut(&id) {
            *state = if phase == Phase::Paused { State::Paused } else { State::Failed };
        }
        self.phase(id, phase).await;
    }

    /// Makes room for a new job. What failed longest ago can no longer be resumed then.
    fn forget_a_failed_one(&mut self) -> bool {
        let mut jobs = self.jobs.iter();
        let failed = jobs.find(|(_, (_, state))| matches!(state, State::Failed));
        let Some(id) = failed.map(|(id, _)| *id) else { return false };
        self.jobs.remove(&id).is_some()
    }

    fn start_waiting(&mut self) {
        for (id, (job, state)) in &mut self.jobs {
            if self.running.len() >= RUNNING_MAX {
                return;
            }
            if !matches!(state, State::Waiting) {
                continue;
            }
            let (tell, control) = watch::channel(Control::Run);
            *state = State::Running(tell);
            let session = Session::new(*id, &self.config, control);
            let (id, job) = (*id, job.clone());
            self.running.spawn(async move {
                let outcome = match job {
                    Job::Upload(job) => upload::run(session, job).await,
                    Job::Download(job) => download::run(session, job).await,
                };
                (id, outcome)
            });
        }
    }

    async fn end(&mut self) {
        self.running.shutdown().await;
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
