//! What lies above the main screen, drawn: go to, search, rooms, transfers, files, small forms, questions.

use std::io::ErrorKind;

use liao_client_core::{
    model::Model,
    timeline::Content,
    transfer::{Direction, Phase, Transfer},
};
use liao_common::event::RoomRow;
use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    bans, devices, dialog,
    list::{list_box, list_rows},
    paint::{Paint, row},
    popup::search,
    search as searching, transfer_line,
};
use crate::{
    action::Action,
    app::Base,
    format,
    keymap::Mode,
    picker::{Picker, Trouble},
    text::{
        width::{clusters, columns, pad, truncate, truncate_start},
        wrap,
    },
    view::{
        chat::title_of,
        files::PickerView,
        hit::Hit,
        list::ListView,
        main::MainView,
        overlay::Overlay,
        rooms::RoomsView,
        switcher::{SwitchRow, SwitcherView},
        write::offers,
    },
};

pub(super) fn draw(paint: &mut Paint<'_, '_>, main: &mut MainView, model: &Model, base: &Base) {
    let window = paint.frame.area();
    match &mut main.overlay {
        None => {}
        Some(Overlay::Switcher(view)) => switcher(paint, window, view, model),
        Some(Overlay::Search(view)) => searching::draw(paint, window, view, model, base),
        Some(Overlay::Rooms(view)) => rooms(paint, window, view),
        Some(Overlay::Transfers(list)) => transfers(paint, window, list, model, base),
        Some(Overlay::Devices(view)) => devices::draw(paint, window, view, base),
        Some(Overlay::Bans(view)) => bans::draw(paint, window, view, base),
        Some(Overlay::Picker(view)) => picker(paint, window, view),
        Some(Overlay::Dialog(view)) => dialog::dialog(paint, window, view, model),
        Some(Overlay::Confirm(view)) => dialog::confirm(paint, window, view, model),
    }
}

fn switcher(paint: &mut Paint<'_, '_>, window: Rect, view: &mut SwitcherView, model: &Model) {
    let inside = list_box(
        paint,
        window,
        paint.t("goto.title"),
        &[Mode::List],
        &[Action::Choose, Action::Back],
    );
    search(paint, row(inside, 0), &view.query, "goto.placeholder");
    let list = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    let rows = view.rows(model, paint.words);
    if rows.is_empty() {
        let (style, text) =
            (paint.styles().dim, paint.words.fill("goto.empty", &[("text", &view.query)]));
        return paint.text(row(list, 0), &text, style);
    }
    let width = usize::from(list.width);
    list_rows(paint, list, &mut view.list, (rows.len(), 1), |paint, place| {
        rows.get(place).map(|item| place_line(paint, item, width)).into_iter().collect()
    });
}

/// A place to go to, with the letters by which it was found.
fn place_line(paint: &Paint<'_, '_>, item: &SwitchRow, width: usize) -> Line<'static> {
    let styles = paint.styles();
    let unread = (item.unread > 0).then(|| format!(" {}", format::badge(item.unread)));
    let unread_columns = unread.as_deref().map_or(0, columns);
    let name = truncate(&item.name, width.saturating_sub(1 + unread_columns));
    let mut parts = vec![Span::raw(" ")];
    parts.extend(clusters(&name).map(|cluster| {
        let found = item.found.iter().any(|at| (cluster.start..cluster.end()).contains(at));
        let style = if found { styles.found } else { styles.popup };
        Span::styled(cluster.text.to_owned(), style)
    }));
    parts.extend(unread.map(|unread| Span::styled(unread, styles.badge)));
    let free = width.saturating_sub(columns(&name) + unread_columns + 4);
    parts.push(Span::styled(format!("  {}", truncate(&item.note, free)), styles.dim));
    Line::from(parts)
}

fn rooms(paint: &mut Paint<'_, '_>, window: Rect, view: &mut RoomsView) {
    let inside = list_box(
        paint,
        window,
        paint.t("room.list_title"),
        &[Mode::List],
        &[Action::Choose, Action::Back],
    );
    search(paint, row(inside, 0), &view.query, "help.filter");
    let list = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    let count = view.rows().len() + 1;
    let mut chosen = view.list;
    list_rows(paint, list, &mut chosen, (count, 1), |paint, place| {
        vec![match view.rows().get(place) {
            Some(room) => room_line(paint, room, view.is_invited(room.room), list.width),
            None => new_room_line(paint, view),
        }]
    });
    view.list = chosen;
    if !view.loaded {
        let text = format!("{} …", paint.spinner());
        let style = paint.styles().dim;
        paint.right(row(inside, 0), Line::from(Span::styled(text, style)));
    }
}

fn new_room_line(paint: &Paint<'_, '_>, view: &RoomsView) -> Line<'static> {
    let name = view.new_name().map_or(String::new(), |name| format!(" #{name}"));
    let text = format!("+ {}{name}", paint.t("room.create_title"));
    Line::from(Span::styled(text, paint.styles().accent))
}

