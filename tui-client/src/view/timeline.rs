//! Which part of a chat is visible: scrolling, the chosen message, where one began to read. Pure; it asks how many
//! lines a row takes only for the rows it needs.

use std::ops::Range;

use liao_client_core::timeline::{Hole, Item, Row};
use liao_common::id::{Nonce, Seq};

/// A row of a timeline that stays the same while others come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A row of the log, or the hole in which it lies.
    At(Seq),
    /// A row on its way.
    Pending(Nonce),
}

impl Key {
    /// The key of an item; of a hole the one of its beginning.
    #[must_use]
    pub const fn of(item: &Item<'_>) -> Self {
        match item {
            Item::Hole(hole) => Self::At(hole.from),
            Item::Row(row) => Self::of_row(row),
        }
    }

    /// The key of a row.
    #[must_use]
    pub const fn of_row(row: &Row) -> Self {
        match row.seq {
            Some(seq) => Self::At(seq),
            None => Self::Pending(row.nonce),
        }
    }

    /// Where the item with this key stands; for one that is gone, the item after it.
    #[must_use]
    pub fn place(self, items: &[Item<'_>]) -> Option<usize> {
        items.iter().position(|item| match (self, item) {
            (Self::At(wanted), Item::Hole(hole)) => hole.to >= wanted,
            (Self::At(wanted), Item::Row(row)) if row.seq.is_some() => row.seq >= Some(wanted),
            (wanted, item) => wanted == Self::of(item),
        })
    }
}

/// What stands at the top of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scroll {
    /// The newest row stands at the bottom.
    #[default]
    End,
    /// This row stands at the top, without its first lines.
    Top(Key, usize),
}

/// A visible stretch of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// Which item.
    pub item: usize,
    /// Which of its lines.
    pub lines: Range<usize>,
}

/// Where one looks in a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineView {
    scroll: Scroll,
    move_by: isize,
    open_at: Option<Seq>,
    /// One was led here, perhaps over unread messages: they are not seen before one comes by them.
    led: bool,
    /// The chosen message.
    pub chosen: Option<Key>,
    /// The rule of the unread stands behind this one, and so many counted up to it. It may not be here to be counted.
    pub rule_after: Option<(Seq, u64)>,
    /// Messages that are shown in full although they are long.
    pub unfolded: Vec<Key>,
}

impl TimelineView {
    /// Opens at the first message behind `read`, with a rule before it. That message may not be here yet, while
    /// later ones are.
    pub const fn open_at(&mut self, read: (Seq, u64)) {
        self.open_at = Some(read.0.next());
        self.rule_after = Some(read);
        self.led = true;
    }

    /// What was missed has come, and this is where one had read to. Who is at the end is shown it from its beginning.
    pub fn catch_up(&mut self, read: (Seq, u64)) {
        if self.is_at_end() && self.chosen.is_none() {
            self.open_at(read);
        } else if self.rule_after.is_none() {
            self.rule_after = Some(read);
        }
    }

    /// Shows a message near the top.
    pub fn show(&mut self, seq: Seq) {
        self.open_at = Some(seq);
        self.chosen = Some(Key::At(seq));
        self.led = true;
    }

    /// Whether all before the window was seen, given that one has just leapt over something or not, and that what is
    /// read reaches into the window or not.
    pub const fn has_seen_to_here(&mut self, leaps: bool, reaches: bool) -> bool {
        self.led = (self.led || leaps) && !reaches;
        !self.led
    }

    /// Goes to the newest.
    pub const fn to_end(&mut self) {
        self.scroll = Scroll::End;
        self.move_by = 0;
        self.open_at = None;
        self.chosen = None;
        self.led = false;
    }

    /// Goes to the beginning.
    pub const fn to_top(&mut self) {
        self.scroll = Scroll::Top(Key::At(Seq::ZERO), 0);
    }

    /// Scrolls by lines when it is laid out next.
    pub const fn scroll_by(&mut self, lines: isize) {
        self.move_by = self.move_by.saturating_add(lines);
    }

