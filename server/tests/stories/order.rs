//! Order and measure: what is asked at once is done in the order of asking, who leaves and comes back
//! misses nothing, and who wants too much waits or is let go, at nobody else's cost.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use liao_common::{
    codec,
    event::{Event, Gap, Marked, Page, Ping, Posted, Role, Room, Session, kind},
    frame::Frame,
    id::{Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::{
        Auth, Hello, History, Mark, Request, RoomCreate, RoomJoin, RoomLeave, RoomTopic, Send, Sync,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::Instant,
};

use crate::support::{Person, Raw, WITHIN, World, secret, within};

fn hello() -> Hello {
    Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role: None }
}

fn auth(id: &str) -> Auth {
    let (user, secret) = (Some(id.into()), Some(secret(id)));
    Auth { mech: "password".into(), user, secret, ..Auth::default() }
}

/// Logs in and never asks to be told anything.
async fn speaks(mut raw: Raw, id: &str) -> Raw {
    raw.hello().await;
    raw.asks::<Session>(auth(id)).await.unwrap();
    raw
}

fn nonce(number: u64) -> Nonce {
    let mut cid = [1; 16];
    cid[..8].copy_from_slice(&number.to_be_bytes());
    Nonce(cid)
}

fn post(room: RoomId, number: u64, text: impl Into<String>) -> Send {
    Send { room, cid: nonce(number), kind: Kind::Text, body: Body::text(text) }
}

