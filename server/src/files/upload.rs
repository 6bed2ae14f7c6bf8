//! An upload: bytes in order into a file of its own, hashed on the way, synced before they are
//! acknowledged, verified before the file exists for anybody.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use liao_common::id::Hash;

use super::{Claim, FileError};
use crate::disk::sync_folder;

/// Bytes after which what has come is synced and acknowledged.
const SYNC_BYTES: u64 = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Upload {
    file: File,
    path: PathBuf,
    target: PathBuf,
    /// Boxed: it is two kilobytes, and every request's future would have room for several of it.
    hasher: Box<blake3::Hasher>,
    size: u64,
    b3: Hash,
    offset: u64,
    synced: u64,
    claim: Claim,
}

impl Upload {
    pub(super) fn open(
        path: PathBuf,
        target: PathBuf,
        (size, b3): (u64, Hash),
        claim: Claim,
    ) -> Result<Self, FileError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        if file.metadata()?.len() > size {
            file.set_len(0)?;
        }
        let mut hasher = Box::new(blake3::Hasher::new());
        let offset = hash_all(&mut file, &mut hasher)?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        Ok(Self { file, path, target, hasher, size, b3, offset, synced: offset, claim })
    }

    /// Where the next byte belongs.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes a piece. Gives the offset to acknowledge, when it is time for that.
    ///
    /// # Errors
    /// [`FileError::Offset`] when it does not begin where the last one ended, and nothing is
    /// written; [`FileError::Excess`]; [`FileError::Io`].
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<Option<u64>, FileError> {
        if offset != self.offset {
            return Err(FileError::Offset(self.offset));
        }
        let end = self.offset + bytes.len() as u64;
        if end > self.size {
            return Err(FileError::Excess);
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.offset = end;
        if end - self.synced < SYNC_BYTES && end < self.size {
            return Ok(None);
        }
        self.file.sync_data()?;
        self.synced = end;
        Ok(Some(end))
    }

    /// Checks size and hash, and brings the bytes to the disk.
    ///
    /// # Errors
    /// [`FileError::Offset`] when bytes are missing; [`FileError::Mismatch`] when they are other
    /// bytes, which are thrown away; [`FileError::Io`].
    pub fn verify(self) -> Result<Verified, FileError> {
        if self.offset < self.size {
            return Err(FileError::Offset(self.offset));
        }
        if self.hasher.finalize().as_bytes() != &self.b3.0 {
            fs::remove_file(&self.path)?;
            return Err(FileError::Mismatch);
        }
        self.file.sync_all()?;
        Ok(Verified { path: self.path, target: self.target, claim: self.claim })
    }

    /// Throws away what has come.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn discard(self) -> Result<(), FileError> {
        Ok(fs::remove_file(&self.path)?)
    }
}

/// An upload whose bytes are whole and right, and that is not yet a file.
#[derive(Debug)]
pub struct Verified {
    path: PathBuf,
    target: PathBuf,
    claim: Claim,
}

impl Verified {
    /// Moves it to where it can be fetched.
    ///
    /// # Errors
    /// [`FileError::Io`]. It is moved at the next start then.
    pub fn publish(self) -> Result<(), FileError> {
        let _still = self.claim.moving.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(publish(&self.path, &self.target)?)
    }

    /// Throws it away.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn discard(self) -> Result<(), FileError> {
        Ok(fs::remove_file(&self.path)?)
    }
}

/// Whether a file has the content that its name claims. When it has, its bytes are on the disk.
pub(super) fn verify(path: &Path, b3: &Hash) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hash_all(&mut file, &mut hasher)?;
    file.sync_all()?;
    Ok(Hash(hasher.finalize().into()) == *b3)
}

/// Moves a whole upload to its place.
pub(super) fn publish(path: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    create_folders(folder)?;
    fs::rename(path, target)?;
    sync_folder(folder)
}

/// The two levels of folders above a blob, each synced in the one above it.
fn create_folders(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    folder.ancestors().skip(1).take(2).try_for_each(sync_folder)
}

fn hash_all(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut sum = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum),
            len => {
                hasher.update(&buffer[..len]);
                sum += len as u64;
            }
        }
    }
}
