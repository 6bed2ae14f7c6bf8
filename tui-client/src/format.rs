//! Numbers, times and bars as text, in the words of a language. Pure: the caller passes times, and how far
//! local time is from UTC.

mod date;
#[cfg(test)]
mod tests;

pub use date::{Date, LocalOffset, clock, day_rule, local_date, numeric_date, short_date, when};

const STEP: f64 = 1024.0;
const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// A size in bytes: `512 B`, `2.4 MiB`, `13 GiB`. Units go by 1024, as the server's limits do.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut amount = bytes as f64 / STEP;
    let mut unit = 0;
    // What would be rounded up to 1000 is the next unit already.
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= STEP;
        unit += 1;
    }
    let digits = usize::from(amount < 9.95);
    format!("{amount:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// Two different sizes; to the byte where they would look the same.
#[must_use]
pub fn sizes_apart(one: u64, other: u64) -> (String, String) {
    let short = (size(one), size(other));
    if short.0 == short.1 && one != other {
        return (format!("{one} B"), format!("{other} B"));
    }
    short
}

/// Bytes in a second: `1.1 MiB/s`.
#[must_use]
pub fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", size(bytes_per_second))
}

/// A span of time: `0:01`, `12:05`, `1:02:03`.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Seconds until `total` is reached at this rate, rounded up; none while nothing moves.
#[must_use]
pub const fn seconds_left(done: u64, total: u64, bytes_per_second: u64) -> Option<u64> {
    if bytes_per_second == 0 {
        None
    } else {
        Some(total.saturating_sub(done).div_ceil(bytes_per_second))
    }
}

/// Whole percent, 100 only when everything is done. An empty file is done.
#[must_use]
pub fn percent(done: u64, total: u64) -> u8 {
    if done >= total {
        return 100;
    }
    let share = u128::from(done) * 100 / u128::from(total);
    u8::try_from(share).unwrap_or(99).min(99)
}

/// A bar of exactly `columns` columns in its two parts, to be drawn in two styles: what is done, in eighths of
/// a column, and what is left.
#[must_use]
pub fn bar(done: u64, total: u64, columns: usize) -> (String, String) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let cells = u128::try_from(columns).unwrap_or_default() * 8;
    let filled = if done >= total { cells } else { u128::from(done) * cells / u128::from(total) };
    let full = usize::try_from(filled / 8).unwrap_or(columns);
    let part = usize::try_from(filled % 8)
        .ok()
        .and_then(|eighths| EIGHTHS.get(eighths))
        .copied()
        .unwrap_or("");
    let left = columns - full - usize::from(!part.is_empty());
    (format!("{}{part}", "█".repeat(full)), "·".repeat(left))
}

/// A count for a small space: `7`, `99+`.
#[must_use]
pub fn badge(count: u64) -> String {
    if count > 99 { "99+".to_owned() } else { count.to_string() }
}
