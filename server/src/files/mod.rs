//! Uploaded files: content under its hash, unfinished uploads beside it. Names and owners are the
//! journal's business; here are only bytes. All of it blocks and belongs on a blocking thread.
//!
//! Must hold: a file that can be fetched is whole, verified and synced.

mod download;
mod places;
mod upload;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use liao_common::{
    id::{Hash, UserId},
    limits,
};

use crate::disk::{Disk as _, RealDisk, sync_folder};

use places::{Place, Places};

pub use download::Download;
pub use upload::{Upload, Verified};

/// What may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of all files of one person, unfinished ones included.
    pub user_bytes_max: u64,
    /// With fewer free bytes on the disk, no upload is taken.
    pub free_bytes_min: u64,
    /// Transfers under way at a time, of all people; each keeps a file open.
    pub transfers_max: usize,
    /// Of them, those of one person: at most so many, and never more than half.
    pub user_transfers_max: usize,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file_bytes_max: 100 << 20,
            user_bytes_max: 1 << 30,
            free_bytes_min: 1 << 30,
            transfers_max: 4096,
            user_transfers_max: limits::TRANSFERS_PER_USER_MAX,
        }
    }
}

/// Why a transfer cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file, or all files of this person together, would be too large.
    #[error("over the limit for files")]
    TooLarge,
    /// Too little room on the disk.
    #[error("too little room on the disk")]
    Full,
    /// The same file is being uploaded on another connection.
    #[error("this upload is under way on another connection")]
    InUse,
    /// As many transfers are under way as there may be.
    #[error("too many transfers at once")]
    Busy,
    /// As many transfers of this person are under way as there may be.
    #[error("too many transfers of one person at once")]
    TooMany,
    /// A piece does not begin where the last one ended; go on from here.
    #[error("the next byte is at {0}")]
    Offset(u64),
    /// More bytes than were announced.
    #[error("more bytes than were announced")]
    Excess,
    /// The content is not what was announced; it was thrown away.
    #[error("the content has another hash than was announced")]
    Mismatch,
    /// The file's content is not there.
    #[error("the content is missing")]
    Missing,
}

/// Uploads under way, and the bytes that were announced for each.
type InUse = HashMap<String, u64>;

/// See the module.
#[derive(Clone)]
pub struct Files {
    root: PathBuf,
    disk: Arc<RealDisk>,
    limits: FileLimits,
    in_use: Arc<Mutex<InUse>>,
    /// For each transfer that may be under way.
    places: Places,
    /// Held while a content comes or goes.
    moving: Arc<Mutex<()>>,
}

impl Files {
    /// Opens the two folders below `data`, creating them when needed.
    ///
    /// # Errors
    /// When they cannot be created.
    pub fn open(data: &Path, limits: FileLimits) -> io::Result<Self> {
        let disk = Arc::new(RealDisk::open(data)?);
        let files = Self {
            root: data.to_owned(),
            disk,
            limits,
            in_use: Arc::default(),
            places: Places::new(limits.transfers_max, limits.user_transfers_max),
            moving: Arc::default(),
        };
        for folder in [files.blobs(), files.uploads()] {
            fs::create_dir_all(&folder)?;
        }
        sync_folder(data)?;
        Ok(files)
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> FileLimits {
        self.limits
    }

    /// Starts an upload, or goes on with one of the same person, content and size.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], [`FileError::Full`], [`FileError::InUse`], [`FileError::Busy`],
    /// [`FileError::TooMany`] or [`FileError::Io`].
    pub fn upload(
        &self,
        user: UserId,
        size: u64,
        b3: Hash,
        used: u64,
    ) -> Result<Upload, FileError> {
        let name = format!("{user}-{b3}-{size}");
        // Held from the sum to the claim: two uploads that begin at once cannot share what is left.
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.contains_key(&name) {
            return Err(FileError::InUse);
        }
        let unfinished = self.unfinished_bytes(user, &name, &in_use)?;
        let total = used.saturating_add(unfinished).saturating_add(size);
        if size > self.limits.file_bytes_max || total > self.limits.user_bytes_max {
            return Err(FileError::TooLarge);
        }
        if self.disk.free_bytes()? < self.limits.free_bytes_min.saturating_add(size) {
            return Err(FileError::Full);
        }
        let place = self.places.take(user)?;
        in_use.insert(name.clone(), size);
        drop(in_use);
        let (in_use, moving) = (Arc::clone(&self.in_use), Arc::clone(&self.moving));
        let claim = Claim { name: name.clone(), in_use, moving, _place: place };
        Upload::open(self.uploads().join(name), self.blob(&b3), (size, b3), claim)
    }

    /// Opens a stored file for this person to read.
    ///
    /// # Errors
    /// [`FileError::Missing`], [`FileError::Busy`], [`FileError::TooMany`] or [`FileError::Io`].
    pub fn download(
        &self,
        user: UserId,
        b3: &Hash,
        size: u64,
        offset: u64,
    ) -> Result<Download, FileError> {
        Download::open(&self.blob(b3), size, offset, self.places.take(user)?)
    }

    /// Removes a content that is `unused`. That is asked while none can come: a file with the same
    /// content is known before its bytes are published.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(&self, b3: &Hash, unused: impl FnOnce() -> bool) -> io::Result<()> {
        let _still = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let blob = self.blob(b3);
        if !blob.exists() || !unused() {
            return Ok(());
        }
        fs::remove_file(&blob)?;
        blob.parent().map_or(Ok(()), sync_folder)
    }

