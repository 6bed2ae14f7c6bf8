//! A server somebody else wrote, as a child on the loopback address. It ends with the value that
//! owns it, and its folder goes with it.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::event::{Timespec, poll};

use crate::clock::Deadline;

/// How long it may take until it takes connections.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Between two looks whether it does.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// See the module.
pub(super) struct Process {
    child: Child,
    pub(super) addr: SocketAddr,
    log: PathBuf,
    /// Lives as long as the process.
    _folder: tempfile::TempDir,
}

/// Where a program lies, if it is installed.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where the path of an ordinary person does not lead.
    let beside = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(beside).map(|at| at.join(program)).find(|at| at.is_file())
}

/// A folder below `under` for one run, and a port nobody listens on.
pub(super) fn ground(under: &Path) -> Result<(tempfile::TempDir, u16)> {
    let folder = tempfile::tempdir_in(under).context("cannot make a folder for a peer")?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok((folder, port))
}

impl Process {
    /// Starts it and waits until it takes connections.
    pub(super) fn start(
        mut command: Command,
        folder: tempfile::TempDir,
        port: u16,
    ) -> Result<Self> {
        let log = folder.path().join("log");
        let file = File::create(&log)?;
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let name = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("cannot start {}", name.display()))?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut process = Self { child, addr, log, _folder: folder };
        let deadline = Deadline::within(READY_WITHIN);
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = process.child.try_wait()? {
                bail!("{} ended with {status}: {}", name.display(), process.log());
            }
            deadline.check("starting a peer").with_context(|| process.log())?;
            poll(&mut [], Some(&LOOK_AGAIN))?;
        }
        Ok(process)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
