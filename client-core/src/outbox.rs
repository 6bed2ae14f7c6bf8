//! Posts that are not acknowledged yet. Each is on disk before it is first sent, and leaves only
//! when the server has it or the person gives it up. One link owns an outbox; a lock says so.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use liao_common::{
    codec,
    id::{Nonce, RoomId},
    message::{Body, Kind},
};
use serde::{Deserialize, Serialize};

use crate::{home, notice::Queued};

/// Posts that may wait; one more is refused.
pub const POSTS_MAX: usize = 1024;

/// The file is written anew when it is longer than this and nothing in it waits, in bytes.
const REWRITE_BYTES: u64 = 256 * 1024;

/// A longer file is not one of ours, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One record of the file: a post, or the end of one.
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
}

/// Posts that are not acknowledged yet, the oldest first.
#[derive(Debug)]
pub struct Outbox {
    posts: VecDeque<Queued>,
    file: Option<Opened>,
    bytes: u64,
}

/// The file of an outbox. The lock is another file, because this one is replaced now and then.
#[derive(Debug)]
struct Opened {
    file: File,
    path: PathBuf,
    _lock: File,
}

impl Outbox {
    /// An outbox that lives as long as the program.
    #[must_use]
    pub const fn in_memory() -> Self {
        Self { posts: VecDeque::new(), file: None, bytes: 0 }
    }

    /// Opens or makes the outbox at `path`. A record that was cut off by a crash is dropped: it
    /// had not been sent.
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
        outbox.replay(&fs::read(path)?);
        outbox.file = Some(Opened { file, path: path.to_owned(), _lock: lock });
        outbox.rewrite()?;
        Ok(outbox)
    }

    /// The waiting posts, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.posts.iter()
    }

    /// A waiting post.
    #[must_use]
    pub fn find(&self, nonce: Nonce) -> Option<&Queued> {
        self.posts.iter().find(|post| post.nonce == nonce)
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

    /// Takes posts in. When this returns they are on disk.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is in the outbox.
    pub fn add(&mut self, posts: Vec<Queued>) -> io::Result<()> {
        let mut bytes = Vec::new();
        posts.iter().for_each(|post| push_record(&mut bytes, &record_of(post)));
        if let Err(error) = self.append(&bytes, true) {
            // What was half written would hide whatever follows it.
            self.rewrite()?;
            return Err(error);
        }
        self.posts.extend(posts);
        Ok(())
    }

    /// Takes a post out. That is not synced: a post that comes back after a crash is sent again
    /// with its old nonce, and the server knows it.
    ///
    /// # Errors
    /// When it cannot be written; the post is out nevertheless.
    pub fn remove(&mut self, nonce: Nonce) -> io::Result<()> {
        let before = self.posts.len();
        self.posts.retain(|post| post.nonce != nonce);
        if self.posts.len() == before {
            return Ok(());
        }
        if self.posts.is_empty() && self.bytes > REWRITE_BYTES {
            return self.rewrite();
        }
        let mut bytes = Vec::new();
        let end = Record { nonce, room: RoomId(0), at_ms: 0, kind: None, body: Body::default() };
        push_record(&mut bytes, &end);
        self.append(&bytes, false)
    }

    fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        let Some(opened) = &mut self.file else { return Ok(()) };
        opened.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        if durable { opened.file.sync_data() } else { Ok(()) }
    }

    /// Replaces the file by one with nothing but what waits.
    fn rewrite(&mut self) -> io::Result<()> {
        let Some(opened) = &mut self.file else { return Ok(()) };
        let mut bytes = Vec::new();
        self.posts.iter().for_each(|post| push_record(&mut bytes, &record_of(post)));
        home::write_atomic(&opened.path, &bytes)?;
        opened.file = appending(&opened.path)?;
        self.bytes = bytes.len() as u64;
        Ok(())
    }

    fn replay(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let len = u32::from_be_bytes(*head) as usize;
            let Some((record, after)) = after.split_at_checked(len) else { break };
            let Ok(record) = codec::decode::<Record>(record) else { break };
            rest = after;
            match record.kind {
                Some(kind) => self.posts.push_back(Queued {
                    nonce: record.nonce,
                    room: record.room,
                    kind,
                    body: record.body,
                    at_ms: record.at_ms,
                }),
                None => self.posts.retain(|post| post.nonce != record.nonce),
            }
        }
    }
}

fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    home::owner_only(&mut options);
    options.open(path)
}

fn record_of(post: &Queued) -> Record {
    Record {
        nonce: post.nonce,
        room: post.room,
        at_ms: post.at_ms,
        kind: Some(post.kind.clone()),
        body: post.body.clone(),
    }
}

fn push_record(out: &mut Vec<u8>, record: &Record) {
    let bytes = codec::encode(record);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend(len.to_be_bytes());
    out.extend(bytes);
}

#[cfg(test)]
mod tests;
