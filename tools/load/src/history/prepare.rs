//! Many rooms with a long history: a fifth of it in one of them.

use std::path::Path;

use anyhow::{Context as _, Result};
use liao_common::{
    codec,
    event::kind as frame_kind,
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};
use liao_server::{
    journal::NewRecord,
    state::record::{Standing, kind},
};

use crate::{
    crowd::Person,
    post,
    scribe::{BEGUN_MS, Scribe, account, device, member, person, room, user},
};

/// People who have the rooms among them.
pub(crate) const PEOPLE: u64 = 200;

/// What is to be made, and how to find one's way in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rooms: u64,
    pub(crate) messages: u64,
}

impl Plan {
    /// The room that has a fifth of all messages.
    pub(crate) const BIG: RoomId = RoomId(2);

    /// A room by its number from 0; the big one is the first.
    pub(crate) const fn room(number: u64) -> RoomId {
        RoomId(Self::BIG.0 + number)
    }

    /// The person who may read a room.
    pub(crate) const fn owner(room: RoomId) -> usize {
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
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1)) as usize
    }
}

/// Makes the folder; gives those who can log in.
pub(crate) fn prepare(data: &Path, plan: Plan) -> Result<Vec<Person>> {
    let mut scribe = Scribe::open(data)?;
    for number in 0..PEOPLE {
        scribe.commit(&[account(number, format!("load{number}")), device(number)])?;
    }
    for number in 0..plan.rooms {
        let (id, name) = (Plan::room(number), format!("room{number}"));
        let by = user(Plan::owner(id) as u64);
        scribe.commit(&[room(id, &name, by), member(id, by, Standing::Owner, 1)])?;
    }
    let mut heads = vec![0; usize::try_from(plan.rooms)?];
    let mut dice = Dice(1);
    for number in 0..plan.messages {
        let room = plan.pick(number, &mut dice);
        let seq = heads.get_mut(room).context("a room beyond the last")?;
        *seq += 1;
        let from = UserId(1 + number % PEOPLE);
        scribe.commit(&[message(Plan::room(room as u64), *seq, from, number)])?;
    }
    scribe.close()?;
    Ok((0..PEOPLE).map(person).collect())
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
