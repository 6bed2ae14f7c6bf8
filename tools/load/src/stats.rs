//! Numbers of a run: latencies, and a span of time with the server's processor time in it.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::{clock, machine};

/// Latencies of many events, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latencies {
    /// Half of them were shorter.
    pub(crate) p50_us: u64,
    /// All but one of a hundred were shorter.
    pub(crate) p99_us: u64,
    /// The longest.
    pub(crate) max_us: u64,
}

impl Latencies {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at =
            |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
        let us = |time: Option<&Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
        };
        Self { p50_us: us(at(50)), p99_us: us(at(99)), max_us: us(times.last()) }
    }
}

/// How likely two samples differ so much by chance when they are of one kind: the p of the test of
/// Kolmogorov and Smirnov, as it is for many samples.
pub(crate) fn alike_p(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |of: &[Duration], upto: Duration| {
        of.iter().filter(|time| **time <= upto).count() as f64 / of.len().max(1) as f64
    };
    let apart = |at: &Duration| (share(one, *at) - share(other, *at)).abs();
    let widest = one.iter().chain(other).map(apart).fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let scale = (n * m / (n + m).max(1.0)).sqrt();
    let lambda = (scale + 0.12 + 0.11 / scale.max(1e-9)) * widest;
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * lambda * lambda).exp();
    let sum: f64 = (1..=100).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

/// A point in time, with what had been counted and what the server had used by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: Instant,
    cpu_s: f64,
    own_cpu_s: f64,
    count: u64,
}

impl Mark {
    pub(crate) fn set(pid: u32, count: u64) -> Result<Self> {
        let own_cpu_s = machine::cpu_s(std::process::id())?;
        Ok(Self { at: clock::now(), cpu_s: machine::cpu_s(pid)?, own_cpu_s, count })
    }

    /// What happened since.
    pub(crate) fn until_now(self, pid: u32, count: u64) -> Result<Rate> {
        let now = Self::set(pid, count)?;
        let wall_s = now.at.duration_since(self.at).as_secs_f64();
        Ok(Rate {
            count: count - self.count,
            wall_s,
            cpu_s: now.cpu_s - self.cpu_s,
            own_cpu_s: now.own_cpu_s - self.own_cpu_s,
        })
    }
}

/// How many, in which time. The processor time is the server's and has a resolution of 10 ms.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Rate {
    /// How many.
    pub(crate) count: u64,
    /// Seconds that passed.
    pub(crate) wall_s: f64,
    /// Seconds of processor time the server used.
    pub(crate) cpu_s: f64,
    /// Seconds of processor time this tool used.
    pub(crate) own_cpu_s: f64,
}

impl Rate {
    /// Processors that server and tool used, in words.
    pub(crate) fn busy(self) -> String {
        let (server, own) = (self.cpu_s / self.wall_s, self.own_cpu_s / self.wall_s);
        format!("server on {server:.2} processors, tool on {own:.2}")
    }

    /// Processor time of the server for each, in microseconds.
    pub(crate) fn each_us(self) -> f64 {
        self.cpu_s * 1e6 / self.count.max(1) as f64
    }

    pub(crate) fn per_wall_s(self) -> f64 {
        self.count as f64 / self.wall_s
    }

    pub(crate) fn per_cpu_s(self) -> f64 {
        self.count as f64 / self.cpu_s.max(0.01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_two_kinds_are_told_apart() {
        let times = |from: u64, step: u64| -> Vec<Duration> {
            (0..200).map(|n| Duration::from_micros(from + n * step)).collect()
        };
        assert!((alike_p(&times(1000, 7), &times(1000, 7)) - 1.0).abs() < 1e-9);
        assert!(alike_p(&times(1000, 7), &times(1010, 7)) > 0.5, "shifted by a hair");
        assert!(alike_p(&times(1000, 7), &times(1500, 7)) < 1e-6, "shifted by a third");
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let times = (1..=200).rev().map(Duration::from_micros).collect();
        let latencies = Latencies::of(times);
        assert_eq!((latencies.p50_us, latencies.p99_us, latencies.max_us), (101, 199, 200));
        assert_eq!(Latencies::of(Vec::new()).max_us, 0);
    }
}
