//! Many people, all of them in the lobby, and some in a room of their own.

use std::path::Path;

use anyhow::Result;
use liao_common::id::RoomId;
use liao_server::state::record::Standing;

use crate::{
    crowd::Person,
    scribe::{Scribe, account, device, member, person, room, user},
};

/// The room that some of them have together.
pub(crate) const ROOM: RoomId = RoomId(2);

/// Makes the folder. The first ones of the people, as many as `together` says, share a room of their own.
pub(crate) fn prepare(data: &Path, people: u64, together: u64) -> Result<Vec<Person>> {
    let mut scribe = Scribe::open(data)?;
    scribe.commit(&[room(RoomId::LOBBY, "lobby", user(0)), room(ROOM, "together", user(0))])?;
    for number in 0..people {
        let enters = |room| member(room, user(number), Standing::Member, number + 1);
        let mut commit = vec![account(number, format!("load{number}")), device(number)];
        commit.push(enters(RoomId::LOBBY));
        if number < together {
            commit.push(enters(ROOM));
        }
        scribe.commit(&commit)?;
    }
    scribe.close()?;
    Ok((0..people).map(person).collect())
}
