//! Laying newer rows over older ones in a scan. Pure functions, no locks.
//! A removed key hides the older row; the result has as many rows as if there were one map.

use std::cmp::Ordering;
use std::collections::btree_map::Range;

use super::overlay::Rows;
use crate::index::{Direction, Octets, Pair, Span};

/// Removed keys of a span that are gone through before older rows are asked for. There may be as many as
/// the newer rows hold, and the older row that is sought in front of them all.
const REMOVED_AT_FIRST: usize = 32;

/// How much of a layer is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    direction: Direction,
    /// Rows with a value.
    rows: usize,
    /// Removed keys.
    removed: usize,
}

/// At most `limit` rows of `span`, where `newer` ones hide or stand between those that `older` gives. It
/// goes piece by piece, so that few removed keys are gone through beyond the last row that is found.
pub(super) fn scan<E>(
    span: &Span,
    (direction, limit): (Direction, usize),
    newer: impl Fn(&Span, Wanted) -> Layer,
    older: impl Fn(&Span, usize) -> Result<Vec<Pair>, E>,
) -> Result<Vec<Pair>, E> {
    let mut found = Vec::new();
    let mut wanted = Wanted { direction, rows: limit, removed: REMOVED_AT_FIRST };
    let mut spare = 0;
    let mut rest = span.clone();
    loop {
        let mut layer = newer(&rest, wanted);
        let piece = match &layer.end {
            Some(end) => rest.clone().up_to(end, direction),
            None => rest.clone(),
        };
        let asked = wanted.rows.saturating_add(spare);
        let below = older(&piece, asked)?;
        if let Some((last, _)) = below.last().filter(|_| below.len() >= asked) {
            // What older rows there are behind it is not known yet.
            layer.cut_behind(last, direction);
        }
        let end = layer.end.take();
        layer.over(below, direction, limit, &mut found);
        let Some(end) = end.filter(|_| found.len() < limit) else { return Ok(found) };
        rest = rest.behind(&end, direction);
        wanted.rows = limit - found.len();
        spare = wanted.removed;
        wanted.removed *= 2;
    }
}

/// How keys follow each other in a scan.
fn order(a: &[u8], b: &[u8], direction: Direction) -> Ordering {
    match direction {
        Direction::Forward => a.cmp(b),
        Direction::Backward => b.cmp(a),
    }
}

/// Newer rows of a span, in scan order: all of them, or all up to the one that fills what is wanted.
#[derive(Default)]
pub(super) struct Layer {
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Where there may be more behind it that nobody has looked at: the last key that was.
    end: Option<Vec<u8>>,
}

impl Layer {
    /// Collects from maps, of which the first is the newest.
    pub(super) fn collect<const MAPS: usize>(
        maps: [&Rows; MAPS],
        span: &Span,
        wanted: Wanted,
    ) -> Self {
        let mut layer = Self::default();
        if span.is_empty() || maps.iter().all(|map| map.is_empty()) {
            return layer;
        }
        let mut walks = maps.map(|map| Walk::begin(map, span, wanted.direction));
        let mut removed = 0;
        while layer.rows.len() - removed < wanted.rows {
            let Some((key, value)) = next(&mut walks, wanted.direction) else { break };
            layer.rows.push((key.to_vec(), value.as_deref().map(<[u8]>::to_vec)));
            removed += usize::from(value.is_none());
            if removed >= wanted.removed {
                layer.end = Some(key.to_vec());
                break;
            }
        }
        layer
    }

    /// Lets go what comes behind this key.
    fn cut_behind(&mut self, end: &[u8], direction: Direction) {
        let there = |key: &[u8]| order(key, end, direction) != Ordering::Greater;
        self.rows.truncate(self.rows.partition_point(|(key, _)| there(key)));
        self.end = Some(end.to_vec());
    }

