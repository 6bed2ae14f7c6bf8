//! Makes a data folder with many people, faster than they could register: the records are those that a
//! server writes, but nobody decides anything and no password is hashed. There is no index: the first
//! start makes it.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use liao_common::{
    event::RoomKind,
    id::{DeviceId, Hash, RoomId, Seq, UserId},
    request::Token,
};
use liao_server::{
    datadir::DataDir,
    disk::RealDisk,
    journal::{Journal, JournalOptions, NewRecord},
    state::record::{Account, Device, Member, Phc, Room, Standing},
};

use crate::crowd::Person;

/// The room that some of them have together.
pub(crate) const ROOM: RoomId = RoomId(2);
/// Commits that share a sync.
const GROUP: u64 = 4096;
/// When all this happened, ms since 1970.
const BEGUN_MS: u64 = 1_700_000_000_000;

/// What the person with this number, from 0, logs in with.
pub(crate) fn token(number: u64) -> Token {
    Token(blake3::hash(&number.to_be_bytes()).as_bytes().to_vec())
}

/// Makes the folder. The first ones of the people, as many as `together` says, share a room of their own.
pub(crate) fn prepare(data: &Path, people: u64, together: u64) -> Result<Vec<Person>> {
    let folder = DataDir::open(data)?;
    let disk = Arc::new(RealDisk::open(folder.journal())?);
    let (mut journal, _) = Journal::open(disk, JournalOptions::new(7))?;
    journal.stage(&[room(RoomId::LOBBY, "lobby").record(), room(ROOM, "together").record()])?;
    for number in 0..people {
        journal.stage(&person(number, number < together))?;
        if number % GROUP == GROUP - 1 {
            journal.sync()?;
        }
    }
    journal.sync()?;
    Ok((0..people).map(|number| Person::new(UserId(number + 1), token(number))).collect())
}

fn room(room: RoomId, name: &str) -> Room {
    let (name, by) = (name.to_owned(), UserId(1));
    let topic = String::new();
    Room { room, kind: RoomKind::Public, name, topic, by, with: None, at: BEGUN_MS }
}

fn person(number: u64, together: bool) -> Vec<NewRecord> {
    let (user, dev) = (UserId(number + 1), DeviceId(number + 1));
    let account = Account {
        user,
        id: format!("load{number}"),
        name: format!("Load {number}"),
        secret: Phc(String::new()),
        changes: 0,
        admin: false,
        at: BEGUN_MS,
    };
    let device = Device {
        dev,
        user,
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
    let member = |room| Member {
        room,
        user,
        standing: Standing::Member,
        floor: Seq::ZERO,
        members: number + 1,
        joined: Seq::ZERO,
    };
    let mut records = vec![account.record(), device.record(), member(RoomId::LOBBY).record()];
    if together {
        records.push(member(ROOM).record());
    }
    records
}
