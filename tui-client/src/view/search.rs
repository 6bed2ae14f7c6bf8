//! Searching what was said in one chat, by words of it or of the sender's name. Pure. What is older than what is
//! here is fetched while one searches, page by page, as far back as a chat on the screen is kept.

use liao_client_core::{
    model::{Model, RoomView},
    timeline::{Content, ENTRIES_OPEN_MAX, Hole, Item, Row},
};
use liao_common::{
    id::{RoomId, Seq, UserId},
    request::Request,
};

use super::list::ListView;

/// Rows that are found at most; who wants others types more.
const ROWS_MAX: usize = 200;

/// Pages that one search fetches at most.
const PAGES_MAX: usize = 40;

/// Places of a room that are left for what is said meanwhile when no more is fetched.
const SPARE: u64 = 400;

/// Characters of a message that are looked at.
const CHARS_MAX: usize = 4096;

/// Bytes that can be searched for.
const QUERY_BYTES_MAX: usize = 256;

/// A message that was found; its text is in one line, and in three parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// Where it stands.
    pub seq: Seq,
    /// When it was said, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who said it.
    pub from: UserId,
    /// What stands before the first word that was found.
    pub before: String,
    /// That word; empty when only the name was found.
    pub hit: String,
    /// What stands behind it.
    pub after: String,
}

/// How far back was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the beginning of what can be seen.
    Whole,
    /// Older messages are on their way.
    Going,
    /// To this time, in milliseconds since 1970.
    Since(u64),
}

/// The box.
#[derive(Clone, Debug)]
pub struct SearchView {
    /// Where.
    pub room: RoomId,
    /// What was typed.
    pub query: String,
    /// The chosen row.
    pub list: ListView,
    pages_left: usize,
}

impl SearchView {
    /// In this room, for these words.
    #[must_use]
    pub fn open(room: RoomId, words: &str) -> Self {
        let mut view =
            Self { room, query: String::new(), list: ListView::default(), pages_left: PAGES_MAX };
        view.type_text(words);
        view
    }

    /// More is typed, as far as it fits.
    pub fn type_text(&mut self, text: &str) {
        if self.query.len() + text.len() <= QUERY_BYTES_MAX {
            self.query.push_str(text);
        }
        self.list = ListView::default();
    }

    /// The messages that have all words, the newest first.
    #[must_use]
    pub fn rows(&self, model: &Model) -> Vec<FoundRow> {
        let words: Vec<String> = self.query.split_whitespace().map(small).collect();
        let Some(room) = model.room(self.room).filter(|_| !words.is_empty()) else {
            return Vec::new();
        };
        let name = |row: &Row| small(model.name(row.from).unwrap_or_default());
        let rows = room.timeline.rows().rev();
        rows.filter_map(|row| found(row, &name(row), &words)).take(ROWS_MAX).collect()
    }

    /// How far back that is, with what was found there.
    #[must_use]
    pub fn reach(&self, model: &Model, found: &[FoundRow]) -> Reach {
        if let Some(oldest) = found.get(ROWS_MAX - 1) {
            return Reach::Since(oldest.at_ms);
        }
        let Some(room) = model.room(self.room) else { return Reach::Whole };
        let items = room.timeline.items();
        let Some(place) = items.iter().rposition(|item| matches!(item, Item::Hole(_))) else {
            return Reach::Whole;
        };
        let oldest = items.iter().skip(place).find_map(|item| match item {
            Item::Row(row) => Some(row.at_ms),
            Item::Hole(_) => None,
        });
        match items.get(place) {
            Some(Item::Hole(hole)) if self.goes_on(hole, room, model) => Reach::Going,
            _ => oldest.map_or(Reach::Going, Reach::Since),
        }
    }

    /// The request for older messages, while it is of use. It is asked for again after each page.
    pub fn next_page(&mut self, model: &mut Model) -> Option<Request> {
        let room = model.room(self.room)?;
        let items = room.timeline.items();
        let hole = items.iter().rev().find_map(|item| match item {
            Item::Hole(hole) => Some(*hole),
            Item::Row(_) => None,
        })?;
        if !self.goes_on(&hole, room, model) || self.rows(model).len() >= ROWS_MAX {
            return None;
        }
        let request = model.fill(self.room, hole)?;
        self.pages_left = self.pages_left.saturating_sub(1);
        Some(request)
    }