fn room_line(paint: &Paint<'_, '_>, room: &RoomRow, invited: bool, width: u16) -> Line<'static> {
    let styles = paint.styles();
    let width = usize::from(width);
    let name = pad(&format!("#{}", room.name), 20.min(width / 2));
    let (mark, style, members) = if invited {
        ("+", styles.badge, paint.t("room.invited_you").to_owned())
    } else {
        let mark = if room.joined { "✓" } else { " " };
        (mark, styles.success, paint.words.count("room.members", room.members))
    };
    let members = pad(&members, columns(&members).max(13.min(width / 4)));
    let free = width.saturating_sub(columns(&name) + columns(&members) + 7);
    Line::from(vec![
        Span::styled(format!("{mark} "), style),
        Span::styled(name, styles.strong),
        Span::styled(format!("  {members}  "), if invited { styles.badge } else { styles.dim }),
        Span::styled(truncate(&room.topic, free), styles.popup),
    ])
}

fn transfers(
    paint: &mut Paint<'_, '_>,
    window: Rect,
    list: &mut ListView,
    model: &Model,
    base: &Base,
) {
    let rows: Vec<&Transfer> = model.transfers.iter().collect();
    let on = list.chosen(rows.len()).and_then(|place| rows.get(place));
    let hints = transfer_hints(on.map(|transfer| &transfer.phase));
    let inside = list_box(paint, window, paint.t("files.title"), &[Mode::Transfers], hints);
    if rows.is_empty() {
        let style = paint.styles().dim;
        paint.text(row(inside, 1), paint.t("files.empty"), style);
        let rest = Rect { y: inside.y + 3, height: inside.height.saturating_sub(3), ..inside };
        return waiting_offers(paint, rest, model);
    }
    let chosen = list.chosen(rows.len());
    let columns = usize::from(inside.width.saturating_sub(2));
    let lines_of = |row: &Transfer| {
        let mut lines = transfer_line::lines(base, row, columns);
        if on.is_some_and(|on| on.id == row.id) {
            lines.extend(transfer_line::place(base, row, columns));
        }
        lines
    };
    // Why the chosen one failed is told in full; of the others the beginning.
    let told = on.map_or(1, |transfer| lines_of(transfer).len().max(1));
    let slots = (usize::from(inside.height) + 1).saturating_sub(told) / 2;
    let range = list.window(rows.len(), slots.max(1));
    let mut free = inside;
    for place in range {
        let Some(transfer) = rows.get(place) else { continue };
        let is_chosen = chosen == Some(place);
        let mut lines = lines_of(transfer);
        if !is_chosen && lines.len() > 1 {
            lines = lines.into_iter().take(1).map(|line| cut(line, columns)).collect();
        }
        let height = u16::try_from(lines.len() + 1).unwrap_or(2).min(free.height);
        let spot = Rect { height, ..free };
        paint.line(row(spot, 0), transfer_head(paint, transfer, model, usize::from(spot.width)));
        for (at, line) in (1..height).zip(lines) {
            paint.line(Rect { x: spot.x + 2, width: spot.width - 2, ..row(spot, at) }, line);
        }
        if is_chosen {
            paint.choose(row(spot, 0));
        }
        paint.hits.add(spot, Hit::BoxRow(place));
        free = Rect { y: spot.bottom(), height: free.height - height, ..free };
    }
    let rest = Rect { y: free.y + 1, height: free.height.saturating_sub(1), ..free };
    waiting_offers(paint, rest, model);
}

/// What others offer and nobody has fetched is no transfer yet: says where it is, and how it becomes one.
fn waiting_offers(paint: &mut Paint<'_, '_>, area: Rect, model: &Model) {
    let rooms = model.rooms().into_iter().map(|room| room.id);
    let mut found: Vec<_> =
        rooms.flat_map(|room| offers(room, model).map(move |row| (room, row))).collect();
    if found.is_empty() || area.height < 2 {
        return;
    }
    found.sort_by_key(|(_, row)| std::cmp::Reverse(row.at_ms));
    let style = paint.styles().dim;
    paint.text(row(area, 0), paint.t("files.offered"), style);
    for (at, (room, offer)) in (1..area.height).zip(found) {
        let Content::File(file) = &offer.content else { continue };
        let place = paint.words.fill("files.in_room", &[("room", &title_of(model, room))]);
        let note = format!("  {}  {place}", format::size(file.size));
        let free = usize::from(area.width).saturating_sub(columns(&note) + 2);
        let name = truncate(&file.name, free);
        let line = Line::from(vec![
            Span::raw(format!("▤ {name}")),
            Span::styled(note, paint.styles().dim),
        ]);
        paint.line(row(area, at), line);
    }
}

