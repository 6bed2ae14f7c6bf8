//! What each request is answered with: the table from a request to the type of its `ok` body.
//! Pure; a request without a line here cannot be asked.

use liao_common::{
    codec::DecodeError,
    event::{
        BanPage, DeviceList, Empty, FileFound, FileOpened, FileStored, Marked, Page, Posted, Room,
        RoomPage, Session, Synced, UserPage, Welcome,
    },
    fault::Fault,
    frame::Frame,
    request::{self, Ask},
};

/// A request whose answer's type is known.
pub trait Answered: Ask + Into<request::Request> + Send {
    /// The body of its `ok`.
    type Answer;

    /// Takes the body out; `None` when the answer belongs to another request.
    fn pick(answer: Answer) -> Option<Self::Answer>;
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident($body:ty): $($request:ident)+;)*) => {
        /// The body of an `ok`, by the request it answers.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Answer { $($(#[$doc])* $name($body),)* }

        impl Answer {
            /// Reads the `ok` of a request of type `kind`.
            ///
            /// # Errors
            /// See [`DecodeError`]; an unknown `kind` is [`DecodeError::Shape`].
            pub fn decode(kind: &str, frame: &Frame) -> Result<Self, DecodeError> {
                match kind {
                    $($(<request::$request as Ask>::KIND)|+ => frame.decode().map(Self::$name),)*
                    _ => Err(DecodeError::Shape),
                }
            }
        }

        $($(impl Answered for request::$request {
            type Answer = $body;

            fn pick(answer: Answer) -> Option<$body> {
                match answer { Answer::$name(body) => Some(body), _ => None }
            }
        })+)*
    };
}

answers! {
    /// It was done; there is nothing to say.
    Done(Empty): Logout Passwd Revoke Watch RoomLeave RoomInvite RoomRole RoomKick RoomBan RoomUnban
        FileCancel;
    /// Of `hello`.
    Welcome(Welcome): Hello;
    /// Of `register` and `auth`.
    Session(Session): Register Auth;
    /// Of `devices`.
    Devices(DeviceList): Devices;
    /// Of `sync`.
    Synced(Synced): Sync;
    /// Of `send` and `room.topic`.
    Posted(Posted): Send RoomTopic;
    /// Of `history`.
    Page(Page): History;
    /// Of `mark`.
    Marked(Marked): Mark;
    /// Of `room.create`, `room.join` and `room.open`.
    Room(Room): RoomCreate RoomJoin RoomOpen;
    /// Of `room.list`.
    Rooms(RoomPage): RoomList;
    /// Of `room.bans`.
    Bans(BanPage): RoomBans;
    /// Of `members`, `who` and `users`.
    Users(UserPage): Members Who Users;
    /// Of `file.open`.
    FileOpened(FileOpened): FileOpen;
    /// Of `file.done`.
    FileStored(FileStored): FileDone;
    /// Of `file.get`.
    FileFound(FileFound): FileGet;
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server refused it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The connection was cut before the answer came: it may or may not have been done.
    #[error("the connection was cut before the answer came")]
    Lost,
    /// Too many requests wait already; this one was not sent.
    #[error("too many requests are waiting")]
    Full,
    /// The link has ended.
    #[error("the link has ended")]
    Closed,
    /// The answer could not be read.
    #[error("the answer could not be read: {0}")]
    Decode(DecodeError),
}
