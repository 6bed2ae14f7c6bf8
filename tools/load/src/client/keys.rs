//! From a key to the letter on the screen: keys come at a fixed pace whatever the client does, and
//! each has to show in its place in the line that is being written.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::terminal::Terminal;
use crate::{clock, stats::Latencies};

/// Keys that are measured.
pub(crate) const KEYS: usize = 100;

/// Time between two keys.
const BETWEEN: Duration = Duration::from_millis(30);

/// After this long a key counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(60);

/// By which the line is found; nothing else on the screen looks like it.
const BEFORE: &str = "ZQXJ";

/// What became of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub(crate) latency: Latencies,
    pub(crate) lost: usize,
}

/// Types into the line that is being written, and takes it back at the end.
pub(crate) fn type_keys(terminal: &mut Terminal) -> Result<Keys> {
    terminal.press(BEFORE)?;
    terminal.until(BEFORE, LOST_AFTER)?;
    let letters: String = (b'A'..=b'Z').cycle().take(KEYS).map(char::from).collect();
    let wanted = format!("{BEFORE}{letters}");
    let mut pressed: Vec<Instant> = Vec::new();
    let mut times = Vec::new();
    let mut next = clock::now();
    while times.len() < KEYS {
        let now = clock::now();
        if pressed.len() < KEYS && now >= next {
            let at = BEFORE.len() + pressed.len();
            pressed.push(now);
            terminal.press(&wanted[at..=at])?;
            next = now + BETWEEN;
        }
        let over = pressed.last().is_some_and(|last| now > *last + LOST_AFTER);
        if over {
            break;
        }
        let wait = if pressed.len() < KEYS { next.saturating_duration_since(now) } else { BETWEEN };
        terminal.watch_once(wait)?;
        let seen = clock::now();
        let there = shown(terminal, &wanted, BEFORE.len() + times.len());
        let fresh = pressed.iter().skip(times.len()).take(there - BEFORE.len() - times.len());
        let fresh: Vec<Duration> = fresh.map(|at| seen.duration_since(*at)).collect();
        times.extend(fresh);
    }
    let lost = KEYS - times.len();
    terminal.press("\x15")?;
    Ok(Keys { latency: Latencies::of(times), lost })
}

/// How many letters of the line stand on the screen, where so many stood before.
fn shown(terminal: &Terminal, wanted: &str, before: usize) -> usize {
    let rows = terminal.rows();
    let Some(row) = rows.iter().rev().find(|row| row.contains(&wanted[..before])) else {
        return before;
    };
    (before..=wanted.len()).take_while(|len| row.contains(&wanted[..*len])).last().unwrap_or(before)
}
