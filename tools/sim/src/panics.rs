//! A panic in a task of a world is a fault of that world, wherever it came from. Worlds live on one
//! thread each, so panics are kept by thread.

use std::{cell::RefCell, panic, sync::Once};

thread_local! {
    static TAKEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on panics are kept, and not printed.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            TAKEN.with_borrow_mut(|taken| taken.push(format!("panic: {info}")));
        }));
    });
}

/// The panics of this thread since the last time.
pub(crate) fn taken() -> Vec<String> {
    TAKEN.take()
}
