//! Copies of everything that must not be lost, of a running or a stopped server, and the way back.
//! Owns nothing. A backup is whole and verified, or it is not there: its name appears last.

pub(super) mod content;
mod restore;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use liao_common::{
    id::{Hash, RoomId, Seq},
    message::{Kind, Message},
};

pub use restore::restore;

use crate::{
    datadir::{DataDir, DataDirError},
    disk::{Disk, RealDisk, sync_folder},
    entropy,
    journal::{
        Journal, JournalError, JournalOptions, JournalReader, NewRecord, Position, Record,
        first_segment, written_end,
    },
    state::record::{self, kind},
};
use content::{Digest, copy_blobs, write_new};

/// First word of a manifest, and the version of its form.
const FORM: &str = "liao-backup 1";

/// Name of the manifest in a backup.
const MANIFEST: &str = "backup";

/// Bytes of records that are gathered before they are written.
const GATHERED_BYTES_MAX: usize = 8 << 20;

/// Tries without any progress before what cannot be read counts as damaged. A running server may be
/// writing or erasing there in this moment.
const TRIES_MAX: u32 = 30;

/// Times that a copy begins anew because its beginning is gone.
const OVERTAKEN_MAX: u32 = 5;

/// Time between two tries.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something is where a new folder should be made.
    #[error("{0} is there already; name a folder that is not")]
    Occupied(String),
    /// There is nothing to copy.
    #[error("there is no {what} at {at}")]
    Nothing {
        /// What was looked for.
        what: &'static str,
        /// Where.
        at: String,
    },
    /// What was written does not read back as what was read.
    #[error("{0} is not what it should be; the backup cannot be trusted")]
    Unsound(String),
    /// The server gave room back again and again while its journal was read.
    #[error("old messages were removed while they were copied; try again")]
    Overtaken,
    /// The system.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What it was about.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What is in a backup.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records of the journal.
    pub records: u64,
    /// Files that people sent.
    pub files: u64,
    /// Files whose content is not what its name says. They are left out.
    pub damaged: Vec<String>,
}

/// Copies the server in `data` to `out`, which must not exist yet, and verifies the copy.
///
/// # Errors
/// See [`BackupError`]. `out` is then not there.
pub async fn backup(data: &Path, out: &Path) -> Result<Summary, BackupError> {
    if !data.join("journal").is_dir() {
        return Err(BackupError::Nothing { what: "data folder", at: data.display().to_string() });
    }
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    for path in [out, partial.as_path()] {
        if path.exists() {
            return Err(BackupError::Occupied(path.display().to_string()));
        }
    }
    make_folder(&partial)?;
    let made = fill(data, &partial).await;
    if made.is_err() {
        drop(fs::remove_dir_all(&partial));
        return made;
    }
    fs::rename(&partial, out).map_err(failed("rename", &partial))?;
    sync_folder(parent(out)).map_err(failed("sync", out))?;
    made
}

async fn fill(data: &Path, out: &Path) -> Result<Summary, BackupError> {
    let disk: Arc<dyn Disk> =
        Arc::new(RealDisk::open(data.join("journal")).map_err(failed("open", data))?);
    let _stopped = settle(data, &disk)?;
    let copy = copy_journal(&disk, &out.join("journal")).await?;
    let records = copy.finish_erased()?;
    // After the journal: every file that a record names is there by now.
    let (files, damaged) = copy_blobs(&data.join("blobs"), &out.join("blobs"))?;
    let key = data.join("tls").join("key.pem");
    let key = fs::read(&key).map_err(failed("read", &key))?;
    make_folder(&out.join("tls"))?;
    write_new(&out.join("tls").join("key.pem"), &key)?;
    let manifest = Manifest { records, files, key: Hash(blake3::hash(&key).into()) };
    manifest.verify(out)?;
    write_new(&out.join(MANIFEST), manifest.to_text().as_bytes())?;
    for folder in [out.join("tls"), out.to_owned()] {
        sync_folder(&folder).map_err(failed("sync", &folder))?;
    }
    Ok(Summary { records: manifest.records.records, files, damaged })
}

