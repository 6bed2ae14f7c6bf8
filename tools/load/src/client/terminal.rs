//! A terminal of 200 by 50 with a program in it: keys go in, and what it draws is understood as a real
//! terminal would. Owns the process, which ends with it.

use std::{
    io::{Read as _, Write},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::{clock, machine};

const COLUMNS: u16 = 200;
const ROWS: u16 = 50;

/// Bytes of a program's output that are read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Reads that wait to be understood; then the program waits for its terminal.
const READS_MAX: usize = 64;

/// See the module.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    /// Dropping it would hang up.
    _master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Bytes the program has written.
    pub(crate) written: u64,
    pub(crate) opened: Instant,
}

impl Terminal {
    /// Starts a program with its files in `home`.
    pub(crate) fn open(program: &Path, arguments: &[String], home: &Path) -> Result<Self> {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(home);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")] {
            command.env(name, value);
        }
        command.env("HOME", home);
        command.env("LIAO_HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let opened = clock::now();
        let child = pair.slave.spawn_command(command).context("cannot start the client")?;
        drop(pair.slave);
        let output = watch(pair.master.try_clone_reader()?)?;
        let rows = std::num::NonZero::new(ROWS).context("no rows")?;
        let columns = std::num::NonZero::new(COLUMNS).context("no columns")?;
        Ok(Self {
            child,
            keyboard: pair.master.take_writer()?,
            _master: pair.master,
            output,
            parser: vt100::Parser::new(rows, columns, 0),
            written: 0,
            opened,
        })
    }

    pub(crate) fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush())?)
    }

    /// Waits until a text stands on the screen; gives the moment it did.
    pub(crate) fn until(&mut self, text: &str, within: Duration) -> Result<Instant> {
        self.until_rows(text, within, |row| row.contains(text))
    }

    /// Waits until a row of the screen is as wanted, looking from the bottom.
    pub(crate) fn until_rows(
        &mut self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Instant> {
        let end = clock::now() + within;
        loop {
            if self.rows().iter().rev().any(|row| wanted(row)) {
                return Ok(clock::now());
            }
            let left = end.saturating_duration_since(clock::now());
            if left.is_zero() || !self.take(left)? {
                bail!("in vain: {what}; there is\n{}", self.parser.screen().contents());
            }
        }
    }

    /// What stands on the screen now.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.parser.screen().rows(0, COLUMNS).collect()
    }

    /// Takes what the program writes for as long as this.
    pub(crate) fn watch_for(&mut self, time: Duration) -> Result<()> {
        let end = clock::now() + time;
        loop {
            let left = end.saturating_duration_since(clock::now());
            if left.is_zero() || !self.take(left)? {
                return Ok(());
            }
        }
    }

    /// Takes what the program writes next, if it comes within this time.
    pub(crate) fn watch_once(&mut self, wait: Duration) -> Result<()> {
        self.take(wait).map(drop)
    }

    /// Takes what the program writes until it has written nothing for as long as this.
    pub(crate) fn settle(&mut self, quiet: Duration) -> Result<()> {
        while self.take(quiet)? {}
        Ok(())
    }

    /// False: nothing came.
    fn take(&mut self, wait: Duration) -> Result<bool> {
        let first = match self.output.recv_timeout(wait) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(anyhow!("the client ended: {}", self.parser.screen().contents()));
            }
        };
        let more: Vec<Vec<u8>> = self.output.try_iter().take(READS_MAX).collect();
        for bytes in std::iter::once(first).chain(more) {
            self.written += bytes.len() as u64;
            self.parser.process(&bytes);
        }
        Ok(true)
    }

    pub(crate) fn resident_kib(&self) -> Result<u64> {
        machine::resident_kib(self.pid()?)
    }

    pub(crate) fn cpu_s(&self) -> Result<f64> {
        machine::cpu_s(self.pid()?)
    }

    fn pid(&self) -> Result<u32> {
        self.child.process_id().context("the client has ended")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn watch(mut reader: Box<dyn std::io::Read + Send>) -> Result<Receiver<Vec<u8>>> {
    let (reads, output) = sync_channel(READS_MAX);
    thread::Builder::new().name("terminal".into()).spawn(move || {
        let mut space = vec![0; READ_BYTES];
        // A terminal that was hung up ends with an error.
        while let Ok(count @ 1..) = reader.read(&mut space) {
            if reads.send(space[..count].to_vec()).is_err() {
                return;
            }
        }
    })?;
    Ok(output)
}
