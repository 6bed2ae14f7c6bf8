//! What waits for one connection: which of its rooms moved, and small notes. The messages
//! themselves wait in their rooms and in the journal, never here.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    sync::{
        PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

use bytes::Bytes;
use liao_common::{
    event::Marked,
    id::{DeviceId, RoomId, Seq, UserId},
};

use crate::{
    engine::Turn,
    sync::{Mutex, MutexGuard},
};

/// Notes that may wait. Presence is dropped first, since its numbers show the hole; a connection
/// with more of the others than this is closed and starts anew from the journal.
const NOTES_MAX: usize = 1024;

/// Presence notes are dropped when more than this waits.
const PRESENCE_NOTES_MAX: usize = 16;

/// The number of the next mailbox.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Something small to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// Mailboxes are as many as connections, and nearly all of them are empty.
#[derive(Debug, Default)]
struct State {
    moved: Vec<RoomId>,
    /// All but the rooms that moved, which are what comes most often.
    other: Option<Box<Mail>>,
    reader: Option<Waker>,
}

impl State {
    fn other(&mut self) -> &mut Mail {
        self.other.get_or_insert_default()
    }
}

/// Everything that waited.
#[derive(Debug, Default, PartialEq, Eq)]
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
        Self { user, dev, number, state: Mutex::default() }
    }

    /// A room has new messages. Called once until the reader has looked.
    pub fn moved(&self, room: RoomId) {
        self.moved_quietly(room).into_iter().for_each(Waker::wake);
    }

    /// The same, and gives the reader, if it waits, for the caller to call.
    #[must_use]
    pub fn moved_quietly(&self, room: RoomId) -> Option<Waker> {
        let mut state = self.state();
        state.moved.push(room);
        state.reader.take()
    }

    /// Adds a note.
    pub fn tell(&self, note: Note) {
        let max = if matches!(note, Note::Presence(_)) { PRESENCE_NOTES_MAX } else { NOTES_MAX };
        self.change(|state| {
            let mail = state.other();
            if mail.notes.len() < max {
                mail.notes.push_back(note);
            } else if max == NOTES_MAX {
                mail.overrun = true;
            }
        });
    }

    /// A room has moved whose messages are not pushed. Only its last head is kept.
    pub fn head(&self, room: RoomId, head: (Seq, u64)) {
        self.change(|state| state.other().heads.extend([(room, head)]));
    }

    /// Another device read on. Only the last marker of a room is kept.
    pub fn marked(&self, marked: Marked) {
        self.change(|state| state.other().marks.extend([(marked.room, marked.read)]));
    }

    /// Takes everything out.
    pub fn take(&self) -> Mail {
        let mut state = self.state();
        let moved = std::mem::take(&mut state.moved);
        let other = state.other.take().map_or_else(Mail::default, |other| *other);
        Mail { moved, ..other }
    }

    /// The last message of a room that its reader may see, if they left it just now.
    pub fn until(&self, room: RoomId) -> Option<Seq> {
        self.state().other.as_ref()?.notes.iter().find_map(|note| match note {
            Note::Membership { room: left, turn: Turn::Left(last) } if *left == room => Some(*last),
            _ => None,
        })
    }

    /// Whether its device was logged out just now.
    pub fn is_logged_out(&self) -> bool {
        let state = self.state();
        let mut notes = state.other.iter().flat_map(|mail| &mail.notes);
        notes.any(|note| matches!(note, Note::LoggedOut))
    }

    /// Ends when something waits. One at a time may wait.
    pub async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if !state.moved.is_empty() || state.other.is_some() {
                return Poll::Ready(());
            }
            match &mut state.reader {
                Some(reader) => reader.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        // Taken, and called without the lock: a reader that is called a second time has not looked yet.
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
