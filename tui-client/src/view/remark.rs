//! What the status line says besides its hints: one sentence about what has just happened. It goes when what it
//! is about is over, when the person does the next thing after having had the time to read it, or after a while.

use liao_client_core::{
    model::Model,
    notice::{LinkState, Notice},
    transfer::{Phase, TransferChange, TransferNotice},
};

use liao_common::id::RoomId;

use super::main::MainView;
use crate::app::Base;

/// How long a sentence stands while nothing else happens, in milliseconds.
const STANDS_MS: u64 = 6_000;

/// How long it stands at least, whatever keys are pressed, in milliseconds.
const READ_MS: u64 = 1_500;

/// Within how long the key has to be pressed again to leave, in milliseconds.
const AGAIN_MS: u64 = 3_000;

/// What a sentence is about; with that it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Something that has happened.
    Past,
    /// What stands in the text field: the next key makes it another one.
    Writing,
    /// One more press of the key leaves.
    Leaving,
    /// The connection is not there.
    Link,
    /// A file begins its way.
    Sending,
    /// The last run left transfers unfinished. It stands for as long as nobody touches a key.
    Unfinished,
    /// Somebody asks one into this room. It stands for as long as nobody touches a key.
    Invitation(RoomId),
}

/// A sentence that stands in the status line for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it says.
    pub text: String,
    /// It is about something that went wrong.
    pub bad: bool,
    about: About,
    since_ms: u64,
    /// The person goes on: it stands no longer than it takes to read it.
    touched: bool,
}

impl Remark {
    /// Whether it is about this.
    #[must_use]
    pub fn is_about(&self, about: About) -> bool {
        self.about == about
    }

    const fn until_ms(&self) -> Option<u64> {
        match self.about {
            About::Invitation(_) | About::Unfinished => None,
            About::Leaving => Some(self.since_ms.saturating_add(AGAIN_MS)),
            About::Past if self.touched => Some(self.since_ms.saturating_add(READ_MS)),
            _ => Some(self.since_ms.saturating_add(STANDS_MS)),
        }
    }

    const fn was_read(&self, now_ms: u64) -> bool {
        now_ms >= self.since_ms.saturating_add(READ_MS)
    }
}

impl MainView {
    /// Shows a sentence for a while.
    pub fn say(&mut self, base: &Base, text: impl Into<String>) {
        self.remark_about(About::Past, false, base, text);
    }

    /// Shows what went wrong for a while.
    pub fn complain(&mut self, base: &Base, text: impl Into<String>) {
        self.remark_about(About::Past, true, base, text);
    }

    pub(super) fn remark_about(
        &mut self,
        about: About,
        bad: bool,
        base: &Base,
        text: impl Into<String>,
    ) {
        if bad {
            self.refuse_command();
        }
        let (text, since_ms) = (text.into(), base.now_ms);
        self.remark = Some(Remark { text, bad, about, since_ms, touched: false });
    }

    /// The person pressed a key, clicked or pasted.
    pub fn touched(&mut self, base: &Base) {
        self.settle_remark(base);
        self.warned = self.remark.as_ref().is_some_and(|remark| remark.is_about(About::Leaving));
        let over = |remark: &mut Remark| match remark.about {
            About::Writing | About::Leaving => true,
            _ => remark.was_read(base.now_ms),
        };
        self.remark.take_if(over);
        if let Some(remark) = &mut self.remark {
            remark.touched = true;
        }
    }

    /// Something that the person did has come off: what went wrong before is no more of interest, once there was the
    /// time to read it. Of two commands the second may come off right after the first was refused.
    pub(super) fn remark_success(&mut self) {
        if let Some(remark) = self.remark.as_mut().filter(|remark| remark.bad) {
            remark.touched = true;
        }
    }

    /// The person has had enough of what went wrong.
    pub(super) fn dismiss_error(&mut self) {
        self.remark.take_if(|remark| remark.bad);
    }

    /// Something happened that may end what the sentence is about.
    pub(super) fn remark_noticed(&mut self, notice: &Notice) {
        let ended = match notice {
            Notice::State(LinkState::Online { .. }) => About::Link,
            Notice::Transfer(transfer) => match &transfer.change {
                TransferChange::Phase {
                    phase: Phase::Done { .. } | Phase::Failed(_) | Phase::Cancelled,
                    ..
                } => About::Sending,
                _ => return,
            },
            _ => return,
        };
        self.remark.take_if(|remark| remark.about == ended);
    }

    /// What the last run left is announced after the login, and stands still: nobody paused it.
    pub(super) fn unfinished_noticed(&mut self, notice: &Notice, model: &Model, base: &Base) {
        let Notice::Transfer(TransferNotice { id, change }) = notice else { return };
        match change {
            TransferChange::Added { .. } => self.announced = Some(*id),
            TransferChange::Phase { phase, .. } => {
                let first = self.announced.take_if(|announced| announced == id).is_some();
                if first && *phase == Phase::Paused && self.greeted {
                    self.remark_unfinished(model, base);
                }
            }
            _ => {}
        }
    }

    /// Says that transfers wait for the person, if there are any.
    pub(super) fn remark_unfinished(&mut self, model: &Model, base: &Base) {
        let count = model.transfers.iter().filter(|row| row.phase == Phase::Paused).count();
        if count == 0 || self.remark.as_ref().is_some_and(|remark| remark.bad) {
            return;
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let sentence = base.words.count("files.unfinished", count);
        self.remark_about(About::Unfinished, false, base, sentence);
    }

    /// Invitations stand in the inbox: what was told of them is not needed there.
    pub(super) fn invitation_seen(&mut self) {
        self.remark.take_if(|remark| matches!(remark.about, About::Invitation(_)));
    }

    pub(super) fn settle_remark(&mut self, base: &Base) {
        self.remark.take_if(|remark| remark.until_ms().is_some_and(|until| until <= base.now_ms));
    }

    pub(super) fn remark_ends_ms(&self) -> Option<u64> {
        self.remark.as_ref().and_then(Remark::until_ms)
    }
}
