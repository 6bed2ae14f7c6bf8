//! Charts of what something costs against its size, as SVG: both scales logarithmic, so that a cost that
//! does not grow is flat, and one that grows with the size is as steep as the sheet. Nothing is drawn that
//! was not measured: a line joins points of one unit, and each point is labelled.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{
    report::{Growth, short},
    say,
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;
/// Height of a line's name below the chart.
const NAME: f64 = 20.0;
/// Told apart also by those who see few colours, on light and on dark.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56708a", "#c00000", "#7b4fb5"];

/// Options.
#[derive(Args)]
pub(crate) struct Charts {
    /// Files with figures.
    #[arg(required = true, value_name = "FILE")]
    figures: Vec<PathBuf>,
    /// The folder of the charts.
    #[arg(long, value_name = "DIR", default_value = "docs/charts")]
    out: PathBuf,
}

/// What a chart needs of a report.
#[derive(Deserialize)]
struct Figures {
    #[serde(default)]
    growth: Vec<Growth>,
}

/// The lines of a chart: name, unit, points.
type Lines = BTreeMap<(String, String), Vec<(f64, f64)>>;

impl Charts {
    /// Draws them all.
    pub(crate) fn run(&self) -> Result<()> {
        let mut charts: BTreeMap<String, Lines> = BTreeMap::new();
        for file in &self.figures {
            let text = fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let figures: Figures = serde_json::from_str(&text)
                .with_context(|| format!("{} has no figures", file.display()))?;
            for point in figures.growth {
                if !(point.size > 0.0 && point.cost > 0.0) {
                    bail!("{}: {} at {} cannot be drawn", file.display(), point.line, point.size);
                }
                let lines = charts.entry(point.of).or_default();
                lines.entry((point.line, point.unit)).or_default().push((point.size, point.cost));
            }
        }
        if charts.is_empty() {
            bail!("these figures have nothing that was measured at several sizes");
        }
        fs::create_dir_all(&self.out)?;
        for (of, lines) in charts {
            let file = self.out.join(format!("{}.svg", of.replace(' ', "-")));
            fs::write(&file, draw(&of, lines))?;
            say(&format!("{}", file.display()));
        }
        Ok(())
    }
}

/// A logarithmic scale over whole powers of ten.
struct Scale {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(numbers: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = numbers.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = numbers.fold(0.0, f64::max).log10().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "powers of ten of an f64 are within ±308"
        )]
        let (low, high) = (low as i32, (high as i32).max(low as i32 + 1));
        Self { low, high, from, to }
    }

    fn at(&self, number: f64) -> f64 {
        let part = (number.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    fn marks(&self) -> impl Iterator<Item = f64> + use<> {
        (self.low..=self.high).map(|power| 10_f64.powi(power))
    }
}

fn draw(of: &str, mut lines: Lines) -> String {
    lines.values_mut().for_each(|points| points.sort_by(|one, other| one.0.total_cmp(&other.0)));
    let points = || lines.values().flatten();
    let across = Scale::new(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let up = Scale::new(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let height = HEIGHT + NAME * lines.len() as f64 + 8.0;
    let mut out = head(of, height);
    grid(&mut out, of, &across, &up);
    for (number, ((name, unit), points)) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|(size, cost)| format!("{:.1},{:.1}", across.at(*size), up.at(*cost)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            path.join(" ")
        );
        for (size, cost) in points {
            let (x, y) = (across.at(*size), up.at(*cost));
            // The marks of the scale stand to the left of it.
            let anchor = if x < LEFT + 20.0 { "start" } else { "middle" };
            let _ = writeln!(
                out,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/><text x="{x:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                y - 8.0,
                short(*cost)
            );
        }
        let y = HEIGHT + NAME * (number as f64 + 0.5);
        let _ = writeln!(
            out,
            r#"<circle cx="{LEFT}" cy="{:.1}" r="4" fill="{colour}"/><text x="{:.1}" y="{y:.1}">{}, {}</text>"#,
            y - 4.0,
            LEFT + 12.0,
            escaped(name),
            escaped(unit)
        );
    }
    out.push_str("</svg>\n");
    out
}

fn head(of: &str, height: f64) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif" font-size="12">
<title>Cost against {}</title>
<style>text {{ fill: #333 }} .line {{ stroke: #bbb }} @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} .line {{ stroke: #555 }} }}</style>
"#,
        escaped(of)
    )
}

fn grid(out: &mut String, of: &str, across: &Scale, up: &Scale) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for mark in across.marks() {
        let x = across.at(mark);
        let _ = writeln!(
            out,
            r#"<line class="line" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            bottom + 16.0,
            power(mark)
        );
    }
    for mark in up.marks() {
        let y = up.at(mark);
        let _ = writeln!(
            out,
            r#"<line class="line" x1="{LEFT}" y1="{y:.1}" x2="{right}" y2="{y:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y + 4.0,
            power(mark)
        );
    }
    let _ = writeln!(
        out,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
        f64::midpoint(LEFT, right),
        bottom + 34.0,
        escaped(of)
    );
}

/// A power of ten.
fn power(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{:.0} M", number / 1e6),
        number if number >= 1e3 => format!("{:.0} k", number / 1e3),
        number => format!("{number}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str, points: &[(f64, f64)]) -> Lines {
        BTreeMap::from([((line.to_owned(), "µs".to_owned()), points.to_vec())])
    }

    #[test]
    fn what_does_not_grow_is_flat_and_what_grows_rises() {
        let flat = draw("members", one("a message", &[(1e3, 5.0), (1e6, 5.0)]));
        let heights = |svg: &str| -> Vec<String> {
            let line = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            line.split(' ').map(|point| point.split(',').nth(1).unwrap().to_owned()).collect()
        };
        let same = heights(&flat);
        assert_eq!(same[0], same[1]);
        let risen = heights(&draw("members", one("a message", &[(1e3, 5.0), (1e6, 50.0)])));
        let number = |text: &String| text.parse::<f64>().unwrap();
        assert!(number(&risen[1]) < number(&risen[0]), "less is higher on the sheet");
    }

    #[test]
    fn points_are_joined_in_order_of_their_sizes_and_named() {
        let svg = draw("members", one("a <b> & c", &[(1e5, 2.0), (1e3, 1.0)]));
        assert!(svg.contains("a &lt;b&gt; &amp; c, µs"));
        let line = svg.split("points=\"").nth(1).unwrap();
        assert!(line.starts_with("70.0,"), "{line}");
    }
}
