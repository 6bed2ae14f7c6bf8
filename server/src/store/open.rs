//! Opening the store: recovers the journal, judges the index, and replays what it lacks.
//! Owns nothing after it returns. The journal is always right: an index that disagrees with it
//! is set aside and made anew.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::applier::{Applier, Applying, Lag, Queue};
use super::known::Known;
use super::overlay::Overlay;
use super::replay::Replay;
use super::{Projection, Store, StoreError, Writer};
use crate::disk::Disk;
use crate::index::{Index, IndexError, IndexFound, IndexHome, Mark};
use crate::journal::{Flaw, Journal, JournalOptions, Position, TailCut};
use crate::report;

/// Choices made when a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Choices for the journal.
    pub journal: JournalOptions,
    /// Version of the projection; the index is rebuilt when it differs from what it was made by.
    pub projection_version: u32,
    /// How far the index may be behind.
    pub lag: Lag,
    /// Who brings what is committed into the index.
    pub applying: Applying,
}

impl StoreOptions {
    /// The usual choices. `new_epoch` names the lineage should one begin: a random number.
    pub fn new(new_epoch: u64, projection_version: u32) -> Self {
        let journal = JournalOptions::new(new_epoch);
        let applying = Applying::OwnThread;
        Self { journal, projection_version, lag: Lag::default(), applying }
    }
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Where it is now.
    pub position: Position,
    /// Where it ends.
    pub end: Position,
    /// Records replayed.
    pub records: u64,
}

/// What became of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexFate {
    /// There was none; an empty one was begun.
    Created,
    /// It was sound, and what it lacked was replayed.
    Kept,
    /// It was made anew from the whole journal.
    Rebuilt {
        /// Why, in words.
        reason: String,
        /// Name of the folder the old one was moved to.
        aside: Option<String>,
    },
}

/// What was found and done when a store was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// There was no journal; an empty one was begun.
    pub created: bool,
    /// Unacknowledged bytes cut from the tail of the journal: once, or twice where an index turned out
    /// to be of no help over damage.
    pub cuts: Vec<TailCut>,
    /// The first damaged record that was met and passed by, since the index knows all others.
    pub damage: Option<(Position, Flaw)>,
    /// What became of the index.
    pub index: IndexFate,
    /// Records replayed into the index.
    pub replayed_records: u64,
    /// The index had seen commits that the journal lost. A new epoch was begun, since clients
    /// may have seen them too.
    pub journal_fell_back: bool,
}

/// Opens the store. `disk` is the folder of the journal; `progress` is called during a replay.
pub fn open(
    disk: Arc<dyn Disk>,
    home: &dyn IndexHome,
    options: StoreOptions,
    projection: Projection,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Arc<Store>, Writer, Recovery), StoreError> {
    let version = options.projection_version;
    let exists = Journal::exists(disk.as_ref())?;
    // The journal is made before the index, so an index alone was left by a lost journal.
    if !exists && home.holds_rows()? {
        return Err(StoreError::JournalMissing);
    }
    // A sound index knows its records' places: what is damaged among them concerns their readers.
    let judged = if exists { Some(judge(home)?) } else { None };
    let mark = judged.as_ref().and_then(|judged| judged.mark);
    let known = mark.filter(|mark| mark.version == version).map(|mark| (mark.epoch, mark.position));
    let open_journal =
        |known| Journal::open(disk.clone(), JournalOptions { known, ..options.journal.clone() });
    let (mut journal, mut opened) = open_journal(known)?;
    let mut judged = match judged {
        Some(judged) => judged,
        None => judge(home)?,
    };
    if judged.fate == IndexFate::Created && !opened.created {
        let reason = "there was none".to_owned();
        judged.fate = IndexFate::Rebuilt { reason, aside: None };
    }
    let fell_back = fell_back(&judged, &journal);
    let mut cuts = Vec::from_iter(opened.cut.take());
    if fell_back && opened.damage.is_some() {
        // This index must be made anew, so it helps nobody over damage: that is judged as without it.
        drop(journal);
        (journal, opened) =
            open_journal(None).inspect_err(|_| cuts.iter().for_each(report::cut))?;
        cuts.extend(opened.cut.take());
    }
    if fell_back {
        journal.begin_lineage()?;
    }
    let reader = journal.reader();
    let start = reader.start()?;
    if let Some(reason) = mismatch(judged.mark, &journal, version, start) {
        judged.rebuild(home, reason)?;
    }
    let position = judged.mark.map_or(start, |mark| mark.position);
    // Rows may reach further than the replay has come when the next crash interrupts it.
    let reach = judged.mark.map_or(start, |mark| mark.reach);
    let mark = Mark { reach, ..Mark::at(journal.epoch(), version, position) };
    let mut replay = Replay::new(judged.index.as_ref(), projection, mark);
    replay.run(&reader, progress)?;
    let (mark, replayed_records) = (replay.mark, replay.records);
    let recovery = Recovery {
        created: opened.created,
        cuts,
        damage: opened.damage,
        index: judged.fate,
        replayed_records,
        journal_fell_back: fell_back,
    };
    let store = Arc::new(Store {
        disk,
        journal: reader,
        index: judged.index,
        overlay: Arc::new(Overlay::default()),
        queue: Arc::new(Queue::new(options.lag)),
        epoch: journal.epoch(),
        failed: CancellationToken::new(),
    });
    let (index, overlay) = (store.index.clone(), store.overlay.clone());
    let applier = Applier::start(options.applying, index, overlay, store.queue.clone(), mark)
        .map_err(|source| StoreError::Io { action: "start the index thread", source })?;
    let writer = Writer {
        store: store.clone(),
        journal,
        applier,
        projection,
        version,
        known: Known::default(),
    };
    Ok((store, writer, recovery))
}

