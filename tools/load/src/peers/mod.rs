//! Liao beside other servers: the same people, the same posts, the same checks, in turn. Each round
//! starts each server anew; a server whose hearers did not hear everything in order has no figure.

mod bare;
mod bare_server;
mod dialect;
mod irc;
mod native;
mod party;
mod payload;
mod process;
mod system;
mod talk;
mod tally;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    machine,
    report::{Good, short},
    say, server,
};
use dialect::Scene;
use system::{Ground, System};
use talk::{Cast, Talk};
use tally::Tally;

pub(crate) use bare_server::serve as ceiling;

/// People of the hall that hears everything, and of the pairs.
const PEOPLE: usize = 1000;

/// Who talks in the hall.
const SENDERS: usize = 4;

/// What to measure, and beside whom.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds; each starts every server anew.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// Only these workloads [default: all].
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Only these systems [default: all that are installed].
    #[arg(long, value_delimiter = ',')]
    peers: Vec<System>,
    /// Seconds of each measured window.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=30))]
    seconds: u64,
    /// Liao's program [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    /// Folder on the disk to be measured; what is made in it is removed again.
    #[arg(long, value_name = "DIR")]
    under: Option<PathBuf>,
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Fan-out: 1,000 hear what 4 say.
    #[value(name = "W1")]
    Fanout,
}

struct Run<'a> {
    options: &'a Options,
    ground: Ground,
    tally: Tally,
    failed: bool,
}

impl Options {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        machine::raise_descriptors()?;
        let under = match &self.under {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let liaod = self.liaod.clone().map_or_else(server::beside, Ok)?;
        let ground = Ground::new(under.context("cannot make a folder")?, liaod);
        let tally = Tally {
            processors: std::thread::available_parallelism()?.get(),
            load_average: (machine::load_average(), 0.0),
            ..Tally::default()
        };
        let mut run = Run { options: self, ground, tally, failed: false };
        run.all()?;
        run.finish()
    }

    fn wants(&self, workload: Workload) -> bool {
        self.only.is_empty() || self.only.contains(&workload)
    }
}

impl Run<'_> {
    fn all(&mut self) -> Result<()> {
        let systems = self.systems();
        if systems.iter().any(|system| matches!(system, System::Liao | System::LiaoTls)) {
            self.ground.register(PEOPLE)?;
        }
        for round in 1..=self.options.rounds {
            if self.options.wants(Workload::Fanout) {
                self.turn("W1", round, &systems, Self::fanout);
            }
        }
        Ok(())
    }

    /// Those that are wanted and there.
    fn systems(&mut self) -> Vec<System> {
        let wanted = &self.options.peers;
        let mut there = Vec::new();
        for system in system::ALL.into_iter().filter(|it| wanted.is_empty() || wanted.contains(it))
        {
            match system.missing() {
                None => there.push(system),
                Some(how) => self.note(format!("{system} is left out. {how}")),
            }
        }
        there
    }

    fn note(&mut self, note: String) {
        say(&note);
        if !self.tally.notes.contains(&note) {
            self.tally.notes.push(note);
        }
    }

    /// One workload with one system after the other. Who fails has no figure in this round.
    fn turn(
        &mut self,
        name: &str,
        round: u64,
        systems: &[System],
        work: impl Fn(&mut Self, System) -> Result<()>,
    ) {
        for system in systems {
            if let Err(error) = work(self, *system) {
                self.failed = true;
                self.note(format!("{name}, round {round}, {system}: {error:#}"));
            }
        }
    }

    fn add(&mut self, of: (&'static str, &str), kind: (&'static str, Good), found: (System, f64)) {
        say(&format!("{} {}, {}: {} {}", of.0, of.1, found.0, short(found.1), kind.0));
        self.tally.add(of, kind, found);
    }

    fn fanout(&mut self, system: System) -> Result<()> {
        let cast = Cast { scene: Scene::Hall, people: PEOPLE, senders: SENDERS };
        let mut running = self.ground.start(system, cast.scene, cast.people)?;
        let pid = running.pid();
        running.party.log_in(cast.people)?;
        running.party.enter(cast.scene)?;
        let mut talk = Talk::new(&running.party, cast)?;
        let time = Duration::from_secs(self.options.seconds);
        for window in [64, 4, 256] {
            let share = window / SENDERS as u64;
            let (rate, _) = talk.measure(&mut running.party, pid, share, time)?;
            let what = format!("fan-out, {window} in flight");
            let of = ("W1", what.as_str());
            self.add(of, ("deliveries/CPU-s", Good::High), (system, rate.per_cpu_s()));
            self.add(of, ("deliveries/s", Good::High), (system, rate.per_wall_s()));
        }
        self.ground.end(running)
    }

    fn finish(mut self) -> Result<()> {
        self.tally.load_average.1 = machine::load_average();
        say(&format!("\n{}", self.tally.table()));
        if let Some(path) = &self.options.json {
            let text = serde_json::to_string_pretty(&self.tally)?;
            std::fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.failed {
            bail!("not everything was measured; see above");
        }
        Ok(())
    }
}
