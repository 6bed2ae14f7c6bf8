//! What a run found: one row per figure, as a table for people and as JSON for programs.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{machine, say};

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Good {
    High,
    Low,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    /// What it should be, and which way is good.
    pub(crate) target: Option<(f64, Good)>,
    pub(crate) detail: String,
}

impl Row {
    /// What has no target.
    pub(crate) const fn found(
        what: String,
        (measured, unit): (f64, &'static str),
        detail: String,
    ) -> Self {
        Self { what, measured, unit, target: None, detail }
    }
}

/// A whole run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) processors: usize,
    /// Before and after; the run itself is in the second.
    pub(crate) load_average: (f64, f64),
    pub(crate) rows: Vec<Row>,
    /// What is drawn by `liao-load chart`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) growth: Vec<Growth>,
}

/// What something cost at one size: a point of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// What grows: the name of the chart's file, and of its lower edge.
    pub(crate) of: String,
    /// What it costs: the name of the line.
    pub(crate) line: String,
    pub(crate) unit: String,
    pub(crate) size: f64,
    pub(crate) cost: f64,
}

impl Growth {
    /// The same as a row whose words are a size, a colon, and what was measured there. None where it was
    /// less than can be measured: a logarithmic scale has no zero.
    fn of_row(of: &str, size: u64, row: &Row) -> Option<Self> {
        let (_, line) = row.what.split_once(": ")?;
        (row.measured > 0.0).then(|| Self {
            of: of.to_owned(),
            line: line.to_owned(),
            unit: row.unit.to_owned(),
            size: size as f64,
            cost: row.measured,
        })
    }
}

impl Row {
    /// How far the figure is from its target, in words; above 1 is better than the target.
    fn distance(&self) -> String {
        let Some((target, good)) = self.target else { return String::new() };
        let ratio = match good {
            Good::High => self.measured / target,
            Good::Low => target / self.measured,
        };
        if self.measured == target {
            return "met".to_owned();
        }
        if ratio >= 1.0 {
            format!("met, {ratio:.1} x better")
        } else {
            format!("{:.1} x short", ratio.recip())
        }
    }
}

impl Report {
    /// Of a run that begins now.
    pub(crate) fn begin() -> std::io::Result<Self> {
        let processors = std::thread::available_parallelism()?.get();
        Ok(Self { processors, load_average: (machine::load_average(), 0.0), ..Self::default() })
    }

    pub(super) fn end(&mut self) {
        self.load_average.1 = machine::load_average();
    }

    /// Says a figure and keeps it.
    pub(crate) fn add(&mut self, row: Row) {
        say(&format!("{}: {} {} ({})", row.what, short(row.measured), row.unit, row.detail));
        self.rows.push(row);
    }

    /// The same of a figure at one size of something, which is drawn against others.
    pub(crate) fn add_at(&mut self, of: &str, size: u64, row: Row) {
        self.growth.extend(Growth::of_row(of, size, &row));
        self.add(row);
    }

    pub(crate) fn table(&self) -> String {
        let mut out = String::from(
            "| What | Measured | Target | Distance | Detail |\n|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let target = row.target.map_or_else(String::new, |(target, good)| {
                let sign = if good == Good::High { "≥" } else { "≤" };
                format!("{sign} {} {}", short(target), row.unit)
            });
            let (what, measured, distance) = (&row.what, short(row.measured), row.distance());
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {what} | {measured} {} | {target} | {distance} | {} |",
                row.unit, row.detail
            );
        }
        let (before, after) = self.load_average;
        let _ = writeln!(
            out,
            "\n{} processors; load average {before:.2} before, {after:.2} after.",
            self.processors
        );
        out
    }
}

/// A number with three digits that count.
pub(crate) fn short(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{:.2} M", number / 1e6),
        number if number >= 1e4 => format!("{:.1} k", number / 1e3),
        number if number >= 100.0 => format!("{number:.0}"),
        number => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(measured: f64, target: f64, good: Good) -> Row {
        Row {
            what: "w".into(),
            measured,
            unit: "u",
            target: Some((target, good)),
            detail: String::new(),
        }
    }

    #[test]
    fn the_distance_says_which_side_of_the_target_it_is() {
        assert_eq!(row(50.0, 100.0, Good::High).distance(), "2.0 x short");
        assert_eq!(row(50.0, 100.0, Good::Low).distance(), "met, 2.0 x better");
        assert_eq!(row(20.0, 2.0, Good::Low).distance(), "10.0 x short");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.131, 97.3, 4700.0, 146_000.0, 4.08e6].map(short),
            ["0.13", "97.30", "4700", "146.0 k", "4.08 M"]
        );
    }
}
