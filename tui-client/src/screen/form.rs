//! Forms, drawn: labels, fields with the real cursor, errors under the field they belong to, the wait.

use liao_client_core::notice::LinkState;
use ratatui::{
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{
    card::{Keys, Room, Title, prose, wording},
    door::wait,
    paint::{Paint, row},
};
use crate::{
    action::Action,
    form::{Field, Form, Submit},
    text::width::columns,
    view::{
        door::{Door, cut_sentence},
        entry::EntryView,
        hit::Hit,
        server::Server,
    },
};

/// Columns of the mark before what is typed.
const MARK_COLUMNS: u16 = 2;

/// Columns of the bar that shows how strong a password is.
const METER_COLUMNS: usize = 20;

/// Rows for a sentence below a form.
const SAID_ROWS_MAX: u16 = 3;

/// Where typing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// Into a field.
    Here,
    /// Into something beside the fields.
    Elsewhere,
}

/// The form that asks where the server is.
pub(super) fn address(paint: &mut Paint<'_, '_>, window: Rect, form: &Form) {
    let keys = Keys::of(&[crate::keymap::Mode::Form])
        .must(Action::Submit, paint.t(form.verb))
        .must(Action::Back, paint.t("hint.back"))
        .may(Action::Help, paint.t("hint.help"));
    let Some(room) = Room::of(window).next() else { return };
    let title = Title { text: paint.t(form.title), style: paint.styles().heading, note: "" };
    let text = prose(paint.t("server.address_text"), paint.styles().text, room.width, 3);
    let above = u16::try_from(text.len()).unwrap_or(0) + 1;
    let wanted = rows(paint, form, room.width, room.framed);
    let (inside, keys_row) = room.open(paint, window, &title, above + 2, wanted.saturating_sub(2));
    for (at, line) in (0..inside.height).zip(text) {
        paint.line(row(inside, at), line);
    }
    let list = below(inside, above);
    let used = fields(paint, list, form, room.framed, Focus::Here);
    if !room.framed {
        let foot = below(list, used + 1);
        let said = said_below(paint, form, foot.width);
        for (at, line) in (0..foot.height).zip(said) {
            paint.line(row(foot, at), line);
        }
    }
    keys.draw(paint, keys_row, room.framed);
}

/// What is left of an area below its first rows.
const fn below(area: Rect, rows: u16) -> Rect {
    Rect { y: area.y.saturating_add(rows), height: area.height.saturating_sub(rows), ..area }
}

/// Login and register.
pub(super) fn entry(paint: &mut Paint<'_, '_>, window: Rect, view: &EntryView, door: &Door) {
    let server = server_name(paint, door);
    if let (Some(user), Submit::Waiting(key)) = (door.remembered_login(), view.form.submit()) {
        let title = paint.words.fill("menu.remembered", &[("name", &user)]);
        return wait(paint, window, &title, &waiting_for(paint, key, door), &server);
    }
    let title =
        Title { text: paint.t(view.form.title), style: paint.styles().heading, note: &server };
    // Two rows for each field: the second is a line, or what is to be said about the field. Then the box, and a
    // row for what is waited for, both with air above.
    let base = 2 * u16::try_from(view.form.fields().len()).unwrap_or(4) + 4;
    let Some(room) = Room::of(window).find(|room| !room.framed || base <= room.rows) else {
        return;
    };
    let said = match outcome(paint, &view.form, door) {
        Some((style, text)) => prose(&text, style, room.width, SAID_ROWS_MAX),
        None if !room.framed => said_below(paint, &view.form, room.width),
        None => Vec::new(),
    };
    let said_rows = u16::try_from(said.len()).unwrap_or(0);
    let air = u16::from(room.framed);
    let full = rows(paint, &view.form, room.width, room.framed) + air + 2 + said_rows.max(1);
    let more = if room.framed { full.saturating_sub(base) } else { 0 };
    let (inside, keys_row) = room.open(paint, window, &title, base.min(full), more);
    let focus = if view.keep_focused { Focus::Elsewhere } else { Focus::Here };
    let used = fields(paint, inside, &view.form, room.framed, focus) + air;
    let texts = [paint.t("login.keep"), paint.t("login.keep_short")];
    let count = view.form.fields().len();
    tick_box(paint, row(inside, used), &texts, view.keep, view.keep_focused, count);
    let foot =
        Rect { y: inside.y + used + 2, height: inside.height.saturating_sub(used + 2), ..inside };
    for (at, line) in (0..foot.height).zip(said) {
        paint.line(row(foot, at), line);
    }
    entry_keys(paint, view, &door.modes()).draw(paint, keys_row, room.framed);
}

