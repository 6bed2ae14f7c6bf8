//! What is said to a server and what it says, without everything that does not matter here. Values only.

use liao_common::{
    event::{self, Rank, Role},
    fault::FaultCode,
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind, Message},
    request::{History, Send},
};

/// An entry of a room's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) n: u64,
    pub(crate) from: u64,
    pub(crate) cid: [u8; 16],
    pub(crate) kind: Kind,
    /// Empty once it is taken back.
    pub(crate) text: Option<String>,
    pub(crate) of: Option<u64>,
    pub(crate) whom: Option<u64>,
    pub(crate) order: Order,
    /// It waited before it was sent.
    pub(crate) late: bool,
}

/// What an entry says of who keeps order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: Option<u64>,
    pub(crate) ban: bool,
    pub(crate) role: Option<Rank>,
}

/// A room as somebody is shown it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) room: u64,
    pub(crate) name: String,
    pub(crate) head: (u64, u64),
    pub(crate) read: (u64, u64),
    pub(crate) power: Power,
    pub(crate) members: u64,
    pub(crate) floor: u64,
    pub(crate) with: Option<u64>,
}

/// What somebody may do in a room; everybody acts on those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Power {
    Outside,
    Member,
    Moderator,
    Owner,
    Administrator,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    No(FaultCode),
    Posted { seq: u64, dup: bool },
    Room(Shown),
    Marked(u64, u64),
    Page { entries: Vec<Entry>, more: bool, floor: u64 },
}

/// A post, as it is sent and sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) room: u64,
    pub(crate) cid: [u8; 16],
    pub(crate) kind: Kind,
    pub(crate) text: Option<String>,
    pub(crate) of: Option<u64>,
    pub(crate) late: bool,
}

/// Which page of a room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Before(u64),
    After(u64),
    Around(u64),
    Newest,
}

/// What a server could get wrong; each of them must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    ForgetsNonces,
    ShowsWhatWasBefore,
    LetsMarkersFall,
    KeepsWordsTakenBack,
    LetsFormerMembersRead,
    CountsEverything,
    CutsPagesShort,
    LetsOthersEdit,
    LetsTheBannedIn,
    LetsRoomsBeNobodys,
    LetsModeratorsFight,
    LetsLateWordsRead,
    LetsLateWordsReadNothing,
}

impl From<&Message> for Entry {
    fn from(message: &Message) -> Self {
        let body = &message.body;
        let blank =
            |text: &String| if text.trim().is_empty() { String::new() } else { text.clone() };
        Self {
            seq: message.seq.0,
            n: message.n,
            from: message.from.0,
            cid: message.cid.0,
            kind: message.kind.clone(),
            text: body.text.as_ref().map(blank),
            of: body.of.map(|of| of.0),
            whom: body.user.map(|user| user.0),
            order: Order { by: body.by.map(|by| by.0), ban: body.ban, role: body.role },
            late: body.late,
        }
    }
}

impl From<event::Room> for Shown {
    fn from(room: event::Room) -> Self {
        Self {
            room: room.room.0,
            name: room.name,
            head: (room.head.0.0, room.head.1),
            read: (room.read.0.0, room.read.1),
            power: match room.role {
                Role::Owner => Power::Owner,
                Role::Member if room.moderates => Power::Moderator,
                Role::Member => Power::Member,
                Role::Gone | Role::Invited => Power::Outside,
            },
            members: room.members,
            floor: room.floor.0,
            with: room.with.map(|user| user.user.0),
        }
    }
}

impl From<&Post> for Send {
    fn from(post: &Post) -> Self {
        let Post { room, cid, kind, text, of, late } = post.clone();
        let body = Body { text, of: of.map(Seq), late, ..Body::default() };
        Self { room: RoomId(room), cid: Nonce(cid), kind, body }
    }
}

impl Part {
    /// The request for the page.
    pub(crate) fn request(self, room: u64, limit: u64) -> History {
        let (mut before, mut after, mut around) = (None, None, None);
        match self {
            Self::Before(seq) => before = Some(Seq(seq)),
            Self::After(seq) => after = Some(Seq(seq)),
            Self::Around(seq) => around = Some(Seq(seq)),
            Self::Newest => {}
        }
        let limit = u32::try_from(limit).ok();
        History { room: RoomId(room), before, after, around, limit }
    }
}
