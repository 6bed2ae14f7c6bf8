//! Damaged files: every kind of file in a data folder, changed, cut, blanked or taken away. The server
//! must repair it, or name it and refuse, or have the client see it; it must never lose in silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_check::{
    history::{Entry, Fact, Record},
    verdict,
};

use crate::{
    Dice,
    client::Client,
    clock::{self, Deadline},
    crowd::Cast,
    daemon::Daemon,
    report::{self, Kept},
    segment,
    tape::{Dating, Tape},
};

const PEOPLE: usize = 2;

/// Acknowledgements before the damage.
const ACKS: u64 = 400;

/// How long they may take on a busy machine.
const ACKS_WITHIN: Duration = Duration::from_secs(60);

/// The index writes twice a second; a busy machine may take longer.
const INDEX_WRITES_WITHIN: Duration = Duration::from_secs(3);

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// One bit in the middle is another.
    Bit,
    /// The last quarter is gone.
    Cut,
    /// The last quarter is zeros.
    Zeros,
    /// The file is gone.
    Gone,
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It starts, and everything is there.
    Whole,
    /// The same, and the log says so.
    Mended(&'static str),
    /// It does not start, and says why.
    Refused(&'static str),
    /// What was at the end is lost: the log says so, and all clients are told to read anew.
    Lost(&'static str),
    /// Everything is there but single messages, in whose places readers are told so; so does the log.
    Holes,
    /// Everything is there but the content of a file, and its reader notices.
    BadFile,
}
use Expected::{BadFile, Holes, Lost, Mended, Refused, Whole};

/// A kind of file, where it is, and what must come of a bit, a cut, zeros, and its absence.
type Row = (&'static str, &'static str, [Expected; 4]);

/// What the log says when words are lost for certain.
const LOST: &str = "the disk lost messages that were acknowledged";

/// What it says of single messages.
const HOLE: &str = "Its readers are told that it is damaged";

/// Whose offer stands in a damaged place is told so there, and cannot fetch the file.
const OFFER_GONE: &[&str] = &["lost file"];

/// What it says when it cannot know.
const TAIL: &str = "the journal's tail was not complete and has been cut off";

const DAMAGED: Expected = Refused("00000001.log is damaged at byte");
const SHORT: Expected = Lost(LOST);
const MISSING: Expected = Refused("the journal is missing though its index is there");
const FOREIGN: Expected = Refused("data/format does not say which format the data folder has");
const NO_KEY: Expected = Refused("key.pem is missing, and everybody has pinned it");
const BAD_KEY: Expected = Refused("key.pem cannot be used");
const ANEW: Expected = Mended("the index was made anew from the journal");

/// After a clean stop the index is believed, and knows where all messages stand.
const STOPPED: Row = ("journal", "journal/0", [Holes, SHORT, Holes, MISSING]);

/// After `kill -9` that of a copy is not.
const KILLED: Row = ("journal", "journal/0", [DAMAGED, SHORT, SHORT, MISSING]);

/// After either.
const ROWS: &[Row] = &[
    ("index, rows", "index/db", [Whole, Whole, Whole, ANEW]),
    ("index, settings", "index/conf", [ANEW, ANEW, ANEW, Whole]),
    ("index, note", "index/state", [ANEW, ANEW, ANEW, ANEW]),
    ("format", "format", [FOREIGN, FOREIGN, FOREIGN, FOREIGN]),
    ("key", "tls/key.pem", [BAD_KEY, BAD_KEY, BAD_KEY, NO_KEY]),
    ("file", "blobs/", [BadFile, BadFile, BadFile, BadFile]),
    ("unfinished upload", "uploads/", [Whole, Whole, Whole, Whole]),
];

/// Does everything to every kind of file.
///
/// # Errors
/// When something else came of one of them.
pub(crate) fn run(liaod: &Path, seed: u64, under: Option<&Path>) -> Result<()> {
    let (mut cases, mut wrong) = (0, 0);
    for stopped in [true, false] {
        let kept = Kept::new("whole", under)?;
        let base = Base::make(liaod, kept, stopped, seed)?;
        for (kind, file, expected) in ROWS.iter().chain([if stopped { &STOPPED } else { &KILLED }])
        {
            let damages = [Damage::Bit, Damage::Cut, Damage::Zeros, Damage::Gone];
            for (damage, expected) in damages.into_iter().zip(expected) {
                let case = Case { kind, file, damage, expected: *expected };
                cases += 1;
                if let Err(error) = base.try_case(liaod, &case, under) {
                    report::say(&format!("{kind}, {damage:?}, stopped {stopped}: {error:#}"));
                    wrong += 1;
                }
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {cases} damages ended otherwise than they must");
    }
    report::say(&format!("damage: {cases} damages ended as they must"));
    Ok(())
}

/// Does something to any place of any file, so often.
///
/// # Errors
/// When something was lost in silence.
pub(crate) fn run_anywhere(
    liaod: &Path,
    seed: u64,
    times: u64,
    under: Option<&Path>,
) -> Result<()> {
    let mut dice = Dice::numbered(seed, 55);
    let bases =
        [true, false].map(|stopped| Base::make(liaod, Kept::new("whole", under)?, stopped, seed));
    let [stopped, killed] = bases;
    let bases = [stopped?, killed?];
    let (mut silent, mut ends) = (0, BTreeMap::new());
    for _ in 0..times {
        let base = &bases[dice.place(2)];
        match base.try_anywhere(liaod, &mut dice, under) {
            Ok(end) => *ends.entry(end).or_insert(0_u64) += 1,
            Err(error) => {
                report::say(&format!("{error:#}"));
                silent += 1;
            }
        }
    }
    let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    let ends = ends.join(", ");
    if silent > 0 {
        bail!("{silent} of {times} damages at random places were silent; the others: {ends}");
    }
    report::say(&format!("damage: {times} at random places, seed {seed}: {ends}; none silent"));
    Ok(())
}

struct Case {
    kind: &'static str,
    file: &'static str,
    damage: Damage,
    expected: Expected,
}

/// A sound data folder with a history.
struct Base {
    kept: Kept,
    stopped: bool,
    history: Vec<Record>,
    people: Vec<Client>,
    all_rooms: Vec<u64>,
}

impl Base {
    fn make(liaod: &Path, kept: Kept, stopped: bool, seed: u64) -> Result<Self> {
        let tape = Arc::new(Tape::new(Dating::Millis(clock::now())));
        let (mut daemon, addr) = Daemon::start(liaod, &kept.data(), &kept.log())?;
        let mut cast = Cast::gather(PEOPLE, (seed, 0), &tape, addr)?;
        cast.upload_half()?;
        let crowd = cast.talk()?;
        crowd.point_to(Some(addr));
        tape.wait_for_acks(ACKS, Deadline::within(ACKS_WITHIN));
        let (people, all_rooms) = crowd.finish()?.part();
        if stopped {
            daemon.stop().map(drop)?
        } else {
            wait_for_index(&kept.data())?;
            daemon.kill()?
        }
        Ok(Self { kept, stopped, history: tape.records(), people, all_rooms })
    }

    fn try_case(&self, liaod: &Path, case: &Case, under: Option<&Path>) -> Result<()> {
        let kept = Kept::new("damage", under)?;
        copy(&self.kept.data(), &kept.data())?;
        let path = find(&kept.data(), case.file)?.with_context(|| format!("no {}", case.kind))?;
        spoil(&path, case.damage)?;
        let found = self.outcome(liaod, &kept);
        match found {
            Ok(found) => found.compare(case.expected),
            Err(error) => {
                kept.keep(&self.history)?;
                Err(error)
            }
        }
    }

    fn try_anywhere(
        &self,
        liaod: &Path,
        dice: &mut Dice,
        under: Option<&Path>,
    ) -> Result<&'static str> {
        let kept = Kept::new("damage", under)?;
        copy(&self.kept.data(), &kept.data())?;
        // Half of them in the journal, which is what counts most.
        let begins = if dice.once_in(2) { "journal/" } else { "" };
        let mut files = files_below(&kept.data(), begins)?;
        files.sort();
        let (_, path) = files.swap_remove(dice.place(files.len()));
        let what = spoil_anywhere(&path, dice)?;
        let shown = path.strip_prefix(kept.data())?.display().to_string();
        let end = self.outcome(liaod, &kept).and_then(|found| found.told(&shown, self.stopped));
        if end.is_err() {
            kept.keep(&self.history)?;
        }
        end.with_context(|| format!("{shown}: {what}"))
    }

    /// Puts what was there in the places of which readers were told that they are damaged.
    fn fill_holes(&self, read: &mut [Record]) -> usize {
        let (mut sent, mut was) = (BTreeMap::new(), BTreeMap::new());
        let mut taken_back = BTreeSet::new();
        for record in &self.history {
            match &record.fact {
                Fact::Sent(draft) => {
                    let of = draft.of.filter(|_| draft.kind == "redact");
                    taken_back.extend(of.map(|of| (draft.room, of)));
                    sent.insert((&record.who, &draft.cid), draft);
                }
                Fact::Saw(entry) => drop(was.insert((entry.draft.room, entry.seq), entry.clone())),
                Fact::Acked { cid, room, seq, .. } => {
                    let of = self.people.iter().find(|client| client.name == record.who);
                    if let (Some(draft), Some(of)) = (sent.get(&(&record.who, cid)), of) {
                        let entry = Entry { seq: *seq, from: of.user, draft: (*draft).clone() };
                        was.entry((*room, *seq)).or_insert(entry);
                    }
                }
                _ => {}
            }
        }
        let mut holes = 0;
        for record in read {
            if let Fact::Saw(entry) | Fact::Read(entry) = &mut record.fact
                && entry.draft.kind == "damaged"
                && let Some(there) = was.get(&(entry.draft.room, entry.seq))
            {
                *entry = there.clone();
                let of = entry.draft.of.filter(|_| entry.draft.kind == "edit");
                if taken_back.contains(&(entry.draft.room, of.unwrap_or(entry.seq))) {
                    entry.draft.text = None;
                }
                holes += 1;
            }
        }
        holes
    }

    fn outcome(&self, liaod: &Path, kept: &Kept) -> Result<Found> {
        let mut tls = Daemon::spawn_with_tls(liaod, &kept.data(), &kept.log())?;
        if tls.ready()?.is_none() {
            let log = tls.last_words()?;
            return Ok(Found { started: false, faults: Vec::new(), holes: 0, log });
        }
        tls.stop()?;
        let (mut daemon, addr) = Daemon::start(liaod, &kept.data(), &kept.log())?;
        let tape = Arc::new(Tape::new(Dating::Millis(clock::now())));
        let people = self.people.iter().map(|client| client.reborn(&tape)).collect();
        let read = Cast::readers(people, self.all_rooms.clone()).read_and_talk(addr, |_| true);
        daemon.stop()?;
        if let Err(error) = read {
            // With the accounts lost too nobody comes in; what counts is what the log says of it.
            let log = fs::read_to_string(kept.log())?;
            let lost = log.contains(LOST) && error.to_string().contains("unauthenticated");
            let faults = vec!["new lineage"];
            return if lost {
                Ok(Found { started: true, faults, holes: 0, log })
            } else {
                Err(error)
            };
        }
        report::no_panic(&kept.log())?;
        let mut read = tape.records();
        let holes = self.fill_holes(&mut read);
        let history = [self.history.clone(), read].concat();
        let mut faults: Vec<_> =
            verdict::check(&history).faults.iter().map(|fault| fault.name).collect();
        faults.sort_unstable();
        faults.dedup();
        Ok(Found { started: true, faults, holes, log: fs::read_to_string(kept.log())? })
    }
}

/// What came of a damage.
struct Found {
    started: bool,
    faults: Vec<&'static str>,
    /// Entries of which readers were told that they are damaged.
    holes: usize,
    log: String,
}

impl Found {
    fn compare(&self, expected: Expected) -> Result<()> {
        let (started, faults, words): (bool, &[&str], &str) = match expected {
            Whole => (true, &[], ""),
            Mended(words) => (true, &[], words),
            Refused(words) => (false, &[], words),
            Lost(words) => (true, &["new lineage"], words),
            BadFile => (true, &["lost file"], ""),
            Holes => (true, &[], HOLE),
        };
        // What was lost shows in many ways; that everybody was told is what counts.
        let told = self.faults.contains(&"new lineage");
        let same = self.faults == faults
            || (matches!(expected, Lost(_)) && told)
            || (expected == Holes && self.faults == OFFER_GONE);
        let holes = (self.holes > 0) == (expected == Holes);
        if self.started == started && same && holes && self.log.contains(words) {
            return Ok(());
        }
        let Self { started, faults, log, .. } = self;
        bail!("expected {expected:?}; it started: {started}, faults: {faults:?}, log: {log}")
    }

    /// How somebody was told of the damage to this file.
    fn told(&self, file: &str, stopped: bool) -> Result<&'static str> {
        let Self { started, faults, holes, log } = self;
        let name = file.rsplit('/').next().unwrap_or(file);
        match (*started, faults.as_slice()) {
            (true, [] | OFFER_GONE) if *holes > 0 && log.contains(HOLE) => {
                Ok("told in the places of messages")
            }
            (true, []) if *holes == 0 => Ok("mended or harmless"),
            (true, ["lost file"]) if file.starts_with("blobs/") => {
                Ok("seen by the reader of a file")
            }
            (true, faults) if faults.contains(&"new lineage") && log.contains(LOST) => {
                Ok("lost and told to all")
            }
            // The last group of a killed server looks like a write that was never acknowledged.
            (true, _) if !stopped && file.starts_with("journal/") && log.contains(TAIL) => {
                Ok("cut off as an incomplete end, which the log says")
            }
            (false, _) if log.contains(name) => Ok("refused by name"),
            _ => bail!("it started: {started}, faults: {faults:?}, log: {log}"),
        }
    }
}

/// Waits until the index has written what it knows, or has nothing to write. Only from that can a
/// server tell a journal that lost something from one whose last write was cut off.
fn wait_for_index(data: &Path) -> Result<()> {
    let (before, deadline) = (written(data)?, Deadline::within(INDEX_WRITES_WITHIN));
    while written(data)? == before && !deadline.left().is_zero() {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

/// When a file of the index was changed last.
fn written(data: &Path) -> Result<Option<std::time::SystemTime>> {
    let files = files_below(data, "index/")?;
    let times: std::io::Result<Vec<_>> =
        files.iter().map(|(_, path)| fs::metadata(path)?.modified()).collect();
    Ok(times?.into_iter().max())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        let to = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The largest file whose path below the folder begins like this.
fn find(folder: &Path, begins: &str) -> Result<Option<PathBuf>> {
    Ok(files_below(folder, begins)?.into_iter().max().map(|(_, path)| path))
}

/// Length and path of all files whose paths below the folder begin like this.
fn files_below(folder: &Path, begins: &str) -> Result<Vec<(u64, PathBuf)>> {
    let (mut todo, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(path) = todo.pop() {
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            let below = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            if path.is_dir() {
                todo.push(path);
            } else if below.starts_with(begins) && path.is_file() {
                found.push((fs::metadata(&path)?.len(), path));
            }
        }
    }
    Ok(found)
}

/// Changes a bit, cuts the file, or blanks some of it, somewhere; says what and where.
fn spoil_anywhere(path: &Path, dice: &mut Dice) -> Result<String> {
    let file = File::options().read(true).write(true).open(path)?;
    let len = segment::written_bytes(path)?;
    let at = dice.below(len);
    if len == 0 {
        return Ok("is empty".to_owned());
    }
    Ok(match dice.below(4) {
        0 => {
            file.set_len(at)?;
            format!("cut at {at} of {len}")
        }
        1 => {
            let count = dice.below(len - at) + 1;
            file.write_all_at(&vec![0; usize::try_from(count)?], at)?;
            format!("{count} zeros at {at} of {len}")
        }
        _ => {
            let (mut byte, bit) = ([0], dice.below(8));
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[byte[0] ^ (1 << bit)], at)?;
            format!("bit {bit} of byte {at} of {len}")
        }
    })
}

fn spoil(path: &Path, damage: Damage) -> Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let len = segment::written_bytes(path)?;
    let kept = len - len.div_ceil(4);
    match damage {
        Damage::Bit => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, len / 2)?;
            file.write_all_at(&[byte[0] ^ 4], len / 2)?;
        }
        Damage::Cut => file.set_len(kept)?,
        Damage::Zeros => {
            file.set_len(kept)?;
            file.set_len(len)?;
        }
        Damage::Gone => fs::remove_file(path)?,
    }
    Ok(())
}
