//! Followers of a room: woken for everything, told of everything, whenever they come.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use liao_common::id::{DeviceId, Seq, UserId};
use liao_server::{
    chat::{
        mailbox::Mailbox,
        room::{Follower, Fresh, Interest, LiveRoom, Look},
        switchboard::Switchboard,
    },
    engine::{Audience as _, Effect},
    index::Direction,
    state::view,
    store::{Applying, Store, Writer},
};
use loom::{sync::Mutex, thread::JoinHandle};

use crate::{ROOM, beside, in_every_order, message, open};

fn fresh(seq: u64) -> Fresh {
    Fresh { seq: Seq(seq), n: seq, frame: Bytes::from(format!("<{seq}>")) }
}

fn mailbox(user: u64) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(UserId(user), DeviceId(1)))
}

/// When a follower says that it wants to be woken again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ready {
    BeforeLooking,
    AfterLooking,
}

/// One connection's place in the room, read as a session reads.
struct Reader {
    room: Arc<LiveRoom>,
    follower: Arc<Follower>,
    mailbox: Arc<Mailbox>,
    store: Option<Arc<Store>>,
    ready: Ready,
    position: Seq,
}

impl Reader {
    /// Looks once if it was woken; says whether it was.
    fn goes_on(&mut self) -> bool {
        let woken = self.mailbox.wait().now_or_never().is_some();
        if woken && !self.mailbox.take().moved.is_empty() {
            self.looks();
        }
        woken
    }

    /// Reads while the speaker speaks, and afterwards for as long as something wakes it.
    fn has_all(mut self, speaker: JoinHandle<()>, last: Seq) {
        for _ in 0..2 {
            self.goes_on();
        }
        speaker.join().unwrap();
        while self.goes_on() {}
        assert_eq!(self.position, last, "asleep before the end");
    }

    fn looks(&mut self) {
        if self.ready == Ready::BeforeLooking {
            self.follower.ready();
        }
        loop {
            self.position = match self.room.look(self.position, None) {
                Look::UpToDate => break,
                Look::Here(_, last) => last,
                Look::Behind { to, .. } => self.reads_back(to),
            };
        }
        if self.ready == Ready::AfterLooking {
            self.follower.ready();
        }
    }

    /// What the ring does not have is in the store by the time the room's head says so.
    fn reads_back(&self, head: Seq) -> Seq {
        let span = (self.position, head);
        let store = self.store.as_deref().expect("the ring reaches back");
        let places =
            view::message_places(store, ROOM, span, Direction::Forward, usize::MAX).unwrap();
        let seqs: Vec<u64> = places.iter().map(|place| place.seq.0).collect();
        assert_eq!(seqs, (self.position.0 + 1..=head.0).collect::<Vec<_>>());
        head
    }
}

fn follows_while_others_speak(ready: Ready) {
    let (room, mailbox) = (Arc::new(LiveRoom::new(ROOM)), mailbox(1));
    let follower = room.follow(Arc::clone(&mailbox), Interest::Belongs);
    let speaking = Arc::clone(&room);
    let speaker = beside(move || {
        speaking.publish(&[fresh(1)]);
        speaking.publish(&[fresh(2), fresh(3)]);
    });
    Reader { room, follower, mailbox, store: None, ready, position: Seq::ZERO }
        .has_all(speaker, Seq(3));
}

#[test]
fn a_follower_is_woken_for_everything() {
    in_every_order(4, || follows_while_others_speak(Ready::BeforeLooking));
}

/// The proof that the test above can fail: whoever looks first and asks to be woken then, sleeps on.
#[test]
#[should_panic(expected = "asleep before the end")]
fn a_follower_that_asks_too_late_is_found() {
    in_every_order(4, || follows_while_others_speak(Ready::AfterLooking));
}

/// Commits messages one by one, each with a batch of its own, and tells of each.
fn speaks(mut writer: Writer, messages: u64, tell: impl Fn(u64)) {
    for seq in 1..=messages {
        let mut batch = writer.batch();
        batch.stage(&[message(seq)]).unwrap();
        batch.finish().unwrap();
        tell(seq);
    }
    writer.close().unwrap();
}

#[test]
fn who_enters_while_others_speak_is_told_everything() {
    in_every_order(3, || {
        let (store, writer) = open(Applying::Writer, 100);
        let switchboard = Arc::<Switchboard>::default();
        let audience = Arc::clone(&switchboard);
        let speaker = beside(move || {
            speaks(writer, 2, |seq| {
                let frame = message(seq).body;
                let effect = Effect::Message { room: ROOM, seq: Seq(seq), n: seq, frame };
                audience.committed(vec![effect]);
            });
        });
        let (mailbox, ready) = (mailbox(1), Ready::BeforeLooking);
        let (room, follower) =
            switchboard.follow(&store, ROOM, &mailbox, Interest::Belongs).unwrap();
        let store = Some(store);
        Reader { room, follower, mailbox, store, ready, position: Seq::ZERO }
            .has_all(speaker, Seq(2));
    });
}

/// The proof that the test above can fail: the head is read before the room is open.
#[test]
#[should_panic(expected = "asleep before the end")]
fn a_head_that_is_read_too_early_is_found() {
    in_every_order(3, || {
        let (store, writer) = open(Applying::Writer, 100);
        let opened = Arc::new(Mutex::new(None::<Arc<LiveRoom>>));
        let rooms = Arc::clone(&opened);
        let speaker = beside(move || {
            speaks(writer, 2, |seq| {
                let room = rooms.lock().unwrap().clone();
                room.iter().for_each(|room| assert!(!room.publish(&[fresh(seq)])));
            });
        });
        let head = view::head(&*store, ROOM).unwrap();
        let (room, mailbox) = (Arc::new(LiveRoom::new(ROOM)), mailbox(1));
        let follower = room.follow(Arc::clone(&mailbox), Interest::Belongs);
        *opened.lock().unwrap() = Some(Arc::clone(&room));
        room.raise((head.seq, head.n));
        let (store, ready) = (Some(store), Ready::BeforeLooking);
        Reader { room, follower, mailbox, store, ready, position: Seq::ZERO }
            .has_all(speaker, Seq(2));
    });
}

/// The last one out closes the room; whoever comes at that moment is in the same room as the speaker.
#[test]
fn a_room_that_closes_while_somebody_enters_loses_nothing() {
    in_every_order(3, || {
        let (store, writer) = open(Applying::Writer, 100);
        let switchboard = Arc::<Switchboard>::default();
        let first = mailbox(1);
        let (room, follower) = switchboard.follow(&store, ROOM, &first, Interest::Belongs).unwrap();
        let leaving = Arc::clone(&switchboard);
        let leaver = beside(move || leaving.unfollow(&room, &follower));
        let audience = Arc::clone(&switchboard);
        let speaker = beside(move || {
            speaks(writer, 1, |seq| {
                let frame = message(seq).body;
                let effect = Effect::Message { room: ROOM, seq: Seq(seq), n: seq, frame };
                audience.committed(vec![effect]);
            });
        });
        let (mailbox, ready) = (mailbox(2), Ready::BeforeLooking);
        let (room, follower) =
            switchboard.follow(&store, ROOM, &mailbox, Interest::Belongs).unwrap();
        let store = Some(store);
        Reader { room, follower, mailbox, store, ready, position: Seq::ZERO }
            .has_all(speaker, Seq(1));
        leaver.join().unwrap();
    });
}
