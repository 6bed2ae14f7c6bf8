//! What a record changes in the index, before it is known what stood there. Pure.
//! A change made twice, or made again by records that are projected again, gives the same row.

use super::overlay::{ROW_BYTES, Rows, lay};
use crate::index::{Octets, VALUE_BYTES_MAX, Write};

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets or removes the row.
    Row(Write),
    /// Sets some bytes of the row's value: small facts that are neighbours share a row, since what
    /// an index costs goes by rows. A shorter value grows, with zeros where nothing was set.
    Part {
        /// The row.
        key: Octets,
        /// Where in the value, in bytes.
        at: usize,
        /// What stands there from now on.
        bytes: Octets,
    },
}

impl From<Write> for Change {
    fn from(write: Write) -> Self {
        Self::Row(write)
    }
}

impl Change {
    /// True when the row is within the limits after this change, whatever it was before.
    pub(super) fn allowed(&self) -> bool {
        match self {
            Self::Row(write) => write.allowed(),
            Self::Part { key, at, bytes } => {
                let fits = at.checked_add(bytes.len()).is_some_and(|end| end <= VALUE_BYTES_MAX);
                fits && Write::is_key(key)
            }
        }
    }

    /// The row that is changed.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Row(write) => &write.key,
            Self::Part { key, .. } => key,
        }
    }

    /// Changes the row among `rows`, which have the value before this change if it matters. The change
    /// must be allowed. Gives how many bytes of memory came to them, about.
    pub(super) fn lay_onto(self, rows: &mut Rows) -> isize {
        match self {
            Self::Row(Write { key, value }) => lay(rows, key, value),
            Self::Part { key, at, bytes } => {
                let new = rows.get(&*key).map_or(ROW_BYTES + key.len(), |_| 0);
                let value = rows.entry(key).or_default().get_or_insert_default();
                let before = value.len();
                value.set(at, &bytes);
                // At most `VALUE_BYTES_MAX` each.
                (new + value.len() - before) as isize
            }
        }
    }

    /// True when the value before matters.
    pub(super) const fn is_part(&self) -> bool {
        matches!(self, Self::Part { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fill_a_row_in_any_order_and_twice_is_once() {
        let part = |at, bytes: &[u8]| Change::Part { key: "k".into(), at, bytes: bytes.into() };
        let mut rows = Rows::new();
        for change in [part(4, b"cd"), part(0, b"ab"), part(4, b"cd"), part(0, b"ab")] {
            assert!(change.allowed());
            change.lay_onto(&mut rows);
        }
        assert_eq!(rows[&b"k"[..]].as_deref(), Some(&b"ab\0\0cd"[..]));
        assert!(part(VALUE_BYTES_MAX - 1, b"x").allowed());
        assert!(!part(VALUE_BYTES_MAX, b"x").allowed() && !part(usize::MAX, b"x").allowed());
        Change::from(Write::remove("k")).lay_onto(&mut rows);
        assert_eq!(rows[&b"k"[..]], None);
    }
}
