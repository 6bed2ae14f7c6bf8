//! The user's end of a link: cloneable, and good for as long as the link runs. What it asks goes
//! through one bounded channel to the link's task, which owns everything else.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use liao_common::{
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{Mark, Request, Watch},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    answer::{Answer, Answered, CallError},
    clock,
    entropy::Nonces,
    notice::{Queued, Ticket},
    transfer::{DownloadJob, TransferId, UploadJob},
};

/// Commands that may wait for the link's task. A full channel makes `post` wait and `ask` refuse.
pub(crate) const COMMANDS_MAX: usize = 256;

/// What a handle tells the link's task.
#[derive(Debug)]
pub(crate) enum Command {
    Post(Queued, oneshot::Sender<Result<(), PostError>>),
    Resend(Nonce),
    Discard(Nonce),
    Ask(Request, Asker),
    RetryNow,
    Close,
}

/// Who wants the answer.
#[derive(Debug)]
pub(crate) enum Asker {
    Ticket(Ticket),
    Call(oneshot::Sender<Result<Answer, CallError>>),
    /// The link itself, for requests whose answer nobody waits for.
    Nobody,
}

/// What a handle tells the desk of transfers.
#[derive(Debug)]
pub(crate) enum TransferCommand {
    Upload(TransferId, UploadJob),
    Download(TransferId, DownloadJob),
    Pause(TransferId),
    Resume(TransferId),
    Cancel(TransferId),
}

/// Why a post was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The outbox cannot be written; nothing was sent.
    #[error("the outbox cannot be written: {reason}")]
    Outbox {
        /// What is wrong.
        kind: std::io::ErrorKind,
        /// The operating system's word for it.
        reason: String,
    },
    /// Too many posts wait to be sent.
    #[error("too many posts wait to be sent")]
    Full,
    /// The link has ended.
    #[error("the link has ended")]
    Closed,
}

/// A link's user's end.
#[derive(Clone)]
pub struct Handle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) transfers: mpsc::Sender<TransferCommand>,
    pub(crate) nonces: Arc<Nonces>,
    pub(crate) numbers: Arc<AtomicU64>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

impl Handle {
    /// Posts to a room. Returns when the post stands in the outbox; the rest is told by
    /// `Notice::Queued`, then `Posted` or `PostFailed`. Works while the server is out of reach.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn post(&self, room: RoomId, kind: Kind, body: Body) -> Result<Nonce, PostError> {
        let nonce = self.nonces.fresh();
        let queued = Queued { nonce, room, kind, body, at_ms: clock::wall_ms() };
        let (stored, wait) = oneshot::channel();
        let command = Command::Post(queued, stored);
        self.commands.send(command).await.map_err(|_| PostError::Closed)?;
        wait.await.map_err(|_| PostError::Closed)??;
        Ok(nonce)
    }

    /// Sends a failed post again, with its old nonce.
    pub fn resend(&self, nonce: Nonce) {
        self.tell(Command::Resend(nonce));
    }

    /// Takes a failed post out of the outbox.
    pub fn discard(&self, nonce: Nonce) {
        self.tell(Command::Discard(nonce));
    }

    /// Asks the server; the answer comes as `Notice::Answer` with the same ticket. While the
    /// server is out of reach the request waits.
    ///
    /// # Errors
    /// [`CallError::Full`] or [`CallError::Closed`]; then no notice follows.
    pub fn ask(&self, request: impl Into<Request>) -> Result<Ticket, CallError> {
        let ticket = Ticket(self.next_number());
        let command = Command::Ask(request.into(), Asker::Ticket(ticket));
        match self.commands.try_send(command) {
            Ok(()) => Ok(ticket),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CallError::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(CallError::Closed),
        }
    }

    /// Asks the server and waits for the answer, which comes here only. Somebody else has to take
    /// the link's notices meanwhile: a full channel of notices stops the link.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call<R: Answered>(&self, request: R) -> Result<R::Answer, CallError> {
        let (answered, wait) = oneshot::channel();
        let command = Command::Ask(request.into(), Asker::Call(answered));
        self.commands.send(command).await.map_err(|_| CallError::Closed)?;
        let answer = wait.await.map_err(|_| CallError::Closed)??;
        let wrong = CallError::Decode(liao_common::codec::DecodeError::Shape);
        R::pick(answer).ok_or(wrong)
    }

    /// Says what is looked at; it replaces what was said before and is repeated after every
    /// reconnect. The answer comes as a notice.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn watch(&self, watch: Watch) -> Result<Ticket, CallError> {
        self.ask(watch)
    }

    /// Moves the read marker of a room. The answer comes as a notice.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn mark(&self, room: RoomId, read: Seq) -> Result<Ticket, CallError> {
        self.ask(Mark { room, read })
    }

    /// Sends a file to a room: `Notice::Transfer` tells how it goes; at the end the message that
    /// offers it is posted.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn upload(&self, job: UploadJob) -> Result<TransferId, CallError> {
        let id = TransferId(self.next_number());
        self.transfer(TransferCommand::Upload(id, job)).map(|()| id)
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn download(&self, job: DownloadJob) -> Result<TransferId, CallError> {
        let id = TransferId(self.next_number());
        self.transfer(TransferCommand::Download(id, job)).map(|()| id)
    }

    /// Stops a transfer for a while.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn pause(&self, id: TransferId) -> Result<(), CallError> {
        self.transfer(TransferCommand::Pause(id))
    }

    /// Goes on with a paused or failed transfer.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn resume(&self, id: TransferId) -> Result<(), CallError> {
        self.transfer(TransferCommand::Resume(id))
    }

    /// Gives a transfer up and removes what is left of it.
    ///
    /// # Errors
    /// See [`Handle::ask`].
    pub fn cancel(&self, id: TransferId) -> Result<(), CallError> {
        self.transfer(TransferCommand::Cancel(id))
    }

    /// Does not wait for the next attempt to connect.
    pub fn retry_now(&self) {
        self.tell(Command::RetryNow);
    }

    /// Says goodbye to the server and ends the link; `LinkState::Ended` follows.
    pub async fn close(&self) {
        // A link that has ended already is closed enough.
        let _ = self.commands.send(Command::Close).await;
    }

    fn transfer(&self, command: TransferCommand) -> Result<(), CallError> {
        match self.transfers.try_send(command) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(CallError::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(CallError::Closed),
        }
    }

    /// For wishes that a person can repeat: with a full channel they are dropped.
    fn tell(&self, command: Command) {
        if let Err(error) = self.commands.try_send(command) {
            tracing::debug!(%error, "a command was dropped");
        }
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
