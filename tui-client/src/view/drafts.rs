//! What is being written, kept across leaving and cuts of power. Part of the main view.

use std::collections::BTreeMap;

use liao_common::id::RoomId;

use super::{chat::ChatView, main::MainView};
use crate::{app::Base, effect::Effect};

/// How long after a change the drafts are written down, in milliseconds.
const DRAFTS_AFTER_MS: u64 = 2_000;

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
        let written = |(room, chat): (&RoomId, &ChatView)| {
            (!chat.draft().trim().is_empty()).then(|| (*room, chat.draft().to_owned()))
        };
        let now: BTreeMap<RoomId, String> = self.chats.iter().filter_map(written).collect();
        let mut changed = now.clone();
        for room in self.drafts.kept.keys() {
            changed.entry(*room).or_default();
        }
        self.drafts.kept = now;
        Some(changed)
    }

    fn drafts_changed(&self) -> bool {
        let text_of = |room: &RoomId| self.chats.get(room).map_or("", ChatView::draft);
        let is_new = |(room, chat): (&RoomId, &ChatView)| {
            !chat.draft().trim().is_empty() && !self.drafts.kept.contains_key(room)
        };
        self.chats.iter().any(is_new)
            || self.drafts.kept.iter().any(|(room, kept)| text_of(room) != kept)
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