/// An open index and how it came to be.
struct Judged {
    index: Arc<dyn Index>,
    mark: Option<Mark>,
    fate: IndexFate,
    /// Marks that were found, also in what was set aside.
    seen: Vec<Mark>,
}

impl Judged {
    fn rebuild(&mut self, home: &dyn IndexHome, reason: &str) -> Result<(), StoreError> {
        // The old one must be closed before its files move.
        self.index = Arc::new(crate::index::MemoryIndex::new());
        *self = fresh(home, reason.to_owned())?;
        Ok(())
    }
}

fn judge(home: &dyn IndexHome) -> Result<Judged, StoreError> {
    let mut seen = Vec::new();
    let reason = match look(home, &mut seen) {
        Ok((index, mark)) => {
            let fate = if mark.is_some() { IndexFate::Kept } else { IndexFate::Created };
            return Ok(Judged { index, mark, fate, seen });
        }
        Err(IndexError::Damaged(words)) => words,
        Err(other) => return Err(other.into()),
    };
    Ok(Judged { seen, ..fresh(home, reason)? })
}

fn look(
    home: &dyn IndexHome,
    seen: &mut Vec<Mark>,
) -> Result<(Arc<dyn Index>, Option<Mark>), IndexError> {
    match home.open()? {
        IndexFound::Sound(index) => {
            let mark = index.mark()?;
            seen.extend(mark);
            Ok((index, mark))
        }
        IndexFound::Doubtful { why, seen: marks } => {
            seen.extend(marks);
            Err(IndexError::Damaged(why))
        }
    }
}

fn fresh(home: &dyn IndexHome, reason: String) -> Result<Judged, StoreError> {
    let aside = home.set_aside()?;
    let (index, mark) = look(home, &mut Vec::new())?;
    Ok(Judged { index, mark, fate: IndexFate::Rebuilt { reason, aside }, seen: Vec::new() })
}

/// Nothing is brought into the index before it is synced in the journal. So a mark that was ever
/// seen, be it in an index that is not believed otherwise, shows what the journal once held.
fn fell_back(judged: &Judged, journal: &Journal) -> bool {
    let lost = |mark: &Mark| mark.epoch == journal.epoch() && mark.reach > journal.end();
    judged.seen.iter().any(lost)
}

fn mismatch(
    mark: Option<Mark>,
    journal: &Journal,
    version: u32,
    start: Position,
) -> Option<&'static str> {
    let mark = mark?;
    if mark.position < start {
        return Some("the journal begins behind it");
    }
    if mark.epoch != journal.epoch() {
        return Some("it belongs to another lineage of the journal");
    }
    (mark.version != version).then_some("it was made by another version of the server")
}
