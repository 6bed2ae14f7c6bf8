//! What the screen keeps of one chat: what is being written, where one looks. Pure. And what a chat is called.

use liao_client_core::model::{Model, RoomView};
use liao_common::id::{RoomId, Seq, UserId};

use super::{timeline::TimelineView, write::ShownLine};
use crate::composer::Composer;

/// One chat on this screen.
#[derive(Clone, Debug, Default)]
pub struct ChatView {
    /// What is being written.
    pub composer: Composer,
    /// Where one looks.
    pub timeline: TimelineView,
    /// The visible lines, as they were settled last.
    pub lines: Vec<ShownLine>,
    /// Files that are being sent to this chat, in lines below the messages.
    pub sending: Vec<ratatui::text::Line<'static>>,
    /// Messages below the visible ones.
    pub below: u64,
    /// How far the server was told that one has read.
    pub marked: Seq,
}

/// What a room is called: `#name`, or the other person of a direct room.
#[must_use]
pub fn title(model: &Model, room: &RoomView) -> String {
    if !room.is_direct() {
        return format!("#{}", room.name);
    }
    let name = room.with.and_then(|user| model.name(user));
    name.map_or_else(|| "…".to_owned(), str::to_owned)
}

/// The same by number.
#[must_use]
pub fn title_of(model: &Model, room: RoomId) -> String {
    model.room(room).map_or_else(|| "…".to_owned(), |room| title(model, room))
}

/// A person as `@name` in a text is meant: by user id or by display name.
#[must_use]
pub fn person_called(model: &Model, name: &str) -> Option<UserId> {
    let lower = name.to_lowercase();
    let mut people = model.people.iter();
    people.find(|person| person.id == lower || person.name == name).map(|person| person.user)
}

/// Everybody a text names with `@`, at most as many as the wire takes. Chinese names stand without spaces around
/// them, so the longest name that somebody has wins.
#[must_use]
pub fn mentioned(model: &Model, text: &str) -> Vec<UserId> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let rest = text.get(at + 1..).unwrap_or_default();
        let run: Vec<usize> = rest
            .char_indices()
            .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .map(|(start, c)| start + c.len_utf8())
            .collect();
        let named = run.iter().rev().filter_map(|end| rest.get(..*end));
        if let Some(user) = named.into_iter().find_map(|name| person_called(model, name)) {
            found.push(user);
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(liao_common::limits::MENTIONS_MAX);
    found
}
