//! Sends one file: hash, open, pieces within the window, done, and the message that offers it. A
//! cut costs what was not acknowledged; a file that changes meanwhile is not offered.

use std::{
    fs::{File, Metadata},
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use liao_common::{
    event::{Event, FileAck, FileData, FileOpened, Limits, kind},
    fault::FaultCode,
    id::{FileId, Hash, Nonce},
    limits,
    message::{Body, Kind},
    request::{FileDone, FileOpen},
};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    Phase, TransferFault, UploadJob, file_name,
    session::{Control, Halt, Outcome, Session},
    shelf::Whole,
};
use crate::{
    backoff::Backoff,
    clock,
    connection::{Connection, ConnectionError},
    handle::Command,
    notice::Queued,
};

/// Bytes that are read from the disk at a time.
const BLOCK_BYTES: usize = 256 * 1024;

/// How often a file whose hash the server does not find is sent anew.
const STARTS_MAX: u32 = 2;

/// A file that is being sent, and what it was like at the start.
struct Source<'a> {
    file: File,
    path: PathBuf,
    meta: Metadata,
    hash: Hash,
    /// Bytes that the server has.
    done: &'a AtomicU64,
}

/// How large pieces are, and how far they may run ahead, in bytes.
struct Pace {
    chunk: u64,
    window: u64,
}

impl Pace {
    /// What the server allows, as far as this program wants to go along.
    fn of(server: &Limits) -> Self {
        let chunk = server.chunk.clamp(1, limits::CHUNK_BYTES as u64);
        Self { chunk, window: server.window.clamp(chunk, limits::WINDOW_BYTES) }
    }
}

/// The name that others see.
pub(super) fn name_of(job: &UploadJob) -> String {
    let name = job.path.file_name().unwrap_or_default().to_string_lossy();
    file_name::safe_name(&name)
}

/// The message that offers the file.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    pub(super) nonce: Nonce,
    /// The file, where an earlier run has sent it.
    pub(super) whole: Option<Whole>,
}

/// `done` is how many bytes the server has.
pub(super) async fn run(
    mut session: Session,
    job: UploadJob,
    to_offer: Offer,
    done: &AtomicU64,
) -> Outcome {
    let sent = match to_offer.whole {
        Some(whole) => offer(&session, &job, whole, to_offer.nonce).await,
        None => send(&mut session, &job, to_offer.nonce, done).await,
    };
    session.catch_up().await;
    match sent {
        Ok(fid) => Outcome::Done { fid, path: job.path },
        Err(Halt::Wish(Control::Cancel)) => Outcome::Cancelled,
        Err(Halt::Wish(_) | Halt::Cut(..)) => Outcome::Paused,
        Err(Halt::Failed(fault)) => Outcome::Failed(fault),
    }
}

async fn send(
    session: &mut Session,
    job: &UploadJob,
    nonce: Nonce,
    done: &AtomicU64,
) -> Result<FileId, Halt> {
    session.phase(Phase::Hashing).await;
    let (mut file, meta) = open(session.file_bytes_max(), job).await?;
    let hash = hash(session, &mut file, &meta).await?;
    let mut source = Source { file, path: job.path.clone(), meta, hash, done };
    let mut waits = Backoff::default();
    let mut starts = 0;
    let fid = loop {
        match attempt(session, job, &mut source, &mut waits).await {
            Ok(Some(fid)) => break fid,
            Ok(None) if starts < STARTS_MAX => starts += 1,
            Ok(None) => return Err(TransferFault::Changed.into()),
            Err(Halt::Cut(min_ms, max_ms)) => session.wait((min_ms, max_ms), &mut waits).await?,
            Err(halt) => return Err(halt),
        }
    };
    let whole = Whole { fid, size: source.meta.len(), hash: source.hash };
    session.becomes(whole).await;
    offer(session, job, whole, nonce).await
}

/// Opens the file. One that the server would refuse is not read at all.
async fn open(bytes_max: Option<u64>, job: &UploadJob) -> Result<(File, Metadata), Halt> {
    let path = job.path.clone();
    blocking(move || {
        // Opening a pipe would wait for its other end, so what it is comes first.
        if !std::fs::metadata(&path).map_err(|error| unreadable(&error))?.is_file() {
            return Err(TransferFault::NotAFile);
        }
        let file = File::open(&path).map_err(|error| unreadable(&error))?;
        let meta = file.metadata().map_err(|error| unreadable(&error))?;
        fits(meta.len(), bytes_max)?;
        Ok((file, meta))
    })
    .await
}

fn fits(size: u64, bytes_max: Option<u64>) -> Result<(), TransferFault> {
    match bytes_max {
        // A server that names no limit says so later, if it has one.
        Some(bytes_max) if bytes_max > 0 && size > bytes_max => {
            Err(TransferFault::TooLarge { size, bytes_max })
        }
        _ => Ok(()),
    }
}

async fn hash(session: &mut Session, file: &mut File, meta: &Metadata) -> Result<Hash, Halt> {
    let mut hasher = blake3::Hasher::new();
    let mut done = 0;
    loop {
        let mut file = file.try_clone().map_err(|error| unreadable(&error))?;
        let reading = blocking(move || {
            let mut block = vec![0; BLOCK_BYTES * 4];
            let count = file.read(&mut block).map_err(|error| unreadable(&error))?;
            hasher.update(&block[..count]);
            Ok((hasher, count))
        });
        let count;
        (hasher, count) = session.unless_stopped(reading).await?;
        done += count as u64;
        session.moved(done, meta.len()).await;
        if count == 0 {
            break;
        }
    }
    if done != meta.len() {
        return Err(TransferFault::Changed.into());
    }
    Ok(Hash(*hasher.finalize().as_bytes()))
}

