//! What drawing needs at hand: the frame, the colours, the words, and where clicks go. Lives for one frame.

use jiff::tz::TimeZone;
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Widget},
};

use crate::{
    action::Action,
    clock::offset_at,
    format::LocalOffset,
    keymap::{self, Mode},
    text::width::{cluster_columns, columns, truncate},
    theme::{Styles, Theme},
    view::hit::{Hit, Hits},
    words::Words,
};

/// The frame and everything around it.
pub(crate) struct Paint<'a, 'f> {
    pub(crate) frame: &'a mut Frame<'f>,
    pub(crate) theme: &'a Theme,
    pub(crate) words: &'static Words,
    pub(crate) hits: &'a mut Hits,
    pub(crate) zone: &'a TimeZone,
    pub(crate) now_ms: u64,
    /// The help page lies above the screen and has the keys.
    pub(crate) covered: bool,
}

/// Frames of the wait, ten in a second.
const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];

/// How long one frame of the wait stands, in milliseconds.
pub(crate) const SPINNER_MS: u64 = 100;

impl Paint<'_, '_> {
    /// The cells.
    pub(crate) fn cells(&mut self) -> &mut Buffer {
        self.frame.buffer_mut()
    }

    /// The styles by name.
    pub(crate) fn styles(&self) -> &Styles {
        &self.theme.styles
    }

    /// How far local time was from UTC at a moment.
    pub(crate) fn offset(&self, at_ms: u64) -> LocalOffset {
        offset_at(self.zone, at_ms)
    }

    /// Text for a key.
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.words.t(key)
    }

    /// Writes a line at the top of the area, cut to its width.
    pub(crate) fn line<'l>(&mut self, area: Rect, line: impl Into<Line<'l>>) {
        let area = area.intersection(self.frame.area());
        if !area.is_empty() {
            self.cells().set_line(area.x, area.y, &line.into(), area.width);
        }
    }

    /// Writes text at the top of the area in one style, with `…` where it does not fit.
    pub(crate) fn text(&mut self, area: Rect, text: &str, style: Style) {
        let text = truncate(text, usize::from(area.width));
        self.line(area, Span::styled(text, style));
    }

    /// The same at the right edge.
    pub(crate) fn right(&mut self, area: Rect, line: Line<'_>) {
        let wide = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.line(Rect { x: area.right() - wide, width: wide, ..area }, line);
    }

    /// The same in the middle.
    pub(crate) fn middle(&mut self, area: Rect, line: Line<'_>) {
        let wide = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.line(Rect { x: area.x + (area.width - wide) / 2, width: wide, ..area }, line);
    }

    /// Fills an area with a style, keeping what is written there.
    pub(crate) fn shade(&mut self, area: Rect, style: Style) {
        self.cells().set_style(area, style);
    }

    /// Marks a row as the chosen one, quiet parts of it included.
    pub(crate) fn choose(&mut self, area: Rect) {
        self.choose_in(area, true);
    }

    /// The same, where the keys go or elsewhere.
    pub(crate) fn choose_in(&mut self, area: Rect, focused: bool) {
        let style = if focused { self.styles().selected } else { self.styles().selected_dim };
        self.cells().set_style(area, style.remove_modifier(Modifier::DIM | Modifier::ITALIC));
    }

    /// A horizontal line.
    pub(crate) fn rule(&mut self, area: Rect, style: Style) {
        let text = "─".repeat(usize::from(area.width));
        self.line(area, Span::styled(text, style));
    }

    /// Empties an area above everything else. Half a wide character at its left edge would leave a hole in the
    /// line there, so it goes as a whole.
    pub(crate) fn cover(&mut self, area: Rect) {
        let area = area.intersection(self.frame.area());
        let ground = self.styles().popup;
        for y in area.top()..area.bottom() {
            let beside = area.x.checked_sub(1).and_then(|x| self.cells().cell_mut((x, y)));
            if let Some(cell) = beside.filter(|cell| cluster_columns(cell.symbol()) > 1) {
                cell.set_symbol(" ");
            }
        }
        Clear.render(area, self.cells());
        self.shade(area, ground);
    }

    /// An empty box above everything, with a title; gives the inside.
    pub(crate) fn popup(&mut self, area: Rect, title: &str) -> Rect {
        let area = area.intersection(self.frame.area());
        let styles = self.styles().clone();
        self.cover(area);
        let title = truncate(title, usize::from(area.width.saturating_sub(6)));
        let mut block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(styles.popup_border)
            .style(styles.popup);
        if !title.is_empty() {
            block = block.title(Span::styled(format!(" {title} "), styles.heading));
        }
        let inside = block.inner(area);
        block.render(area, self.cells());
        self.hits.add(area, Hit::Box);
        inside
    }

    /// The picture of the wait at this moment.
    pub(crate) fn spinner(&self) -> &'static str {
        let at = usize::try_from(self.now_ms / SPINNER_MS).unwrap_or(0) % SPINNER.len();
        SPINNER[at]
    }

    /// Hints for some actions with the keys they have now, clickable. Where not all of them fit, the last one stays,
    /// which leads on from there, and as many of the first.
    pub(crate) fn hints(&mut self, area: Rect, modes: &[Mode], wanted: &[Action]) {
        const GAP: u16 = 3;
        let mode = modes.first().copied().unwrap_or(Mode::Main);
        let hint = |action: &Action| {
            let key = keymap::key_for(modes, *action)?;
            let label = self.words.t(action.hint_key(mode));
            let wide = u16::try_from(columns(&key) + 1 + columns(label)).ok()?;
            Some((*action, key, label, wide))
        };
        let mut hints: Vec<_> = wanted.iter().filter_map(hint).collect();
        let total = |hints: &[(Action, String, &str, u16)]| {
            hints.iter().map(|(.., wide)| wide + GAP).sum::<u16>().saturating_sub(GAP)
        };
        while hints.len() > 1 && total(&hints) > area.width {
            hints.remove(hints.len() - 2);
        }
        let mut x = area.x;
        for (action, key, label, wide) in hints {
            let place = Rect { x, width: wide, height: 1, ..area }.intersection(area);
            let (strong, soft) = (self.styles().hint_key, self.styles().hint_text);
            let label = truncate(label, usize::from(place.width).saturating_sub(columns(&key) + 1));
            self.line(
                place,
                Line::from(vec![
                    Span::styled(key, strong),
                    Span::styled(format!(" {label}"), soft),
                ]),
            );
            self.hits.add(place, Hit::Do(action));
            x = place.right() + GAP;
        }
    }
}

/// A box of that size in the middle of the area, cut to it.
pub(crate) fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// One row of an area.
pub(crate) fn row(area: Rect, at: u16) -> Rect {
    let y = area.y.saturating_add(at);
    let height = u16::from(at < area.height);
    Rect { y: y.min(area.bottom()), height, ..area }
}
