//! How all connections are told to stop: first to say goodbye, later to end at once. They look at a
//! flag whenever something happens to them, and are called when nothing does.

use std::{
    pin::pin,
    sync::atomic::{AtomicU8, Ordering},
};

use tokio::sync::{Notify, futures::Notified};

const GOODBYE: u8 = 1;
const AT_ONCE: u8 = 2;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    said: AtomicU8,
    call: Notify,
}

impl Stop {
    /// Everybody says goodbye and ends.
    pub(crate) fn say_goodbye(&self) {
        self.say(GOODBYE);
    }

    /// Everybody ends, whatever they do.
    pub(crate) fn at_once(&self) {
        self.say(AT_ONCE);
    }

    fn say(&self, word: u8) {
        self.said.fetch_max(word, Ordering::SeqCst);
        self.call.notify_waiters();
    }

    /// Whether it is time to say goodbye.
    pub(crate) fn is_said(&self) -> bool {
        self.said.load(Ordering::SeqCst) >= GOODBYE
    }

    /// Ends at the next word. Made before a look at [`Self::is_said`], it misses none.
    pub(super) fn called(&self) -> Notified<'_> {
        self.call.notified()
    }

    /// Does the work unless all must end at once; `None` then.
    pub(super) async fn unless_at_once<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let called = pin!(self.call.notified());
            if self.said.load(Ordering::SeqCst) == AT_ONCE {
                return None;
            }
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = called => {}
            }
        }
    }
}
