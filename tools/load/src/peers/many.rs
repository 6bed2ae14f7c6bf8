//! Very many who do nothing: what they cost by being there, what it takes to bring them into one
//! room, and how long one post takes until the last of them has heard it.

use std::time::Duration;

use anyhow::Result;

use super::{party::Party, talk::Talk};
use crate::{
    clock::{self, Deadline},
    machine,
    stats::{Latencies, Mark, Rate},
};

/// Posts that all of them hear, one after the other.
pub(super) const POSTS: u32 = 10;

/// How long one may take.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Logs so many in: the logins, and KiB that the server grew by for each.
pub(super) fn log_in(party: &mut Party, pid: u32, people: usize) -> Result<(Rate, f64)> {
    let before = machine::resident_kib(pid)?;
    let mark = Mark::set(pid, 0)?;
    party.log_in(people)?;
    let rate = mark.until_now(pid, people as u64)?;
    party.quiet()?;
    let grown = machine::resident_kib(pid)? as f64 - before as f64;
    Ok((rate, grown / people as f64))
}

/// One post after the other: when the last had heard it, and the server's time for all of them.
pub(super) fn tell(talk: &mut Talk, party: &mut Party, pid: u32) -> Result<(Latencies, Rate)> {
    let mark = Mark::set(pid, 0)?;
    let mut times = Vec::new();
    for _ in 0..POSTS {
        let (start, due) = (clock::now(), talk.complete + 1);
        let deadline = Deadline::within(HEARD_WITHIN);
        talk.post(party, 0)?;
        while talk.complete < due {
            talk.listen(party, Duration::from_millis(100))?;
            deadline.check("hearing one post")?;
        }
        times.push(start.elapsed());
        // Its acceptance is not waited for by those who hear it, but must come.
        talk.drain(party)?;
    }
    let rate = mark.until_now(pid, POSTS.into())?;
    Ok((Latencies::of(times), rate))
}
