//! The editor in which a message is written: text, caret, undo, the lines sent before, completion. Pure.
//! Owns its text. The caret always stands between two grapheme clusters, and the limits always hold.

mod completion;
mod history;
mod layout;
mod motion;
#[cfg(test)]
mod tests;
mod undo;

pub use completion::{Token, TokenKind};
pub use history::SENT_LINES_MAX;
pub use layout::{Caret, Layout, LayoutRow};
pub use undo::UNDO_STEPS_MAX;

use std::ops::Range;

pub use liao_common::limits::{TEXT_BYTES_MAX, TEXT_LINES_MAX};

use history::History;
use motion::Step;
use undo::Undo;

/// Why text was not taken. The composer is unchanged then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposeError {
    /// The text would exceed [`TEXT_BYTES_MAX`].
    TooManyBytes,
    /// The text would exceed [`TEXT_LINES_MAX`].
    TooManyLines,
}

impl ComposeError {
    /// Key of the sentence for it.
    #[must_use]
    pub const fn word_key(self) -> &'static str {
        match self {
            Self::TooManyBytes => "composer.too_many_bytes",
            Self::TooManyLines => "composer.too_many_lines",
        }
    }
}

/// Where the caret goes, or what a deletion takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One grapheme cluster back.
    Left,
    /// One grapheme cluster on.
    Right,
    /// To the start of the word before; a Chinese character is a word.
    WordLeft,
    /// To the end of the word after.
    WordRight,
    /// To the start of the line (of the text, not of the wrapped row).
    LineStart,
    /// To the end of the line.
    LineEnd,
    /// To the start of the text.
    TextStart,
    /// To the end of the text.
    TextEnd,
}

/// A multi-line editor.
#[derive(Clone, Debug, Default)]
pub struct Composer {
    text: String,
    caret: usize,
    /// Column that up and down try to keep.
    goal_column: Option<usize>,
    undo: Undo,
    history: History,
    /// All of the text is marked: what is typed next takes its place.
    selected: bool,
}

impl Composer {
    /// An empty composer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The text as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the caret.
    #[must_use]
    pub const fn caret(&self) -> usize {
        self.caret
    }

    /// Whether nothing is written, spaces included.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether there is nothing that could be sent.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Lines of the text.
    #[must_use]
    pub fn lines(&self) -> usize {
        line_count(&self.text)
    }

    /// Marks all of the text: what is typed next takes its place, and a movement lets it stand.
    pub const fn select_all(&mut self) {
        self.selected = !self.text.is_empty();
    }

    /// Whether all of the text is marked.
    #[must_use]
    pub const fn is_selected(&self) -> bool {
        self.selected
    }

    /// Lets the text stand. Says whether it was marked.
    pub const fn unselect(&mut self) -> bool {
        std::mem::replace(&mut self.selected, false)
    }

    /// Inserts typed or pasted text at the caret, cleaned as foreign text is.
    ///
    /// # Errors
    /// When the result would exceed a limit; nothing changes then.
    pub fn insert(&mut self, text: &str) -> Result<(), ComposeError> {
        let clean = clean(text);
        let joins = clean.chars().count() == 1 && !clean.contains(char::is_whitespace);
        let range = if self.selected { 0..self.text.len() } else { self.caret..self.caret };
        self.replace(range, &clean, joins && !self.selected)
    }

