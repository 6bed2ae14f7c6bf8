//! The composer's text as rows in a box, and the caret's cell. One column stays free at the right, so that the
//! terminal's cursor, and with it an input method's box, always has a cell inside.

use super::motion::Step;
use crate::text::linebreak::{Break, break_rows, shown_columns};
use crate::text::width::clusters;
use crate::text::wrap::wrap_text;

/// One visible row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutRow {
    /// What is drawn.
    pub text: String,
    /// Byte offset of the row's beginning.
    pub start: usize,
}

/// A cell of the box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caret {
    /// Column, 0 is the left edge.
    pub x: usize,
    /// Row, 0 is the first visible row.
    pub y: usize,
}

/// The visible part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Visible rows, at least one.
    pub rows: Vec<LayoutRow>,
    /// The caret's cell.
    pub caret: Caret,
    /// Rows hidden above.
    pub first_row: usize,
    /// All rows, hidden ones counted.
    pub rows_total: usize,
    columns: usize,
}

impl Layout {
    /// Byte offset for a cell, as near as there is text.
    #[must_use]
    pub fn offset_at(&self, text: &str, x: usize, y: usize) -> usize {
        let place = self.first_row + y.min(self.rows.len().saturating_sub(1));
        let rows = break_rows(text, self.columns);
        rows.get(place).map_or(text.len(), |row| offset_in_row(text, row, x, self.columns))
    }
}

pub(super) fn lay_out(text: &str, caret: usize, width: usize, rows_max: usize) -> Layout {
    let columns = text_columns(width);
    let breaks = break_rows(text, columns);
    let caret_row = row_of(&breaks, caret);
    let visible = rows_max.max(1).min(breaks.len());
    // Rows are filled from the end, and the caret pulls the window up when it stands above.
    let first_row =
        caret_row.min(breaks.len() - visible).max((caret_row + 1).saturating_sub(visible));
    let drawn = wrap_text(text, ratatui::style::Style::new(), columns);
    let rows = drawn.iter().skip(first_row).take(visible);
    Layout {
        rows: rows.map(|row| LayoutRow { text: row.text(), start: row.range.start }).collect(),
        caret: Caret { x: caret_column(text, caret, width), y: caret_row - first_row },
        first_row,
        rows_total: breaks.len(),
        columns,
    }
}

/// Column of the caret in its row.
pub(super) fn caret_column(text: &str, caret: usize, width: usize) -> usize {
    let limit = text_columns(width);
    let breaks = break_rows(text, limit);
    let start = breaks.get(row_of(&breaks, caret)).map_or(0, |row| row.range.start);
    let before = text.get(start..caret).unwrap_or_default();
    let columns: usize = clusters(before).map(|cluster| shown_columns(&cluster, limit)).sum();
    // Spaces that hang over the edge take no cells.
    columns.min(limit)
}

/// Byte offset one row up or down, near the column; none at the edge.
pub(super) fn row_step(
    text: &str,
    caret: usize,
    width: usize,
    goal: usize,
    step: Step,
) -> Option<usize> {
    let limit = text_columns(width);
    let breaks = break_rows(text, limit);
    let row = row_of(&breaks, caret);
    let target = match step {
        Step::Back => row.checked_sub(1)?,
        Step::On => row + 1,
    };
    breaks.get(target).map(|row| offset_in_row(text, row, goal, limit))
}

fn text_columns(width: usize) -> usize {
    width.saturating_sub(1).max(1)
}

/// At a soft end the caret belongs to the row that begins there.
fn row_of(breaks: &[Break], caret: usize) -> usize {
    breaks.iter().rposition(|row| row.range.start <= caret).unwrap_or_default()
}

fn offset_in_row(text: &str, row: &Break, x: usize, limit: usize) -> usize {
    let shown = text.get(row.shown.clone()).unwrap_or_default();
    let mut used = 0;
    let mut last_start = row.shown.start;
    for cluster in clusters(shown) {
        let columns = shown_columns(&cluster, limit);
        last_start = row.shown.start + cluster.start;
        // The nearer edge of a wide character wins.
        if x < used + columns.div_ceil(2) {
            return last_start;
        }
        used += columns;
    }
    // Behind the last character of a softly broken row the caret would jump to the next row.
    let soft = row.shown.end == row.range.end && row.range.end < text.len();
    if soft { last_start } else { row.shown.end }
}
