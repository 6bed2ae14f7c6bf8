//! A chat, drawn: topic, the lines that were settled, what is being written with the terminal's own cursor, the
//! popup of completions.

use liao_client_core::model::{Model, RoomView};
use liao_common::{event::RoomKind, id::RoomId};
use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{
    message,
    paint::{Paint, row},
};
use crate::{
    text::width::{columns, pad, truncate},
    view::{
        areas::Areas,
        changing::Intent,
        chat::{ChatView, title},
        completion::{Completion, Offer, ROWS_MAX},
        hit::Hit,
        main::{Focus, MainView},
    },
};

/// Columns before the text being written.
const PROMPT_COLUMNS: u16 = 3;

pub(super) fn draw(
    paint: &mut Paint<'_, '_>,
    areas: &Areas,
    main: &mut MainView,
    room: RoomId,
    model: &Model,
) {
    let Some(view) = model.room(room) else { return };
    let above = main.chat().and_then(|chat| chat.above.clone());
    topic(paint, areas.topic, view, model, above);
    let focus = main.focus;
    let covered = main.overlay.is_some();
    if let Some(chat) = main.chat() {
        timeline(paint, areas.timeline, chat, view, model, focus);
        composer(paint, areas, chat, view, model, focus == Focus::Composer && !covered);
    }
    if let Some(completion) = &mut main.completion {
        popup(paint, areas, completion);
    }
}

fn topic(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    view: &RoomView,
    model: &Model,
    above: Option<Line<'static>>,
) {
    let (strong, dim) = (paint.styles().heading, paint.styles().dim);
    let mut parts = vec![Span::raw(" "), Span::styled(title(model, view), strong)];
    let note = if view.is_direct() {
        let user = view.with.and_then(|user| model.people.find(user));
        let online = view.with.is_some_and(|user| model.people.is_online(user));
        let state = paint.t(if online { "presence.online" } else { "presence.offline" });
        user.map_or_else(String::new, |person| format!("  @{}  {state}", person.id))
    } else {
        let members = paint.words.count("room.members", view.members);
        let private = view.kind == RoomKind::Private;
        let state = if private { paint.t("room.private") } else { "" };
        let parts = [state, &view.topic, &members];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.flat_map(|part| ["  ", part]).collect()
    };
    let taken = above.as_ref().map_or(0, |line| line.width() + 1);
    let free = usize::from(area.width).saturating_sub(columns(&title(model, view)) + 2 + taken);
    parts.push(Span::styled(truncate(&note, free), dim));
    paint.line(area, Line::from(parts));
    if let Some(mut line) = above {
        line.spans.push(Span::raw(" "));
        paint.right(area, line);
    }
}

fn timeline(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    chat: &ChatView,
    view: &RoomView,
    model: &Model,
    focus: Focus,
) {
    paint.hits.add(area, Hit::Timeline);
    let sent = u16::try_from(chat.sending.len()).unwrap_or(u16::MAX).min(area.height);
    let strip = Rect { y: area.bottom() - sent, height: sent, ..area };
    for (at, line) in (0..sent).zip(&chat.sending) {
        paint.line(row(strip, at), line.clone());
    }
    let area = Rect { height: area.height - sent, ..area };
    if chat.lines.is_empty() {
        let style = paint.styles().dim;
        let text = if view.is_direct() {
            paint.words.fill("room.empty_direct", &[("name", &title(model, view))])
        } else {
            paint.t("room.empty").to_owned()
        };
        let text = truncate(&text, usize::from(area.width));
        return paint.middle(row(area, area.height / 2), Line::from(Span::styled(text, style)));
    }
    // A short chat stands at the bottom, near where one writes.
    let count = u16::try_from(chat.lines.len()).unwrap_or(u16::MAX).min(area.height);
    let top = area.height - count;
    for (at, (line, key)) in (top..area.height).zip(&chat.lines) {
        paint.line(row(area, at), line.clone());
        if chat.timeline.chosen == Some(*key) {
            paint.choose_in(row(area, at), focus == Focus::Timeline);
        }
    }
    if let Some(count) = chat.below {
        below(paint, area, count);
    }
}

/// That there is more below, at the lower right, and how much of it is new.
fn below(paint: &mut Paint<'_, '_>, area: Rect, count: u64) {
    let text = if count == 0 {
        " ↓ ".to_owned()
    } else {
        format!(" {} ", paint.words.count("timeline.below", count))
    };
    let style = paint.styles().badge;
    let wide = u16::try_from(columns(&text)).unwrap_or(0).min(area.width);
    let place = Rect {
        x: area.right().saturating_sub(wide + 1),
        y: area.bottom() - 1,
        width: wide,
        height: 1,
    };
    paint.line(place, Span::styled(text, style));
    paint.hits.add(place, Hit::Do(crate::action::Action::Bottom));
}

