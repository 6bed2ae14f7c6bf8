//! Where a line of text may end: at spaces between Latin words, anywhere between Chinese characters, never
//! before closing or after opening punctuation. Pure; every row is at most as wide as asked.

use std::ops::Range;

use super::width::{Cluster, clusters};

/// Punctuation that never begins a row.
const CLOSERS: &str = "，。、；：！？」』）】》〉〕］｝〗〙〛’”…—～·‧・％‰℃°￠．ー々〻ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ﹐﹑﹒﹔﹕﹖﹗﹚﹜﹞｡､｣･‥⋯–»›";
/// ASCII punctuation that never begins a row unless a space stands before it.
const ASCII_CLOSERS: &str = ",.;:!?)]}%";
/// Punctuation that never ends a row.
const OPENERS: &str = "（「『【《〈〔［｛〖〘〚‘“￥＄￡﹙﹛﹝｢«‹([{$";
/// Characters that hold their neighbours on both sides.
const GLUE: &str = "\u{a0}\u{202f}\u{2060}\u{feff}";

/// One row of broken text. The ranges of all rows, in order, cover the text without a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Bytes that belong to the row, with the line feed or the spaces at its end.
    pub range: Range<usize>,
    /// Bytes that are drawn: `range` without line feed and without spaces that hang over the edge.
    pub shown: Range<usize>,
    /// Columns of what is drawn.
    pub columns: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Space,
    Word,
    Wide,
    Opener,
    Closer,
    AsciiCloser,
    Hyphen,
    Glue,
}

/// Columns of a cluster in rows of `limit` columns: one that is wider than a whole row is drawn as `…`.
#[must_use]
pub fn shown_columns(cluster: &Cluster<'_>, limit: usize) -> usize {
    if cluster.columns > limit { 1 } else { cluster.columns }
}

/// Whether every byte is a letter of one column. Most of what is said is, and what is known of it costs nothing.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Breaks the text into rows of at most `limit` columns (0 counts as 1). Text that is empty, or ends in a line
/// feed, gives an empty last row, because a caret can stand there.
#[must_use]
pub fn break_rows(text: &str, limit: usize) -> Vec<Break> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        break_line(line, start, limit.max(1), &mut rows);
        start += line.len();
    }
    if text.is_empty() || text.ends_with('\n') {
        rows.push(Break { range: start..start, shown: start..start, columns: 0 });
    }
    rows
}

fn break_line(line: &str, offset: usize, limit: usize, rows: &mut Vec<Break>) {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let body = body.strip_suffix('\r').unwrap_or(body);
    if body.len() <= limit && is_plain(body) {
        let (range, shown) = (offset..offset + line.len(), offset..offset + body.len());
        return rows.push(Break { range, shown, columns: body.len() });
    }
    let parts = classified(body);
    let mut first = 0;
    loop {
        let next = row_end(&parts, first, limit);
        let last_row = next >= parts.len();
        let end = if last_row { line.len() } else { parts.get(next).map_or(0, |(c, _)| c.start) };
        let start = parts.get(first).map_or(body.len(), |(cluster, _)| cluster.start);
        let (shown_len, columns) =
            drawn(parts.get(first..next).unwrap_or_default(), limit, !last_row);
        rows.push(Break {
            range: offset + start..offset + end,
            shown: offset + start..offset + start + shown_len,
            columns,
        });
        if last_row {
            return;
        }
        first = next;
    }
}

