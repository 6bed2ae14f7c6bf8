//! `liao`: chat in the terminal. Reads the command line and starts what it names.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use liao::StartOptions;

/// Chat in the terminal.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// HOST:PORT or a liao:// link; without it the server used last
    server: Option<String>,
    /// Talk to a server on this computer without encryption
    #[arg(long, requires = "server")]
    insecure_plaintext: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Forget the key of a server, after its owner confirmed a new one
    Forget {
        /// HOST:PORT
        server: String,
    },
}

/// What scripts learn from the exit code; 2 is what clap uses for a wrong command line.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Forget { server }) => forget(&server),
        None => full_screen(StartOptions {
            server: arguments.server,
            plaintext: arguments.insecure_plaintext,
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("liao: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

fn full_screen(options: StartOptions) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(liao::full_screen(options))
}

fn forget(server: &str) -> anyhow::Result<()> {
    if !liao::forget(server)? {
        anyhow::bail!("no key of {server} was known");
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "this is the program's own last word")]
fn complain(text: &str) {
    eprintln!("{text}");
}
