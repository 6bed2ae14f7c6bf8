//! Signals that ask the program to end, as one thing to wait for.

use std::{future::poll_fn, task::Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask the program to end.
pub(super) struct Signals {
    listened: Vec<Signal>,
    came: bool,
}

impl Signals {
    /// A signal that cannot be listened to ends the program in its own way.
    pub(super) fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let listened = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
        Self { listened, came: false }
    }

    /// Whether one has come.
    pub(super) const fn came(&self) -> bool {
        self.came
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        poll_fn(|context| {
            let ready = self.listened.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.came = true;
    }
}
