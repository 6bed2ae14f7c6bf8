//! The tab bar: inbox, rooms, people; counts and mentions; what does not fit is counted at both sides.

use liao_client_core::{inbox::inbox, model::Model, notice::LinkState};
use liao_common::id::RoomId;
use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::paint::Paint;
use crate::{
    format::badge,
    text::width::{columns, truncate},
    view::{chat::title_of, hit::Hit, main::MainView},
};

/// Columns of one tab's name.
const NAME_COLUMNS_MAX: usize = 18;

struct Tab {
    room: Option<RoomId>,
    text: String,
    style: Style,
}

pub(super) fn draw(paint: &mut Paint<'_, '_>, area: Rect, main: &MainView, model: &Model) {
    let ground = paint.styles().tab;
    paint.shade(area, ground);
    let me = me(paint, model);
    let free = if area.width >= 60 {
        let wide = u16::try_from(me.width()).unwrap_or(0).min(area.width / 3);
        paint.right(area, me);
        area.width - wide - 1
    } else {
        area.width
    };
    let tabs = tabs(paint, main, model);
    let here = tabs.iter().position(|tab| tab.room == main.room()).unwrap_or(0);
    let shown = window(&tabs, here, usize::from(free));
    let mut x = area.x;
    let dim = paint.styles().dim;
    if shown.start > 0 {
        x = put(paint, area, x, &format!("‹{} ", shown.start), dim);
    }
    let hidden = tabs.len() - shown.end;
    for tab in tabs.get(shown).unwrap_or_default() {
        let from = x;
        x = put(paint, area, x, &tab.text, tab.style);
        paint.hits.add(Rect { x: from, width: x - from, ..area }, Hit::Tab(tab.room));
    }
    if hidden > 0 {
        put(paint, area, x, &format!(" {hidden}›"), dim);
    }
}

fn put(paint: &mut Paint<'_, '_>, area: Rect, x: u16, text: &str, style: Style) -> u16 {
    let place = Rect { x, width: area.right().saturating_sub(x), ..area };
    paint.line(place, Span::styled(text, style));
    x + u16::try_from(columns(text)).unwrap_or(0).min(place.width)
}

fn tabs(paint: &Paint<'_, '_>, main: &MainView, model: &Model) -> Vec<Tab> {
    let waiting = u64::try_from(inbox(model).len()).unwrap_or(u64::MAX);
    let mut tabs = vec![Tab {
        room: None,
        text: label(&format!("✉ {}", paint.t("tabs.inbox")), waiting, false),
        style: style(paint, main.shows_inbox(), waiting > 0, false),
    }];
    let me = model.my_id().unwrap_or_default();
    for room in main.tabs(model) {
        let Some(view) = model.room(room) else { continue };
        let named = view.mentions(me) > 0;
        let name = truncate(&title_of(model, room), NAME_COLUMNS_MAX);
        let active = main.room() == Some(room);
        let loud = named || view.is_direct();
        tabs.push(Tab {
            room: Some(room),
            text: label(&name, view.unread(), named),
            style: style(paint, active, view.unread() > 0, loud),
        });
    }
    tabs
}

fn label(name: &str, unread: u64, named: bool) -> String {
    match (unread, named) {
        (0, _) => format!(" {name} "),
        (count, true) => format!(" {name} @{} ", badge(count)),
        (count, false) => format!(" {name} {} ", badge(count)),
    }
}

fn style(paint: &Paint<'_, '_>, active: bool, unread: bool, loud: bool) -> Style {
    match (active, unread, loud) {
        (true, ..) => paint.styles().tab_active,
        (_, true, true) => paint.styles().tab_mention,
        (_, true, _) => paint.styles().tab_unread,
        _ => paint.styles().tab,
    }
}

/// The tabs that fit, the active one among them, as many before it as behind it.
fn window(tabs: &[Tab], here: usize, free: usize) -> std::ops::Range<usize> {
    let wide = |at: usize| tabs.get(at).map_or(0, |tab| columns(&tab.text));
    let total: usize = (0..tabs.len()).map(wide).sum();
    if total <= free {
        return 0..tabs.len();
    }
    // Room for the counts at both sides.
    let free = free.saturating_sub(8);
    let (mut from, mut to, mut used) = (here, here + 1, wide(here));
    loop {
        let grows_left = from > 0 && used + wide(from - 1) <= free;
        let grows_right = to < tabs.len() && used + wide(to) <= free;
        if grows_left {
            from -= 1;
            used += wide(from);
        }
        if grows_right && used + wide(to) <= free {
            used += wide(to);
            to += 1;
        } else if !grows_left {
            return from..to;
        }
    }
}

/// Who one is, and whether one is connected.
fn me(paint: &Paint<'_, '_>, model: &Model) -> Line<'static> {
    let styles = paint.styles();
    let name =
        model.me.as_ref().map_or(String::new(), |me| liao_common::text::clean_line(&me.name));
    let dot = match model.state {
        LinkState::Online { .. } => Span::styled(
            "● ",
            styles.online.patch(Style::new().bg(styles.tab.bg.unwrap_or_default())),
        ),
        _ => Span::styled("○ ", styles.warning),
    };
    Line::from(vec![Span::styled(format!("{} ", truncate(&name, 16)), styles.tab), dot])
}