    /// Throws away unfinished uploads that nobody touched since `before_ms` (ms since 1970).
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn forget_unfinished(&self, before_ms: u64) -> io::Result<u64> {
        let mut freed = 0;
        for entry in fs::read_dir(self.uploads())? {
            let entry = entry?;
            let data = entry.metadata()?;
            let touched =
                data.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            if touched.as_millis() < u128::from(before_ms) {
                freed += data.len();
                fs::remove_file(entry.path())?;
            }
        }
        Ok(freed)
    }

    /// Moves whole uploads to their places that a crash left behind: those that are somebody's file
    /// already, as `is_file` knows. Others may claim that too, so the bytes are verified again.
    ///
    /// # Errors
    /// When the folders cannot be read or written.
    pub fn publish_left_over(&self, is_file: impl Fn(UserId, &Hash) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(self.uploads())? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((user, b3, size)) = name.to_str().and_then(parse_name) else { continue };
            let whole = entry.metadata()?.len() == size && is_file(user, &b3);
            if whole && upload::verify(&entry.path(), &b3)? {
                upload::publish(&entry.path(), &self.blob(&b3))?;
            }
        }
        Ok(())
    }

    /// What this person's other uploads take: those under way all that was announced, those that
    /// stand still what came of them.
    fn unfinished_bytes(&self, user: UserId, except: &str, in_use: &InUse) -> io::Result<u64> {
        let prefix = format!("{user}-");
        let under_way = in_use.iter().filter(|(name, _)| name.starts_with(&prefix));
        let mut sum = under_way.map(|(_, size)| size).sum();
        for entry in fs::read_dir(self.uploads())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&prefix) && name != except && !in_use.contains_key(&*name) {
                sum += entry.metadata()?.len();
            }
        }
        Ok(sum)
    }

    fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    fn blob(&self, b3: &Hash) -> PathBuf {
        let name = b3.to_string();
        self.blobs().join(&name[..2]).join(&name[2..4]).join(name)
    }
}

/// Whose upload it is, of what, from the name that [`Files::upload`] gives it.
fn parse_name(name: &str) -> Option<(UserId, Hash, u64)> {
    let mut parts = name.split('-');
    let (user, b3, size) = (parts.next()?, parts.next()?, parts.next()?);
    Some((UserId(user.parse().ok()?), Hash::parse_hex(b3)?, size.parse().ok()?))
}

/// One upload, one connection.
#[derive(Debug)]
struct Claim {
    name: String,
    in_use: Arc<Mutex<InUse>>,
    moving: Arc<Mutex<()>>,
    _place: Place,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests;
