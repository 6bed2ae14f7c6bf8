//! Any bytes on a connection to a whole server: rules, engine, journal, index in memory. The server
//! answers in frames and lets go; others are served as before; and what it stored can be opened again.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use liao_common::{
    codec::frame_raw,
    event::kind,
    frame::FrameCodec,
    id::{Nonce, RoomId},
    limits::{FRAME_BYTES_MAX, PROTOCOL_VERSION},
    message::{Body, Kind},
    request::{Hello, KINDS, Register, Request, Secret, Send},
};
use liao_server::{
    blocking::Blocking,
    chat::{
        hub::{Hub, Registration},
        password::Cost,
    },
    config::{Config, Transport},
    disk::{Disk, MemoryDisk},
    engine::Duty,
    gateway::native,
    index::MemoryIndex,
    server::{self, Ground, StartError},
    state::project,
    store::{Applying, Recovery, StoreOptions},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::{sleep, timeout},
};
use tokio_util::{codec::Decoder as _, sync::CancellationToken};

use crate::{
    client::EVENTS,
    pieces::{Piece, first, pick, pieces},
};

/// The server's wall clock, in milliseconds since 1970.
const NOW_MS: u64 = 1_800_000_000_000;

/// Simulated time in which a server has let go of whoever left.
const LETS_GO_WITHIN: Duration = Duration::from_secs(300);

/// Simulated time in which all has been answered that can be.
const CALM: Duration = Duration::from_secs(2);

/// Bytes on their way in each direction.
const PIPE_BYTES: usize = 1 << 16;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let folder = tempfile::tempdir();
    let time =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let (Ok(folder), Ok(time)) = (folder, time) else { return };
    time.block_on(story(input, folder.path()));
}

async fn story(input: &[u8], folder: &Path) {
    let disk = MemoryDisk::new();
    let Ok((hub, duty, _)) = open(&disk, folder) else { return };
    let hub = Arc::new(hub);
    let committing = tokio::spawn(duty.on_this_task(|| std::future::ready(())));
    let beside = [
        tokio::spawn(Arc::clone(&hub.presence).run()),
        tokio::spawn(Arc::clone(&hub.switchboard).run()),
    ];
    hostile(&hub, input).await;
    somebody_else(&hub).await;
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    drop((beside, hub));
    let ended = timeout(LETS_GO_WITHIN, committing).await;
    assert!(matches!(ended, Ok(Ok(()))), "the committing task failed: {ended:?}");
    let recovery = open(&disk, folder).map(|(_, _, recovery)| recovery);
    let sound = |found: &Recovery| found.cuts.is_empty() && found.damage.is_none();
    assert!(recovery.as_ref().is_ok_and(sound), "what was stored: {recovery:?}");
}

/// With an index that knows nothing, so that every record is read.
fn open(disk: &MemoryDisk, folder: &Path) -> Result<(Hub, Duty, Recovery), StartError> {
    let mut config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    config.rules.registration = Registration::Open;
    let mut store = StoreOptions::new(7, project::VERSION);
    store.applying = Applying::Writer;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let ground = Ground {
        disk: shared,
        index: &MemoryIndex::new(),
        files: folder,
        store,
        clock: || NOW_MS,
        blocking: Blocking::Inline(|| Duration::ZERO),
    };
    server::assemble(&config, ground)
}

