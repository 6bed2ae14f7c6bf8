//! The requests of one connection that are under way. Each is started as soon as it has arrived;
//! the answers go out in the order of asking.

use std::{
    collections::VecDeque,
    future::poll_fn,
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
    /// How many of them have been polled at least once, and so are under way.
    started: usize,
}

impl Pipeline {
    pub(super) fn push(&mut self, slot: Slot) {
        self.slots.push_back(slot);
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Hands over the answers that are ready, in order; ends when there was at least one.
    pub(super) async fn answers(&mut self, out: &mut Outgoing) {
        poll_fn(|cx| {
            self.start(cx);
            let mut any = false;
            while let Some(Poll::Ready(frame)) = self.slots.front_mut().map(|slot| slot.poll(cx)) {
                self.slots.pop_front();
                self.started -= 1;
                out.push(frame);
                any = true;
            }
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        for slot in self.slots.iter_mut().skip(self.started) {
            if let Poll::Ready(frame) = slot.poll(cx) {
                *slot = Slot::Ready(frame);
            }
        }
        self.started = self.slots.len();
    }
}

impl Slot {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        match self {
            Self::Ready(frame) => Poll::Ready(std::mem::take(frame)),
            Self::Waiting(answer) => answer.as_mut().poll(cx),
        }
    }
}
