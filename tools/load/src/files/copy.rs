//! What a file's way is compared with: the same file through a bare socket, and through `scp`.

use std::{
    fs::File,
    io::Read as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::clock;

/// Bytes that are read and written at a time.
const BLOCK_BYTES: usize = 256 * 1024;

/// From a file into a socket, from the socket into a file, and that on the disk; seconds.
pub(super) fn bare(from: &Path, to: &Path) -> Result<f64> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let addr = listener.local_addr()?;
    let began = clock::now();
    thread::scope(|scope| {
        let taking = scope.spawn(move || -> Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut file = File::create(to)?;
            pour(|block| stream.read(block), &mut file)?;
            Ok(file.sync_all()?)
        });
        let (mut file, mut stream) = (File::open(from)?, TcpStream::connect(addr)?);
        pour(|block| file.read(block), &mut stream)?;
        drop(stream);
        taking.join().map_err(|_| anyhow!("the other side ended early"))?
    })?;
    Ok(began.elapsed().as_secs_f64())
}

fn pour(
    mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    to: &mut impl std::io::Write,
) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match read(&mut block)? {
            0 => return to.flush(),
            count => to.write_all(&block[..count])?,
        }
    }
}

/// Through an sshd that runs on this computer already; seconds.
pub(super) fn scp(port: u16, key: &Path, from: &Path, to: &Path) -> Result<f64> {
    let target = format!("127.0.0.1:{}", to.to_str().context("a folder with a strange name")?);
    let began = clock::now();
    let status = Command::new("scp")
        .args(["-q", "-P", &port.to_string(), "-o", "StrictHostKeyChecking=no"])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i"])
        .arg(key)
        .arg(from)
        .arg(target)
        .status()
        .context("cannot start scp")?;
    ensure!(status.success(), "scp ended with {status}");
    Ok(began.elapsed().as_secs_f64())
}