/// A line that goes on elsewhere.
fn cut(line: Line<'static>, limit: usize) -> Line<'static> {
    let style = line.spans.first().map_or_else(Style::new, |span| span.style);
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    Line::from(Span::styled(truncate(&format!("{text} {}", " ".repeat(limit)), limit), style))
}

fn transfer_head(
    paint: &Paint<'_, '_>,
    transfer: &Transfer,
    model: &Model,
    width: usize,
) -> Line<'static> {
    let styles = paint.styles();
    let (arrow, where_key) = match transfer.direction {
        Direction::Upload => ("↑", "files.sent_to"),
        Direction::Download => ("↓", "files.in_room"),
    };
    let room = paint.words.fill(where_key, &[("room", &title_of(model, transfer.room))]);
    let note = format!("  {}  {room}", format::size(transfer.size));
    let name = truncate(&transfer.name, width.saturating_sub(columns(&note) + 3));
    Line::from(vec![
        Span::styled(format!("{arrow} "), styles.accent),
        Span::styled(name, styles.strong),
        Span::styled(note, styles.dim),
    ])
}

/// What can be done with a transfer that has come so far.
const fn transfer_hints(phase: Option<&Phase>) -> &'static [Action] {
    match phase {
        None | Some(Phase::Done { .. } | Phase::Cancelled) => &[Action::Back],
        Some(phase) if phase.can_resume() => &[Action::Retry, Action::CancelTransfer, Action::Back],
        Some(Phase::Failed(_)) => &[Action::Back],
        Some(_) => &[Action::Pause, Action::CancelTransfer, Action::Back],
    }
}

fn picker(paint: &mut Paint<'_, '_>, window: Rect, view: &PickerView) {
    let hints = [Action::Choose, Action::Complete, Action::FolderUp, Action::Hidden, Action::Back];
    let inside = list_box(paint, window, paint.t("files.picker_title"), &[Mode::Picker], &hints);
    let (styles, picker) = (paint.styles().clone(), &view.picker);
    let folder = liao_common::text::clean_line(&picker.folder().display().to_string());
    paint.line(
        row(inside, 0),
        Span::styled(truncate_start(&folder, usize::from(inside.width)), styles.dim),
    );
    search(paint, row(inside, 1), picker.line().text(), "files.picker_filter");
    let list = Rect { y: inside.y + 3, height: inside.height.saturating_sub(3), ..inside };
    let list = picker_note(paint, list, picker);
    let first = picker.first_row(usize::from(list.height));
    for (at, (place, entry)) in (0..list.height).zip(picker.rows().enumerate().skip(first)) {
        let (name, size) = if entry.is_folder {
            (format!("{}/", entry.shown), String::new())
        } else {
            (entry.shown.clone(), format::size(entry.bytes))
        };
        let name = truncate(&name, usize::from(list.width).saturating_sub(columns(&size) + 3));
        let style = if entry.is_folder { styles.accent } else { styles.popup };
        let line = row(list, at);
        paint.line(line, Span::styled(format!(" {name}"), style));
        paint.right(line, Line::from(Span::styled(format!("{size} "), styles.dim)));
        if place == picker.selected() {
            paint.choose(line);
        }
        paint.hits.add(line, Hit::BoxRow(place));
    }
}

/// Says why nothing is listed, or below the list why another folder is not; gives what is left for the list.
fn picker_note(paint: &mut Paint<'_, '_>, list: Rect, picker: &Picker) -> Rect {
    let (text, style) = match (picker.trouble(), picker.name_typed()) {
        (Some(trouble), _) => (folder_trouble(paint, trouble), paint.styles().error),
        (None, _) if picker.rows().len() > 0 => return list,
        (None, Some("")) if picker.is_loaded() => {
            (paint.t("files.picker_empty").to_owned(), paint.styles().dim)
        }
        (None, Some(name)) if picker.is_loaded() => {
            let text = paint.words.fill("files.picker_no_match", &[("text", &name)]);
            (text, paint.styles().dim)
        }
        (None, _) => ("…".to_owned(), paint.styles().dim),
    };
    let lines = wrap::wrap_text(&text, style, usize::from(list.width));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(list.height);
    let rest = Rect { height: list.height - height, ..list };
    let y = if picker.rows().len() > 0 { rest.bottom() } else { list.y };
    for (at, line) in (0..height).zip(&lines) {
        paint.line(row(Rect { y, height, ..list }, at), line.line());
    }
    rest
}

fn folder_trouble(paint: &Paint<'_, '_>, trouble: &Trouble) -> String {
    let key = match trouble.kind {
        ErrorKind::NotFound => "files.no_folder",
        ErrorKind::NotADirectory => "files.not_a_folder",
        ErrorKind::PermissionDenied => "files.folder_forbidden",
        _ => "files.picker_unreadable",
    };
    paint.words.fill(key, &[("path", &trouble.path), ("reason", &trouble.reason)])
}
