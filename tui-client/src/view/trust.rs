//! The question whether a server is the right one, asked before any password can be typed. Pure.
//! A changed key is never a question: it stops.

use liao_client_core::address::Address;
use liao_common::id::Pin;

/// How far the question has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustState {
    /// The server is being asked for its key.
    Probing,
    /// It showed this key, which is new here.
    New(Pin),
    /// It shows another key than the known one.
    Changed(Pin),
    /// It shows this key, and the link that leads to it names another one.
    LinkMismatch(Pin),
    /// The link names this key, and another one is known. The server was not asked.
    LinkUnlikeKnown(Pin),
    /// It could not be asked, and why, as a sentence.
    Failed(String),
}

/// The question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustView {
    /// Which server.
    pub address: Address,
    /// How far it has come.
    pub state: TrustState,
}

/// The fingerprint in groups of four digits, `rows` of them in a line.
#[must_use]
pub fn fingerprint(pin: &Pin, groups_per_row: usize) -> Vec<String> {
    let digits = pin.to_string();
    let groups: Vec<&str> =
        (0..digits.len()).step_by(4).filter_map(|at| digits.get(at..at + 4)).collect();
    groups.chunks(groups_per_row.max(1)).map(|row| row.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_grouped() {
        let rows = fingerprint(&Pin([0xab; 32]), 8);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], ["abab"; 8].join(" "));
    }
}
