//! What must be painted over in the journal when a message is taken back: its words, those of its
//! edits, and the name of a file that nothing offers any more. Pure but for the reads handed in;
//! done twice it gives nothing the second time.

use liao_common::{
    id::{FileId, RoomId, Seq},
    message::Kind,
};

use crate::{
    journal::RecordRef,
    state::{record, view},
    store::{StoreError, View},
};

/// Edits of one message. One more is refused, so that taking it back stays one small deed.
pub const EDITS_MAX: usize = 100;

/// A stored record and what shall stand in its place.
pub(super) struct Erasure {
    pub(super) at: RecordRef,
    pub(super) body: Vec<u8>,
}

/// Everything that still has words of the message `of`.
pub(super) fn of_message(
    from: &impl View,
    room: RoomId,
    of: Seq,
) -> Result<Vec<Erasure>, StoreError> {
    let mut erasures = Vec::new();
    let edits = view::edits(from, room, of, EDITS_MAX)?;
    for seq in std::iter::once(of).chain(edits) {
        let Some((at, _)) = view::message_place(from, room, seq)? else { continue };
        let Some(frame) = readable(from, &at)? else { continue };
        erasures.extend(record::blank(&frame).map(|body| Erasure { at, body }));
        let Some(message) = record::message(&frame) else { continue };
        if let (Kind::File, Some(file)) = (message.kind, message.body.fid) {
            erasures.extend(of_file(from, file, seq)?);
        }
    }
    Ok(erasures)
}

/// The name of a file, unless a message other than `of` offers it.
fn of_file(from: &impl View, file: FileId, of: Seq) -> Result<Option<Erasure>, StoreError> {
    if is_offered_beside(from, file, of)? {
        return Ok(None);
    }
    let Some((at, _)) = view::file_place(from, file)? else { return Ok(None) };
    let Some(body) = readable(from, &at)? else { return Ok(None) };
    Ok(record::blank_file(&body).map(|body| Erasure { at, body }))
}

/// Whether a message other than `of` offers this file.
pub(super) fn is_offered_beside(
    from: &impl View,
    file: FileId,
    of: Seq,
) -> Result<bool, StoreError> {
    Ok(view::offers(from, file, 2)?.iter().any(|offer| *offer != of))
}

/// A record that cannot be read cannot be painted over either: what it was is not known.
fn readable(from: &impl View, at: &RecordRef) -> Result<Option<bytes::Bytes>, StoreError> {
    match from.record(at) {
        Err(error) if error.is_one_record() => {
            tracing::warn!("words that were taken back cannot be erased: {error}");
            Ok(None)
        }
        found => found.map(Some),
    }
}
