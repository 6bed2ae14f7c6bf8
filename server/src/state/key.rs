//! Where the index keeps what. One tree; the first byte says which table, numbers are big-endian so
//! that scans come in their order.

use liao_common::id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId};

use crate::index::Octets;

/// The table of nonces: a row for each post, and far more of them than of any other.
pub const POSTS: u8 = b'x';

/// Account by number.
#[must_use]
pub fn account(user: UserId) -> Octets {
    key(b'u', &[&user.0.to_be_bytes()])
}

/// Number of the account with this user id: the claim on a name.
#[must_use]
pub fn account_name(id: &str) -> Octets {
    key(b'a', &[id.as_bytes()])
}

/// Device by number, below its owner.
#[must_use]
pub fn device(user: UserId, dev: DeviceId) -> Octets {
    key(b'd', &[&user.0.to_be_bytes(), &dev.0.to_be_bytes()])
}

/// All devices of a person.
#[must_use]
pub fn devices(user: UserId) -> Octets {
    key(b'd', &[&user.0.to_be_bytes()])
}

/// The device with this token.
#[must_use]
pub fn token(hash: &Hash) -> Octets {
    key(b't', &[&hash.0])
}

/// Room by number.
#[must_use]
pub fn room(room: RoomId) -> Octets {
    key(b'r', &[&room.0.to_be_bytes()])
}

/// Number of the room with this name: the claim on it.
#[must_use]
pub fn room_name(name: &str) -> Octets {
    key(b'n', &[name.as_bytes()])
}

/// Public rooms whose names begin so, in order of names.
#[must_use]
pub fn public_room(name: &str) -> Octets {
    key(b'l', &[name.as_bytes()])
}

/// Last message of a room.
#[must_use]
pub fn head(room: RoomId) -> Octets {
    key(b'h', &[&room.0.to_be_bytes()])
}

/// The last message of a room that is not kept any longer.
#[must_use]
pub fn floor(room: RoomId) -> Octets {
    key(b'F', &[&room.0.to_be_bytes()])
}

/// Messages of a room whose places share a row.
pub const PLACES_PER_ROW: u64 = 16;

/// Where it stands where a message lies: the row, and the how manieth place in it.
#[must_use]
pub fn place(room: RoomId, seq: Seq) -> (Octets, usize) {
    // The remainder is below the number of places.
    let slot = usize::try_from(seq.0 % PLACES_PER_ROW).unwrap_or(0);
    (places(room, seq.0 / PLACES_PER_ROW), slot)
}

/// The places of the messages of a room from seq `row` × [`PLACES_PER_ROW`] on.
#[must_use]
pub fn places(room: RoomId, row: u64) -> Octets {
    key(b'm', &[&room.0.to_be_bytes(), &row.to_be_bytes()])
}

/// An edit of a message, below what it edits.
#[must_use]
pub fn edit(room: RoomId, of: Seq, seq: Seq) -> Octets {
    key(b'e', &[&room.0.to_be_bytes(), &of.0.to_be_bytes(), &seq.0.to_be_bytes()])
}

/// All edits of a message.
#[must_use]
pub fn edits(room: RoomId, of: Seq) -> Octets {
    key(b'e', &[&room.0.to_be_bytes(), &of.0.to_be_bytes()])
}

/// What a person is in a room.
#[must_use]
pub fn membership(user: UserId, room: RoomId) -> Octets {
    key(b'M', &[&user.0.to_be_bytes(), &room.0.to_be_bytes()])
}

/// All rooms of a person.
#[must_use]
pub fn memberships(user: UserId) -> Octets {
    key(b'M', &[&user.0.to_be_bytes()])
}

/// A member of a room.
#[must_use]
pub fn member(room: RoomId, user: UserId) -> Octets {
    key(b'N', &[&room.0.to_be_bytes(), &user.0.to_be_bytes()])
}

/// All members of a room.
#[must_use]
pub fn members(room: RoomId) -> Octets {
    key(b'N', &[&room.0.to_be_bytes()])
}

/// Classes of a room's members in [`ranked`]. Their order decides whose the room is next.
pub const OWNER: u8 = 0;
/// See [`OWNER`].
pub const MODERATOR: u8 = 1;
/// See [`OWNER`].
pub const MEMBER: u8 = 2;

/// A member of a room by class, and in each class by the message with which they came in.
#[must_use]
pub fn ranked(room: RoomId, class: u8, joined: Seq, user: UserId) -> Octets {
    key(b'o', &[&room.0.to_be_bytes(), &[class], &joined.0.to_be_bytes(), &user.0.to_be_bytes()])
}

/// All members of a class.
#[must_use]
pub fn class(room: RoomId, class: u8) -> Octets {
    key(b'o', &[&room.0.to_be_bytes(), &[class]])
}

/// Somebody who may not enter a room.
#[must_use]
pub fn ban(room: RoomId, user: UserId) -> Octets {
    key(b'B', &[&room.0.to_be_bytes(), &user.0.to_be_bytes()])
}

/// All who may not enter a room.
#[must_use]
pub fn bans(room: RoomId) -> Octets {
    key(b'B', &[&room.0.to_be_bytes()])
}

/// How many members a room has.
#[must_use]
pub fn member_count(room: RoomId) -> Octets {
    key(b'c', &[&room.0.to_be_bytes()])
}

/// How far a person has read in a room.
#[must_use]
pub fn mark(user: UserId, room: RoomId) -> Octets {
    key(b'k', &[&user.0.to_be_bytes(), &room.0.to_be_bytes()])
}

