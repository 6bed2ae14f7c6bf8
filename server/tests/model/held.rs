//! What was just committed can be read a moment before those whom it concerns are told. Here that moment is
//! made long: the committing thread is held between the two.

use std::{
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use liao_common::{
    event::{Event, Posted, Room, kind},
    frame::Frame,
    id::{Nonce, RoomId, Seq, UserId},
    message::{Body, Kind},
    request::{RoomCreate, RoomJoin, Send},
};
use liao_server::{
    blocking::Blocking,
    chat::hub::Hub,
    disk::{Disk, DiskFile, MemoryDisk},
    engine::Transaction,
    index::MemoryIndex,
    state::{record, view},
    store::View as _,
};
use tokio::sync::oneshot;

use crate::{line::Line, world::assemble};

/// Messages that are fed, and bytes of each: far more than fit on the way.
const MESSAGES: u8 = 100;
const TEXT_BYTES: usize = 15_000;

/// The file that is made when words are erased, after they were committed and before it is told.
const ERASING: &str = "overwrite.redo";

/// Whoever is held is let go after this, whatever happens.
const HELD_AT_MOST: Duration = Duration::from_secs(60);

/// A disk on which one erasure waits: it says that it has come, and goes on when it is told to.
struct HeldDisk {
    disk: MemoryDisk,
    hold: Mutex<Option<(oneshot::Sender<()>, mpsc::Receiver<()>)>>,
}

impl Disk for HeldDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let hold = self.hold.lock().unwrap().take_if(|_| name == ERASING);
        if let Some((come, go)) = hold {
            come.send(()).unwrap();
            go.recv_timeout(HELD_AT_MOST).expect("it is let go");
        }
        self.disk.create_new(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

/// What the three deeds of one moment need to know.
#[derive(Clone, Copy)]
struct Moment {
    room: RoomId,
    anna: UserId,
    bert: UserId,
    first: Seq,
}

/// Bert is taken out, anna says something, and takes something else back: all in one batch.
fn at_once(tx: &mut Transaction<'_, '_>, moment: Moment) {
    let Moment { room, anna, bert, first } = moment;
    let member = view::inside(tx, bert, room).unwrap().unwrap();
    tx.exit(&member, Body { by: Some(anna), ..Body::default() }).unwrap();
    tx.note(room, anna, Kind::Text, Body::text("secret")).unwrap();
    let (place, _) = view::message_place(tx, room, first).unwrap().unwrap();
    let message = record::message(&tx.record(&place).unwrap()).unwrap();
    tx.take_back(room, &message).unwrap();
}

/// A connection that will be fed the whole room, one that will only come, and the room.
struct Scene {
    bert: Line,
    carl: Line,
    moment: Moment,
}

async fn registers(hub: &Arc<Hub>, name: &str) -> (Line, UserId) {
    let mut line = Line::new(hub).await;
    let user = line.registers(name).await.unwrap().user;
    (line, user)
}

async fn scene(hub: &Arc<Hub>) -> Scene {
    let (mut anna_line, anna) = registers(hub, "anna").await;
    let (mut bert_line, bert) = registers(hub, "bert").await;
    let (mut carl, _) = registers(hub, "carl").await;
    let rose = RoomCreate { name: "rose".into(), private: false, topic: String::new() };
    let room = anna_line.asks::<Room>(rose).await.unwrap().room;
    for line in [&mut bert_line, &mut carl] {
        line.asks::<Room>(RoomJoin { room: Some(room), name: None }).await.unwrap();
    }
    let first = view::head(&*hub.store, room).unwrap().seq.next();
    for number in 1..=MESSAGES {
        let body = Body::text("x".repeat(TEXT_BYTES));
        let send = Send { room, cid: Nonce([number; 16]), kind: Kind::Text, body };
        anna_line.asks::<Posted>(send).await.unwrap();
    }
    bert_line.syncs(hub.epoch(), vec![(room, first)]).await;
    Scene { bert: bert_line, carl, moment: Moment { room, anna, bert, first } }
}

/// The messages of a room among what came.
fn seqs(frames: &[Frame], room: RoomId) -> Vec<u64> {
    let message = |frame: &Frame| match Event::decode(frame).unwrap() {
        Some(Event::Message(message)) if message.room == room => Some(message.seq.0),
        _ => None,
    };
    frames.iter().filter_map(message).collect()
}

/// Whether this is the word that somebody is in a room no longer.
fn is_farewell(frame: &Frame, of: RoomId) -> bool {
    let event = Event::decode(frame).unwrap();
    matches!(event, Some(Event::Room(room)) if room.room == of && room.removed.is_some())
}

async fn plays(hub: Arc<Hub>, disk: &HeldDisk) {
    let Scene { mut bert, mut carl, moment } = scene(&hub).await;
    let ((come, held), (go, wait)) = (oneshot::channel(), mpsc::sync_channel(1));
    *disk.hold.lock().unwrap() = Some((come, wait));
    let engine = hub.engine.clone();
    let decide = move |tx: &mut Transaction<'_, '_>| {
        at_once(tx, moment);
        Ok(())
    };
    let deeds = tokio::spawn(async move { engine.run(decide).await });
    held.await.unwrap();
    // With carl comes the end of the room as it is stored, and bert is fed towards it.
    carl.syncs(hub.epoch(), Vec::new()).await;
    let mut fed = bert.hears(|frame| frame.kind() == kind::SYNCED).await;
    go.send(()).unwrap();
    deeds.await.unwrap().unwrap();
    fed.extend(bert.hears(|frame| is_farewell(frame, moment.room)).await);
    let left = view::head(&*hub.store, moment.room).unwrap().seq.0 - 1;
    let wanted: Vec<u64> = (moment.first.0 + 1..=left).collect();
    assert_eq!(seqs(&fed, moment.room), wanted, "all up to the leaving, and no more");
}

#[test]
fn who_is_taken_out_is_not_fed_what_was_said_in_the_same_moment() {
    let (folder, index) = (tempfile::tempdir().unwrap(), MemoryIndex::new());
    let disk = Arc::new(HeldDisk { disk: MemoryDisk::new(), hold: Mutex::default() });
    let ground = Arc::clone(&disk) as Arc<dyn Disk>;
    let (hub, duty) = assemble(ground, &index, folder.path(), Blocking::Threads);
    let committing = duty.on_a_thread().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(plays(Arc::new(hub), &disk));
    drop(runtime);
    committing.join();
}
