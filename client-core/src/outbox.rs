//! Posts that are not acknowledged yet. Each is on disk before it is first sent, and leaves only
//! when the server has it or the person gives it up; that one was refused is kept with it. One
//! link owns an outbox; a lock says so.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use liao_common::{
    codec,
    fault::FaultCode,
    id::{Nonce, RoomId},
    message::{Body, Kind},
};
use serde::{Deserialize, Serialize};

use crate::{home, notice::Queued};

/// Posts that may wait; one more is refused.
pub const POSTS_MAX: usize = 1024;

/// The file is written anew when it is longer than this and less than half of it waits, in bytes.
const REWRITE_BYTES: u64 = 256 * 1024;

/// A longer file is not one of ours, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One record of the file: a post as it stands now, or without a kind the end of one.
#[derive(Serialize, Deserialize)]
struct Record {
    nonce: Nonce,
    #[serde(default)]
    room: RoomId,
    #[serde(default)]
    at_ms: u64,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    body: Body,
    /// Why the server refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<FaultCode>,
    /// The lineage of the log that its places and files are of; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    epoch: String,
}

/// A post and what became of it so far.
#[derive(Debug)]
struct Waiting {
    post: Queued,
    refused: Option<FaultCode>,
    /// The lineage of the log that it speaks of; empty when unknown.
    epoch: String,
    /// Length of its record.
    bytes: u64,
}

impl Waiting {
    fn new(post: Queued, epoch: &str) -> Self {
        Self { post, refused: None, epoch: epoch.to_owned(), bytes: 0 }
    }

    /// Whether it names a place or a file of the log, so that in another log it would mean another one.
    const fn refers(&self) -> bool {
        let body = &self.post.body;
        body.of.is_some() || body.re.is_some() || body.fid.is_some()
    }

    /// Whether it speaks of another log than that of this lineage.
    fn is_void_in(&self, epoch: &str) -> bool {
        let other = !self.epoch.is_empty() && self.epoch != epoch;
        self.refers() && (other || self.refused == Some(FaultCode::EpochChanged))
    }

    /// Appends its record, and notes the length.
    fn push(&mut self, out: &mut Vec<u8>) {
        let Queued { nonce, room, kind, body, at_ms } = self.post.clone();
        let (refused, epoch) = (self.refused, self.epoch.clone());
        let kind = Some(kind);
        self.bytes = push_record(out, &Record { nonce, room, at_ms, kind, body, refused, epoch });
    }
}

/// Posts that are not acknowledged yet, the oldest first.
#[derive(Debug)]
pub struct Outbox {
    posts: VecDeque<Waiting>,
    file: Option<Opened>,
    bytes: u64,
}

/// The file of an outbox. The lock is another file, because this one is replaced now and then.
#[derive(Debug)]
struct Opened {
    ink: Box<dyn Ink>,
    path: PathBuf,
    /// Something half written stands at the end and could not be cut off.
    torn: bool,
    /// Less than all that happened was written; the posts themselves are.
    behind: bool,
    _lock: File,
}

/// What can be done to the end of a file. A trait, so that tests run out of disk.
trait Ink: std::fmt::Debug + Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    fn cut(&self, len: u64) -> io::Result<()>;
}

impl Ink for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

impl Outbox {
    /// An outbox that lives as long as the program.
    #[must_use]
    pub const fn in_memory() -> Self {
        Self { posts: VecDeque::new(), file: None, bytes: 0 }
    }

    /// Opens or makes the outbox at `path`. A record that was cut off by a crash is dropped: it
    /// had not been sent. That takes no room, so posts of an earlier run are found on a full disk too.
    ///
    /// # Errors
    /// When the file cannot be read or written, or another program holds it
    /// ([`io::ErrorKind::WouldBlock`]).
    pub fn open(path: &Path) -> io::Result<Self> {
        let lock = appending(&path.with_extension("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        let file = appending(path)?;
        if file.metadata()?.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the outbox is too long"));
        }
        let mut outbox = Self::in_memory();
        outbox.bytes = outbox.replay(&fs::read(path)?);
        Ink::cut(&file, outbox.bytes)?;
        let (ink, path) = (Box::new(file), path.to_owned());
        outbox.file = Some(Opened { ink, path, torn: false, behind: false, _lock: lock });
        if let Err(error) = outbox.shorten() {
            tracing::info!(%error, "the outbox stays long");
        }
        Ok(outbox)
    }

    /// The waiting posts, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.posts.iter().map(|waiting| &waiting.post)
    }

