//! Who may not enter a room, drawn: a line each, with the reason.

use liao_common::event::Ban;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    list::{list_box, list_rows, no_rows},
    paint::Paint,
};
use crate::{
    action::Action,
    app::Base,
    format::when,
    keymap::Mode,
    text::width::{columns, truncate},
    view::bans::BansView,
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, view: &mut BansView, base: &Base) {
    let bans = view.bans.as_deref().unwrap_or_default();
    let lift = (!bans.is_empty()).then_some(Action::LiftBan);
    let hints: Vec<Action> = lift.into_iter().chain([Action::Back]).collect();
    let count = lift.map_or(String::new(), |_| format!(" {}", bans.len()));
    let title = format!("{}{count}", paint.t("bans.title"));
    let inside = list_box(paint, window, &title, &[Mode::Bans], &hints);
    if bans.is_empty() {
        return no_rows(paint, inside, view.bans.is_some(), "room.no_bans");
    }
    list_rows(paint, inside, &mut view.list, (bans.len(), 1), |paint, place| {
        let ban = bans.get(place);
        ban.map(|ban| line(paint, ban, base, usize::from(inside.width))).into_iter().collect()
    });
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
