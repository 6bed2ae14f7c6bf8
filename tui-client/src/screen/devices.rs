//! The devices of the account, drawn: two lines each, the name and what is known of it.

use liao_common::event::Device;
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
    view::{
        devices::{DevicesView, named},
        hit::Hit,
    },
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, view: &mut DevicesView, base: &Base) {
    let hints = hints(view);
    let inside = list_box(paint, window, paint.t("devices.title"), &[Mode::Devices], &hints);
    let dim = paint.styles().dim;
    if view.rows().is_empty() {
        let text = match &view.devices {
            None => format!("{} …", paint.spinner()),
            Some(_) => paint.t("devices.none").to_owned(),
        };
        return paint.text(row(inside, 0), &text, dim);
    }
    let chosen = view.list.chosen(view.rows().len());
    let range = view.list.window(view.rows().len(), usize::from(inside.height / 2).max(1));
    for (at, place) in (0..).zip(range) {
        let Some(device) = view.rows().get(place) else { continue };
        let area = Rect { y: inside.y + 2 * at, height: 2.min(inside.height - 2 * at), ..inside };
        let (head, about) = lines(paint, device, base, usize::from(inside.width));
        paint.line(row(area, 0), head);
        if chosen == Some(place) {
            paint.choose(row(area, 0));
        }
        if area.height > 1 {
            paint.line(Rect { x: area.x + 2, width: area.width - 2, ..row(area, 1) }, about);
        }
        paint.hits.add(area, Hit::BoxRow(place));
    }
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

fn lines(
    paint: &Paint<'_, '_>,
    device: &Device,
    base: &Base,
    width: usize,
) -> (Line<'static>, Line<'static>) {
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
    (head, Line::from(Span::styled(about, styles.dim)))
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
