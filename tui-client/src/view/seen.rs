//! What of a chat counts as seen. Pure: asked whenever a window is laid out.

use liao_client_core::{
    model::RoomView,
    timeline::{Item, Row},
};
use liao_common::id::{Seq, UserId};

use super::{timeline::Visible, write::row_of};

/// Whether nothing that counts lies between what is read and the top of the window.
pub(super) fn reaches(view: &RoomView, items: &[Item<'_>], visible: &[Visible]) -> bool {
    let Some(place) = visible.first().map(|part| part.item) else { return false };
    let (seq, n) = view.read;
    match items.get(place) {
        // What is missing may be unread, whichever part of it one looks at.
        Some(Item::Hole(hole)) => hole.to <= seq,
        // Before the first of all there is nothing, though it may have counted once.
        Some(Item::Row(row)) => {
            let next = row.n > 0 && row.n - u64::from(row.counts) <= n;
            place == 0 || row.seq <= Some(seq.next()) || next
        }
        None => false,
    }
}

/// The last visible row of the log that has all before it that was not read. What is missing is a single line on the
/// screen, and may be hundreds of messages.
pub(super) fn seen<'a>(
    view: &RoomView,
    items: &[Item<'a>],
    visible: &[Visible],
    logged: usize,
) -> Option<&'a Row> {
    let whole = first_missing(view, items).unwrap_or(logged).min(logged);
    let last = visible.iter().rev().find(|part| part.item < whole)?;
    items.get(last.item).and_then(row_of)
}

/// Whether something unread is missing above the window: one has come by it before it was here.
pub(super) fn has_passed(view: &RoomView, items: &[Item<'_>], visible: &[Visible]) -> bool {
    let top = visible.first().map_or(0, |part| part.item);
    first_missing(view, items).is_some_and(|place| place < top)
}

/// Whether something unread is missing in the window, or behind it.
pub(super) fn is_missing(view: &RoomView, items: &[Item<'_>], visible: &[Visible]) -> bool {
    let top = visible.first().map_or(0, |part| part.item);
    let mut items = items.iter().skip(top);
    items.any(|item| is_unread_hole(view, item))
}

fn first_missing(view: &RoomView, items: &[Item<'_>]) -> Option<usize> {
    items.iter().position(|item| is_unread_hole(view, item))
}

fn is_unread_hole(view: &RoomView, item: &Item<'_>) -> bool {
    matches!(item, Item::Hole(hole) if hole.to > view.read.0)
}

/// How many messages behind a place are one's own, and so not unread.
pub(super) fn own_behind(place: Seq, view: &RoomView, me: Option<UserId>) -> u64 {
    let rows = view.timeline.rows().rev().take_while(|row| row.seq > Some(place));
    rows.filter(|row| row.counts && Some(row.from) == me).map(|_| 1).sum()
}

/// How many messages of others stand behind a place, which is so many from the beginning.
pub(super) fn below(view: &RoomView, (seq, n): (Seq, u64), me: Option<UserId>) -> u64 {
    view.head.1.saturating_sub(n.max(1)).saturating_sub(own_behind(seq, view, me))
}
