//! The devices of the account, drawn: two lines each, the name and what is known of it.

use liao_common::event::Device;
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
    view::devices::{DevicesView, named},
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, view: &mut DevicesView, base: &Base) {
    let hints = hints(view);
    let inside = list_box(paint, window, paint.t("devices.title"), &[Mode::Devices], &hints);
    let devices = view.devices.as_deref().unwrap_or_default();
    if devices.is_empty() {
        return no_rows(paint, inside, view.devices.is_some(), "devices.none");
    }
    list_rows(paint, inside, &mut view.list, (devices.len(), 2), |paint, place| {
        let device = devices.get(place);
        device.map_or_else(Vec::new, |device| lines(paint, device, base, usize::from(inside.width)))
    });
}

/// What can be done with the chosen one.
fn hints(view: &DevicesView) -> Vec<Action> {
    let mut hints = Vec::new();
    if view.chosen().is_some_and(|device| !device.here) {
        hints.push(Action::LogOutDevice);
    }
    if view.others().next().is_some() {
        hints.push(Action::LogOutOthers);
    }
    hints.push(Action::Back);
    hints
}

fn lines(paint: &Paint<'_, '_>, device: &Device, base: &Base, width: usize) -> Vec<Line<'static>> {
    let styles = paint.styles();
    let (mark, style) = if device.online { ("●", styles.success) } else { ("○", styles.dim) };
    let note = if device.here { paint.t("devices.here") } else { "" };
    let free = width.saturating_sub(columns(note) + 5);
    let head = Line::from(vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(truncate(&named(device, base), free), styles.strong),
        Span::styled(format!("  {note}"), styles.accent),
    ]);
    let about = truncate(&about(paint, device, base), width.saturating_sub(2));
    vec![head, Line::from(Span::styled(about, styles.dim))]
}

/// When it was there last, and since when it is logged in.
fn about(paint: &Paint<'_, '_>, device: &Device, base: &Base) -> String {
    let time = |at_ms: u64| {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        when(signed(at_ms), signed(base.now_ms), base.offset(at_ms), base.words)
    };
    let seen = match device.seen {
        _ if device.online => paint.t("devices.online").to_owned(),
        0 => String::new(),
        seen => paint.words.fill("devices.seen", &[("when", &time(seen))]),
    };
    let since = paint.words.fill("devices.since", &[("when", &time(device.since))]);
    if seen.is_empty() { since } else { format!("{seen} · {since}") }
}
