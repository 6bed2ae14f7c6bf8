//! How many columns text takes. One rule for the whole program: grapheme clusters, measured as ratatui's
//! buffer measures its cells, because a second rule would put the caret beside the letter.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// Columns that a tab is shown as.
pub const TAB_COLUMNS: usize = 4;

/// What stands for text that was cut.
pub const ELLIPSIS: &str = "…";

/// One user-perceived character with its place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// Byte offset of the first byte.
    pub start: usize,
    /// The bytes of the cluster.
    pub text: &'a str,
    /// Columns on screen. 0 for what the terminal never draws.
    pub columns: usize,
}

impl Cluster<'_> {
    /// Byte offset just behind the cluster.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The clusters of `text` in order, covering every byte.
pub fn clusters(text: &str) -> impl DoubleEndedIterator<Item = Cluster<'_>> {
    text.grapheme_indices(true).map(|(start, cluster)| Cluster {
        start,
        text: cluster,
        columns: cluster_columns(cluster),
    })
}

/// Columns of one grapheme cluster. Control characters count 0, since they are never drawn; a tab counts
/// [`TAB_COLUMNS`].
#[must_use]
pub fn cluster_columns(cluster: &str) -> usize {
    if cluster == "\t" {
        TAB_COLUMNS
    } else if cluster.contains(char::is_control) {
        0
    } else {
        usize::from(cluster.cell_width())
    }
}

/// Columns of a line of text.
#[must_use]
pub fn columns(text: &str) -> usize {
    clusters(text).map(|cluster| cluster.columns).sum()
}

/// The text cut to at most `limit` columns, ending in `…` where something was left out.
#[must_use]
pub fn truncate(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    if limit == 0 {
        return String::new();
    }
    let mut shown = fitting(text, limit - columns(ELLIPSIS)).to_owned();
    shown.push_str(ELLIPSIS);
    shown
}

/// The text cut to at most `limit` columns from the left, beginning with `…`. For paths, whose end matters.
#[must_use]
pub fn truncate_start(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    if limit == 0 {
        return String::new();
    }
    let mut free = limit - columns(ELLIPSIS);
    let mut from = text.len();
    for cluster in clusters(text).rev() {
        let Some(rest) = free.checked_sub(cluster.columns) else { break };
        free = rest;
        from = cluster.start;
    }
    format!("{ELLIPSIS}{}", text.get(from..).unwrap_or_default())
}

/// The longest beginning of `text` that takes at most `limit` columns.
#[must_use]
pub fn fitting(text: &str, limit: usize) -> &str {
    let mut free = limit;
    let mut end = 0;
    for cluster in clusters(text) {
        let Some(rest) = free.checked_sub(cluster.columns) else { break };
        free = rest;
        end = cluster.end();
    }
    text.get(..end).unwrap_or_default()
}

/// The text in exactly `width` columns: cut with `…`, or followed by spaces.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    let mut shown = truncate(text, width);
    shown.extend(std::iter::repeat_n(' ', width.saturating_sub(columns(&shown))));
    shown
}

/// The text in exactly `width` columns, at the right side.
#[must_use]
pub fn pad_start(text: &str, width: usize) -> String {
    let shown = truncate(text, width);
    let mut line = " ".repeat(width.saturating_sub(columns(&shown)));
    line.push_str(&shown);
    line
}

/// The text in exactly `width` columns, in the middle.
#[must_use]
pub fn center(text: &str, width: usize) -> String {
    let shown = truncate(text, width);
    let free = width.saturating_sub(columns(&shown));
    format!("{}{shown}{}", " ".repeat(free / 2), " ".repeat(free - free / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn columns_follow_the_clusters() {
        for (text, expected) in [
            ("", 0),
            ("abc", 3),
            ("聊天", 4),
            ("，。", 4),
            ("é", 1),
            ("e\u{301}", 1),
            ("\u{301}", 0),
            ("\u{200b}", 0),
            ("❤\u{fe0f}", 2),
            ("👍🏽", 2),
            ("👨\u{200d}👩\u{200d}👧", 2),
            ("🇨🇳", 2),
            ("\u{1b}[1m", 3),
            ("a\tb", 2 + TAB_COLUMNS),
        ] {
            assert_eq!(columns(text), expected, "{text:?}");
        }
    }

    #[test]
    fn cutting_never_splits_a_cluster() {
        for (text, limit, expected) in [
            ("short", 10, "short"),
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("hello", 1, "…"),
            ("hello", 0, ""),
            ("你好世界", 8, "你好世界"),
            ("你好世界", 7, "你好世…"),
            ("你好世界", 6, "你好…"),
            ("e\u{301}tude", 3, "e\u{301}t…"),
        ] {
            assert_eq!(truncate(text, limit), expected, "{text:?} in {limit}");
        }
        assert_eq!(truncate_start("/home/张三/文件.pdf", 9), "…文件.pdf");
        assert_eq!(truncate_start("/a/b", 9), "/a/b");
        assert_eq!(truncate_start("abc", 0), "");
    }

    #[test]
    fn padding_gives_the_exact_width() {
        assert_eq!(pad("你", 4), "你  ");
        assert_eq!(pad("你好", 3), "你…");
        assert_eq!(pad_start("7", 3), "  7");
        assert_eq!(center("ab", 5), " ab  ");
    }

    proptest! {
        #[test]
        fn ratatui_draws_as_many_cells_as_we_count(text in "\\PC{0,24}") {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 1));
            let (end, _) = buffer.set_stringn(0, 0, &text, 200, Style::new());
            prop_assert_eq!(usize::from(end), columns(&text));
        }

        #[test]
        fn cut_and_padded_text_keeps_its_promise(text in "\\PC{0,24}", limit in 0_usize..30) {
            prop_assert!(columns(&truncate(&text, limit)) <= limit);
            prop_assert!(columns(&truncate_start(&text, limit)) <= limit);
            prop_assert_eq!(columns(&pad(&text, limit)), limit);
            prop_assert_eq!(columns(&center(&text, limit)), limit);
        }
    }
}
