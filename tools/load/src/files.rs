//! Files: there and back with the transfer code of the clients, beside a bare socket and `scp`, and
//! what that does to people who talk meanwhile. What comes back is compared by its hash.

mod copy;
mod mover;
mod talk;

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;

use crate::{
    crowd::{self, Person},
    machine,
    report::{Good, Report, Row, short},
    rig::{Output, Rig},
    say,
    server::{Hashing, Server, Transport},
    stats::Latencies,
};
use mover::Mover;

/// How long people talk without a transfer, for comparison.
const TALK: Duration = Duration::from_secs(5);

/// Files that go there and back while people talk: about as long as [`TALK`].
const BESIDE: u64 = 6;

const MIB: u64 = 1024 * 1024;

/// Options of `liao-load files`.
#[derive(Args)]
pub(crate) struct Options {
    /// MiB of each file; the server takes no more than 100.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    mib: u64,
    /// How many of them, one after the other, each in turn with the copies it is compared with.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10))]
    files: u64,
    /// Port of an sshd on this computer, for `scp`.
    #[arg(long, requires = "ssh_key")]
    ssh_port: Option<u16>,
    /// The key that it lets in.
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

/// Seconds of each file, by way.
#[derive(Default)]
struct Times {
    hash: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
    bare: Vec<f64>,
    scp: Vec<f64>,
    /// Processor time of the server.
    up_cpu: Vec<f64>,
    down_cpu: Vec<f64>,
}

impl Options {
    /// Measures all of it and prints one table.
    pub(crate) fn run(&self) -> Result<()> {
        let mut report = Report::begin()?;
        let folder = self.rig.folder()?;
        if self.ssh_port.is_none() {
            say("scp is left out: name an sshd on this computer with --ssh-port and --ssh-key");
        }
        for transport in [Transport::Plain, Transport::Tls] {
            let rows = self.one_transport(transport, folder.path())?;
            rows.into_iter().for_each(|row| report.add(row));
        }
        self.output.finish(report)
    }

    fn one_transport(&self, transport: Transport, folder: &Path) -> Result<Vec<Row>> {
        let liaod = self.rig.liaod()?;
        let name = if transport == Transport::Tls { "tls" } else { "plain" };
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let server = Server::start(&liaod, &folder.join("liaod"), transport, Hashing::Least)?;
        let people = crowd::register(&server, 2, 1)?;
        let mut mover = Mover::new(&server, transport, 0)?;
        let alone = talk_alone(&server, &people)?;
        let mut times = Times::default();
        // One before the others, which warms everything up and is not counted.
        self.one_file(&server, &mut mover, &folder, 0, &mut Times::default())?;
        for number in 1..=self.files {
            self.one_file(&server, &mut mover, &folder, number, &mut times)?;
        }
        let beside = self.talk_beside(&server, &people, &mut mover, &folder)?;
        server.stop()?;
        Ok(self.rows(transport, &times, alone, beside))
    }

    fn one_file(
        &self,
        server: &Server,
        mover: &mut Mover,
        folder: &Path,
        number: u64,
        times: &mut Times,
    ) -> Result<()> {
        let path = folder.join(format!("file{number}"));
        write_noise(&path, self.mib * MIB, number)?;
        let copied = folder.join("copied");
        times.bare.push(copy::bare(&path, &copied)?);
        let cpu_s = machine::cpu_s(server.pid())?;
        let ((hash_s, up_s), offered) = mover.upload(&path)?;
        let up_cpu_s = machine::cpu_s(server.pid())?;
        let back = folder.join("back");
        let down_s = mover.download(&offered, &back)?;
        let down_cpu_s = machine::cpu_s(server.pid())?;
        if let (Some(port), Some(key)) = (self.ssh_port, &self.ssh_key) {
            times.scp.push(copy::scp(port, key, &path, &copied)?);
        }
        times.hash.push(hash_s);
        times.up.push(up_s);
        times.down.push(down_s);
        times.up_cpu.push(up_cpu_s - cpu_s);
        times.down_cpu.push(down_cpu_s - up_cpu_s);
        std::fs::remove_file(&path)?;
        Ok(std::fs::remove_dir_all(back)?)
    }

