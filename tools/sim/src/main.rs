//! The program `liao-sim`: runs worlds by their seeds, tells which of them broke a promise, and how
//! to see it again. Worlds share nothing, so as many run at a time as there are processors.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use liao_check::verdict::Counts;
use liao_sim::{Options, Outcome, Stopwatch};

/// Broken seeds after which no new one is begun.
const BROKEN_MAX: usize = 20;

/// Runs Liao's server and clients in simulated worlds.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// This seed only.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Where to write every step of that seed.
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Worlds at a time [default: as many as there are processors].
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    liao_sim::keep_panics();
    if let Some(seed) = arguments.seed {
        return one(seed, arguments.trace);
    }
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    many(arguments.from, arguments.seeds, jobs)
}

fn one(seed: u64, trace: Option<PathBuf>) -> Result<ExitCode> {
    let outcome =
        liao_sim::run(seed, Options { keep_lines: trace.is_some(), ..Options::default() })?;
    if let Some(path) = trace {
        std::fs::write(&path, outcome.lines.join("\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    tell(&outcome)?;
    writeln!(
        io::stdout(),
        "seed {seed}: {} steps, {:?}, trace {}",
        outcome.steps,
        outcome.counts,
        outcome.digest
    )?;
    Ok(code(outcome.faults.is_empty()))
}

/// What is known of the worlds that have ended.
#[derive(Default)]
struct Score {
    worlds: u64,
    steps: u64,
    counts: Counts,
    broken: Vec<u64>,
}

fn many(from: u64, seeds: u64, jobs: usize) -> Result<ExitCode> {
    let watch = Stopwatch::start();
    let (next, score) = (AtomicU64::new(from), Mutex::new(Score::default()));
    let works = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let enough = score.lock().unwrap_or_else(PoisonError::into_inner).broken.len();
            if seed >= from.saturating_add(seeds) || enough >= BROKEN_MAX {
                return Ok(());
            }
            let outcome = liao_sim::run(seed, Options::default())?;
            let mut score = score.lock().unwrap_or_else(PoisonError::into_inner);
            tell(&outcome)?;
            score.worlds += 1;
            score.steps += outcome.steps;
            score.counts += outcome.counts;
            if !outcome.faults.is_empty() {
                score.broken.push(seed);
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(works)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a world could not be run")))
        })
    })?;
    let score = score.into_inner().unwrap_or_else(PoisonError::into_inner);
    writeln!(
        io::stdout(),
        "{} seeds from {from}, {} steps, {:.0} s; {:?}; {} broken",
        score.worlds,
        score.steps,
        watch.seconds(),
        score.counts,
        score.broken.len()
    )?;
    Ok(code(score.broken.is_empty()))
}

/// Tells what a world broke, if it broke anything.
fn tell(outcome: &Outcome) -> io::Result<()> {
    if outcome.faults.is_empty() {
        return Ok(());
    }
    let (mut out, seed) = (io::stdout().lock(), outcome.seed);
    writeln!(out, "seed {seed} broke a promise:")?;
    for fault in &outcome.faults {
        writeln!(out, "  {fault}")?;
    }
    writeln!(out, "  again: cargo run -p liao-sim -- --seed {seed} --trace seed-{seed}.txt")
}

const fn code(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
