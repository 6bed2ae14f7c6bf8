//! What is said in all systems alike: 100 bytes with who said it, and as their how manyeth.

/// Bytes of it.
pub(super) const BYTES: usize = 100;

const MARK: &[u8] = b"load ";
const SENDER_DIGITS: usize = 6;
const NUMBER_DIGITS: usize = 12;
const NUMBER_AT: usize = MARK.len() + SENDER_DIGITS + 1;

/// The message with this number of this sender.
pub(super) fn make(sender: usize, number: u64) -> [u8; BYTES] {
    let mut out = [b'x'; BYTES];
    out[..MARK.len()].copy_from_slice(MARK);
    write(&mut out[MARK.len()..MARK.len() + SENDER_DIGITS], sender as u64);
    out[NUMBER_AT - 1] = b' ';
    write(&mut out[NUMBER_AT..NUMBER_AT + NUMBER_DIGITS], number);
    out[NUMBER_AT + NUMBER_DIGITS] = b' ';
    out
}

/// Whether this may be one of them.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    bytes.len() == BYTES && bytes.starts_with(MARK)
}

/// Reads sender and number back; `None` when a byte is not as it was made.
pub(super) fn read(bytes: &[u8]) -> Option<(usize, u64)> {
    let sender = digits(bytes.get(MARK.len()..MARK.len() + SENDER_DIGITS)?)?;
    let number = digits(bytes.get(NUMBER_AT..NUMBER_AT + NUMBER_DIGITS)?)?;
    let sender = usize::try_from(sender).ok()?;
    (bytes == make(sender, number)).then_some((sender, number))
}

fn write(space: &mut [u8], mut number: u64) {
    for digit in space.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_and_nothing_else() {
        let made = make(731, 123_456_789_012);
        assert!(is_ours(&made));
        assert_eq!(read(&made), Some((731, 123_456_789_012)));
        for at in 0..BYTES {
            let mut other = made;
            other[at] ^= 1;
            assert_ne!(read(&other), Some((731, 123_456_789_012)), "byte {at}");
        }
        assert_eq!(read(&made[1..]), None);
    }
}
