//! What uploads and downloads share: a data connection that is made again after every cut, the
//! person's wish to pause or cancel, progress at a bearable pace.

use std::{
    future::Future,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use liao_common::{
    event::{Event, Limits, Ping, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::FileId,
    request::{Auth, FileCancel, Token},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, sleep, timeout},
};

use super::{
    Phase, TransferChange, TransferFault, TransferId, TransferNotice,
    shelf::Whole,
    task::{Access, TransferConfig, Wholeness},
};
use crate::{
    backoff::{self, Backoff},
    clock,
    connection::{Connection, ConnectionError},
    dial::Dialer,
    entropy::{self, Entropy},
    handle::Command,
    kept::KeptLogin,
    notice::Notice,
    trust::ConnectError,
};

/// Progress is told at most this often, in milliseconds.
const PROGRESS_MS: u64 = 100;

/// Time for the server to hear that a transfer stops, in milliseconds.
const CANCEL_MS: u64 = 2_000;

/// Silence after which the server is asked whether it is still there, in milliseconds. A disk that
/// is slow is no cut.
const QUIET_MS: u64 = 15_000;

/// Time for its answer, in milliseconds; what was sent before has to get through first.
const ANSWER_MS: u64 = 30_000;

/// What the person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    Pause,
    Cancel,
}

/// How a run of a transfer ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Done { fid: FileId, path: PathBuf },
    Paused,
    Cancelled,
    Failed(TransferFault),
}

/// Why an attempt ended before its time.
#[derive(Debug)]
pub(super) enum Halt {
    /// The connection is gone: try again, not before a time between these, in milliseconds.
    Cut(u64, u64),
    /// The person said so.
    Wish(Control),
    /// It cannot go on.
    Failed(TransferFault),
}

impl From<ConnectionError> for Halt {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Refused(fault) => fault.into(),
            ConnectionError::GoAway(away) => Self::Cut(away.min_ms, away.max_ms),
            _ => Self::Cut(0, 0),
        }
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        match fault.code {
            // Without a time it is a limit of the account, and waiting does not help.
            FaultCode::Busy if fault.retry_ms.is_none() => {
                Self::Failed(TransferFault::Refused(fault))
            }
            FaultCode::Busy
            | FaultCode::RateLimited
            | FaultCode::ShuttingDown
            | FaultCode::SlowConsumer
            | FaultCode::Conflict => {
                let wait_ms = fault.retry_ms.unwrap_or(0);
                Self::Cut(wait_ms, wait_ms)
            }
            _ => Self::Failed(TransferFault::Refused(fault)),
        }
    }
}

impl From<ConnectError> for Halt {
    fn from(error: ConnectError) -> Self {
        match error.verdict() {
            Ok(_) => Self::Cut(0, 0),
            Err(_) => Self::Failed(TransferFault::LinkEnded),
        }
    }
}

impl From<TransferFault> for Halt {
    fn from(fault: TransferFault) -> Self {
        Self::Failed(fault)
    }
}

/// A local file that cannot be written, in words that fit.
pub(super) fn unwritable(error: &io::Error) -> TransferFault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TransferFault::DiskFull,
        _ => TransferFault::Unwritable(error.to_string()),
    }
}

/// What one running transfer has at hand.
pub(super) struct Session {
    id: TransferId,
    dialer: Arc<dyn Dialer>,
    agent: String,
    entropy: Arc<dyn Entropy>,
    notices: mpsc::Sender<Notice>,
    posts: mpsc::WeakSender<Command>,
    login: watch::Receiver<Option<Access>>,
    /// Where another program may have put a newer token.
    kept: Option<KeptLogin>,
    /// The token was refused at the last attempt.
    refused_before: AtomicBool,
    control: watch::Receiver<Control>,
    becoming: mpsc::Sender<Wholeness>,
    /// The lineage of the log that its room and file are of; empty when unknown.
    epoch: String,
    told_ms: u64,
    /// Progress that was held back: bytes, and when they were done.
    untold: Option<(u64, u64)>,
}

