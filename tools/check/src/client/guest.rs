//! Coming and going: what guests do in rooms where somebody keeps order, and what is done to them there.
//! Must hold: a guest enters only when it knows that it is outside, so that it knows where pushes begin.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use liao_check::history::Fact;
use liao_common::{
    event::{Role, Room},
    id::{RoomId, UserId},
    request::{RoomBan, RoomInvite, RoomJoin, RoomKick, RoomLeave, RoomUnban},
};

use super::{Asked, Client};

/// Answers that the one who keeps order may wait for.
const DEEDS_MAX: usize = 40;

/// What a client does besides talking.
#[derive(Clone, Debug, Default)]
pub(crate) enum Part {
    /// Nothing.
    #[default]
    Talker,
    /// It takes these people out of these rooms, and lets them in again.
    Keeper {
        rooms: Vec<u64>,
        guests: Vec<u64>,
    },
    Guest(Visits),
}

/// Where a guest comes and goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits {
    rooms: BTreeSet<u64>,
    /// Asked to be let in, and not told yet what came of it.
    entering: BTreeSet<u64>,
}

impl Client {
    /// From now on it comes and goes in these rooms. What it may see there is not for it to say: the log
    /// does, in the end.
    pub(crate) fn visits(&mut self, rooms: &[u64]) {
        let visits = Visits { rooms: rooms.iter().copied().collect(), ..Visits::default() };
        self.part = Part::Guest(visits);
    }

    /// From now on it keeps order.
    pub(crate) fn keeps_order(&mut self, rooms: &[u64], guests: &[u64]) {
        self.part = Part::Keeper { rooms: rooms.to_vec(), guests: guests.to_vec() };
    }

    /// Whether it comes and goes.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.part, Part::Guest(_))
    }

    /// Does something of its part now and then. Whether it is granted does not matter.
    pub(crate) fn plays_its_part(&mut self) -> Result<()> {
        match self.part.clone() {
            Part::Talker => Ok(()),
            Part::Keeper { rooms, guests } => self.sorts_out(&rooms, &guests),
            Part::Guest(visits) => self.comes_and_goes(&visits),
        }
    }

    fn sorts_out(&mut self, rooms: &[u64], guests: &[u64]) -> Result<()> {
        let (Some(room), Some(user)) = (self.dice.pick(rooms), self.dice.pick(guests)) else {
            return Ok(());
        };
        let (room, user, text) = (RoomId(*room), UserId(*user), String::new());
        if self.asked.len() > DEEDS_MAX {
            return Ok(());
        }
        let sent = match self.dice.below(8) {
            0..2 => self.send(RoomKick { room, user, text }, Asked::Deed),
            2 => self.send(RoomBan { room, user, text }, Asked::Deed),
            3..5 => self.send(RoomUnban { room, user }, Asked::Deed),
            _ => self.send(RoomInvite { room, user }, Asked::Deed),
        };
        sent.map(drop)
    }

    fn comes_and_goes(&mut self, visits: &Visits) -> Result<()> {
        for &room in &visits.rooms {
            if self.is_in(room) {
                if self.dice.once_in(10) {
                    self.send(RoomLeave { room: RoomId(room) }, Asked::Deed)?;
                }
            } else if !visits.entering.contains(&room) {
                let join = RoomJoin { room: Some(RoomId(room)), name: None };
                self.send(join, Asked::Entry(room))?;
                self.is_entering(room, true);
            }
        }
        Ok(())
    }

    /// Whether it is in a room, as far as it knows.
    pub(crate) fn is_in(&self, room: u64) -> bool {
        self.seen.contains_key(&room)
    }

    /// Notes that it has asked to be let in, or was told what came of it.
    pub(super) fn is_entering(&mut self, room: u64, is: bool) {
        if let Part::Guest(visits) = &mut self.part {
            if is {
                visits.entering.insert(room);
            } else {
                visits.entering.remove(&room);
            }
        }
    }

    /// Nothing is under way on a new connection, and what is not among its rooms was left.
    pub(super) fn finds_itself(&mut self, rooms: &[Room]) {
        let Part::Guest(visits) = &mut self.part else { return };
        visits.entering.clear();
        let inside = |id: &u64| rooms.iter().any(|room| room.room.0 == *id && is_inside(room));
        self.seen.retain(|room, _| !visits.rooms.contains(room) || inside(room));
    }

    /// What it was told of a room where it comes and goes; says whether it is such a room.
    pub(super) fn is_shown_in_or_out(&mut self, room: &Room) -> bool {
        let id = room.room.0;
        match &self.part {
            Part::Guest(visits) if visits.rooms.contains(&id) => {}
            _ => return false,
        }
        self.is_entering(id, false);
        if !is_inside(room) {
            self.seen.remove(&id);
        } else if !self.is_in(id) {
            self.seen.insert(id, room.floor.0.max(room.read.0.0));
            let cur: BTreeMap<u64, u64> = self.seen.clone();
            let cur = cur.into_iter().collect();
            self.tell(Fact::Began { epoch: self.epoch.clone(), cur });
        }
        true
    }
}

fn is_inside(room: &Room) -> bool {
    matches!(room.role, Role::Member | Role::Owner)
}
