//! A key or a value of a row. Owns its bytes.
//! Short ones stand in place: nearly all rows are short, and they are made on one thread and dropped on
//! another, where giving memory back is dear.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

/// Bytes that stand in place: what stands behind a nonce, and its key, are shorter.
const IN_PLACE_MAX: usize = 30;

/// Some bytes, compared and hashed as such.
#[derive(Clone)]
pub struct Octets(Form);

#[derive(Clone)]
enum Form {
    InPlace { len: u8, bytes: [u8; IN_PLACE_MAX] },
    Heap(Vec<u8>),
}

impl Octets {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Form::InPlace { len: 0, bytes: [0; IN_PLACE_MAX] })
    }

    /// Appends `more`.
    pub fn extend(&mut self, more: &[u8]) {
        match &mut self.0 {
            Form::InPlace { len, bytes } => {
                let from = usize::from(*len);
                if let Some(place) = bytes.get_mut(from..from + more.len()) {
                    place.copy_from_slice(more);
                    // At most `IN_PLACE_MAX`.
                    *len += more.len() as u8;
                } else {
                    self.0 = Form::Heap([&bytes[..from], more].concat());
                }
            }
            Form::Heap(bytes) => bytes.extend_from_slice(more),
        }
    }

    /// Sets the bytes from `at` on; fewer bytes than that grow, with zeros in between.
    pub fn set(&mut self, at: usize, part: &[u8]) {
        let end = at + part.len();
        if self.len() < end {
            let mut longer = match std::mem::take(self).0 {
                Form::Heap(bytes) => bytes,
                Form::InPlace { len, bytes } => bytes[..usize::from(len)].to_vec(),
            };
            longer.resize(end, 0);
            self.0 = Form::Heap(longer);
        }
        match &mut self.0 {
            Form::InPlace { bytes, .. } => bytes[at..end].copy_from_slice(part),
            Form::Heap(bytes) => bytes[at..end].copy_from_slice(part),
        }
    }
}

impl Default for Octets {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::InPlace { len, bytes } => &bytes[..usize::from(*len)],
            Form::Heap(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Octets {
    fn from(bytes: &[u8]) -> Self {
        let mut octets = Self::new();
        octets.extend(bytes);
        octets
    }
}

impl<const N: usize> From<[u8; N]> for Octets {
    fn from(bytes: [u8; N]) -> Self {
        Self::from(&bytes[..])
    }
}

impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() > IN_PLACE_MAX { Self(Form::Heap(bytes)) } else { Self::from(&bytes[..]) }
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Octets {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Octets {}

impl PartialOrd for Octets {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Octets {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Octets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn they_are_the_same_bytes_in_place_and_elsewhere() {
        let bytes: Vec<u8> = (0..=100).collect();
        for split in 0..=100 {
            for end in split..=100 {
                let mut octets = Octets::from(&bytes[..split]);
                octets.extend(&bytes[split..end]);
                assert_eq!(*octets, bytes[..end]);
                assert_eq!(octets, Octets::from(bytes[..end].to_vec()));
                assert_eq!(octets.is_empty(), end == 0);
            }
        }
    }

    #[test]
    fn parts_are_set_wherever_they_are() {
        for at in 0..60 {
            for before in 0..60usize {
                let mut octets = Octets::from(vec![7; before]);
                octets.set(at, b"abc");
                let mut wanted = vec![7; before];
                wanted.resize(before.max(at + 3), 0);
                wanted[at..at + 3].copy_from_slice(b"abc");
                assert_eq!(*octets, wanted[..], "{at} in {before}");
            }
        }
    }

    #[test]
    fn a_map_finds_them_by_their_bytes_and_in_their_order() {
        let keys = ["b", "a long one, which does not stand in place any more", "", "c"];
        let map: BTreeMap<Octets, usize> =
            keys.iter().enumerate().map(|(at, key)| (Octets::from(*key), at)).collect();
        assert!(keys.iter().enumerate().all(|(at, key)| map.get(key.as_bytes()) == Some(&at)));
        let order: Vec<usize> = map.into_values().collect();
        assert_eq!(order, [2, 1, 0, 3]);
        assert!(size_of::<Option<Octets>>() <= 32);
    }
}
