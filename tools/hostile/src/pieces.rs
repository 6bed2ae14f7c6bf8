//! Cuts an input into pieces: a byte that says what it is, two for a length, and so many bytes. What
//! is cut off at the end is the last piece. Pure.

/// Pieces of one input; more only take time.
const PIECES_MAX: usize = 64;

/// One piece of an input.
pub(crate) struct Piece<'a> {
    /// What to do with it.
    pub(crate) what: u8,
    /// Its bytes.
    pub(crate) body: &'a [u8],
}

/// See the module.
pub(crate) fn pieces(mut input: &[u8]) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    while let [what, high, low, rest @ ..] = input
        && found.len() < PIECES_MAX
    {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (body, left) = rest.split_at(len);
        found.push(Piece { what: *what, body });
        input = left;
    }
    found
}

/// The first byte, and what follows; 0 when there is none.
pub(crate) fn first(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, input), |(first, rest)| (*first, rest))
}

/// One of a list, by a byte.
pub(crate) fn pick<T: Copy>(list: &[T], by: u8) -> Option<T> {
    list.get(usize::from(by).checked_rem(list.len())?).copied()
}