    /// Whether a text could be inserted at the caret now.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        self.clone().insert(text).is_ok()
    }

    /// Deletes from the caret to where the motion leads. Says whether anything went.
    pub fn delete(&mut self, motion: Motion) -> bool {
        if self.selected {
            return self.clear();
        }
        let target = self.target(motion);
        let range = self.caret.min(target)..self.caret.max(target);
        self.cut(range, matches!(motion, Motion::Left | Motion::Right))
    }

    /// Deletes to the end of the line, or the line feed when the caret stands there already.
    pub fn kill_to_line_end(&mut self) -> bool {
        self.delete(Motion::LineEnd) || self.delete(Motion::Right)
    }

    /// Deletes to the start of the line, or the line feed before when the caret stands there already.
    pub fn kill_to_line_start(&mut self) -> bool {
        self.delete(Motion::LineStart) || self.delete(Motion::Left)
    }

    /// Moves the caret. Says whether it moved.
    pub fn go(&mut self, motion: Motion) -> bool {
        let target = self.target(motion);
        self.place_caret(target)
    }

    /// Moves the caret to the cluster that the byte offset lies in.
    pub fn place_caret(&mut self, offset: usize) -> bool {
        let target = motion::cluster_start(&self.text, offset);
        self.goal_column = None;
        self.selected = false;
        self.undo.close_step();
        let moved = target != self.caret;
        self.caret = target;
        moved
    }

    /// Moves one wrapped row up. Says false in the first row, where the caller may turn to the history or to
    /// the timeline.
    pub fn go_up(&mut self, width: usize) -> bool {
        self.go_rows(width, Step::Back)
    }

    /// Moves one wrapped row down. Says false in the last row.
    pub fn go_down(&mut self, width: usize) -> bool {
        self.go_rows(width, Step::On)
    }

    /// Takes back the last change.
    pub fn undo(&mut self) -> bool {
        let now = self.snapshot();
        let before = self.undo.back(now);
        self.restore(before)
    }

    /// Does again what was taken back.
    pub fn redo(&mut self) -> bool {
        let now = self.snapshot();
        let after = self.undo.again(now);
        self.restore(after)
    }

    /// Puts a line among the lines sent, as the newest.
    pub fn remember(&mut self, line: &str) {
        self.history.push(line);
    }

    /// Takes the text for sending: remembers it among the lines sent and leaves the composer empty.
    pub fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.history.push(&text);
        self.caret = 0;
        self.goal_column = None;
        self.undo = Undo::default();
        self.selected = false;
        text
    }

    /// Replaces the whole text, for a draft that comes back or a message to be edited. The caret goes to the
    /// end. Can be undone.
    ///
    /// # Errors
    /// When the text exceeds a limit; nothing changes then.
    pub fn set_text(&mut self, text: &str) -> Result<(), ComposeError> {
        let clean = clean(text);
        self.replace(0..self.text.len(), &clean, false)
    }

    /// Empties the composer. Can be undone.
    pub fn clear(&mut self) -> bool {
        self.cut(0..self.text.len(), false)
    }

    /// Shows the line sent before the one shown. What was being written waits at the end of the history.
    pub fn history_back(&mut self) -> bool {
        let shown = self.history.back(&self.text).map(str::to_owned);
        self.show(shown)
    }

    /// Shows the line sent after the one shown, in the end what was being written.
    pub fn history_on(&mut self) -> bool {
        let shown = self.history.on();
        self.show(shown)
    }

    /// The token before the caret that can be completed.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        completion::token_at(&self.text, self.caret)
    }

    /// Puts a completed word in the place of the token, with the spaces the caller wants behind it.
    ///
    /// # Errors
    /// When the result would exceed a limit; nothing changes then.
    pub fn complete(&mut self, token: &Token, word: &str) -> Result<(), ComposeError> {
        self.replace(token.range.clone(), &clean(word), false)
    }

    /// The rows to draw in a box of `width` columns and at most `rows_max` rows, with the caret's place.
    #[must_use]
    pub fn layout(&self, width: usize, rows_max: usize) -> Layout {
        layout::lay_out(&self.text, self.caret, width, rows_max)
    }

    /// Moves the caret to a cell of the layout, counted from the first visible row.
    pub fn click(&mut self, layout: &Layout, x: usize, y: usize) -> bool {
        let offset = layout.offset_at(&self.text, x, y);
        self.place_caret(offset)
    }

    fn target(&self, motion: Motion) -> usize {
        motion::target(&self.text, self.caret, motion)
    }

    fn go_rows(&mut self, width: usize, step: Step) -> bool {
        let goal =
            self.goal_column.unwrap_or_else(|| layout::caret_column(&self.text, self.caret, width));
        let Some(offset) = layout::row_step(&self.text, self.caret, width, goal, step) else {
            return false;
        };
        self.place_caret(offset);
        self.goal_column = Some(goal);
        true
    }

    fn cut(&mut self, range: Range<usize>, joins: bool) -> bool {
        // Cutting never exceeds a limit.
        !range.is_empty() && self.replace(range, "", joins).is_ok()
    }

    fn replace(
        &mut self,
        range: Range<usize>,
        with: &str,
        joins: bool,
    ) -> Result<(), ComposeError> {
        let (Some(before), Some(after)) =
            (self.text.get(..range.start), self.text.get(range.end..))
        else {
            return Ok(());
        };
        if before.len() + with.len() + after.len() > TEXT_BYTES_MAX {
            return Err(ComposeError::TooManyBytes);
        }
        let text = format!("{before}{with}{after}");
        if line_count(&text) > TEXT_LINES_MAX {
            return Err(ComposeError::TooManyLines);
        }
        if text != self.text {
            self.undo.record(self.snapshot(), joins);
        }
        let caret = range.start + with.len();
        self.text = text;
        // A combining mark joins what stood before it, so the caret is put at a cluster's edge again.
        self.caret = motion::cluster_end(&self.text, caret);
        self.goal_column = None;
        self.selected = false;
        self.history.leave();
        Ok(())
    }

    fn snapshot(&self) -> (String, usize) {
        (self.text.clone(), self.caret)
    }

    fn restore(&mut self, state: Option<(String, usize)>) -> bool {
        let Some((text, caret)) = state else { return false };
        self.text = text;
        self.caret = caret;
        self.goal_column = None;
        self.selected = false;
        self.history.leave();
        true
    }

    fn show(&mut self, line: Option<String>) -> bool {
        let Some(line) = line else { return false };
        self.undo.record(self.snapshot(), false);
        self.caret = line.len();
        self.text = line;
        self.goal_column = None;
        self.selected = false;
        true
    }
}

fn line_count(text: &str) -> usize {
    1 + text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Some terminals paste line ends as a lone carriage return.
fn clean(text: &str) -> String {
    liao_common::text::clean_text(&text.replace("\r\n", "\n").replace('\r', "\n"))
}
