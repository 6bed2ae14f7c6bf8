//! A lobby of very many members, without their coming in one by one.

use std::path::Path;

use anyhow::Result;
use liao_common::id::{RoomId, UserId};
use liao_server::state::record::Standing;

use crate::{
    crowd::Person,
    scribe::{Scribe, account, device, member, person, room, user},
};

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
    let mut scribe = Scribe::open(data)?;
    scribe.commit(&[room(BIG, "lobby", UserId(0)), room(HALL, "hall", UserId(0))])?;
    for number in 0..members {
        let enters = member(BIG, user(number), Standing::Member, number + 1);
        let mut commit = vec![account(number, id(number)), enters];
        if number < devices {
            commit.push(device(number));
        }
        scribe.commit(&commit)?;
    }
    scribe.close()?;
    Ok((0..devices.min(members)).map(person).collect())
}
