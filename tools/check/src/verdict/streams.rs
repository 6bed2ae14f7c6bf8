//! What comes to one client over its connections: without holes that are not said, nothing twice,
//! markers that only rise, nothing after it was logged out, and everything in the end.

use std::collections::{HashMap, HashSet};

use super::{Found, facts::Facts, posts::say};
use crate::history::{Entry, Fact};

pub(super) fn check(facts: &Facts<'_>, found: &mut Found<'_>) {
    let mut streams: HashMap<&str, Stream> = HashMap::new();
    let mut lineage: Option<&str> = None;
    let mut heads: HashMap<u64, u64> = HashMap::new();
    for sight in &facts.sights {
        let head = heads.entry(sight.entry.draft.room).or_default();
        *head = (*head).max(sight.entry.seq);
    }
    for ack in &facts.acks {
        let head = heads.entry(ack.place.0).or_default();
        *head = (*head).max(ack.place.1);
    }
    for (index, record) in facts.history.iter().enumerate() {
        let stream = streams.entry(&record.who).or_default();
        let mut tell =
            |fault, words| found.tell(fault, format!("{}: {words}", record.who), &[index]);
        match &record.fact {
            Fact::Began { epoch, cur } => {
                if lineage.is_some_and(|before| before != epoch) {
                    tell(("I4", "new lineage"), "all places were declared void".to_owned());
                }
                lineage = Some(epoch);
                stream.begin(cur, &mut tell);
            }
            Fact::Floor { room, seq } => stream.begins_behind(*room, *seq),
            Fact::Saw(entry) => stream.see(entry, &mut tell),
            Fact::Gap { room, from, to } => stream.skip(*room, (*from, *to), &mut tell),
            Fact::Marked { room, read } => {
                let head = heads.get(room).copied().unwrap_or_default();
                stream.mark(*room, (*read, head), &mut tell);
            }
            Fact::Revoked {} => stream.revoked = true,
            Fact::Rests { room, seq } => {
                let head = heads.get(room).copied().unwrap_or_default();
                if *seq != head {
                    let words = format!("rests at {}, and {head} is the last", say((*room, *seq)));
                    tell(("I14", "never came"), words);
                }
            }
            _ => {}
        }
    }
}

/// What came to one client so far.
#[derive(Default)]
struct Stream {
    /// The place that the next push must follow, of each room where that is known.
    at: HashMap<u64, u64>,
    seen: HashSet<(u64, u64)>,
    marks: HashMap<u64, u64>,
    revoked: bool,
}

type Tell<'a> = &'a mut dyn FnMut((&'static str, &'static str), String);

impl Stream {
    fn begin(&mut self, cur: &[(u64, u64)], tell: Tell<'_>) {
        self.alive("a new connection", tell);
        self.at = cur.iter().copied().collect();
    }

    /// What is below a floor is not missing. Whether the floor is right is judged elsewhere.
    fn begins_behind(&mut self, room: u64, floor: u64) {
        if let Some(at) = self.at.get_mut(&room) {
            *at = floor.max(*at);
        }
    }

    fn see(&mut self, entry: &Entry, tell: Tell<'_>) {
        let (room, seq) = (entry.draft.room, entry.seq);
        self.alive("an entry", tell);
        if !self.seen.insert((room, seq)) {
            return tell(("I9", "shown twice"), format!("{} was pushed twice", say((room, seq))));
        }
        self.follow(room, seq, seq, tell);
    }

    fn skip(&mut self, room: u64, (from, to): (u64, u64), tell: Tell<'_>) {
        self.alive("a gap", tell);
        self.follow(room, from, to, tell);
    }

    fn follow(&mut self, room: u64, from: u64, to: u64, tell: Tell<'_>) {
        let before = self.at.insert(room, to);
        if let Some(before) = before
            && from != before + 1
        {
            let fault = if from > before { "hole" } else { "backwards" };
            tell(("I8", fault), format!("{} came right after {before}", say((room, from))));
        }
    }

    fn mark(&mut self, room: u64, (read, head): (u64, u64), tell: Tell<'_>) {
        let before = self.marks.insert(room, read).unwrap_or_default();
        if read < before {
            tell(("I12", "marker fell"), format!("from {before} to {}", say((room, read))));
        }
        if read > head {
            tell(("I12", "marker beyond the end"), format!("{} is not there", say((room, read))));
        }
    }

    fn alive(&self, what: &str, tell: Tell<'_>) {
        if self.revoked {
            tell(("I16", "told after it was logged out"), format!("{what} reached it"));
        }
    }
}
