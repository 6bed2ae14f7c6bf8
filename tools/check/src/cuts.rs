//! Power cuts: a recorded server, the disk as it would be after a cut at any moment, and a server that
//! is started on it. Everything that was acknowledged or shown by then must be there.

mod disk;
mod session;
mod trace;

use std::{
    fs::{self, DirBuilder, File},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_check::{
    history::{Fact, Record},
    verdict::{self, Counts},
};

use crate::{
    Dice,
    clock::{self, Deadline},
    crowd::Cast,
    daemon::Daemon,
    report::{self, Kept},
    tape::{Dating, Tape},
};
use disk::{Cut, Disk, Image, Kept as Left};
use session::{Recorder, Session};
use trace::Call;

/// The data folder on the disk; the server has to make both levels.
const DATA: &str = "srv/data";

/// Cuts into one recorded session.
const CUTS_PER_SESSION: u64 = 20;

/// Calls of a server that is cut a second time, at most.
const SECOND_CALLS_MAX: u64 = 80;

/// How long a start may take that is to be cut.
const START_WITHIN: Duration = Duration::from_secs(30);

/// What to do.
pub(crate) struct Plan<'a> {
    pub(crate) liaod: &'a Path,
    pub(crate) cuts: u64,
    pub(crate) seed: u64,
    pub(crate) under: Option<&'a Path>,
    /// Carry out only so many of eight syncs once everybody has an account: a disk that lies. The run must
    /// fail then, by what the people cannot find.
    pub(crate) syncs_in_eight: u64,
}

/// Cuts as often as planned, and judges.
///
/// # Errors
/// When a promise was broken, or the harness could not do its work.
pub(crate) fn run(plan: &Plan<'_>) -> Result<()> {
    let tools = Kept::new("recorder", None)?;
    let recorder = Recorder::build(tools.path())?;
    let (mut counts, mut done, mut broken, mut sessions) = (Counts::default(), 0, 0, 0);
    while done < plan.cuts {
        let cuts = (plan.cuts - done).min(CUTS_PER_SESSION);
        let seed = plan.seed.wrapping_add(sessions);
        let kept = Kept::new("session", plan.under)?;
        let session = session::record(plan.liaod, &recorder, &kept, seed)?;
        let cutter = Cutter { plan, recorder: &recorder, session: &session };
        broken += cutter.cut_all(cuts, Dice::numbered(seed, 99), &mut counts)?;
        done += cuts;
        sessions += 1;
        report::say(&format!("{done} cuts, {broken} broken, {}", report::words(&counts)));
    }
    if broken > 0 {
        bail!("{broken} of {done} cuts broke a promise");
    }
    report::say(&format!(
        "cuts: {done} cuts into {sessions} recorded sessions, seed {}: nothing lost",
        plan.seed
    ));
    Ok(())
}

struct Cutter<'a> {
    plan: &'a Plan<'a>,
    recorder: &'a Recorder,
    session: &'a Session,
}

/// One cut: behind which byte of the record, and how.
#[derive(Debug)]
struct Point {
    at: u64,
    cut: Cut,
    twice: bool,
}

