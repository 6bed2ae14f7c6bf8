//! Talk at a pace that does not wait for anybody: a post is due when it is due, and its time runs
//! from then until the other one of the pair has heard it.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;

use super::{party::Party, talk::Talk};
use crate::{
    clock::{self, Deadline},
    stats::Latencies,
};

/// Posts a second, of all together.
pub(super) const POSTS_PER_S: u64 = 2000;

/// Seconds at the beginning that are not counted.
const WARM_UP_S: u64 = 1;

/// Until the last post is heard.
const HEARD_WITHIN: Duration = Duration::from_secs(20);

/// Talks for so many seconds; the times are from when a post was due until it was heard.
pub(super) fn measure(talk: &mut Talk, party: &mut Party, seconds: u64) -> Result<Latencies> {
    // Sleeping as exactly as the system can; where it may not be asked, all sleep the same.
    drop(std::fs::write("/proc/self/timerslack_ns", "1"));
    let step = Duration::from_secs(1) / u32::try_from(POSTS_PER_S)?;
    let (voices, posts) = (talk.voices(), POSTS_PER_S * (seconds + WARM_UP_S));
    let mut due = vec![VecDeque::new(); voices];
    let mut times = Vec::new();
    let start = clock::now();
    let (mut sent, mut heard) = (0, 0);
    let deadline = Deadline::within(HEARD_WITHIN + step * u32::try_from(posts)?);
    while heard < posts {
        let now = clock::now();
        let mut next = start + step * u32::try_from(sent)?;
        while sent < posts && next <= now {
            let voice = usize::try_from(sent)? % voices;
            talk.post(party, voice)?;
            due[voice].push_back((sent, next));
            sent += 1;
            next = start + step * u32::try_from(sent)?;
        }
        let wait = if sent < posts { next - now } else { Duration::from_millis(100) };
        talk.listen_and(party, wait, |who, voice, _| {
            if who % 2 == 1
                && let Some((number, due)) = due[voice].pop_front()
            {
                heard += 1;
                if number >= POSTS_PER_S * WARM_UP_S {
                    times.push(due.elapsed());
                }
            }
        })?;
        deadline.check("hearing what was said at a pace")?;
    }
    talk.drain(party)?;
    Ok(Latencies::of(times))
}
