//! What the list of rooms at the beginning of a connection means for the rooms known before: those that it does
//! not name are read on, and own words that were refused never vanish with them.

use std::collections::BTreeSet;

use liao_common::{
    event::{Room, Synced},
    id::RoomId,
};

use super::{Changes, Loss, Model, ROOMS_MAX, RoomView, left};
use crate::timeline::{RowState, Timeline};

impl Model {
    pub(super) fn synced(&mut self, synced: &Synced, changes: &mut Changes) {
        self.ready = false;
        self.pages.clear();
        self.refused.clear();
        self.left = left::Left::default();
        let other_log = synced.reset || synced.epoch != self.epoch;
        self.epoch.clone_from(&synced.epoch);
        let listed: BTreeSet<RoomId> = synced.rooms.iter().map(|room| room.room).collect();
        changes.rooms.extend(self.rooms.keys());
        self.drop_unlisted(&listed, other_log);
        if other_log {
            self.rooms.values_mut().for_each(RoomView::reset);
        }
        for room in synced.rooms.iter().rev() {
            self.place(room, changes);
            self.touch(room.room);
        }
        if self.watching {
            // The link has repeated the wish by now.
            changes.requests.push(self.people.restart());
            changes.people = true;
        }
    }

    /// A room one was in and that is not named any more stays to be read, in the same log. Of all others only
    /// words that the server does not have are kept.
    fn drop_unlisted(&mut self, listed: &BTreeSet<RoomId>, other_log: bool) {
        for view in self.rooms.values_mut() {
            view.staff.renew();
            if !listed.contains(&view.id) && view.is_inside() && !view.is_direct() && !other_log {
                view.be_lost(Loss::Unlisted);
                if self.gone.len() < ROOMS_MAX {
                    self.gone.insert(view.id, view.name.clone());
                }
            }
        }
        let gone = |room: &RoomId, view: &mut RoomView| {
            !listed.contains(room) && (view.removed.is_none() || other_log)
        };
        for (room, mut view) in self.rooms.extract_if(.., gone) {
            view.timeline.reset();
            if !view.timeline.pending().is_empty() {
                self.unplaced.insert(room, view.timeline);
            }
        }
    }

    /// Rooms that this person is in no more since a time without a connection, and their names. What happened is not
    /// known.
    pub fn gone(&self) -> impl Iterator<Item = (RoomId, &str)> {
        self.gone.iter().map(|(room, name)| (*room, name.as_str()))
    }

    /// This person has seen that they are in a room no more.
    pub fn heed_gone(&mut self, room: RoomId) {
        self.gone.remove(&room);
    }

    /// Refused words of an earlier run may be for a room that this person is not in any more: it is shown as one
    /// that was lost, so that they can be read, copied and thrown away.
    pub(super) fn show_refused(&mut self, changes: &mut Changes) {
        let refused = |_: &RoomId, timeline: &mut Timeline| {
            timeline.pending().iter().any(|row| matches!(row.state, RowState::Failed(_)))
        };
        let shown: Vec<(RoomId, Timeline)> = self.unplaced.extract_if(.., refused).collect();
        for (room, timeline) in shown {
            let mut view = RoomView::new(&Room::gone(room));
            view.timeline = timeline;
            view.be_lost(Loss::Unlisted);
            self.rooms.insert(room, view);
            changes.rooms.insert(room);
        }
    }

    /// How many own messages are on their way to rooms that are not listed.
    #[must_use]
    pub fn waiting_unlisted(&self) -> usize {
        let lost = self.lost().map(|view| &view.timeline);
        let rows = lost.chain(self.unplaced.values()).flat_map(Timeline::pending);
        rows.filter(|row| row.state == RowState::Sending).count()
    }
}
