//! Reads that belong together, while the state changes between them.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use liao_common::{
    codec, event,
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};

use super::{
    project::{self, project},
    record::{Member, Standing, kind},
    view,
};
use crate::{
    disk::MemoryDisk,
    index::{Direction, MemoryIndex, Pair, Span},
    journal::{NewRecord, RecordRef},
    store::{self, Commit, Store, StoreError, StoreOptions, View, Writer},
};

const ROOM: RoomId = RoomId(7);
const USER: UserId = UserId(1);

/// State that somebody changes after the first read.
struct Moving {
    store: Arc<Store>,
    changes: RefCell<(Writer, Vec<Commit>)>,
}

impl View for Moving {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.store.read(key);
        let (writer, changes) = &mut *self.changes.borrow_mut();
        writer.commit(std::mem::take(changes)).unwrap();
        found
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.store.scan(span, direction, limit)
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        self.store.record(at)
    }
}

fn said(seq: u64) -> NewRecord {
    let message = Message {
        room: ROOM,
        seq: Seq(seq),
        n: seq,
        at_ms: 1,
        from: UserId(2),
        device: DeviceId(1),
        cid: Nonce([seq as u8; 16]),
        kind: Kind::Text,
        body: Body::text("hush"),
    };
    NewRecord { kind: kind::MESSAGE, body: codec::frame(event::kind::MSG, 0, &message) }
}

fn member(standing: Standing) -> NewRecord {
    let (floor, joined) = (Seq::ZERO, Seq(1));
    Member { room: ROOM, user: USER, standing, floor, members: 2, joined }.record()
}

#[test]
fn nobody_reads_beyond_the_message_at_which_they_left() {
    let disk = Arc::new(MemoryDisk::new());
    let options = StoreOptions::new(1, project::VERSION);
    let (store, mut writer, _) =
        store::open(disk, &MemoryIndex::new(), options, project, &mut |_| {}).unwrap();
    writer.commit(vec![vec![member(Standing::Member), said(1)]]).unwrap();
    // They leave with message 2; message 3 is not theirs.
    let leaving = vec![said(2), member(Standing::Gone)];
    let changes = RefCell::new((writer, vec![leaving, vec![said(3)]]));
    let moving = Moving { store, changes };
    let seen = view::readable(&moving, USER, ROOM).unwrap().map(|(_, head)| head.seq);
    assert!(seen.is_none_or(|seq| seq < Seq(3)), "{seen:?}");
    assert_eq!(view::readable(&moving, USER, ROOM).unwrap().map(|(_, head)| head.seq), None);
}
