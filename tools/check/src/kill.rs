//! `kill -9` at random moments: eight people talk, guests come and go, the server is killed and started again, and in the
//! end everybody reads everything. A hundred kills to a data folder at most, then a fresh one; in every other
//! one old messages go.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_check::{
    history::Fact,
    verdict::{self, Counts},
};

use crate::{
    Dice,
    clock::{self, Deadline},
    crowd::{Cast, Crowd},
    daemon::Daemon,
    erased,
    report::{self, Kept},
    segment,
    tape::{Dating, Tape},
};

/// Kills to one data folder.
const POINTS_PER_FOLDER: u64 = 100;

/// What is kept of a room where old messages go, at least and at most.
const KEPT: (u64, u64) = (40, 400);

/// Of the kills, into the first start in a folder.
const FRESH_POINTS: u64 = 2;

/// People who talk.
const PEOPLE: usize = 8;

/// People who come and go, and are taken out and let in.
const GUESTS: usize = 3;

/// Acknowledgements to wait for at most before a kill.
const ACKS_MAX: u64 = 300;

/// Milliseconds into a start at most when that is to be killed.
const START_MS_MAX: u64 = 150;

/// How long so many acknowledgements may take on a busy machine.
const ACKS_WITHIN: Duration = Duration::from_secs(30);

/// What to do.
pub(crate) struct Plan<'a> {
    pub(crate) liaod: &'a Path,
    pub(crate) points: u64,
    pub(crate) seed: u64,
    pub(crate) under: Option<&'a Path>,
    /// Take so many bytes off the end of the journal after each kill: a disk that forgets. The run must
    /// fail then.
    pub(crate) forget_bytes: u64,
}

/// Kills as often as planned, and judges.
///
/// # Errors
/// When a promise was broken, or the harness could not do its work.
pub(crate) fn run(plan: &Plan<'_>) -> Result<()> {
    let (mut counts, mut done, mut folder) = (Counts::default(), 0, 0);
    let at_once = plan.points.div_ceil(2).min(POINTS_PER_FOLDER);
    while done < plan.points {
        let points = (plan.points - done).min(at_once);
        counts += round(plan, folder, points).with_context(|| format!("data folder {folder}"))?;
        done += points;
        folder += 1;
        report::say(&format!("{done} kills, {}", report::words(&counts)));
    }
    report::say(&format!(
        "kill: {done} kills in {folder} data folders, seed {}: {}; nothing lost",
        plan.seed,
        report::words(&counts)
    ));
    Ok(())
}

fn round(plan: &Plan<'_>, folder: u64, points: u64) -> Result<Counts> {
    let kept = Kept::new("kill", plan.under)?;
    let tape = Arc::new(Tape::new(Dating::Millis(clock::now())));
    let mut dice = Dice::numbered(plan.seed, 1000 + folder);
    let keeps = (folder % 2 == 1).then(|| dice.within(KEPT.0, KEPT.1));
    if let Some(messages) = keeps {
        tape.tell("server", Fact::Keeps { messages: Some(messages) });
    }
    let round = Round { plan, kept: &kept, tape: &tape, keeps };
    let done = round.kill_and_read(points, dice, plan.seed.wrapping_add(folder));
    let history = tape.records();
    if let Err(error) = done {
        kept.keep(&history)?;
        return Err(error);
    }
    let verdict = verdict::check(&history);
    report::judge(&verdict, &history, &kept)?;
    if let Some(words) = erased::left_over(&history, &kept.data().join("journal"))? {
        kept.keep(&history)?;
        bail!("what was taken back is still in the journal: {words}");
    }
    Ok(verdict.counts)
}

struct Round<'a> {
    plan: &'a Plan<'a>,
    kept: &'a Kept,
    tape: &'a Arc<Tape>,
    /// Messages of each room that the server keeps; `None`: all.
    keeps: Option<u64>,
}

impl Round<'_> {
    fn kill_and_read(&self, points: u64, mut dice: Dice, seed: u64) -> Result<()> {
        let fresh = points.min(FRESH_POINTS);
        for number in 0..fresh {
            let data = self.kept.path().join(format!("fresh{number}"));
            self.kill_in_start(&data, &mut dice)?;
            Daemon::starts_with_tls(self.plan.liaod, &data, &self.kept.log())?;
        }
        let (mut daemon, addr) = self.start()?;
        let mut cast = Cast::gather(PEOPLE, (seed, 0), self.tape, addr)?;
        cast.welcome_guests(GUESTS, seed, self.tape, addr)?;
        let crowd = cast.talk()?;
        crowd.point_to(Some(addr));
        for _ in fresh..points {
            self.kill_while_talking(&crowd, daemon, &mut dice)?;
            daemon = self.start_again(&crowd)?;
        }
        let cast = crowd.finish()?;
        self.read(daemon, cast)
    }

    fn start(&self) -> Result<(Daemon, std::net::SocketAddr)> {
        self.spawn(&self.kept.data())?.takes_connections()
    }

    fn spawn(&self, data: &Path) -> Result<Daemon> {
        Daemon::spawn_keeping(self.plan.liaod, data, &self.kept.log(), self.keeps)
    }

    fn start_again(&self, crowd: &Crowd) -> Result<Daemon> {
        let (daemon, addr) = self.start()?;
        crowd.point_to(Some(addr));
        Ok(daemon)
    }

    fn kill_in_start(&self, data: &Path, dice: &mut Dice) -> Result<()> {
        let mut daemon = self.spawn(data)?;
        self.tape.wait(Deadline::within(Duration::from_millis(dice.below(START_MS_MAX))));
        daemon.kill()
    }

    /// One kill; one in six of them hits the start after another one, which is not counted.
    fn kill_while_talking(&self, crowd: &Crowd, mut daemon: Daemon, dice: &mut Dice) -> Result<()> {
        let acks = self.tape.acked() + dice.below(ACKS_MAX);
        self.tape.wait_for_acks(acks, Deadline::within(ACKS_WITHIN));
        self.tape.wait(Deadline::within(Duration::from_micros(dice.below(20_000))));
        if !crowd.is_well() {
            bail!("somebody could not go on");
        }
        daemon.kill()?;
        crowd.point_to(None);
        self.forget()?;
        if dice.once_in(6) {
            self.kill_in_start(&self.kept.data(), dice)?;
        }
        Ok(())
    }

    fn forget(&self) -> Result<()> {
        if self.plan.forget_bytes == 0 {
            return Ok(());
        }
        let log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
        let files = fs::read_dir(self.kept.data().join("journal"))?;
        let files = files.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        let last = files.into_iter().filter(log).max().context("no journal")?;
        let len = segment::written_bytes(&last)?.saturating_sub(self.plan.forget_bytes);
        Ok(File::options().write(true).open(last)?.set_len(len)?)
    }

    /// Once more through a start, so that what is read is what a stop leaves.
    fn read(&self, mut daemon: Daemon, mut cast: Cast) -> Result<()> {
        let status = daemon.stop()?;
        if !status.success() {
            bail!("liaod ended with {status}: {}", daemon.last_words()?);
        }
        let (mut daemon, addr) = self.start()?;
        cast.read_all(addr)?;
        cast.testify(self.tape)?;
        daemon.stop()?;
        report::no_panic(&self.kept.log())
    }
}
