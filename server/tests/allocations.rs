//! What an idle connection, an acknowledged post and a delivery cost in memory and allocations, held
//! below bounds. Counts, not times: they are the same on a busy machine. The people here hardly
//! allocate, so that nearly all that is counted is the server's.

#![cfg(test)]

use std::{
    alloc::System,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::RangeFrom,
    path::Path,
    thread,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use liao_common::{
    event::{Session, Synced, kind},
    fault::Fault,
    frame::{Frame, FrameCodec},
    id::{Nonce, RoomId},
    limits::{FRAME_BYTES_MAX, PROTOCOL_VERSION},
    message::{Body, Kind},
    request::{Auth, Hello, Register, Request, Secret, Send, Sync, Token},
};
use liao_server::{
    chat::password::Cost,
    config::{Config, Transport},
    server::{self, Running},
};
use serde::de::DeserializeOwned;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio_util::codec::Decoder as _;

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// No fact may take longer to come true.
const WITHIN: Duration = Duration::from_secs(30);

/// Looks at how far the index is, of less than a microsecond each.
const TURNS: usize = 1 << 28;

const PEOPLE: usize = 64;
const ROUNDS: usize = 64;
const IN_FLIGHT: usize = 32;

/// Bytes that another idle connection of somebody may hold. Counted: 1,450 to 1,570.
const IDLE_BYTES: usize = 1850;

/// Bytes that it holds at least. Fewer mean that something else gave memory back meanwhile: then it is counted
/// again, so many times at most.
const IDLE_BYTES_MIN: usize = 1000;
const COUNTED_MAX: usize = 4;

/// Allocations for a post until the index has it, with 32 in flight. Counted: 38 to 39.
const POST_ALLOCATIONS: f64 = 45.0;
const POST_ALLOCATIONS_MIN: f64 = 20.0;

/// Allocations for one who hears of it. Counted: 0.07 to 0.13.
const DELIVERY_ALLOCATIONS: f64 = 0.2;
const DELIVERY_ALLOCATIONS_MIN: f64 = 0.01;

/// Bytes in use now.
fn in_use() -> usize {
    let stats = MEMORY.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Allocations since the beginning.
fn allocations() -> usize {
    let stats = MEMORY.stats();
    stats.allocations + stats.reallocations
}

/// A connection without a client.
struct Wire {
    stream: TcpStream,
    codec: FrameCodec,
    incoming: BytesMut,
    rid: u64,
}

impl Wire {
    fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream.set_nodelay(true).unwrap();
        let codec = FrameCodec::new(FRAME_BYTES_MAX);
        let mut wire = Self { stream, codec, incoming: BytesMut::new(), rid: 0 };
        let v = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        wire.ask(&Hello { v, caps: Vec::new(), agent: "allocations".into(), role: None }.into());
        wire
    }

    fn send(&mut self, request: &Request) {
        self.rid += 1;
        self.stream.write_all(&request.frame(self.rid)).unwrap();
    }

    /// The next frame of this kind; others before it are passed over.
    fn next(&mut self, wanted: &str) -> Frame {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.incoming).unwrap() {
                let refused = [kind::ERR, kind::GOAWAY].contains(&frame.kind());
                assert!(!refused, "{:?}", frame.decode::<Fault>());
                if frame.kind() == wanted {
                    return frame;
                }
                continue;
            }
            let mut some = [0; 4096];
            let read = self.stream.read(&mut some).unwrap();
            assert!(read > 0, "the server closed");
            self.incoming.extend_from_slice(&some[..read]);
        }
    }

    fn ask(&mut self, request: &Request) -> Frame {
        self.send(request);
        self.next(kind::OK)
    }

    fn told<T: DeserializeOwned>(&mut self, request: &Request) -> T {
        self.ask(request).decode().unwrap()
    }

    fn logs_in(server: SocketAddr, token: &Token) -> Self {
        let mut wire = Self::open(server);
        let auth = Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() };
        wire.ask(&auth.into());
        wire
    }

    /// Logs in and follows all rooms from where they end.
    fn enters(server: SocketAddr, token: &Token) -> Self {
        let mut wire = Self::logs_in(server, token);
        let known: Synced = wire.told(&Sync::default().into());
        let cur = known.rooms.iter().map(|room| (room.room, room.head.0)).collect();
        wire.next(kind::SYNCED);
        wire.ask(&Sync { epoch: known.epoch, cur }.into());
        wire.next(kind::SYNCED);
        wire.incoming = BytesMut::new();
        wire
    }

    /// Posts these, several at a time, until all are acknowledged.
    fn posts(&mut self, frames: &[Bytes]) {
        for several in frames.chunks(IN_FLIGHT) {
            several.iter().for_each(|frame| self.stream.write_all(frame).unwrap());
            self.passes(several.len());
        }
    }

    /// Lets so many frames pass without keeping anything of them.
    fn passes(&mut self, count: usize) {
        assert!(self.incoming.is_empty(), "all answers were read before");
        let mut some = [0; 16 * 1024];
        let (mut passed, mut length, mut known, mut left) = (0, 0, 0, 0);
        while passed < count {
            let read = self.stream.read(&mut some).unwrap();
            assert!(read > 0, "the server closed");
            for byte in &some[..read] {
                if known < 4 {
                    (length, known) = (length << 8 | u32::from(*byte), known + 1);
                    left = length;
                } else {
                    left -= 1;
                }
                if known == 4 && left == 0 {
                    (passed, length, known) = (passed + 1, 0, 0);
                }
            }
        }
        assert!((passed, known) == (count, 0), "{passed} frames for {count}");
    }
}

