//! What a record changes in the index, before it is known what stood there. Pure.
//! A change made twice, or made again by records that are projected again, gives the same row.

use super::StoreError;
use crate::index::{VALUE_BYTES_MAX, Write};

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets or removes the row.
    Row(Write),
    /// Sets some bytes of the row's value: small facts that are neighbours share a row, since what
    /// an index costs goes by rows. A shorter value grows, with zeros where nothing was set.
    Part {
        /// The row.
        key: Vec<u8>,
        /// Where in the value, in bytes.
        at: usize,
        /// What stands there from now on.
        bytes: Vec<u8>,
    },
}

impl From<Write> for Change {
    fn from(write: Write) -> Self {
        Self::Row(write)
    }
}

impl Change {
    /// The whole row after this change; `before` reads its value as it is.
    pub(super) fn whole(
        self,
        before: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Write, StoreError> {
        match self {
            Self::Row(write) => Ok(write),
            Self::Part { key, at, bytes } => {
                let mut value = before(&key)?.unwrap_or_default();
                set_part(&mut value, at, &bytes);
                Ok(Write { key, value: Some(value) })
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
}

/// A part that would reach over the limit makes a value over the limit, which is refused as such.
fn set_part(value: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let at = at.min(VALUE_BYTES_MAX);
    let end = at + bytes.len();
    if value.len() < end {
        value.resize(end, 0);
    }
    value[at..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fill_a_row_in_any_order_and_twice_is_once() {
        let part = |at, bytes: &[u8]| Change::Part { key: b"k".into(), at, bytes: bytes.into() };
        let mut value = None;
        for change in [part(4, b"cd"), part(0, b"ab"), part(4, b"cd"), part(0, b"ab")] {
            value = change.whole(|_| Ok(value)).unwrap().value;
        }
        assert_eq!(value.as_deref(), Some(&b"ab\0\0cd"[..]));
        assert!(!part(usize::MAX, b"x").whole(|_| Ok(None)).unwrap().allowed());
        let removed = Change::from(Write::remove("k"));
        assert_eq!(removed.whole(|_| unreachable!()).unwrap(), Write::remove("k"));
    }
}
