//! Posts that are accepted: how many a second, and how long each took. Nobody listens meanwhile;
//! afterwards all that was kept is read again and compared with what was accepted.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    dialect::Scene,
    party::{Party, Word},
};
use crate::{
    clock::{self, Deadline},
    stats::{Latencies, Mark, Rate},
};

/// Before the measured window.
const WARM_UP: Duration = Duration::from_millis(500);

/// After it, for what is still under way; and for reading it all again.
const DONE_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Voice {
    sent: u64,
    accepted: u64,
    since: VecDeque<Instant>,
}

/// See the module.
pub(super) struct Acks {
    voices: Vec<Voice>,
    accepted: u64,
    times: Vec<Duration>,
}

impl Acks {
    pub(super) fn new(senders: usize) -> Self {
        Self { voices: vec![Voice::default(); senders], accepted: 0, times: Vec::new() }
    }

    /// Posts for so long with `share` posts in flight of each of the first so many.
    pub(super) fn measure(
        &mut self,
        party: &mut Party,
        pid: u32,
        (senders, share): (usize, u64),
        time: Duration,
    ) -> Result<(Rate, Latencies)> {
        self.run(party, (senders, share), WARM_UP)?;
        self.times.clear();
        let mark = Mark::set(pid, self.accepted)?;
        self.run(party, (senders, share), time)?;
        let rate = mark.until_now(pid, self.accepted)?;
        let times = Latencies::of(std::mem::take(&mut self.times));
        let deadline = Deadline::within(DONE_WITHIN);
        while self.voices.iter().any(|voice| voice.sent > voice.accepted) {
            self.listen(party)?;
            deadline.check("the last acceptances")?;
        }
        Ok((rate, times))
    }

    fn run(&mut self, party: &mut Party, many: (usize, u64), time: Duration) -> Result<()> {
        let start = clock::now();
        while start.elapsed() < time {
            for (who, voice) in self.voices.iter_mut().enumerate().take(many.0) {
                while voice.sent - voice.accepted < many.1 {
                    party.post(who, voice.sent, Scene::Log)?;
                    voice.sent += 1;
                    voice.since.push_back(clock::now());
                }
            }
            self.listen(party)?;
        }
        Ok(())
    }

    fn listen(&mut self, party: &mut Party) -> Result<()> {
        let mut receipts = Vec::new();
        party.listen(Duration::from_millis(100), |who, word| match word {
            Word::Accepted(receipt) => {
                receipts.push((who, receipt));
                Ok(())
            }
            Word::Said { .. } => bail!("person {who} listens"),
            Word::Settled => Ok(()),
        })?;
        for (who, receipt) in receipts {
            let voice = self.voices.get_mut(who).context("a stranger")?;
            if party.dialect.receipt(voice.accepted) != Some(receipt) {
                bail!("person {who}: post {} was to be accepted, not {receipt}", voice.accepted);
            }
            let since = voice.since.pop_front().context("accepted before it was posted")?;
            self.times.push(since.elapsed());
            voice.accepted += 1;
            self.accepted += 1;
        }
        Ok(())
    }

    /// Everything again, from a server that says it when it is asked.
    pub(super) fn hear_again(&self, party: &mut Party) -> Result<Vec<(usize, u64)>> {
        party.reread()?;
        let deadline = Deadline::within(DONE_WITHIN);
        let mut log = Vec::new();
        while (log.len() as u64) < self.accepted {
            party.listen(Duration::from_millis(100), |_, word| {
                if let Word::Said { sender, number } = word {
                    log.push((sender, number));
                }
                Ok(())
            })?;
            deadline.check("reading what was kept")?;
        }
        Ok(log)
    }

    /// What was kept must be what was accepted: of each sender everything in order, and no more.
    pub(super) fn compare(&self, log: &[(usize, u64)]) -> Result<()> {
        let mut due = vec![0; self.voices.len()];
        for (sender, number) in log {
            match due.get_mut(*sender) {
                Some(due) if due == number => *due += 1,
                due => bail!("post {number} of person {sender} was kept, where {due:?} was due"),
            }
        }
        for (who, (kept, voice)) in due.iter().zip(&self.voices).enumerate() {
            if *kept != voice.accepted {
                bail!("{} posts of person {who} were accepted, {kept} kept", voice.accepted);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_must_be_what_was_accepted() {
        let mut acks = Acks::new(2);
        acks.voices[0].accepted = 2;
        acks.voices[1].accepted = 1;
        acks.compare(&[(0, 0), (1, 0), (0, 1)]).unwrap();
        for wrong in [
            &[(0, 0), (1, 0)][..],
            &[(0, 1), (0, 0), (1, 0)],
            &[(0, 0), (0, 1), (1, 0), (1, 1)],
            &[(0, 0), (0, 0), (0, 1), (1, 0)],
            &[(0, 0), (0, 1), (1, 0), (2, 0)],
        ] {
            assert!(acks.compare(wrong).is_err(), "{wrong:?}");
        }
    }
}
