//! The index on sled 0.34.7. `SledIndex` owns one tree and the files under it.
//! sled may panic on damaged files, so every call is guarded, and a panic is an error like others.
//! Its log keeps the order of writes; whether the files survived the last stop is decided in `trust`.

use std::cell::Cell;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;

use super::trust::{self, State};
use super::{Direction, Index, IndexError, IndexFound, IndexHome, Mark, Pair, Row, Span};
use crate::discreet::{Hook, panic_words, wrap_panic_hook};
use crate::disk::sync_folder;

/// Keys of the index itself begin with a zero byte; rows do not.
const MARK_KEY: &[u8] = b"\0mark";
/// Damaged indexes that are kept; the oldest goes first.
const ASIDE_MAX: usize = 2;

/// Choices made when a sled index is opened.
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// The folder of the index; it is created when missing.
    pub folder: PathBuf,
    /// Bytes of sled's cache. Resident memory grows to about twice that.
    pub cache_bytes: u64,
    /// Names this run of the machine. `None` asks the system.
    pub boot: Option<String>,
}

impl SledOptions {
    /// The usual choices: a cache of 64 MiB.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), cache_bytes: 64 << 20, boot: None }
    }
}

/// An index on disk.
pub struct SledIndex {
    db: sled::Db,
    file: File,
    folder: PathBuf,
    boot: String,
    /// Set for good by the first damage; held while the note beside the files changes.
    spoiled: Mutex<bool>,
}

fn damaged(words: impl ToString) -> IndexError {
    IndexError::Damaged(words.to_string())
}

fn translate(action: &'static str, error: sled::Error) -> IndexError {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    match error {
        sled::Error::Io(source) => match source.kind() {
            InvalidData | InvalidInput | NotFound | UnexpectedEof => damaged(source),
            _ => IndexError::Io { action, source },
        },
        other => damaged(other),
    }
}

thread_local! {
    /// Whether this thread is in sled right now.
    static IN_SLED: Cell<bool> = const { Cell::new(false) };
}

/// From now on sled's panics go to the log instead of to the terminal: they are answered here.
fn take_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| wrap_panic_hook(beside));
}

/// All panics but sled's go where they went before.
fn beside(before: Hook) -> Hook {
    Box::new(move |panic| {
        let thread = thread::current();
        let its_own = thread.name().is_some_and(|name| name.starts_with("sled-"));
        if IN_SLED.get() || its_own {
            tracing::debug!("sled gave up: {}", panic_words(panic));
        } else {
            before(panic);
        }
    })
}

/// Runs one call into sled. A panic in there means its files are not what it wrote.
fn guard<T>(action: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    take_panics();
    let outer = IN_SLED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(call));
    IN_SLED.set(outer);
    match done {
        Ok(done) => done.map_err(|error| translate(action, error)),
        Err(_) => Err(damaged(format!("sled gave up when asked to {action} it"))),
    }
}

/// sled takes its lock at once or not at all. One of our own from before may still be held for a moment: by its
/// threads, or by a child that another thread is starting. Other servers are kept out by the data folder.
fn await_release(file: &Path) -> io::Result<()> {
    match File::open(file) {
        Ok(file) => file.lock(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl SledIndex {
    pub(super) fn create(options: &SledOptions, boot: String) -> Result<Self, IndexError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&options.folder)
            .map_err(IndexError::io("create"))?;
        let index = Self::start(options, boot)?;
        guard("flush", || index.db.flush())?;
        sync_tree(&options.folder).map_err(IndexError::io("sync"))?;
        if let Some(parent) = options.folder.parent() {
            sync_folder(parent).map_err(IndexError::io("sync"))?;
        }
        index.note(false, None)?;
        Ok(index)
    }

    fn start(options: &SledOptions, boot: String) -> Result<Self, IndexError> {
        let config = sled::Config::new()
            .path(&options.folder)
            .cache_capacity(options.cache_bytes)
            .mode(sled::Mode::HighThroughput)
            // The only fsync of sled itself is in the thread this starts.
            .flush_every_ms(Some(500));
        await_release(&options.folder.join("db")).map_err(IndexError::io("lock"))?;
        let db = guard("open", || config.open())?;
        let file = File::open(options.folder.join("db")).map_err(IndexError::io("open"))?;
        Ok(Self { db, file, folder: options.folder.clone(), boot, spoiled: Mutex::new(false) })
    }

    /// Notes how it is. The mark must be on the disk.
    fn note(&self, clean: bool, mark: Option<Mark>) -> Result<(), IndexError> {
        let facts = trust::file_facts(&self.folder.join("db"));
        let (file, file_bytes) = facts.map_err(IndexError::io("read"))?;
        let state = State { clean, boot: self.boot.clone(), file, file_bytes, mark };
        let spoiled = self.spoiled.lock().unwrap_or_else(PoisonError::into_inner);
        if *spoiled {
            return Err(damaged("it was met before"));
        }
        trust::write(&self.folder, &state).map_err(IndexError::io("write"))
    }

    /// Passes a result on; after damage the next start is told not to trust these files.
    pub(super) fn watched<T>(&self, result: Result<T, IndexError>) -> Result<T, IndexError> {
        if !matches!(result, Err(IndexError::Damaged(_))) {
            return result;
        }
        let mut spoiled = self.spoiled.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *spoiled, true)
            && let Err(error) = trust::forget(&self.folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("cannot note that the index is damaged: {error}");
        }
        result
    }

    /// Brings all there is to the disk, and notes it.
    fn bring_to_disk(&self, clean: bool) -> Result<(), IndexError> {
        // Before it: somebody may be moving the mark, and behind the flush it is not yet on the disk.
        let mark = self.mark()?;
        guard("flush", || self.db.flush())?;
        // sled's flush leaves the bytes in the drive's cache and the length uncommitted.
        self.file.sync_data().map_err(IndexError::io("sync"))?;
        self.note(clean, mark)
    }
}

