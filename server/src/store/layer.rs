//! Laying newer rows over older ones in a scan. Pure functions, no locks.
//! A removed key hides the older row; the result has as many rows as if there were one map.

use std::cmp::Ordering;
use std::collections::btree_map::Range;

use super::overlay::Rows;
use crate::index::{Direction, Octets, Pair, Span};

/// Newer rows of a span, in scan order: all of them, or all up to the one that fills the limit.
#[derive(Default)]
pub(super) struct Layer {
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    removed: usize,
}

impl Layer {
    /// Collects from maps, of which the first is the newest, until `limit` rows with a value were seen.
    pub(super) fn collect<const MAPS: usize>(
        maps: [&Rows; MAPS],
        span: &Span,
        (direction, limit): (Direction, usize),
    ) -> Self {
        let mut layer = Self::default();
        if span.is_empty() || maps.iter().all(|map| map.is_empty()) {
            return layer;
        }
        let mut walks = maps.map(|map| Walk::begin(map, span, direction));
        while layer.rows.len() - layer.removed < limit {
            let Some((key, value)) = next(&mut walks, direction) else { break };
            layer.removed += usize::from(value.is_none());
            layer.rows.push((key.to_vec(), value.as_deref().map(<[u8]>::to_vec)));
        }
        layer
    }

    /// How many older rows are needed so that `limit` rows come out.
    pub(super) fn older_limit(&self, limit: usize) -> usize {
        limit.saturating_add(self.removed)
    }

    /// Lays this over `older`, which is in the same order.
    pub(super) fn over(self, older: Vec<Pair>, direction: Direction, limit: usize) -> Vec<Pair> {
        if self.rows.is_empty() {
            return older.into_iter().take(limit).collect();
        }
        let mut newer = self.rows.into_iter().peekable();
        let mut older = older.into_iter().peekable();
        let mut out = Vec::new();
        while out.len() < limit {
            let order = match (newer.peek(), older.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) if direction == Direction::Forward => a.cmp(b),
                (Some((a, _)), Some((b, _))) => b.cmp(a),
            };
            if order != Ordering::Less {
                let row = older.next();
                if order == Ordering::Greater {
                    out.extend(row);
                    continue;
                }
            }
            out.extend(newer.next().and_then(|(key, value)| Some((key, value?))));
        }
        out
    }
}

type Row<'a> = (&'a Octets, &'a Option<Octets>);

/// The rows of a map in a span, one after the other.
struct Walk<'a> {
    rows: Range<'a, Octets, Option<Octets>>,
    direction: Direction,
    /// The one that comes next.
    at: Option<Row<'a>>,
}

impl<'a> Walk<'a> {
    fn begin(map: &'a Rows, span: &Span, direction: Direction) -> Self {
        let mut walk = Self { rows: map.range::<[u8], _>(span.bounds()), direction, at: None };
        walk.step();
        walk
    }

    /// The row that came next; the one behind it comes next from now on.
    fn step(&mut self) -> Option<Row<'a>> {
        let next = match self.direction {
            Direction::Forward => self.rows.next(),
            Direction::Backward => self.rows.next_back(),
        };
        std::mem::replace(&mut self.at, next)
    }
}

/// The next row of all walks; where several have its key, that of the first of them.
fn next<'a>(walks: &mut [Walk<'a>], direction: Direction) -> Option<Row<'a>> {
    let keys = walks.iter().filter_map(|walk| walk.at.map(|(key, _)| key));
    let key = match direction {
        Direction::Forward => keys.min(),
        Direction::Backward => keys.max(),
    }?;
    let mut found = None;
    for walk in walks {
        if walk.at.is_some_and(|(at, _)| at == key) {
            let row = walk.step();
            found = found.or(row);
        }
    }
    found
}
