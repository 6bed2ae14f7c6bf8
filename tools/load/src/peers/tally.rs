//! What was found: per figure and system one number a round, and what is to be said besides.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::system::System;
use crate::report::{Good, short};

/// One kind of number.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub(super) workload: &'static str,
    pub(super) what: String,
    pub(super) unit: &'static str,
    pub(super) good: Good,
    /// By system, one a round.
    found: BTreeMap<System, Vec<f64>>,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tally {
    pub(super) processors: usize,
    /// Before and after; the run itself is in the second.
    pub(super) load_average: (f64, f64),
    pub(super) figures: Vec<Figure>,
    pub(super) notes: Vec<String>,
}

/// Median, least and most.
fn spread(found: &[f64]) -> Option<(f64, f64, f64)> {
    let mut sorted = found.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    let even = sorted.len().is_multiple_of(2);
    let median = if even { f64::midpoint(sorted[half - 1], upper) } else { upper };
    Some((median, low, high))
}

impl Figure {
    fn median(&self, system: System) -> Option<f64> {
        spread(self.found.get(&system)?).map(|(median, ..)| median)
    }

    /// How much better this is than that, both as medians.
    fn beside(&self, this: f64, that: Option<f64>) -> String {
        that.map_or_else(String::new, |that| match self.good {
            Good::High => format!("{:.2} x", this / that),
            Good::Low => format!("{:.2} x", that / this),
        })
    }

    fn best_peer(&self) -> Option<f64> {
        let peers = self.found.keys().copied().filter(|system| system.is_peer());
        let medians = peers.filter_map(|system| self.median(system));
        medians.reduce(|one, other| match self.good {
            Good::High => one.max(other),
            Good::Low => one.min(other),
        })
    }

    /// One line: a cell for each of the systems, then what Liao is to the others.
    fn row(&self, systems: &[System], out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(out, "| {}, {} |", self.what, self.unit);
        for system in systems {
            let cell = match self.found.get(system).and_then(|found| spread(found)) {
                Some((median, low, high)) if low < high => {
                    format!("{} [{}–{}]", short(median), short(low), short(high))
                }
                Some((median, ..)) => short(median),
                None => String::new(),
            };
            let _ = write!(out, " {cell} |");
        }
        let own = self.median(System::Liao);
        let to = |that| own.map_or_else(String::new, |own| self.beside(own, that));
        let _ = writeln!(out, " {} | {} |", to(self.best_peer()), to(self.median(System::Ceiling)));
    }
}

impl Tally {
    /// One more number.
    pub(super) fn add(
        &mut self,
        (workload, what): (&'static str, &str),
        (unit, good): (&'static str, Good),
        (system, found): (System, f64),
    ) {
        let same = |figure: &Figure| {
            figure.workload == workload && figure.what == what && figure.unit == unit
        };
        let at = self.figures.iter().position(same).unwrap_or_else(|| {
            let what = what.to_owned();
            self.figures.push(Figure { workload, what, unit, good, found: BTreeMap::new() });
            self.figures.len() - 1
        });
        self.figures[at].found.entry(system).or_default().push(found);
    }

    /// One table for each workload.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let mut workloads: Vec<_> = self.figures.iter().map(|figure| figure.workload).collect();
        workloads.sort_unstable();
        workloads.dedup();
        for workload in workloads {
            let figures: Vec<_> =
                self.figures.iter().filter(|figure| figure.workload == workload).collect();
            let mut systems: Vec<_> =
                figures.iter().flat_map(|figure| figure.found.keys().copied()).collect();
            systems.sort_unstable();
            systems.dedup();
            let _ = write!(out, "| {workload} |");
            for system in &systems {
                let _ = write!(out, " {system} |");
            }
            let _ = writeln!(out, " liaod to the best peer | to the ceiling |");
            let _ = writeln!(out, "|---|{}---|---|", "---|".repeat(systems.len()));
            figures.iter().for_each(|figure| figure.row(&systems, &mut out));
            out.push('\n');
        }
        let (before, after) = self.load_average;
        let _ = writeln!(
            out,
            "Medians [least–most]; above 1 x is better. {} processors; load average {before:.2} before, {after:.2} after.",
            self.processors
        );
        for note in &self.notes {
            let _ = writeln!(out, "{note}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_say_how_much_better_it_is() {
        let mut tally = Tally::default();
        for (system, found) in [(System::Inspircd, 2.0), (System::Liao, 6.0), (System::Liao, 4.0)] {
            tally.add(("W1", "rate"), ("/s", Good::High), (system, found));
            tally.add(("W4", "time"), ("ms", Good::Low), (system, found));
        }
        let table = tally.table();
        let rows = [
            "| W1 | inspircd | liaod | liaod to the best peer | to the ceiling |",
            "| rate, /s | 2.00 | 5.00 [4.00–6.00] | 2.50 x |  |",
            "| time, ms | 2.00 | 5.00 [4.00–6.00] | 0.40 x |  |",
        ];
        rows.iter().for_each(|row| assert!(table.contains(row), "{row}: {table}"));
    }
}
