//! Forms, drawn: labels, fields with the real cursor, errors under the field they belong to, the wait.

use ratatui::{
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{
    door::hint_row,
    paint::{Paint, centered, row},
};
use crate::{
    action::Action,
    form::{Field, Form, Submit},
    keymap::Mode,
    text::{
        width::{columns, truncate},
        wrap,
    },
    view::{
        door::{Door, cut_sentence},
        entry::{EntryKind, EntryView},
        hit::Hit,
    },
};

use liao_client_core::notice::LinkState;

/// Columns of a form.
const FORM_COLUMNS: u16 = 56;

/// The form that asks where the server is.
pub(super) fn address(paint: &mut Paint<'_, '_>, window: Rect, form: &Form) {
    let area = centered(window, FORM_COLUMNS.min(window.width - 4), 6);
    title(paint, row(area, 0), paint.t(form.title));
    fields(paint, Rect { y: area.y + 2, height: area.height - 2, ..area }, form, true, None);
    hint_row(paint, window, &[Mode::Form], &[Action::Submit, Action::Back, Action::Help]);
}

/// Login and register.
pub(super) fn entry(paint: &mut Paint<'_, '_>, window: Rect, view: &EntryView, door: &Door) {
    let rows = u16::try_from(view.form.fields().len()).unwrap_or(4);
    // Two rows for each field where there is room for errors, one where there is not.
    let airy = window.height >= rows * 2 + 9;
    let height = rows * if airy { 2 } else { 1 } + 7;
    let area = centered(window, FORM_COLUMNS.min(window.width - 4), height.min(window.height - 1));
    title(paint, row(area, 0), paint.t(view.form.title));
    if let Some(server) = &door.server {
        let style = paint.styles().dim;
        let name = if server.name() == crate::view::server::PRIVATE_NAME {
            paint.t("menu.private_server").to_owned()
        } else {
            server.name()
        };
        let name = truncate(&name, usize::from(area.width).saturating_sub(14));
        paint.right(row(area, 0), Line::from(Span::styled(name, style)));
    }
    let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let used = fields(paint, list, &view.form, airy, (!view.keep_focused).then_some(()));
    let tick = Rect { y: list.y + used, height: 1, ..list };
    tick_box(
        paint,
        tick,
        paint.t("login.keep"),
        view.keep,
        view.keep_focused,
        view.form.fields().len(),
    );
    let foot =
        Rect { y: tick.y + 2, height: window.bottom().saturating_sub(tick.y + 3).min(3), ..area };
    let said = view.form.fields().get(view.form.focus()).and_then(|field| remark_of(paint, field));
    match said.filter(|_| !airy && *view.form.submit() == Submit::Editing) {
        Some((style, text)) => sentence(paint, foot, &text, style),
        None => outcome(paint, foot, &view.form, door),
    }
    let submit: &[Action] = match (&view.form.submit(), view.kind) {
        (Submit::Waiting(_), _) => &[Action::Back],
        (_, EntryKind::LogIn | EntryKind::Register) => {
            &[Action::Submit, Action::Next, Action::ShowPassword, Action::Back]
        }
    };
    hint_row(paint, window, &[Mode::Form], submit);
}

fn title(paint: &mut Paint<'_, '_>, area: Rect, text: &str) {
    let style = paint.styles().heading;
    paint.text(area, text, style);
}

/// Draws the fields; gives the rows they took. `focus` none means the focus is elsewhere.
pub(super) fn fields(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    form: &Form,
    airy: bool,
    focus: Option<()>,
) -> u16 {
    let labels = form.fields().iter().map(|field| columns(paint.words.t(field.label)));
    let label_columns =
        u16::try_from(labels.max().unwrap_or(8) + 2).unwrap_or(16).min(area.width / 2);
    let focused = airy && form.fields().len() == 1 || focus.is_some();
    let step = if airy { 2 } else { 1 };
    let mut rows = u16::try_from(form.fields().len()).unwrap_or(0) * step;
    for (place, field) in form.fields().iter().enumerate() {
        let at = u16::try_from(place).unwrap_or(u16::MAX).saturating_mul(step);
        let line = row(area, at);
        if line.height == 0 {
            break;
        }
        let has_focus = focused && place == form.focus() && !form.is_waiting();
        let label = if has_focus { paint.styles().strong } else { paint.styles().dim };
        paint.text(Rect { width: label_columns, ..line }, paint.words.t(field.label), label);
        let value = Rect { x: line.x + label_columns, width: line.width - label_columns, ..line };
        value_of(paint, value, form, place, has_focus);
        paint.hits.add(line, Hit::Field(place));
        if airy {
            // Below the last field there is room for a long sentence.
            let is_last = place + 1 == form.fields().len();
            let below = row(area, at + 1);
            let tall = Rect { height: 2.min(area.bottom().saturating_sub(below.y)), ..below };
            let taken = remark(paint, if is_last { tall } else { below }, value.x + 2, field);
            rows += taken.saturating_sub(1);
        } else if field.error.is_some() {
            let style = paint.styles().error;
            paint.right(line, Line::from(Span::styled("✗", style)));
        }
    }
    rows
}

fn value_of(paint: &mut Paint<'_, '_>, area: Rect, form: &Form, place: usize, has_focus: bool) {
    let (mark, input, soft) =
        (paint.styles().prompt, paint.styles().input, paint.styles().placeholder);
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    paint.line(
        area,
        Span::styled(if has_focus { "❯" } else { "·" }, if has_focus { mark } else { soft }),
    );
    let view = form.view(place, usize::from(inner.width));
    let hint = form.fields().get(place).map_or("", |field| field.hint);
    if view.text.is_empty() && !hint.is_empty() {
        paint.text(
            Rect { x: inner.x + 1, width: inner.width - 1, ..inner },
            paint.words.t(hint),
            soft,
        );
    } else {
        paint.line(inner, Span::styled(view.text, input));
    }
    if has_focus {
        let x =
            inner.x + u16::try_from(view.caret_x).unwrap_or(0).min(inner.width.saturating_sub(1));
        paint.frame.set_cursor_position(Position::new(x, inner.y));
    }
}

/// The error of a field, or how strong its password is.
fn remark_of(paint: &Paint<'_, '_>, field: &Field) -> Option<(Style, String)> {
    if let Some(error) = &field.error {
        return Some((paint.styles().error, error.sentence(paint.words)));
    }
    let strength = field.strength()?;
    let level = usize::from(strength.level());
    let style = if level < 2 { paint.styles().warning } else { paint.styles().success };
    let meter = format!("{}{}", "━".repeat(level + 1), "╌".repeat(4 - level));
    Some((style, format!("{meter} {}", paint.words.t(strength.word_key()))))
}

/// Draws the remark under the field, from the label's column where it would not fit behind it.
/// Gives the rows it took.
fn remark(paint: &mut Paint<'_, '_>, line: Rect, value_x: u16, field: &Field) -> u16 {
    let Some((style, text)) = remark_of(paint, field) else { return 0 };
    let behind = usize::from(line.right().saturating_sub(value_x));
    let x = if columns(&text) <= behind { value_x } else { line.x };
    let place = Rect { x, width: line.right() - x, ..line };
    sentence(paint, place, &text, style);
    let rows = wrap::wrap_text(&text, style, usize::from(place.width.max(1))).len();
    u16::try_from(rows).unwrap_or(u16::MAX).min(line.height)
}

/// A box to tick.
pub(super) fn tick_box(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    text: &str,
    ticked: bool,
    has_focus: bool,
    place: usize,
) {
    let style = if has_focus { paint.styles().strong } else { paint.styles().dim };
    let mark = if has_focus { paint.styles().prompt } else { paint.styles().dim };
    let sign = if ticked { "[✓] " } else { "[ ] " };
    let text = truncate(text, usize::from(area.width.saturating_sub(6)));
    paint.line(area, Line::from(vec![Span::styled(sign, mark), Span::styled(text, style)]));
    if has_focus {
        paint.frame.set_cursor_position(Position::new(area.x + 1, area.y));
    }
    paint.hits.add(area, Hit::Field(place));
}

/// What is being waited for, or why it failed.
fn outcome(paint: &mut Paint<'_, '_>, area: Rect, form: &Form, door: &Door) {
    let (style, text) = match form.submit() {
        Submit::Editing => return,
        Submit::Failed(sentence) => (paint.styles().error, sentence.clone()),
        Submit::Waiting(key) => {
            let words = match &door.link {
                Some(LinkState::Connecting) => paint.t("link.connecting").to_owned(),
                Some(LinkState::Securing) => paint.t("link.securing").to_owned(),
                Some(LinkState::Waiting { why, .. }) => {
                    let name = door
                        .server
                        .as_ref()
                        .map_or(String::new(), |server| server.address().to_string());
                    cut_sentence(why, &name, paint.words)
                }
                _ => paint.words.t(key).to_owned(),
            };
            (paint.styles().accent, format!("{} {words}", paint.spinner()))
        }
    };
    sentence(paint, area, &text, style);
}

fn sentence(paint: &mut Paint<'_, '_>, area: Rect, text: &str, style: Style) {
    let lines = wrap::wrap_text(text, style, usize::from(area.width));
    for (at, line) in (0..area.height).zip(&lines) {
        paint.line(row(area, at), line.line());
    }
}
