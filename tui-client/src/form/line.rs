//! A line of text with a caret, scrolled so that the caret is seen. Pure. The caret stands between clusters.

use std::fmt;

use liao_common::text::clean_line;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::width::{Cluster, cluster_columns, clusters, columns};

/// Bytes that a line may have; what goes over is not taken.
pub const LINE_BYTES_MAX: usize = 2048;

/// A line being edited.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    caret: usize,
}

/// It may be a password.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes, caret at {})", self.text.len(), self.caret)
    }
}

/// The visible part of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineView {
    /// What is drawn.
    pub text: String,
    /// Column of the caret in it.
    pub caret_x: usize,
}

impl Line {
    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the caret.
    #[must_use]
    pub const fn caret(&self) -> usize {
        self.caret
    }

    /// Replaces the text; the caret goes behind it.
    pub fn set(&mut self, text: &str) {
        self.clear();
        self.insert(text);
    }

    /// Empties the line.
    pub fn clear(&mut self) -> bool {
        let had = !self.text.is_empty();
        self.text.clear();
        self.caret = 0;
        had
    }

    /// Inserts text at the caret, cleaned and on one line. Says false when nothing was taken, also when it
    /// would go over [`LINE_BYTES_MAX`].
    pub fn insert(&mut self, text: &str) -> bool {
        let clean = clean_line(text.trim_end_matches(['\r', '\n']));
        if clean.is_empty() || self.text.len() + clean.len() > LINE_BYTES_MAX {
            return false;
        }
        self.text.insert_str(self.caret, &clean);
        let caret = self.caret + clean.len();
        // A combining mark joins what stood before it.
        self.caret = clusters(&self.text)
            .map(|c| c.end())
            .find(|end| *end >= caret)
            .unwrap_or(self.text.len());
        true
    }

    /// Deletes the cluster before the caret.
    pub fn delete_back(&mut self) -> bool {
        let from = self.before().map_or(self.caret, |cluster| cluster.start);
        self.cut(from, self.caret)
    }

    /// Deletes the cluster behind the caret.
    pub fn delete_on(&mut self) -> bool {
        let to = self.after().map_or(self.caret, |cluster| cluster.end());
        self.cut(self.caret, to)
    }

    /// Deletes the word before the caret.
    pub fn delete_word_back(&mut self) -> bool {
        let before = self.text.get(..self.caret).unwrap_or_default();
        let words = before.split_word_bound_indices();
        let from = words.rev().find(|(_, word)| !word.trim().is_empty()).map_or(0, |(at, _)| at);
        self.cut(from, self.caret)
    }

    /// Deletes everything before the caret.
    pub fn delete_to_start(&mut self) -> bool {
        self.cut(0, self.caret)
    }

    /// Deletes everything behind the caret.
    pub fn delete_to_end(&mut self) -> bool {
        self.cut(self.caret, self.text.len())
    }

    /// One cluster back.
    pub fn left(&mut self) -> bool {
        self.go(self.before().map_or(self.caret, |cluster| cluster.start))
    }

    /// One cluster on.
    pub fn right(&mut self) -> bool {
        self.go(self.after().map_or(self.caret, |cluster| cluster.end()))
    }

    /// To the start.
    pub fn home(&mut self) -> bool {
        self.go(0)
    }

    /// To the end.
    pub fn end(&mut self) -> bool {
        self.go(self.text.len())
    }

    /// The part to draw in `width` columns, with `mask` in place of each cluster when there is one.
    #[must_use]
    pub fn view(&self, width: usize, mask: Option<char>) -> LineView {
        let before = shown(self.text.get(..self.caret).unwrap_or_default(), mask);
        let after = shown(self.text.get(self.caret..).unwrap_or_default(), mask);
        // The last column is the caret's when it stands at the end.
        let room = width.saturating_sub(1);
        let mut hidden = 0;
        let mut caret_x = columns(&before);
        for cluster in clusters(&before) {
            if caret_x <= room {
                break;
            }
            caret_x -= cluster.columns;
            hidden = cluster.end();
        }
        let mut text = before.get(hidden..).unwrap_or_default().to_owned();
        let mut free = width.saturating_sub(caret_x);
        for cluster in clusters(&after) {
            let Some(rest) = free.checked_sub(cluster.columns) else { break };
            free = rest;
            text.push_str(cluster.text);
        }
        LineView { text, caret_x }
    }

    fn before(&self) -> Option<Cluster<'_>> {
        clusters(&self.text).take_while(|cluster| cluster.start < self.caret).last()
    }

    fn after(&self) -> Option<Cluster<'_>> {
        clusters(&self.text).find(|cluster| cluster.start >= self.caret)
    }

    fn go(&mut self, to: usize) -> bool {
        let moved = to != self.caret;
        self.caret = to;
        moved
    }

    fn cut(&mut self, from: usize, to: usize) -> bool {
        if from >= to {
            return false;
        }
        self.text.replace_range(from..to, "");
        // What is now side by side may have become one cluster.
        self.caret =
            clusters(&self.text).map(|c| c.start).take_while(|at| *at <= from).last().unwrap_or(0);
        if from >= self.text.len() {
            self.caret = self.text.len();
        }
        true
    }
}

fn shown(text: &str, mask: Option<char>) -> String {
    let drawn = text.graphemes(true).filter(|cluster| cluster_columns(cluster) > 0);
    match mask {
        Some(mask) => text.graphemes(true).map(|_| mask).collect(),
        None => drawn.collect(),
    }
}