impl Session {
    pub(super) fn new(
        id: TransferId,
        config: &TransferConfig,
        (control, becoming): (watch::Receiver<Control>, mpsc::Sender<Wholeness>),
        epoch: String,
    ) -> Self {
        Self {
            id,
            dialer: Arc::clone(&config.dialer),
            agent: config.agent.clone(),
            entropy: Arc::clone(&config.entropy),
            notices: config.notices.clone(),
            posts: config.posts.clone(),
            login: config.login.clone(),
            kept: config.kept.clone(),
            refused_before: AtomicBool::new(false),
            control,
            becoming,
            epoch,
            told_ms: 0,
            untold: None,
        }
    }

    /// The largest file that the server takes, in bytes; `None` before the first login.
    pub(super) fn file_bytes_max(&self) -> Option<u64> {
        self.login.borrow().as_ref().map(|access| access.file_bytes_max)
    }

    /// Runs `work`, unless the person wants something else first.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Halt>>,
    ) -> Result<T, Halt> {
        unless_stopped(self.control.clone(), work).await
    }

    /// A logged-in connection that only moves files.
    pub(super) async fn connect(&self) -> Result<(Connection, Limits), Halt> {
        let mut login = self.login.clone();
        let access = login.wait_for(Option::is_some).await.map(|access| access.clone());
        let Ok(Some(Access { token, .. })) = access else {
            return Err(TransferFault::LinkEnded.into());
        };
        let stream = self.dialer.connect().await?;
        let stream = self.dialer.secure(stream).await?;
        let mut conn = Connection::new(stream);
        let welcome = conn.hello(&self.agent, true).await?;
        if !self.epoch.is_empty() && self.epoch != welcome.epoch {
            return Err(TransferFault::OtherLog.into());
        }
        self.log_in(&mut conn, token).await?;
        Ok((conn, welcome.limits))
    }

    /// A token that is refused may have been renewed a moment ago, by the link or by another program: the newer one
    /// is tried, here or in the next attempt. Whoever is refused twice gives up, while the link may stay.
    async fn log_in(&self, conn: &mut Connection, token: Token) -> Result<(), Halt> {
        let Err(fault) = log_in_once(conn, token.clone()).await? else {
            self.refused_before.store(false, Ordering::Relaxed);
            return Ok(());
        };
        let newer = match &self.kept {
            Some(kept) => kept.newer_than(&token).await,
            None => None,
        };
        let again = match newer {
            Some(newer) => log_in_once(conn, newer).await?,
            None if self.refused_before.swap(true, Ordering::Relaxed) => Err(fault),
            None => return Err(Halt::Cut(0, 0)),
        };
        again.map_err(|fault| TransferFault::Refused(fault).into())
    }

    /// Tells the server to stop a transfer. It would find out by itself, so this is not waited
    /// for long.
    pub(super) async fn cancel(conn: &mut Connection, x: u64, discard: bool) {
        let limit = Duration::from_millis(CANCEL_MS);
        let _ = timeout(limit, conn.ask(FileCancel { x, discard })).await;
    }

    /// After a cut: waits, longer each time.
    pub(super) async fn wait(
        &mut self,
        (min_ms, max_ms): (u64, u64),
        waits: &mut Backoff,
    ) -> Result<(), Halt> {
        self.phase(Phase::Cut).await;
        let named_ms = entropy::between(&self.entropy, min_ms, max_ms).min(backoff::LAST_MS);
        let wait = Duration::from_millis(named_ms + waits.next_ms(&self.entropy));
        self.unless_stopped(async {
            sleep(wait).await;
            Ok(())
        })
        .await
    }

    /// The next frame that concerns transfers, unless the person wants something else first; pings
    /// are answered on the way.
    pub(super) async fn next_event(
        &mut self,
        conn: &mut Connection,
    ) -> Result<Option<Event>, Halt> {
        let control = self.control.clone();
        unless_stopped(control, self.hear(conn)).await
    }

    async fn hear(&mut self, conn: &mut Connection) -> Result<Option<Event>, Halt> {
        if self.untold.is_some() {
            let soon = Duration::from_millis(PROGRESS_MS);
            match timeout(soon, conn.step(true)).await {
                Ok(stepped) => return stepped?.map_or(Ok(None), |frame| heard(conn, &frame)),
                Err(_) => self.catch_up().await,
            }
        }
        let quiet = Duration::from_millis(QUIET_MS);
        let stepped = match timeout(quiet, conn.step(true)).await {
            Ok(stepped) => stepped?,
            Err(_) => Some(woken(conn).await?),
        };
        stepped.map_or(Ok(None), |frame| heard(conn, &frame))
    }

    pub(super) async fn phase(&mut self, phase: Phase) {
        self.catch_up().await;
        self.told_ms = 0;
        self.tell(TransferChange::Phase { phase, at_ms: clock::steady_ms() }).await;
    }

    /// Tells how many bytes are done, now and then; `all` of them always. What is held back is told
    /// when nothing follows soon.
    pub(super) async fn moved(&mut self, done: u64, all: u64) {
        let at_ms = clock::steady_ms();
        self.untold = Some((done, at_ms));
        let early = self.told_ms > 0 && at_ms.saturating_sub(self.told_ms) < PROGRESS_MS;
        if done >= all || !early {
            self.catch_up().await;
        }
    }

    /// Tells what was held back: where a transfer stops, its last bytes count.
    pub(super) async fn catch_up(&mut self) {
        if let Some((done, at_ms)) = self.untold {
            self.tell(TransferChange::Moved { done, at_ms }).await;
            self.told_ms = at_ms.max(1);
            self.untold = None;
        }
    }

    /// Has it written down that the file is whole, before it is offered: a program that dies then does
    /// not send it twice. Where that cannot be done, it is offered all the same.
    pub(super) async fn becomes(&self, whole: Whole) {
        let (answer, written) = oneshot::channel();
        if self.becoming.send((self.id, whole, answer)).await.is_ok() {
            let _ = written.await;
        }
    }

    /// The link's task, for the message that offers the file.
    pub(super) fn posts(&self) -> Option<mpsc::Sender<Command>> {
        self.posts.upgrade()
    }

    /// When nobody listens any more, the link ends and this transfer with it.
    async fn tell(&self, change: TransferChange) {
        let _ = self.notices.send(Notice::Transfer(TransferNotice { id: self.id, change })).await;
    }
}

