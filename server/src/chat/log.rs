//! A room's messages as the bytes that were stored, for pages and for those who catch up.
//! `Damage` owns what was said in the server's log of records that cannot be read.
//! Must hold: a message that cannot be read hides no other; something stands in its place.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use liao_common::{
    codec,
    event::kind,
    id::{DeviceId, RoomId, UserId},
    message::{Body, Kind, Message},
};

use crate::{
    journal::RecordRef,
    state::{
        project::NO_NONCE,
        record,
        view::{self, Place},
    },
    store::{Store, StoreError, View as _},
};

/// Damaged records that are remembered as told; one more is told of each time it is met.
const TOLD_MAX: usize = 1024;

/// Which damaged records the operator was told of.
#[derive(Debug, Default)]
pub struct Damage {
    told: Mutex<BTreeSet<RecordRef>>,
}

/// Whole frames of these messages in the order given: the first, and as many behind it as fit into
/// `bytes_max`.
///
/// # Errors
/// When the store fails; not when single records are damaged.
pub(super) fn frames(
    store: &Store,
    damage: &Damage,
    room: RoomId,
    places: &[Place],
    bytes_max: usize,
) -> Result<Vec<Bytes>, StoreError> {
    let mut frames: Vec<Option<Bytes>> = Vec::with_capacity(places.len());
    let mut bytes = 0;
    for place in places {
        let frame = match store.record(&place.at) {
            Ok(frame) => Some(frame),
            Err(error) if error.is_one_record() => {
                damage.tell(room, place, &error);
                None
            }
            Err(error) => return Err(error),
        };
        bytes += frame.as_ref().map_or(0, Bytes::len);
        if bytes > bytes_max && !frames.is_empty() {
            break;
        }
        frames.push(frame);
    }
    fill(store, room, places, frames)
}

/// Puts something where a frame is missing.
fn fill(
    store: &Store,
    room: RoomId,
    places: &[Place],
    frames: Vec<Option<Bytes>>,
) -> Result<Vec<Bytes>, StoreError> {
    // Most pages are whole; only the others look at times.
    let mut near_ms = match frames.iter().any(Option::is_none) {
        true => match frames.iter().flatten().find_map(|frame| record::message(frame)) {
            Some(message) => message.at_ms,
            None => view::head(store, room)?.at_ms,
        },
        false => 0,
    };
    let mut whole = Vec::with_capacity(frames.len());
    for (frame, place) in frames.into_iter().zip(places) {
        let Some(frame) = frame else {
            whole.push(placeholder(room, place, near_ms));
            continue;
        };
        if near_ms > 0 {
            near_ms = record::message(&frame).map_or(near_ms, |message| message.at_ms);
        }
        whole.push(frame);
    }
    Ok(whole)
}

fn placeholder(room: RoomId, place: &Place, at_ms: u64) -> Bytes {
    let message = Message {
        room,
        seq: place.seq,
        n: place.n,
        at_ms,
        from: UserId(0),
        device: DeviceId(0),
        cid: NO_NONCE,
        kind: Kind::Damaged,
        body: Body::default(),
    };
    codec::frame(kind::MSG, 0, &message)
}

impl Damage {
    /// Says once what is lost and where.
    fn tell(&self, room: RoomId, place: &Place, error: &StoreError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.len() >= TOLD_MAX || told.insert(place.at);
        drop(told);
        if news {
            let (seq, offset, segment) = (place.seq, place.at.offset, place.at.segment);
            tracing::error!(
                "message {seq} of room {room}, at byte {offset} of journal segment \
                 {segment:08}.log, cannot be read: {error}. Its readers are told that it is \
                 damaged, and see all others; that segment from a backup brings it back"
            );
        }
    }
}