    /// Files go there and back while two people talk.
    fn talk_beside(
        &self,
        server: &Server,
        people: &[Person],
        mover: &mut Mover,
        folder: &Path,
    ) -> Result<Latencies> {
        let path = |number| folder.join(format!("beside{number}"));
        (0..BESIDE)
            .try_for_each(|number| write_noise(&path(number), self.mib * MIB, 99 + number))?;
        let (stop, told) = sync_channel(1);
        thread::scope(|scope| {
            let talking = scope.spawn(move || talk::talk(server, people, "beside", &told));
            let moved = (0..BESIDE).try_for_each(|number| {
                let (_, offered) = mover.upload(&path(number))?;
                mover.download(&offered, &folder.join("back")).map(drop)
            });
            drop(stop);
            let talked = talking.join().map_err(|_| anyhow!("the talk ended early"))?;
            moved.and(talked)
        })
    }

    fn rows(
        &self,
        transport: Transport,
        times: &Times,
        alone: Latencies,
        beside: Latencies,
    ) -> Vec<Row> {
        let tls = if transport == Transport::Tls { ", TLS" } else { "" };
        let mib = self.mib as f64;
        let rate = |seconds: &[f64]| mib / median(seconds);
        let bare = rate(&times.bare);
        let beside_scp = |own: f64| match times.scp.as_slice() {
            [] => String::new(),
            scp => format!("; scp {} MiB/s, {:.2} x", short(rate(scp)), own / rate(scp)),
        };
        let way = |what: &str, seconds: &[f64], cpu: &[f64]| {
            let own = rate(seconds);
            let detail = format!(
                "bare socket {} MiB/s, {:.2} x{}; server CPU {:.2} s a GiB",
                short(bare),
                own / bare,
                beside_scp(own),
                median(cpu) * 1024.0 / mib
            );
            Row {
                what: format!("{what} of {} MiB{tls}", self.mib),
                measured: own,
                unit: "MiB/s",
                target: None,
                detail,
            }
        };
        let p99 = |latency: Latencies| latency.p99_us as f64 / 1e3;
        let detail = format!(
            "p50 {:.2} ms, p99 {:.2} ms; alone p50 {:.2} ms, p99 {:.2} ms",
            beside.p50_us as f64 / 1e3,
            p99(beside),
            alone.p50_us as f64 / 1e3,
            p99(alone)
        );
        vec![
            way("upload", &times.up, &times.up_cpu),
            way("download", &times.down, &times.down_cpu),
            Row {
                what: format!("hash before an upload{tls}"),
                measured: rate(&times.hash),
                unit: "MiB/s",
                target: None,
                detail: String::new(),
            },
            Row {
                what: format!("a line during transfers, p99 beside that without{tls}"),
                measured: p99(beside) / p99(alone),
                unit: "x",
                target: Some((2.0, Good::Low)),
                detail,
            },
        ]
    }
}

fn talk_alone(server: &Server, people: &[Person]) -> Result<Latencies> {
    let (stop, told) = sync_channel::<()>(1);
    let (ends, wait) = sync_channel::<()>(1);
    thread::scope(|scope| {
        let talking = scope.spawn(move || talk::talk(server, people, "alone", &told));
        // Nobody ends this one early, so that it is the time that passes.
        let waited = wait.recv_timeout(TALK);
        drop((ends, stop));
        anyhow::ensure!(waited == Err(RecvTimeoutError::Timeout), "the talk was cut short");
        talking.join().map_err(|_| anyhow!("the talk ended early"))?
    })
}

/// A file that cannot be compressed, and that is another one for each number.
fn write_noise(path: &Path, bytes: u64, number: u64) -> Result<()> {
    let mut file = File::create(path).context("cannot make a file")?;
    let mut dice = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut block = Vec::with_capacity(64 * 1024);
    let mut left = bytes;
    while left > 0 {
        block.clear();
        while block.len() < block.capacity() {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            block.extend(dice.to_le_bytes());
        }
        let count = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&block[..count])?;
        left -= count as u64;
    }
    // What the system still had to write would be in the way of the syncs that are measured.
    Ok(file.sync_all()?)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
