//! What waits for one connection: which of its rooms moved, and small notes. The messages
//! themselves wait in their rooms and in the journal, never here.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use liao_common::{
    event::Marked,
    id::{DeviceId, RoomId, Seq, UserId},
};

use crate::{
    engine::Turn,
    sync::{Mutex, MutexGuard, Notify},
};

/// Notes that may wait. Presence is dropped first, since its numbers show the hole; a connection
/// with more of the others than this is closed and starts anew from the journal.
const NOTES_MAX: usize = 1024;

/// Presence notes are dropped when more than this waits.
const PRESENCE_NOTES_MAX: usize = 16;

/// The number of the next mailbox.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Something small to tell.
#[derive(Clone, Debug)]
pub enum Note {
    /// What this person is in a room has changed: look again.
    Membership {
        /// The room.
        room: RoomId,
        /// Which way.
        turn: Turn,
    },
    /// A frame about who came and went, the same for all who watch.
    Presence(Bytes),
    /// This device was logged out.
    LoggedOut,
}

/// See the module.
#[derive(Debug)]
pub struct Mailbox {
    /// Whose connection it is.
    pub user: UserId,
    /// From which device.
    pub dev: DeviceId,
    /// No other mailbox of this process has it; later ones have higher ones.
    pub number: u64,
    state: Mutex<State>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct State {
    moved: Vec<RoomId>,
    notes: VecDeque<Note>,
    heads: BTreeMap<RoomId, (Seq, u64)>,
    marks: BTreeMap<RoomId, (Seq, u64)>,
    overrun: bool,
}

/// Everything that waited.
#[derive(Debug, Default)]
pub struct Mail {
    /// Rooms with new messages.
    pub moved: Vec<RoomId>,
    /// Notes in order.
    pub notes: VecDeque<Note>,
    /// The last head of each room that moved and is not pushed.
    pub heads: BTreeMap<RoomId, (Seq, u64)>,
    /// How far another device of this person has read, per room.
    pub marks: BTreeMap<RoomId, (Seq, u64)>,
    /// Notes were lost: the connection must start anew.
    pub overrun: bool,
}

impl Mailbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new(user: UserId, dev: DeviceId) -> Self {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { user, dev, number, state: Mutex::default(), notify: Notify::new() }
    }

    /// A room has new messages. Called once until the reader has looked.
    pub fn moved(&self, room: RoomId) {
        self.state().moved.push(room);
        self.notify.notify_one();
    }

    /// Adds a note.
    pub fn tell(&self, note: Note) {
        let mut state = self.state();
        let max = if matches!(note, Note::Presence(_)) { PRESENCE_NOTES_MAX } else { NOTES_MAX };
        if state.notes.len() < max {
            state.notes.push_back(note);
        } else if max == NOTES_MAX {
            state.overrun = true;
        }
        drop(state);
        self.notify.notify_one();
    }

    /// A room has moved whose messages are not pushed. Only its last head is kept.
    pub fn head(&self, room: RoomId, head: (Seq, u64)) {
        self.state().heads.insert(room, head);
        self.notify.notify_one();
    }

    /// Another device read on. Only the last marker of a room is kept.
    pub fn marked(&self, marked: Marked) {
        self.state().marks.insert(marked.room, marked.read);
        self.notify.notify_one();
    }

    /// Takes everything out.
    pub fn take(&self) -> Mail {
        let mut state = self.state();
        Mail {
            moved: std::mem::take(&mut state.moved),
            notes: std::mem::take(&mut state.notes),
            heads: std::mem::take(&mut state.heads),
            marks: std::mem::take(&mut state.marks),
            overrun: state.overrun,
        }
    }

    /// The last message of a room that its reader may see, if they left it just now.
    pub fn until(&self, room: RoomId) -> Option<Seq> {
        self.state().notes.iter().find_map(|note| match note {
            Note::Membership { room: left, turn: Turn::Left(last) } if *left == room => Some(*last),
            _ => None,
        })
    }

    /// Whether its device was logged out just now.
    pub fn is_logged_out(&self) -> bool {
        self.state().notes.iter().any(|note| matches!(note, Note::LoggedOut))
    }

    /// Ends when something waits. May end without.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
