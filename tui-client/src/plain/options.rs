//! What line mode is told at its start, and what it tells at its end: the exit code.

use std::{fmt, path::PathBuf};

use liao_client_core::address::LinkTarget;
use liao_common::{
    id::Pin,
    name::{RoomName, UserName},
};

/// Time without progress after which line mode gives up, unless told otherwise, in milliseconds.
pub const TIMEOUT_MS: u64 = 30_000;

/// What line mode is told at its start.
#[derive(Clone, Debug)]
pub struct PlainOptions {
    /// The server; a link may bring its key and an invite.
    pub target: LinkTarget,
    /// Who logs in.
    pub user: UserName,
    /// A file with the password on its first line.
    pub password_file: PathBuf,
    /// The account is made first.
    pub register: Option<NewAccount>,
    /// The server's key; it counts for this run and is not remembered.
    pub pin: Option<Pin>,
    /// Nothing is encrypted; servers on this computer only.
    pub plaintext: bool,
    /// More certificate authorities to believe, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The room one writes to at first; joined, or made, where one is not in it.
    pub room: RoomName,
    /// One JSON object a line instead of words.
    pub json: bool,
    /// Time without progress after which what is under way is given up, in milliseconds.
    pub timeout_ms: u64,
}

/// An account that is to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// The display name; the user id when empty.
    pub name: String,
    /// The invite, where the server wants one.
    pub invite: Option<String>,
}

/// An invite lets in whoever reads it.
impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewAccount({:?}, …)", self.name)
    }
}

/// How line mode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything typed was done.
    Fine,
    /// Something could not be sent or done; standard error said what.
    Unsent,
    /// The command line or the password file is wrong.
    Usage,
    /// The server cannot be reached or is not to be trusted.
    Unreachable,
    /// The login was refused.
    Refused,
}

impl Exit {
    /// The code of the process.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Unsent => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
        }
    }
}
