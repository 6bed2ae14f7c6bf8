//! Invitations: told at once, taken with one key from anywhere. Part of the main view.

use liao_client_core::{model::Model, notice::Notice};
use liao_common::{
    event::{Event, Role},
    id::RoomId,
    request::RoomJoin,
};

use super::{chat::title_of, main::MainView, remark::About};
use crate::{app::Base, effect::Effect, settings::Bell};

impl MainView {
    /// A new invitation is told; one that is over takes what was told of it along.
    pub(super) fn invitations_noticed(&mut self, notice: &Notice, model: &Model, base: &mut Base) {
        let rooms: Vec<RoomId> = match notice {
            Notice::Event(Event::Room(room)) => vec![room.room],
            Notice::Synced(synced) => {
                let invited = synced.rooms.iter().filter(|room| room.role == Role::Invited);
                invited.map(|room| room.room).collect()
            }
            Notice::Answer { .. } => self.invited.iter().copied().collect(),
            _ => return,
        };
        for room in rooms {
            let open = model.room(room).is_some_and(|view| view.is_invitation());
            if !open {
                self.invited.remove(&room);
                self.remark.take_if(|remark| remark.is_about(About::Invitation(room)));
            } else if self.invited.insert(room) && self.greeted {
                self.tell_invitation(room, model, base);
            }
        }
    }

    fn tell_invitation(&mut self, room: RoomId, model: &Model, base: &mut Base) {
        let by = model.room(room).and_then(|view| view.with).and_then(|user| model.name(user));
        let (name, title) = (by.unwrap_or("…"), title_of(model, room));
        let sentence = base.words.fill("room.invites_you", &[("name", &name), ("room", &title)]);
        self.remark_about(About::Invitation(room), false, base, sentence);
        if base.bell == Bell::Mentions {
            base.wish(Effect::Bell);
        }
    }

    /// Joins the room that one was invited to last.
    pub(super) fn accept(&mut self, model: &Model, base: &mut Base) {
        let newest = model.rooms().into_iter().find(|room| room.is_invitation());
        match newest.map(|room| room.id) {
            Some(room) => self.join(RoomJoin { room: Some(room), name: None }, model, base),
            None => self.say(base, base.words.t("room.no_invitation")),
        }
    }
}
