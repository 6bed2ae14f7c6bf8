//! What a session has yet to tell its client, messages apart. It exists while there is something: an idle connection
//! has none.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use liao_common::id::{RoomId, Seq};

use crate::chat::mailbox::{Mail, Note};

/// See the module.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) notes: VecDeque<Note>,
    /// Rooms that moved and are not pushed.
    pub(super) heads: BTreeMap<RoomId, (Seq, u64)>,
    /// How far this person's other devices have read.
    pub(super) marks: BTreeMap<RoomId, (Seq, u64)>,
    /// Rooms whose words did not fit into the answer to `sync`.
    pub(super) late: VecDeque<Bytes>,
}

impl Backlog {
    /// Adds what came, behind what is there.
    pub(super) fn add(&mut self, mail: Mail) {
        self.notes.extend(mail.notes);
        self.heads.extend(mail.heads);
        self.marks.extend(mail.marks);
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { notes, heads, marks, late } = self;
        notes.is_empty() && heads.is_empty() && marks.is_empty() && late.is_empty()
    }
}
