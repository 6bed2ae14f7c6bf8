//! A server that is recorded: people talk to it through several lives, of which some end well and some
//! at a call that was drawn by lot. What comes of it is a history and a record that belong together.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_check::history::Record;

use super::{
    DATA,
    disk::Disk,
    trace::{self, Traced},
};
use crate::{
    Dice,
    client::Client,
    clock::Deadline,
    crowd::{Cast, Crowd},
    daemon::Daemon,
    report::Kept,
    tape::{Dating, Tape},
};

const PEOPLE: usize = 4;

/// Lives of the server; the first begins with nothing, the last ends well.
const LIVES: usize = 6;

/// Acknowledgements in a life at most.
const ACKS_MAX: u64 = 250;

/// Calls in a life that is to end at one of them, at most.
const CALLS_MAX: u64 = 400;

/// How long a life may take on a busy machine.
const LIFE_WITHIN: Duration = Duration::from_secs(60);

/// The recorder, built for this machine.
pub(crate) struct Recorder(PathBuf);

impl Recorder {
    /// Builds it in this folder.
    pub(crate) fn build(folder: &Path) -> Result<Self> {
        let (source, library) = (folder.join("recorder.c"), folder.join("recorder.so"));
        fs::write(&source, include_str!("recorder.c"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
        let status = compiler.arg(&library).arg(&source).arg("-ldl").status();
        let status = status.context("cannot run cc, which builds the recorder")?;
        if !status.success() {
            bail!("cc cannot build the recorder");
        }
        Ok(Self(library))
    }

    /// What a server must find in its environment to be recorded.
    pub(crate) fn env(
        &self,
        trace: &Path,
        root: &Path,
        die_after: Option<u64>,
    ) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.display().to_string();
        let mut env = vec![
            ("LD_PRELOAD", text(&self.0)),
            ("LIAO_TRACE", text(trace)),
            ("LIAO_TRACE_ROOT", text(root)),
        ];
        env.extend(die_after.map(|calls| ("LIAO_TRACE_DIE", calls.to_string())));
        env
    }
}

/// See the module.
pub(crate) struct Session {
    pub(crate) history: Vec<Record>,
    pub(crate) calls: Vec<Traced>,
    pub(crate) before: Disk,
    pub(crate) people: Vec<Client>,
    pub(crate) all_rooms: Vec<u64>,
}

/// Records a session in this folder.
pub(crate) fn record(liaod: &Path, recorder: &Recorder, kept: &Kept, seed: u64) -> Result<Session> {
    let root = kept.path().join("disk");
    fs::create_dir(&root)?;
    let trace = kept.path().join("trace");
    let tape = Arc::new(Tape::new(Dating::Trace(File::create_new(&trace)?)));
    let before = Disk::load(&root)?;
    let log = kept.log();
    let mut lives = Lives {
        liaod,
        recorder,
        root: &root,
        trace: &trace,
        log: &log,
        tape: &tape,
        dice: Dice::numbered(seed, 77),
    };
    let cast = lives.run(seed)?;
    let calls = trace::parse(&fs::read(&trace)?)?;
    let (people, all_rooms) = cast.part();
    let session = Session { history: tape.records(), calls, before, people, all_rooms };
    session.compare(&root)?;
    Ok(session)
}

struct Lives<'a> {
    liaod: &'a Path,
    recorder: &'a Recorder,
    root: &'a Path,
    trace: &'a Path,
    log: &'a Path,
    tape: &'a Arc<Tape>,
    dice: Dice,
}

impl Lives<'_> {
    fn run(&mut self, seed: u64) -> Result<Cast> {
        let mut daemon = self.spawn(None)?;
        let addr = daemon.ready()?.with_context(|| daemon.last_words().unwrap_or_default())?;
        let crowd = Cast::gather(PEOPLE, (seed, 0), self.tape, addr)?.talk()?;
        crowd.point_to(Some(addr));
        self.end_well(daemon, &crowd)?;
        for _ in 2..LIVES {
            let die_after = self.dice.once_in(2).then(|| self.lot());
            let mut daemon = self.spawn(die_after)?;
            crowd.point_to(daemon.ready()?);
            match die_after {
                Some(_) => self.end_by_lot(daemon, &crowd)?,
                None => self.end_well(daemon, &crowd)?,
            }
            crowd.point_to(None);
        }
        let mut daemon = self.spawn(None)?;
        crowd.point_to(daemon.ready()?);
        let cast = crowd.finish()?;
        daemon.stop()?;
        Ok(cast)
    }

    fn spawn(&self, die_after: Option<u64>) -> Result<Daemon> {
        let env = self.recorder.env(self.trace, self.root, die_after);
        Daemon::spawn(self.liaod, &self.root.join(DATA), self.log, &env)
    }

    /// Some lives end while they begin.
    fn lot(&mut self) -> u64 {
        let limit = if self.dice.once_in(3) { 30 } else { CALLS_MAX };
        1 + self.dice.below(limit)
    }

    fn end_well(&mut self, mut daemon: Daemon, crowd: &Crowd) -> Result<()> {
        let acks = self.tape.acked() + self.dice.below(ACKS_MAX);
        self.tape.wait_for_acks(acks, Deadline::within(LIFE_WITHIN));
        if !crowd.is_well() {
            bail!("somebody could not go on");
        }
        daemon.stop()?;
        Ok(())
    }

    fn end_by_lot(&self, mut daemon: Daemon, crowd: &Crowd) -> Result<()> {
        let deadline = Deadline::within(LIFE_WITHIN);
        while daemon.is_running()? {
            self.tape.wait(Deadline::within(Duration::from_millis(5)));
            deadline.check("the end of a life")?;
            if !crowd.is_well() {
                bail!("somebody could not go on");
            }
        }
        Ok(())
    }
}

impl Session {
    /// What the record says and what the folder says must be the same: nothing went past the recorder.
    fn compare(&self, root: &Path) -> Result<()> {
        let mut disk = self.before.clone();
        self.calls.iter().try_for_each(|traced| disk.apply(&traced.call))?;
        let (said, found) = (disk.live(), Disk::load(root)?.live());
        for name in said.keys().chain(found.keys()) {
            if said.get(name) != found.get(name) {
                bail!("the recorder missed something about {name}");
            }
        }
        Ok(())
    }
}
