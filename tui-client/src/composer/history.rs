//! The messages sent before, walked with up and down. Bounded; equal neighbours are kept once.
//! The text being written waits behind the newest of them.

use std::collections::VecDeque;

/// Messages remembered.
pub const SENT_LINES_MAX: usize = 200;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    sent: VecDeque<String>,
    /// Place in `sent` of the line shown; none while the person's own text is shown.
    shown: Option<usize>,
    waiting: String,
}

impl History {
    pub(super) fn push(&mut self, line: &str) {
        self.shown = None;
        self.waiting.clear();
        if line.trim().is_empty() || self.sent.back().is_some_and(|last| last == line) {
            return;
        }
        if self.sent.len() == SENT_LINES_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(line.to_owned());
    }

    /// An edit makes the shown line the person's own.
    pub(super) fn leave(&mut self) {
        self.shown = None;
        self.waiting.clear();
    }

    pub(super) fn back(&mut self, writing: &str) -> Option<&str> {
        let place = self.shown.unwrap_or(self.sent.len()).checked_sub(1)?;
        if self.shown.is_none() {
            writing.clone_into(&mut self.waiting);
        }
        self.shown = Some(place);
        self.sent.get(place).map(String::as_str)
    }

    pub(super) fn on(&mut self) -> Option<String> {
        let place = self.shown? + 1;
        let next = self.sent.get(place).cloned();
        self.shown = next.is_some().then_some(place);
        Some(next.unwrap_or_else(|| std::mem::take(&mut self.waiting)))
    }
}