/// All messages of a room, from the log.
async fn log_of(person: &Person, room: RoomId) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::new();
    loop {
        let after = all.last().map_or(Seq::ZERO, |last| last.seq);
        let ask = History { room, after: Some(after), limit: Some(100), ..History::default() };
        let page: Page = person.asks(ask).await.unwrap();
        all.extend(page.msgs);
        if !page.more {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_posts_at_once_stand_in_the_order_of_sending() {
    const COUNT: u64 = 3000;
    let world = World::with(|config| config.rules.posts_per_s = 1_000_000).await;
    let alice = world.registers("alice").await;
    let (near, far) = tokio::io::duplex(64 * 1024);
    world.server(|running| running.serve_stream(far));
    let (read, mut write) = tokio::io::split(near);
    let mut bytes =
        [Request::from(hello()).frame(1), Request::from(auth("alice")).frame(2)].concat();
    for number in 0..COUNT {
        let post = post(RoomId::LOBBY, number, number.to_string());
        bytes.extend(Request::from(post).frame(10 + number));
    }
    let writing = tokio::spawn(async move { write.write_all(&bytes).await });
    let mut answers = Raw::new(tokio::io::join(read, tokio::io::sink()));
    answers.answer::<Session>(2).await.unwrap();
    let mut last = Seq::ZERO;
    for number in 0..COUNT {
        let posted: Posted = answers.answer(10 + number).await.unwrap();
        assert!(posted.seq > last, "{number} stands before the one that was sent before it");
        last = posted.seq;
    }
    writing.await.unwrap().unwrap();
    let log = log_of(&alice, RoomId::LOBBY).await;
    let texts: Vec<_> = log.into_iter().filter_map(|message| message.body.text).collect();
    assert_eq!(texts, (0..COUNT).map(|number| number.to_string()).collect::<Vec<_>>());
}

/// What a device knows of one room. A room that is gone is forgotten with all that was in it.
struct Device {
    raw: Raw,
    room: RoomId,
    pushed: Vec<Seq>,
    kept: BTreeSet<Seq>,
    role: Role,
}

impl Device {
    async fn new(world: &World, id: &str, room: RoomId) -> Self {
        let mut raw = world.raw().await;
        raw.logs_in(id, "").await;
        raw.quiet().await;
        Self { raw, room, pushed: Vec::new(), kept: BTreeSet::new(), role: Role::Member }
    }

    fn hears(&mut self, frame: &Frame) {
        match Event::decode(frame).unwrap() {
            Some(Event::Room(room)) if room.room == self.room => {
                self.role = room.role;
                if room.role == Role::Gone {
                    self.kept.clear();
                }
            }
            Some(Event::Message(message)) if message.room == self.room => {
                assert_ne!(self.role, Role::Gone, "{} was pushed outside", message.seq);
                assert!(self.kept.insert(message.seq), "{} was pushed twice", message.seq);
                self.pushed.push(message.seq);
            }
            Some(Event::Gap(Gap { room, from, to })) if room == self.room => {
                self.kept.extend((from.0..=to.0).map(Seq));
            }
            _ => {}
        }
    }

    /// Takes in all that the server has for it.
    async fn listens(mut self, until: Seq) -> Self {
        while !self.kept.contains(&until) {
            let frame = self.raw.next().await.expect("the connection holds");
            self.hears(&frame);
        }
        self.raw.writes(&codec::frame(kind::PING, 0, &Ping { n: 1 })).await;
        loop {
            let frame = self.raw.next().await.expect("the connection holds");
            if frame.kind() == kind::PONG {
                return self;
            }
            self.hears(&frame);
        }
    }
}

/// One who talks without pause, and one who leaves and comes back twice meanwhile.
struct Restless {
    alice: Raw,
    bob: Raw,
    room: RoomId,
    said: u64,
}

impl Restless {
    async fn says(&mut self, count: u64, bytes: usize) -> Vec<u64> {
        let mut asked = Vec::new();
        for _ in 0..count {
            self.said += 1;
            let text = format!("{} {}", self.said, "x".repeat(bytes));
            asked.push(self.alice.sends(post(self.room, self.said, text)).await);
        }
        asked
    }

    async fn hears_all(&mut self, asked: Vec<u64>) -> Seq {
        let mut last = Seq::ZERO;
        for rid in asked {
            last = self.alice.answer::<Posted>(rid).await.unwrap().seq;
        }
        last
    }

    /// Gives the last message's place. In steps: each is done before the next is asked for.
    async fn leaves_and_comes_back(&mut self, in_steps: bool, turns: usize) -> Seq {
        let crowd = self.says(120, 8 * 1024).await;
        self.hears_all(crowd).await;
        let (mut said, mut asked) = (Vec::new(), Vec::new());
        let room = self.room;
        for step in 0..4 {
            let request: Request = match step % 2 {
                0 => RoomLeave { room }.into(),
                _ => RoomJoin { room: Some(room), name: None }.into(),
            };
            asked.push(self.bob.sends(request).await);
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            if in_steps {
                self.bob.answer::<Body>(asked.pop().unwrap()).await.unwrap();
            }
            said.extend(self.says(3, 10).await);
        }
        for rid in asked {
            self.bob.answer::<Body>(rid).await.unwrap();
        }
        self.hears_all(said).await;
        let last = self.says(1, 10).await;
        self.hears_all(last).await
    }
}

/// Nothing that was said while they were away was pushed, and all that came after the last return is
/// known.
fn heard_what_is_theirs(device: &Device, log: &[Message], user: UserId, round: usize) {
    let mut away = None;
    for message in log {
        match (&message.kind, message.from == user) {
            (Kind::Leave, true) => away = Some(message.seq),
            (Kind::Join, true) => away = None,
            _ if away.is_some() => {
                assert!(
                    !device.pushed.contains(&message.seq),
                    "{round}: {} is not theirs",
                    message.seq
                );
            }
            _ => {}
        }
    }
    let is_return = |message: &&Message| message.kind == Kind::Join && message.from == user;
    let back = log.iter().rfind(is_return).unwrap().seq;
    let missing: Vec<_> = log
        .iter()
        .filter(|message| message.seq > back && !device.kept.contains(&message.seq))
        .map(|message| message.seq)
        .collect();
    assert_eq!(missing, [], "{round}: after the return at {back}");
}

#[tokio::test]
async fn who_leaves_and_comes_back_twice_misses_nothing_on_any_device() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let room = alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    let mut restless = Restless {
        alice: speaks(world.raw().await, "alice").await,
        bob: speaks(world.raw().await, "bob").await,
        room,
        said: 0,
    };
    for round in 0..12 {
        let (fast, slow) =
            (Device::new(&world, "bob", room).await, Device::new(&world, "bob", room).await);
        let (told, mut tell) = watch::channel(Seq::ZERO);
        let mut fast = fast;
        let hearing = tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = tell.changed() => break,
                    frame = fast.raw.next() => fast.hears(&frame.expect("the connection holds")),
                }
            }
            let until = *tell.borrow();
            fast.listens(until).await
        });
        let last = restless.leaves_and_comes_back(round % 2 == 0, round / 2 * 3).await;
        told.send_replace(last);
        let log = log_of(&alice, room).await;
        for device in [within("the fast one", hearing).await.unwrap(), slow.listens(last).await] {
            heard_what_is_theirs(&device, &log, bob.number(), round);
        }
        bob.waits_for("the end", |seen| seen.room("#tea").is_some_and(|room| room.head.0 == last))
            .await;
    }
}

