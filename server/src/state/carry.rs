//! What must be written again before old records go: all that the index has because of them and that
//! is still so. Pure but for the reads handed in.
//! Must hold: once what this gives is stored, an index made without the old records is the same.

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{
    id::{FileId, Hash, RoomId, Seq, UserId},
    message::Message,
};
use serde_bytes::ByteBuf;

use super::{
    key,
    project::{self, FILE_IS_GONE, project},
    record::{self, File, FileGone, Rows, kind},
    view,
};
use crate::{
    journal::{NewRecord, Record, RecordRef},
    store::{StoreError, View},
};

/// A nonce is known for so long, whatever became of its message, in milliseconds: longer than an outbox
/// goes on trying.
pub const NONCE_KEPT_MS: u64 = 7 * 24 * 3600 * 1000;

/// Rows that one record takes.
const ROWS_MAX: usize = 64;
/// Bytes of the rows that one record takes; the last may bring more.
const ROWS_BYTES_MAX: usize = 8 << 10;

/// Keys that were written again since the first of the records that are about to go: whatever changed
/// in them afterwards stands behind that anyway.
pub type Carried = BTreeSet<Vec<u8>>;

/// What to write, and what is nobody's after it.
#[derive(Debug, Default)]
pub struct Load {
    /// In this order.
    pub records: Vec<NewRecord>,
    /// Contents that no file may have any more.
    pub contents: Vec<Hash>,
}

/// Looks at some of the records that are about to go.
///
/// # Errors
/// When the store fails, or a record cannot be understood.
pub fn carry(
    from: &impl View,
    records: &[Record],
    now_ms: u64,
    carried: &mut Carried,
) -> Result<Load, StoreError> {
    let (rows, files) = (Vec::new(), Vec::new());
    let (kept, gone, used) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut porter = Porter { from, now_ms, carried, rows, files, kept, gone, used };
    records.iter().try_for_each(|record| porter.look_at(record))?;
    Ok(porter.load())
}

struct Porter<'a, V> {
    from: &'a V,
    now_ms: u64,
    carried: &'a mut Carried,
    files: Vec<NewRecord>,
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    gone: Vec<FileGone>,
    kept: Vec<NewRecord>,
    /// Bytes of files of those who have fewer after this.
    used: BTreeMap<UserId, u64>,
}

impl<V: View> Porter<'_, V> {
    fn look_at(&mut self, record: &Record) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        project(record.kind, &record.body, record.at, &mut changes)
            .map_err(|source| StoreError::Project { at: record.end(), source })?;
        if matches!(record.kind, kind::MESSAGE | kind::KEPT)
            && let Some(message) = record::message(&record.body)
        {
            self.message(&message, record.at)?;
        }
        changes.iter().try_for_each(|change| self.row(change.key(), record.at))
    }

    /// A message that is kept gets a new place.
    fn message(&mut self, message: &Message, at: RecordRef) -> Result<(), StoreError> {
        match view::message_place(self.from, message.room, message.seq)? {
            Some((place, _)) if place == at => {
                let body = self.from.record(&at)?;
                self.kept.push(NewRecord { kind: kind::KEPT, body });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn row(&mut self, key: &[u8], at: RecordRef) -> Result<(), StoreError> {
        match key.first() {
            // Where a message stands is said by the records of messages alone.
            Some(b'm') => return Ok(()),
            // There is one record of each nonce.
            Some(b'x') => {}
            Some(b'f') => return self.file(key, at),
            _ if !self.carried.insert(key.to_vec()) => return Ok(()),
            _ => {}
        }
        let Some(value) = self.from.read(key)? else { return Ok(()) };
        let value = if self.is_over(key, &value)? { None } else { Some(value) };
        self.rows.push((key.to_vec(), value));
        Ok(())
    }

    /// Whether a row goes with the messages that are not kept.
    fn is_over(&mut self, key: &[u8], value: &[u8]) -> Result<bool, StoreError> {
        let number = |at: usize| {
            key.get(at..at + 8)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_be_bytes)
        };
        match key.first() {
            Some(b'x') => {
                let Some(post) = view::parse_post(value) else { return Ok(false) };
                let old = post.at_ms.saturating_add(NONCE_KEPT_MS) < self.now_ms;
                Ok(old && self.is_below(post.room, post.seq)?)
            }
            Some(b'e' | b'z' | b'w') => {
                self.is_below(RoomId(number(1)), Seq(key::last_number(key)))
            }
            Some(b's') => self.offer(FileId(number(1)), Seq(number(9))),
            _ => Ok(false),
        }
    }

    fn is_below(&self, room: RoomId, seq: Seq) -> Result<bool, StoreError> {
        Ok(seq <= view::floor(self.from, room)?.0)
    }

    /// Whether an offer of a file goes; with the last one the file goes too.
    fn offer(&mut self, file: FileId, seq: Seq) -> Result<bool, StoreError> {
        let Some(File { room, user, b3, size, .. }) = view::file(self.from, file)? else {
            return Ok(true);
        };
        if !self.is_below(room, seq)? {
            return Ok(false);
        }
        let newest = view::offers(self.from, file, 1)?;
        if newest.first().is_none_or(|newest| *newest == seq) {
            let used = match self.used.get(&user) {
                Some(used) => *used,
                None => view::files_used(self.from, user)?,
            };
            let used = used.saturating_sub(size);
            self.used.insert(user, used);
            self.gone.push(FileGone { file, user, b3, used });
        }
        Ok(true)
    }

    /// The row of a file says where its record stands, so that is written again. Of a file that is
    /// gone only that is left.
    fn file(&mut self, key: &[u8], at: RecordRef) -> Result<(), StoreError> {
        let file = FileId(key::last_number(key));
        match view::file_place(self.from, file)? {
            Some((_, true)) => {
                if self.carried.insert(key.to_vec()) {
                    let mut value = vec![0; RecordRef::ENCODED_BYTES];
                    value.push(FILE_IS_GONE);
                    self.rows.push((key.to_vec(), Some(value)));
                }
                Ok(())
            }
            Some((place, false)) if place == at => {
                let body = self.from.record(&at)?;
                self.files.push(NewRecord { kind: kind::FILE, body });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Files first, since what else their records say may have changed; files that are gone behind the
    /// rows, for the same reason.
    fn load(self) -> Load {
        let mut records = self.files;
        let (mut part, mut bytes) = (Vec::new(), 0);
        for (key, value) in self.rows {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            part.push((ByteBuf::from(key), value.map(ByteBuf::from)));
            if part.len() >= ROWS_MAX || bytes >= ROWS_BYTES_MAX {
                records.push(rows(std::mem::take(&mut part)));
                bytes = 0;
            }
        }
        if !part.is_empty() {
            records.push(rows(part));
        }
        records.extend(self.gone.iter().map(FileGone::record));
        records.extend(self.kept);
        Load { records, contents: self.gone.iter().map(|gone| gone.b3).collect() }
    }
}

fn rows(rows: Vec<(ByteBuf, Option<ByteBuf>)>) -> NewRecord {
    Rows { version: project::VERSION, rows }.record()
}

/// Whether a record is a message that is not kept any longer.
///
/// # Errors
/// When the store fails.
pub fn is_dead(from: &impl View, record: &Record) -> Result<bool, StoreError> {
    if !matches!(record.kind, kind::MESSAGE | kind::KEPT) {
        return Ok(false);
    }
    let Some(message) = record::message(&record.body) else { return Ok(false) };
    let place = view::message_place(from, message.room, message.seq)?;
    Ok(place.is_none_or(|(at, _)| at != record.at))
}
