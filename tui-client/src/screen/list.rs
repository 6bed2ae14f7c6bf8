//! Lists in boxes above the screen: the box with its hints, the rows that fit with the chosen one among them, and
//! what stands there while nothing has come.

use ratatui::{layout::Rect, text::Line};

use super::paint::{Paint, centered, row};
use crate::{
    action::Action,
    keymap::Mode,
    view::{hit::Hit, list::ListView},
};

/// Rows of a box for a list: more is tiring to look through.
const LIST_ROWS_MAX: u16 = 28;

/// Columns by which what is said below a row's first line is set in.
const INDENT_COLUMNS: u16 = 2;

/// A box for a list, with its hints in the last row; gives the inside without them.
pub(super) fn list_box(
    paint: &mut Paint<'_, '_>,
    window: Rect,
    title: &str,
    modes: &[Mode],
    hints: &[Action],
) -> Rect {
    let low = window.height < 20;
    let width = if window.width < 64 { window.width } else { 72.min(window.width - 8) };
    let height = if low {
        window.height.saturating_sub(1)
    } else {
        (window.height * 2 / 3).clamp(14, LIST_ROWS_MAX)
    };
    let mut area = centered(window, width, height);
    area.y = if low { window.y } else { window.y + window.height / 8 };
    let inside = paint.popup(area, title);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let last = row(inside, inside.height.saturating_sub(1));
    paint.hints(last, modes, hints);
    Rect { height: inside.height.saturating_sub(2), ..inside }
}

/// As many of `count` rows as fit, each of so many lines at most, with the chosen one among them.
pub(super) fn list_rows<'l>(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    list: &mut ListView,
    (count, lines_max): (usize, u16),
    lines: impl Fn(&Paint<'_, '_>, usize) -> Vec<Line<'l>>,
) {
    let chosen = list.chosen(count);
    let mut free = area;
    for place in list.window(count, usize::from(area.height / lines_max).max(1)) {
        let spot = Rect { height: lines_max.min(free.height), ..free };
        if spot.is_empty() {
            return;
        }
        for (at, line) in (0..spot.height).zip(lines(paint, place)) {
            let indent = if at == 0 { 0 } else { INDENT_COLUMNS };
            let width = spot.width.saturating_sub(indent);
            paint.line(Rect { x: spot.x + indent, width, ..row(spot, at) }, line);
        }
        if chosen == Some(place) {
            paint.choose(row(spot, 0));
        }
        paint.hits.add(spot, Hit::BoxRow(place));
        free = Rect { y: spot.bottom(), height: free.height - spot.height, ..free };
    }
}

/// What stands in a list without rows: that it is on its way, or that there is nothing.
pub(super) fn no_rows(paint: &mut Paint<'_, '_>, area: Rect, has_come: bool, empty: &'static str) {
    let text =
        if has_come { paint.t(empty).to_owned() } else { format!("{} …", paint.spinner()) };
    let style = paint.styles().dim;
    paint.text(row(area, 0), &text, style);
}
