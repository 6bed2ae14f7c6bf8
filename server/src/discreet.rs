//! What a program that dies leaves behind: where it failed, never what it was working with. No core
//! files, and no words in the report of a panic that could be somebody's.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::Write as _,
    panic::{self, PanicHookInfo},
    sync::{Mutex, PoisonError},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// From now on no part of this process's memory is written to a core file, and no other process of
/// the same user may read it.
///
/// # Errors
/// When the system refuses; each of the two ways is tried all the same.
pub fn leave_no_core() -> std::io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    // The limit does not count where cores go to a program, as systemd has it.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(limited?)
}

/// What is done about a panic.
pub type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

/// Puts a hook around the one that there is, which may be somebody else's doing at the same time.
pub fn wrap_panic_hook(around: impl FnOnce(Hook) -> Hook) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    panic::set_hook(around(panic::take_hook()));
}

/// From now on a panic is reported as [`panic_words`] has it, on standard error. `program` begins the
/// line.
pub fn report_panics(program: &'static str) {
    panic::set_hook(Box::new(move |panic| {
        let backtrace = Backtrace::capture();
        let mut report = format!("{program}: {}\n", panic_words(panic));
        if backtrace.status() == BacktraceStatus::Captured {
            report = format!("{report}{backtrace}\n");
        }
        // In one piece; and nobody may be reading.
        drop(std::io::stderr().write_all(report.as_bytes()));
    }));
}

/// Where it happened, and the words that stand in the source. What was put together while the program
/// ran may hold what people wrote: cutting a text in the middle of a character reports the whole text.
#[must_use]
pub fn panic_words(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    match panic.payload().downcast_ref::<&'static str>() {
        Some(words) => format!("panicked at {place} in thread {name}: {words}"),
        None => format!("panicked at {place} in thread {name}; its words may be somebody's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{panic::catch_unwind, sync::Arc, thread};

    const CANARY: &str = "the words of 张三";

    /// What would be reported of a panic on this thread. Other tests panic on threads of their own.
    fn report(deed: impl FnOnce() + panic::UnwindSafe) -> String {
        let (told, here) = (Arc::new(Mutex::new(String::new())), thread::current().id());
        let to = Arc::clone(&told);
        wrap_panic_hook(|before| {
            Box::new(move |panic| match thread::current().id() == here {
                true => *to.lock().unwrap() = panic_words(panic),
                false => before(panic),
            })
        });
        catch_unwind(deed).expect_err("it panics");
        told.lock().unwrap().clone()
    }

    #[test]
    fn a_panic_tells_where_and_not_what() {
        let text = CANARY.to_owned();
        let cut = |text: String| drop(text[..text.len() - 1].to_owned());
        let (one, two) = (CANARY.to_owned(), String::new());
        let reports = [
            report(move || cut(text)),
            report(|| assert_eq!(CANARY.parse::<u64>().map_err(|_| CANARY).unwrap(), 1)),
            report(move || assert_eq!(one, two)),
            report(|| panic!("{CANARY}, {}", CANARY.len())),
            report(|| panic::panic_any(CANARY.to_owned())),
        ];
        for told in reports {
            assert!(told.contains("discreet.rs:"), "{told}");
            assert!(!told.contains("words of") && !told.contains('张'), "{told}");
        }
    }

    #[test]
    fn what_stands_in_the_source_is_told() {
        let told = report(|| panic!("the list is empty"));
        assert!(told.contains("discreet.rs:") && told.ends_with(": the list is empty"), "{told}");
    }
}
