//! Every order in which the threads of a server can meet, tried by `loom` on the server's own code: who
//! follows a room while others speak, and who reads while the index is brought up to date. A thread
//! that would wait for ever is a fault. `cargo test -p liao-server --features schedules --test schedules`

#![cfg(test)]

mod index;
mod rooms;

use std::sync::Arc;

use liao_common::{
    codec,
    event::kind,
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};
use liao_server::{
    disk::MemoryDisk,
    index::MemoryIndex,
    journal::NewRecord,
    state::{
        project::{self, project},
        record,
    },
    store::{self, Applying, Store, StoreOptions, Writer},
};
use loom::thread::{self, JoinHandle};

/// The room of the stories.
pub(crate) const ROOM: RoomId = RoomId(7);

/// The stack of a thread, in words; the usual one is too small for a store.
const STACK_WORDS: usize = 1 << 16;

/// Tries all orders with at most so many switches that no thread asked for.
pub(crate) fn in_every_order(switches: usize, story: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    let story = Arc::new(story);
    builder.check(move || {
        let story = Arc::clone(&story);
        beside(move || story()).join().unwrap();
    });
}

/// A thread of a story.
pub(crate) fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    thread::Builder::new().stack_size(STACK_WORDS).spawn(work).unwrap()
}

/// An empty store.
pub(crate) fn open(applying: Applying, unapplied_records_max: usize) -> (Arc<Store>, Writer) {
    let mut options = StoreOptions::new(77, project::VERSION);
    (options.applying, options.lag.records_max) = (applying, unapplied_records_max);
    let (disk, index) = (Arc::new(MemoryDisk::new()), MemoryIndex::new());
    let (store, writer, _) = store::open(disk, &index, options, project, &mut |_| {}).unwrap();
    (store, writer)
}

/// The record of a message in the room.
pub(crate) fn message(seq: u64) -> NewRecord {
    let message = Message {
        room: ROOM,
        seq: Seq(seq),
        n: seq,
        at_ms: seq,
        from: UserId(1),
        device: DeviceId(1),
        cid: Nonce([u8::try_from(seq).unwrap(); 16]),
        kind: Kind::Text,
        body: Body::text("hello"),
    };
    NewRecord { kind: record::kind::MESSAGE, body: codec::frame(kind::MSG, 0, &message) }
}