impl Index for SledIndex {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let found = self.watched(guard("read", || self.db.get(key)))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, IndexError> {
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let own = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            row.map(|(key, value)| (key.to_vec(), value.to_vec()))
        };
        let ours = |row: &sled::Result<(sled::IVec, sled::IVec)>| !matches!(row, Ok((key, _)) if key.first() == Some(&0));
        self.watched(guard("read", || {
            let rows = self.db.range::<&[u8], _>(span.bounds());
            match direction {
                Direction::Forward => rows.filter(ours).take(limit).map(own).collect(),
                Direction::Backward => rows.rev().filter(ours).take(limit).map(own).collect(),
            }
        }))
    }

    /// Row by row: a batch of sled holds readers up, and memory with it, for as long as it takes.
    fn apply(&self, rows: &[Row<'_>]) -> Result<(), IndexError> {
        self.watched(guard("write", || {
            rows.iter().try_for_each(|(key, value)| match value {
                Some(value) => self.db.insert(key, *value).map(drop),
                None => self.db.remove(key).map(drop),
            })
        }))
    }

    fn set_mark(&self, mark: Mark) -> Result<(), IndexError> {
        let put = || self.db.insert(MARK_KEY, &mark.encode()[..]).map(drop);
        self.watched(guard("write", put))
    }

    fn mark(&self) -> Result<Option<Mark>, IndexError> {
        let Some(bytes) = self.read(MARK_KEY)? else { return Ok(None) };
        let mark = Mark::decode(&bytes).ok_or_else(|| damaged("its mark makes no sense"));
        self.watched(mark).map(Some)
    }

    fn checkpoint(&self) -> Result<(), IndexError> {
        self.watched(self.bring_to_disk(false))
    }

    fn close(&self) -> Result<(), IndexError> {
        self.watched(self.bring_to_disk(true))
    }
}

impl SledOptions {
    /// Opens what is there if the note says that it can be trusted; a mark that it has is seen first.
    fn open_noted(
        &self,
        noted: Option<&State>,
        boot: String,
        seen: &mut Vec<Mark>,
    ) -> Result<SledIndex, IndexError> {
        if noted.is_none() {
            return Err(damaged("its state is not noted"));
        }
        // The length must be looked at before sled opens and grows the file.
        let facts = trust::file_facts(&self.folder.join("db"));
        let (file, file_bytes) = facts.map_err(IndexError::io("read"))?;
        let index = SledIndex::start(self, boot.clone())?;
        let now = State { clean: false, boot, file, file_bytes, mark: index.mark()? };
        seen.extend(now.mark);
        if let Some(words) = trust::doubt(noted, &now) {
            return Err(damaged(words));
        }
        index.note(false, now.mark)?;
        Ok(index)
    }
}

impl IndexHome for SledOptions {
    fn holds_rows(&self) -> Result<bool, IndexError> {
        self.folder.join("db").try_exists().map_err(IndexError::io("read"))
    }

