//! Whole rooms, read from beginning to end: dense, with all that was acknowledged or shown before,
//! without what was refused or taken back; and the files.

use std::collections::{BTreeMap, HashMap};

use super::{
    Found,
    facts::{Facts, Post},
    posts::say,
};
use crate::history::{Entry, Fact};

/// Entries by their places, and where in the history they were read.
type Entries<'h> = BTreeMap<u64, (usize, &'h Entry)>;

pub(super) fn check(facts: &Facts<'_>, found: &mut Found<'_>) {
    let mut pages: HashMap<(&str, u64), (usize, Entries<'_>)> = HashMap::new();
    let mut whole: HashMap<u64, usize> = HashMap::new();
    for (index, record) in facts.history.iter().enumerate() {
        match &record.fact {
            Fact::Reads { room } => {
                pages.insert((&record.who, *room), (index, BTreeMap::new()));
            }
            Fact::Read(entry) => {
                let page = pages.entry((&record.who, entry.draft.room)).or_default();
                page.1.insert(entry.seq, (index, entry));
            }
            Fact::ReadAll { room, floor } => {
                let page = pages.remove(&(record.who.as_str(), *room));
                let (begun, log) = page.unwrap_or_default();
                Log { facts, room: *room, floor: *floor, begun, index, log }.check(found);
                whole.insert(*room, index);
            }
            _ => {}
        }
    }
    never_read(facts, found, &whole);
    files(facts, found);
}

/// One room as one client read it.
struct Log<'a, 'h> {
    facts: &'a Facts<'h>,
    room: u64,
    floor: u64,
    /// Where in the history the reading began and ended.
    begun: usize,
    index: usize,
    log: Entries<'h>,
}

impl Log<'_, '_> {
    fn check(&self, found: &mut Found<'_>) {
        self.dense(found);
        self.has_what_was_acked(found);
        self.has_what_was_shown(found);
        self.lacks_what_was_refused(found);
        self.lacks_what_was_taken_back(found);
    }

    fn dense(&self, found: &mut Found<'_>) {
        // What was read before its time came was there by right.
        let kept = self.log.range(self.floor + 1..);
        for (expected, (seq, (index, _))) in (self.floor + 1..).zip(kept) {
            if expected != *seq {
                let words = format!("{} follows {}", say((self.room, *seq)), expected - 1);
                return found.tell(("I4", "hole in the log"), words, &[*index]);
            }
        }
    }

    /// Whether a fact stood when the reading began.
    fn before(&self, index: usize) -> bool {
        index < self.begun
    }

    fn has_what_was_acked(&self, found: &mut Found<'_>) {
        for ack in &self.facts.acks {
            let (room, seq) = ack.place;
            if room != self.room || seq <= self.floor || !self.before(ack.index) {
                continue;
            }
            let there = self.log.get(&seq).map(|(_, entry)| (entry.from, entry.draft.cid.as_str()));
            if there != Some(ack.post) {
                let words = format!("{} was acknowledged and is not there", say(ack.place));
                found.tell(("I1", "lost write"), words, &[ack.index, self.index]);
            }
        }
    }

    fn has_what_was_shown(&self, found: &mut Found<'_>) {
        for sight in &self.facts.sights {
            let entry = sight.entry;
            let here = entry.draft.room == self.room && entry.seq > self.floor;
            if here && self.before(sight.index) && !self.log.contains_key(&entry.seq) {
                let words = format!(
                    "{} was shown before it was stored, and is gone",
                    say((self.room, entry.seq))
                );
                found.tell(("I1", "shown, then gone"), words, &[sight.index, self.index]);
            }
        }
    }

    fn lacks_what_was_refused(&self, found: &mut Found<'_>) {
        let refused = refused(self.facts, self.index);
        for (index, entry) in self.log.values() {
            if let Some(at) = refused.get(&(entry.from, entry.draft.cid.as_str())) {
                let words = format!("{} was refused for good", say((self.room, entry.seq)));
                found.tell(("I2", "refused and stored"), words, &[*at, *index]);
            }
        }
    }

    fn lacks_what_was_taken_back(&self, found: &mut Found<'_>) {
        for ack in self.facts.acks.iter().filter(|ack| self.before(ack.index)) {
            let Some(sent) = self.facts.sent_at.get(&ack.post) else { continue };
            let (_, _, draft) = self.facts.sent[*sent];
            let Some(of) = draft.of.filter(|_| draft.room == self.room && draft.kind == "redact")
            else {
                continue;
            };
            let edit = |entry: &Entry| entry.draft.kind == "edit" && entry.draft.of == Some(of);
            let mut gone = self.log.values().filter(|(_, entry)| entry.seq == of || edit(entry));
            if let Some((index, entry)) = gone.find(|(_, entry)| !entry.is_blank()) {
                let words = format!("{} was taken back", say((self.room, entry.seq)));
                found.tell(("I2", "taken back and there"), words, &[ack.index, *index]);
            }
        }
    }
}

/// Posts whose last word before `end` was a refusal.
fn refused<'a>(facts: &Facts<'a>, end: usize) -> HashMap<Post<'a>, usize> {
    let mut refused = HashMap::new();
    for (index, record) in facts.history[..end].iter().enumerate() {
        let user = facts.user_of.get(record.who.as_str()).copied().unwrap_or_default();
        match &record.fact {
            Fact::Refused { cid, .. } => {
                refused.insert((user, cid.as_str()), index);
            }
            Fact::Sent(draft) => {
                refused.remove(&(user, draft.cid.as_str()));
            }
            _ => {}
        }
    }
    refused
}

/// A room that nobody read to its end proves nothing, or is gone.
fn never_read(facts: &Facts<'_>, found: &mut Found<'_>, whole: &HashMap<u64, usize>) {
    let mut rooms: HashMap<u64, usize> = HashMap::new();
    for ack in &facts.acks {
        rooms.entry(ack.place.0).or_insert(ack.index);
    }
    for (room, index) in rooms {
        if !whole.contains_key(&room) {
            let words = format!("nobody has read room {room} to its end after this");
            found.tell(("I1", "unseen"), words, &[index]);
        }
    }
}

/// A file that was acknowledged comes back as it was, whenever somebody asks for it.
fn files(facts: &Facts<'_>, found: &mut Found<'_>) {
    let (mut stored, mut fetched) = (HashMap::new(), HashMap::new());
    for (index, record) in facts.history.iter().enumerate() {
        match &record.fact {
            Fact::Stored { file, b3 } => {
                stored.insert(*file, (index, b3));
            }
            Fact::Fetched { file, b3 } => {
                fetched.insert(*file, index);
                if let Some((at, wanted)) = stored.get(file)
                    && *wanted != b3
                {
                    let words = format!("file {file} did not come back as it was");
                    found.tell(("I1", "lost file"), words, &[*at, index]);
                }
            }
            _ => {}
        }
    }
    for (file, (index, _)) in stored {
        if !fetched.contains_key(&file) {
            let words = format!("nobody has fetched file {file} after this");
            found.tell(("I1", "unseen"), words, &[index]);
        }
    }
}
