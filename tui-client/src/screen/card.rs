//! What the pages of the way in and the small boxes have in common: a frame with a title where the window has room
//! for one, sentences that wrap and never end without a sign, and a row of keys in which the way out always stands.

use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Widget},
};

use super::paint::{Paint, centered, row};
use crate::{
    action::Action,
    keymap::{self, Mode},
    text::{
        width::{columns, truncate},
        wrap,
    },
    view::hit::Hit,
};

/// Columns of a card with its frame.
const CARD_COLUMNS: u16 = 68;

/// Columns of the window from which a card has a frame.
const FRAME_COLUMNS_MIN: u16 = 60;

/// Rows of the frame: its two edges, the air above the content and below it, and the row of keys.
const FRAME_ROWS: u16 = 5;

/// Rows of a short page, so that the frame stays while pages follow each other.
const PAGE_ROWS_MIN: u16 = 5;

/// Columns between the frame and the content.
const PAD: u16 = 3;

/// Columns that a note needs at least.
const NOTE_COLUMNS_MIN: usize = 16;

/// Air between two keys; less where they would not fit otherwise.
const GAPS: [usize; 2] = [3, 2];

/// What stands in the upper edge.
pub(super) struct Title<'t> {
    pub(super) text: &'t str,
    pub(super) style: Style,
    /// At the right: whom it is about.
    pub(super) note: &'t str,
}

impl Title<'_> {
    /// The note as far as the title leaves room for it; a few letters of it would tell nothing.
    fn note_beside(&self, width: usize) -> String {
        let note = truncate(self.note, width.saturating_sub(columns(self.text)));
        if columns(&note) < columns(self.note).min(NOTE_COLUMNS_MIN) { String::new() } else { note }
    }
}

/// The room that a card has in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Columns of the content.
    pub(super) width: u16,
    /// Rows of the content, at most.
    pub(super) rows: u16,
    /// There is a frame around it.
    pub(super) framed: bool,
}

impl Room {
    /// With a frame, as far as the window is large enough for one, then without.
    pub(super) fn of(window: Rect) -> impl Iterator<Item = Self> {
        let outer = CARD_COLUMNS.min(window.width.saturating_sub(4));
        let framed = Self {
            width: outer.saturating_sub(2 + 2 * PAD),
            rows: window.height.saturating_sub(FRAME_ROWS),
            framed: true,
        };
        let bare = Self {
            width: window.width.saturating_sub(2),
            rows: window.height.saturating_sub(2),
            framed: false,
        };
        [framed, bare].into_iter().skip(usize::from(window.width < FRAME_COLUMNS_MIN))
    }

    /// Draws the frame and the title; gives where the content and the keys belong. The content may grow by
    /// `more` rows without anything above it moving.
    pub(super) fn open(
        self,
        paint: &mut Paint<'_, '_>,
        window: Rect,
        title: &Title<'_>,
        rows: u16,
        more: u16,
    ) -> (Rect, Rect) {
        let rows = rows.min(self.rows);
        if !self.framed {
            return self.open_bare(paint, window, title, rows + more);
        }
        let width = self.width + 2 + 2 * PAD;
        let mut area = centered(window, width, rows + FRAME_ROWS);
        area.height = (area.height + more).min(window.height);
        area.y = area.y.min(window.bottom() - area.height);
        frame(paint, area, title);
        let inside = Rect {
            x: area.x + 1 + PAD,
            y: area.y + 2,
            width: self.width,
            height: area.height.saturating_sub(FRAME_ROWS),
        };
        let keys = Rect { y: area.bottom().saturating_sub(2), height: 1, ..inside };
        (inside, keys)
    }

    fn open_bare(
        self,
        paint: &mut Paint<'_, '_>,
        window: Rect,
        title: &Title<'_>,
        rows: u16,
    ) -> (Rect, Rect) {
        let area = Rect { x: window.x + 1, width: self.width, ..window };
        paint.text(row(area, 0), title.text, title.style);
        let note = title.note_beside(usize::from(area.width).saturating_sub(2));
        let style = paint.styles().dim;
        paint.right(row(area, 0), Line::from(Span::styled(note, style)));
        // Air under the title where there is some to spare.
        let air = u16::from(rows < self.rows);
        let inside = Rect { y: area.y + 1 + air, height: self.rows - air, ..area };
        (inside, row(window, window.height - 1))
    }
}

fn frame(paint: &mut Paint<'_, '_>, area: Rect, title: &Title<'_>) {
    let styles = paint.styles().clone();
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(styles.border)
        .render(area, paint.cells());
    // What is written there has its own colours, not those of the line.
    let own = |style: Style| Style::reset().patch(styles.text).patch(style);
    let edge = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..row(area, 0) };
    let text = truncate(title.text, usize::from(edge.width).saturating_sub(2));
    paint.line(edge, Span::styled(format!(" {text} "), own(title.style)));
    let note = title.note_beside(usize::from(edge.width).saturating_sub(6));
    if !note.is_empty() {
        paint.right(edge, Line::from(Span::styled(format!(" {note} "), own(styles.dim))));
    }
}

