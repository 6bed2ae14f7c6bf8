//! A download: the bytes of a stored file from an offset on, a piece at a time.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use liao_common::limits::CHUNK_BYTES;

use super::{FileError, Place};

/// See the module.
#[derive(Debug)]
pub struct Download {
    file: File,
    offset: u64,
    size: u64,
    _place: Place,
}

impl Download {
    pub(super) fn open(
        path: &Path,
        size: u64,
        offset: u64,
        place: Place,
    ) -> Result<Self, FileError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileError::Missing);
            }
            Err(error) => return Err(error.into()),
        };
        if file.metadata()?.len() != size {
            return Err(FileError::Missing);
        }
        let offset = offset.min(size);
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, offset, size, _place: place })
    }

    /// Where the next piece begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Nothing is left.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.offset >= self.size
    }

    /// The next piece and where it belongs.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn read(&mut self) -> Result<(u64, Vec<u8>), FileError> {
        let at = self.offset;
        let left = usize::try_from(self.size - at).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(CHUNK_BYTES)];
        self.file.read_exact(&mut piece)?;
        self.offset += piece.len() as u64;
        Ok((at, piece))
    }
}