fn entry_keys<'m>(
    paint: &Paint<'_, '_>,
    view: &EntryView,
    modes: &'m [crate::keymap::Mode],
) -> Keys<'m> {
    if view.form.is_waiting() {
        return Keys::of(modes).must(Action::Back, paint.t("hint.cancel"));
    }
    let at_end = view.keep_focused || view.form.is_at_end();
    let enter = if at_end { view.form.verb } else { "hint.next" };
    let mut keys = Keys::of(modes).must(Action::Submit, paint.t(enter));
    if view.keep_focused {
        keys = keys.typed(paint.t("key.space"), paint.t("hint.tick"));
    } else {
        keys = keys.must(Action::ShowPassword, reveal_word(paint, &view.form));
    }
    keys = keys.must(Action::Back, paint.t("hint.back"));
    if at_end && !view.keep_focused {
        keys = keys.may(Action::Next, paint.t("hint.next"));
    }
    keys.may(Action::Help, paint.t("hint.help"))
}

/// What the key for passwords does now.
pub(super) fn reveal_word(paint: &Paint<'_, '_>, form: &Form) -> &'static str {
    paint.t(if form.revealed() { "hint.hide_password" } else { "hint.show_password" })
}

fn server_name(paint: &Paint<'_, '_>, door: &Door) -> String {
    match &door.server {
        None => String::new(),
        Some(Server::Private) => paint.t("menu.private_server_short").to_owned(),
        Some(server) => server.address().to_string(),
    }
}

/// Rows that the fields take.
pub(super) fn rows(paint: &Paint<'_, '_>, form: &Form, width: u16, airy: bool) -> u16 {
    let value = value_columns(paint, form, width);
    let of = |field: &Field| 1 + if airy { remark(paint, field, value).len().max(1) } else { 0 };
    u16::try_from(form.fields().iter().map(of).sum::<usize>()).unwrap_or(u16::MAX)
}

fn label_columns(paint: &Paint<'_, '_>, form: &Form, width: u16) -> u16 {
    let labels = form.fields().iter().map(|field| columns(paint.words.t(field.label)));
    u16::try_from(labels.max().unwrap_or(8) + 2).unwrap_or(16).min(width / 2)
}

fn value_columns(paint: &Paint<'_, '_>, form: &Form, width: u16) -> u16 {
    width.saturating_sub(label_columns(paint, form, width) + MARK_COLUMNS)
}

/// Draws the fields, `airy` with a line under each; gives the rows they took.
pub(super) fn fields(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    form: &Form,
    airy: bool,
    focus: Focus,
) -> u16 {
    let labels = label_columns(paint, form, area.width);
    let mut at = 0;
    for (place, field) in form.fields().iter().enumerate() {
        let line = row(area, at);
        if line.height == 0 {
            break;
        }
        let has_focus = focus == Focus::Here && place == form.focus() && !form.is_waiting();
        let style = if has_focus { paint.styles().strong } else { paint.styles().dim };
        paint.text(
            Rect { width: labels.saturating_sub(1), ..line },
            paint.words.t(field.label),
            style,
        );
        let mut value = Rect { x: line.x + labels, width: line.width - labels, ..line };
        paint.hits.add(line, Hit::Field(place));
        at += 1;
        if airy {
            at += under(paint, row(area, at), area.bottom(), value, field, has_focus);
        } else if field.error.is_some() {
            let style = paint.styles().error;
            paint.right(line, Line::from(Span::styled("✗", style)));
            value.width = value.width.saturating_sub(2);
        }
        value_of(paint, value, form, place, has_focus);
    }
    at
}

/// Under a field: what is to be said about it, or a line. Gives the rows.
fn under(
    paint: &mut Paint<'_, '_>,
    first: Rect,
    bottom: u16,
    value: Rect,
    field: &Field,
    has_focus: bool,
) -> u16 {
    let place = Rect { x: value.x + MARK_COLUMNS, width: value.width - MARK_COLUMNS, ..first };
    let said = remark(paint, field, place.width);
    if said.is_empty() {
        let style = if has_focus { paint.styles().border_focus } else { paint.styles().border };
        if place.height > 0 {
            paint.rule(place, style);
        }
        return 1;
    }
    let area = Rect { height: bottom.saturating_sub(place.y), ..place };
    let count = u16::try_from(said.len()).unwrap_or(u16::MAX);
    for (at, line) in (0..area.height).zip(said) {
        paint.line(row(area, at), line);
    }
    count
}

