//! From a record to what the index keeps of it. Pure: the same records give the same index on every
//! machine and at every replay. Whatever needed a decision or a look at older state was settled
//! before the record was written, and stands in it.

use liao_common::{
    event::RoomKind,
    id::{Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};

use super::{
    key,
    record::{
        self, Account, Age, Ban, BanOver, Device, DeviceGone, Erased, File, FileGone, Floor,
        Invite, Mark, Member, Room, Rows, Standing, kind,
    },
};
use crate::{
    index::{Octets, Write},
    journal::RecordRef,
    store::{Change, ProjectError},
};

/// Version of what the projection writes; an index made by another one is made anew. Rows of this
/// form stand in the journal too ([`record::Rows`]): what changes it must go on reading them.
pub const VERSION: u32 = 7;

/// Bytes of a message's place: where its record stands, and its `n`. No place is all zeros.
pub const PLACE_BYTES: usize = RecordRef::ENCODED_BYTES + 8;

/// Stands behind the place in the row of a file that is gone.
pub const FILE_IS_GONE: u8 = 1;

/// How far a floor may rise with one record: that many places are looked at.
pub const FLOOR_STEP_MAX: u64 = 4096;

/// Nonce of the messages that the server writes itself; they are never repeated.
pub const NO_NONCE: Nonce = Nonce([0; 16]);

/// The writes of one record.
///
/// # Errors
/// When the record's kind or form is not known to this version.
pub fn project(
    kind: u8,
    body: &[u8],
    at: RecordRef,
    out: &mut Vec<Change>,
) -> Result<(), ProjectError> {
    match kind {
        kind::MESSAGE => message(&record::own_message(body).ok_or_else(|| form(kind))?, at, out),
        kind::ACCOUNT => account(&read(kind, body)?, body, out),
        kind::DEVICE => device(&read(kind, body)?, body, out),
        kind::DEVICE_GONE => device_gone(&read(kind, body)?, out),
        kind::ROOM => room(&read(kind, body)?, body, out),
        kind::MEMBER => member(&read(kind, body)?, body, out),
        kind::MARK => mark(&read(kind, body)?, out),
        kind::FILE => file(&read(kind, body)?, at, out),
        kind::ERASED => erased(&read(kind, body)?, out),
        kind::FILE_GONE => file_gone(&read(kind, body)?, out),
        kind::BAN => ban(&read(kind, body)?, body, out),
        kind::BAN_OVER => ban_over(&read(kind, body)?, out),
        kind::INVITE => put(out, key::invite(&read::<Invite>(kind, body)?.code), body),
        kind::FLOOR => floor(read(kind, body)?, out)?,
        kind::KEPT => kept(&record::own_message(body).ok_or_else(|| form(kind))?, at, out),
        kind::ROWS => rows(read(kind, body)?, out)?,
        kind::AGE => read::<Age>(kind, body).map(|_| put(out, key::age(), body))?,
        _ => {
            return Err(ProjectError(format!(
                "records of kind {kind} are not known to this version"
            )));
        }
    }
    Ok(())
}

fn form(kind: u8) -> ProjectError {
    ProjectError(format!("a record of kind {kind} has an unknown form"))
}

fn read<T: serde::de::DeserializeOwned>(kind: u8, body: &[u8]) -> Result<T, ProjectError> {
    record::decode(body).ok_or_else(|| form(kind))
}

fn message(message: &Message, at: RecordRef, out: &mut Vec<Change>) {
    let head = [message.seq.0, message.n, message.at_ms].map(u64::to_be_bytes);
    put(out, key::head(message.room), head.as_flattened());

    kept(message, at, out);

    if let (Kind::Edit, Some(of)) = (&message.kind, message.body.of) {
        put(out, key::edit(message.room, of, message.seq), []);
    }
    if let (Kind::File, Some(file)) = (&message.kind, message.body.fid) {
        put(out, key::offer(file, message.seq), []);
    }
    if let (Kind::Redact, Some(of)) = (&message.kind, message.body.of) {
        put(out, key::redacted(message.room, of), []);
        put(out, key::erasing(message.room, of), []);
        message.body.fid.iter().for_each(|file| drop_key(out, key::offer(*file, of)));
    }

    if message.cid != NO_NONCE {
        if message.kind.counts() && !message.body.late {
            // Whoever speaks has read what was said before, on whichever device. Of what waited, a record of
            // its own says so.
            put_mark(out, (message.from, message.room), (message.seq, message.n));
        }
        let mut post = Octets::from(content_mark(message.room, &message.kind, &message.body));
        for number in [message.room.0, message.seq.0, message.at_ms] {
            key::push_short(&mut post, number);
        }
        put(out, key::post(message.from, &message.cid), post);
    }
}

/// Where a message stands from now on.
fn kept(message: &Message, at: RecordRef, out: &mut Vec<Change>) {
    let mut place = Octets::from(at.encode());
    place.extend(&message.n.to_be_bytes());
    let (key, slot) = key::place(message.room, message.seq);
    out.push(Change::Part { key, at: slot * PLACE_BYTES, bytes: place });
}

/// The places up to the floor are gone: whole rows, and of the last one a part.
fn floor(floor: Floor, out: &mut Vec<Change>) -> Result<(), ProjectError> {
    let Floor { room, after, seq, n } = floor;
    if seq.0.saturating_sub(after.0) > FLOOR_STEP_MAX {
        return Err(ProjectError("a floor rises further than it may at once".to_owned()));
    }
    let row = |seq: Seq| seq.0 / key::PLACES_PER_ROW;
    (row(after)..row(seq)).for_each(|row| drop_key(out, key::places(room, row)));
    let (key, slot) = key::place(room, seq);
    out.push(Change::Part { key, at: 0, bytes: vec![0; (slot + 1) * PLACE_BYTES].into() });
    let value = [seq.0, n].map(u64::to_be_bytes);
    put(out, key::floor(room), value.as_flattened());
    Ok(())
}

fn rows(rows: Rows, out: &mut Vec<Change>) -> Result<(), ProjectError> {
    let Rows { version, rows } = rows;
    if version != VERSION {
        return Err(ProjectError(format!("rows of version {version} are not known here")));
    }
    for (key, value) in rows {
        let (key, value) = (key.into_vec().into(), value.map(|value| value.into_vec().into()));
        out.push(Write { key, value }.into());
    }
    Ok(())
}

/// What a repeated nonce must agree on: room, kind and content. What is sent again may be late by then.
#[must_use]
pub fn content_mark(room: RoomId, kind: &Kind, body: &Body) -> [u8; 8] {
    if body.late {
        return content_mark(room, kind, &Body { late: false, ..body.clone() });
    }
    let hash = blake3::hash(&liao_common::codec::encode(&(room, kind, body)));
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash.as_bytes()[..8]);
    mark
}

