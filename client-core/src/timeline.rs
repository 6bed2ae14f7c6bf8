//! One room's log as far as this program knows it: rows in order of seq, holes where something is
//! missing, own rows that are still on their way. Whatever order messages, pages and answers come
//! in, the rows end up the same.

use std::collections::BTreeMap;

use liao_common::{
    fault::Fault,
    id::{Nonce, Seq, UserId},
    message::{Kind, Message},
    text,
};

mod row;
#[cfg(test)]
mod tests;

pub use row::{Changing, Content, Farewell, FileOffer, Hole, Row, RowState};

use crate::notice::Queued;

/// Entries of a room on the screen that are kept; what is farther away is fetched again.
pub const ENTRIES_OPEN_MAX: usize = 4096;

/// Entries of any other room.
pub const ENTRIES_CLOSED_MAX: usize = 256;

/// Edits and redactions remembered for messages that are not here.
const CHANGES_MAX: usize = 4096;

/// What is in a timeline, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A row.
    Row(&'a Row),
    /// Something is missing here.
    Hole(Hole),
}

/// A place in the log that is known: a row, or an edit or redaction, which is seen elsewhere.
#[derive(Clone, Debug)]
struct Entry {
    n: u64,
    row: Option<Row>,
}

#[derive(Clone, Debug)]
struct Edit {
    seq: Seq,
    text: String,
}

/// One room's log, as far as it is known.
#[derive(Clone, Debug)]
pub struct Timeline {
    entries: BTreeMap<Seq, Entry>,
    edits: BTreeMap<(Seq, UserId), Edit>,
    /// What was taken back: where that stands, and who did it.
    redacted: BTreeMap<Seq, (Seq, UserId)>,
    pending: Vec<Row>,
    /// Own changes that are on their way, and what they are about.
    changing: BTreeMap<Nonce, (Seq, Changing)>,
    floor: Seq,
    head: Seq,
    entries_max: usize,
    /// Where somebody reads, when that is not at the end.
    looked_at: Option<Seq>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            edits: BTreeMap::new(),
            redacted: BTreeMap::new(),
            pending: Vec::new(),
            changing: BTreeMap::new(),
            floor: Seq::ZERO,
            head: Seq::ZERO,
            entries_max: ENTRIES_CLOSED_MAX,
            looked_at: None,
        }
    }
}

