//! Very many small rooms: groups of four people, each with forty rooms that they share and one message in each.

use std::path::Path;

use anyhow::Result;
use liao_common::id::RoomId;
use liao_server::state::record::Standing;

use crate::{
    crowd::Person,
    scribe::{Scribe, account, device, member, message, person, room, user},
};

/// People who share their rooms.
pub(super) const GROUP_PEOPLE: u64 = 4;

/// Rooms of a group; each of its people is in all of them.
pub(super) const GROUP_ROOMS: u64 = 40;

/// The room of the first group that comes first.
const FIRST: u64 = 2;

/// A group by its number from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group(pub(super) u64);

impl Group {
    pub(super) fn rooms(self) -> impl Iterator<Item = RoomId> {
        (0..GROUP_ROOMS).map(move |number| RoomId(FIRST + self.0 * GROUP_ROOMS + number))
    }

    pub(super) fn people(self) -> impl Iterator<Item = Person> {
        self.numbers().map(person)
    }

    fn numbers(self) -> impl Iterator<Item = u64> {
        let first = self.0 * GROUP_PEOPLE;
        first..first + GROUP_PEOPLE
    }
}

/// Makes the folder with so many groups.
pub(super) fn prepare(data: &Path, groups: u64) -> Result<()> {
    let mut scribe = Scribe::open(data)?;
    for group in (0..groups).map(Group) {
        for number in group.numbers() {
            scribe.commit(&[account(number, format!("load{number}")), device(number)])?;
        }
        for id in group.rooms() {
            let owner = user(group.0 * GROUP_PEOPLE);
            let mut commit = vec![room(id, &format!("room{}", id.0), owner)];
            for (number, members) in group.numbers().zip(1..) {
                let standing = if members == 1 { Standing::Owner } else { Standing::Member };
                commit.push(member(id, user(number), standing, members));
            }
            scribe.commit(&commit)?;
            scribe.commit(&[message(id, 1, owner, id.0)])?;
        }
    }
    scribe.close()
}
