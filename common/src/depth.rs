//! Walks one MessagePack value without building it: the check that stands before serde, so that
//! depth, counts and lengths are bounded before anything is allocated.

use std::collections::HashSet;

use crate::{
    codec::DecodeError,
    limits::{DEPTH_MAX, ENTRIES_MAX},
};

/// Where numbers end: every one on the wire is below, so that sums of two of them still fit, and
/// readers whose only number is a double lose nothing.
const NUMBERS_END: u64 = 1 << 53;

/// Length of the MessagePack value that `bytes` begins with.
///
/// # Errors
/// When the value is cut off, nested deeper than [`DEPTH_MAX`], has a container of more than
/// [`ENTRIES_MAX`] entries, a repeated map key, text that is not UTF-8, or a number that is
/// negative, not whole, or not below 2^53.
pub(crate) fn value_len(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut walk = Walk { bytes, at: 0 };
    walk.value(0)?;
    Ok(walk.at)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let marker = self.number(1)?;
        match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 => Ok(()),
            0x80..=0x8f => self.map(marker & 0x0f, depth),
            0x90..=0x9f => self.array(marker & 0x0f, depth),
            0xa0..=0xbf => self.text(marker & 0x1f),
            0xc4..=0xc6 => self.sized(marker - 0xc4, 0),
            0xc7..=0xc9 => self.sized(marker - 0xc7, 1),
            0xcc..=0xcf => self.whole(1 << (marker - 0xcc), NUMBERS_END),
            // A sign is taken as long as it is not used.
            0xd0..=0xd3 => {
                let width = 1 << (marker - 0xd0);
                self.whole(width, NUMBERS_END.min(1 << (8 * width - 1)))
            }
            0xca | 0xcb | 0xe0..=0xff => Err(DecodeError::Shape),
            0xd4..=0xd8 => self.skip(1 + (1 << (marker - 0xd4))),
            0xd9..=0xdb => {
                let len = self.number(1 << (marker - 0xd9))?;
                self.text(len)
            }
            0xdc | 0xdd => {
                let count = self.number(2 << (marker - 0xdc))?;
                self.array(count, depth)
            }
            0xde | 0xdf => {
                let count = self.number(2 << (marker - 0xde))?;
                self.map(count, depth)
            }
            _ => Err(DecodeError::Malformed),
        }
    }

    fn array(&mut self, count: u64, depth: usize) -> Result<(), DecodeError> {
        check_count(count)?;
        (0..count).try_for_each(|_| self.value(depth + 1))
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<(), DecodeError> {
        check_count(count)?;
        let mut keys = Keys::default();
        for _ in 0..count {
            let from = self.at;
            self.value(depth + 1)?;
            if !keys.add(&self.bytes[from..self.at]) {
                return Err(DecodeError::RepeatedKey);
            }
            self.value(depth + 1)?;
        }
        Ok(())
    }

    fn text(&mut self, len: u64) -> Result<(), DecodeError> {
        let from = self.at;
        self.skip(len)?;
        std::str::from_utf8(&self.bytes[from..self.at]).map_err(|_| DecodeError::Malformed)?;
        Ok(())
    }

    /// A run of bytes behind a length of 1, 2 or 4 bytes, and `extra` more.
    fn sized(&mut self, power: u64, extra: u64) -> Result<(), DecodeError> {
        let len = self.number(1 << power)?;
        self.skip(len + extra)
    }

    /// A number of `width` bytes that has to be below `end`.
    fn whole(&mut self, width: usize, end: u64) -> Result<(), DecodeError> {
        if self.number(width)? < end { Ok(()) } else { Err(DecodeError::Shape) }
    }

    fn number(&mut self, width: usize) -> Result<u64, DecodeError> {
        let from = self.at;
        self.skip(width as u64)?;
        Ok(self.bytes[from..self.at].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn skip(&mut self, len: u64) -> Result<(), DecodeError> {
        let left = self.bytes.len() - self.at;
        match usize::try_from(len) {
            Ok(len) if len <= left => {
                self.at += len;
                Ok(())
            }
            _ => Err(DecodeError::Truncated),
        }
    }
}

fn check_count(count: u64) -> Result<(), DecodeError> {
    if count > ENTRIES_MAX as u64 { Err(DecodeError::TooMany) } else { Ok(()) }
}

/// Keys of a map that are looked for one by one.
const FEW: usize = 16;

/// The keys of one map. Bodies have a handful, for which a scan beats hashing and no memory is taken.
#[derive(Default)]
struct Keys<'a> {
    few: [&'a [u8]; FEW],
    len: usize,
    many: HashSet<&'a [u8]>,
}

impl<'a> Keys<'a> {
    fn add(&mut self, key: &'a [u8]) -> bool {
        if self.len < FEW {
            let new = !self.few[..self.len].contains(&key);
            self.few[self.len] = key;
            self.len += 1;
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few);
        }
        self.many.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], want: Result<usize, DecodeError>) {
        assert_eq!(value_len(bytes), want, "{bytes:02x?}");
    }

    #[test]
    fn values_are_measured() {
        check(&[0xc0, 0xff], Ok(1));
        check(&[0x82, 0xa1, b'a', 1, 0xa1, b'b', 0x91, 0xcd, 1, 2], Ok(10));
        check(&[0xd8; 18], Ok(18));
        check(&[0xc4, 2, 9, 9, 9], Ok(4));
        check(&[0xc7, 1, 5, 9], Ok(4));
    }

    #[test]
    fn lies_are_refused() {
        check(&[], Err(DecodeError::Truncated));
        check(&[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'], Err(DecodeError::Truncated));
        check(&[0xdd, 0xff, 0xff, 0xff, 0xff], Err(DecodeError::TooMany));
        check(&[0xa1, 0xff], Err(DecodeError::Malformed));
        check(&[0xc1], Err(DecodeError::Malformed));
        check(&[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2], Err(DecodeError::RepeatedKey));
        check(&[0x91; 4000], Err(DecodeError::TooDeep));
    }

    #[test]
    fn numbers_are_whole_positive_and_below_their_end() {
        for good in [
            &[0x7f][..],
            &[0xcc, 0xff],
            &[0xcd, 0xff, 0xff],
            &[0xce, 0xff, 0xff, 0xff, 0xff],
            &[0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xd0, 0x7f],
            &[0xd1, 0x7f, 0xff],
            &[0xd2, 0x7f, 0xff, 0xff, 0xff],
            &[0xd3, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            check(good, Ok(good.len()));
        }
        for bad in [
            &[0xe0][..],
            &[0xff],
            &[0xd0, 0x80],
            &[0xd1, 0xff, 0xff],
            &[0xd2, 0x80, 0, 0, 0],
            &[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xd3, 0, 0x20, 0, 0, 0, 0, 0, 0],
            &[0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0],
            &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xca, 0, 0, 0, 0],
            &[0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            check(bad, Err(DecodeError::Shape));
            let within = [&[0x81, 0xa1, b'n'], bad].concat();
            check(&within, Err(DecodeError::Shape));
        }
        check(&[0xcf, 0, 0x20], Err(DecodeError::Truncated));
    }

    #[test]
    fn a_repeated_key_is_found_among_many() {
        let mut bytes = vec![0xde, 0, 40];
        for key in (0..39).chain([3]) {
            bytes.extend([key, 0xc0]);
        }
        check(&bytes, Err(DecodeError::RepeatedKey));
    }
}
