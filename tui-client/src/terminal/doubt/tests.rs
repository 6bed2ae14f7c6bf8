//! Terminals of three minds about the width of clusters, and what stands on them.

use proptest::prelude::*;
use ratatui::{
    Terminal, TerminalOptions, Viewport,
    backend::CrosstermBackend,
    layout::Rect,
    style::{Color, Style},
};
use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::terminal::{FrameBytes, draw_surely};

const COLUMNS: u16 = 24;
const ROWS: u16 = 4;

const DOUBTFUL: [&str; 8] = ["🇨🇳", "👨‍👩‍👧", "1️⃣", "❤️", "👍🏽", "🏳️‍🌈", "🇩", "\u{1fae8}"];

/// What a terminal takes a cluster for.
#[derive(Clone, Copy, Debug)]
enum Mind {
    /// Each letter by itself; the letters of flags are narrow. tmux 3.3 does nearly so.
    Letters,
    /// Each letter by itself; the letters of flags are wide.
    WideLetters,
    /// Clusters as they are measured here.
    Clusters,
    /// Every cluster is as narrow as its first letter may be.
    Narrow,
}

const MINDS: [Mind; 4] = [Mind::Letters, Mind::WideLetters, Mind::Clusters, Mind::Narrow];

/// A terminal that draws what it is told. Each cell knows what it shows; the second half of a wide one shows nothing.
struct Glass {
    mind: Mind,
    cells: Vec<Vec<String>>,
    at: (usize, usize),
    saved: (usize, usize),
    wraps: bool,
}

impl Glass {
    fn new(mind: Mind) -> Self {
        let row = vec![" ".to_owned(); usize::from(COLUMNS)];
        let cells = vec![row; usize::from(ROWS)];
        Self { mind, cells, at: (0, 0), saved: (0, 0), wraps: true }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut rest = std::str::from_utf8(bytes).unwrap();
        while let Some(letter) = rest.chars().next() {
            let Some(sequence) = rest.strip_prefix('\u{1b}') else {
                let end = rest.find('\u{1b}').unwrap_or(rest.len());
                self.print(&rest[..end]);
                rest = &rest[end..];
                continue;
            };
            rest = match sequence.as_bytes()[0] {
                b'7' => {
                    self.saved = self.at;
                    &sequence[1..]
                }
                b'8' => {
                    self.at = self.saved;
                    &sequence[1..]
                }
                b'[' => {
                    let end = sequence[1..].find(|letter: char| letter.is_ascii_alphabetic());
                    let end = end.expect("a whole sequence") + 1;
                    self.order(&sequence[1..end], sequence.as_bytes()[end]);
                    &sequence[end + 1..]
                }
                other => panic!("{letter:?} {other}"),
            };
        }
    }

    fn order(&mut self, values: &str, order: u8) {
        match (values, order) {
            ("?7", b'l') => self.wraps = false,
            ("?7", b'h') => self.wraps = true,
            ("2", b'J') => self.cells = Self::new(self.mind).cells,
            (_, b'H') => {
                let mut places = values.split(';').map(|place| place.parse().unwrap_or(1) - 1);
                let (y, x) = (places.next().unwrap(), places.next().unwrap_or(0));
                self.at = (x, y);
            }
            (_, b'm') | ("?25", b'l' | b'h') => {}
            other => panic!("{other:?}"),
        }
    }

    fn print(&mut self, text: &str) {
        for cluster in text.graphemes(true) {
            match self.mind {
                Mind::Clusters => self.put(cluster, usize::from(cluster.cell_width())),
                Mind::Narrow => {
                    let plain = !is_doubtful(cluster);
                    self.put(cluster, if plain { usize::from(cluster.cell_width()) } else { 1 });
                }
                Mind::Letters | Mind::WideLetters => {
                    for letter in cluster.chars() {
                        let flag = FLAG_LETTERS.contains(&letter);
                        let wide = flag && matches!(self.mind, Mind::WideLetters);
                        let width = if wide { 2 } else { letter.width().unwrap_or(0) };
                        self.put(&letter.to_string(), width);
                    }
                }
            }
        }
    }

    fn put(&mut self, shown: &str, width: usize) {
        let columns = usize::from(COLUMNS);
        if width == 0 {
            return;
        }
        if self.at.0 + width > columns {
            // Beside the edge: into the next row, or over what stands at the edge.
            self.at = if self.wraps && self.at.1 + 1 < usize::from(ROWS) {
                (0, self.at.1 + 1)
            } else {
                (columns - width, self.at.1)
            };
        }
        for at in self.at.0..self.at.0 + width {
            self.clear(at);
        }
        let row = &mut self.cells[self.at.1];
        row[self.at.0] = shown.to_owned();
        row[self.at.0 + 1..self.at.0 + width].fill(String::new());
        self.at.0 += width;
    }