/// Index of the first part that no longer belongs to the row beginning at `first`. Always makes progress.
fn row_end(parts: &[(Cluster<'_>, Class)], first: usize, limit: usize) -> usize {
    let mut used = 0;
    let mut break_at = None;
    for (index, (cluster, kind)) in parts.iter().enumerate().skip(first) {
        if index > first
            && parts.get(index - 1).is_some_and(|(_, before)| allows(*before, *kind))
            && !splits_word_at_hyphen(parts, index)
        {
            break_at = Some(index);
        }
        used += shown_columns(cluster, limit);
        if used > limit && *kind != Class::Space {
            return break_at.unwrap_or(index.max(first + 1));
        }
    }
    parts.len()
}

/// Bytes and columns of a row as drawn. Spaces at a soft end hang over the edge; at the end of a line they
/// stay as far as they fit.
fn drawn(parts: &[(Cluster<'_>, Class)], limit: usize, soft_end: bool) -> (usize, usize) {
    let kept = if soft_end {
        parts.iter().rposition(|(_, kind)| *kind != Class::Space).map_or(0, |last| last + 1)
    } else {
        parts.len()
    };
    let (mut len, mut columns) = (0, 0);
    for (cluster, _) in parts.iter().take(kept) {
        let more = columns + shown_columns(cluster, limit);
        if more > limit {
            break;
        }
        columns = more;
        len += cluster.text.len();
    }
    (len, columns)
}

/// Whether a row may end between two neighbours.
fn allows(before: Class, after: Class) -> bool {
    match (before, after) {
        (_, Class::Space | Class::Closer | Class::Glue) | (Class::Glue | Class::Opener, _) => false,
        (Class::Space, _) => true,
        (_, Class::AsciiCloser) => false,
        (Class::Wide, _) | (_, Class::Wide) | (Class::Hyphen, Class::Word) => true,
        (Class::Closer, Class::Word | Class::Opener | Class::Hyphen) => true,
        _ => false,
    }
}

/// A hyphen divides words (`well-known`), but an option (`--all`), a key (`Alt-R`), a number or a range stays
/// whole.
fn splits_word_at_hyphen(parts: &[(Cluster<'_>, Class)], index: usize) -> bool {
    let at = |back: usize| index.checked_sub(back).and_then(|place| parts.get(place));
    let is_letter = |part: Option<&(Cluster<'_>, Class)>| {
        part.is_some_and(|(cluster, _)| cluster.text.chars().all(char::is_alphabetic))
    };
    at(1).is_some_and(|(_, kind)| *kind == Class::Hyphen)
        && parts.get(index).is_some_and(|(_, kind)| *kind == Class::Word)
        && !(is_letter(at(2)) && is_letter(parts.get(index)) && is_letter(parts.get(index + 1)))
}

/// The clusters with their classes. What a straight quote or an apostrophe is depends on where it stands.
fn classified(line: &str) -> Vec<(Cluster<'_>, Class)> {
    let mut parts: Vec<(Cluster<'_>, Class)> =
        clusters(line).map(|cluster| (cluster, class(&cluster))).collect();
    let mut quote_open = false;
    for index in 0..parts.len() {
        let Some(text) = parts.get(index).map(|(cluster, _)| cluster.text) else { break };
        let near = |at: Option<usize>| at.and_then(|at| parts.get(at)).map(|(_, kind)| *kind);
        let inside_word =
            [index.checked_sub(1), Some(index + 1)].map(near) == [Some(Class::Word); 2];
        let kind = match text {
            "\"" => {
                quote_open = !quote_open;
                if quote_open { Class::Opener } else { Class::AsciiCloser }
            }
            "’" if inside_word => Class::Word,
            _ => continue,
        };
        if let Some(part) = parts.get_mut(index) {
            part.1 = kind;
        }
    }
    parts
}

fn class(cluster: &Cluster<'_>) -> Class {
    let Some(first) = cluster.text.chars().next() else { return Class::Glue };
    match first {
        ' '
        | '\t'
        | '\u{3000}'
        | '\u{200b}'
        | '\u{2000}'..='\u{2006}'
        | '\u{2008}'..='\u{200a}' => Class::Space,
        '-' | '\u{2010}' => Class::Hyphen,
        _ if GLUE.contains(first) => Class::Glue,
        _ if OPENERS.contains(first) => Class::Opener,
        _ if ASCII_CLOSERS.contains(first) => Class::AsciiCloser,
        _ if CLOSERS.contains(first) => Class::Closer,
        // A cluster that is never drawn must not be pushed to a row of its own.
        _ if cluster.columns == 0 => Class::Glue,
        '\u{ff66}'..='\u{ff9f}' => Class::Wide,
        _ if cluster.columns >= 2 => Class::Wide,
        _ => Class::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width::columns;
    use proptest::prelude::*;

    fn rows(text: &str, limit: usize) -> Vec<&str> {
        break_rows(text, limit).into_iter().map(|row| &text[row.shown]).collect()
    }

    #[test]
    fn rows_end_where_a_reader_expects() {
        for (text, limit, expected) in [
            ("", 5, vec![""]),
            ("hello world", 20, vec!["hello world"]),
            ("hello world", 5, vec!["hello", "world"]),
            ("hello world", 8, vec!["hello", "world"]),
            ("hello   world", 6, vec!["hello", "world"]),
            ("  indented", 20, vec!["  indented"]),
            ("a\nb\n", 5, vec!["a", "b", ""]),
            ("a\r\nb", 5, vec!["a", "b"]),
            ("大家好今天", 4, vec!["大家", "好今", "天"]),
            ("大家好今天", 5, vec!["大家", "好今", "天"]),
            ("大家好，今天", 6, vec!["大家", "好，今", "天"]),
            ("他说：「好的」。", 6, vec!["他说：", "「好", "的」。"]),
            ("用Rust写的", 6, vec!["用Rust", "写的"]),
            ("我们用 Rust 写", 8, vec!["我们用", "Rust 写"]),
            ("等一下……", 6, vec!["等一", "下……"]),
            ("也许——吧", 5, vec!["也", "许——", "吧"]),
            ("增长 50% 了", 8, vec!["增长 50%", "了"]),
            ("well-known fact", 7, vec!["well-", "known", "fact"]),
            ("press Alt-R now", 10, vec!["press", "Alt-R now"]),
            ("run --all now", 6, vec!["run", "--all", "now"]),
            ("https://example.org/abc", 10, vec!["https://ex", "ample.org/", "abc"]),
            ("I don’t know", 7, vec!["I don’t", "know"]),
            ("we don’t", 6, vec!["we", "don’t"]),
            ("他说\"你好\"吧", 6, vec!["他说", "\"你好\"", "吧"]),
            ("他说\"你好\"吧", 5, vec!["他说", "\"你", "好\"吧"]),
            ("！！！！", 4, vec!["！！", "！！"]),
            ("好", 1, vec!["好"]),
            ("👨\u{200d}👩\u{200d}👧👍", 2, vec!["👨\u{200d}👩\u{200d}👧", "👍"]),
        ] {
            assert_eq!(rows(text, limit), expected, "{text:?} in {limit}");
        }
    }

    #[test]
    fn a_cluster_wider_than_the_row_counts_one_column() {
        assert_eq!(break_rows("好", 1)[0].columns, 1);
    }

    #[test]
    fn punctuation_keeps_off_the_wrong_edge() {
        let text =
            "他问：“你看过《红楼梦》（八十回本）吗？”我答：「看过，三遍！」……真的——不骗你，100%。";
        for limit in 8..40 {
            for row in break_rows(text, limit) {
                let shown = &text[row.shown];
                let (first, last) = (shown.chars().next().unwrap(), shown.chars().last().unwrap());
                assert!(
                    !CLOSERS.contains(first) && !ASCII_CLOSERS.contains(first),
                    "{shown} in {limit}"
                );
                assert!(!OPENERS.contains(last), "{shown} in {limit}");
            }
        }
    }

    proptest! {
        #[test]
        fn rows_cover_the_text_and_fit(
            text in "([a-z ,.\\-]|[你好，。「」（）—…！]|\\PC|[\n\t\r]){0,60}",
            limit in 1_usize..20,
        ) {
            let mut at = 0;
            for row in break_rows(&text, limit) {
                prop_assert_eq!(row.range.start, at);
                prop_assert!(row.shown.start == row.range.start && row.shown.end <= row.range.end);
                prop_assert!(row.columns <= limit);
                let drawn = columns(&text[row.shown.clone()]);
                prop_assert!(drawn == row.columns || drawn > limit);
                at = row.range.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
