//! Where the caret goes: clusters, words, lines. Pure functions over a text and a byte offset.
//! Whatever they return is the edge of a grapheme cluster.

use unicode_segmentation::UnicodeSegmentation;

use super::Motion;
use crate::text::width::clusters;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Back,
    On,
}

pub(super) fn target(text: &str, caret: usize, motion: Motion) -> usize {
    let before = text.get(..caret).unwrap_or_default();
    let after = text.get(caret..).unwrap_or_default();
    match motion {
        Motion::Left => {
            clusters(text).take_while(|c| c.start < caret).last().map_or(0, |c| c.start)
        }
        Motion::Right => clusters(text).find(|c| c.end() > caret).map_or(text.len(), |c| c.end()),
        Motion::WordLeft => word_left(before),
        Motion::WordRight => caret + word_right(after),
        Motion::LineStart => before.rfind('\n').map_or(0, |at| at + 1),
        Motion::LineEnd => caret + after.find('\n').unwrap_or(after.len()),
        Motion::TextStart => 0,
        Motion::TextEnd => text.len(),
    }
}

/// The start of the cluster that `offset` lies in; an edge stays where it is.
pub(super) fn cluster_start(text: &str, offset: usize) -> usize {
    clusters(text).find(|c| c.end() > offset).map_or(text.len(), |c| c.start)
}

/// The end of the cluster that `offset` lies in; an edge stays where it is.
pub(super) fn cluster_end(text: &str, offset: usize) -> usize {
    let start = cluster_start(text, offset);
    if start == offset {
        return offset;
    }
    clusters(text).find(|c| c.end() > offset).map_or(text.len(), |c| c.end())
}

fn word_left(before: &str) -> usize {
    let mut at = before.len();
    for (start, piece) in before.split_word_bound_indices().rev() {
        at = start;
        if is_word(piece) {
            break;
        }
    }
    at
}

fn word_right(after: &str) -> usize {
    let words = after.split_word_bound_indices();
    words
        .into_iter()
        .find(|(_, piece)| is_word(piece))
        .map_or(after.len(), |(at, word)| at + word.len())
}

fn is_word(piece: &str) -> bool {
    piece.contains(char::is_alphanumeric)
}
