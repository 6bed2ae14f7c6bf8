//! Liao beside other servers: the same people, the same posts, the same checks, in turn. Each round
//! starts each server anew; a server whose hearers did not hear everything in order has no figure.

mod acks;
mod bare;
mod bare_server;
mod dialect;
mod irc;
mod many;
mod mqtt;
mod native;
mod nats;
mod pace;
mod party;
mod payload;
mod process;
mod system;
mod talk;
mod tally;
mod works;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    machine,
    report::{Good, short},
    rig::{Output, Rig},
    say,
};
use system::{Ground, System};
use tally::Tally;

pub(crate) use bare_server::serve as ceiling;

/// Rounds of what takes long and differs little.
const ROUNDS_OF_KEPT: u64 = 2;

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
    /// People of the largest room, who idle first.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1100..=19_000))]
    people: u64,
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Fan-out: 1,000 hear what 4 say.
    #[value(name = "W1")]
    Fanout,
    /// 500 pairs, and how long a message takes at a steady pace.
    #[value(name = "W2")]
    Pairs,
    /// Very many who idle, and all of them in one room: W3 and W4 are one.
    #[value(name = "W3", alias = "W4")]
    Many,
    /// What is on the disk when it is accepted.
    #[value(name = "W5")]
    Kept,
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
        let ground = Ground::new(self.rig.folder()?, self.rig.liaod()?);
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
        let wants = |workload| self.options.wants(workload);
        if systems.iter().any(|system| system.is_own()) {
            let people = usize::try_from(self.options.people)?;
            self.ground.populate(if wants(Workload::Many) { people } else { works::PEOPLE })?;
        }
        for round in 1..=self.options.rounds {
            if wants(Workload::Fanout) {
                self.turn("W1", round, &systems, Self::fanout);
            }
            if wants(Workload::Pairs) {
                self.turn("W2", round, &systems, Self::pairs);
            }
            if wants(Workload::Many) {
                self.turn("W3 and W4", round, &systems, Self::many);
            }
            if wants(Workload::Kept) && round <= ROUNDS_OF_KEPT {
                self.disk()?;
                self.turn("W5", round, &systems, Self::kept);
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
        work: impl Fn(&mut Self, System, u64) -> Result<()>,
    ) {
        let takes_part =
            |system: &&System| if name == "W5" { system.keeps() } else { system.talks() };
        for system in systems.iter().filter(takes_part) {
            if let Err(error) = work(self, *system, round) {
                self.failed = true;
                self.note(format!("{name}, round {round}, {system}: {error:#}"));
            }
        }
    }

    fn add(&mut self, of: (&'static str, &str), kind: (&'static str, Good), found: (System, f64)) {
        say(&format!("{} {}, {}: {} {}", of.0, of.1, found.0, short(found.1), kind.0));
        self.tally.add(of, kind, found);
    }

    fn finish(mut self) -> Result<()> {
        self.tally.load_average.1 = machine::load_average();
        say(&format!("\n{}", self.tally.table()));
        self.options.output.write(&self.tally)?;
        if self.failed {
            bail!("not everything was measured; see above");
        }
        Ok(())
    }
}