/// How long it takes until all of these are answered with success.
async fn lasts<T: serde::de::DeserializeOwned>(raw: &mut Raw, asks: Vec<Request>) -> Duration {
    let begin = Instant::now();
    let mut asked = Vec::new();
    for ask in asks {
        asked.push(raw.sends(ask).await);
    }
    for rid in asked {
        raw.answer::<T>(rid).await.unwrap_or_else(|fault| panic!("{rid} was refused: {fault}"));
    }
    begin.elapsed()
}

#[tokio::test]
async fn whatever_is_stored_is_held_back_like_posts_and_never_refused() {
    let world = World::with(|config| {
        config.rules.posts_burst = 5;
        config.rules.posts_per_s = 100;
    })
    .await;
    let alice = world.registers("alice").await;
    let room = alice.creates("#tea", false).await;
    world.registers("bob").await.goes().await;
    let mut raw = speaks(world.raw().await, "alice").await;
    // 45 beyond the burst, at 100 a second; the last one is waited for by nobody.
    let held = Duration::from_millis(430);

    let topics: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let topic = |topic: &String| RoomTopic { room, topic: topic.clone() }.into();
    assert!(lasts::<Posted>(&mut raw, topics.iter().map(topic).collect()).await >= held);
    let log = log_of(&alice, room).await;
    let set: Vec<_> = log
        .iter()
        .filter(|message| message.kind == Kind::Topic)
        .map(|message| message.body.text.clone().unwrap())
        .collect();
    assert_eq!(set, topics, "each of them, in order");

    let head = log.last().unwrap().seq.0;
    let mark = |number: u64| Mark { room, read: Seq(head.min(number / 5)) }.into();
    assert!(lasts::<Marked>(&mut raw, (0..250).map(mark).collect()).await >= held);
    let marked: Marked = raw.asks(Mark { room, read: Seq(1) }).await.unwrap();
    assert_eq!(marked.read.0, Seq(head.min(49)), "the last one holds");

    let mut raw = speaks(world.raw().await, "bob").await;
    let step = |number: u64| match number % 2 {
        0 => RoomJoin { room: Some(room), name: None }.into(),
        _ => RoomLeave { room }.into(),
    };
    // Read as what both answers are: maps.
    assert!(lasts::<Body>(&mut raw, (0..50).map(step).collect()).await >= held);
    let log = log_of(&alice, room).await;
    let moves = log.iter().filter(|message| [Kind::Join, Kind::Leave].contains(&message.kind));
    assert_eq!(moves.count(), 51, "each of them, and alice's own");
}

/// A stream whose peer asks again and again and takes no answer.
struct Deaf {
    early: Vec<u8>,
    again: Vec<u8>,
    sent: usize,
    seen: Arc<Measured>,
    _gone: watch::Sender<()>,
}

