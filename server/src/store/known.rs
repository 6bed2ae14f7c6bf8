//! Rows of the index that decisions look at again and again: who may speak where, first of all.
//! Owned by the writer, which forgets a row here before it changes it.
//! Must hold: a row in here is what the index has, or what the overlay had when it came in.

use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes of keys and values that are kept; then all is forgotten, and what is needed comes back.
const KNOWN_BYTES_MAX: usize = 1 << 20;
/// A value of more bytes is not kept.
const KNOWN_VALUE_BYTES_MAX: usize = 512;

#[derive(Default)]
pub(super) struct Known {
    rows: RefCell<Rows>,
}

#[derive(Default)]
struct Rows {
    map: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl Known {
    pub(super) fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.borrow().map.get(key).cloned()
    }

    /// Keeps what was found. What was not found is not kept: nonces are looked for once.
    pub(super) fn keep(&self, key: &[u8], value: &[u8]) {
        if value.len() > KNOWN_VALUE_BYTES_MAX {
            return;
        }
        let mut rows = self.rows.borrow_mut();
        if rows.bytes + key.len() + value.len() > KNOWN_BYTES_MAX {
            *rows = Rows::default();
        }
        rows.forget(key);
        rows.bytes += key.len() + value.len();
        rows.map.insert(key.to_vec(), value.to_vec());
    }

    pub(super) fn forget(&mut self, key: &[u8]) {
        self.rows.get_mut().forget(key);
    }
}

impl Rows {
    fn forget(&mut self, key: &[u8]) {
        if let Some((key, value)) = self.map.remove_entry(key) {
            self.bytes -= key.len() + value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_in_bytes_and_counts_them_right() {
        let mut known = Known::default();
        let value = [7; KNOWN_VALUE_BYTES_MAX];
        for number in 0..10_000u32 {
            known.keep(&number.to_be_bytes(), &value);
            let rows = known.rows.get_mut();
            assert!(rows.bytes <= KNOWN_BYTES_MAX);
            assert_eq!(rows.bytes, rows.map.len() * (4 + value.len()));
        }
        assert_eq!(known.read(&9_999u32.to_be_bytes()).as_deref(), Some(&value[..]));
        assert_eq!(known.read(&0u32.to_be_bytes()), None, "forgotten when it was full");
        known.keep(b"long", &[7; KNOWN_VALUE_BYTES_MAX + 1]);
        assert_eq!(known.read(b"long"), None);
        known.forget(&9_999u32.to_be_bytes());
        assert_eq!(known.read(&9_999u32.to_be_bytes()), None);
    }
}
