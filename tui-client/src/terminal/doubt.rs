//! Clusters about whose width terminals disagree: flags, families, keycaps, skin tones. A row in which one stands, or
//! stood, is drawn whole when it changes, and what follows each of them is put in its place.
//!
//! Must hold: whatever a terminal takes such a cluster for, every other cell shows what it should.

use std::io;

use ratatui::{
    backend::Backend,
    buffer::{Buffer, Cell, CellWidth},
};
use unicode_width::UnicodeWidthChar;

#[cfg(test)]
mod tests;

/// Letters of which two make a flag. One alone is as doubtful.
const FLAG_LETTERS: std::ops::RangeInclusive<char> = '\u{1f1e6}'..='\u{1f1ff}';

/// Signs that are added every year, so that terminals do not know all of them.
const NEW_SIGNS: std::ops::RangeInclusive<char> = '\u{1fa70}'..='\u{1faff}';

/// A row of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    y: u16,
    cells: Vec<Cell>,
}

/// The rows with such clusters, as they were drawn last.
#[derive(Debug, Default)]
pub(super) struct Doubts(Vec<Row>);

impl Doubts {
    /// What the terminal shows is not known.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Looks at what is going to be drawn. Gives the rows that have to be drawn whole.
    pub(super) fn look(&mut self, buffer: &Buffer) -> Vec<Row> {
        let width = usize::from(buffer.area.width).max(1);
        let rows = || (0..).zip(buffer.content.chunks(width));
        let doubtful = |cells: &[Cell]| cells.iter().any(|cell| is_doubtful(cell.symbol()));
        let whole = |(y, cells): (u16, &[Cell])| Row { y, cells: cells.to_vec() };
        let now: Vec<Row> = rows().filter(|(_, cells)| doubtful(cells)).map(whole).collect();
        let before = std::mem::replace(&mut self.0, now);
        let stands = |row: &Row| self.0.iter().any(|now| now.y == row.y);
        let gone = before.iter().filter(|row| !stands(row)).map(|row| row.y);
        let cleared = gone.filter_map(|y| rows().nth(usize::from(y))).map(whole);
        let changed = self.0.iter().filter(|row| !before.contains(row)).cloned();
        changed.chain(cleared).collect()
    }
}

impl Row {
    /// Draws it from the left to the right: what a cluster takes beside its place is taken back by what follows.
    ///
    /// # Errors
    /// When the backend fails.
    pub(super) fn draw<B: Backend<Error = io::Error>>(&self, to: &mut B) -> io::Result<()> {
        let mut blanks: Vec<Cell> = Vec::new();
        let mut part: Vec<(u16, &Cell)> = Vec::new();
        let mut x = 0;
        while let Some(cell) = self.cells.get(usize::from(x)) {
            let columns = cell.cell_width().max(1);
            if is_doubtful(cell.symbol()) {
                // Where it is narrower than its place, nothing old stays beside it.
                let mut blank = cell.clone();
                blank.set_symbol(" ");
                blanks.resize(usize::from(columns), blank);
                self.put(to, &part)?;
                self.put(to, &(x..).zip(&blanks).collect::<Vec<_>>())?;
                // Beside the edge a terminal may put what is too wide over what stands before it.
                if columns > 1 || usize::from(x + columns) < self.cells.len() {
                    self.put(to, &[(x, cell)])?;
                }
                part.clear();
                blanks.clear();
            } else {
                part.push((x, cell));
            }
            x += columns;
        }
        self.put(to, &part)
    }

    /// Each time the backend says where it begins.
    fn put<B: Backend<Error = io::Error>>(
        &self,
        to: &mut B,
        cells: &[(u16, &Cell)],
    ) -> io::Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        to.draw(cells.iter().map(|(x, cell)| (*x, self.y, *cell)))
    }
}

/// Whether terminals may take a cell's cluster for wider or narrower than it is taken here.
fn is_doubtful(symbol: &str) -> bool {
    // Nearly all cells hold one letter.
    if symbol.len() < 4 {
        return false;
    }
    let mut letters = symbol.chars();
    let Some(first) = letters.next() else { return false };
    if FLAG_LETTERS.contains(&first) || NEW_SIGNS.contains(&first) {
        return true;
    }
    if letters.as_str().is_empty() {
        return false;
    }
    let apart: usize = symbol.chars().filter_map(UnicodeWidthChar::width).sum();
    apart != usize::from(symbol.cell_width())
}
