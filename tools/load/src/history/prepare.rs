//! Many rooms with a long history: a fifth of it in one of them.

use std::path::Path;

use anyhow::{Context as _, Result};
use liao_common::id::{RoomId, UserId};
use liao_server::state::record::Standing;

use crate::{
    crowd::Person,
    dice::Dice,
    scribe::{Scribe, account, device, member, message, person, room, user},
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