/// One connection. `None`: the server did not find the hash, or wants it from the start.
async fn attempt(
    session: &mut Session,
    job: &UploadJob,
    source: &mut Source<'_>,
    waits: &mut Backoff,
) -> Result<Option<FileId>, Halt> {
    let size = source.meta.len();
    let open = FileOpen {
        room: job.room,
        size,
        b3: source.hash,
        name: name_of(job),
        media: job.media.clone(),
    };
    let opening = async {
        let (mut conn, limits) = session.connect().await?;
        let opened = conn.ask(open).await?;
        Ok((conn, opened, Pace::of(&limits)))
    };
    let (mut conn, opened, pace) = session.unless_stopped(opening).await?;
    if opened.off > size {
        return Err(ConnectionError::Protocol("an offset behind the end".to_owned()).into());
    }
    session.phase(Phase::Moving).await;
    let done = match pieces(session, &mut conn, source, opened, &pace, waits).await {
        Ok(()) => finish(&mut conn, source, opened.x).await,
        Err(halt) => Err(halt),
    };
    if let Err(halt) = &done {
        let_go(&mut conn, opened.x, halt).await;
    }
    conn.close().await;
    done
}

/// Sends everything from `acked` on, never farther than the window allows.
async fn pieces(
    session: &mut Session,
    conn: &mut Connection,
    source: &mut Source<'_>,
    opened: FileOpened,
    pace: &Pace,
    waits: &mut Backoff,
) -> Result<(), Halt> {
    let FileOpened { x, off: mut acked } = opened;
    let size = source.meta.len();
    let mut next = acked;
    source.done.store(acked, Ordering::Relaxed);
    session.moved(acked, size).await;
    while acked < size {
        // All that may go is read at once: each reading is a walk to another thread and back.
        let room = (acked + pace.window).saturating_sub(next) / pace.chunk * pace.chunk;
        if next < size && room > 0 {
            let block = read_block(source, next, room).await?;
            for d in block.chunks(usize::try_from(pace.chunk).unwrap_or(limits::CHUNK_BYTES)) {
                conn.push_event(kind::FDAT, &FileData { x, o: next, d: d.to_vec() });
                next += d.len() as u64;
            }
        }
        match session.next_event(conn).await? {
            Some(Event::FileAck(FileAck { x: of, o })) if of == x && o > acked && o <= next => {
                acked = o;
                source.done.store(acked, Ordering::Relaxed);
                waits.reset();
                session.moved(acked, size).await;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn finish(
    conn: &mut Connection,
    source: &Source<'_>,
    x: u64,
) -> Result<Option<FileId>, Halt> {
    unchanged(source)?;
    match conn.ask(FileDone { x }).await {
        Ok(stored) => Ok(Some(stored.fid)),
        Err(ConnectionError::Refused(fault))
            if matches!(fault.code, FaultCode::BadRequest | FaultCode::Conflict) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What was sent stays on the server for later, unless it is of no use any more.
async fn let_go(conn: &mut Connection, x: u64, halt: &Halt) {
    let discard = match halt {
        Halt::Cut(..) => return,
        Halt::Wish(wish) => *wish == Control::Cancel,
        Halt::Failed(fault) => *fault == TransferFault::Changed,
    };
    Session::cancel(conn, x, discard).await;
}

/// Same path, same file, same size, same time of change: good enough, and the hash decides.
fn unchanged(source: &Source<'_>) -> Result<(), TransferFault> {
    let now = std::fs::metadata(&source.path).map_err(|_| TransferFault::Changed)?;
    let times = (now.modified().ok(), source.meta.modified().ok());
    if now.len() == source.meta.len() && times.0 == times.1 {
        Ok(())
    } else {
        Err(TransferFault::Changed)
    }
}

async fn read_block(source: &Source<'_>, at: u64, len: u64) -> Result<Vec<u8>, Halt> {
    let mut file = source.file.try_clone().map_err(|error| unreadable(&error))?;
    let left = source.meta.len().saturating_sub(at);
    let len = usize::try_from(left.min(len)).unwrap_or(limits::CHUNK_BYTES);
    blocking(move || {
        let mut block = vec![0; len];
        file.seek(SeekFrom::Start(at)).map_err(|error| unreadable(&error))?;
        file.read_exact(&mut block).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => TransferFault::Changed,
            _ => unreadable(&error),
        })?;
        Ok(block)
    })
    .await
}

/// Posts the message that offers the file. From here on it is the outbox's business.
async fn offer(
    session: &Session,
    job: &UploadJob,
    Whole { fid, size, hash }: Whole,
    nonce: Nonce,
) -> Result<FileId, Halt> {
    let body = Body {
        fid: Some(fid),
        name: Some(name_of(job)),
        size: Some(size),
        b3: Some(hash),
        media: (!job.media.is_empty()).then(|| job.media.clone()),
        ..Body::default()
    };
    let at_ms = clock::wall_ms();
    let queued = Queued { nonce, room: job.room, kind: Kind::File, body, at_ms };
    let ended = || Halt::Failed(TransferFault::LinkEnded);
    let posts = session.posts().ok_or_else(ended)?;
    let (stored, wait) = oneshot::channel();
    posts.send(Command::Post(queued, stored)).await.map_err(|_| ended())?;
    let stored = wait.await.map_err(|_| ended())?;
    stored.map_err(|error| Halt::from(TransferFault::Unwritable(error.to_string())))?;
    Ok(fid)
}

fn unreadable(error: &std::io::Error) -> TransferFault {
    match error.kind() {
        std::io::ErrorKind::NotFound => TransferFault::Missing,
        _ => TransferFault::Unreadable(error.to_string()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransferFault> + Send + 'static,
) -> Result<T, Halt> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(TransferFault::LinkEnded.into()),
    }
}
