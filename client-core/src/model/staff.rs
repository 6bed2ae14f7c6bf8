//! Who keeps order in a room, and the rooms that this person was taken out of: those stay, to be read,
//! until they are forgotten.

use liao_common::{
    event::{Rank, Role, Room, RoomKind, UserPage},
    id::{RoomId, Seq, UserId},
    message::{Kind, Message},
    request::{Members, Request},
    text,
};

use super::{Loss, Model, RoomView};
use crate::timeline::Farewell;

#[cfg(test)]
mod tests;

/// Turns that are kept while an answer is on its way. Where there are more, it is asked again.
const TURNS_MAX: usize = 256;

/// Somebody's rank is another one now; `None` for those who left.
type Turn = (UserId, Option<Rank>);

/// How far it is known who keeps order in a room.
#[derive(Clone, Debug, Default)]
pub(super) struct Staff {
    /// It was asked for, and what happened since was followed or will be.
    asked: bool,
    /// The answer is on its way.
    waits: bool,
    /// Something was missed while the answer was on its way: that may be older.
    missed: bool,
    /// What was seen meanwhile, in the order in which it happened. Whether the answer knows of it or not, it holds
    /// afterwards.
    turns: Vec<Turn>,
    /// The last message that was looked at. The room itself may be known further: what the server says of a room
    /// does not say whose it is.
    seq: Seq,
}

impl Staff {
    /// Something was missed: the next look asks again, and an answer that is on its way may be older.
    pub(super) const fn miss(&mut self) {
        (self.asked, self.missed) = (false, true);
    }

    /// The connection is a new one: nothing asked before will be answered.
    pub(super) const fn renew(&mut self) {
        (self.asked, self.waits) = (false, false);
    }

    /// There is an answer, good or bad. Gives what has to be laid over it; `None` where it cannot be believed.
    fn answered(&mut self) -> Option<Vec<Turn>> {
        let late = self.waits && self.missed;
        self.waits = false;
        self.asked &= !late;
        let turns = std::mem::take(&mut self.turns);
        (!late).then_some(turns)
    }

    fn keep(&mut self, turn: Turn) {
        if !self.waits {
            return;
        }
        if self.turns.len() < TURNS_MAX {
            self.turns.push(turn);
        } else {
            self.miss();
        }
    }
}

impl Model {
    /// The rooms that this person was taken out of, as they were.
    pub fn lost(&self) -> impl Iterator<Item = &RoomView> {
        self.rooms.values().filter(|room| room.removed.is_some())
    }

    /// A room that this person was taken out of is not wanted any more. Says whether it was one.
    pub fn forget(&mut self, room: RoomId) -> bool {
        let lost = self.rooms.get(&room).is_some_and(|view| view.removed.is_some());
        if lost {
            self.rooms.remove(&room);
        }
        lost
    }

    /// The request for who keeps order in a room; `None` where that is known or nobody does.
    pub fn ask_staff(&mut self, room: RoomId) -> Option<Request> {
        let view =
            self.rooms.get_mut(&room).filter(|view| !view.is_direct() && view.is_inside())?;
        if !self.ready || view.staff.asked || view.staff.waits {
            return None;
        }
        let seq = view.staff.seq;
        view.staff = Staff { asked: true, waits: true, seq, ..Staff::default() };
        Some(Members { room, limit: Some(1), ..Members::default() }.into())
    }

    /// What somebody may do in a room, as far as that is known here.
    #[must_use]
    pub fn rank(&self, room: RoomId, user: UserId) -> Option<Rank> {
        let view = self.rooms.get(&room)?;
        Some(match () {
            () if view.owner == Some(user) => Rank::Owner,
            () if view.mods.contains(&user) => Rank::Moderator,
            () => Rank::Member,
        })
    }

    /// Whether this person stands above somebody in a room. The server has the last word.
    #[must_use]
    pub fn is_above(&self, room: RoomId, other: UserId) -> bool {
        let Some(view) = self.rooms.get(&room).filter(|view| !view.is_direct()) else {
            return false;
        };
        let admin = self.me.as_ref().is_some_and(|me| me.admin);
        if admin && view.kind == RoomKind::Public {
            return self.my_id() != Some(other);
        }
        match (view.role, view.moderates) {
            (Role::Owner, _) => view.owner != Some(other) && self.my_id() != Some(other),
            (Role::Member, true) => self.rank(room, other) == Some(Rank::Member),
            _ => false,
        }
    }

    /// A room is gone. Where somebody else did that, it stays to be read.
    pub(super) fn lose(&mut self, room: &Room) {
        self.rooms.get(&room.room).into_iter().for_each(|view| self.left.note(view));
        let Some(removal) = &room.removed else {
            self.rooms.remove(&room.room);
            return;
        };
        self.people.learn(&removal.by);
        if let Some(view) = self.rooms.get_mut(&room.room).filter(|view| view.is_inside()) {
            let why = text::clean_line(&removal.text);
            view.be_lost(Loss::Removed(Farewell { by: removal.by.user, why, ban: removal.ban }));
        } else {
            self.rooms.remove(&room.room);
        }
    }

    pub(super) fn staff_refused(&mut self, room: RoomId) {
        if let Some(view) = self.rooms.get_mut(&room) {
            view.staff.answered();
        }
    }

    pub(super) fn staff_listed(&mut self, asked: &Request, page: &UserPage) {
        let Request::Members(asked) = asked else { return };
        if let Some(view) = self.rooms.get_mut(&asked.room) {
            let Some(turns) = view.staff.answered() else { return };
            view.owner = page.owner;
            view.mods = page.mods.iter().copied().collect();
            turns.into_iter().for_each(|turn| view.turn(turn));
        }
        page.owner.iter().chain(&page.mods).for_each(|user| self.people.want(*user));
    }
}

impl RoomView {
    /// Whether it is known who keeps order in it.
    #[must_use]
    pub const fn knows_staff(&self) -> bool {
        self.owner.is_some() && self.staff.asked && !self.staff.waits
    }

    /// Whether this person reads and writes there.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        matches!(self.role, Role::Member | Role::Owner)
    }

    /// Who keeps order changes with messages.
    pub(super) fn follow_staff(&mut self, message: &Message) {
        if message.seq <= self.staff.seq {
            return;
        }
        self.staff.seq = message.seq;
        let turn = match (&message.kind, message.body.user, &message.body.role) {
            (Kind::Leave, ..) => (message.from, None),
            (Kind::Role, Some(user), Some(rank)) => (user, Some(*rank)),
            _ => return,
        };
        self.staff.keep(turn);
        self.turn(turn);
    }

    fn turn(&mut self, (user, rank): Turn) {
        match rank {
            None => {
                self.mods.remove(&user);
                self.owner = self.owner.filter(|owner| *owner != user);
            }
            Some(Rank::Moderator) => _ = self.mods.insert(user),
            Some(Rank::Member) => _ = self.mods.remove(&user),
            Some(Rank::Owner) => {
                self.mods.remove(&user);
                self.owner = Some(user);
            }
            Some(Rank::Other) => {}
        }
    }
}
