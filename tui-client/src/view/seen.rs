//! What of a chat counts as seen. Pure: asked whenever a window is laid out.

use liao_client_core::{model::RoomView, timeline::Row};
use liao_common::id::{Seq, UserId};

/// Whether nothing that counts lies between what is read and this row.
pub(super) fn reaches(view: &RoomView, row: &Row) -> bool {
    let (seq, n) = view.read;
    row.seq <= Some(seq.next()) || (row.n > 0 && row.n - u64::from(row.counts) <= n)
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
