//! Fetches one file into a part beside its place, goes on where an earlier try stopped, compares
//! it with its hash, and only then gives it its name. Nothing that exists is ever overwritten.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use liao_common::{
    event::{Event, FileAck, FileData, kind},
    id::Hash,
    request::FileGet,
};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{
    DownloadJob, Phase, TransferFault,
    file_name::{numbered, safe_name},
    session::{Control, Halt, Outcome, Session, unwritable},
};
use crate::{
    backoff::Backoff,
    connection::{Connection, ConnectionError},
    home,
};

/// Bytes that are read from the disk at a time.
const BLOCK_BYTES: usize = 1024 * 1024;

/// Numbers that are tried when a name is taken.
const NUMBERS_MAX: u32 = 10_000;

/// Bytes that are taken from the network before they are written together.
const WRITE_BYTES: usize = 128 * 1024;

/// Bytes after which what was written goes to the disk, beside what comes meanwhile. All of a large file at its
/// end would hold up whoever else waits for this disk.
const SYNC_BYTES: u64 = 1024 * 1024;

/// The unfinished file: its hash so far and its length.
struct Part {
    file: File,
    hasher: blake3::Hasher,
    len: u64,
    unsynced: u64,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl Part {
    /// Begins to bring it to the disk, if there is enough of it. One at a time: the next one waits.
    async fn sync_along(&mut self, written: u64) -> Result<(), Halt> {
        self.unsynced += written;
        if self.unsynced < SYNC_BYTES {
            return Ok(());
        }
        self.unsynced = 0;
        let file = self.file.try_clone().map_err(|error| unwritable(&error))?;
        let next = spawn_blocking(move || file.sync_data());
        match self.syncing.replace(next) {
            Some(last) => joined(last.await),
            None => Ok(()),
        }
    }
}

pub(super) async fn run(mut session: Session, job: DownloadJob) -> Outcome {
    let fetched = fetch(&mut session, &job).await;
    session.catch_up().await;
    match fetched {
        Ok(path) => Outcome::Done { fid: job.fid, path },
        Err(Halt::Wish(Control::Cancel)) => {
            remove_part(&job);
            Outcome::Cancelled
        }
        Err(Halt::Wish(_) | Halt::Cut(..)) => Outcome::Paused,
        Err(Halt::Failed(fault)) => Outcome::Failed(fault),
    }
}

/// Removes what is there of an unfinished file.
pub(super) fn remove_part(job: &DownloadJob) {
    if let Err(error) = fs::remove_file(part_path(job))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "an unfinished file stays");
    }
}

/// How many bytes of an unfinished file are there.
pub(super) fn part_len(job: &DownloadJob) -> u64 {
    fs::metadata(part_path(job)).map_or(0, |meta| meta.len().min(job.size))
}

/// The hash keeps two files of one name apart, and finds the part again.
fn part_path(job: &DownloadJob) -> PathBuf {
    let hash = job.hash.to_string();
    job.dir.join(format!("{}.{}.part", safe_name(&job.name), &hash[..16]))
}

async fn fetch(session: &mut Session, job: &DownloadJob) -> Result<PathBuf, Halt> {
    let mut part = open_part(session, job).await?;
    let mut waits = Backoff::default();
    while part.len < job.size {
        match attempt(session, job, &mut part, &mut waits).await {
            Ok(()) => {}
            Err(Halt::Cut(min_ms, max_ms)) => session.wait((min_ms, max_ms), &mut waits).await?,
            Err(halt) => return Err(halt),
        }
    }
    session.phase(Phase::Verifying).await;
    if Hash(*part.hasher.finalize().as_bytes()) != job.hash {
        remove_part(job);
        return Err(TransferFault::HashMismatch.into());
    }
    let job = job.clone();
    blocking(move || {
        part.file.sync_all()?;
        settle(&job)
    })
    .await
}

/// Opens the part, and hashes what is there already.
async fn open_part(session: &mut Session, job: &DownloadJob) -> Result<Part, Halt> {
    let (path, dir) = (part_path(job), job.dir.clone());
    let size = job.size;
    let opened = blocking(move || {
        fs::create_dir_all(&dir)?;
        open_plain(&path, size)
    });
    let (mut file, len) = opened.await?;
    let mut hasher = blake3::Hasher::new();
    let mut done = 0;
    if len > 0 {
        session.phase(Phase::Hashing).await;
    }
    while done < len {
        let reading = blocking(move || {
            let mut block = Vec::with_capacity(BLOCK_BYTES);
            let count = (&mut file).take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
            hasher.update(&block);
            Ok((file, hasher, count))
        });
        let count;
        (file, hasher, count) = session.unless_stopped(reading).await?;
        if count == 0 {
            break;
        }
        done += count as u64;
        session.moved(done, job.size).await;
    }
    Ok(Part { file, hasher, len: done, unsynced: 0, syncing: None })
}