#[derive(Default)]
struct Measured {
    /// Bytes that the server has taken in.
    taken: AtomicUsize,
    /// Bytes that it offered at once.
    offered: AtomicUsize,
}

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.remaining();
        while into.remaining() > 0 {
            let at = self.sent;
            let rest = match self.early.get(at..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => &self.again[(at - self.early.len()) % self.again.len()..],
            };
            let count = rest.len().min(into.remaining());
            into.put_slice(&rest[..count]);
            self.sent += count;
        }
        self.seen.taken.fetch_add(before, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = pieces.iter().map(|piece| piece.len()).sum();
        self.seen.offered.fetch_max(bytes, Ordering::SeqCst);
        Poll::Pending
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// Lets somebody ask these again and again without taking an answer, until the server lets go. Gives
/// the bytes that it took in and those that it had ready at once.
async fn is_deaf(world: &World, asks: &[Request]) -> (usize, usize) {
    let seen = Arc::new(Measured::default());
    let (gone, mut let_go) = watch::channel(());
    let early = [Request::from(hello()).frame(1), Request::from(auth("alice")).frame(2)].concat();
    let again = asks.iter().map(|ask| ask.frame(3)).collect::<Vec<_>>().concat();
    let deaf = Deaf { early, again, sent: 0, seen: Arc::clone(&seen), _gone: gone };
    world.server(|running| running.serve_stream(deaf));
    let offers = async {
        while seen.offered.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("an answer is offered", offers).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(21)).await;
    tokio::time::resume();
    within("the server lets go", async { drop(let_go.changed().await) }).await;
    (seen.taken.load(Ordering::SeqCst), seen.offered.load(Ordering::SeqCst))
}

#[tokio::test]
async fn who_asks_and_never_listens_costs_little_and_is_let_go() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let mut raw = speaks(world.raw().await, "alice").await;
    for number in 0..60 {
        let topic = "long".repeat(40);
        let ask = RoomCreate { name: format!("room{number}"), private: true, topic };
        raw.asks::<Room>(ask).await.unwrap();
    }
    for number in 0..10 {
        alice.says("#lobby", &format!("{number} {}", "x".repeat(16_000))).await;
    }
    let sync = Request::from(Sync::default());
    let page = Request::from(History { room: RoomId::LOBBY, ..History::default() });
    // One answer more than what is gathered before a write; answers that were under way together
    // come together.
    let gathered = 256 * 1024 + limits::FRAME_BYTES_MAX;
    let together = gathered + limits::REQUESTS_IN_FLIGHT_MAX * limits::FRAME_BYTES_MAX;
    for (asks, most) in [
        (vec![sync.clone()], gathered),
        (vec![page.clone()], together),
        (vec![page.clone(), sync.clone()], gathered + limits::FRAME_BYTES_MAX),
        ([vec![page; 63], vec![sync]].concat(), together),
    ] {
        let (taken, offered) = is_deaf(&world, &asks).await;
        assert!(taken <= 64 * 1024, "{taken} bytes were taken in");
        assert!(offered <= most, "{offered} bytes of answers wait, {most} may");
    }
    alice.says("#lobby", "did you say something?").await;
}

/// Connections of people who never say a word.
const SILENT: usize = 900;

#[tokio::test]
async fn many_silent_connections_keep_nobody_out() {
    liao_server::descriptors::raise_limit().unwrap();
    let world = World::over_tls().await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let addr = world.config().listen;
        silent.push(within("a connection", TcpStream::connect(addr)).await.unwrap());
    }
    let begin = Instant::now();
    let alice = world.registers("alice").await;
    alice.says("#lobby", "quiet here").await;
    // A silent one is given up after 10 s; nobody waits for that.
    assert!(begin.elapsed() < WITHIN / 2, "the handshake waited for its turn");
    tokio::time::timeout(Duration::from_secs(4), world.stops())
        .await
        .expect("whoever says nothing needs no goodbye");
    drop(silent);
}