impl Cutter<'_> {
    /// Cuts from the first point to the last, so that the disk is made once.
    fn cut_all(&self, cuts: u64, mut dice: Dice, counts: &mut Counts) -> Result<u64> {
        let mut points: Vec<Point> =
            (0..cuts).map(|number| self.point(number, &mut dice)).collect();
        points.sort_by_key(|point| point.at);
        let mut disk = self.session.before.clone();
        let is_person = |record: &&Record| matches!(record.fact, Fact::Person { .. });
        let all_there = self.session.history.iter().filter(is_person).map(|record| record.at).max();
        let mut calls = self.session.calls.iter().peekable();
        let mut broken = 0;
        for point in points {
            while let Some(traced) = calls.next_if(|traced| traced.end <= point.at) {
                let lie = matches!(traced.call, Call::Sync { .. })
                    && Some(traced.end) > all_there
                    && dice.below(8) >= self.plan.syncs_in_eight;
                if !lie {
                    disk.apply(&traced.call)?;
                }
            }
            match self.judge(&disk, &point, &mut dice) {
                Ok(more) => *counts += more,
                Err(error) => {
                    report::say(&format!("{point:?}: {error:#}"));
                    broken += 1;
                }
            }
        }
        Ok(broken)
    }

    /// A third just after an acknowledgement, a quarter before the first, the rest anywhere.
    fn point(&self, number: u64, dice: &mut Dice) -> Point {
        let promised = |record: &&Record| {
            matches!(record.fact, Fact::Acked { .. } | Fact::Stored { .. } | Fact::Person { .. })
        };
        let acks: Vec<u64> =
            self.session.history.iter().filter(promised).map(|record| record.at).collect();
        let calls = &self.session.calls;
        let fresh = calls.iter().take_while(|call| Some(&call.end) < acks.first()).count();
        let at = match number % 4 {
            0 | 2 => acks.get(dice.place(acks.len())).copied(),
            1 => calls.get(dice.place(fresh)).map(|call| call.end),
            _ => calls.get(dice.place(calls.len())).map(|call| call.end),
        };
        let kept =
            |dice: &mut Dice| [Left::Nothing, Left::Some, Left::Some, Left::All][dice.place(4)];
        let cut = if number.is_multiple_of(3) {
            Cut { content: Left::Nothing, names: Left::Nothing }
        } else {
            Cut { content: kept(dice), names: kept(dice) }
        };
        Point { at: at.unwrap_or_default(), cut, twice: dice.once_in(3) }
    }

    fn judge(&self, disk: &Disk, point: &Point, dice: &mut Dice) -> Result<Counts> {
        let kept = Kept::new("cut", self.plan.under)?;
        let mut image = disk.cut(point.cut, dice);
        if point.twice {
            image = self.cut_again(&image, point.cut, dice).context("the second cut")?;
        }
        let root = kept.path().join("disk");
        lay_out(&root, &image)?;
        let history: Vec<Record> =
            self.session.history.iter().filter(|record| record.at <= point.at).cloned().collect();
        match self.read(&root.join(DATA), &kept, history.clone()) {
            Ok(history) => {
                let verdict = verdict::check(&history);
                report::judge(&verdict, &history, &kept)?;
                Ok(verdict.counts)
            }
            Err(error) => {
                kept.keep(&history)?;
                Err(error)
            }
        }
    }

    /// A start on the disk that a cut left, which is cut too.
    fn cut_again(&self, image: &Image, cut: Cut, dice: &mut Dice) -> Result<Image> {
        let kept = Kept::new("second", self.plan.under)?;
        let (root, trace) = (kept.path().join("disk"), kept.path().join("trace"));
        lay_out(&root, image)?;
        drop(File::create_new(&trace)?);
        let mut disk = Disk::load(&root)?;
        let env = self.recorder.env(&trace, &root, Some(1 + dice.below(SECOND_CALLS_MAX)));
        let mut daemon = Daemon::spawn(self.plan.liaod, &root.join(DATA), &kept.log(), &env)?;
        if daemon.ready()?.is_some() {
            daemon.kill()?;
        }
        let deadline = Deadline::within(START_WITHIN);
        while daemon.is_running()? {
            deadline.check("the end of a start")?;
        }
        for traced in trace::parse(&fs::read(&trace)?)? {
            disk.apply(&traced.call)?;
        }
        Ok(disk.cut(cut, dice))
    }

    /// Starts the server on what is left, with TLS and without, and lets everybody read.
    fn read(&self, data: &Path, kept: &Kept, mut history: Vec<Record>) -> Result<Vec<Record>> {
        Daemon::starts_with_tls(self.plan.liaod, data, &kept.log())?;
        let (mut daemon, addr) = Daemon::start(self.plan.liaod, data, &kept.log())?;
        let tape = Arc::new(Tape::new(Dating::Millis(clock::now())));
        let known = |name: &str| {
            history
                .iter()
                .any(|record| record.who == name && matches!(record.fact, Fact::Began { .. }))
        };
        let people = self.session.people.iter().filter(|client| known(&client.name));
        let people = people.map(|client| client.reborn(&tape)).collect();
        let stored = |file: u64| {
            history
                .iter()
                .any(|record| matches!(record.fact, Fact::Stored { file: of, .. } if of == file))
        };
        Cast::readers(people, self.session.all_rooms.clone()).read_and_talk(addr, stored)?;
        let status = daemon.stop()?;
        if !status.success() {
            bail!("liaod ended with {status}: {}", daemon.last_words()?);
        }
        report::no_panic(&kept.log())?;
        history.extend(tape.records());
        Ok(history)
    }
}

/// Makes the files and folders that were left.
fn lay_out(root: &Path, image: &Image) -> Result<()> {
    let mut folders = DirBuilder::new();
    folders.mode(0o700).recursive(true);
    folders.create(root)?;
    for (name, content) in image {
        let path = root.join(name);
        match content {
            None => folders.create(&path)?,
            Some(bytes) => {
                let mut options = File::options();
                options.write(true).create_new(true).mode(0o600);
                options.open(&path)?.write_all(bytes)?;
            }
        }
    }
    Ok(())
}
