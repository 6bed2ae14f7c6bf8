//! Undo and redo by whole states. A message is at most 16 KiB, so states are cheaper than a log of edits.
//! Letters typed in a row are one step.

use std::collections::VecDeque;

/// Steps that can be taken back.
pub const UNDO_STEPS_MAX: usize = 100;

type State = (String, usize);

#[derive(Clone, Debug, Default)]
pub(super) struct Undo {
    past: VecDeque<State>,
    future: Vec<State>,
    joining: bool,
}

impl Undo {
    /// Remembers the state before a change. A change that joins the one before needs no state of its own.
    pub(super) fn record(&mut self, before: State, joins: bool) {
        self.future.clear();
        if !(joins && self.joining) {
            if self.past.len() == UNDO_STEPS_MAX {
                self.past.pop_front();
            }
            self.past.push_back(before);
        }
        self.joining = joins;
    }

    /// The next change starts a step of its own.
    pub(super) const fn close_step(&mut self) {
        self.joining = false;
    }

    pub(super) fn back(&mut self, now: State) -> Option<State> {
        let state = self.past.pop_back()?;
        self.future.push(now);
        self.joining = false;
        Some(state)
    }

    pub(super) fn again(&mut self, now: State) -> Option<State> {
        let state = self.future.pop()?;
        self.past.push_back(now);
        self.joining = false;
        Some(state)
    }
}
