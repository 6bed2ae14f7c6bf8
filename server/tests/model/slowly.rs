//! A connection that is far behind is fed page by page, and reading takes time. What becomes true in the
//! middle of that must be true for what is fed next.

use std::{sync::Arc, time::Duration};

use liao_common::{
    event::{Empty, Posted, Room, Session},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{Revoke, RoomCreate, RoomJoin, RoomLeave, Send},
};
use liao_server::{blocking::Blocking, disk::MemoryDisk, index::MemoryIndex};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    line::Line,
    world::{Running, serve},
};

/// Messages that are missed: more than a page, and not so many that they become a gap.
const MISSED: u8 = 150;

/// A page is read in twice this time.
const READING: Duration = Duration::from_millis(500);

/// By then everything has been fed.
const FED_WITHIN: Duration = Duration::from_secs(30);

/// Anna speaks in a room where bert has two connections; the second is about to be fed everything that
/// was missed, here or in the lobby, and none of it is in memory.
struct Scene {
    anna: Line,
    bert: Line,
    late: Line,
    /// The login of the late one.
    session: Session,
    room: RoomId,
    missed: RoomId,
    _server: (TempDir, Running),
}

async fn says(line: &mut Line, room: RoomId, number: u8, kind: Kind, body: Body) -> Seq {
    let send = Send { room, cid: Nonce([number; 16]), kind, body };
    line.asks::<Posted>(send).await.unwrap().seq
}

impl Scene {
    async fn new(missed_in: impl FnOnce(RoomId) -> RoomId) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blocking = Blocking::Inline(|| READING);
        let running = serve(&MemoryDisk::new(), &MemoryIndex::new(), folder.path(), blocking);
        let hub = Arc::clone(&running.hub);
        let mut lines = Vec::new();
        for name in ["anna", "bert"] {
            let mut line = Line::new(&hub).await;
            line.registers(name).await.unwrap();
            line.syncs(String::new(), Vec::new()).await;
            lines.push(line);
        }
        let (mut bert, mut anna) = (lines.pop().unwrap(), lines.pop().unwrap());
        let rose = RoomCreate { name: "rose".into(), private: false, topic: String::new() };
        let room = anna.asks::<Room>(rose).await.unwrap().room;
        bert.asks::<Room>(RoomJoin { room: Some(room), name: None }).await.unwrap();
        let missed = missed_in(room);
        for number in 1..=MISSED {
            says(&mut anna, missed, number, Kind::Text, Body::text("hello")).await;
        }
        // Taking something back empties the room's memory: all must be read from the journal.
        let body = Body { of: Some(Seq(3)), ..Body::default() };
        says(&mut anna, missed, MISSED + 1, Kind::Redact, body).await;
        let mut late = Line::new(&hub).await;
        let session = late.logs_in_on("bert", "late").await;
        Self { anna, bert, late, session, room, missed, _server: (folder, running) }
    }

    /// The late connection begins to be fed.
    async fn begins(&mut self) {
        let epoch = self._server.1.hub.epoch();
        self.late.syncs(epoch, vec![(self.missed, Seq(2))]).await;
    }

    /// What the late connection was fed after all, in the room.
    async fn fed(&mut self) -> Vec<u64> {
        sleep(FED_WITHIN).await;
        let pushed = self.late.pushed().await;
        let here = pushed.iter().filter(|(room, _)| *room == self.room.0);
        here.map(|(_, entry)| entry.seq).collect()
    }
}

fn in_simulated_time(story: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true);
    runtime.build().unwrap().block_on(story);
}

#[test]
fn who_leaves_while_they_are_fed_hears_nothing_that_is_said_after() {
    in_simulated_time(async {
        let mut scene = Scene::new(|room| room).await;
        scene.begins().await;
        scene.bert.asks::<Empty>(RoomLeave { room: scene.room }).await.unwrap();
        let after = says(&mut scene.anna, scene.room, 250, Kind::Text, Body::text("secret")).await;
        let fed = scene.fed().await;
        assert_eq!(fed, (3..after.0).collect::<Vec<_>>(), "all up to the leaving, and no more");
    });
}

#[test]
fn who_leaves_a_room_while_they_are_fed_another_hears_the_leaving_and_nothing_after() {
    in_simulated_time(async {
        let mut scene = Scene::new(|_| RoomId::LOBBY).await;
        scene.begins().await;
        scene.bert.asks::<Empty>(RoomLeave { room: scene.room }).await.unwrap();
        let after = says(&mut scene.anna, scene.room, 250, Kind::Text, Body::text("secret")).await;
        assert_eq!(scene.fed().await, [after.0 - 1], "the leaving alone");
    });
}

#[test]
fn a_device_that_is_logged_out_while_it_is_fed_hears_nothing_that_is_said_after() {
    in_simulated_time(async {
        let mut scene = Scene::new(|room| room).await;
        scene.begins().await;
        scene.bert.asks::<Empty>(Revoke { dev: scene.session.dev }).await.unwrap();
        let after = says(&mut scene.anna, scene.room, 250, Kind::Text, Body::text("secret")).await;
        let fed = scene.fed().await;
        assert!(fed.iter().all(|seq| *seq < after.0), "it was told {fed:?}, and {after} after");
    });
}
