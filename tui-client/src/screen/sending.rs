//! Files on their way to a room, which have no entry there before they have arrived. Pure.

use liao_client_core::{
    model::Model,
    transfer::{Direction, Phase, Transfer},
};
use liao_common::id::RoomId;
use ratatui::text::{Line, Span};

use super::{
    message::{self, Look},
    transfer_line,
};
use crate::{
    app::Base,
    format,
    text::width::{pad, truncate},
    view::timeline::TimelineView,
};

/// Files on their way to a room, which have no entry before they are there: as many of the newest as fit into
/// `rows` lines.
pub(crate) fn sending(
    base: &Base,
    model: &Model,
    room: RoomId,
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let view = TimelineView::default();
    let look = Look { base, model, view: &view, room, width, unread: 0, beginning: None };
    let is_under_way = |row: &&Transfer| {
        row.room == room
            && row.direction == Direction::Upload
            && !matches!(row.phase, Phase::Done { .. } | Phase::Cancelled)
    };
    let mut shown: Vec<Vec<Line<'static>>> = Vec::new();
    for transfer in model.transfers.iter().filter(is_under_way) {
        let styles = &base.theme.styles;
        let name = truncate(&transfer.name, look.text_columns().saturating_sub(14));
        let head = Line::from(vec![
            Span::styled("▤ ", styles.accent),
            Span::styled(name, styles.strong),
            Span::styled(format!("  {}", format::size(transfer.size)), styles.dim),
        ]);
        let mut body = vec![head];
        body.extend(transfer_line::lines(base, transfer, look.text_columns()));
        shown.push(message::indent(body, sender_head(&look), look.gutter()));
    }
    // The newest as far as there is room, each of them whole.
    let mut free = rows.max(2);
    let fits = |file: &&Vec<Line<'static>>| {
        let left = free.checked_sub(file.len());
        free = left.unwrap_or(0);
        left.is_some()
    };
    let count = shown.iter().rev().take_while(fits).count().max(1).min(shown.len());
    shown.split_off(shown.len() - count).into_iter().flatten().collect()
}

/// Whose file it is that has no entry yet: it must not seem to belong to the row above.
fn sender_head(look: &Look<'_>) -> Vec<Span<'static>> {
    let styles = &look.base.theme.styles;
    let Some(me) = look.model.my_id().filter(|_| !look.narrow()) else {
        return vec![Span::raw(" ".repeat(look.gutter()))];
    };
    vec![
        Span::styled("    ↑   ", styles.time),
        Span::styled(pad(look.name(me), look.name_columns()), styles.name_self),
        Span::raw("  "),
    ]
}
