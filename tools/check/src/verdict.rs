//! Judges a history: which invariant broke, in words, with the records that show it.
//! Owns nothing. Rooms have dense places, so one pass over the records does; nothing is searched.
//! The numbers of the invariants are explained in docs/PROMISES.md.

mod facts;
mod floors;
mod logs;
mod posts;
mod streams;

use std::fmt;

use crate::history::Record;
use facts::Facts;

/// Faults that are told; more of them say nothing new.
const FAULTS_MAX: usize = 50;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The invariant, such as `I1`.
    pub invariant: &'static str,
    /// What it is called, such as `lost write`.
    pub name: &'static str,
    /// What happened.
    pub words: String,
    /// The records that show it.
    pub records: Vec<Record>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.invariant, self.name, self.words)?;
        for record in &self.records {
            let line = serde_json::to_string(record).map_err(|_| fmt::Error)?;
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// What a history was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Posts, each counted once.
    pub sent: u64,
    /// Of them, acknowledged.
    pub acked: u64,
    /// Acknowledged as sent before: a cut had taken the first answer.
    pub repeated: u64,
    /// Of the posts, without an answer, and in a log all the same. Neither is a fault.
    pub unknown_kept: u64,
    /// Entries pushed.
    pub pushed: u64,
    /// Entries read from pages.
    pub read: u64,
    /// Rooms read from beginning to end.
    pub read_whole: u64,
    /// Times that somebody went out of a room, or was taken out.
    pub left: u64,
    /// Entries that went because they were old: what is below the highest floor of each room.
    pub old: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.acked += other.acked;
        self.repeated += other.repeated;
        self.unknown_kept += other.unknown_kept;
        self.pushed += other.pushed;
        self.read += other.read;
        self.read_whole += other.read_whole;
        self.left += other.left;
        self.old += other.old;
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Broken promises; at most 50 of them.
    pub faults: Vec<Fault>,
    /// What was looked at.
    pub counts: Counts,
}

/// Judges a whole history.
#[must_use]
pub fn check(history: &[Record]) -> Verdict {
    let facts = Facts::gather(history);
    let mut found = Found { history, faults: Vec::new() };
    posts::check(&facts, &mut found);
    streams::check(&facts, &mut found);
    logs::check(&facts, &mut found);
    floors::check(&facts, &mut found);
    let mut faults = found.faults;
    faults.truncate(FAULTS_MAX);
    Verdict { faults, counts: facts.counts() }
}

/// Faults so far.
struct Found<'a> {
    history: &'a [Record],
    faults: Vec<Fault>,
}

impl Found<'_> {
    fn tell(
        &mut self,
        (invariant, name): (&'static str, &'static str),
        words: String,
        shown_by: &[usize],
    ) {
        let records = shown_by.iter().filter_map(|at| self.history.get(*at).cloned()).collect();
        self.faults.push(Fault { invariant, name, words, records });
    }
}

#[cfg(test)]
mod tests;
