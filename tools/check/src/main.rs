//! The program `liao-check`: treats a real server badly, and judges what its clients were told.

mod client;
mod clock;
mod crowd;
mod cuts;
mod daemon;
mod damage;
mod erased;
mod guests;
mod kill;
mod link;
mod report;
mod segment;
mod tape;

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use liao_check::{dice::Dice, history, verdict};

/// Proves the promises of liaod, or shows where they are broken.
#[derive(Parser)]
#[command(name = "liao-check", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a history: a file of JSON lines.
    History {
        /// The file.
        file: PathBuf,
    },
    /// Kill the server at random moments, start it again, and look for what is missing.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 25)]
        points: u64,
        /// Take so many bytes off the journal after each kill; more than none must make the run fail.
        #[arg(long, value_name = "BYTES", default_value_t = 0)]
        forget: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Cut the power of a recorded server, start it on what a disk would have kept, and look for what
    /// is missing.
    Cuts {
        /// How often.
        #[arg(long, default_value_t = 20)]
        cuts: u64,
        /// Of eight syncs, how many the disk really does. With fewer than eight the run must fail.
        #[arg(long, value_name = "N", default_value_t = 8)]
        syncs_in_eight: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Damage every kind of file in a data folder, and look at what the server makes of it.
    Damage {
        /// Besides, how many damages at random places.
        #[arg(long, default_value_t = 40)]
        random: u64,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// What the random numbers begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server; the one beside this program unless told otherwise.
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    /// Where the data folders are made; a folder in which something broke stays there.
    #[arg(long, value_name = "DIR")]
    under: Option<PathBuf>,
}

impl Common {
    fn liaod(&self) -> Result<PathBuf> {
        self.liaod.clone().map_or_else(daemon::beside, Ok)
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("liao-check: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::History { file } => judge(&file),
        Command::Kill { points, forget, common } => kill::run(&kill::Plan {
            liaod: &common.liaod()?,
            points,
            seed: common.seed,
            under: common.under.as_deref(),
            forget_bytes: forget,
        }),
        Command::Cuts { cuts, syncs_in_eight, common } => cuts::run(&cuts::Plan {
            liaod: &common.liaod()?,
            cuts,
            seed: common.seed,
            under: common.under.as_deref(),
            syncs_in_eight,
        }),
        Command::Damage { random, common } => {
            let (liaod, under) = (common.liaod()?, common.under.as_deref());
            damage::run(&liaod, common.seed, under)?;
            damage::run_anywhere(&liaod, common.seed, random, under)
        }
    }
}

fn judge(file: &std::path::Path) -> Result<()> {
    let source = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let verdict = verdict::check(&history::read(BufReader::new(source))?);
    for fault in &verdict.faults {
        report::say(&fault.to_string());
    }
    report::say(&report::words(&verdict.counts));
    if verdict.faults.is_empty() {
        Ok(())
    } else {
        bail!("{} promises broken", verdict.faults.len())
    }
}