    fn open(&self) -> Result<IndexFound, IndexError> {
        let boot = self.boot.clone().unwrap_or_else(trust::boot_name);
        let noted = match trust::read(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map_err(IndexError::io("read")),
        }?;
        let mut seen: Vec<Mark> = noted.iter().filter_map(|noted| noted.mark).collect();
        if !self.folder.join("db").exists() {
            let why = "its main file is missing".to_owned();
            return match fs::read_dir(&self.folder).map(|mut found| found.next().is_some()) {
                Ok(true) => Ok(IndexFound::Doubtful { why, seen }),
                _ => Ok(IndexFound::Sound(Arc::new(SledIndex::create(self, boot)?))),
            };
        }
        match self.open_noted(noted.as_ref(), boot, &mut seen) {
            Ok(index) => Ok(IndexFound::Sound(Arc::new(index))),
            Err(IndexError::Damaged(why)) => Ok(IndexFound::Doubtful { why, seen }),
            Err(other) => Err(other),
        }
    }

    fn set_aside(&self) -> Result<Option<String>, IndexError> {
        if !self.folder.exists() {
            return Ok(None);
        }
        let parent = self.folder.parent().unwrap_or_else(|| Path::new(""));
        let base = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or("index");
        let mut kept = kept_aside(parent, base).map_err(IndexError::io("list"))?;
        kept.sort_unstable();
        let surplus = (kept.len() + 1).saturating_sub(ASIDE_MAX);
        for old in kept.iter().take(surplus) {
            fs::remove_dir_all(parent.join(format!("{base}.bad-{old}")))
                .map_err(IndexError::io("remove"))?;
        }
        let name = format!("{base}.bad-{}", kept.last().map_or(1, |last| last.saturating_add(1)));
        fs::rename(&self.folder, parent.join(&name)).map_err(IndexError::io("rename"))?;
        sync_folder(parent).map_err(IndexError::io("sync"))?;
        Ok(Some(name))
    }
}

/// Numbers of the indexes set aside in `parent`.
fn kept_aside(parent: &Path, base: &str) -> io::Result<Vec<u32>> {
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let prefix = format!("{base}.bad-");
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        let number: Option<u32> =
            name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse().ok());
        found.extend(number);
    }
    Ok(found)
}

/// Syncs every file and folder of a fresh index: sled never syncs some of them.
fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Position;
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    #[test]
    fn a_panic_in_sled_is_an_error_and_others_are_told_as_before() {
        static TOLD: AtomicUsize = AtomicUsize::new(0);
        take_panics();
        let here = thread::current().id();
        wrap_panic_hook(|before| {
            // Other tests panic on threads of their own.
            let count: Hook = Box::new(move |panic| match thread::current().id() == here {
                true => drop(TOLD.fetch_add(1, Ordering::Relaxed)),
                false => before(panic),
            });
            beside(count)
        });
        let opened = guard("open", || -> sled::Result<()> { panic!("a bad page") });
        let words = opened.expect_err("an error").to_string();
        assert!(words.contains("sled gave up when asked to open it"), "{words}");
        assert_eq!(TOLD.load(Ordering::Relaxed), 0);
        catch_unwind(|| panic!("another")).expect_err("it panics");
        assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    }

    /// Yields between two changes of the mark: fewer bytes than sled gathers before it writes.
    const YIELDS: usize = 20;

    #[test]
    fn what_a_checkpoint_notes_is_on_the_disk_though_the_mark_moves_meanwhile() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("folder");
            let mut options = SledOptions::new(folder.path().join("index"));
            options.cache_bytes = 4 << 20;
            let index = SledIndex::create(&options, "boot".to_owned()).expect("create");
            let (done, moved) = (AtomicBool::new(false), AtomicU64::new(0));
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let offset = moved.fetch_add(1, Ordering::SeqCst);
                        let position = Position { segment: 1, offset };
                        index.set_mark(Mark::at(3, 1, position)).expect("mark");
                        (0..YIELDS).for_each(|_| thread::yield_now());
                    }
                });
                while moved.load(Ordering::SeqCst) < 10 {
                    thread::yield_now();
                }
                index.checkpoint().expect("checkpoint");
                done.store(true, Ordering::SeqCst);
            });
            // A kill now leaves what is in the file.
            options.folder = folder.path().join("left");
            fs::create_dir(&options.folder).expect("create");
            for name in ["db", "conf"] {
                fs::copy(index.folder.join(name), options.folder.join(name)).expect("copy");
            }
            let left = SledIndex::start(&options, "boot".to_owned()).expect("start");
            let kept = left.mark().expect("read").expect("a mark").position;
            let noted = trust::read(&index.folder).expect("read").and_then(|note| note.mark);
            let noted = noted.expect("a noted mark").position;
            assert!(kept >= noted, "{noted:?} is noted, {kept:?} is in the file");
        }
    }
}
