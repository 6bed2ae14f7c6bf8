//! Locks, flags and threads of what crosses threads here: the system's own, or those of `loom`, which
//! tries every order in which threads can meet (feature `schedules`, for tests alone). Owns nothing.
//! Must hold: what the schedules are tried on takes these from here and nowhere else.

#[cfg(not(feature = "schedules"))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic},
    thread,
};

#[cfg(feature = "schedules")]
pub(crate) use loom::{
    sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic},
    thread,
};

#[cfg(feature = "schedules")]
pub(crate) use patient::Condvar;

/// Waiting where time is no way out.
#[cfg(feature = "schedules")]
mod patient {
    use std::{sync::LockResult, time::Duration};

    use loom::sync::{self, MutexGuard, WaitTimeoutResult};

    /// A long wait ends only when somebody wakes the waiter, so that a missing call is seen as a thread
    /// that stands still, and not as one that is late. A short wait, for more to come, always runs out.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(sync::Condvar);

    impl Condvar {
        pub(crate) fn wait<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
        ) -> LockResult<MutexGuard<'a, T>> {
            self.0.wait(guard)
        }

        pub(crate) fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
            self.0.wait_timeout(guard, Duration::ZERO)
        }

        pub(crate) fn wait_timeout_while<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
            _: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, ())> {
            Ok((guard, ()))
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
