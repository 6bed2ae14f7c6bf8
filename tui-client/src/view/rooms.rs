//! The list of the server's public rooms: pages as they come, a filter, joining. Pure.

use liao_common::event::{RoomPage, RoomRow};

use super::list::ListView;
use crate::fuzzy;

/// The list of rooms.
#[derive(Clone, Debug, Default)]
pub struct RoomsView {
    rooms: Vec<RoomRow>,
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
    /// A page came.
    pub fn listed(&mut self, page: &RoomPage) {
        self.loaded = true;
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
    }

    /// The rooms that fit what was typed.
    #[must_use]
    pub fn rows(&self) -> Vec<&RoomRow> {
        let query = self.query.trim_start_matches('#');
        let ranked = fuzzy::rank(query, &self.rooms, |room| room.name.as_str(), ROOMS_MAX);
        ranked.into_iter().map(|(room, _)| room).collect()
    }

    /// The name to be made into a new room, when no room is called so.
    #[must_use]
    pub fn new_name(&self) -> Option<&str> {
        let name = self.query.trim().trim_start_matches('#');
        let taken = self.rooms.iter().any(|room| room.name == name);
        (!name.is_empty() && !taken).then_some(name)
    }
}
