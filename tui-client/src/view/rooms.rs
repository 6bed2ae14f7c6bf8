//! The list of the server's public rooms: pages as they come, a filter, joining. Pure.

use liao_client_core::model::{Model, RoomView};
use liao_common::{
    event::{RoomPage, RoomRow},
    id::RoomId,
    request::RoomList,
};

use super::list::ListView;
use crate::fuzzy;

/// The list of rooms.
#[derive(Clone, Debug, Default)]
pub struct RoomsView {
    rooms: Vec<RoomRow>,
    invited: Vec<RoomRow>,
    /// What was typed to filter.
    pub query: String,
    /// The chosen row.
    pub list: ListView,
    /// The first page has come.
    pub loaded: bool,
}

/// Rooms that are kept; who looks for another types its name.
const ROOMS_MAX: usize = 1000;

impl RoomsView {
    /// A page came. Gives the request for the next one, while it is still wanted and brings anything.
    pub fn listed(&mut self, asked: &RoomList, page: &RoomPage) -> Option<RoomList> {
        self.loaded = true;
        let before = self.rooms.len();
        for room in &page.rooms {
            let clean = RoomRow {
                name: liao_common::text::clean_line(&room.name),
                topic: liao_common::text::clean_line(&room.topic),
                ..room.clone()
            };
            self.rooms.retain(|known| known.room != room.room);
            if self.rooms.len() < ROOMS_MAX {
                self.rooms.push(clean);
            }
        }
        let wanted =
            asked.query == self.wanted() && (before..ROOMS_MAX).contains(&self.rooms.len());
        let after = page.next.clone().filter(|_| wanted && self.rooms.len() > before);
        after.map(|after| RoomList { after: Some(after), ..asked.clone() })
    }

    /// What the server is asked for: the beginning of a name, without `#`. Who is in no chat types the command here.
    #[must_use]
    pub fn wanted(&self) -> &str {
        let name = self.query.strip_prefix("/join").map_or(self.query.as_str(), str::trim_start);
        name.trim_start_matches('#')
    }

    /// The rooms that one is invited to are as the model has them now.
    pub fn invite(&mut self, model: &Model) {
        let invited = model.rooms().into_iter().filter(|room| room.is_invitation());
        let row = |room: &RoomView| RoomRow {
            room: room.id,
            name: room.name.clone(),
            topic: room.topic.clone(),
            members: room.members,
            joined: false,
        };
        self.invited = invited.map(row).collect();
    }

    /// Whether one was invited to this room.
    #[must_use]
    pub fn is_invited(&self, room: RoomId) -> bool {
        self.invited.iter().any(|invited| invited.room == room)
    }

    /// The rooms that fit what was typed; those that one is invited to first.
    #[must_use]
    pub fn rows(&self) -> Vec<&RoomRow> {
        let query = self.wanted();
        let others = self.rooms.iter().filter(|room| !self.is_invited(room.room));
        let invited = fuzzy::rank(query, &self.invited, |room| &room.name, ROOMS_MAX);
        let others = fuzzy::rank(query, others, |room| &room.name, ROOMS_MAX);
        invited.into_iter().chain(others).map(|(room, _)| room).collect()
    }

    /// The name to be made into a new room, when no room is called so.
    #[must_use]
    pub fn new_name(&self) -> Option<&str> {
        let name = self.wanted().trim();
        let taken = self.rooms.iter().chain(&self.invited).any(|room| room.name == name);
        (!name.is_empty() && !taken).then_some(name)
    }
}
