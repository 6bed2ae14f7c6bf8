//! Ranges of keys, as values. Pure.
//! An impossible range (its start behind its end) is an empty one, never a panic.

use std::ops::Bound;

/// Which end of a span comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the largest key down.
    Backward,
}

/// A range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub from: Bound<Vec<u8>>,
    /// Where it ends.
    pub to: Bound<Vec<u8>>,
}

impl Span {
    /// Every key.
    pub fn all() -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded }
    }

    /// The keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut next = prefix.to_vec();
        // The first key behind them all: the prefix with its last byte below 255 raised.
        while let Some(last) = next.pop() {
            if let Some(raised) = last.checked_add(1) {
                next.push(raised);
                return Self { from: Bound::Included(prefix.to_vec()), to: Bound::Excluded(next) };
            }
        }
        Self { from: Bound::Included(prefix.to_vec()), to: Bound::Unbounded }
    }

    /// The same range without what stands at `key` or before it.
    #[must_use]
    pub fn after(self, key: &[u8]) -> Self {
        Self { from: Bound::Excluded(key.to_vec()), ..self }
    }

    /// The same range without what stands at `key` or behind it.
    #[must_use]
    pub fn before(self, key: &[u8]) -> Self {
        Self { to: Bound::Excluded(key.to_vec()), ..self }
    }

    /// What comes behind `key` in a scan.
    #[must_use]
    pub fn behind(self, key: &[u8], direction: Direction) -> Self {
        match direction {
            Direction::Forward => self.after(key),
            Direction::Backward => self.before(key),
        }
    }

    /// What comes up to `key` in a scan, `key` included.
    #[must_use]
    pub fn up_to(self, key: &[u8], direction: Direction) -> Self {
        let end = Bound::Included(key.to_vec());
        match direction {
            Direction::Forward => Self { to: end, ..self },
            Direction::Backward => Self { from: end, ..self },
        }
    }

    /// True when no key can be inside.
    pub fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Excluded(from), Bound::Excluded(to))
            | (Bound::Included(from), Bound::Excluded(to))
            | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        }
    }

    /// The bounds in the form that maps take.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.from.as_ref().map(Vec::as_slice), self.to.as_ref().map(Vec::as_slice))
    }
}
