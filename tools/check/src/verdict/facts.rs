//! A history, sorted for the judges: who is who, what was sent, acknowledged and seen. Owns indexes
//! into the history, in its order.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Counts;
use crate::history::{Draft, Entry, Fact, Record};

/// An account and one of its nonces.
pub(super) type Post<'a> = (u64, &'a str);

/// A room and a place in it.
pub(super) type Place = (u64, u64);

/// An acknowledgement.
#[derive(Clone, Copy)]
pub(super) struct Ack<'a> {
    pub(super) index: usize,
    pub(super) post: Post<'a>,
    pub(super) place: Place,
}

/// An entry that was shown.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) index: usize,
    pub(super) who: &'a str,
    pub(super) entry: &'a Entry,
    pub(super) pushed: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) history: &'a [Record],
    pub(super) user_of: HashMap<&'a str, u64>,
    /// The first time each post was sent, in that order.
    pub(super) sent: Vec<(usize, Post<'a>, &'a Draft)>,
    pub(super) sent_at: HashMap<Post<'a>, usize>,
    pub(super) acks: Vec<Ack<'a>>,
    pub(super) sights: Vec<Sight<'a>>,
    /// What was taken back, and where the first such post stands in the history.
    pub(super) taken_back: BTreeMap<Place, usize>,
    /// From where to where a client may see a room; both ends by place.
    pub(super) may: HashMap<(&'a str, u64), Vec<(u64, u64)>>,
    /// Refused, and nobody looked.
    pub(super) unheard: HashSet<Post<'a>>,
    acked: HashSet<Post<'a>>,
    repeated: u64,
    whole: u64,
    left: u64,
    /// Where rooms began for whoever read them whole.
    begins: Vec<(&'a str, u64, u64)>,
}

impl<'a> Facts<'a> {
    pub(super) fn gather(history: &'a [Record]) -> Self {
        let mut facts = Self { history, ..Self::default() };
        for record in history {
            if let Fact::Person { user } = record.fact {
                facts.user_of.insert(&record.who, user);
            }
        }
        for (index, record) in history.iter().enumerate() {
            facts.take(index, record);
        }
        facts
    }

    fn take(&mut self, index: usize, record: &'a Record) {
        let who: &str = &record.who;
        let user = self.user_of.get(who).copied().unwrap_or_default();
        match &record.fact {
            Fact::Sent(draft) => self.take_sent(index, (user, &draft.cid), draft),
            Fact::Acked { cid, room, seq, dup } => {
                self.repeated += u64::from(*dup);
                self.acked.insert((user, cid));
                self.acks.push(Ack { index, post: (user, cid), place: (*room, *seq) });
            }
            Fact::Unheard { cid } => {
                self.unheard.insert((user, cid));
            }
            Fact::Saw(entry) => self.sights.push(Sight { index, who, entry, pushed: true }),
            Fact::Read(entry) => self.sights.push(Sight { index, who, entry, pushed: false }),
            Fact::May { room, after } => {
                self.may.entry((who, *room)).or_default().push((*after, u64::MAX));
            }
            Fact::MayNot { room, upto } => {
                self.left += 1;
                if let Some(last) = self.may.entry((who, *room)).or_default().last_mut() {
                    last.1 = *upto;
                }
            }
            Fact::ReadAll { room, floor } => {
                self.whole += 1;
                self.begins.push((who, *room, *floor));
            }
            _ => {}
        }
    }

    fn take_sent(&mut self, index: usize, post: Post<'a>, draft: &'a Draft) {
        if self.sent_at.contains_key(&post) {
            return;
        }
        self.sent_at.insert(post, self.sent.len());
        self.sent.push((index, post, draft));
        if let (Some(of), "redact") = (draft.of, draft.kind.as_str()) {
            self.taken_back.entry((draft.room, of)).or_insert(index);
        }
    }

    /// Whether this entry's words may be gone, because it or what it edits was taken back.
    pub(super) fn may_be_blank(&self, entry: &Entry) -> bool {
        let places = [Some(entry.seq), entry.draft.of.filter(|_| entry.draft.kind == "edit")];
        let gone = |seq: u64| self.taken_back.contains_key(&(entry.draft.room, seq));
        places.into_iter().flatten().any(gone)
    }

    pub(super) fn may_see(&self, sight: &Sight<'_>) -> bool {
        let seq = sight.entry.seq;
        let spans = self.may.get(&(sight.who, sight.entry.draft.room));
        spans.is_some_and(|spans| spans.iter().any(|(after, upto)| *after < seq && seq <= *upto))
    }

    /// Behind which place a client sees a room, as far as that is for its membership to say: at most.
    pub(super) fn entered(&self, who: &str, room: u64) -> u64 {
        let spans = self.may.get(&(who, room)).into_iter().flatten();
        spans.map(|(after, _)| *after).max().unwrap_or_default()
    }

    /// Entries below floors that no membership explains.
    fn old(&self) -> u64 {
        let mut old: HashMap<u64, u64> = HashMap::new();
        for (who, room, floor) in &self.begins {
            if *floor > self.entered(who, *room) {
                let old = old.entry(*room).or_default();
                *old = (*floor).max(*old);
            }
        }
        old.values().sum()
    }

    pub(super) fn counts(&self) -> Counts {
        let kept: HashSet<Post<'_>> = self
            .sights
            .iter()
            .map(|sight| (sight.entry.from, sight.entry.draft.cid.as_str()))
            .collect();
        let unknown = |post: &Post<'_>| !self.acked.contains(post) && kept.contains(post);
        let count = |pushed| self.sights.iter().filter(|sight| sight.pushed == pushed).count();
        Counts {
            sent: self.sent.len() as u64,
            acked: self.acked.len() as u64,
            repeated: self.repeated,
            unknown_kept: self.sent.iter().filter(|(_, post, _)| unknown(post)).count() as u64,
            pushed: count(true) as u64,
            read: count(false) as u64,
            read_whole: self.whole,
            left: self.left,
            old: self.old(),
        }
    }
}
