//! The few file operations the journal needs, so that tests can put a failing disk in its place.
//! A `Disk` is one flat folder; it owns the names in it and nothing else.
//! What was written holds after a power cut only once the file and the folder were synced.

mod memory;
mod real;

use std::io;
use std::sync::Arc;

pub use memory::MemoryDisk;
pub use real::RealDisk;
pub(crate) use real::sync_folder;

/// One flat folder of files.
pub trait Disk: Send + Sync {
    /// Names of the files in the folder, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Creates a file for reading and writing; it must not exist.
    fn create_new(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals hold after a power cut.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes an ordinary process may still write on this file system.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One open file. All offsets and lengths are bytes.
pub trait DiskFile: Send + Sync {
    /// Length of the file.
    fn size_bytes(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`; `UnexpectedEof` when the file is shorter.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`, growing the file when needed.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the content hold after a power cut.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file to `len` bytes and makes that hold after a power cut.
    fn truncate(&self, len: u64) -> io::Result<()>;
}
