//! The last row: hints from the live key map or a sentence at the left; the connection in words, what is unsent and
//! what is being transferred at the right.

use liao_client_core::{model::Model, notice::LinkState};
use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::paint::{Paint, row};
use crate::{
    action::Action,
    app::Base,
    text::{
        width::{columns, pad_start},
        wrap,
    },
    view::{
        areas::{Areas, COLUMNS_NAMES},
        main::{Focus, MainView, Place},
        moves::unsent,
    },
};

/// Columns that the answer time takes, so that nothing moves when it changes.
const ONLINE_COLUMNS: usize = 7;

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    areas: &Areas,
    main: &MainView,
    model: &Model,
    base: &Base,
) {
    let area = areas.status;
    let ground = bg(paint);
    paint.shade(area, ground);
    let right = right(main, model, base);
    let left = beside(area, &right);
    paint.right(area, right);
    let hints = if paint.covered { Vec::new() } else { hints(main, model) };
    let Some(remark) = &main.remark else {
        return paint.hints(left, &main.modes(), &hints);
    };
    let note = note(areas, main, model, base);
    if note.is_empty() {
        let style = remark_style(base, remark.bad);
        return paint.line(left, Span::styled(remark.text.clone(), style.patch(ground)));
    }
    paint.hints(left, &main.modes(), &hints);
    paint.cover(areas.note);
    for (at, line) in (0..areas.note.height).zip(note) {
        let place = row(areas.note, at);
        paint.line(Rect { x: place.x + 1, width: place.width - 1, ..place }, line);
    }
}

/// What is left of the last row beside the connection.
fn beside(area: Rect, right: &Line<'_>) -> Rect {
    let wide = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    Rect { x: area.x + 1, width: area.width.saturating_sub(wide + 4), ..area }
}

/// A sentence that does not fit beside the connection, in lines: it stands above where one writes, whole. No
/// lines when there is none, or when it fits.
pub(crate) fn note(
    areas: &Areas,
    main: &MainView,
    model: &Model,
    base: &Base,
) -> Vec<Line<'static>> {
    let Some(remark) = &main.remark else { return Vec::new() };
    let left = beside(areas.status, &right(main, model, base));
    if columns(&remark.text) <= usize::from(left.width) {
        return Vec::new();
    }
    let style = remark_style(base, remark.bad);
    let width = usize::from(areas.timeline.width.saturating_sub(2));
    wrap::wrap_text(&remark.text, style, width).iter().map(wrap::Row::line).collect()
}

const fn remark_style(base: &Base, bad: bool) -> Style {
    let styles = &base.theme.styles;
    if bad { styles.error } else { styles.success }
}

fn bg(paint: &Paint<'_, '_>) -> Style {
    paint.styles().status.bg.map_or_else(Style::new, |bg| Style::new().bg(bg))
}

/// What one can do here, the most useful first. Those that do not fit are left out, but for the last.
fn hints(main: &MainView, model: &Model) -> Vec<Action> {
    match (main.place, main.focus) {
        (_, Focus::Sidebar) => vec![Action::Choose, Action::Back, Action::Next, Action::Help],
        (Place::Inbox, _) => main.inbox_hints(model),
        (_, Focus::Timeline) => main.message_hints(model),
        (_, Focus::Composer) if main.chat().is_some_and(|chat| chat.intent.is_some()) => {
            vec![Action::Send, Action::Back, Action::NewLine, Action::Help]
        }
        (_, Focus::Composer) => vec![
            Action::Send,
            Action::NewLine,
            Action::Switcher,
            Action::Inbox,
            Action::Online,
            Action::Transfers,
            Action::SendFile,
            Action::Help,
        ],
    }
}

fn right(main: &MainView, model: &Model, base: &Base) -> Line<'static> {
    let styles = &base.theme.styles;
    let mut parts: Vec<Span<'static>> = Vec::new();
    let unsent = unsent(model);
    let online = matches!(model.state, LinkState::Online { .. });
    let narrow = base.size.0 < COLUMNS_NAMES;
    if unsent > 0 && !online && !narrow {
        parts.push(Span::styled(
            format!("{}  ", base.words.count("status.unsent", unsent)),
            styles.status_bad,
        ));
    }
    if base.unkept.is_some() {
        let key = if narrow { "unkept.mark_short" } else { "unkept.mark" };
        parts.push(Span::styled(format!("{}  ", base.words.t(key)), styles.status_bad));
    }
    let moving = model.transfers.active().count();
    if moving > 0 {
        parts.push(Span::styled(format!("⇅ {moving}  "), styles.status));
    }
    parts.push(link(main, model, base));
    parts.push(Span::raw(" "));
    Line::from(parts)
}

fn link(main: &MainView, model: &Model, base: &Base) -> Span<'static> {
    let (good, bad) = (base.theme.styles.status, base.theme.styles.status_bad);
    let key = match &model.state {
        LinkState::Online { latency_ms } => {
            let text = latency(base, latency_ms.or(main.latency_ms));
            return Span::styled(pad_start(&text, ONLINE_COLUMNS), good);
        }
        LinkState::Waiting { retry_in_ms, .. } => {
            let until = main.link_since_ms.saturating_add(*retry_in_ms);
            let seconds = until.saturating_sub(base.now_ms).div_ceil(1000);
            let narrow = base.size.0 < COLUMNS_NAMES;
            let key = if narrow { "link.waiting_short" } else { "link.waiting" };
            return Span::styled(base.words.fill(key, &[("seconds", &seconds)]), bad);
        }
        LinkState::Connecting => "link.connecting",
        LinkState::Securing => "link.securing",
        LinkState::LoggingIn => "link.authenticating",
        LinkState::Syncing => "link.syncing",
        LinkState::Ended(_) => "link.offline",
    };
    Span::styled(base.words.t(key), bad)
}

/// How long the server takes to answer; until that is known, that one is connected.
fn latency(base: &Base, ms: Option<u64>) -> String {
    match ms {
        None => base.words.t("link.online").to_owned(),
        Some(0) => base.words.fill("status.latency", &[("ms", &"<1")]),
        Some(ms) => base.words.fill("status.latency", &[("ms", &ms)]),
    }
}