    /// Lays this over `older`, which is in the same order, into `out`, until `limit` rows are there.
    fn over(self, older: Vec<Pair>, direction: Direction, limit: usize, out: &mut Vec<Pair>) {
        let mut newer = self.rows.into_iter().peekable();
        let mut older = older.into_iter().peekable();
        while out.len() < limit {
            let next = match (newer.peek(), older.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => order(a, b, direction),
            };
            if next != Ordering::Less {
                let row = older.next();
                if next == Ordering::Greater {
                    out.extend(row);
                    continue;
                }
            }
            out.extend(newer.next().and_then(|(key, value)| Some((key, value?))));
        }
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

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::convert::Infallible;

    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::index::Octets;

    /// Scans two maps, of which the second is the older one. Gives how many newer rows were looked at, too.
    fn scan_maps(
        newer: &Rows,
        older: &Rows,
        span: &Span,
        order: (Direction, usize),
    ) -> (Vec<Pair>, usize) {
        scan_moving(newer, older, span, order, usize::MAX)
    }

    /// The same, where all newer rows move to the older ones after so many looks.
    fn scan_moving(
        newer: &Rows,
        older: &Rows,
        span: &Span,
        (direction, limit): (Direction, usize),
        looks: usize,
    ) -> (Vec<Pair>, usize) {
        let maps = RefCell::new((newer.clone(), older.clone()));
        let (looks, looked_at) = (Cell::new(looks), Cell::new(0));
        let look = || {
            looks.set(looks.get().wrapping_sub(1));
            let (newer, older) = &mut *maps.borrow_mut();
            if looks.get() == 0 {
                older.append(newer);
                older.retain(|_, value| value.is_some());
            }
        };
        let newer = |span: &Span, wanted: Wanted| {
            look();
            let layer = Layer::collect([&maps.borrow().0], span, wanted);
            looked_at.set(looked_at.get() + layer.rows.len());
            layer
        };
        let older = |span: &Span, limit: usize| -> Result<_, Infallible> {
            look();
            let wanted = Wanted { direction, rows: limit, removed: usize::MAX };
            let layer = Layer::collect([&maps.borrow().1], span, wanted);
            let mut rows = Vec::new();
            layer.over(Vec::new(), direction, limit, &mut rows);
            Ok(rows)
        };
        let Ok(found) = scan(span, (direction, limit), newer, older);
        (found, looked_at.get())
    }

    fn key(number: u16) -> Octets {
        number.to_be_bytes().into()
    }

    #[test]
    fn a_row_in_front_of_many_removed_keys_is_found_at_once() {
        let older: Rows = [9, 10, 11].map(|number| (key(number), Some(key(number)))).into();
        let newer: Rows = (10..10_000).map(|number| (key(number), None)).collect();
        let newest: Rows = (10_000..10_100).map(|number| (key(number), None)).collect();
        let nine = [(vec![0, 9], vec![0, 9])];
        let (found, looked_at) = scan_maps(&newer, &older, &Span::all(), (Direction::Forward, 1));
        assert_eq!(found, nine);
        assert!(looked_at <= REMOVED_AT_FIRST, "{looked_at}");
        let (found, _) = scan_maps(&newer, &older, &Span::all(), (Direction::Backward, 1));
        assert_eq!(found, nine, "behind all of them as well");
        let looked_at = Cell::new(0);
        let below = |span: &Span, limit| -> Result<_, Infallible> {
            let (found, more) = scan_maps(&newer, &older, span, (Direction::Forward, limit));
            looked_at.set(looked_at.get() + more);
            Ok(found)
        };
        let above = |span: &Span, wanted: Wanted| Layer::collect([&newest], span, wanted);
        assert_eq!(scan(&Span::all(), (Direction::Forward, 1), above, below), Ok(nine.to_vec()));
        let looked_at = looked_at.get();
        assert!(looked_at <= REMOVED_AT_FIRST, "below others that were removed: {looked_at}");
    }

    proptest! {
        #[test]
        fn two_maps_are_read_like_one(
            newer in btree_map(0..400_u16, prop::bool::weighted(0.1), 0..300),
            older in btree_set(0..400_u16, 0..300),
            (from, to) in (0..400_u16, 0..400_u16),
            forward: bool,
            limit in prop_oneof![0..6_usize, 0..400_usize],
            looks in 1..12_usize,
        ) {
            let value = |number: u16, new: u8| Some([&number.to_be_bytes()[..], &[new]].concat().as_slice().into());
            let older: Rows = older.iter().map(|number| (key(*number), value(*number, 0))).collect();
            let newer: Rows = newer
                .iter()
                .map(|(number, there)| (key(*number), there.then(|| value(*number, 1)).flatten()))
                .collect();
            let span = Span::all().after(&key(from)).before(&key(to));
            let mut one = older.clone();
            one.extend(newer.clone());
            let mut expected: Vec<Pair> = one
                .iter()
                .filter(|(at, _)| **at > key(from) && **at < key(to))
                .filter_map(|(at, value)| Some((at.to_vec(), value.as_deref()?.to_vec())))
                .collect();
            let direction = if forward { Direction::Forward } else { Direction::Backward };
            if !forward {
                expected.reverse();
            }
            expected.truncate(limit);
            let order = (direction, limit);
            prop_assert_eq!(&scan_maps(&newer, &older, &span, order).0, &expected);
            // And so they are while the index takes over what the overlay had.
            prop_assert_eq!(scan_moving(&newer, &older, &span, order, looks).0, expected);
        }
    }
}
