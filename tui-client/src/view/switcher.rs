//! Go to any chat, person or command by a few letters. Pure.

use liao_client_core::model::Model;
use liao_common::id::{RoomId, UserId};

use super::{chat::title, list::ListView};
use crate::{
    command::{self, Command},
    fuzzy,
    words::Words,
};

/// Rows that are ranked; who wants more types more.
const ROWS_MAX: usize = 60;

/// Where a row leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A chat.
    Room(RoomId),
    /// A person.
    Person(UserId),
    /// A command.
    Command(Command),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchRow {
    /// Where it leads.
    pub to: Destination,
    /// Its name.
    pub name: String,
    /// What stands behind the name.
    pub note: String,
    /// Unread messages there.
    pub unread: u64,
    /// Byte offsets in the name that were matched.
    pub found: Vec<usize>,
}

/// The box.
#[derive(Clone, Debug, Default)]
pub struct SwitcherView {
    /// What was typed.
    pub query: String,
    /// The chosen row.
    pub list: ListView,
}

impl SwitcherView {
    /// The rows that fit, best first; with nothing typed, the chats in the order in which they moved.
    #[must_use]
    pub fn rows(&self, model: &Model, words: &Words) -> Vec<SwitchRow> {
        let mut rows = rooms(model);
        if !self.query.is_empty() {
            rows.extend(people(model));
            rows.extend(commands(words));
        }
        let query = self.query.trim_start_matches(['/', '#', '@']);
        let ranked = fuzzy::rank(query, rows, |row| row.name.as_str(), ROWS_MAX);
        ranked.into_iter().map(|(row, fit)| SwitchRow { found: fit.offsets, ..row }).collect()
    }
}

fn rooms(model: &Model) -> Vec<SwitchRow> {
    let rooms = model.rooms().into_iter().filter(|room| !room.is_invitation());
    let row = |room: &liao_client_core::model::RoomView| SwitchRow {
        to: Destination::Room(room.id),
        name: title(model, room),
        note: room.topic.clone(),
        unread: room.unread(),
        found: Vec::new(),
    };
    rooms.map(row).collect()
}

fn people(model: &Model) -> Vec<SwitchRow> {
    let me = model.my_id();
    let unseen = model
        .people
        .iter()
        .filter(|person| Some(person.user) != me && model.direct_room(person.user).is_none());
    let row = |person: &liao_client_core::model::Person| SwitchRow {
        to: Destination::Person(person.user),
        name: person.called().to_owned(),
        note: format!("@{}", person.id),
        unread: 0,
        found: Vec::new(),
    };
    unseen.map(row).collect()
}

fn commands(words: &Words) -> Vec<SwitchRow> {
    let row = |command: &Command| SwitchRow {
        to: Destination::Command(*command),
        name: format!("/{}", command.name),
        note: words.t(command.help_key).to_owned(),
        unread: 0,
        found: Vec::new(),
    };
    command::ALL.iter().map(row).collect()
}