fn composer(
    paint: &mut Paint<'_, '_>,
    areas: &Areas,
    chat: &ChatView,
    view: &RoomView,
    model: &Model,
    focused: bool,
) {
    let border = if focused { paint.styles().border_focus } else { paint.styles().border };
    paint.rule(areas.composer_rule, border);
    if let Some(intent) = &chat.intent {
        intent_line(paint, areas.composer_rule, intent, view, model);
    }
    let area = areas.composer;
    let (prompt, input, soft) =
        (paint.styles().prompt, paint.styles().input, paint.styles().placeholder);
    let input =
        if chat.composer.is_selected() { input.patch(paint.styles().selected) } else { input };
    paint.line(area, Span::styled(" ❯ ", if focused { prompt } else { soft }));
    let inner = Rect {
        x: area.x + PROMPT_COLUMNS,
        width: area.width.saturating_sub(PROMPT_COLUMNS + 1),
        ..area
    };
    paint.hits.add(area, Hit::Composer);
    let layout = chat.composer.layout(usize::from(inner.width), usize::from(inner.height));
    if chat.composer.is_empty() {
        let key = if view.removed.is_some() { "room.closed" } else { "composer.placeholder_to" };
        let text = paint.words.fill(key, &[("room", &title(model, view))]);
        paint.text(
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner },
            &text,
            soft,
        );
    }
    for (at, line) in (0..inner.height).zip(&layout.rows) {
        paint.line(row(inner, at), Span::styled(line.text.clone(), input));
    }
    if focused {
        let x = inner.x + u16::try_from(layout.caret.x).unwrap_or(0);
        let y = inner.y + u16::try_from(layout.caret.y).unwrap_or(0);
        paint.frame.set_cursor_position(Position::new(x, y));
    }
}

/// What the text is written for, in the line above it.
fn intent_line(
    paint: &mut Paint<'_, '_>,
    area: Rect,
    intent: &Intent,
    view: &RoomView,
    model: &Model,
) {
    let row = view.timeline.row(intent.about());
    let said = row.map_or("…".to_owned(), |row| message::quoted(paint.words, model, row));
    let key = match intent {
        Intent::Reply(_) => "composer.answers",
        Intent::Edit(..) => "composer.changes",
    };
    let free = usize::from(area.width).saturating_sub(6);
    let text = truncate(&paint.words.fill(key, &[("text", &said)]), free);
    let style = paint.styles().accent;
    let place = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
    paint.line(place, Span::styled(format!(" {text} "), style));
}

fn popup(paint: &mut Paint<'_, '_>, areas: &Areas, completion: &mut Completion) {
    let len = completion.offers.len();
    let free = usize::from(areas.composer_rule.y.saturating_sub(areas.topic.bottom() + 2));
    let window = completion.list.window(len, ROWS_MAX.min(free.max(2)));
    let wide_most = |part: fn(&Offer) -> &str| {
        completion.offers.iter().map(|offer| columns(part(offer))).max().unwrap_or(0)
    };
    let (words, notes) = (wide_most(|offer| &offer.word), wide_most(|offer| &offer.note));
    let width = u16::try_from(words + notes + 6).unwrap_or(u16::MAX);
    let width = width.max(20).min(areas.composer.width.saturating_sub(3));
    let height = u16::try_from(window.len()).unwrap_or(0) + 2;
    let top = areas.composer_rule.y.saturating_sub(height);
    let place = Rect { x: areas.composer.x + 2, y: top, width, height };
    let inside = paint.popup(place, "");
    let chosen = completion.list.chosen(len);
    if window.len() < len {
        // Where in the list one is says that there is more of it.
        let text = format!(" {}/{len} ", chosen.unwrap_or(0) + 1);
        let edge = Rect { y: place.bottom() - 1, height: 1, width: place.width - 2, ..place };
        let style = paint.styles().popup_border;
        paint.right(edge, Line::from(Span::styled(text, style)));
    }
    let word_columns = words.min(usize::from(inside.width) * 2 / 3);
    for (at, offer) in (0..inside.height).zip(window) {
        let Some(item) = completion.offers.get(offer) else { continue };
        let (word, note) = (paint.styles().strong, paint.styles().dim);
        let free = usize::from(inside.width).saturating_sub(word_columns + 4);
        let line = Line::from(vec![
            Span::styled(format!(" {} ", pad(&item.word, word_columns)), word),
            Span::styled(format!(" {}", truncate(&item.note, free)), note),
        ]);
        let place = row(inside, at);
        paint.line(place, line);
        if chosen == Some(offer) {
            paint.choose(place);
        }
    }
}
