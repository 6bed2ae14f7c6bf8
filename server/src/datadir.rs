//! The data folder of a server: who may use it, and where things are in it.
//! `DataDir` owns the lock on the folder for as long as it lives.
//! A folder is used by one process at a time, and never by one older than what is stored in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::disk::sync_folder;

/// Version of the layout of the folder.
const FORMAT_VERSION: u32 = 1;
const FORMAT_WORD: &str = "liao-data";

/// What a folder may have in it that is to become a data folder: what a start leaves that was cut off, a key that
/// was put there before, and what belongs to a file system of its own.
const EMPTY_STILL: [&str; 4] = ["lock", "format.new", "tls", "lost+found"];

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another server works in it.
    #[error("the data folder {} is in use by a server that is running", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It was written by a newer server.
    #[error(
        "the data folder {} has format {found}; this server knows {FORMAT_VERSION} at most. \
         Use a newer server", path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// What is in it was not written by a server.
    #[error("the file {} does not say which format the data folder has", path.display())]
    Foreign {
        /// The format file.
        path: PathBuf,
    },
    /// There is something else of that name.
    #[error("{} is not a folder", path.display())]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Something else lies in it.
    #[error(
        "{} is in the folder {} already; a server wants a folder of its own, and makes it where there is none",
        name.display(), path.display()
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        name: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What it was about.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A data folder, locked.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl Drop for DataDir {
    /// Closing is not enough: a child that another thread of this program is starting has the same open file until
    /// it runs a program of its own, and the lock would stay for so long.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!("the lock of {} is not given back: {error}", self.path.display());
        }
    }
}

impl DataDir {
    /// Opens the folder at `path` for this process alone, creating it (mode 0700) when missing.
    ///
    /// # Errors
    /// [`DataDirError::Occupied`] for a folder that is new to a server and not empty; see there for the others.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        if path.exists() && !path.is_dir() {
            return Err(DataDirError::NoFolder { path });
        }
        create(&path).map_err(failed("create", &path))?;
        if !path.join("format").exists() {
            check_free(&path)?;
        }
        let lock = lock(&path)?;
        match fs::read_to_string(path.join("format")) {
            Ok(text) => check_format(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => begin(&path)?,
            Err(error) => return Err(failed("read", &path.join("format"))(error)),
        }
        Ok(Self { path, lock })
    }

    /// Whether there is one at `path`, of this version or another.
    pub fn is_one(path: &Path) -> bool {
        path.join("format").is_file()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folder of the journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Folder of the index.
    pub fn index(&self) -> PathBuf {
        self.path.join("index")
    }

    /// Folder of certificate and key.
    pub fn tls(&self) -> PathBuf {
        self.path.join("tls")
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { action, path, source }
}

/// Makes the folder and those above it that are missing, and all their names safe: without them a
/// power cut would take everything that was acknowledged later.
fn create(path: &Path) -> io::Result<()> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let made = path.ancestors().take_while(missing).count();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // One level more than was made: a start that was killed right here made that one.
    path.ancestors().skip(1).take(made + 1).try_for_each(|folder| match sync_folder(folder) {
        // Somebody else's folder, which was there long before.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    })
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let name = path.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&name)
        .map_err(failed("write", &name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed("lock", &name)(source)),
    }
}

fn check_format(path: &Path, text: &str) -> Result<(), DataDirError> {
    let version = text.strip_prefix(FORMAT_WORD).and_then(|rest| rest.trim().parse().ok());
    match version {
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => {
            Err(DataDirError::Newer { path: path.to_owned(), found })
        }
        _ => Err(DataDirError::Foreign { path: path.join("format") }),
    }
}

/// Whether a folder without a format may become a data folder. One that has a journal must have had a format.
fn check_free(path: &Path) -> Result<(), DataDirError> {
    if path.join("journal").exists() {
        return Err(DataDirError::Foreign { path: path.join("format") });
    }
    for entry in fs::read_dir(path).map_err(failed("read", path))? {
        let name = PathBuf::from(entry.map_err(failed("read", path))?.file_name());
        if !EMPTY_STILL.iter().any(|known| name == Path::new(known)) {
            return Err(DataDirError::Occupied { path: path.to_owned(), name });
        }
    }
    Ok(())
}

/// Takes an empty folder: for this user alone, also where somebody else made it.
fn begin(path: &Path) -> Result<(), DataDirError> {
    let alone = fs::Permissions::from_mode(0o700);
    fs::set_permissions(path, alone).map_err(failed("set the mode of", path))?;
    write_format(path).map_err(failed("write", path))
}

/// Writes the format of a folder whose content is whole.
pub(crate) fn write_format(path: &Path) -> io::Result<()> {
    let fresh = path.join("format.new");
    let mut file = File::create(&fresh)?;
    writeln!(file, "{FORMAT_WORD} {FORMAT_VERSION}")?;
    file.sync_all()?;
    fs::rename(&fresh, path.join("format"))?;
    sync_folder(path)
}

#[cfg(test)]
mod tests;
