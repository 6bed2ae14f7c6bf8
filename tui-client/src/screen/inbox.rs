//! The inbox, drawn: one row for each thing that waits, two where the window is narrow.

use liao_client_core::{
    inbox::{InboxKind, InboxRow, inbox},
    model::Model,
};
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::paint::{Paint, row};
use crate::{
    app::Base,
    format::{badge, when},
    text::width::{columns, pad, pad_start, truncate},
    view::{
        areas::{Areas, COLUMNS_NAMES},
        chat::title_of,
        hit::Hit,
        main::{Focus, MainView},
    },
};

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    areas: &Areas,
    main: &mut MainView,
    model: &Model,
    base: &Base,
) {
    let rows = inbox(model);
    let (heading, dim) = (paint.styles().heading, paint.styles().dim);
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let note = if rows.is_empty() {
        String::new()
    } else {
        format!("  {}", paint.words.count("inbox.waiting", count))
    };
    let title = Line::from(vec![
        Span::raw(" "),
        Span::styled(paint.t("inbox.title"), heading),
        Span::styled(note, dim),
    ]);
    paint.line(areas.topic, title);
    let area = areas.timeline;
    if rows.is_empty() {
        let key = if main.chat_behind(model).is_some() { "inbox.empty" } else { "inbox.no_chat" };
        let text = truncate(paint.t(key), usize::from(area.width));
        return paint.middle(row(area, area.height / 2), Line::from(Span::styled(text, dim)));
    }
    let two = area.width < COLUMNS_NAMES;
    let tall: u16 = if two { 2 } else { 1 };
    let mut area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if !main.inbox.has_letters() {
        area.height = area.height.saturating_sub(1);
        where_typing_goes(paint, Rect { y: area.bottom(), height: 1, ..area }, main, model);
    }
    let window = main.inbox.window(rows.len(), usize::from(area.height / tall));
    let chosen = main
        .inbox
        .chosen(rows.len())
        .filter(|_| main.focus == Focus::Timeline && main.overlay.is_none());
    for (at, place) in (0..area.height / tall).zip(window) {
        let Some(item) = rows.get(place) else { continue };
        let spot = Rect { y: area.y + at * tall, height: tall, ..area };
        if two {
            two_lines(paint, spot, item, model, base)
        } else {
            one_line(paint, spot, item, model, base)
        }
        if chosen == Some(place) {
            paint.choose(spot);
        }
        paint.hits.add(spot, Hit::InboxRow(place));
    }
}

/// Whoever types without looking writes to the chat behind; this says so.
fn where_typing_goes(paint: &mut Paint<'_, '_>, area: Rect, main: &MainView, model: &Model) {
    let (whole, short) = match main.chat_behind(model).map(|room| title_of(model, room)) {
        Some(room) => (
            paint.words.fill("inbox.typing", &[("room", &room)]),
            paint.words.fill("inbox.typing_short", &[("room", &room)]),
        ),
        None => (paint.t("inbox.no_chat").to_owned(), paint.t("inbox.no_chat").to_owned()),
    };
    let free = usize::from(area.width.saturating_sub(2));
    let text = if columns(&whole) <= free { whole } else { short };
    let dim = paint.styles().dim;
    paint.line(area, Span::styled(format!(" {}", truncate(&text, free)), dim));
}

fn one_line(paint: &mut Paint<'_, '_>, area: Rect, item: &InboxRow, model: &Model, base: &Base) {
    let styles = paint.styles().clone();
    let time = pad_start(&time(item, base), 10);
    let from = pad(&from(item, model), 14);
    let place = pad(&room(item, model), 16);
    let free = usize::from(area.width).saturating_sub(10 + 14 + 16 + 11);
    paint.line(
        area,
        Line::from(vec![
            Span::styled(format!(" {} ", mark(item)), mark_style(paint, item)),
            Span::styled(time, styles.time),
            Span::raw("  "),
            Span::styled(from, from_style(paint, item, model)),
            Span::raw("  "),
            Span::styled(place, styles.dim),
            Span::raw("  "),
            Span::styled(truncate(&what(paint, item, model), free), styles.text),
        ]),
    );
}

fn two_lines(paint: &mut Paint<'_, '_>, area: Rect, item: &InboxRow, model: &Model, base: &Base) {
    let styles = paint.styles().clone();
    let time = time(item, base);
    let place = room(item, model);
    let free = usize::from(area.width).saturating_sub(columns(&time) + 6);
    let head = truncate(format!("{} {place}", from(item, model)).trim_start(), free);
    paint.line(
        row(area, 0),
        Line::from(vec![
            Span::styled(format!(" {} ", mark(item)), mark_style(paint, item)),
            Span::styled(head, from_style(paint, item, model)),
            Span::styled(format!("  {time}"), styles.time),
        ]),
    );
    let text = truncate(&what(paint, item, model), usize::from(area.width).saturating_sub(4));
    paint.line(row(area, 1), Span::styled(format!("   {text}"), styles.dim));
}

const fn mark(item: &InboxRow) -> &'static str {
    match item.kind {
        InboxKind::Invitation => "+",
        InboxKind::Mention => "@",
        InboxKind::File(_) => "▤",
        InboxKind::Direct => "✉",
        InboxKind::Room => "#",
        InboxKind::Gone => "-",
    }
}

fn mark_style(paint: &Paint<'_, '_>, item: &InboxRow) -> ratatui::style::Style {
    match item.kind {
        InboxKind::Room | InboxKind::Gone => paint.styles().dim,
        _ => paint.styles().badge,
    }
}

fn time(item: &InboxRow, base: &Base) -> String {
    if item.at_ms == 0 {
        return String::new();
    }
    when(item.at_ms.cast_signed(), base.now_ms.cast_signed(), base.offset(item.at_ms), base.words)
}

fn from(item: &InboxRow, model: &Model) -> String {
    if item.kind == InboxKind::Gone {
        return String::new();
    }
    item.from.and_then(|user| model.name(user)).unwrap_or("…").to_owned()
}

fn from_style(paint: &Paint<'_, '_>, item: &InboxRow, model: &Model) -> ratatui::style::Style {
    let person = item.from.and_then(|user| model.people.find(user));
    person.map_or(paint.styles().text, |person| paint.theme.name_style(&person.id))
}

fn room(item: &InboxRow, model: &Model) -> String {
    if item.kind == InboxKind::Gone {
        return item.words.clone();
    }
    let direct = model.room(item.room).is_some_and(liao_client_core::model::RoomView::is_direct);
    if direct { String::new() } else { title_of(model, item.room) }
}

fn what(paint: &Paint<'_, '_>, item: &InboxRow, model: &Model) -> String {
    let words = paint.words;
    match item.kind {
        InboxKind::Invitation => {
            words.fill("inbox.invitation", &[("room", &title_of(model, item.room))])
        }
        InboxKind::Gone => words.fill("inbox.gone", &[("room", &item.words)]),
        InboxKind::File(_) => format!("{}: {}", words.t("inbox.file"), item.words),
        InboxKind::Direct | InboxKind::Room | InboxKind::Mention if item.count > 1 => {
            format!("({}) {}", badge(item.count), item.words)
        }
        InboxKind::Direct | InboxKind::Room | InboxKind::Mention => item.words.clone(),
    }
}
