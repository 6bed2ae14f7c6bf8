//! Drawing only: from the state to cells, and to the list of what can be clicked. Changes nothing else, and says
//! nothing by itself: words come from the words, colours from the theme.

mod bans;
mod card;
mod chat;
mod devices;
mod dialog;
mod door;
mod form;
mod happening;
mod inbox;
mod list;
mod main;
mod menu;
pub(crate) mod message;
mod overlay;
mod paint;
mod popup;
mod search;
pub(crate) mod sending;
mod sidebar;
pub(crate) mod status;
mod tabs;
pub(crate) mod top;
pub(crate) mod transfer_line;

use ratatui::{Frame, layout::Rect};

use crate::{
    app::{App, Front},
    text::wrap,
    view::areas::{COLUMNS_MIN, ROWS_MIN},
};
use paint::{Paint, centered, row};

/// Draws everything.
pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    // The window may have changed since the state was settled; its news are on their way.
    let window = frame.area();
    app.base.size = (window.width, window.height);
    let mut hits = std::mem::take(&mut app.hits);
    hits.clear();
    let base = &app.base;
    let mut paint = Paint {
        theme: &base.theme,
        words: base.words,
        hits: &mut hits,
        zone: &base.zone,
        now_ms: base.now_ms,
        covered: app.help.is_some(),
        frame,
    };
    let ground = paint.styles().text;
    paint.shade(window, ground);
    if window.width < COLUMNS_MIN || window.height < ROWS_MIN {
        too_small(&mut paint, window);
    } else {
        match &mut app.front {
            Front::Door => door::draw(&mut paint, window, &app.door),
            Front::Main(main) => main::draw(&mut paint, main, &app.model, base),
        }
        if let Some(help) = &mut app.help {
            popup::help(&mut paint, window, help);
        }
    }
    app.hits = hits;
}

/// One sentence; nothing is lost while it stands.
fn too_small(paint: &mut Paint<'_, '_>, window: Rect) {
    let values: [(&str, &dyn std::fmt::Display); 2] =
        [("columns", &COLUMNS_MIN), ("rows", &ROWS_MIN)];
    let text = paint.words.fill("app.too_small", &values);
    let style = paint.styles().text;
    let lines = wrap::wrap_text(&text, style, usize::from(window.width));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let place = centered(window, window.width, height);
    for (at, line) in (0..place.height).zip(&lines) {
        paint.middle(row(place, at), line.line());
    }
}