fn post(number: u64) -> Bytes {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    let body = Body::text(format!("{number:0100}"));
    let send = Send { room: RoomId::LOBBY, cid: Nonce(nonce), kind: Kind::Text, body };
    Request::from(send).frame(number + 1)
}

fn register(server: SocketAddr, number: usize) -> Token {
    let ask = Register {
        user: format!("one{number}"),
        name: format!("One {number}"),
        secret: Secret(format!("not a word {number} anybody knows")),
        dev_name: "test".into(),
        invite: None,
    };
    let session: Session = Wire::open(server).told(&ask.into());
    session.token.unwrap()
}

async fn serve(folder: &Path) -> Running {
    let mut config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    config.rules.posts_burst = 1_000_000;
    config.files.free_bytes_min = 0;
    config.free_bytes_min = 0;
    server::start(config).await.unwrap()
}

/// Waits until the index has all: what it costs belongs to what was stored before.
fn settle(running: &Running) {
    let caught_up = (0..TURNS).any(|_| {
        thread::yield_now();
        running.unapplied_records() == 0
    });
    assert!(caught_up, "the index never caught up");
}

/// Posts many messages that all these people hear; gives the allocations for each.
fn for_each_post(
    running: &Running,
    sender: &mut Wire,
    listeners: &mut [Wire],
    numbers: &mut RangeFrom<u64>,
) -> f64 {
    let rounds: Vec<Vec<Bytes>> =
        (0..ROUNDS).map(|_| numbers.by_ref().take(IN_FLIGHT).map(post).collect()).collect();
    settle(running);
    let before = allocations();
    for round in &rounds {
        sender.posts(round);
        listeners.iter_mut().for_each(|wire| wire.passes(IN_FLIGHT));
    }
    settle(running);
    (allocations() - before) as f64 / (ROUNDS * IN_FLIGHT) as f64
}

#[test]
fn what_things_cost_stays_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // A thread that ends frees what it had, and would make a connection look cheaper.
    let runtime = runtime.enable_all().thread_keep_alive(10 * WITHIN).build().unwrap();

    let running = runtime.block_on(serve(folder.path()));
    let tokens: Vec<Token> = (0..PEOPLE).map(|number| register(running.addr(), number)).collect();
    // None of those who listen: one's own devices are told how far one has read, too.
    let author = register(running.addr(), PEOPLE);
    // A server that has just started has nothing left to do, which would be counted, too.
    runtime.block_on(running.stop());

    let running = runtime.block_on(serve(folder.path()));
    let all_enter = || tokens.iter().map(|token| Wire::enters(running.addr(), token));
    // What is made once and kept is made before the counting.
    let mut listeners: Vec<Wire> = all_enter().collect();
    let mut idle_bytes = 0;
    for _ in 0..COUNTED_MAX {
        settle(&running);
        let before = in_use();
        listeners.extend(all_enter());
        idle_bytes = in_use().saturating_sub(before) / PEOPLE;
        if idle_bytes >= IDLE_BYTES_MIN {
            break;
        }
    }

    // A nonce of zeros would be refused.
    let mut numbers = 1..;
    let mut sender = Wire::logs_in(running.addr(), &author);
    let people = listeners.len() as f64;
    for_each_post(&running, &mut sender, &mut listeners, &mut numbers);
    let heard = for_each_post(&running, &mut sender, &mut listeners, &mut numbers);
    drop(listeners);
    for_each_post(&running, &mut sender, &mut [], &mut numbers);
    let post = for_each_post(&running, &mut sender, &mut [], &mut numbers);
    let delivery = (heard - post) / people;

    println!("{idle_bytes} bytes for an idle connection");
    println!("{post:.2} allocations for a post, {delivery:.4} for a delivery");
    let idle = IDLE_BYTES_MIN..=IDLE_BYTES;
    assert!(idle.contains(&idle_bytes), "{idle_bytes} bytes for an idle connection, not {idle:?}");
    let posts = POST_ALLOCATIONS_MIN..=POST_ALLOCATIONS;
    assert!(posts.contains(&post), "{post:.2} allocations for a post, not {posts:?}");
    let deliveries = DELIVERY_ALLOCATIONS_MIN..=DELIVERY_ALLOCATIONS;
    assert!(
        deliveries.contains(&delivery),
        "{delivery:.4} allocations for a delivery, not {deliveries:?}"
    );
    runtime.block_on(running.stop());
}