    /// Farther back than this nothing is kept, and it would be fetched again and again.
    fn goes_on(&self, hole: &Hole, room: &RoomView, model: &Model) -> bool {
        let behind = room.timeline.head().0.saturating_sub(hole.to.0);
        let kept = u64::try_from(ENTRIES_OPEN_MAX).unwrap_or(0).saturating_sub(SPARE);
        !self.query.trim().is_empty() && self.pages_left > 0 && behind < kept && model.is_ready()
    }
}

fn found(row: &Row, name: &str, words: &[String]) -> Option<FoundRow> {
    let text = match &row.content {
        Content::Text(text) => text,
        Content::File(file) => &file.name,
        _ => return None,
    };
    let text = text.char_indices().nth(CHARS_MAX).map_or(text.as_str(), |(end, _)| &text[..end]);
    let lowered = small(text);
    if !words.iter().all(|word| lowered.contains(word.as_str()) || name.contains(word.as_str())) {
        return None;
    }
    let one_line = |letter: char| if letter.is_whitespace() { ' ' } else { letter };
    let text: String = text.chars().map(one_line).collect();
    let places = places(&text);
    let first = words.iter().filter_map(|word| {
        let at = lowered.find(word.as_str())?;
        let end = at + word.len();
        Some((*places.get(at)?, places.get(end).copied().unwrap_or(text.len())))
    });
    let (start, end) = first.min().unwrap_or((0, 0));
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    Some(FoundRow {
        seq: row.seq?,
        at_ms: row.at_ms,
        from: row.from,
        before: part(0..start),
        hit: part(start..end),
        after: part(end..text.len()),
    })
}

/// In small letters, letter by letter: what one of them becomes does not depend on where it stands.
fn small(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// For each byte of a text in small letters, where in the text the letter begins that it comes from.
fn places(text: &str) -> Vec<usize> {
    let mut places = Vec::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let small: usize = letter.to_lowercase().map(char::len_utf8).sum();
        places.resize(places.len() + small, at);
    }
    places
}

#[cfg(test)]
mod tests {
    use liao_client_core::notice::Queued;
    use liao_common::{
        id::Nonce,
        message::{Body, Kind},
    };

    use super::*;

    fn row(text: &str) -> Row {
        let (nonce, body) = (Nonce([1; 16]), Body::text(text));
        let queued = Queued { nonce, room: RoomId(1), kind: Kind::Text, body, at_ms: 1 };
        Row { seq: Some(Seq(1)), ..Row::sending(&queued, UserId(1)) }
    }

    fn parts(text: &str, words: &[&str]) -> Option<[String; 3]> {
        let row = row(text);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let found = found(&row, "bob", &words)?;
        Some([found.before, found.hit, found.after])
    }

    #[test]
    fn the_first_word_is_marked_where_it_stands_whatever_small_letters_take() {
        for (text, words, want) in [
            ("Ask Bob about it", &["about", "ask"][..], ["", "Ask", " Bob about it"]),
            ("İİ STRASSE ß", &["strasse"], ["İİ ", "STRASSE", " ß"]),
            ("two\nlines", &["lines"], ["two ", "lines", ""]),
            ("ΟΔΟΣ", &[&small("ΟΔΟΣ")], ["", "ΟΔΟΣ", ""]),
            ("only the name", &["bob"], ["", "", "only the name"]),
        ] {
            assert_eq!(parts(text, words), Some(want.map(str::to_owned)), "{text}");
        }
        assert_eq!(parts("Ask", &["ask", "nobody"]), None);
        assert_eq!(parts(&format!("{}x", "y".repeat(CHARS_MAX)), &["x"]), None);
    }

    #[test]
    fn with_as_many_as_are_shown_no_more_are_said_to_come() {
        let (model, view) = (Model::default(), SearchView::open(RoomId(1), "ask"));
        let found = found(&row("Ask"), "bob", &["ask".to_owned()]).unwrap();
        assert_eq!(view.reach(&model, &vec![found; ROWS_MAX]), Reach::Since(1));
    }

    #[test]
    fn what_is_searched_for_has_a_limit() {
        let mut view = SearchView::open(RoomId(1), "words");
        view.type_text(&"x".repeat(1 << 20));
        assert_eq!(view.query, "words");
    }
}
