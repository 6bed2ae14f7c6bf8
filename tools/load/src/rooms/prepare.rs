//! Makes a data folder whose lobby has very many members, without their coming in one by one: the
//! records are those that a server writes. There is no index: the first start makes it.

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

/// Commits that share a sync.
const GROUP: u64 = 4096;

/// When everything happened, ms since 1970.
const BEGUN_MS: u64 = 1_700_000_000_000;

/// The room that everybody is in.
pub(super) const BIG: RoomId = RoomId::LOBBY;

/// The room that nobody but its owner is in yet.
pub(super) const HALL: RoomId = RoomId(2);

/// The user id of a member by number.
pub(super) fn id(number: u64) -> String {
    // Names of the same beginnings stand far from each other by number, as people's do.
    format!("{:02x}member{number}", number.wrapping_mul(0x9e37_79b9) % 256)
}

/// Makes the folder with so many members; gives the first `devices` of them, who can log in.
pub(super) fn prepare(data: &Path, members: u64, devices: u64) -> Result<Vec<Person>> {
    let folder = DataDir::open(data)?;
    let disk = Arc::new(RealDisk::open(folder.journal())?);
    let (mut journal, _) = Journal::open(disk, JournalOptions::new(7))?;
    journal.stage(&[room(BIG, "lobby").record()])?;
    journal.stage(&[room(HALL, "hall").record()])?;
    let mut people = Vec::new();
    for number in 0..members {
        let user = UserId(number + 1);
        let mut commit = vec![account(number).record(), member(number).record()];
        if number < devices {
            let token = Token(blake3::hash(&number.to_be_bytes()).as_bytes().to_vec());
            commit.push(device(number, &token));
            people.push(Person::new(user, token));
        }
        journal.stage(&commit)?;
        if number % GROUP == 0 {
            journal.sync()?;
        }
    }
    journal.sync()?;
    Ok(people)
}

fn room(room: RoomId, name: &str) -> Room {
    let (kind, topic, with) = (RoomKind::Public, String::new(), None);
    Room { room, kind, name: name.into(), topic, by: UserId(0), with, at: BEGUN_MS }
}

fn account(number: u64) -> Account {
    Account {
        user: UserId(number + 1),
        id: id(number),
        name: format!("Member No {number}"),
        secret: Phc(String::new()),
        changes: 0,
        admin: false,
        at: BEGUN_MS,
    }
}

fn member(number: u64) -> Member {
    let (room, user, standing) = (BIG, UserId(number + 1), Standing::Member);
    Member { room, user, standing, floor: Seq::ZERO, members: number + 1, joined: Seq::ZERO }
}

fn device(number: u64, token: &Token) -> NewRecord {
    let dev = DeviceId(number + 1);
    let token = Hash(blake3::hash(&token.0).into());
    let device = Device {
        dev,
        user: UserId(number + 1),
        name: "load".into(),
        token,
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
