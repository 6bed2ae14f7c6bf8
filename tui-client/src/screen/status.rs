//! The last row: hints from the live key map or a sentence at the left; the connection in words, what is unsent and
//! what is being transferred at the right.

use liao_client_core::{model::Model, notice::LinkState};
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::paint::Paint;
use crate::{
    action::Action,
    app::Base,
    text::width::truncate,
    view::{
        areas::COLUMNS_NAMES,
        main::{Focus, MainView, Place},
        moves::unsent,
    },
};

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    main: &MainView,
    model: &Model,
    base: &Base,
) {
    let ground = bg(paint);
    paint.shade(area, ground);
    let right = right(paint, main, model, base);
    let wide = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
    paint.right(area, right);
    let left = Rect { x: area.x + 1, width: area.width.saturating_sub(wide + 4), ..area };
    if let Some(flash) = &main.flash {
        let style = if flash.bad { paint.styles().error } else { paint.styles().success };
        let text = truncate(&flash.text, usize::from(left.width));
        return paint.line(left, Span::styled(text, style.patch(bg(paint))));
    }
    paint.hints(left, &main.modes(), hints(main, area.width));
}

fn bg(paint: &Paint<'_, '_>) -> ratatui::style::Style {
    paint
        .styles()
        .status
        .bg
        .map_or_else(ratatui::style::Style::new, |bg| ratatui::style::Style::new().bg(bg))
}

const fn hints(main: &MainView, width: u16) -> &'static [Action] {
    if width < 60 {
        return &[Action::Help];
    }
    match (main.place, main.focus) {
        (_, Focus::Sidebar) => &[Action::Choose, Action::Back, Action::Next, Action::Help],
        (Place::Inbox, _) => {
            &[Action::Choose, Action::MarkRead, Action::MarkAllRead, Action::NextTab, Action::Help]
        }
        (_, Focus::Timeline) => {
            &[Action::Save, Action::Copy, Action::Retry, Action::Back, Action::Help]
        }
        (_, Focus::Composer) => &[
            Action::Send,
            Action::NewLine,
            Action::Switcher,
            Action::Inbox,
            Action::Online,
            Action::Transfers,
            Action::Help,
        ],
    }
}

fn right(paint: &Paint<'_, '_>, main: &MainView, model: &Model, base: &Base) -> Line<'static> {
    let styles = paint.styles();
    let mut parts: Vec<Span<'static>> = Vec::new();
    let unsent = unsent(model);
    let online = matches!(model.state, LinkState::Online { .. });
    let narrow = base.size.0 < COLUMNS_NAMES;
    if unsent > 0 && !online && !narrow {
        parts.push(Span::styled(
            format!("{}  ", paint.words.count("status.unsent", unsent)),
            styles.status_bad,
        ));
    }
    if base.unkept.is_some() {
        let key = if narrow { "unkept.mark_short" } else { "unkept.mark" };
        parts.push(Span::styled(format!("{}  ", paint.t(key)), styles.status_bad));
    }
    let moving = model.transfers.active().count();
    if moving > 0 {
        parts.push(Span::styled(format!("⇅ {moving}  "), styles.status));
    }
    parts.push(link(paint, main, model, base));
    parts.push(Span::raw(" "));
    Line::from(parts)
}

fn link(paint: &Paint<'_, '_>, main: &MainView, model: &Model, base: &Base) -> Span<'static> {
    let (good, bad) = (paint.styles().status, paint.styles().status_bad);
    let key = match &model.state {
        LinkState::Online { latency_ms: Some(ms) } => {
            return Span::styled(paint.words.fill("status.latency", &[("ms", ms)]), good);
        }
        LinkState::Online { .. } => return Span::styled(paint.t("link.online"), good),
        LinkState::Waiting { retry_in_ms, .. } => {
            let until = main.link_since_ms.saturating_add(*retry_in_ms);
            let seconds = until.saturating_sub(base.now_ms).div_ceil(1000);
            let narrow = base.size.0 < COLUMNS_NAMES;
            let key = if narrow { "link.waiting_short" } else { "link.waiting" };
            return Span::styled(paint.words.fill(key, &[("seconds", &seconds)]), bad);
        }
        LinkState::Connecting => "link.connecting",
        LinkState::Securing => "link.securing",
        LinkState::LoggingIn => "link.authenticating",
        LinkState::Syncing => "link.syncing",
        LinkState::Ended(_) => "link.offline",
    };
    Span::styled(paint.t(key), bad)
}