fn value_of(paint: &mut Paint<'_, '_>, area: Rect, form: &Form, place: usize, has_focus: bool) {
    let (mark, input, soft) =
        (paint.styles().prompt, paint.styles().input, paint.styles().placeholder);
    let inner =
        Rect { x: area.x + MARK_COLUMNS, width: area.width.saturating_sub(MARK_COLUMNS), ..area };
    if has_focus {
        paint.line(area, Span::styled("❯", mark));
    }
    let view = form.view(place, usize::from(inner.width));
    let hint = form.fields().get(place).map_or("", |field| field.hint);
    if view.text.is_empty() && !hint.is_empty() {
        paint.text(inner, paint.words.t(hint), soft);
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
fn remark(paint: &Paint<'_, '_>, field: &Field, width: u16) -> Vec<Line<'static>> {
    if let Some(error) = &field.error {
        // The mark says without colours too that it is an error.
        let text = format!("✗ {}", error.sentence(paint.words));
        return prose(&text, paint.styles().error, width, u16::MAX);
    }
    let Some(strength) = field.strength() else { return Vec::new() };
    let level = usize::from(strength.level());
    let style = if level < 2 { paint.styles().warning } else { paint.styles().success };
    let word = paint.words.t(strength.word_key());
    let meter = METER_COLUMNS.min(usize::from(width).saturating_sub(columns(word) + 1));
    let done = meter * (level + 1) / 5;
    vec![Line::from(vec![
        Span::styled("━".repeat(done), style),
        Span::styled("─".repeat(meter - done), paint.styles().border),
        Span::styled(format!(" {word}"), style),
    ])]
}

/// On a low window the fields stand close, and what is to be said about one of them stands below all.
fn said_below(paint: &Paint<'_, '_>, form: &Form, width: u16) -> Vec<Line<'static>> {
    let focused = form.fields().get(form.focus());
    match focused.map(|field| (field, &field.error)) {
        None => Vec::new(),
        Some((field, None)) => remark(paint, field, width),
        Some((_, Some(error))) => {
            prose(&error.sentence(paint.words), paint.styles().error, width, SAID_ROWS_MAX)
        }
    }
}

/// A box to tick, with the first of some wordings that fits.
pub(super) fn tick_box(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    texts: &[&str],
    ticked: bool,
    has_focus: bool,
    place: usize,
) {
    let style = if has_focus { paint.styles().strong } else { paint.styles().dim };
    let mark = if has_focus { paint.styles().prompt } else { paint.styles().dim };
    let sign = if ticked { "[✓] " } else { "[ ] " };
    let text = wording(texts, area.width.saturating_sub(4));
    paint.line(area, Line::from(vec![Span::styled(sign, mark), Span::styled(text, style)]));
    if has_focus {
        paint.frame.set_cursor_position(Position::new(area.x + 1, area.y));
    }
    paint.hits.add(area, Hit::Field(place));
}

/// What is being waited for, or why it failed.
fn outcome(paint: &Paint<'_, '_>, form: &Form, door: &Door) -> Option<(Style, String)> {
    match form.submit() {
        Submit::Editing => None,
        Submit::Failed(key) => Some((paint.styles().error, paint.words.t(key).to_owned())),
        Submit::Waiting(key) => {
            let text = format!("{} {}", paint.spinner(), waiting_for(paint, key, door));
            Some((paint.styles().accent, text))
        }
    }
}

fn waiting_for(paint: &Paint<'_, '_>, key: &'static str, door: &Door) -> String {
    match &door.link {
        Some(LinkState::Connecting) => paint.t("link.connecting").to_owned(),
        Some(LinkState::Securing) => paint.t("link.securing").to_owned(),
        Some(LinkState::Waiting { why, .. }) => {
            let address =
                door.server.as_ref().map_or(String::new(), |server| server.address().to_string());
            cut_sentence(why, &address, paint.words)
        }
        _ => paint.t(key).to_owned(),
    }
}
