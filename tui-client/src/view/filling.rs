//! What is fetched of a chat while somebody reads in it.

use liao_client_core::timeline::{ENTRIES_OPEN_MAX, Hole, Item};
use liao_common::{id::Seq, limits::PAGE_MESSAGES_MAX};

use super::{
    timeline::{TimelineView, Visible},
    write::hole_of,
};

/// Rows beyond the visible ones that are fetched while one scrolls.
const AHEAD: usize = 150;

/// The same by places in the log, of which rows that were changed often take many. What is kept of a room goes
/// by places: what is fetched from further away might be let go again at once, and fetched for ever.
const NEAR: u64 = (ENTRIES_OPEN_MAX / 2 - PAGE_MESSAGES_MAX) as u64;

/// Messages that are fetched before one that somebody is led to and that is not here.
const BEFORE_LED: u64 = 20;

/// Holes that are filled at a time.
const HOLES_MAX: usize = 4;

/// What is missing where one looks, and whether one reads on there, so that its beginning comes first. Who scrolls
/// comes to what is missing near by in a moment.
pub(super) fn missing(
    items: &[Item<'_>],
    visible: &[Visible],
    view: &TimelineView,
) -> Vec<(Hole, bool)> {
    let hole = |place: usize| items.get(place).and_then(hole_of);
    let (Some(first), Some(last)) = (visible.first(), visible.last()) else { return Vec::new() };
    let (first, last) = (first.item, last.item);
    if view.is_at_end() {
        return (first..=last).filter_map(hole).map(|hole| (hole, false)).collect();
    }
    let at_top = hole(first).map(|hole| match view.inside(&hole) {
        None => (hole, false),
        Some(seq) => {
            let from = Seq(seq.0.saturating_sub(BEFORE_LED)).max(hole.from);
            (Hole { from, ..hole }, true)
        }
    });
    let above = (first.saturating_sub(AHEAD)..first).rev().find_map(hole);
    let below = (first + 1..=last + AHEAD).filter_map(hole).take(HOLES_MAX);
    at_top
        .into_iter()
        .chain(above.map(|hole| (hole, false)))
        .chain(below.map(|hole| (hole, true)))
        .collect()
}

/// Whether what would be fetched of a hole lies too far from where one looks to stay.
pub(super) const fn is_far(hole: &Hole, onwards: bool, at: Seq) -> bool {
    match onwards {
        true => hole.from.0 > at.0.saturating_add(NEAR),
        false => hole.to.0.saturating_add(NEAR) < at.0,
    }
}
