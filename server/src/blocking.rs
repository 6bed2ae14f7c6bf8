//! Where work that blocks is done: on the runtime's threads for such work, or, where every run has
//! to go the same way, on the task that asks. Owns nothing.

use std::time::Duration;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub enum Blocking {
    /// On the runtime's threads for blocking work.
    #[default]
    Threads,
    /// On the task itself, which sleeps before and after for as long as the function says: with a
    /// paused clock that stands for the time the work takes.
    Inline(fn() -> Duration),
}

impl Blocking {
    /// Does the work; `None` when it panicked on another thread.
    pub async fn run<T, F>(self, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work).await.ok(),
            Self::Inline(takes) => {
                tokio::time::sleep(takes()).await;
                let done = work();
                tokio::time::sleep(takes()).await;
                Some(done)
            }
        }
    }

    /// How much of it goes on at a time.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Threads => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            Self::Inline(_) => 2,
        }
    }
}
