//! Writes data folders faster than a server fills them: the records are those that a server writes, in commits
//! as it writes them, but nobody decides anything and no password is hashed. There is no index: the first start
//! makes it.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use liao_common::{
    codec,
    event::{RoomKind, kind as frame_kind},
    id::{DeviceId, Hash, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::Token,
};
use liao_server::{
    datadir::DataDir,
    disk::RealDisk,
    journal::{Journal, JournalOptions, NewRecord},
    state::record::{Account, Device, Member, Phc, Room, Standing, kind},
};

use crate::{crowd::Person, post};

/// Commits that share a sync.
const GROUP: usize = 4096;
/// When the first thing happened, ms since 1970.
pub(crate) const BEGUN_MS: u64 = 1_700_000_000_000;

/// The journal of a new data folder.
pub(crate) struct Scribe {
    journal: Journal,
    waiting: usize,
}

impl Scribe {
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let folder = DataDir::open(data)?;
        let disk = Arc::new(RealDisk::open(folder.journal())?);
        let (journal, _) = Journal::open(disk, JournalOptions::new(7))?;
        Ok(Self { journal, waiting: 0 })
    }

    pub(crate) fn commit(&mut self, commit: &[NewRecord]) -> Result<()> {
        self.journal.stage(commit)?;
        self.waiting += 1;
        if self.waiting >= GROUP { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        self.waiting = 0;
        self.journal.sync()?;
        Ok(())
    }

    /// Nothing more comes.
    pub(crate) fn close(mut self) -> Result<()> {
        self.sync()
    }
}

/// The person with this number, from 0, as they log in.
pub(crate) fn person(number: u64) -> Person {
    Person::new(user(number), token(number))
}

/// What they log in with.
pub(crate) fn token(number: u64) -> Token {
    Token(blake3::hash(&number.to_be_bytes()).as_bytes().to_vec())
}

pub(crate) const fn user(number: u64) -> UserId {
    UserId(number + 1)
}

/// Their account, under this user id.
pub(crate) fn account(number: u64, id: String) -> NewRecord {
    let account = Account {
        user: user(number),
        id,
        name: format!("Load {number}"),
        secret: Phc(String::new()),
        changes: 0,
        admin: false,
        at: BEGUN_MS,
    };
    account.record()
}

/// Their only device.
pub(crate) fn device(number: u64) -> NewRecord {
    let dev = DeviceId(number + 1);
    let device = Device {
        dev,
        user: user(number),
        name: "load".into(),
        token: Hash(blake3::hash(&token(number).0).into()),
        at: BEGUN_MS,
        last: dev,
        fresh: None,
        void: None,
        seen: BEGUN_MS,
        made_at_age: 0,
        seen_at_age: 0,
    };
    device.record()
}

/// A public room.
pub(crate) fn room(room: RoomId, name: &str, by: UserId) -> NewRecord {
    let (kind, topic, with) = (RoomKind::Public, String::new(), None);
    Room { room, kind, name: name.to_owned(), topic, by, with, at: BEGUN_MS }.record()
}

/// Somebody came into a room, as one of so many, before anything was said.
pub(crate) fn member(room: RoomId, user: UserId, standing: Standing, members: u64) -> NewRecord {
    Member { room, user, standing, floor: Seq::ZERO, members, joined: Seq::ZERO }.record()
}

/// A message whose nonce this number makes.
pub(crate) fn message(room: RoomId, seq: u64, from: UserId, number: u64) -> NewRecord {
    let mut cid = Nonce([0; 16]);
    // As random as those of clients are: rows of nonces have no order.
    cid.0.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    let message = Message {
        room,
        seq: Seq(seq),
        n: seq,
        at_ms: BEGUN_MS + number,
        from,
        device: DeviceId(from.0),
        cid,
        kind: Kind::Text,
        body: Body::text(post::text(seq)),
    };
    let body = codec::frame(frame_kind::MSG, 0, &message);
    NewRecord { kind: kind::MESSAGE, body }
}
