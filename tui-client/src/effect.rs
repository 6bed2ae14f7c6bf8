//! Everything the program can do to the world, as data: `app::update` decides, the runtime carries out, and tests
//! compare. Nothing here is done by itself.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use liao_client_core::{
    address::Address,
    tls::Shown,
    transfer::{DownloadJob, TransferId, UploadJob},
};
use liao_common::{
    id::{Nonce, RoomId},
    message::{Body, Kind},
    request::{Request, Secret, Watch},
};

use crate::{settings::Remembered, view::server::Server};

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Run the private server, or find the one that runs.
    StartPrivate,
    /// Ask a server for its key.
    Probe(Address),
    /// Stop waiting for a probe.
    StopProbe,
    /// Remember a server's key.
    KeepPin(Address, Shown),
    /// Read again which keys are known: another program may have forgotten one.
    Recall,
    /// Begin a link.
    Connect(Server, Login),
    /// End the link.
    Disconnect,
    /// Log out on this computer, and end the link.
    LogOut,
    /// Forget the token of an account on this computer.
    ForgetAccount(Server, String),
    /// Write down what is being written in the chats of the present account; an empty text for what is no more.
    KeepDrafts(BTreeMap<RoomId, String>),
    /// Write down what the program remembers.
    Remember(Remembered),
    /// Post a message.
    Post(RoomId, Kind, Body),
    /// Post a failed message again.
    Resend(Nonce),
    /// Give a failed message up.
    Discard(Nonce),
    /// Ask the server.
    Ask(Request),
    /// Say what is looked at.
    Watch(Watch),
    /// Connect now.
    RetryNow,
    /// Look whether a file can be sent.
    SeeFile(RoomId, PathBuf),
    /// Send a file.
    Upload(UploadJob),
    /// Fetch a file.
    Download(DownloadJob),
    /// Pause a transfer.
    Pause(TransferId),
    /// Go on with a transfer.
    Resume(TransferId),
    /// Give a transfer up.
    Cancel(TransferId),
    /// Read a folder.
    List(PathBuf),
    /// Put text on the clipboard.
    Copy(String),
    /// Ring the bell.
    Bell,
}

/// Who logs in, and how.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// With the token kept for this user id.
    Token(String),
    /// With a password.
    Password {
        /// The user id.
        user: String,
        /// The password.
        secret: Secret,
        /// Keep a token for the next time.
        keep: bool,
    },
    /// As a new account.
    Register {
        /// The user id.
        user: String,
        /// The display name.
        name: String,
        /// The password.
        secret: Secret,
        /// The invite, if one is needed.
        invite: Option<String>,
        /// Keep a token for the next time.
        keep: bool,
    },
}

/// An invite lets in whoever reads it.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(user) => write!(f, "Token({user:?})"),
            Self::Password { user, keep, .. } => write!(f, "Password({user:?}, keep: {keep})"),
            Self::Register { user, name, keep, .. } => {
                write!(f, "Register({user:?}, {name:?}, keep: {keep})")
            }
        }
    }
}