/// Says the bytes, to the end or until the server has enough.
async fn hostile(hub: &Arc<Hub>, input: &[u8]) {
    let (mode, rest) = first(input);
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let serving = tokio::spawn(native::serve(far, Arc::clone(hub), CancellationToken::new()));
    let (mut reading, mut writing) = tokio::io::split(near);
    let listening = tokio::spawn(async move {
        let mut heard = Vec::new();
        // Whatever ends the stream ends what is heard.
        let _ = reading.read_to_end(&mut heard).await;
        heard
    });
    if mode % 4 != 0 {
        let _ = writing.write_all(&greeting("mallory")).await;
        sleep(CALM).await;
    }
    for (rid, piece) in (10..).zip(pieces(rest)) {
        if writing.write_all(&bytes(&piece, rid)).await.is_err() {
            break;
        }
        if piece.what % 4 == 3 {
            sleep(CALM).await;
        }
    }
    let _ = writing.shutdown().await;
    let closed = timeout(LETS_GO_WITHIN, serving).await;
    assert!(matches!(closed, Ok(Ok(_))), "the session hangs or panicked: {closed:?}");
    drop(writing);
    let heard = timeout(LETS_GO_WITHIN, listening).await;
    assert!(matches!(heard, Ok(Ok(_))), "the server does not close");
    assert_frames(&heard.ok().and_then(Result::ok).unwrap_or_default());
}

/// A frame of any type with these bytes in it, or the bytes alone.
fn bytes(piece: &Piece<'_>, rid: u64) -> Bytes {
    match piece.what {
        0xf0.. => Bytes::copy_from_slice(piece.body),
        0xc0..0xf0 => frame_raw(pick(EVENTS, piece.what).unwrap_or(kind::BYE), 0, piece.body),
        _ => frame_raw(pick(KINDS, piece.what).unwrap_or(kind::BYE), rid, piece.body),
    }
}

/// Introduces and registers somebody.
fn greeting(user: &str) -> Vec<u8> {
    let v = (PROTOCOL_VERSION, PROTOCOL_VERSION);
    let hello = Hello { v, caps: Vec::new(), agent: "other/1".into(), role: None };
    let register = Register {
        user: user.into(),
        name: String::new(),
        secret: Secret("correct horse battery staple".into()),
        dev_name: String::new(),
        invite: None,
    };
    [Request::from(hello).frame(1), Request::from(register).frame(2)].concat()
}

/// After all that, a server serves.
async fn somebody_else(hub: &Arc<Hub>) {
    let (mut near, far) = tokio::io::duplex(PIPE_BYTES);
    let serving = tokio::spawn(native::serve(far, Arc::clone(hub), CancellationToken::new()));
    let body = Body::text("still here?");
    let post = Send { room: RoomId::LOBBY, cid: Nonce([7; 16]), kind: Kind::Text, body };
    let words = [greeting("alice"), Request::from(post).frame(3).to_vec()].concat();
    assert!(near.write_all(&words).await.is_ok(), "nobody listens");
    let answered = timeout(LETS_GO_WITHIN, answers(&mut near)).await;
    assert_eq!(answered, Ok(vec![1, 2, 3]), "somebody else is not served");
    drop(near);
    let closed = timeout(LETS_GO_WITHIN, serving).await;
    assert!(matches!(closed, Ok(Ok(_))), "the session hangs or panicked: {closed:?}");
}

/// The numbers of what was done, up to 3.
async fn answers(near: &mut DuplexStream) -> Vec<u64> {
    let (mut codec, mut buffer) = (FrameCodec::new(FRAME_BYTES_MAX), BytesMut::new());
    let mut done = Vec::new();
    while done.last() != Some(&3) {
        match codec.decode(&mut buffer) {
            Ok(Some(frame)) if frame.kind() == kind::OK => done.push(frame.rid),
            Ok(Some(_)) => {}
            Ok(None) => match near.read_buf(&mut buffer).await {
                Ok(1..) => {}
                _ => return done,
            },
            Err(_) => return done,
        }
    }
    done
}

/// A server says frames and nothing else, whatever it is told; the last may be cut off.
fn assert_frames(heard: &[u8]) {
    let (mut codec, mut buffer) = (FrameCodec::new(FRAME_BYTES_MAX), BytesMut::from(heard));
    loop {
        match codec.decode(&mut buffer) {
            Ok(Some(_)) => {}
            Ok(None) => return,
            broken => return assert!(broken.is_ok(), "the server said no frame: {broken:?}"),
        }
    }
}
