//! What is being written, kept across leaving and cuts of power. Part of the main view.

use std::collections::BTreeMap;

use liao_common::id::RoomId;

use super::{chat::ChatView, main::MainView, told::Held};
use crate::{app::Base, effect::Effect};

/// How long after the first change the drafts are written down, however much is typed meanwhile, in milliseconds: what
/// was typed a second ago is on the disk.
const DRAFTS_AFTER_MS: u64 = 500;

/// What of the drafts is on the disk.
#[derive(Clone, Debug, Default)]
pub struct Drafts {
    kept: BTreeMap<RoomId, String>,
    /// When they are to be written down next, in milliseconds since 1970.
    pub due_ms: Option<u64>,
}

impl MainView {
    /// All drafts, if they are others than those on the disk, with an empty text for what is none any more. They
    /// count as written down from here on.
    pub fn take_changed_drafts(&mut self) -> Option<BTreeMap<RoomId, String>> {
        self.drafts.due_ms = None;
        if !self.drafts_changed() {
            return None;
        }
        let now = self.unsent_words();
        let mut changed = now.clone();
        for room in self.drafts.kept.keys() {
            changed.entry(*room).or_default();
        }
        self.drafts.kept = now;
        Some(changed)
    }

    fn drafts_changed(&self) -> bool {
        self.unsent_words() != self.drafts.kept
    }

    /// What is being written, and what was written but still waits for a room to be opened: that is in no outbox.
    fn unsent_words(&self) -> BTreeMap<RoomId, String> {
        let draft = |(room, chat): (&RoomId, &ChatView)| (*room, chat.draft().to_owned());
        let mut words: BTreeMap<RoomId, String> = self.chats.iter().map(draft).collect();
        for held in self.held.iter().rev() {
            let Held::Say(_, _, written) = held else { continue };
            let text = words.entry(written.room).or_default();
            let between = if text.is_empty() { "" } else { "\n" };
            *text = format!("{}{between}{text}", written.line);
        }
        words.retain(|_, text| !text.trim().is_empty());
        words
    }

    /// Writes the drafts down a while after the first change.
    pub(super) fn settle_drafts(&mut self, base: &mut Base) {
        match self.drafts.due_ms {
            Some(due_ms) if due_ms <= base.now_ms => {
                if let Some(drafts) = self.take_changed_drafts() {
                    base.wish(Effect::KeepDrafts(drafts));
                }
            }
            None if self.drafts_changed() => {
                self.drafts.due_ms = Some(base.now_ms + DRAFTS_AFTER_MS);
            }
            _ => {}
        }
    }

    /// What was being written the last time is there again, before what has been typed since.
    pub(super) fn drafts_came(&mut self, drafts: BTreeMap<RoomId, String>) {
        for (room, text) in &drafts {
            self.give_back(*room, text);
        }
        self.drafts.kept = drafts;
    }
}