/// Whether a running server that writes, erases or takes its room back just now may be the reason.
fn may_pass(error: &JournalError) -> bool {
    match error {
        JournalError::Damaged { .. } => true,
        JournalError::Io { source, .. } => source.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// Copies the journal. Where a running server gives old segments back meanwhile, the copy begins anew:
/// what was kept of them stands further behind by then.
async fn copy_journal(disk: &Arc<dyn Disk>, out: &Path) -> Result<Copy, BackupError> {
    for _ in 0..OVERTAKEN_MAX {
        let first = first_segment(disk.as_ref())?;
        let mut copy = Copy::begin(out, Position::of(first))?;
        let copied = copy.follow(disk).await;
        if first_segment(disk.as_ref())? == first {
            return copied.map(|()| copy);
        }
        drop(copy);
        fs::remove_dir_all(out).map_err(failed("remove", out))?;
    }
    Err(BackupError::Overtaken)
}

/// With the server stopped, its journal is brought in order as a start would do, and nobody starts it
/// until this is over. A running server keeps its own in order.
fn settle(data: &Path, disk: &Arc<dyn Disk>) -> Result<Option<DataDir>, BackupError> {
    match DataDir::open(data) {
        Ok(folder) => {
            let (journal, _) = Journal::open(Arc::clone(disk), JournalOptions::new(0))?;
            journal.close()?;
            Ok(Some(folder))
        }
        Err(DataDirError::InUse { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Records on their way into another journal.
struct Copy {
    into: Journal,
    from: Position,
    digest: Digest,
    gathered_bytes: usize,
    /// What the copied records take back.
    taken_back: BTreeSet<(RoomId, Seq)>,
}

impl Copy {
    fn begin(folder: &Path, from: Position) -> Result<Self, BackupError> {
        let disk = Arc::new(RealDisk::open(folder).map_err(failed("create", folder))?);
        let (into, _) = Journal::open(disk, JournalOptions::new(new_epoch()?))?;
        let digest = Digest::default();
        let taken_back = BTreeSet::new();
        Ok(Self { into, from, digest, gathered_bytes: 0, taken_back })
    }

    /// Copies all that is there now. What a running server adds meanwhile may come too.
    async fn follow(&mut self, disk: &Arc<dyn Disk>) -> Result<(), BackupError> {
        let goal = written_end(disk.as_ref())?;
        let mut tries = 0;
        loop {
            let before = self.from;
            match self.take_all(disk) {
                Ok(()) => return Ok(()),
                Err(_) if self.from >= goal => return Ok(()),
                Err(BackupError::Journal(error)) if tries < TRIES_MAX && may_pass(&error) => {
                    tries = if self.from > before { 0 } else { tries + 1 };
                    tokio::time::sleep(TRY_EVERY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Copies whole commits until the end or a flaw; `from` is behind the last one.
    fn take_all(&mut self, disk: &Arc<dyn Disk>) -> Result<(), BackupError> {
        let reader = JournalReader::new(Arc::clone(disk), end(disk.as_ref())?);
        let mut commit = Vec::new();
        for record in reader.records(self.from) {
            let record = record?;
            let (end, last) = (record.end(), record.last);
            commit.push(record);
            if last {
                self.take(std::mem::take(&mut commit))?;
                self.from = end;
            }
        }
        Ok(())
    }

    fn take(&mut self, commit: Vec<Record>) -> Result<(), BackupError> {
        let mut records = Vec::with_capacity(commit.len());
        for record in commit {
            self.digest.add(&record);
            if let Some(Message { room, kind: Kind::Redact, body, .. }) = message(&record) {
                self.taken_back.extend(body.of.map(|of| (room, of)));
            }
            self.gathered_bytes += record.body.len();
            records.push(NewRecord { kind: record.kind, body: record.body });
        }
        self.into.stage(&records)?;
        if self.gathered_bytes >= GATHERED_BYTES_MAX {
            self.gathered_bytes = 0;
            self.into.sync()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Digest, BackupError> {
        self.into.sync()?;
        self.into.close()?;
        Ok(self.digest)
    }

    /// The same, without the words that the copied records take back: a message may have been copied
    /// before its erasure, and the request to erase it after.
    fn finish_erased(mut self) -> Result<Digest, BackupError> {
        self.into.sync()?;
        let (mut copied, mut erased) = (Digest::default(), Digest::default());
        for record in self.into.reader().records(Position::START) {
            let mut record = record?;
            copied.add(&record);
            if let Some(blank) = self.blank(&record) {
                self.into.overwrite(&record.at, &blank)?;
                record.body = blank.into();
            }
            erased.add(&record);
        }
        self.into.close()?;
        if copied.to_hex() == self.digest.to_hex() {
            Ok(erased)
        } else {
            Err(BackupError::Unsound("the copy of the journal".to_owned()))
        }
    }

    /// What is left of a message, or of an edit of it, that was taken back and still has words.
    fn blank(&self, record: &Record) -> Option<Vec<u8>> {
        let Message { room, seq, kind, body, .. } = message(record)?;
        let of = body.of.filter(|_| kind == Kind::Edit);
        let gone = [Some(seq), of].into_iter().flatten();
        let gone = gone.into_iter().any(|seq| self.taken_back.contains(&(room, seq)));
        if gone { record::blank(&record.body) } else { None }
    }
}

fn message(record: &Record) -> Option<Message> {
    if matches!(record.kind, kind::MESSAGE | kind::KEPT) {
        record::message(&record.body)
    } else {
        None
    }
}

/// Where the files of the journal in `disk` end, with all that stands there.
fn end(disk: &dyn Disk) -> Result<Position, JournalError> {
    let Some(&segment) = crate::journal::segments(disk)?.last() else { return Ok(Position::START) };
    let name = crate::journal::segment_name(segment);
    let file = disk.open(&name).map_err(JournalError::io("open"))?;
    let offset = file.size_bytes().map_err(JournalError::io("read"))?;
    Ok(Position { segment, offset })
}

/// What a backup says of itself.
struct Manifest {
    records: Digest,
    files: u64,
    key: Hash,
}

impl Manifest {
    fn to_text(&self) -> String {
        let Digest { records, .. } = &self.records;
        let (digest, key) = (self.records.to_hex(), blake3::Hash::from(self.key.0).to_hex());
        format!("{FORM}\nrecords {records} {digest}\nfiles {}\nkey {key}\n", self.files)
    }

    /// Reads everything that was written, and compares.
    fn verify(&self, out: &Path) -> Result<(), BackupError> {
        let unsound = |what: &Path| BackupError::Unsound(what.display().to_string());
        let found = content::examine(out)?;
        let journal = out.join("journal");
        if (found.records.records, found.records.to_hex())
            != (self.records.records, self.records.to_hex())
        {
            return Err(unsound(&journal));
        }
        if found.files != self.files {
            return Err(unsound(&out.join("blobs")));
        }
        if found.key == self.key { Ok(()) } else { Err(unsound(&out.join("tls"))) }
    }
}

fn new_epoch() -> Result<u64, BackupError> {
    let bytes = entropy::bytes().map_err(failed("read", Path::new("random bytes")))?;
    Ok(u64::from_be_bytes(bytes))
}

fn make_folder(path: &Path) -> Result<(), BackupError> {
    RealDisk::open(path).map(drop).map_err(failed("create", path))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = PathBuf::from(path).display().to_string();
    move |source| BackupError::Io { action, path, source }
}
