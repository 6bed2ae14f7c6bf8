//! The main screen: puts its parts together.

use liao_client_core::model::Model;

use super::{chat, inbox, overlay, paint::Paint, sidebar, status, tabs};
use crate::{
    app::Base,
    view::main::{MainView, Place},
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, main: &mut MainView, model: &Model, base: &Base) {
    let areas = main.areas_with_note(model, base);
    tabs::draw(paint, areas.tabs, main, model);
    let border = paint.styles().border;
    paint.rule(areas.rule, border);
    match main.place {
        Place::Inbox => inbox::draw(paint, &areas, main, model, base),
        Place::Room(room) => chat::draw(paint, &areas, main, room, model),
    }
    if let Some(area) = areas.sidebar {
        sidebar::draw(paint, area, areas.sidebar_floats, main, model);
        let joint = ratatui::layout::Rect { x: area.x, width: 1, ..areas.composer_rule };
        if !areas.sidebar_floats && joint.height > 0 {
            paint.line(joint, ratatui::text::Span::styled("┤", border));
        }
        if !areas.sidebar_floats && areas.rule.height > 0 {
            paint.line(
                ratatui::layout::Rect { x: area.x, width: 1, ..areas.rule },
                ratatui::text::Span::styled("┬", border),
            );
        }
    }
    status::draw(paint, &areas, main, model, base);
    overlay::draw(paint, main, model, base);
}
