//! The box of a search, drawn: a line for each message, with the word that was found, and how far back one looked.

use liao_client_core::model::Model;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    list::{list_box, list_rows},
    paint::{Paint, row},
    popup,
};
use crate::{
    action::Action,
    app::Base,
    format::when,
    keymap::Mode,
    text::width::{columns, pad, truncate, truncate_start},
    view::{
        chat::title_of,
        search::{FoundRow, Reach, SearchView},
    },
};

/// Columns for the name of who said it; in a narrow box fewer.
const NAME_COLUMNS: usize = 12;

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    window: Rect,
    view: &mut SearchView,
    model: &Model,
    base: &Base,
) {
    let title = paint.words.fill("search.title", &[("room", &title_of(model, view.room))]);
    let hints = [Action::Choose, Action::Back];
    let inside = list_box(paint, window, &title, &[Mode::List], &hints);
    popup::search(paint, row(inside, 0), &view.query, "search.placeholder");
    if view.query.trim().is_empty() {
        return;
    }
    let rows = view.rows(model);
    let (style, note) = (paint.styles().dim, note(paint, view, &rows, model, base));
    paint.text(row(inside, 1), &truncate(&note, usize::from(inside.width)), style);
    let list = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    let width = usize::from(list.width);
    list_rows(paint, list, &mut view.list, (rows.len(), 1), |paint, place| {
        rows.get(place).map(|row| line(paint, row, model, base, width)).into_iter().collect()
    });
}

/// How much was found, and where one looked.
fn note(
    paint: &Paint<'_, '_>,
    view: &SearchView,
    found: &[FoundRow],
    model: &Model,
    base: &Base,
) -> String {
    let count = paint.words.count("search.found", u64::try_from(found.len()).unwrap_or(u64::MAX));
    match view.reach(model, found) {
        Reach::Whole => count,
        Reach::Going => format!("{count} · {}", paint.t("search.going")),
        Reach::Since(at_ms) => {
            let since = time(at_ms, base);
            format!("{count} · {}", paint.words.fill("search.since", &[("time", &since)]))
        }
    }
}

fn time(at_ms: u64, base: &Base) -> String {
    when(at_ms.cast_signed(), base.now_ms.cast_signed(), base.offset(at_ms), base.words)
}

fn line(
    paint: &Paint<'_, '_>,
    item: &FoundRow,
    model: &Model,
    base: &Base,
    width: usize,
) -> Line<'static> {
    let styles = paint.styles();
    let time = time(item.at_ms, base);
    let person = model.people.find(item.from);
    let name_style = person.map_or(styles.text, |person| paint.theme.name_style(&person.id));
    let name = pad(model.name(item.from).unwrap_or("…"), NAME_COLUMNS.min(width / 4));
    let free = width.saturating_sub(columns(&time) + columns(&name) + 4);
    // As much of the beginning as has room beside the rest, and at least a third of the line.
    let rest = columns(&item.hit) + columns(&item.after);
    let before = truncate_start(&item.before, free.saturating_sub(rest).max(free / 3));
    let hit = truncate(&item.hit, free.saturating_sub(columns(&before)));
    let after = truncate(&item.after, free.saturating_sub(columns(&before) + columns(&hit)));
    Line::from(vec![
        Span::styled(format!("{time}  "), styles.time),
        Span::styled(format!("{name}  "), name_style),
        Span::styled(before, styles.popup),
        Span::styled(hit, styles.found),
        Span::styled(after, styles.popup),
    ])
}
