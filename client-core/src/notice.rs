//! What a link tells its user, in the order it happened. Plain values: the model applies them,
//! scripts match on them.

use liao_common::{
    event::{Event, Posted, Session, Synced, Welcome},
    fault::Fault,
    id::{Nonce, Pin, RoomId},
    message::{Body, Kind},
    request::Request,
};

use crate::{
    answer::{Answer, CallError},
    transfer::TransferNotice,
};

/// Number of a request that was asked through a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum LinkState {
    /// Looking up the host and opening the connection.
    #[default]
    Connecting,
    /// TLS handshake.
    Securing,
    /// `hello` and login.
    LoggingIn,
    /// Fetching what was missed.
    Syncing,
    /// All is well.
    Online {
        /// Round trip of the last ping in milliseconds; `None` before the first.
        latency_ms: Option<u64>,
    },
    /// Cut off; the next attempt comes by itself.
    Waiting {
        /// Until the next attempt, in milliseconds from this notice.
        retry_in_ms: u64,
        /// What cut it off.
        why: Cut,
    },
    /// It will not connect again.
    Ended(End),
}

/// What cut a link off for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The host's name leads nowhere; the operating system's word for it is for the log.
    NoSuchHost(String),
    /// The host is there, and nobody listens at the port.
    Refused,
    /// The server cannot be reached; the operating system's word for it is for the log.
    Unreachable(String),
    /// It did not answer in time.
    Timeout,
    /// The TLS handshake failed.
    Tls(String),
    /// The server's certificate has expired, by this computer's clock.
    Expired,
    /// The server's certificate does not hold yet, by this computer's clock.
    NotYetValid,
    /// The server does not encrypt, and this side does.
    Unencrypted,
    /// The server encrypts, and this side does not.
    Encrypted,
    /// The connection broke or was closed.
    Lost,
    /// Pings stay unanswered.
    Silent,
    /// The server said goodbye; its reason as a code (`shutting_down`, `slow_consumer`).
    GoAway(String),
    /// The server has no time for a login just now.
    Busy(Fault),
    /// The server speaks something else.
    Protocol(String),
}

/// Why a link ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its user closed it.
    Closed,
    /// This device was logged out on request.
    LoggedOut,
    /// The login was refused, or the token is no longer valid: ask the person.
    Refused(Fault),
    /// The server shows another key than the known one.
    PinChanged {
        /// The known one.
        expected: Pin,
        /// The one it shows.
        found: Pin,
    },
    /// The server shows another key than the link that names it.
    LinkMismatch {
        /// The one in the link.
        named: Pin,
        /// The one it shows.
        found: Pin,
    },
    /// An authority vouched for the server's key before, and none does now.
    Uncertified {
        /// The one it shows.
        found: Pin,
    },
    /// The server's key is no longer known: ask the person.
    KeyUnknown,
    /// The file of known keys cannot be read; why.
    KeysUnreadable(String),
    /// Plain text is allowed to this computer only.
    NotLoopback,
    /// The server speaks no version of the protocol that this program speaks.
    Unsupported,
}

/// A post on its way, as it stands in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its nonce.
    pub nonce: Nonce,
    /// The room.
    pub room: RoomId,
    /// `text`, `file`, `edit` or `redact`.
    pub kind: Kind,
    /// What it says.
    pub body: Body,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Something happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The link stands otherwise than before.
    State(LinkState),
    /// The server introduced itself. Comes with every connection.
    Welcome(Box<Welcome>),
    /// Logged in. Comes with every connection; a `token` in it is new and wants to be kept.
    LoggedIn(Box<Session>),
    /// The login was refused; the link ends with it.
    Refused(Fault),
    /// All rooms of the person. Comes with every connection, before what was missed.
    Synced(Box<Synced>),
    /// An event of the server, but for those that the link itself deals with.
    Event(Event),
    /// The answer to a request.
    Answer {
        /// Its number.
        ticket: Ticket,
        /// What was asked.
        request: Box<Request>,
        /// What came of it.
        answer: Result<Box<Answer>, CallError>,
    },
    /// A post stands in the outbox and will be sent. Comes once for each, also for those that an
    /// earlier run of the program left there.
    Queued(Box<Queued>),
    /// A post is on the server's stable storage.
    Posted {
        /// Its nonce.
        nonce: Nonce,
        /// The room.
        room: RoomId,
        /// Where it stands.
        posted: Posted,
    },
    /// A post was refused. It stays until it is sent again or discarded.
    PostFailed {
        /// Its nonce.
        nonce: Nonce,
        /// The room.
        room: RoomId,
        /// Why.
        fault: Fault,
    },
    /// A post was taken out of the outbox on request.
    Discarded {
        /// Its nonce.
        nonce: Nonce,
        /// The room.
        room: RoomId,
    },
    /// A transfer moved.
    Transfer(TransferNotice),
}
