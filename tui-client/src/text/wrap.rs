//! Styled text in rows: wraps pieces of text with their styles and keeps, for each row, the bytes it came from,
//! so that selection, links and mouse positions can be traced back.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::linebreak::{Break, break_rows, is_plain};
use super::width::{ELLIPSIS, TAB_COLUMNS, clusters};

/// A stretch of text in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// How it looks.
    pub style: Style,
    /// What it says.
    pub text: String,
}

impl Piece {
    /// A piece of text in a style.
    pub fn new(style: impl Into<Style>, text: impl Into<String>) -> Self {
        Self { style: style.into(), text: text.into() }
    }
}

/// One row, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is drawn: tabs are spaces already, control characters are gone.
    pub pieces: Vec<Piece>,
    /// Bytes of the joined input that belong to the row. The ranges of all rows cover the input.
    pub range: Range<usize>,
    /// Columns of what is drawn.
    pub columns: usize,
}

impl Row {
    /// The row for ratatui.
    #[must_use]
    pub fn line(&self) -> Line<'static> {
        let spans = self.pieces.iter().map(|piece| Span::styled(piece.text.clone(), piece.style));
        Line::from(spans.collect::<Vec<_>>())
    }

    /// The drawn text without its styles.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// Wraps the pieces, read as one text, into rows of at most `limit` columns (0 counts as 1).
#[must_use]
pub fn wrap(pieces: &[Piece], limit: usize) -> Vec<Row> {
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let mut styles = StyleRuns::new(pieces);
    break_rows(&text, limit)
        .into_iter()
        .map(|row| styled_row(&text, row, &mut styles, limit))
        .collect()
}

/// Wraps text of a single style.
#[must_use]
pub fn wrap_text(text: &str, style: Style, limit: usize) -> Vec<Row> {
    wrap(&[Piece::new(style, text)], limit)
}

fn styled_row(text: &str, row: Break, styles: &mut StyleRuns<'_>, limit: usize) -> Row {
    let shown = text.get(row.shown.clone()).unwrap_or_default();
    if is_plain(shown) {
        let pieces = plain_pieces(text, row.shown, styles);
        return Row { pieces, range: row.range, columns: row.columns };
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for cluster in clusters(shown) {
        let style = styles.at(row.shown.start + cluster.start);
        let last = pieces.last_mut().filter(|last| last.style == style);
        let into = if let Some(last) = last {
            &mut last.text
        } else {
            pieces.push(Piece::new(style, ""));
            let Some(fresh) = pieces.last_mut() else { break };
            &mut fresh.text
        };
        match cluster.text {
            "\t" if limit >= TAB_COLUMNS => into.extend(std::iter::repeat_n(' ', TAB_COLUMNS)),
            _ if cluster.columns > limit => into.push_str(ELLIPSIS),
            shown if shown.contains(char::is_control) => {}
            shown => into.push_str(shown),
        }
    }
    pieces.retain(|piece| !piece.text.is_empty());
    Row { pieces, range: row.range, columns: row.columns }
}

/// The same where every byte is a letter of its own: whole stretches of a style at a time.
fn plain_pieces(text: &str, shown: Range<usize>, styles: &mut StyleRuns<'_>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = shown.start;
    while at < shown.end {
        let style = styles.at(at);
        let end = if styles.end > at { styles.end.min(shown.end) } else { shown.end };
        let stretch = text.get(at..end).unwrap_or_default();
        match pieces.last_mut().filter(|last| last.style == style) {
            Some(last) => last.text.push_str(stretch),
            None => pieces.push(Piece::new(style, stretch)),
        }
        at = end;
    }
    pieces
}

/// Answers which style a byte has, for offsets that only grow.
struct StyleRuns<'a> {
    rest: std::slice::Iter<'a, Piece>,
    style: Style,
    end: usize,
}

impl<'a> StyleRuns<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        Self { rest: pieces.iter(), style: Style::new(), end: 0 }
    }

    fn at(&mut self, offset: usize) -> Style {
        while offset >= self.end {
            let Some(piece) = self.rest.next() else { break };
            self.style = piece.style;
            self.end += piece.text.len();
        }
        self.style
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width::columns;
    use proptest::prelude::*;
    use ratatui::style::Color;

    #[test]
    fn styles_survive_a_break() {
        let pieces = [Piece::new(Style::new(), "see "), Piece::new(Color::Red, "红色的字 end")];
        let rows = wrap(&pieces, 8);
        assert_eq!(rows.iter().map(Row::text).collect::<Vec<_>>(), ["see 红色", "的字 end"]);
        assert_eq!(rows[0].pieces[1], Piece::new(Color::Red, "红色"));
        assert_eq!(rows[1].pieces, [Piece::new(Color::Red, "的字 end")]);
        assert_eq!(rows[1].range, 10..20);
        assert_eq!(rows[1].line().spans.len(), 1);
    }

    #[test]
    fn what_cannot_be_drawn_is_replaced_or_dropped() {
        for (text, limit, expected) in
            [("a\tb", 10, "a    b"), ("好", 1, "…"), ("a\u{7}b", 10, "ab"), ("\t", 2, "…")]
        {
            assert_eq!(wrap_text(text, Style::new(), limit)[0].text(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_cluster_across_two_pieces_stays_whole() {
        let rows = wrap(&[Piece::new(Color::Red, "e"), Piece::new(Color::Blue, "\u{301}x")], 5);
        assert_eq!(rows[0].pieces[0].text, "e\u{301}");
        assert_eq!(rows[0].pieces[1], Piece::new(Color::Blue, "x"));
    }

    proptest! {
        #[test]
        fn rows_fit_and_nothing_is_lost(
            texts in proptest::collection::vec("([a-z ]|[你好，。]|\\PC|[\n\t]){0,20}", 0..5),
            limit in 1_usize..16,
        ) {
            let pieces: Vec<Piece> = texts
                .iter()
                .enumerate()
                .map(|(n, text)| Piece::new(Color::Indexed(u8::try_from(n).unwrap()), text.as_str()))
                .collect();
            let rows = wrap(&pieces, limit);
            let joined: String = texts.concat();
            let again: String = rows.iter().map(|row| &joined[row.range.clone()]).collect();
            prop_assert_eq!(again, joined);
            for row in &rows {
                prop_assert_eq!(columns(&row.text()), row.columns);
                prop_assert!(row.columns <= limit);
            }
        }
    }
}
