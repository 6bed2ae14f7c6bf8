//! The people online, drawn: their count, the filter, a dot of its own shape for each state.

use liao_client_core::model::Model;
use liao_common::event::Rank;
use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::paint::{Paint, row};
use crate::{
    text::width::truncate,
    view::{
        hit::Hit,
        main::{Focus, MainView},
    },
};

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    floats: bool,
    main: &mut MainView,
    model: &Model,
) {
    let focused = main.focus == Focus::Sidebar && main.overlay.is_none();
    let border = if focused { paint.styles().border_focus } else { paint.styles().border };
    if floats {
        paint.cover(area);
    }
    paint.hits.add(area, Hit::Sidebar);
    for at in 0..area.height {
        paint.line(Rect { width: 1, ..row(area, at) }, Span::styled("│", border));
    }
    let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area };
    let heading = paint.styles().heading;
    let count = paint.words.count("presence.count", model.people.online_count());
    paint.text(row(inside, 0), &count, heading);
    let list = if focused {
        filter(paint, row(inside, 1), &main.sidebar.filter);
        Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside }
    } else {
        Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside }
    };
    people(paint, list, focused, main, model);
}

fn filter(paint: &mut Paint<'_, '_>, area: Rect, text: &str) {
    let (mark, input, soft) =
        (paint.styles().prompt, paint.styles().input, paint.styles().placeholder);
    paint.line(area, Span::styled("❯ ", mark));
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    if text.is_empty() {
        paint.text(
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner },
            paint.t("presence.filter"),
            soft,
        );
    } else {
        paint.text(inner, text, input);
    }
    let x = inner.x + u16::try_from(crate::text::width::columns(text)).unwrap_or(0);
    paint.frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
}

fn people(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    focused: bool,
    main: &mut MainView,
    model: &Model,
) {
    let people = main.sidebar.people(model);
    let rows = main.sidebar.list.window(people.len(), usize::from(area.height));
    let chosen = main.sidebar.list.chosen(people.len()).filter(|_| focused);
    let me = model.my_id();
    for (at, place) in (0..area.height).zip(rows.clone()) {
        let Some(person) = people.get(place).and_then(|user| model.people.find(*user)) else {
            continue;
        };
        let online = model.people.is_online(person.user);
        let (dot, dot_style) =
            if online { ("●", paint.styles().online) } else { ("○", paint.styles().offline) };
        let mine = me == Some(person.user);
        let rank = main.room().and_then(|room| model.rank(room, person.user));
        let rank = match rank {
            Some(Rank::Owner) => Some("presence.owner"),
            Some(Rank::Moderator) => Some("presence.moderator"),
            _ => None,
        };
        let notes = [mine.then_some("presence.you"), rank].into_iter().flatten();
        let note: String = notes.map(|key| format!(" ({})", paint.t(key))).collect();
        let name = truncate(
            person.called(),
            usize::from(area.width).saturating_sub(2 + crate::text::width::columns(&note)),
        );
        let style =
            if mine { paint.styles().name_self } else { paint.theme.name_style(&person.id) };
        let dim = paint.styles().dim;
        let line = row(area, at);
        paint.line(
            line,
            Line::from(vec![
                Span::styled(format!("{dot} "), dot_style),
                Span::styled(name, style),
                Span::styled(note, dim),
            ]),
        );
        if chosen == Some(place) {
            paint.choose(line);
        }
        paint.hits.add(line, Hit::Person(person.user));
    }
    if people.is_empty() {
        let style = paint.styles().dim;
        let text = if main.sidebar.filter.is_empty() {
            paint.t("presence.nobody").to_owned()
        } else {
            paint.words.fill("presence.no_match", &[("text", &main.sidebar.filter)])
        };
        paint.text(row(area, 0), &text, style);
    } else if rows.end < people.len() && area.height > 0 {
        let style = paint.styles().dim;
        let more = u64::try_from(people.len() - rows.end + 1).unwrap_or(0);
        let last = row(area, area.height - 1);
        paint.text(last, &" ".repeat(usize::from(last.width)), style);
        let text = format!("↓ {}", paint.words.count("presence.more", more));
        if chosen != Some(rows.end - 1) {
            paint.text(last, &text, style);
        }
    }
}
