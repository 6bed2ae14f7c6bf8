//! What happened, as line mode tells it: plain data between the story and the paper. Everything
//! that others wrote has passed the sanitiser before it is put in here.

use std::path::PathBuf;

use liao_client_core::timeline::{Farewell, FileOffer};
use liao_common::{
    event::Rank,
    id::{DeviceId, FileId, Seq},
};

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    /// The user id.
    pub id: String,
    /// The display name.
    pub name: String,
}

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chat {
    /// `#room`, or the user id of the other person: what `/file` takes.
    pub label: String,
    /// The other person's display name where two talk.
    pub with: Option<String>,
}

/// What an entry of a room's log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Something said.
    Text(String),
    /// A file on offer.
    File(FileOffer),
    /// The sender entered the room.
    Join,
    /// The sender left the room.
    Leave,
    /// The sender was taken out of the room: by whom, and how.
    Removed(Who, Farewell),
    /// The sender made this person something else in the room.
    Role(Who, Rank),
    /// The sender changed the topic; empty for none.
    Topic(String),
    /// The sender invited this person.
    Invite(String),
    /// An earlier message has a new text.
    Edit(Seq, String),
    /// An earlier message, or this one, was taken back.
    TakenBack(Seq),
    /// The server cannot read it any more.
    Damaged,
    /// Of a kind from a later version.
    Unknown,
}

/// An entry of a room's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Where.
    pub chat: Chat,
    /// Its place.
    pub seq: Seq,
    /// Who.
    pub from: Who,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The wire's name of its kind.
    pub kind: String,
    /// What it says.
    pub what: What,
    /// User ids of those it names with `@`.
    pub at: Vec<String>,
    /// This account said it.
    pub mine: bool,
    /// This run of the program said it, and now it is on the server's disk.
    pub sent: bool,
}

/// Somebody who may not enter a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Banned {
    /// Who.
    pub who: Who,
    /// Why; may be empty.
    pub why: String,
    /// Since when, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A room of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// `#room`.
    pub label: String,
    /// What it is about; may be empty.
    pub topic: String,
    /// How many are in it.
    pub members: u64,
}

/// Where the account is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the device, for `/logout`.
    pub dev: DeviceId,
    /// What it is called; may be empty.
    pub name: String,
    /// Last there, in milliseconds since 1970; 0 where that is not known.
    pub seen_ms: u64,
    /// It is this run of the program.
    pub here: bool,
    /// It is connected.
    pub online: bool,
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Logged in, and all that was missed has been told.
    Ready(Who),
    /// Lines go to this room from here on.
    Room(Chat),
    /// An entry of a room's log.
    Said(Box<Said>),
    /// Older entries of a room are not told: how many.
    Missed(Chat, u64),
    /// Somebody came or went.
    Presence(Who, bool),
    /// Those who are online.
    Online(Vec<Who>),
    /// Those who may not enter the room.
    Bans(Vec<Banned>),
    /// The rooms of the server.
    Rooms(Vec<Listed>),
    /// Where the account is logged in.
    Devices(Vec<Place>),
    /// A transfer moved: the file's name, key of its phase, percent.
    Progress(String, &'static str, u8),
    /// A file was saved.
    Saved(FileId, PathBuf),
}
