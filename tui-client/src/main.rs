//! `liao`: chat in the terminal. Reads the command line and starts what it names.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use liao::{
    StartOptions,
    plain::{Exit, NewAccount, PlainOptions, TIMEOUT_MS},
};
use liao_client_core::address::LinkTarget;
use liao_common::{
    id::Pin,
    name::{DisplayName, RoomName, UserName},
};
use liao_server::discreet;

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
    /// Believe these certificate authorities too, in PEM [default: the file named by LIAO_CA_FILE]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Talk line by line: for scripts, pipes and screen readers
    ///
    /// Each line of the input is sent to the room; each event is one line of the output.
    /// Commands: /msg ID TEXT, /file ID|#ROOM PATH, /join #ROOM, /room #ROOM, /who,
    /// /get NUMBER [PATH], exit. Two slashes at the start send a line that begins with one.
    #[command(after_help = EXIT_CODES)]
    Plain(Box<Plain>),
    /// Forget the key of a server, after its owner confirmed a new one
    ///
    /// A `liao` that runs already asks about the server's key at its next connection.
    /// Exit codes: 0 forgotten, 1 no key was known or the files cannot be changed, 2 usage.
    Forget {
        /// HOST:PORT, or a liao:// link
        #[arg(value_parser = liao::target)]
        server: LinkTarget,
    },
}

#[derive(Args)]
struct Plain {
    /// Where the server is, or a liao:// link
    #[arg(long, value_name = "HOST:PORT", value_parser = liao::target)]
    server: LinkTarget,
    /// User id to log in with
    #[arg(long, value_name = "ID", value_parser = UserName::parse)]
    user: UserName,
    /// File with the password on its first line; - is standard input, where a terminal asks and shows nothing
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// Make the account first
    #[arg(long)]
    register: bool,
    /// Display name of the new account [default: the user id]
    #[arg(long, value_name = "NAME", requires = "register", value_parser = DisplayName::parse)]
    name: Option<DisplayName>,
    /// Invite for the new account
    #[arg(long, value_name = "CODE", requires = "register")]
    invite: Option<String>,
    /// The server's key, 64 hexadecimal digits; it is not remembered
    #[arg(long, value_parser = parse_pin)]
    pin: Option<Pin>,
    /// Believe these certificate authorities too, in PEM [default: the file named by LIAO_CA_FILE]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Talk to a server on this computer without encryption
    #[arg(long, conflicts_with = "pin")]
    insecure_plaintext: bool,
    /// Room that lines go to at first; joined or made where needed
    #[arg(long, value_name = "#ROOM", default_value = "#lobby", value_parser = RoomName::parse)]
    room: RoomName,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Give up when nothing moves for so long; at a terminal, who leaves waits five seconds at most for a server that
    /// is gone
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT_MS / 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl From<Plain> for PlainOptions {
    fn from(plain: Plain) -> Self {
        let name = plain.name.map(String::from).unwrap_or_default();
        let account = NewAccount { name, invite: plain.invite };
        Self {
            target: plain.server,
            user: plain.user,
            password_file: plain.password_file,
            register: plain.register.then_some(account),
            pin: plain.pin,
            plaintext: plain.insecure_plaintext,
            ca_file: plain.ca_file,
            room: plain.room,
            json: plain.json,
            timeout_ms: plain.timeout * 1000,
        }
    }
}

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 something was not sent or done, 2 usage, \
                          3 the server cannot be reached or trusted, 4 login refused";

/// What scripts learn from the exit code; 2 is what clap uses for a wrong command line.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    discreet::report_panics("liao");
    // What the system does not allow is for its administrator to say, not for every start.
    let _ = discreet::leave_no_core();
    let done = match arguments.command {
        Some(Command::Plain(options)) => return plain((*options).into()),
        Some(Command::Forget { server }) => return forget(&server),
        None => full_screen(StartOptions {
            server: arguments.server,
            plaintext: arguments.insecure_plaintext,
            ca_file: arguments.ca_file,
        }),
    };
    match done {
        Ok(left) => {
            left.into_iter().for_each(|sentence| complain(&sentence));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("liao: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Nothing waits at the end for a disk that does not answer.
fn full_screen(options: StartOptions) -> anyhow::Result<Option<String>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let done = runtime.block_on(liao::full_screen(options));
    runtime.shutdown_background();
    done
}

/// A thread that reads a file or the input cannot be called back, so nothing waits for it at the end.
fn plain(options: PlainOptions) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("liao: {error}"));
            return ExitCode::from(Exit::Unsent.code());
        }
    };
    let exit = runtime.block_on(liao::plain::run(options));
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

fn parse_pin(text: &str) -> Result<Pin, String> {
    Pin::parse_hex(text).ok_or_else(|| "a pin has 64 hexadecimal digits".to_owned())
}

fn forget(server: &LinkTarget) -> ExitCode {
    match liao::forget(server) {
        Ok(done) => {
            // Who does not want to hear it has closed the pipe.
            let _ = writeln!(io::stdout(), "{done}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            ExitCode::from(FAILED)
        }
    }
}

/// The program's own last word. Where the terminal is gone by now, nobody hears it.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
