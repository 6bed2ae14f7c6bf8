//! What lies where on the screen, for the mouse. Filled anew with every frame; the topmost thing wins.

use liao_common::id::{RoomId, UserId};
use ratatui::layout::{Position, Rect};

use crate::action::Action;

/// Something that can be clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The same as a key.
    Do(Action),
    /// A row of the menu.
    MenuRow(usize),
    /// A field of a form.
    Field(usize),
    /// The tab of a room, or of the inbox.
    Tab(Option<RoomId>),
    /// The messages of the chat.
    Timeline,
    /// The list of people.
    Sidebar,
    /// Somebody in the list of people.
    Person(UserId),
    /// A row of the inbox.
    InboxRow(usize),
    /// A row of the list in a box.
    BoxRow(usize),
    /// The text being written; its upper left cell.
    Composer,
    /// A box above the screen: clicks do not go through it.
    Box,
}

/// Everything that can be clicked in this frame.
#[derive(Clone, Debug, Default)]
pub struct Hits(Vec<(Rect, Hit)>);

impl Hits {
    /// Begins a new frame.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Something lies there, above what came before.
    pub fn add(&mut self, area: Rect, hit: Hit) {
        self.0.push((area, hit));
    }

    /// What lies at a cell, and where it begins.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<(&Hit, Rect)> {
        let place = Position::new(column, row);
        self.0.iter().rev().find(|(area, _)| area.contains(place)).map(|(area, hit)| (hit, *area))
    }
}