    /// A waiting post.
    #[must_use]
    pub fn find(&self, nonce: Nonce) -> Option<&Queued> {
        self.iter().find(|post| post.nonce == nonce)
    }

    /// Why the server refused a post; `None` for those that are to be sent.
    #[must_use]
    pub fn refused(&self, nonce: Nonce) -> Option<FaultCode> {
        self.posts.iter().find(|waiting| waiting.post.nonce == nonce)?.refused
    }

    /// Whether it has no file, so that writing to it waits for nothing.
    #[must_use]
    pub const fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    /// How many more posts it takes.
    #[must_use]
    pub fn room_left(&self) -> usize {
        POSTS_MAX.saturating_sub(self.posts.len())
    }

    /// Takes posts in that speak of the log of this lineage, empty when that is unknown. When this returns they
    /// are on disk.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is in the outbox.
    pub fn add(&mut self, posts: Vec<Queued>, epoch: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        let taken: Vec<Waiting> = posts
            .into_iter()
            .map(|post| {
                let mut waiting = Waiting::new(post, epoch);
                waiting.push(&mut bytes);
                waiting
            })
            .collect();
        self.append(&bytes, true)?;
        self.posts.extend(taken);
        Ok(())
    }

    /// Notes that the server refused a post, or with `None` that it is to be sent after all. That
    /// is not synced: a post that forgets it after a crash is refused once more.
    ///
    /// # Errors
    /// When it cannot be written; until the end of the program it is noted nevertheless.
    pub fn refuse(&mut self, nonce: Nonce, why: Option<FaultCode>) -> io::Result<()> {
        let found = self.posts.iter_mut().find(|waiting| waiting.post.nonce == nonce);
        let Some(waiting) = found.filter(|waiting| waiting.refused != why) else { return Ok(()) };
        let mut bytes = Vec::new();
        waiting.refused = why;
        waiting.push(&mut bytes);
        self.note(&bytes)
    }

    /// The log is that of this lineage, with other messages in the places known before where it was `reset`.
    /// Refuses what speaks of another one with [`FaultCode::EpochChanged`], and gives it, the oldest first.
    ///
    /// # Errors
    /// As [`Outbox::refuse`], with the same meaning; beside what was refused.
    pub fn refuse_void(
        &mut self,
        epoch: &str,
        reset: bool,
    ) -> (Vec<(RoomId, Nonce)>, io::Result<()>) {
        let (mut void, mut bytes) = (Vec::new(), Vec::new());
        for waiting in &mut self.posts {
            let is_void = waiting.is_void_in(epoch) || (reset && waiting.refers());
            if !is_void || waiting.refused == Some(FaultCode::EpochChanged) {
                continue;
            }
            waiting.refused = Some(FaultCode::EpochChanged);
            waiting.push(&mut bytes);
            void.push((waiting.post.room, waiting.post.nonce));
        }
        let done = if void.is_empty() { Ok(()) } else { self.note(&bytes) };
        (void, done)
    }

