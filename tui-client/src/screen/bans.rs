//! Who may not enter a room, drawn: a line each, with the reason.

use liao_common::event::Ban;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    overlay::list_box,
    paint::{Paint, row},
};
use crate::{
    action::Action,
    app::Base,
    format::when,
    keymap::Mode,
    text::width::{columns, truncate},
    view::{bans::BansView, hit::Hit},
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, view: &mut BansView, base: &Base) {
    let len = view.rows().len();
    let lift = (len > 0).then_some(Action::LiftBan);
    let hints: Vec<Action> = lift.into_iter().chain([Action::Back]).collect();
    let count = if len > 0 { format!(" {len}") } else { String::new() };
    let title = format!("{}{count}", paint.t("bans.title"));
    let inside = list_box(paint, window, &title, &[Mode::Bans], &hints);
    let dim = paint.styles().dim;
    if len == 0 {
        let text = match &view.bans {
            None => format!("{} …", paint.spinner()),
            Some(_) => paint.t("room.no_bans").to_owned(),
        };
        return paint.text(row(inside, 0), &text, dim);
    }
    let chosen = view.list.chosen(len);
    for (at, place) in (0..).zip(view.list.window(len, usize::from(inside.height))) {
        let Some(ban) = view.rows().get(place) else { continue };
        let area = row(inside, at);
        let line = line(paint, ban, base, usize::from(inside.width));
        paint.line(area, line);
        if chosen == Some(place) {
            paint.choose(area);
        }
        paint.hits.add(area, Hit::BoxRow(place));
    }
}

/// The id, by which a ban is lifted, then the name where it differs, why, and since when.
fn line(paint: &Paint<'_, '_>, ban: &Ban, base: &Base, width: usize) -> Line<'static> {
    let styles = paint.styles();
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let since = when(signed(ban.at_ms), signed(base.now_ms), base.offset(ban.at_ms), base.words);
    let name = if ban.user.name == ban.user.id { "" } else { ban.user.name.as_str() };
    let facts: Vec<&str> =
        [name, ban.text.as_str()].into_iter().filter(|fact| !fact.is_empty()).collect();
    let id = truncate(&ban.user.id, width / 2);
    let free = width.saturating_sub(columns(&id) + columns(&since) + 4);
    let about = truncate(&facts.join(" · "), free);
    let gap = width.saturating_sub(columns(&id) + 2 + columns(&about) + columns(&since));
    Line::from(vec![
        Span::styled(id, styles.strong),
        Span::styled(format!("  {about}{}", " ".repeat(gap)), styles.popup),
        Span::styled(since, styles.dim),
    ])
}
