//! Questions that are answered with yes or no. Pure.

use liao_common::id::{DeviceId, RoomId, Seq};

use crate::keymap::Mode;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Leave although transfers run? `true` when they are kept for the next start.
    Quit(bool),
    /// Leave although so many unsent messages are in memory only?
    Lose(u64),
    /// Log out although so many unsent messages are in memory only?
    LogOutAndLose(u64),
    /// Leave, although what spoke against it is over?
    Leave,
    /// Log out, although what spoke against it is over?
    LogOut,
    /// Put that many lines into the composer?
    Paste(String, usize),
    /// Take this message back, which begins with these words?
    TakeBack(RoomId, Seq, String),
    /// Leave this room?
    LeaveRoom(RoomId),
    /// Close this room, and throw away what was refused there?
    CloseUnsent(RoomId),
    /// Decline the invitation to this room?
    Decline(RoomId),
    /// Log out on this device, which is called so?
    LogDeviceOut(DeviceId, String),
    /// Log out on all these?
    LogOthersOut(Vec<DeviceId>),
}

impl Question {
    /// Where keys are looked up: a yes that loses something for good is not given with Enter.
    #[must_use]
    pub const fn modes(&self) -> &'static [Mode] {
        match self {
            Self::Paste(..) => &[Mode::Confirm],
            Self::Quit(_)
            | Self::Lose(_)
            | Self::LogOutAndLose(_)
            // The same keys as before, under fingers that are already on their way.
            | Self::Leave
            | Self::LogOut
            | Self::TakeBack(..)
            | Self::LeaveRoom(_)
            | Self::CloseUnsent(_)
            | Self::Decline(_)
            | Self::LogDeviceOut(..)
            | Self::LogOthersOut(_) => &[Mode::Danger],
        }
    }

    /// Whether it was asked from the page of devices, which is shown again after a no.
    #[must_use]
    pub const fn is_about_devices(&self) -> bool {
        matches!(self, Self::LogDeviceOut(..) | Self::LogOthersOut(_))
    }
}

/// A question above the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmView {
    /// What is asked.
    pub question: Question,
}