/// The post that this nonce became. Short, as is what stands there: there is one for each message,
/// and sled keeps 22 bytes in place but more in memory of their own.
#[must_use]
pub fn post(user: UserId, cid: &Nonce) -> Octets {
    let mut out = posts(user);
    out.extend(&cid.0);
    out
}

/// All posts of a person, by nonce.
#[must_use]
pub fn posts(user: UserId) -> Octets {
    let mut out = Octets::from([POSTS]);
    push_short(&mut out, user.0);
    out
}

/// Appends a number in seven bits a byte, the lowest first; all but the last have the high bit set.
pub fn push_short(out: &mut Octets, mut number: u64) {
    while number >= 0x80 {
        out.extend(&[(number & 0x7f) as u8 | 0x80]);
        number >>= 7;
    }
    out.extend(&[number as u8]);
}

/// Takes such a number from the front; `None` when there is none.
pub fn take_short(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The direct room of two people, whoever asks.
#[must_use]
pub fn direct(one: UserId, other: UserId) -> Octets {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    key(b'p', &[&low.0.to_be_bytes(), &high.0.to_be_bytes()])
}

/// File by number.
#[must_use]
pub fn file(file: FileId) -> Octets {
    key(b'f', &[&file.0.to_be_bytes()])
}

/// A message that offers a file and is not taken back, below the file.
#[must_use]
pub fn offer(file: FileId, seq: Seq) -> Octets {
    key(b's', &[&file.0.to_be_bytes(), &seq.0.to_be_bytes()])
}

/// All messages that offer a file.
#[must_use]
pub fn offers(file: FileId) -> Octets {
    key(b's', &[&file.0.to_be_bytes()])
}

/// A file with this content, below its owner.
#[must_use]
pub fn content(b3: &Hash, user: UserId, file: FileId) -> Octets {
    key(b'b', &[&b3.0, &user.0.to_be_bytes(), &file.0.to_be_bytes()])
}

/// The files of a person with this content.
#[must_use]
pub fn contents_of(b3: &Hash, user: UserId) -> Octets {
    key(b'b', &[&b3.0, &user.0.to_be_bytes()])
}

/// All files with this content.
#[must_use]
pub fn contents(b3: &Hash) -> Octets {
    key(b'b', &[&b3.0])
}

/// A content that some file had which is gone, and that no file was stored with since.
#[must_use]
pub fn content_gone(b3: &Hash) -> Octets {
    key(b'g', &[&b3.0])
}

/// A message that was taken back.
#[must_use]
pub fn redacted(room: RoomId, of: Seq) -> Octets {
    key(b'z', &[&room.0.to_be_bytes(), &of.0.to_be_bytes()])
}

/// A message that was taken back and whose words may still stand in the journal.
#[must_use]
pub fn erasing(room: RoomId, of: Seq) -> Octets {
    key(b'w', &[&room.0.to_be_bytes(), &of.0.to_be_bytes()])
}

/// Bytes of files that a person has stored.
#[must_use]
pub fn files_used(user: UserId) -> Octets {
    key(b'q', &[&user.0.to_be_bytes()])
}

/// A right to register, by the hash of its code.
#[must_use]
pub fn invite(code: &Hash) -> Octets {
    key(b'i', &[&code.0])
}

/// All rights to register whose hashes begin so.
#[must_use]
pub fn invites(start: &[u8]) -> Octets {
    key(b'i', &[start])
}

/// The last number given to a device. Other tables lose no rows: their last row tells.
#[must_use]
pub fn last_device() -> Octets {
    key(b'#', &[b"d"])
}

/// How old the server was when that was written down last.
#[must_use]
pub fn age() -> Octets {
    key(b'#', &[b"a"])
}

/// All accounts, all rooms, all files: the tables that are only added to.
pub const ACCOUNTS: &[u8] = b"u";
/// See [`ACCOUNTS`].
pub const ROOMS: &[u8] = b"r";
/// See [`ACCOUNTS`].
pub const FILES: &[u8] = b"f";
/// The last messages of all rooms.
pub const HEADS: &[u8] = b"h";
/// All that has yet to be erased.
pub const ERASING: &[u8] = b"w";
/// All contents that are gone.
pub const CONTENTS_GONE: &[u8] = b"g";

fn key(table: u8, parts: &[&[u8]]) -> Octets {
    let mut out = Octets::from([table]);
    parts.iter().for_each(|part| out.extend(part));
    out
}

/// The number in the last eight bytes of a key.
#[must_use]
pub fn last_number(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_are_read_back_and_take_little_room() {
        let mut bytes = Octets::new();
        let numbers = [0, 1, 127, 128, 5000, 1_700_000_000_000, u64::MAX];
        numbers.iter().for_each(|number| push_short(&mut bytes, *number));
        assert_eq!(bytes.len(), 1 + 1 + 1 + 2 + 2 + 6 + 10);
        let mut left = &bytes[..];
        assert!(numbers.iter().all(|number| take_short(&mut left) == Some(*number)));
        assert!(left.is_empty() && take_short(&mut left).is_none());
        assert_eq!(take_short(&mut &[0xff; 11][..]), None, "without an end");
    }

    #[test]
    fn neighbours_share_a_row_of_places() {
        let places: Vec<_> = (0..40).map(|seq| place(RoomId(7), Seq(seq))).collect();
        assert_eq!(places[15], (super::places(RoomId(7), 0), 15));
        assert_eq!(places[16], (super::places(RoomId(7), 1), 0));
        assert!(places.is_sorted(), "rows and places come in the order of seqs");
    }
}
