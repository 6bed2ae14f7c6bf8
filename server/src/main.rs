//! The program `liaod`: arguments in, a server or an administrator's deed out.

use std::{
    io::IsTerminal as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use liao_server::{
    admin::{
        self,
        account::AddAccount,
        backup::Summary,
        client,
        invite::{self, AddInvite},
    },
    chat::{age::DAY_MS, hub::Registration, password::Cost},
    config::{Config, Transport},
    descriptors, discreet, machine,
    server::{self, Running, StartError},
    store::StoreError,
    tls::CertificateFiles,
};
use tokio::signal::unix::{SignalKind, signal};

mod operator;

/// Threads for reading and hashing. More of them than this wait for the same processors and disk, and
/// each keeps memory of its own.
const BLOCKING_THREADS_MAX: usize = 16;

/// What hashing may cost, in MiB and in passes. Less than the floor is too easily guessed; more than
/// the ceiling makes people wait for seconds.
const HASH_MIB_MIN: i64 = (Cost::FLOOR.memory_kib / 1024) as i64;
const HASH_MIB_MAX: i64 = 1024;
const HASH_PASSES_MIN: i64 = Cost::FLOOR.passes as i64;
const HASH_PASSES_MAX: i64 = 10;

/// More than the operating system gives one process.
const CONNECTIONS_MAX: i64 = 10_000_000;

/// What shells make of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

const INDEX_CACHE_MIB_MAX: u64 = 64 << 10;

/// Liao's chat server.
#[derive(Parser)]
#[command(name = "liaod", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until SIGTERM or SIGINT, on a terminal also until that is closed.
    Serve(Serve),
    /// Manage accounts.
    #[command(subcommand, visible_alias = "account")]
    User(User),
    /// Manage invites.
    #[command(subcommand)]
    Invite(Invite),
    /// Copy everything that must not be lost, of a running or a stopped server, and verify the copy.
    Backup {
        /// The folder to make; it must not exist.
        out: PathBuf,
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Make a data folder of a backup.
    Restore {
        /// The backup.
        from: PathBuf,
        /// The data folder to make; it must be empty or missing.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Read everything a stopped server has stored, say what is wrong with it and what a start would do
    /// about it. Changes nothing.
    Check {
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Args)]
struct Serve {
    /// The data folder; it is created when missing.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = Config::listen_default())]
    listen: SocketAddr,
    /// Speak plain TCP; loopback addresses only.
    #[arg(long)]
    insecure_plaintext: bool,
    /// Certificate of an authority, with those between, in PEM; read anew at SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "insecure_plaintext")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a new key if the old one is lost; everybody must trust it anew.
    #[arg(long)]
    new_key: bool,
    /// Who may register [default: open on loopback addresses, invite elsewhere].
    #[arg(long)]
    registration: Option<Policy>,
    /// After how many days without use a remembered login asks for the password again.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    login_days: u64,
    /// Memory that hashing a password takes, in MiB [default: 64, or 19 with less than 1 GiB of memory].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(HASH_MIB_MIN..=HASH_MIB_MAX))]
    hash_memory: Option<u32>,
    /// Passes over that memory [default: 3, or 2 with less than 1 GiB of memory].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(HASH_PASSES_MIN..=HASH_PASSES_MAX))]
    hash_passes: Option<u32>,
    /// Posts a connection may make a second in the long run.
    #[arg(long, value_name = "N")]
    posts_per_second: Option<u32>,
    /// Connections at a time [default: as many as fit into half of the memory, at most 1,000,000]. Never more than the
    /// limit of open files allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: Option<u32>,
    /// Cache of the index in MiB; what is resident grows to about twice that.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=INDEX_CACHE_MIB_MAX))]
    index_cache: u64,
    /// Keep messages for so many days [default: for ever].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    keep_days: Option<u64>,
    /// Keep so many messages of each room, the newest [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    keep_messages: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Policy {
    Open,
    Invite,
    Closed,
}

#[derive(Subcommand)]
enum User {
    /// Add an account, on a running or a stopped server.
    Add {
        /// What the person logs in with.
        id: String,
        /// What others see.
        #[arg(long)]
        name: String,
        /// File with the password on its first line; - is standard input, where a terminal asks and shows nothing.
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// List all accounts, one a line: user id, display name, whether it administers the server, whether it is online.
    List {
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Give an account another password, and log it out everywhere. Without a file the password is made, and printed.
    Password {
        /// What the person logs in with.
        id: String,
        /// File with the password on its first line; - is standard input, where a terminal asks and shows nothing.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Subcommand)]
enum Invite {
    /// List the invites that still let somebody in: name, how many more people, for how many days.
    List {
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// End an invite, by the name that the list has for it.
    Revoke {
        /// Its name; not its code, which is a secret.
        name: String,
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Make an invite and print its code, and below it a link with everything a newcomer needs.
    Add {
        /// How many people may register with it.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// For how many days it holds.
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=invite::DAYS_MAX))]
        days: u64,
        /// How people reach the server, for the link [default: where it listens].
        #[arg(long, value_name = "HOST[:PORT]", value_parser = parse_place)]
        host: Option<String>,
        /// The server's data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(matches!(arguments.command, Command::Serve(_)));
    discreet::report_panics("liaod");
    if let Err(error) = discreet::leave_no_core() {
        tracing::warn!("a crash may write memory to a core file: {error}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build();
    let result = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Who pressed Ctrl-C knows.
        Err(error) if was_interrupted(&error) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            say(&mut std::io::stderr(), &format!("liaod: {}", words(&error)));
            ExitCode::FAILURE
        }
    }
}

fn was_interrupted(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::Interrupted)
}

/// The outermost error's words, and those of an attempt that they belong to. Our own errors say
/// what caused them themselves.
fn words(error: &anyhow::Error) -> String {
    let outer = error.to_string();
    match error.source().map(ToString::to_string) {
        Some(inner) if !outer.contains(&inner) => format!("{outer}: {inner}"),
        _ => outer,
    }
}

/// A server tells when it starts and stops; a deed of the operator's only what goes wrong.
fn start_log(serves: bool) {
    let usual = if serves { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LIAO_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // It would be told where nothing could be told, and that panics.
        .log_internal_errors(false)
        .init();
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(serve) => run_server(config(serve)).await,
        Command::User(User::Add { id, name, password_file, data }) => {
            add_user(&data, id, name, &password_file).await
        }
        Command::User(User::List { data }) => operator::list_users(&data).await,
        Command::User(User::Password { id, password_file, data }) => {
            operator::set_password(&data, id, password_file.as_deref()).await
        }
        Command::Invite(Invite::Add { uses, days, host, data }) => {
            operator::add_invite(&data, AddInvite { uses, days }, host.as_deref()).await
        }
        Command::Invite(Invite::List { data }) => operator::list_invites(&data).await,
        Command::Invite(Invite::Revoke { name, data }) => {
            operator::revoke_invite(&data, name).await
        }
        Command::Backup { out, data } => backup(&data, &out).await,
        Command::Restore { from, data } => restore(&from, &data).await,
        Command::Check { data } => check(&data),
    }
}

fn config(serve: Serve) -> Config {
    let mut cost = Cost::for_memory(machine::memory_bytes());
    cost.memory_kib = serve.hash_memory.map_or(cost.memory_kib, |mib| mib * 1024);
    cost.passes = serve.hash_passes.unwrap_or(cost.passes);
    let connections = serve.connections.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let mut config =
        Config::new(serve.data, serve.listen).hashing(Some(cost)).connections(connections);
    config.index_cache_bytes = serve.index_cache << 20;
    if serve.insecure_plaintext {
        config.transport = Transport::Plaintext;
    }
    config.new_key = serve.new_key;
    config.rules.retention.age_ms = serve.keep_days.map(|days| days * DAY_MS);
    config.rules.retention.messages = serve.keep_messages;
    config.certificate = match (serve.tls_cert, serve.tls_key) {
        (Some(chain), Some(key)) => Some(CertificateFiles { chain, key }),
        _ => None,
    };
    config.rules.registration = match serve.registration {
        Some(Policy::Open) => Registration::Open,
        Some(Policy::Invite) => Registration::Invite,
        Some(Policy::Closed) => Registration::Closed,
        None if serve.listen.ip().is_loopback() => Registration::Open,
        None => Registration::Invite,
    };
    config.rules.token_idle_ms = serve.login_days * DAY_MS;
    if let Some(posts) = serve.posts_per_second {
        config.rules.posts_per_s = posts.max(1);
        config.rules.posts_burst = config.rules.posts_burst.max(posts);
    }
    config
}

/// As many connections and transfers as the system allows, less what the server's own files need.
fn fit_to_limit(mut config: Config) -> Config {
    match descriptors::raise_limit() {
        Ok(Some(limit)) => {
            let share = descriptors::share(limit);
            config.connections_max = config.connections_max.min(share.connections);
            config.files.transfers_max = config.files.transfers_max.min(share.transfers);
        }
        Ok(None) => {}
        Err(error) => tracing::warn!("the limit of open files stays as it is: {error}"),
    }
    config
}

async fn run_server(config: Config) -> Result<()> {
    let data = config.data.clone();
    // Asked now: of a terminal that was closed nobody can say that it is one.
    let by_hand = std::io::stderr().is_terminal();
    // Before the start, which may take long: one that comes meanwhile is answered behind it.
    let mut hangup = signal(SignalKind::hangup())?;
    let running = match server::start(fit_to_limit(config)).await {
        Err(StartError::Store(StoreError::Journal(error))) if error.is_one_record() => {
            bail!("{error}; `liaod check --data {}` says what can be read", data.display())
        }
        started => started?,
    };
    // Before the line: whoever reads it may answer with a signal.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    say(&mut std::io::stdout(), &ready(&running));
    let signal = loop {
        tokio::select! {
            _ = terminate.recv() => break Some("SIGTERM"),
            _ = interrupt.recv() => break Some("SIGINT"),
            () = running.failed() => break None,
            _ = hangup.recv() => {
                if by_hand {
                    break Some("SIGHUP");
                }
                running.reload().await;
            }
        }
    };
    if let Some(signal) = signal {
        tracing::info!("{signal} came");
    }
    running.stop().await;
    if signal.is_none() {
        bail!(
            "storing or reading failed; see the log, mend the disk if it is broken or full, and start \
             again: nothing acknowledged is lost"
        );
    }
    Ok(())
}

fn ready(running: &Running) -> String {
    match running.pin() {
        Some(pin) => format!("listening on {} pin {pin} ({})", running.addr(), pin.words()),
        None => format!("listening on {} plaintext", running.addr()),
    }
}

/// A folder is made where none was asked for by `serve` yet, but not out of a slip in its path.
fn prepare(data: &Path) -> Result<()> {
    if data.exists() {
        return Ok(());
    }
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.is_dir()) {
        bail!("there is no data folder at {}", data.display());
    }
    say(&mut std::io::stderr(), &format!("liaod: making a new data folder at {}", data.display()));
    Ok(())
}

async fn add_user(data: &Path, id: String, name: String, password_file: &Path) -> Result<()> {
    let secret = operator::read_password(password_file, &id)?;
    prepare(data)?;
    let added = client::add_account(data, AddAccount { id, name, secret }).await?;
    let role = if added.admin { ", who administers this server" } else { "" };
    say(&mut std::io::stdout(), &format!("added {}{role}", added.id));
    Ok(())
}

/// How people reach a server. It stands in a link that is handed on, so a slip is refused before there is an invite.
fn parse_place(typed: &str) -> Result<String, String> {
    if invite::is_place(typed) {
        Ok(typed.to_owned())
    } else {
        Err("this is no host name and no address; it looks like chat.example.org:8888".to_owned())
    }
}

async fn backup(data: &Path, out: &Path) -> Result<()> {
    let summary = admin::backup::backup(data, out).await?;
    tell(&summary, "backed up and verified", out)
}

async fn restore(from: &Path, data: &Path) -> Result<()> {
    let summary = admin::backup::restore(from, data).await?;
    tell(&summary, "restored and verified", data)
}

fn tell(summary: &Summary, done: &str, at: &Path) -> Result<()> {
    let Summary { records, files, damaged } = summary;
    let line = format!("{done}: {records} records and {files} files in {}", at.display());
    say(&mut std::io::stdout(), &line);
    for file in damaged {
        say(&mut std::io::stderr(), &format!("liaod: {file} is damaged and was left out"));
    }
    if damaged.is_empty() { Ok(()) } else { bail!("not all files could be copied") }
}

fn check(data: &Path) -> Result<()> {
    let findings = admin::check::check(data)?;
    findings.lines.iter().for_each(|line| say(&mut std::io::stdout(), line));
    if findings.damaged {
        bail!("something is damaged");
    }
    Ok(())
}

/// Prints a line. Nobody may be reading; that is no reason to stop.
fn say(to: &mut impl std::io::Write, line: &str) {
    drop(writeln!(to, "{line}").and_then(|()| to.flush()));
}
