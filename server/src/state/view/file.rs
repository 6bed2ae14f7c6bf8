//! What is known of files: their records, who offers them, which content is whose.

use liao_common::id::{FileId, Hash, Seq, UserId};

use super::{Found, damaged, numbers};
use crate::{
    index::{Direction, Span},
    journal::RecordRef,
    state::{
        key,
        project::FILE_IS_GONE,
        record::{self, File},
    },
    store::{StoreError, View},
};

/// A file; `None` also when it is gone.
///
/// # Errors
/// When the store fails.
pub fn file(from: &impl View, file: FileId) -> Found<File> {
    let Some((place, false)) = file_place(from, file)? else { return Ok(None) };
    let body = from.record(&place)?;
    record::decode(&body).map(Some).ok_or_else(|| damaged(&key::file(file)))
}

/// Where a file's record stands, and whether the file is gone.
///
/// # Errors
/// When the store fails.
pub fn file_place(from: &impl View, file: FileId) -> Found<(RecordRef, bool)> {
    let key = key::file(file);
    let Some(bytes) = from.read(&key)? else { return Ok(None) };
    let (place, rest) =
        bytes.split_at_checked(RecordRef::ENCODED_BYTES).ok_or_else(|| damaged(&key))?;
    let place = RecordRef::decode(place).ok_or_else(|| damaged(&key))?;
    Ok(Some((place, rest.first() == Some(&FILE_IS_GONE))))
}

/// The messages that offer a file, the newest first.
///
/// # Errors
/// When the store fails.
pub fn offers(from: &impl View, file: FileId, limit: usize) -> Result<Vec<Seq>, StoreError> {
    let rows = from.scan(&Span::prefix(&key::offers(file)), Direction::Backward, limit)?;
    Ok(rows.iter().map(|(key, _)| Seq(key::last_number(key))).collect())
}

/// Whether a file of this person has this content.
///
/// # Errors
/// When the store fails.
pub fn has_content(from: &impl View, user: UserId, b3: &Hash) -> Result<bool, StoreError> {
    let rows = from.scan(&Span::prefix(&key::contents_of(b3, user)), Direction::Forward, 1)?;
    Ok(!rows.is_empty())
}

/// Whether any file has this content.
///
/// # Errors
/// When the store fails.
pub fn is_content(from: &impl View, b3: &Hash) -> Result<bool, StoreError> {
    Ok(!from.scan(&Span::prefix(&key::contents(b3)), Direction::Forward, 1)?.is_empty())
}

/// Contents behind `after` that no file has any more, in their order.
///
/// # Errors
/// When the store fails.
pub fn contents_gone(
    from: &impl View,
    after: Option<&Hash>,
    limit: usize,
) -> Result<Vec<Hash>, StoreError> {
    let mut span = Span::prefix(key::CONTENTS_GONE);
    if let Some(after) = after {
        span = span.after(&key::content_gone(after));
    }
    let rows = from.scan(&span, Direction::Forward, limit)?;
    let hash = |key: &[u8]| key.last_chunk::<32>().map(|bytes| Hash(*bytes));
    Ok(rows.iter().filter_map(|(key, _)| hash(key)).collect())
}

/// Bytes of files that a person has stored.
///
/// # Errors
/// When the store fails.
pub fn files_used(from: &impl View, user: UserId) -> Result<u64, StoreError> {
    Ok(numbers(from, &key::files_used(user))?.map_or(0, |[used]| used))
}
