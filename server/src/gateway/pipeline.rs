//! The requests of one connection that are under way. Each is started as soon as it has arrived;
//! the answers go out in the order of asking.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use bytes::Bytes;

use crate::chat::session::{Outgoing, Pending};

/// A request and what is known of its answer.
pub(super) enum Slot {
    /// The answer.
    Ready(Bytes),
    /// The work that ends in it.
    Waiting(Pending),
}

/// See the module.
#[derive(Default)]
pub(super) struct Pipeline {
    slots: VecDeque<Slot>,
}

impl Pipeline {
    pub(super) fn push(&mut self, slot: Slot) {
        self.slots.push_back(slot);
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The same as [`Self::answers`] for who waits for other things as well.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>, out: &mut Outgoing) -> Poll<()> {
        pin!(self.answers(out)).poll(cx)
    }

    /// Hands over the answers that are ready, in order; ends when there was at least one.
    ///
    /// All requests under way are looked after at every turn: one further back may hold what the
    /// oldest waits for. And none is put off by the runtime's budget, for then one that came later
    /// could overtake it on the way to the engine.
    pub(super) async fn answers(&mut self, out: &mut Outgoing) {
        let gather = poll_fn(|cx| {
            self.slots.iter_mut().for_each(|slot| slot.poll(cx));
            let mut any = false;
            while let Some(Slot::Ready(frame)) = self.slots.front_mut() {
                out.push(std::mem::take(frame));
                self.slots.pop_front();
                any = true;
            }
            if any { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::task::unconstrained(gather).await;
    }
}

impl Slot {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Self::Waiting(answer) = self
            && let Poll::Ready(frame) = answer.as_mut().poll(cx)
        {
            *self = Self::Ready(frame);
        }
    }
}