/// A link or a pipe planted in its place is not written through. A part that is too long is not
/// of this file.
fn open_plain(path: &Path, size: u64) -> io::Result<(File, u64)> {
    let there = match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(!there);
    home::owner_only(&mut options);
    let mut file = options.open(path)?;
    let mut len = file.metadata()?.len();
    if len > size {
        file.set_len(0)?;
        len = 0;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((file, len))
}

/// One connection.
async fn attempt(
    session: &mut Session,
    job: &DownloadJob,
    part: &mut Part,
    waits: &mut Backoff,
) -> Result<(), Halt> {
    let ask = FileGet { fid: job.fid, off: part.len };
    let opening = async {
        let (mut conn, _) = session.connect().await?;
        let found = conn.ask(ask).await?;
        Ok((conn, found))
    };
    let (mut conn, found) = session.unless_stopped(opening).await?;
    if (found.size, found.b3) != (job.size, job.hash) {
        return Err(TransferFault::HashMismatch.into());
    }
    session.phase(Phase::Moving).await;
    let done = pieces(session, &mut conn, job, part, found.x, waits).await;
    if let Err(Halt::Wish(_) | Halt::Failed(_)) = done {
        Session::cancel(&mut conn, found.x, false).await;
    }
    conn.close().await;
    done
}

/// Takes pieces and writes several together; they are acknowledged when they are written.
async fn pieces(
    session: &mut Session,
    conn: &mut Connection,
    job: &DownloadJob,
    part: &mut Part,
    x: u64,
    waits: &mut Backoff,
) -> Result<(), Halt> {
    session.moved(part.len, job.size).await;
    let mut early = conn.take_early().into_iter();
    let mut block = Vec::with_capacity(WRITE_BYTES);
    while part.len < job.size {
        let event = match early.next() {
            Some(event) => Some(event),
            None => session.next_event(conn).await?,
        };
        let Some(Event::FileData(piece)) = event else { continue };
        if piece.x == x {
            take(&mut block, &piece, part.len, job.size)?;
        }
        let end = part.len + block.len() as u64;
        if block.len() >= WRITE_BYTES || end == job.size {
            write(part, std::mem::take(&mut block)).await?;
            conn.push_event(kind::FACK, &FileAck { x, o: part.len });
            waits.reset();
            session.moved(part.len, job.size).await;
        }
    }
    conn.drain().await?;
    Ok(())
}

/// Pieces come in order, without holes, and not beyond the end.
fn take(block: &mut Vec<u8>, piece: &FileData, written: u64, size: u64) -> Result<(), Halt> {
    let next = written + block.len() as u64;
    let fits = piece.d.len() as u64 <= size.saturating_sub(next);
    if piece.o != next || !fits || piece.d.is_empty() {
        return Err(ConnectionError::Protocol("a piece out of order".to_owned()).into());
    }
    block.extend_from_slice(&piece.d);
    Ok(())
}

async fn write(part: &mut Part, block: Vec<u8>) -> Result<(), Halt> {
    let mut file = part.file.try_clone().map_err(|error| unwritable(&error))?;
    let at = part.len;
    let len = block.len() as u64;
    part.hasher.update(&block);
    blocking(move || {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&block)
    })
    .await?;
    part.len += len;
    part.sync_along(len).await
}

/// Gives the part its name. The name is taken first, by an empty file that must not exist yet;
/// only that one is replaced.
fn settle(job: &DownloadJob) -> io::Result<PathBuf> {
    let name = safe_name(&job.name);
    for n in 1..=NUMBERS_MAX {
        let path = job.dir.join(numbered(&name, n));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        home::owner_only(&mut options);
        match options.open(&path) {
            Ok(_) => {
                if let Err(error) = fs::rename(part_path(job), &path) {
                    // An empty file of that name would look like the real one.
                    let _ = fs::remove_file(&path);
                    return Err(error);
                }
                home::sync_parent(&path)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Halt> {
    joined(spawn_blocking(work).await)
}

fn joined<T>(done: Result<io::Result<T>, JoinError>) -> Result<T, Halt> {
    match done {
        Ok(done) => done.map_err(|error| unwritable(&error).into()),
        Err(_) => Err(TransferFault::LinkEnded.into()),
    }
}
