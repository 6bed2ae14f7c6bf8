//! Everything that can happen to the program, in one type. The runtime makes these; `app::update` takes them.

use std::{collections::BTreeMap, path::PathBuf};

use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};
use liao_client_core::{address::Address, notice::Notice, tls::Shown, trust::ConnectError};
use liao_common::id::RoomId;

use crate::{picker::Entry, theme::Background, view::server::KnownKey};

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted, as it came.
    Paste(String),
    /// The mouse moved, clicked or turned its wheel.
    Mouse(MouseEvent),
    /// The window has another size: columns, rows.
    Resize(u16, u16),
    /// The terminal says how light it is.
    Shade(Background),
    /// The link says something.
    Notice(Box<Notice>),
    /// A server showed its key, or could not be reached.
    Probed {
        /// Which server.
        address: Address,
        /// Its key.
        result: Result<Shown, ConnectError>,
    },
    /// The keys that are known now.
    Recalled(Vec<(Address, KnownKey)>),
    /// A link was begun.
    Opened {
        /// Its number; every link has a higher one than those before.
        session: u64,
        /// Why unsent messages are kept in memory only; none when they are on the disk.
        unkept: Option<Unkept>,
    },
    /// The private server runs and can be reached, or why not.
    PrivateReady(Result<(), PrivateTrouble>),
    /// What the person had begun to write when this account was left.
    Drafts {
        /// The link whose account it is.
        session: u64,
        /// By room.
        drafts: BTreeMap<RoomId, String>,
    },
    /// The disk of this computer did not take something.
    NotStored {
        /// What.
        what: Unstored,
        /// What is wrong.
        kind: std::io::ErrorKind,
        /// The operating system's word for it.
        reason: String,
    },
    /// A message could not be put into the outbox; here it is back.
    NotPosted {
        /// The link it was for.
        session: u64,
        /// The room it was for.
        room: RoomId,
        /// What it said.
        text: String,
    },
    /// A folder was read.
    Listed {
        /// Which.
        folder: PathBuf,
        /// What is in it.
        entries: std::io::Result<Vec<Entry>>,
    },
    /// A file to send was looked at: its size, or why it cannot be sent.
    FileSeen {
        /// The link it is for.
        session: u64,
        /// The room it is for.
        room: RoomId,
        /// Which.
        path: PathBuf,
        /// Its size in bytes, when it is a file that can be read.
        result: std::io::Result<u64>,
    },
    /// The time came that `App::wake_at_ms` asked for.
    Woken,
    /// The operating system asks the program to end.
    Terminate,
}

impl Input {
    /// Whether a person did it, with keys or with the mouse; its mere movement does not count.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        match self {
            Self::Key(key) => key.kind != KeyEventKind::Release,
            Self::Mouse(mouse) => matches!(mouse.kind, MouseEventKind::Down(_)),
            Self::Paste(_) => true,
            _ => false,
        }
    }
}

/// Why unsent messages are not on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// Another run of the program has the account's outbox.
    InUse,
    /// It cannot be opened; what is wrong, and the operating system's word for it.
    Failed(std::io::ErrorKind, String),
}

/// What could not be written down for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstored {
    /// A server's key. It counts until the end of the program.
    Key,
    /// The token of a login.
    Login,
}

/// Why there is no private server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateTrouble {
    /// Its folder is in use by a program that does not say where it listens.
    InUse(PathBuf),
    /// It did not start; the reason as the server gave it.
    Failed(String),
}
