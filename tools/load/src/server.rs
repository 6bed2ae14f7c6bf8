//! The server under measurement: a `liaod` of its own on a free port of the loopback address, with
//! the same data folder for all runs. It ends with the value that owns it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use rustls::ClientConfig;
use serde::Serialize;

use crate::{clock, machine, tls};

/// Posts a second that a connection may make: more than there will be.
const POSTS_PER_S: &str = "1000000";

/// What the server says about its passwords when it stops, before the number.
const HASHED: &str = "passwords hashed since the start: ";

/// What hashing a password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// The least: for registering people by the thousand, when how long that takes is not measured.
    Least,
    /// What the server chooses on this machine.
    Usual,
}

/// How the connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// See the module.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    log: PathBuf,
}

/// Where `liaod` lies unless told otherwise: beside this program.
pub(crate) fn beside() -> Result<PathBuf> {
    program_beside("liaod", "liao-server")
}

/// Where a program of the workspace lies: beside this one.
pub(crate) fn program_beside(name: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is missing; build it with cargo build --release -p {package}", path.display());
    }
    Ok(path)
}

impl Server {
    /// Starts it and waits until it takes connections.
    pub(crate) fn start(
        liaod: &Path,
        data: &Path,
        transport: Transport,
        hashing: Hashing,
    ) -> Result<Self> {
        let mut command = Command::new(liaod);
        command.args(["serve", "--listen", "127.0.0.1:0", "--registration", "open"]);
        if hashing == Hashing::Least {
            command.args(["--hash-memory", "19", "--hash-passes", "2"]);
        }
        command.args(["--posts-per-second", POSTS_PER_S]).arg("--data").arg(data);
        if transport == Transport::Plain {
            command.arg("--insecure-plaintext");
        } else if !data.join("tls").join("key.pem").exists() {
            // Where people were made by records, a key would be missed.
            command.arg("--new-key");
        }
        // Its starts and stops would stand between the figures.
        let log = data.with_extension("log");
        let stderr = File::create(&log).context("cannot make the server's log")?;
        command.env("LIAO_LOG", "info").stderr(stderr);
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start liaod")?;
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let tls = (transport == Transport::Tls).then(tls::config).transpose()?;
        let mut server = Self { child, addr, tls, log };
        server.addr = server.ready()?;
        Ok(server)
    }

    /// Starts it on a folder that a [`Scribe`](crate::scribe::Scribe) has written, in plain text; says how long
    /// that took.
    pub(crate) fn start_timed(liaod: &Path, data: &Path) -> Result<(Self, Duration)> {
        let begun = clock::now();
        let server = Self::start(liaod, data, Transport::Plain, Hashing::Least)?;
        Ok((server, begun.elapsed()))
    }

    fn ready(&mut self) -> Result<SocketAddr> {
        let stdout = self.child.stdout.take().context("liaod has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addr =
            line.strip_prefix("listening on ").and_then(|rest| rest.split_whitespace().next());
        addr.and_then(|addr| addr.parse().ok())
            .with_context(|| format!("liaod did not start: {line:?}{}", self.log()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn resident_kib(&self) -> Result<u64> {
        machine::resident_kib(self.pid())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Tells it to stop, and does not wait.
    pub(crate) fn terminate(self) -> Result<Ending> {
        let pid = Pid::from_child(&self.child);
        // Before the signal: the number is nobody else's until the end was waited for.
        let ended = pidfd_open(pid, PidfdFlags::empty())?;
        kill_process(pid, Signal::TERM)?;
        Ok(Ending { server: self, ended })
    }

    /// Stops it as an operator would, waits for its end, and gives how many passwords it hashed.
    pub(crate) fn stop(mut self) -> Result<u64> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("liaod ended with {status}: {}", self.log());
        }
        let log = self.log();
        let hashed = log.rsplit_once(HASHED).and_then(|(_, count)| count.trim().parse().ok());
        hashed.context("the server did not say how many passwords it hashed")
    }
}

/// A server that was told to stop.
pub(crate) struct Ending {
    server: Server,
    ended: OwnedFd,
}

impl Ending {
    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> Result<bool> {
        let mut ends = [PollFd::new(&self.ended, PollFlags::IN)];
        Ok(poll(&mut ends, Some(&Timespec::default()))? > 0)
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn finish(mut self) -> Result<()> {
        let status = self.server.child.wait()?;
        if !status.success() {
            bail!("liaod ended with {status}: {}", self.server.log());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a stop there is nothing left to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
