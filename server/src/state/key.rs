//! Where the index keeps what. One tree; the first byte says which table, numbers are big-endian so
//! that scans come in their order.

use liao_common::id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId};

/// Account by number.
#[must_use]
pub fn account(user: UserId) -> Vec<u8> {
    key(b'u', &[&user.0.to_be_bytes()])
}

/// Number of the account with this user id: the claim on a name.
#[must_use]
pub fn account_name(id: &str) -> Vec<u8> {
    key(b'a', &[id.as_bytes()])
}

/// Device by number, below its owner.
#[must_use]
pub fn device(user: UserId, dev: DeviceId) -> Vec<u8> {
    key(b'd', &[&user.0.to_be_bytes(), &dev.0.to_be_bytes()])
}

/// All devices of a person.
#[must_use]
pub fn devices(user: UserId) -> Vec<u8> {
    key(b'd', &[&user.0.to_be_bytes()])
}

/// The device with this token.
#[must_use]
pub fn token(hash: &Hash) -> Vec<u8> {
    key(b't', &[&hash.0])
}

/// Room by number.
#[must_use]
pub fn room(room: RoomId) -> Vec<u8> {
    key(b'r', &[&room.0.to_be_bytes()])
}

/// Number of the room with this name: the claim on it.
#[must_use]
pub fn room_name(name: &str) -> Vec<u8> {
    key(b'n', &[name.as_bytes()])
}

/// Public rooms whose names begin so, in order of names.
#[must_use]
pub fn public_room(name: &str) -> Vec<u8> {
    key(b'l', &[name.as_bytes()])
}

/// Last message of a room.
#[must_use]
pub fn head(room: RoomId) -> Vec<u8> {
    key(b'h', &[&room.0.to_be_bytes()])
}

/// Where a message lies.
#[must_use]
pub fn message(room: RoomId, seq: Seq) -> Vec<u8> {
    key(b'm', &[&room.0.to_be_bytes(), &seq.0.to_be_bytes()])
}

/// An edit of a message, below what it edits.
#[must_use]
pub fn edit(room: RoomId, of: Seq, seq: Seq) -> Vec<u8> {
    key(b'e', &[&room.0.to_be_bytes(), &of.0.to_be_bytes(), &seq.0.to_be_bytes()])
}

/// All edits of a message.
#[must_use]
pub fn edits(room: RoomId, of: Seq) -> Vec<u8> {
    key(b'e', &[&room.0.to_be_bytes(), &of.0.to_be_bytes()])
}

/// All messages of a room.
#[must_use]
pub fn messages(room: RoomId) -> Vec<u8> {
    key(b'm', &[&room.0.to_be_bytes()])
}

/// What a person is in a room.
#[must_use]
pub fn membership(user: UserId, room: RoomId) -> Vec<u8> {
    key(b'M', &[&user.0.to_be_bytes(), &room.0.to_be_bytes()])
}

/// All rooms of a person.
#[must_use]
pub fn memberships(user: UserId) -> Vec<u8> {
    key(b'M', &[&user.0.to_be_bytes()])
}

/// A member of a room.
#[must_use]
pub fn member(room: RoomId, user: UserId) -> Vec<u8> {
    key(b'N', &[&room.0.to_be_bytes(), &user.0.to_be_bytes()])
}

/// All members of a room.
#[must_use]
pub fn members(room: RoomId) -> Vec<u8> {
    key(b'N', &[&room.0.to_be_bytes()])
}

/// How many members a room has.
#[must_use]
pub fn member_count(room: RoomId) -> Vec<u8> {
    key(b'c', &[&room.0.to_be_bytes()])
}

/// How far a person has read in a room.
#[must_use]
pub fn mark(user: UserId, room: RoomId) -> Vec<u8> {
    key(b'k', &[&user.0.to_be_bytes(), &room.0.to_be_bytes()])
}

/// The post that this nonce became.
#[must_use]
pub fn post(user: UserId, cid: &Nonce) -> Vec<u8> {
    key(b'x', &[&user.0.to_be_bytes(), &cid.0])
}

/// The direct room of two people, whoever asks.
#[must_use]
pub fn direct(one: UserId, other: UserId) -> Vec<u8> {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    key(b'p', &[&low.0.to_be_bytes(), &high.0.to_be_bytes()])
}

/// File by number.
#[must_use]
pub fn file(file: FileId) -> Vec<u8> {
    key(b'f', &[&file.0.to_be_bytes()])
}

/// Where a file was offered last, and is not taken back.
#[must_use]
pub fn file_shown(file: FileId) -> Vec<u8> {
    key(b's', &[&file.0.to_be_bytes()])
}

/// The file of this person with this content.
#[must_use]
pub fn file_content(user: UserId, b3: &Hash) -> Vec<u8> {
    key(b'b', &[&user.0.to_be_bytes(), &b3.0])
}

/// Bytes of files that a person has stored.
#[must_use]
pub fn files_used(user: UserId) -> Vec<u8> {
    key(b'q', &[&user.0.to_be_bytes()])
}

/// A right to register, by the hash of its code.
#[must_use]
pub fn invite(code: &Hash) -> Vec<u8> {
    key(b'i', &[&code.0])
}

/// The last number given to a device. Other tables lose no rows: their last row tells.
#[must_use]
pub fn last_device() -> Vec<u8> {
    key(b'#', &[b"d"])
}

/// All accounts, all rooms, all files: the tables that are only added to.
pub const ACCOUNTS: &[u8] = b"u";
/// See [`ACCOUNTS`].
pub const ROOMS: &[u8] = b"r";
/// See [`ACCOUNTS`].
pub const FILES: &[u8] = b"f";

fn key(table: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    out.push(table);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The number in the last eight bytes of a key.
#[must_use]
pub fn last_number(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