/// A page of text: the first of the wordings that fits, so that nothing is lost on a low window. What does not
/// fit even then ends with `…`.
pub(super) fn page(
    paint: &mut Paint<'_, '_>,
    window: Rect,
    title: &Title<'_>,
    wordings: impl Fn(&Paint<'_, '_>, Room) -> Vec<Vec<Line<'static>>>,
    keys: &Keys<'_>,
) {
    let fits = |lines: &Vec<Line<'_>>, room: Room| lines.len() <= usize::from(room.rows);
    let found = Room::of(window).find_map(|room| {
        let lines = wordings(paint, room).into_iter().find(|lines| fits(lines, room));
        Some((room, lines?))
    });
    let Some((room, lines)) = found.or_else(|| {
        let room = Room::of(window).last()?;
        let mut lines = wordings(paint, room).pop()?;
        lines.truncate(usize::from(room.rows));
        *lines.last_mut()? = Line::from("…");
        Some((room, lines))
    }) else {
        return;
    };
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let rows = if room.framed { rows.max(PAGE_ROWS_MIN) } else { rows };
    let (inside, keys_row) = room.open(paint, window, title, rows, 0);
    for (at, line) in (0..inside.height).zip(lines) {
        paint.line(row(inside, at), line);
    }
    keys.draw(paint, keys_row, room.framed);
}

/// A text in as many rows as it needs, at most `rows`; what is cut ends with `…`.
pub(super) fn prose(text: &str, style: Style, width: u16, rows: u16) -> Vec<Line<'static>> {
    let (width, rows) = (usize::from(width.max(1)), usize::from(rows));
    let wrapped = wrap::wrap_text(text, style, width);
    let mut lines: Vec<Line<'static>> = wrapped.iter().take(rows).map(wrap::Row::line).collect();
    if let (true, Some(last)) = (wrapped.len() > rows, lines.last_mut()) {
        let longer = format!("{}…", last.to_string().trim_end());
        *last = Line::from(Span::styled(truncate(&longer, width), style));
    }
    lines
}

/// The first of some wordings that fits; else the last one, which is cut with `…`.
pub(super) fn wording(texts: &[&str], width: u16) -> String {
    let width = usize::from(width);
    let fits = texts.iter().find(|text| columns(text) <= width);
    fits.or(texts.last()).map_or(String::new(), |text| truncate(text, width))
}

struct Key {
    key: String,
    label: String,
    does: Option<Action>,
    /// It stands there in the narrowest window too.
    needed: bool,
}

impl Key {
    fn columns(&self) -> usize {
        columns(&self.key) + 1 + columns(&self.label)
    }
}

/// A row of keys and what they do here.
pub(super) struct Keys<'m> {
    modes: &'m [Mode],
    keys: Vec<Key>,
}

impl<'m> Keys<'m> {
    pub(super) const fn of(modes: &'m [Mode]) -> Self {
        Self { modes, keys: Vec::new() }
    }

    /// A key that always stands there.
    pub(super) fn must(self, action: Action, label: &str) -> Self {
        self.with(action, label, true)
    }

    /// A key that stands there where there is room; what comes first goes last.
    pub(super) fn may(self, action: Action, label: &str) -> Self {
        self.with(action, label, false)
    }

    /// A key that types.
    pub(super) fn typed(mut self, key: &str, label: &str) -> Self {
        let (key, label) = (key.to_owned(), label.to_owned());
        self.keys.push(Key { key, label, does: None, needed: true });
        self
    }

    fn with(mut self, action: Action, label: &str, needed: bool) -> Self {
        if let Some(key) = keymap::key_for(self.modes, action) {
            self.keys.push(Key { key, label: label.to_owned(), does: Some(action), needed });
        }
        self
    }

    /// Which keys fit, with which gap, and how wide they are.
    fn fit(&self, width: u16) -> (Vec<&Key>, usize, usize) {
        let mut keys: Vec<&Key> = self.keys.iter().collect();
        loop {
            let wide = |gap: usize| {
                let own: usize = keys.iter().map(|key| key.columns()).sum();
                own + gap * keys.len().saturating_sub(1)
            };
            if let Some(gap) = GAPS.into_iter().find(|gap| wide(*gap) <= usize::from(width)) {
                return (keys.clone(), gap, wide(gap));
            }
            let Some(dispensable) = keys.iter().rposition(|key| !key.needed) else {
                return (keys.clone(), 1, usize::from(width));
            };
            keys.remove(dispensable);
        }
    }

    /// Draws them, from the left or in the middle; they can be clicked.
    pub(super) fn draw(&self, paint: &mut Paint<'_, '_>, area: Rect, from_left: bool) {
        let (keys, gap, wide) = self.fit(area.width);
        let wide = u16::try_from(wide).unwrap_or(u16::MAX);
        let place = if from_left { area } else { centered(area, wide, 1) };
        let (strong, soft) = (paint.styles().hint_key, paint.styles().hint_text);
        let mut x = place.x;
        for key in keys {
            let free = place.right().saturating_sub(x);
            let wide = u16::try_from(key.columns()).unwrap_or(u16::MAX).min(free);
            let label =
                truncate(&key.label, usize::from(wide).saturating_sub(columns(&key.key) + 1));
            let spot = Rect { x, width: wide, height: 1, ..place };
            let parts = vec![
                Span::styled(key.key.clone(), strong),
                Span::styled(format!(" {label}"), soft),
            ];
            paint.line(spot, Line::from(parts));
            if let Some(action) = key.does {
                paint.hits.add(spot, Hit::Do(action));
            }
            x = spot.right() + u16::try_from(gap).unwrap_or(1);
        }
    }
}
