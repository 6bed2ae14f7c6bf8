//! What a world leaves behind: a trace of every step, the history for the judge, and whatever broke
//! outright. The trace is hashed as it grows; its lines are kept only for whoever asks.

use std::{
    fmt::Display,
    sync::{Mutex, MutexGuard, PoisonError},
};

use liao_check::history::{Fact, Record};

use crate::clock;

/// See the module.
pub(crate) struct Stage {
    state: Mutex<State>,
}

struct State {
    hash: blake3::Hasher,
    steps: u64,
    lines: Option<Vec<String>>,
    history: Vec<Record>,
    broken: Vec<String>,
}

/// What is left when all is over.
pub(crate) struct Legacy {
    /// Hash of the whole trace, in hexadecimal form.
    pub(crate) digest: String,
    /// Steps in the trace.
    pub(crate) steps: u64,
    /// The trace, if it was kept.
    pub(crate) lines: Vec<String>,
    /// What each client sent, was told and saw.
    pub(crate) history: Vec<Record>,
    /// What broke outright, in words.
    pub(crate) broken: Vec<String>,
}

impl Stage {
    /// An empty stage.
    #[must_use]
    pub(crate) fn new(keep_lines: bool) -> Self {
        let state = State {
            hash: blake3::Hasher::new(),
            steps: 0,
            lines: keep_lines.then(Vec::new),
            history: Vec::new(),
            broken: Vec::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// A step of somebody.
    pub(crate) fn step(&self, who: &str, what: &dyn Display) {
        let line = format!("{} {who} {what}", clock::at_ms());
        let mut state = self.lock();
        state.hash.update(line.as_bytes());
        state.hash.update(b"\n");
        state.steps += 1;
        if let Some(lines) = &mut state.lines {
            lines.push(line);
        }
    }

    /// A fact for the judge.
    pub(crate) fn fact(&self, who: &str, fact: Fact) {
        let record = Record { at: clock::at_ms(), who: who.to_owned(), fact };
        self.lock().history.push(record);
    }

    /// Something broke that needs no judge.
    pub(crate) fn broke(&self, words: String) {
        self.step("BROKEN", &words);
        self.lock().broken.push(words);
    }

    /// Takes everything; what comes later is lost.
    pub(crate) fn close(&self) -> Legacy {
        let mut state = self.lock();
        Legacy {
            digest: state.hash.finalize().to_hex().to_string(),
            steps: state.steps,
            lines: state.lines.take().unwrap_or_default(),
            history: std::mem::take(&mut state.history),
            broken: std::mem::take(&mut state.broken),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