    /// Makes a post ready for being sent again: an answer to a message of another log becomes a message of its
    /// own. `false` when it has no meaning without that log, or is not here.
    ///
    /// # Errors
    /// As [`Outbox::refuse`], with the same meaning.
    pub fn renew(&mut self, nonce: Nonce, epoch: &str) -> io::Result<bool> {
        let Some(waiting) = self.posts.iter_mut().find(|waiting| waiting.post.nonce == nonce)
        else {
            return Ok(false);
        };
        if !waiting.is_void_in(epoch) {
            self.refuse(nonce, None)?;
            return Ok(true);
        }
        waiting.post.body.re = None;
        if waiting.refers() {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        waiting.refused = None;
        epoch.clone_into(&mut waiting.epoch);
        waiting.push(&mut bytes);
        self.note(&bytes).map(|()| true)
    }

    /// Takes a post out. That is not synced: a post that comes back after a crash is sent again
    /// with its old nonce, and the server knows it.
    ///
    /// # Errors
    /// When it cannot be written; the post is out nevertheless.
    pub fn remove(&mut self, nonce: Nonce) -> io::Result<()> {
        let before = self.posts.len();
        self.posts.retain(|waiting| waiting.post.nonce != nonce);
        if self.posts.len() == before {
            return Ok(());
        }
        let mut bytes = Vec::new();
        push_record(&mut bytes, &end_of(nonce));
        self.note(&bytes)
    }

    /// Writes what has changed already; the whole file when most of it is over and done with, or
    /// when something is missing in it.
    fn note(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Ok(true) = self.shorten() {
            return Ok(());
        }
        let done = self.append(bytes, false);
        if let (Err(_), Some(opened)) = (&done, &mut self.file) {
            opened.behind = true;
        }
        done
    }

    /// Appends all or nothing: what was half written would hide whatever follows it.
    fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        let Some(opened) = &mut self.file else { return Ok(()) };
        if opened.torn {
            opened.ink.cut(self.bytes)?;
            opened.torn = false;
        }
        let mut done = opened.ink.append(bytes);
        if durable {
            done = done.and_then(|()| opened.ink.sync());
        }
        match done {
            Ok(()) => self.bytes += bytes.len() as u64,
            Err(_) => opened.torn = opened.ink.cut(self.bytes).is_err(),
        }
        done
    }

    /// Writes the file anew where that is worth it. `false` when it is not.
    fn shorten(&mut self) -> io::Result<bool> {
        let waiting: u64 = self.posts.iter().map(|waiting| waiting.bytes).sum();
        let long = self.bytes > REWRITE_BYTES && self.bytes > 2 * waiting;
        let due = long || self.file.as_ref().is_some_and(|opened| opened.behind);
        if due {
            self.rewrite()?;
        }
        Ok(due)
    }

    /// Replaces the file by one with nothing but what waits.
    fn rewrite(&mut self) -> io::Result<()> {
        let Some(opened) = &mut self.file else { return Ok(()) };
        let mut bytes = Vec::new();
        for waiting in &mut self.posts {
            waiting.push(&mut bytes);
        }
        home::write_atomic(&opened.path, &bytes)?;
        opened.ink = Box::new(appending(&opened.path)?);
        (opened.torn, opened.behind) = (false, false);
        self.bytes = bytes.len() as u64;
        Ok(())
    }

    /// Takes the records in, and gives the length of those that are whole.
    fn replay(&mut self, bytes: &[u8]) -> u64 {
        let mut rest = bytes;
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let len = u32::from_be_bytes(*head) as usize;
            let Some((record, after)) = after.split_at_checked(len) else { break };
            let Ok(record) = codec::decode::<Record>(record) else { break };
            rest = after;
            self.replay_one(record, 4 + len as u64);
        }
        (bytes.len() - rest.len()) as u64
    }

    fn replay_one(&mut self, record: Record, bytes: u64) {
        let Record { nonce, room, at_ms, kind, body, refused, epoch } = record;
        let Some(kind) = kind else {
            self.posts.retain(|waiting| waiting.post.nonce != nonce);
            return;
        };
        let post = Queued { nonce, room, kind, body, at_ms };
        let waiting = Waiting { post, refused, epoch, bytes };
        match self.posts.iter_mut().find(|known| known.post.nonce == nonce) {
            Some(known) => *known = waiting,
            None => self.posts.push_back(waiting),
        }
    }
}

fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    home::owner_only(&mut options);
    options.open(path)
}

fn end_of(nonce: Nonce) -> Record {
    let body = Body::default();
    Record {
        nonce,
        room: RoomId(0),
        at_ms: 0,
        kind: None,
        body,
        refused: None,
        epoch: String::new(),
    }
}

fn push_record(out: &mut Vec<u8>, record: &Record) -> u64 {
    let bytes = codec::encode(record);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend(len.to_be_bytes());
    out.extend(bytes);
    4 + u64::from(len)
}

#[cfg(test)]
mod tests;
