//! What waits for a person: invitations, mentions, private messages, files, rooms that moved or are gone.
//! Pure: made from the model whenever somebody looks.

use liao_common::id::{FileId, RoomId, Seq, UserId};

use crate::{
    model::{Model, RoomView},
    timeline::{Content, Row},
};

/// Files of one room that are listed; the room's own row counts the rest.
pub const ROWS_PER_ROOM_MAX: usize = 20;

/// Characters of a message that are shown.
pub const WORDS_CHARS_MAX: usize = 80;

/// Why a row stands in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InboxKind {
    /// Somebody invites this person to a room.
    Invitation,
    /// A room has something unread, and in it somebody named this person.
    Mention,
    /// Somebody offers a file.
    File(FileId),
    /// Somebody spoke in private.
    Direct,
    /// A room has something unread.
    Room,
    /// This person is in a room no more since they were away; its words are the room's name.
    Gone,
}

/// One row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Why it is here.
    pub kind: InboxKind,
    /// Where it leads.
    pub room: RoomId,
    /// Which message it leads to: the newest that names this person, the file, or the first unread one.
    pub seq: Seq,
    /// Who said it, or who invites.
    pub from: Option<UserId>,
    /// When, in milliseconds since 1970; 0 while unknown.
    pub at_ms: u64,
    /// The first words, on one line, cleaned; may be empty.
    pub words: String,
    /// How many unread messages it stands for.
    pub count: u64,
}

/// What waits: invitations, then the newest first.
#[must_use]
pub fn inbox(model: &Model) -> Vec<InboxRow> {
    let mut rows: Vec<_> =
        model.rooms().into_iter().flat_map(|room| of_room(model, room)).collect();
    rows.extend(model.gone().map(|(room, name)| gone(room, name)));
    rows.sort_by_key(|row| (row.kind != InboxKind::Invitation, std::cmp::Reverse(row.at_ms)));
    rows
}

fn gone(room: RoomId, name: &str) -> InboxRow {
    let words = format!("#{name}").chars().take(WORDS_CHARS_MAX).collect();
    InboxRow { kind: InboxKind::Gone, room, seq: Seq::ZERO, from: None, at_ms: 0, words, count: 0 }
}

fn of_room(model: &Model, room: &RoomView) -> Vec<InboxRow> {
    if room.is_invitation() {
        return vec![InboxRow {
            kind: InboxKind::Invitation,
            room: room.id,
            seq: room.head.0,
            from: room.with,
            at_ms: room.last_ms,
            words: room.topic.chars().take(WORDS_CHARS_MAX).collect(),
            count: 0,
        }];
    }
    if room.unread() == 0 {
        return Vec::new();
    }
    let me = model.my_id().unwrap_or_default();
    let unread: Vec<&Row> = room
        .timeline
        .rows()
        .rev()
        .take_while(|row| row.seq > Some(room.read.0))
        .filter(|row| row.counts && row.from != me)
        .collect();
    let mut rows: Vec<InboxRow> =
        unread.iter().filter_map(|row| file_row(room, row)).take(ROWS_PER_ROOM_MAX).collect();
    // Nothing is told twice: a room in which only files wait has no row besides theirs.
    if u64::try_from(rows.len()).is_ok_and(|files| files < room.unread()) {
        let named = unread.iter().copied().find(|row| names(room, row, me));
        rows.insert(
            0,
            named.map_or_else(|| whole(room, unread.first().copied()), |row| named_in(room, row)),
        );
    }
    rows
}

/// In private every message is meant for this person.
fn names(room: &RoomView, row: &Row, me: UserId) -> bool {
    !room.is_direct() && row.content != Content::Redacted && row.mentions(me)
}

/// The room as one row, with the words that name this person.
fn named_in(room: &RoomView, row: &Row) -> InboxRow {
    let seq = row.seq.unwrap_or_else(|| room.read.0.next());
    InboxRow { kind: InboxKind::Mention, seq, ..whole(room, Some(row)) }
}

/// The room as one row, with its newest words.
fn whole(room: &RoomView, newest: Option<&Row>) -> InboxRow {
    InboxRow {
        kind: if room.is_direct() { InboxKind::Direct } else { InboxKind::Room },
        room: room.id,
        seq: room.read.0.next(),
        from: newest.map(|row| row.from).or(room.with),
        at_ms: newest.map_or(room.last_ms, |row| row.at_ms),
        words: newest.map(|row| row.first_words(WORDS_CHARS_MAX)).unwrap_or_default(),
        count: room.unread(),
    }
}

/// A file has a row of its own: it is fetched, not only read.
fn file_row(room: &RoomView, row: &Row) -> Option<InboxRow> {
    let Content::File(file) = &row.content else { return None };
    Some(InboxRow {
        kind: InboxKind::File(file.fid),
        room: room.id,
        seq: row.seq?,
        from: Some(row.from),
        at_ms: row.at_ms,
        words: row.first_words(WORDS_CHARS_MAX),
        count: 1,
    })
}
