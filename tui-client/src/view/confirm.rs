//! Questions that are answered with yes or no. Pure.

use liao_common::id::{RoomId, Seq};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Leave although transfers run?
    Quit,
    /// Leave although so many unsent messages are in memory only?
    Lose(u64),
    /// Put that many lines into the composer?
    Paste(String, usize),
    /// Take this message back, which begins with these words?
    TakeBack(RoomId, Seq, String),
    /// Leave this room?
    LeaveRoom(RoomId),
}

/// A question above the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmView {
    /// What is asked.
    pub question: Question,
}