/// Runs `work`, unless the person wants something else first.
async fn unless_stopped<T>(
    mut control: watch::Receiver<Control>,
    work: impl Future<Output = Result<T, Halt>>,
) -> Result<T, Halt> {
    tokio::select! {
        biased;
        wish = control.wait_for(|wish| *wish != Control::Run) => {
            // A desk that is gone wants nothing any more.
            Err(Halt::Wish(wish.map_or(Control::Pause, |wish| *wish)))
        }
        done = work => done,
    }
}

/// Logs in with a token; within is the fault of a server that does not know it.
async fn log_in_once(conn: &mut Connection, token: Token) -> Result<Result<(), Fault>, Halt> {
    let auth = Auth { mech: "token".to_owned(), token: Some(token), ..Auth::default() };
    match conn.ask(auth).await {
        Ok(_) => Ok(Ok(())),
        Err(ConnectionError::Refused(fault))
            if matches!(fault.code, FaultCode::Unauthenticated | FaultCode::AuthRevoked) =>
        {
            Ok(Err(fault))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks whether somebody is there, and gives the first frame that comes.
async fn woken(conn: &mut Connection) -> Result<Frame, Halt> {
    conn.push_event(kind::PING, &Ping { n: 1 });
    loop {
        let stepped = timeout(Duration::from_millis(ANSWER_MS), conn.step(true)).await;
        if let Some(frame) = stepped.map_err(|_| Halt::Cut(0, 0))?? {
            return Ok(frame);
        }
    }
}

fn heard(conn: &mut Connection, frame: &Frame) -> Result<Option<Event>, Halt> {
    if frame.kind() == kind::ERR {
        let fault: Fault = frame.decode().map_err(ConnectionError::from)?;
        return Err(fault.into());
    }
    match Event::decode(frame).map_err(ConnectionError::from)? {
        Some(Event::Ping(Ping { n })) => {
            conn.pong(Ping { n });
            Ok(None)
        }
        Some(Event::GoAway(away)) => Err(Halt::Cut(away.min_ms, away.max_ms)),
        other => Ok(other),
    }
}
