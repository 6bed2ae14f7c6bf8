//! Who speaks in the first line of the window, where the line that said so lies above it. Pure.

use liao_client_core::timeline::Row;
use ratatui::text::Line;

use super::{
    happening,
    message::{self, Look},
};

/// Spans before the text in the first line of a message, where the name stands beside it; in the others it is one.
const HEAD_SPANS: usize = 5;

/// Puts name and time to the first visible line, which is the line `at` of those of `row`. Where names have lines of
/// their own there is no room beside it: gives the line that shall stand above.
pub(crate) fn name_top(
    look: &Look<'_>,
    before: Option<&Row>,
    row: &Row,
    at: usize,
    line: &mut Line<'static>,
) -> Option<Line<'static>> {
    let lead = message::lead(look, before, row).len();
    let named = at == lead && !message::is_joined(look, before, row);
    if happening::is_one(row) || at < lead || named {
        return None;
    }
    if look.narrow() {
        return Some(message::name_line(look, row, look.width / 2));
    }
    let old = if at == lead { HEAD_SPANS } else { 1 };
    let head = message::head(look, row, look.time(row.at_ms), look.name(row.from));
    line.spans.splice(..old.min(line.spans.len()), head);
    None
}
