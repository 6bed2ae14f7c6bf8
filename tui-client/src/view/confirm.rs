//! Questions that are answered with yes or no. Pure.

use liao_common::id::{RoomId, Seq};

use crate::keymap::Mode;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Leave although transfers run?
    Quit,
    /// Leave although so many unsent messages are in memory only?
    Lose(u64),
    /// Log out although so many unsent messages are in memory only?
    LogOutAndLose(u64),
    /// Put that many lines into the composer?
    Paste(String, usize),
    /// Take this message back, which begins with these words?
    TakeBack(RoomId, Seq, String),
    /// Leave this room?
    LeaveRoom(RoomId),
    /// Decline the invitation to this room?
    Decline(RoomId),
}

impl Question {
    /// Where keys are looked up: a yes that loses something for good is not given with Enter.
    #[must_use]
    pub const fn modes(&self) -> &'static [Mode] {
        match self {
            Self::Paste(..) => &[Mode::Confirm],
            Self::Quit
            | Self::Lose(_)
            | Self::LogOutAndLose(_)
            | Self::TakeBack(..)
            | Self::LeaveRoom(_)
            | Self::Decline(_) => &[Mode::Danger],
        }
    }
}

/// A question above the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmView {
    /// What is asked.
    pub question: Question,
}
