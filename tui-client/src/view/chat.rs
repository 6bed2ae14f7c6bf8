//! What the screen keeps of one chat: what is being written, where one looks. Pure. And what a chat is called.

use std::collections::{BTreeMap, BTreeSet};

use liao_client_core::model::{Model, RoomView};
use liao_common::{
    id::{RoomId, UserId},
    limits,
    name::UserName,
};
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;

use super::{changing::Intent, timeline::TimelineView, write::ShownLine};
use crate::composer::Composer;

/// One chat on this screen.
#[derive(Clone, Debug, Default)]
pub struct ChatView {
    /// What is being written.
    pub composer: Composer,
    /// What is written for, when it is not a message of its own.
    pub intent: Option<Intent>,
    /// Where one looks.
    pub timeline: TimelineView,
    /// The visible lines, as they were settled last.
    pub lines: Vec<ShownLine>,
    /// Who speaks in the first of them, where that line has no room to say so.
    pub above: Option<ratatui::text::Line<'static>>,
    /// Files that are being sent to this chat, in lines below the messages.
    pub sending: Vec<ratatui::text::Line<'static>>,
    /// How many messages below the visible ones are not read; none where one looks at the newest.
    pub below: Option<u64>,
    /// For which place on the screen the lines were settled, and where one looked then.
    pub(super) settled: Option<(Rect, TimelineView)>,
}

impl ChatView {
    /// Whether the lines as they were settled last may stand in this place: one looks where one looked.
    #[must_use]
    pub fn stands(&self, area: Rect) -> bool {
        self.settled.as_ref().is_some_and(|(place, view)| *place == area && *view == self.timeline)
    }
}

/// What a room is called: `#name`, or the other person of a direct room.
#[must_use]
pub fn title(model: &Model, room: &RoomView) -> String {
    if !room.is_direct() {
        let number = || room.id.0.to_string();
        let name = Some(room.name.clone()).filter(|name| !name.is_empty());
        return format!("#{}", name.unwrap_or_else(number));
    }
    let name = room.with.and_then(|user| model.name(user));
    name.map_or_else(|| "…".to_owned(), str::to_owned)
}

/// The same by number.
#[must_use]
pub fn title_of(model: &Model, room: RoomId) -> String {
    model.room(room).map_or_else(|| "…".to_owned(), |room| title(model, room))
}

/// The person with this user id, if known here. Display names are free for everybody to choose, so they never say
/// whom something secret is for; an id that is not known here is the server's to resolve.
#[must_use]
pub fn person_with_id(model: &Model, typed: &str) -> Option<UserId> {
    let id = UserName::parse(typed.strip_prefix('@').unwrap_or(typed)).ok()?;
    model.people.find_id(id.as_str()).map(|person| person.user)
}

/// Everybody a text names with `@`, at most as many as the wire takes: by user id, or by a display name that only
/// one person has. Chinese names stand without spaces around them, so the longest name that somebody has wins.
#[must_use]
pub fn mentioned(model: &Model, text: &str) -> Vec<UserId> {
    let runs: Vec<Vec<Called>> = text
        .match_indices('@')
        .map(|(at, _)| prefixes(text.get(at + 1..).unwrap_or_default()))
        .filter(|run| !run.is_empty())
        .take(limits::MENTIONS_MAX)
        .collect();
    if runs.is_empty() {
        return Vec::new();
    }
    let (ids, names) = owners(model, &runs);
    let owner = |called: &Called| {
        let unique = || names.get(called.typed).copied().flatten();
        ids.get(called.lower.as_str()).copied().or_else(unique)
    };
    let mut found: Vec<UserId> =
        runs.iter().filter_map(|run| run.iter().rev().find_map(owner)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What may be somebody's name behind an `@`.
struct Called<'t> {
    typed: &'t str,
    lower: String,
}

/// Every beginning of what follows an `@` that may be a name, the shortest first.
fn prefixes(rest: &str) -> Vec<Called<'_>> {
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let letters = rest.grapheme_indices(true).take(limits::DISPLAY_NAME_GRAPHEMES_MAX);
    letters
        .take_while(|(_, letter)| letter.chars().next().is_some_and(in_name))
        .filter_map(|(start, letter)| rest.get(..start + letter.len()))
        .map(|typed| Called { typed, lower: typed.to_lowercase() })
        .collect()
}

type ById<'t> = BTreeMap<&'t str, UserId>;
type ByName<'t> = BTreeMap<&'t str, Option<UserId>>;

/// Who has one of these names. A display name that several people have is nobody's.
fn owners<'t>(model: &Model, runs: &'t [Vec<Called<'t>>]) -> (ById<'t>, ByName<'t>) {
    let wanted_ids: BTreeSet<&str> = runs.iter().flatten().map(|c| c.lower.as_str()).collect();
    let wanted_names: BTreeSet<&str> = runs.iter().flatten().map(|c| c.typed).collect();
    let (mut ids, mut names) = (ById::new(), ByName::new());
    for person in model.people.iter() {
        if let Some(id) = wanted_ids.get(person.id.as_str()) {
            ids.insert(id, person.user);
        }
        if let Some(name) = wanted_names.get(person.name.as_str()) {
            names.entry(name).and_modify(|owner| *owner = None).or_insert(Some(person.user));
        }
    }
    (ids, names)
}