impl Timeline {
    /// Everything from the oldest to the newest: rows and holes, then what is on its way.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'_>> {
        let mut items = Vec::with_capacity(self.entries.len() + self.pending.len() + 2);
        let mut next = self.floor.next();
        for (&seq, entry) in &self.entries {
            if seq > next {
                items.push(Item::Hole(Hole { from: next, to: Seq(seq.0 - 1) }));
            }
            items.extend(entry.row.as_ref().map(Item::Row));
            next = seq.next();
        }
        if self.head >= next {
            items.push(Item::Hole(Hole { from: next, to: self.head }));
        }
        items.extend(self.pending.iter().map(Item::Row));
        items
    }

    /// The known rows from the oldest to the newest, without what is on its way.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.entries.values().filter_map(|entry| entry.row.as_ref())
    }

    /// The row at a place, for instance the one that another answers.
    #[must_use]
    pub fn row(&self, seq: Seq) -> Option<&Row> {
        self.entries.get(&seq)?.row.as_ref()
    }

    /// Whether the place is known, be it a row or an edit of one.
    #[must_use]
    pub fn knows(&self, seq: Seq) -> bool {
        self.entries.contains_key(&seq)
    }

    /// Own rows that have no place yet.
    #[must_use]
    pub fn pending(&self) -> &[Row] {
        &self.pending
    }

    /// The last place that is known to exist.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// Nothing before or at this place can be seen.
    #[must_use]
    pub const fn floor(&self) -> Seq {
        self.floor
    }

    /// How many messages up to `seq` count as something to read, as far as that is known.
    #[must_use]
    pub fn count_up_to(&self, seq: Seq) -> Option<u64> {
        self.entries.range(..=seq).next_back().map(|(_, entry)| entry.n)
    }

    /// The hole at the end, when the newest messages are missing.
    #[must_use]
    pub fn hole_at_end(&self) -> Option<Hole> {
        let last = self.entries.last_key_value().map_or(self.floor, |(&seq, _)| seq);
        (self.head > last).then_some(Hole { from: last.next(), to: self.head })
    }

    /// Takes one message in. `false` when it was known or may not be seen.
    pub fn insert(&mut self, message: &Message) -> bool {
        let seq = message.seq;
        self.raise_head(seq);
        if seq <= self.floor || self.entries.contains_key(&seq) {
            return false;
        }
        self.settle(seq, message.cid);
        let row = match message.kind {
            Kind::Edit => self.edit(message),
            Kind::Redact => self.redact(message),
            _ => Some(self.changed(Row::sent(message))),
        };
        self.entries.insert(seq, Entry { n: message.n, row });
        self.trim(seq);
        true
    }

    /// There are messages up to `head`.
    pub fn raise_head(&mut self, head: Seq) {
        self.head = self.head.max(head);
    }

    /// What can be seen begins behind `floor`, whatever was known before: who enters a room may see more than
    /// who is only invited.
    pub fn set_floor(&mut self, floor: Seq) {
        self.floor = floor;
        self.entries = self.entries.split_off(&floor.next());
    }

    /// Nothing up to `floor` can be seen.
    pub fn raise_floor(&mut self, floor: Seq) {
        if floor > self.floor {
            self.floor = floor;
            self.entries = self.entries.split_off(&floor.next());
        }
    }

    /// Messages up to `to` will not be pushed; they are fetched when somebody looks.
    pub fn gap(&mut self, to: Seq) {
        self.raise_head(to);
        self.pending.retain(|row| row.seq.is_none_or(|seq| seq > to));
    }

    /// An own post is on its way.
    pub fn queue(&mut self, queued: &Queued, me: UserId) {
        if let (Some(changing), Some(of)) = (Changing::of(&queued.kind), queued.body.of) {
            self.changing.insert(queued.nonce, (of, changing));
            return self.refresh(of);
        }
        let known = |row: &Row| row.nonce == queued.nonce;
        if !matches!(queued.kind, Kind::Text | Kind::File) || self.rows().rev().any(known) {
            return;
        }
        match self.pending.iter_mut().find(|row| row.nonce == queued.nonce) {
            Some(row) => *row = Row { seq: row.seq, ..Row::sending(queued, me) },
            None => self.pending.push(Row::sending(queued, me)),
        }
    }

    /// Who one is may become known after one has written.
    pub fn belong_to(&mut self, me: UserId) {
        self.pending.iter_mut().for_each(|row| row.from = me);
    }

    /// An own post has its place. Its row stays at the end until the log itself brings it, so that
    /// it never stands above what is not yet here.
    pub fn posted(&mut self, nonce: Nonce, seq: Seq, at_ms: u64) {
        self.change_over(nonce);
        if self.entries.contains_key(&seq) {
            self.pending.retain(|row| row.nonce != nonce);
        } else if let Some(row) = self.pending.iter_mut().find(|row| row.nonce == nonce) {
            row.seq = Some(seq);
            row.at_ms = at_ms;
            row.state = RowState::Sent;
        }
    }

    /// An own post was refused.
    pub fn failed(&mut self, nonce: Nonce, fault: &Fault) {
        self.change_over(nonce);
        if let Some(row) = self.pending.iter_mut().find(|row| row.nonce == nonce) {
            row.state = RowState::Failed(fault.clone());
        }
    }

    /// An own post was given up.
    pub fn discard(&mut self, nonce: Nonce) {
        self.change_over(nonce);
        self.pending.retain(|row| row.nonce != nonce);
    }

    fn change_over(&mut self, nonce: Nonce) {
        if let Some((of, _)) = self.changing.remove(&nonce) {
            self.refresh(of);
        }
    }

    /// Whether the room is on the screen: more of it is kept then.
    pub fn keep_more(&mut self, open: bool) {
        self.entries_max = if open { ENTRIES_OPEN_MAX } else { ENTRIES_CLOSED_MAX };
        self.looked_at = self.looked_at.filter(|_| open);
        self.trim(self.head);
    }

    /// Somebody reads here, or at the end. What stands around it is kept; what comes meanwhile and is too far away
    /// is fetched when they come to it.
    pub const fn look_at(&mut self, seq: Option<Seq>) {
        self.looked_at = seq;
    }

    /// Forgets everything but what is on its way: the log is another one now.
    pub fn reset(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        *self = Self { pending, entries_max: self.entries_max, ..Self::default() };
        self.pending.retain(|row| row.seq.is_none());
    }

    /// The log reached `seq`: an own row with this nonce is that message, and an own row whose
    /// place lies before it is no longer the newest.
    fn settle(&mut self, seq: Seq, nonce: Nonce) {
        self.pending.retain(|row| row.nonce != nonce);
        let passed = |row: &mut Row| row.seq.is_some_and(|own| own < seq);
        let rows: Vec<Row> = self.pending.extract_if(.., passed).collect();
        for row in rows {
            let Some(own) = row.seq else { continue };
            if own > self.floor && !self.entries.contains_key(&own) {
                let n = self.count_up_to(own).unwrap_or_default();
                let row = self.changed(row);
                self.entries.insert(own, Entry { n, row: Some(row) });
            }
        }
    }

    fn edit(&mut self, message: &Message) -> Option<Row> {
        let (Some(of), Some(new)) = (message.body.of, &message.body.text) else {
            return Some(Row::sent(message));
        };
        let edit = Edit { seq: message.seq, text: text::clean_text(new) };
        match self.edits.get(&(of, message.from)) {
            Some(last) if last.seq > edit.seq => {}
            _ => {
                self.edits.insert((of, message.from), edit);
            }
        }
        if self.edits.len() > CHANGES_MAX {
            self.edits.pop_first();
        }
        self.refresh(of);
        None
    }

    /// Who may take back what is the server's business; it wrote this into the log.
    fn redact(&mut self, message: &Message) -> Option<Row> {
        let Some(of) = message.body.of else { return Some(Row::sent(message)) };
        // Whoever did it first did it, in whatever order it is told.
        let first = self.redacted.entry(of).or_insert((message.seq, message.from));
        *first = (*first).min((message.seq, message.from));
        if self.redacted.len() > CHANGES_MAX {
            self.redacted.pop_first();
        }
        self.refresh(of);
        None
    }

    fn refresh(&mut self, of: Seq) {
        if let Some(row) = self.entries.get_mut(&of).and_then(|entry| entry.row.take()) {
            let row = self.changed(row);
            if let Some(entry) = self.entries.get_mut(&of) {
                entry.row = Some(row);
            }
        }
    }

    /// The row with what was later done to it. Only its own author edits a message.
    fn changed(&self, mut row: Row) -> Row {
        let Some(seq) = row.seq else { return row };
        if let Some((_, by)) = self.redacted.get(&seq) {
            row.content = Content::Redacted;
            row.taken_back_by = Some(*by).filter(|by| *by != row.from);
            row.at.clear();
            row.edited = false;
            row.changing = None;
            return row;
        }
        if let (Some(edit), Content::Text(text)) =
            (self.edits.get(&(seq, row.from)), &mut row.content)
        {
            text.clone_from(&edit.text);
            row.edited = true;
        }
        let own = self.changing.values().filter(|(of, _)| *of == seq);
        row.changing = own.map(|(_, changing)| *changing).max();
        row
    }

    /// Keeps to the limit by dropping from the end that is farther from where somebody reads, or else from `near`.
    fn trim(&mut self, near: Seq) {
        let near = self.looked_at.unwrap_or(near);
        while self.entries.len() > self.entries_max {
            let (Some((&first, _)), Some((&last, _))) =
                (self.entries.first_key_value(), self.entries.last_key_value())
            else {
                return;
            };
            if near.0.saturating_sub(first.0) >= last.0.saturating_sub(near.0) {
                self.entries.pop_first();
            } else {
                self.entries.pop_last();
            }
        }
    }
}
