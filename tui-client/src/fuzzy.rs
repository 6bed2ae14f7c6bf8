//! Finding chats, people and commands by a few letters: letters in order, with pinyin for Chinese, so that `lw`
//! and `laow` find 老王. Pure; the best alignment decides the order.

mod reading;
#[cfg(test)]
mod tests;

use reading::letters_taken;

/// Characters of a query that count; what is typed beyond is not looked at.
pub const QUERY_CHARS_MAX: usize = 32;
/// Characters of a candidate that are looked at.
pub const CANDIDATE_CHARS_MAX: usize = 96;

const LETTER: i32 = 4;
const FIRST: i32 = 12;
const WORD_START: i32 = 8;
const NEIGHBOUR: i32 = 6;
const GAP: i32 = -3;
const LEAD_MAX: i32 = 6;

/// How well a candidate fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Higher is better. Comparable for one query only.
    pub score: i32,
    /// Byte offsets of the characters that matched, ascending, for drawing them apart.
    pub offsets: Vec<usize>,
}

/// Compares a query with a candidate. Letter case and spaces of the query do not matter; an empty query fits
/// everything with score 0.
#[must_use]
pub fn find(query: &str, candidate: &str) -> Option<Match> {
    let query = letters(query);
    if query.is_empty() {
        return Some(Match::default());
    }
    let places: Vec<(usize, char)> = candidate.char_indices().take(CANDIDATE_CHARS_MAX).collect();
    Alignment::of(&query, &places).best()
}

/// The candidates that fit, best first, at most `limit`; equal ones stay in the order given.
pub fn rank<T>(
    query: &str,
    candidates: impl IntoIterator<Item = T>,
    text: impl Fn(&T) -> &str,
    limit: usize,
) -> Vec<(T, Match)> {
    let mut found: Vec<(T, Match)> = candidates
        .into_iter()
        .filter_map(|candidate| find(query, text(&candidate)).map(|fit| (candidate, fit)))
        .collect();
    if !letters(query).is_empty() {
        found.sort_by_key(|(candidate, fit)| (std::cmp::Reverse(fit.score), text(candidate).len()));
    }
    found.truncate(limit);
    found
}

fn letters(query: &str) -> Vec<char> {
    let lower = query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase);
    lower.take(QUERY_CHARS_MAX).collect()
}

/// The best way to have `taken` letters of the query matched with the last of them at one place.
#[derive(Clone, Copy)]
struct Cell {
    score: i32,
    /// Letters matched before this place, and the place that matched them.
    before: Option<(usize, usize)>,
}

struct Alignment<'a> {
    places: &'a [(usize, char)],
    letters: usize,
    /// By place, then by letters taken.
    cells: Vec<Vec<Option<Cell>>>,
}

impl<'a> Alignment<'a> {
    fn of(query: &[char], places: &'a [(usize, char)]) -> Self {
        let mut alignment =
            Self { places, letters: query.len(), cells: Vec::with_capacity(places.len()) };
        // The best cell for each count of letters, at places that are no neighbours of the next one.
        let mut far: Vec<Option<(i32, usize)>> = vec![None; query.len() + 1];
        for (place, (_, character)) in places.iter().enumerate() {
            let mut row = vec![None; query.len() + 1];
            for from in 0..query.len() {
                let Some((base, before)) = alignment.reach(place, from, &far) else { continue };
                for count in letters_taken(*character, query.get(from..).unwrap_or_default()) {
                    let score =
                        base + alignment.worth(place) + LETTER * i32::try_from(count).unwrap_or(1);
                    let slot = row.get_mut(from + count);
                    if let Some(cell) =
                        slot.filter(|cell| cell.is_none_or(|old: Cell| old.score < score))
                    {
                        *cell = Some(Cell { score, before });
                    }
                }
            }
            alignment.retire(place, &mut far);
            alignment.cells.push(row);
        }
        alignment
    }

    /// The best score before a match at `place`, with `taken` letters matched already.
    fn reach(
        &self,
        place: usize,
        taken: usize,
        far: &[Option<(i32, usize)>],
    ) -> Option<(i32, Option<(usize, usize)>)> {
        if taken == 0 {
            let lead = i32::try_from(place).unwrap_or(LEAD_MAX).min(LEAD_MAX);
            return Some((-lead, None));
        }
        let near = place
            .checked_sub(1)
            .and_then(|place| self.cell(place, taken).map(|cell| (cell.score + NEIGHBOUR, place)));
        let far = far.get(taken).copied().flatten().map(|(score, place)| (score + GAP, place));
        let (score, from) = near.into_iter().chain(far).max_by_key(|(score, _)| *score)?;
        Some((score, Some((taken, from))))
    }

    /// What was the neighbour becomes one of the places further back.
    fn retire(&self, place: usize, far: &mut [Option<(i32, usize)>]) {
        let Some(place) = place.checked_sub(1) else { return };
        for (taken, best) in far.iter_mut().enumerate() {
            if let Some(cell) = self.cell(place, taken)
                && best.is_none_or(|(score, _)| score < cell.score)
            {
                *best = Some((cell.score, place));
            }
        }
    }

    fn cell(&self, place: usize, taken: usize) -> Option<Cell> {
        self.cells.get(place)?.get(taken).copied().flatten()
    }

    /// A match at the start of a word says more than one inside it.
    fn worth(&self, place: usize) -> i32 {
        let at = |place: usize| self.places.get(place).map_or(' ', |(_, character)| *character);
        match place.checked_sub(1).map(at) {
            None => FIRST,
            Some('#' | '@' | '/') if place == 1 => FIRST,
            Some(before) if !before.is_alphanumeric() => WORD_START,
            Some(before) if before.is_lowercase() && at(place).is_uppercase() => WORD_START,
            Some(_) => 0,
        }
    }

    fn best(&self) -> Option<Match> {
        let ends = (0..self.places.len())
            .filter_map(|place| Some((self.cell(place, self.letters)?.score, place)));
        // Of equal ones the first.
        let (score, last) = ends.min_by_key(|(score, _)| std::cmp::Reverse(*score))?;
        let mut offsets = Vec::new();
        let mut at = Some((self.letters, last));
        while let Some((taken, place)) = at {
            offsets.extend(self.places.get(place).map(|(offset, _)| *offset));
            at = self.cell(place, taken).and_then(|cell| cell.before);
        }
        offsets.reverse();
        Some(Match { score, offsets })
    }
}
