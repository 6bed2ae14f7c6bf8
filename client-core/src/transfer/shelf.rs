//! The transfers of one account that are not at an end, kept for the next run of the program. Owned by the desk of
//! transfers; replaced as a whole, so that it is never half written.

use std::{fs, io, path::PathBuf};

use liao_common::{
    codec,
    id::{FileId, Hash, Nonce, RoomId},
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{DownloadJob, UploadJob, task::Job};
use crate::home;

/// A longer file is not one of ours, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The file with the transfers that are not at an end.
#[derive(Clone, Debug)]
pub struct Shelf {
    path: PathBuf,
}

/// A transfer as it stands on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) job: Job,
    /// The nonce of the message that will offer an uploaded file: it is offered once.
    pub(crate) nonce: Nonce,
    /// The lineage of the server's log that its room and file are of.
    pub(crate) epoch: String,
    /// How far an upload was, in bytes.
    pub(crate) done: u64,
    /// What an upload has become on the server; all that is left is to offer it.
    pub(crate) whole: Option<Whole>,
}

/// A file that is on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whole {
    pub(crate) fid: FileId,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) hash: Hash,
}

#[derive(Serialize, Deserialize)]
struct Record {
    nonce: Nonce,
    #[serde(default)]
    epoch: String,
    room: RoomId,
    /// The file of an upload, the directory of a download.
    path: String,
    #[serde(default)]
    media: String,
    #[serde(default)]
    done: u64,
    #[serde(default)]
    whole: Option<Whole>,
    #[serde(default)]
    download: Option<Offer>,
}

#[derive(Serialize, Deserialize)]
struct Offer {
    fid: FileId,
    name: String,
    size: u64,
    hash: Hash,
}

impl Shelf {
    /// A shelf in this file, which need not be there. Only one program at a time may use it.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was kept, at most `kept_max` of it. What cannot be read is kept no longer, and the log says so.
    pub(crate) async fn read(&self, kept_max: usize) -> Vec<Kept> {
        let path = self.path.clone();
        let read = spawn_blocking(move || {
            if fs::metadata(&path)?.len() > FILE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let records = codec::decode::<Vec<Record>>(&fs::read(&path)?);
            records.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
        });
        match read.await.unwrap_or_else(|error| Err(error.into())) {
            Ok(records) => records.into_iter().take(kept_max).map(Record::kept).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "the transfers of the last run cannot be read");
                Vec::new()
            }
        }
    }

    /// Keeps exactly these. Paths that are no text cannot be kept.
    pub(crate) async fn write(&self, kept: Vec<Kept>) {
        let path = self.path.clone();
        let written = spawn_blocking(move || {
            let records: Vec<Record> = kept.into_iter().filter_map(Record::of).collect();
            if records.is_empty() {
                return match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                };
            }
            home::write_atomic(&path, &codec::encode(&records))
        });
        if let Err(error) = written.await.unwrap_or_else(|error| Err(error.into())) {
            tracing::warn!(%error, "transfers are not kept for the next run");
        }
    }
}

impl Record {
    fn of(kept: Kept) -> Option<Self> {
        let Kept { job, nonce, epoch, done, whole } = kept;
        Some(match job {
            Job::Upload(UploadJob { room, path, media }) => {
                let path = path.to_str()?.to_owned();
                Self { nonce, epoch, room, path, media, done, whole, download: None }
            }
            Job::Download(DownloadJob { room, fid, name, size, hash, dir }) => {
                let (path, media) = (dir.to_str()?.to_owned(), String::new());
                let download = Some(Offer { fid, name, size, hash });
                Self { nonce, epoch, room, path, media, done, whole, download }
            }
        })
    }

    fn kept(self) -> Kept {
        let Self { nonce, epoch, room, path, media, done, whole, download } = self;
        let path = PathBuf::from(path);
        let job = match download {
            None => Job::Upload(UploadJob { room, path, media }),
            Some(Offer { fid, name, size, hash }) => {
                Job::Download(DownloadJob { room, fid, name, size, hash, dir: path })
            }
        };
        Kept { job, nonce, epoch, done, whole }
    }
}