fn account(account: &Account, body: &[u8], out: &mut Vec<Change>) {
    put(out, key::account(account.user), body);
    put(out, key::account_name(&account.id), account.user.0.to_be_bytes());
}

fn device(device: &Device, body: &[u8], out: &mut Vec<Change>) {
    put(out, key::device(device.user, device.dev), body);
    let mut owner = Octets::from(device.user.0.to_be_bytes());
    owner.extend(&device.dev.0.to_be_bytes());
    device.void.iter().for_each(|void| drop_key(out, key::token(void)));
    put(out, key::token(&device.token), &*owner);
    device.fresh.iter().for_each(|fresh| put(out, key::token(fresh), &*owner));
    put(out, key::last_device(), device.last.0.to_be_bytes());
}

fn device_gone(gone: &DeviceGone, out: &mut Vec<Change>) {
    drop_key(out, key::device(gone.user, gone.dev));
    drop_key(out, key::token(&gone.token));
}

fn room(room: &Room, body: &[u8], out: &mut Vec<Change>) {
    put(out, key::room(room.room), body);
    let id = room.room.0.to_be_bytes();
    match (room.kind, room.with) {
        (RoomKind::Direct, Some(with)) => put(out, key::direct(room.by, with), id),
        (RoomKind::Direct, None) => {}
        (RoomKind::Public, _) => {
            put(out, key::room_name(&room.name), id);
            put(out, key::public_room(&room.name), id);
        }
        (RoomKind::Private, _) => put(out, key::room_name(&room.name), id),
    }
}

fn member(member: &Member, body: &[u8], out: &mut Vec<Change>) {
    put(out, key::member_count(member.room), member.members.to_be_bytes());
    let class = match member.standing {
        Standing::Gone => {
            drop_key(out, key::membership(member.user, member.room));
            drop_key(out, key::member(member.room, member.user));
            None
        }
        Standing::Invited { .. } => {
            put(out, key::membership(member.user, member.room), body);
            None
        }
        Standing::Member => Some(key::MEMBER),
        Standing::Moderator => Some(key::MODERATOR),
        Standing::Owner => Some(key::OWNER),
    };
    let ranked = |class| key::ranked(member.room, class, member.joined, member.user);
    for other in [key::OWNER, key::MODERATOR, key::MEMBER] {
        if Some(other) != class {
            drop_key(out, ranked(other));
        }
    }
    if let Some(class) = class {
        put(out, key::membership(member.user, member.room), body);
        put(out, key::member(member.room, member.user), []);
        put(out, ranked(class), []);
    }
}

fn ban(ban: &Ban, body: &[u8], out: &mut Vec<Change>) {
    put(out, key::ban(ban.room, ban.user), body);
}

fn ban_over(over: &BanOver, out: &mut Vec<Change>) {
    drop_key(out, key::ban(over.room, over.user));
}

fn mark(mark: &Mark, out: &mut Vec<Change>) {
    put_mark(out, (mark.user, mark.room), (mark.seq, mark.n));
}

fn put_mark(out: &mut Vec<Change>, (user, room): (UserId, RoomId), (seq, n): (Seq, u64)) {
    let value = [seq.0, n].map(u64::to_be_bytes);
    put(out, key::mark(user, room), value.as_flattened());
}

/// A file's row says where its record stands: its name is then in one place only, and can be erased.
fn file(file: &File, at: RecordRef, out: &mut Vec<Change>) {
    put(out, key::file(file.file), at.encode());
    put(out, key::files_used(file.user), file.used.to_be_bytes());
    put(out, key::content(&file.b3, file.user, file.file), []);
    drop_key(out, key::content_gone(&file.b3));
}

/// The row stays, and the number is given to no other file. A byte more says that it is gone.
fn file_gone(gone: &FileGone, out: &mut Vec<Change>) {
    out.push(Change::Part {
        key: key::file(gone.file),
        at: RecordRef::ENCODED_BYTES,
        bytes: [FILE_IS_GONE].into(),
    });
    put(out, key::files_used(gone.user), gone.used.to_be_bytes());
    drop_key(out, key::content(&gone.b3, gone.user, gone.file));
    put(out, key::content_gone(&gone.b3), []);
}

fn erased(erased: &Erased, out: &mut Vec<Change>) {
    drop_key(out, key::erasing(erased.room, erased.of));
}

fn put(out: &mut Vec<Change>, key: Octets, value: impl Into<Octets>) {
    out.push(Write { key, value: Some(value.into()) }.into());
}

fn drop_key(out: &mut Vec<Change>, key: Octets) {
    out.push(Write { key, value: None }.into());
}
