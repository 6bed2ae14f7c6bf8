//! Laying newer rows over older ones in a scan. Pure functions, no locks.
//! A removed key hides the older row; the result has as many rows as if there were one map.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::index::{Direction, Octets, Pair, Span};

/// Newer rows of a span, in scan order: all of them, or all up to the one that fills the limit.
#[derive(Default)]
pub(super) struct Layer {
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    removed: usize,
}

impl Layer {
    /// Collects from `map` until `limit` rows with a value were seen.
    pub(super) fn collect<V>(
        map: &BTreeMap<Octets, V>,
        value: impl Fn(&V) -> Option<Vec<u8>>,
        span: &Span,
        (direction, limit): (Direction, usize),
    ) -> Self {
        let mut layer = Self::default();
        if span.is_empty() || map.is_empty() {
            return layer;
        }
        let mut found = map.range::<[u8], _>(span.bounds());
        while layer.rows.len() - layer.removed < limit {
            let row = match direction {
                Direction::Forward => found.next(),
                Direction::Backward => found.next_back(),
            };
            let Some((key, entry)) = row else { break };
            let value = value(entry);
            layer.removed += usize::from(value.is_none());
            layer.rows.push((key.to_vec(), value));
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
