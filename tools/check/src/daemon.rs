//! The server under test: a real `liaod` on a free port of the loopback address. It ends with the
//! value that owns it, without a goodbye.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};

/// Posts a second that a connection may make: more than there will be.
const POSTS_PER_S: &str = "1000000";

/// How long a stop may take on a busy machine.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Daemon {
    child: Child,
    addr: Option<SocketAddr>,
    log: PathBuf,
}

/// Where `liaod` lies unless told otherwise: beside this program.
pub(crate) fn beside() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("liaod");
    if !path.exists() {
        bail!("{} is missing; build it with cargo build -p liao-server", path.display());
    }
    Ok(path)
}

impl Daemon {
    /// Starts it and waits for nothing. What it logs goes to the end of `log`.
    pub(crate) fn spawn(
        liaod: &Path,
        data: &Path,
        log: &Path,
        env: &[(&str, String)],
    ) -> Result<Self> {
        let arguments = ["--insecure-plaintext", "--posts-per-second", POSTS_PER_S];
        Self::launch(liaod, data, log, &arguments, env)
    }

    /// Starts one that keeps so many messages of each room, or all, and waits for nothing.
    pub(crate) fn spawn_keeping(
        liaod: &Path,
        data: &Path,
        log: &Path,
        messages: Option<u64>,
    ) -> Result<Self> {
        let messages = messages.map(|messages| format!("--keep-messages={messages}"));
        let mut arguments = vec!["--insecure-plaintext", "--posts-per-second", POSTS_PER_S];
        arguments.extend(messages.as_deref());
        Self::launch(liaod, data, log, &arguments, &[])
    }

    fn launch(
        liaod: &Path,
        data: &Path,
        log: &Path,
        arguments: &[&str],
        env: &[(&str, String)],
    ) -> Result<Self> {
        let stderr = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(liaod);
        command.args(["serve", "--listen", "127.0.0.1:0", "--registration", "open"]);
        command.args(arguments).arg("--data").arg(data);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let child = command.stdout(Stdio::piped()).stderr(stderr).spawn();
        let child = child.with_context(|| format!("cannot start {}", liaod.display()))?;
        Ok(Self { child, addr: None, log: log.to_owned() })
    }

    /// Waits until it takes connections; `None` when it ended before.
    pub(crate) fn ready(&mut self) -> Result<Option<SocketAddr>> {
        let Some(stdout) = self.child.stdout.take() else { return Ok(self.addr) };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let words = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
        self.addr = words.and_then(|addr| addr.parse().ok());
        Ok(self.addr)
    }

    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    /// When it ends instead; with its last words.
    pub(crate) fn start(liaod: &Path, data: &Path, log: &Path) -> Result<(Self, SocketAddr)> {
        Self::spawn(liaod, data, log, &[])?.takes_connections()
    }

    /// Waits until it takes connections.
    ///
    /// # Errors
    /// When it ends instead; with its last words.
    pub(crate) fn takes_connections(mut self) -> Result<(Self, SocketAddr)> {
        match self.ready()? {
            Some(addr) => Ok((self, addr)),
            None => bail!("liaod does not start: {}", self.last_words()?),
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it as an operator would, and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time; then it is killed.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        let pid = Pid::from_child(&self.child);
        // Before the signal: nobody else has the number until the end was waited for.
        let ended = pidfd_open(pid, PidfdFlags::empty())?;
        kill_process(pid, Signal::TERM)?;
        let mut ends = [PollFd::new(&ended, PollFlags::IN)];
        if poll(&mut ends, Some(&STOPS_WITHIN.try_into()?))? == 0 {
            self.kill()?;
            bail!("liaod did not end within {STOPS_WITHIN:?} of SIGTERM: {}", self.last_words()?);
        }
        Ok(self.child.wait()?)
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Starts it with TLS and waits for nothing.
    pub(crate) fn spawn_with_tls(liaod: &Path, data: &Path, log: &Path) -> Result<Self> {
        Self::launch(liaod, data, log, &[], &[])
    }

    /// Starts it with TLS, and stops it again: the key is there, and can be used.
    ///
    /// # Errors
    /// When it ends instead; with its last words.
    pub(crate) fn starts_with_tls(liaod: &Path, data: &Path, log: &Path) -> Result<()> {
        let mut daemon = Self::spawn_with_tls(liaod, data, log)?;
        if daemon.ready()?.is_none() {
            bail!("liaod does not start with TLS: {}", daemon.last_words()?);
        }
        daemon.stop().map(drop)
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> Result<String> {
        let mut text = String::new();
        File::open(&self.log)?.read_to_string(&mut text)?;
        let from = text.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
        Ok(text[from..].trim().to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After a stop there is nothing left to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
