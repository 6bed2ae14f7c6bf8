//! What the system knows: processor time and memory of a process, limits, and the bare disk.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use crate::{clock, stats::Latencies};

/// How long the bare disk is measured.
const DISK_FOR: Duration = Duration::from_secs(2);

/// Lets this process, and the server it starts, have as many descriptors as it may.
pub(crate) fn raise_descriptors() -> Result<u64> {
    let now = getrlimit(Resource::Nofile);
    if now.current != now.maximum {
        let wanted = Rlimit { current: now.maximum, maximum: now.maximum };
        setrlimit(Resource::Nofile, wanted).context("cannot raise the limit of descriptors")?;
    }
    Ok(now.maximum.unwrap_or(u64::MAX))
}

/// Seconds of processor time, user and system, that a process has used.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    // The name of the program stands in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || {
        fields
            .next()
            .and_then(|field| field.parse::<u64>().ok())
            .context("/proc/PID/stat has another form")
    };
    let sum = ticks()? + ticks()?;
    Ok(sum as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// KiB of memory a process has resident.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("/proc/PID/status has another form")?;
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse().ok())
        .context("/proc/PID/status has another form")
}

/// The load average of the last minute, all that runs here.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

/// The bare disk: one writer that appends 100 bytes and syncs them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BareDisk {
    /// Syncs a second.
    pub(crate) syncs_per_s: f64,
    /// How long each took.
    pub(crate) latency: Latencies,
}

/// Measures the disk under `folder`.
pub(crate) fn bare_disk(folder: &Path) -> Result<BareDisk> {
    let path = folder.join("bare-disk");
    let file = File::create(&path)?;
    let mut times = Vec::new();
    let start = clock::now();
    while start.elapsed() < DISK_FOR {
        let before = clock::now();
        file.write_all_at(&[b'x'; 100], times.len() as u64 * 100)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    let seconds = start.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(BareDisk { syncs_per_s: times.len() as f64 / seconds, latency: Latencies::of(times) })
}
