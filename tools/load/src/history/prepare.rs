//! Makes a data folder with many rooms and messages, faster than a server takes them: the records are
//! those that a server writes, in commits and groups as it writes them, but nobody decides anything.
//! There is no index: the first start makes it.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
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

/// People who have the rooms among them.
pub(super) const PEOPLE: u64 = 200;
/// Commits that share a sync.
const GROUP: usize = 4096;
/// When the first thing happened, ms since 1970.
const BEGUN_MS: u64 = 1_700_000_000_000;

/// What is to be made, and how to find one's way in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) rooms: u64,
    pub(super) messages: u64,
}

impl Plan {
    /// The room that has a fifth of all messages.
    pub(super) const BIG: RoomId = RoomId(2);

    /// A room by its number from 0; the big one is the first.
    pub(super) const fn room(number: u64) -> RoomId {
        RoomId(Self::BIG.0 + number)
    }

    /// The person who may read a room.
    pub(super) const fn owner(room: RoomId) -> usize {
        ((room.0 - Self::BIG.0) % PEOPLE) as usize
    }

    /// Where a message goes: every fifth in the big room, the others anywhere.
    fn pick(self, number: u64, dice: &mut Dice) -> usize {
        match number.is_multiple_of(5) || self.rooms < 2 {
            true => 0,
            false => 1 + dice.below(self.rooms - 1),
        }
    }
}

/// Numbers that look like chance and are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1)) as usize
    }
}

/// Makes the folder; gives those who can log in.
pub(super) fn prepare(data: &Path, plan: Plan) -> Result<Vec<Person>> {
    let folder = DataDir::open(data)?;
    let disk = Arc::new(RealDisk::open(folder.journal())?);
    let (journal, _) = Journal::open(disk, JournalOptions::new(7))?;
    let mut scribe = Scribe { journal, waiting: 0 };
    let people = (0..PEOPLE).map(|number| scribe.person(number)).collect::<Result<_>>()?;
    (0..plan.rooms).try_for_each(|number| scribe.room(number))?;
    let mut heads = vec![0; usize::try_from(plan.rooms)?];
    let mut dice = Dice(1);
    for number in 0..plan.messages {
        let room = plan.pick(number, &mut dice);
        let seq = heads.get_mut(room).context("a room beyond the last")?;
        *seq += 1;
        scribe.message(Plan::room(room as u64), *seq, number, UserId(1 + number % PEOPLE))?;
    }
    scribe.sync()?;
    Ok(people)
}

struct Scribe {
    journal: Journal,
    waiting: usize,
}

impl Scribe {
    fn commit(&mut self, commit: &[NewRecord]) -> Result<()> {
        self.journal.stage(commit)?;
        self.waiting += 1;
        if self.waiting >= GROUP { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        self.waiting = 0;
        self.journal.sync()?;
        Ok(())
    }

    fn person(&mut self, number: u64) -> Result<Person> {
        let (user, dev) = (UserId(number + 1), DeviceId(number + 1));
        let token = Token(blake3::hash(&number.to_be_bytes()).as_bytes().to_vec());
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
            token: Hash(blake3::hash(&token.0).into()),
            at: BEGUN_MS,
            last: dev,
            fresh: None,
            void: None,
            seen: BEGUN_MS,
            made_at_age: 0,
            seen_at_age: 0,
        };
        self.commit(&[account.record(), device.record()])?;
        Ok(Person::new(user, token))
    }

    fn room(&mut self, number: u64) -> Result<()> {
        let room = Plan::room(number);
        let by = UserId(1 + Plan::owner(room) as u64);
        let made = Room {
            room,
            kind: RoomKind::Public,
            name: format!("room{number}"),
            topic: String::new(),
            by,
            with: None,
            at: BEGUN_MS,
        };
        let member = Member {
            room,
            user: by,
            standing: Standing::Owner,
            floor: Seq::ZERO,
            members: 1,
            joined: Seq::ZERO,
        };
        self.commit(&[made.record(), member.record()])
    }

    fn message(&mut self, room: RoomId, seq: u64, number: u64, from: UserId) -> Result<()> {
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
        self.commit(&[NewRecord { kind: kind::MESSAGE, body }])
    }
}