    /// Half of a wide letter does not stay.
    fn clear(&mut self, at: usize) {
        let row = &mut self.cells[self.at.1];
        let first = (0..=at).rev().find(|place| !row[*place].is_empty()).unwrap_or(0);
        let behind = (first + 1..row.len()).find(|place| !row[*place].is_empty());
        let end = behind.unwrap_or(row.len());
        row[first..end].fill(" ".to_owned());
    }

    /// What stands beside the places of doubtful clusters has to be what was drawn.
    fn check(&self, buffer: &Buffer) {
        for y in 0..ROWS {
            let mut x = 0;
            while x < COLUMNS {
                let cell = &buffer[(x, y)];
                let columns = cell.cell_width().max(1);
                let row = &self.cells[usize::from(y)];
                if !is_doubtful(cell.symbol()) {
                    assert_eq!(
                        row[usize::from(x)],
                        cell.symbol(),
                        "{:?}: column {x} of row {y}: {row:?}",
                        self.mind
                    );
                } else {
                    // In its own place nothing of what stood there before.
                    for at in x..x + columns {
                        let shown = &row[usize::from(at)];
                        let own = cell.symbol().contains(shown.as_str());
                        assert!(own || shown == " ", "{:?}: {shown:?} in {row:?}", self.mind);
                    }
                }
                x += columns;
            }
        }
    }
}

/// Draws frames one after the other, and looks at each.
fn shows(frames: &[Vec<String>]) {
    for mind in MINDS {
        let (mut bytes, mut doubts) = (FrameBytes::default(), Doubts::default());
        let backend = CrosstermBackend::new(bytes.clone());
        let viewport = Viewport::Fixed(Rect::new(0, 0, COLUMNS, ROWS));
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        let mut glass = Glass::new(mind);
        for lines in frames {
            let mut drawn = Buffer::default();
            let draw = |frame: &mut ratatui::Frame<'_>| {
                for (y, line) in (0..ROWS).zip(lines) {
                    let style = Style::new().fg(Color::Indexed(u8::try_from(y).unwrap()));
                    frame.buffer_mut().set_stringn(0, y, line, usize::from(COLUMNS), style);
                }
                drawn = frame.buffer_mut().clone();
            };
            draw_surely(&mut terminal, &mut bytes, &mut doubts, draw).unwrap();
            glass.take(&std::mem::take(&mut *bytes.0.borrow_mut()));
            glass.check(&drawn);
            assert!(glass.wraps);
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

#[test]
fn what_stood_beside_a_flag_does_not_stay() {
    for sign in DOUBTFUL {
        shows(&[
            lines(&format!("{sign} hello/{sign}{sign}{sign}/abcdefghijklmnopqrstuv{sign}/last")),
            lines(&format!("hello/x{sign}y/abcdefghijklmnopqrstuv/{sign}")),
            lines("ab/x/abc/d"),
            lines(&format!("aaaaaaaa/bbbbbbbbb/ccccccccccc/{sign}")),
            lines(&format!("aa{sign}aaaa/bbb{sign}bbbb/cccccc张ccccc/dd")),
            lines(&format!("aa{sign}张三/bbb{sign}bbbb/cccccc张{sign}ccccc/dd")),
            lines(""),
        ]);
    }
}

#[test]
fn rows_that_stay_as_they_are_cost_nothing() {
    let (mut bytes, mut doubts) = (FrameBytes::default(), Doubts::default());
    let viewport = Viewport::Fixed(Rect::new(0, 0, COLUMNS, ROWS));
    let backend = CrosstermBackend::new(bytes.clone());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    let mut draw = |second: &str| {
        let draw = |frame: &mut ratatui::Frame<'_>| {
            frame.buffer_mut().set_string(0, 0, "🇨🇳 stays", Style::new());
            frame.buffer_mut().set_string(0, 1, second, Style::new());
        };
        draw_surely(&mut terminal, &mut bytes, &mut doubts, draw).unwrap();
        String::from_utf8(std::mem::take(&mut *bytes.0.borrow_mut())).unwrap()
    };
    assert!(draw("one").contains("🇨🇳"));
    let second = draw("two");
    assert!(second.contains("two") && !second.contains("🇨🇳"), "{second:?}");
    assert!(!second.contains("\u{1b}[?7l"), "{second:?}");
}

#[test]
fn only_what_terminals_disagree_about_is_doubtful() {
    for sign in DOUBTFUL {
        assert!(is_doubtful(sign), "{sign}");
    }
    for plain in ["a", "é", "e\u{301}", "张", "👍", "ที่", "각", "─", "●", " "] {
        assert!(!is_doubtful(plain), "{plain}");
    }
}

proptest! {
    #[test]
    fn every_other_cell_shows_what_it_should(
        frames in prop::collection::vec(
            prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![
                        3 => "[a-z ]".prop_map(|letter| letter),
                        1 => Just("张".to_owned()),
                        2 => prop::sample::select(&DOUBTFUL[..]).prop_map(str::to_owned),
                    ],
                    0..26,
                ).prop_map(|parts| parts.concat()),
                0..5,
            ),
            1..5,
        )
    ) {
        shows(&frames);
    }
}