    /// Whether the newest row is kept in view.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.scroll == Scroll::End && self.open_at.is_none()
    }

    /// Decides what is visible in `height` lines; `count` says how many lines an item takes. Behind the first
    /// `logged` items stands what is on its way.
    pub fn lay_out(
        &mut self,
        items: &[Item<'_>],
        logged: usize,
        height: usize,
        count: impl Fn(usize) -> usize,
    ) -> Vec<Visible> {
        let pages = Pages { len: items.len(), height, count };
        let mut top = match self.scroll {
            Scroll::End => pages.last_top(),
            Scroll::Top(key, skip) => {
                key.place(items).map_or_else(|| pages.last_top(), |item| (item, skip))
            }
        };
        let mut moved = std::mem::take(&mut self.move_by);
        let opened = self.open_at.take();
        let mut begins_missing = false;
        if let Some(item) = opened.and_then(|seq| Key::At(seq).place(items)) {
            let is_here = matches!(items.get(item), Some(Item::Row(_)));
            (top, moved) = ((item, 0), if is_here { -2 } else { 0 });
            begins_missing = !is_here;
        }
        top = pages.step(top, moved);
        if let Some(chosen) = self.chosen.and_then(|key| key.place(items)) {
            top = pages.reveal(top, chosen);
        }
        let last = pages.last_top();
        if top >= last {
            top = last;
        }
        let is_kept = self.scroll == Scroll::End && opened.is_none();
        let ends_here = is_kept || !begins_missing && !self.goes_on(items, logged, last.0);
        self.scroll = if top == last && ends_here {
            Scroll::End
        } else {
            items
                .get(top.0)
                .map_or(Scroll::End, |item| Scroll::Top(self.anchor(item, opened), top.1))
        };
        pages.visible(top)
    }

    /// Whether something is missing below the top of the last window, or where one looks at its top. Then one has not
    /// come to the end by reading on, though later words stand below, and what comes in between must not push out of
    /// sight where one is.
    fn goes_on(&self, items: &[Item<'_>], logged: usize, top: usize) -> bool {
        let is_hole = |item: &Item<'_>| matches!(item, Item::Hole(_));
        let is_inside =
            |item: &Item<'_>| matches!(item, Item::Hole(hole) if self.inside(hole).is_some());
        let below = items.get(top + 1..logged).unwrap_or_default();
        let last_logged = logged.checked_sub(1).and_then(|place| items.get(place));
        below.iter().chain(last_logged).any(is_hole) || items.get(top).is_some_and(is_inside)
    }

    /// By what the item at the top is found again. A hole is filled while one looks at it: who came to it from
    /// below stays at its end, who reads on at its beginning, and who was led into it where they were led.
    fn anchor(&self, item: &Item<'_>, opened: Option<Seq>) -> Key {
        let Item::Hole(hole) = item else { return Key::of(item) };
        let seq = match self.scroll {
            Scroll::Top(Key::At(seq), _) => opened.unwrap_or(seq),
            _ => opened.unwrap_or(hole.to),
        };
        Key::At(seq.clamp(hole.from, hole.to))
    }

    /// Where in a hole one looks, when that is not at its end.
    #[must_use]
    pub fn inside(&self, hole: &Hole) -> Option<Seq> {
        match self.scroll {
            Scroll::Top(Key::At(seq), _) if hole.from <= seq && seq < hole.to => Some(seq),
            _ => None,
        }
    }

    /// Chooses the message above or below the chosen one, the newest at first, which may be far from where one looks.
    /// `false` when there is none below.
    pub fn choose_by(&mut self, items: &[Item<'_>], by: isize) -> bool {
        self.led |= self.chosen.is_none();
        let is_row = |place: usize| matches!(items.get(place), Some(Item::Row(_)));
        let start = self.chosen.and_then(|key| key.place(items)).unwrap_or(items.len());
        let mut place = start;
        loop {
            let Some(next) = place.checked_add_signed(by.signum()) else { return true };
            if next >= items.len() {
                return false;
            }
            place = next;
            if is_row(place) {
                self.chosen = items.get(place).map(Key::of);
                return true;
            }
        }
    }
}

/// A place in the text: which item, which of its lines.
type Place = (usize, usize);

struct Pages<F> {
    len: usize,
    height: usize,
    count: F,
}

impl<F: Fn(usize) -> usize> Pages<F> {
    /// The top of the window when the newest line stands at the bottom.
    fn last_top(&self) -> Place {
        self.step((self.len, 0), -isize::try_from(self.height).unwrap_or(isize::MAX))
    }

    fn step(&self, from: Place, by: isize) -> Place {
        if by < 0 { self.up(from, by.unsigned_abs()) } else { self.down(from, by.unsigned_abs()) }
    }

    fn up(&self, (mut item, mut line): Place, mut by: usize) -> Place {
        while by > 0 {
            if line >= by {
                return (item, line - by);
            }
            by -= line;
            let Some(before) = item.checked_sub(1) else { return (0, 0) };
            item = before;
            line = (self.count)(item);
        }
        (item, line)
    }

    fn down(&self, (mut item, mut line): Place, mut by: usize) -> Place {
        while item < self.len {
            let left = (self.count)(item).saturating_sub(line);
            if by < left {
                return (item, line + by);
            }
            by -= left;
            item += 1;
            line = 0;
        }
        (item, 0)
    }

    /// The same top, moved as little as is needed to see an item.
    fn reveal(&self, top: Place, item: usize) -> Place {
        if item < top.0 || (item == top.0 && top.1 > 0) {
            return (item, 0);
        }
        let end = (item, (self.count)(item));
        let lowest = self.up(end, self.height);
        if lowest > top { lowest.min((item, 0)) } else { top }
    }

    fn visible(&self, top: Place) -> Vec<Visible> {
        let mut free = self.height;
        let mut shown = Vec::new();
        let (mut item, mut line) = top;
        while item < self.len && free > 0 {
            let count = (self.count)(item);
            let end = count.min(line + free);
            if line < end {
                shown.push(Visible { item, lines: line..end });
                free -= end - line;
            }
            item += 1;
            line = 0;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use liao_client_core::notice::Queued;
    use liao_common::{
        id::{RoomId, UserId},
        message::{Body, Kind},
    };

    use super::*;

    /// Rows of two lines each, at seq 1, 2, 3…
    fn rows(len: u64) -> Vec<Row> {
        let (kind, body) = (Kind::Text, Body::text("x"));
        let (nonce, room) = (Nonce([1; 16]), RoomId::LOBBY);
        let row = Row::sending(&Queued { nonce, room, kind, body, at_ms: 1 }, UserId(1));
        (1..=len).map(|seq| Row { seq: Some(Seq(seq)), ..row.clone() }).collect()
    }

    fn shown(view: &mut TimelineView, len: u64, height: usize) -> Vec<(u64, Range<usize>)> {
        let rows = rows(len);
        let items: Vec<Item<'_>> = rows.iter().map(Item::Row).collect();
        let visible = view.lay_out(&items, items.len(), height, |_| 2);
        visible.into_iter().map(|part| (part.item as u64 + 1, part.lines)).collect()
    }

    #[test]
    fn the_end_stays_in_view_until_one_scrolls() {
        let mut view = TimelineView::default();
        assert_eq!(shown(&mut view, 1, 5), [(1, 0..2)]);
        assert_eq!(shown(&mut view, 9, 5), [(7, 1..2), (8, 0..2), (9, 0..2)]);
        view.scroll_by(-3);
        let there = shown(&mut view, 9, 5);
        assert_eq!(there, [(6, 0..2), (7, 0..2), (8, 0..1)]);
        assert_eq!(shown(&mut view, 20, 5), there, "new messages do not move what one reads");
        assert!(!view.is_at_end());
        view.scroll_by(100);
        assert_eq!(shown(&mut view, 20, 4), [(19, 0..2), (20, 0..2)]);
        assert!(view.is_at_end());
        view.scroll_by(-100);
        assert_eq!(shown(&mut view, 20, 2), [(1, 0..2)]);
    }

    #[test]
    fn it_opens_at_the_first_unread() {
        let mut view = TimelineView::default();
        view.open_at((Seq(4), 4));
        assert_eq!(shown(&mut view, 20, 6), [(4, 0..2), (5, 0..2), (6, 0..2)]);
        let mut view = TimelineView::default();
        view.open_at((Seq(19), 19));
        assert_eq!(shown(&mut view, 20, 6), [(18, 0..2), (19, 0..2), (20, 0..2)]);
        assert!(view.is_at_end(), "what fits is shown to the end");
    }

    #[test]
    fn the_chosen_message_is_always_visible() {
        let mut view = TimelineView { chosen: Some(Key::At(Seq(3))), ..TimelineView::default() };
        assert_eq!(shown(&mut view, 20, 4), [(3, 0..2), (4, 0..2)]);
        view.chosen = Some(Key::At(Seq(8)));
        assert_eq!(shown(&mut view, 20, 4), [(7, 0..2), (8, 0..2)]);
    }
}
