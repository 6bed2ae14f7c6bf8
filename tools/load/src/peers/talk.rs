//! Talk with so many posts in flight: a post is in flight until it is accepted (where the system
//! accepts) and everybody who must hear it has heard it. Must hold: each hearer hears each sender's
//! posts in order, without a hole and without a repetition.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Result, bail};

use super::{
    dialect::Scene,
    party::{Party, Word},
};
use crate::{
    clock::{self, Deadline},
    stats::{Mark, Rate},
};

/// Before the measured window.
const WARM_UP: Duration = Duration::from_millis(500);

/// After it, for what is still under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// Who talks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast {
    pub(super) scene: Scene,
    pub(super) people: usize,
    /// In a hall, the first so many; of pairs always the first of each.
    pub(super) senders: usize,
}

/// One who posts, with how many have heard each post in flight.
#[derive(Clone, Debug, Default)]
struct Voice {
    sent: u64,
    accepted: u64,
    complete: u64,
    hearers: VecDeque<u32>,
}

/// See the module.
pub(super) struct Talk {
    cast: Cast,
    voices: Vec<Voice>,
    /// By hearer and voice: the number that is due.
    due: Vec<u64>,
    hearers: u32,
    accepts: bool,
    /// Posts heard, summed over the hearers.
    pub(super) deliveries: u64,
    /// Posts that all have heard.
    pub(super) complete: u64,
}

impl Cast {
    /// The person behind a voice.
    pub(super) const fn person(self, voice: usize) -> usize {
        match self.scene {
            Scene::Hall | Scene::Log => voice,
            Scene::Pairs => 2 * voice,
        }
    }

    pub(super) const fn voices(self) -> usize {
        match self.scene {
            Scene::Hall | Scene::Log => self.senders,
            Scene::Pairs => self.people / 2,
        }
    }

    fn voice(self, person: usize) -> Result<usize> {
        let voice = match self.scene {
            Scene::Hall | Scene::Log => Some(person),
            Scene::Pairs => person.is_multiple_of(2).then_some(person / 2),
        };
        match voice.filter(|voice| *voice < self.voices()) {
            Some(voice) => Ok(voice),
            None => bail!("person {person} does not speak"),
        }
    }
}

impl Talk {
    pub(super) fn new(party: &Party, cast: Cast) -> Result<Self> {
        let voices = cast.voices();
        let all = match cast.scene {
            Scene::Hall | Scene::Log => cast.people,
            Scene::Pairs => 2,
        };
        let deaf = usize::from(!party.dialect.echoes(cast.scene));
        let per_hearer = if cast.scene == Scene::Hall { voices } else { 1 };
        Ok(Self {
            cast,
            voices: vec![Voice::default(); voices],
            due: vec![0; cast.people * per_hearer],
            hearers: u32::try_from(all - deaf)?,
            accepts: party.dialect.receipt(0).is_some(),
            deliveries: 0,
            complete: 0,
        })
    }

    pub(super) fn voices(&self) -> usize {
        self.voices.len()
    }

    /// Talks for so long with `share` posts of each sender in flight; the rates are those of
    /// deliveries and of posts that all have heard.
    pub(super) fn measure(
        &mut self,
        party: &mut Party,
        pid: u32,
        share: u64,
        time: Duration,
    ) -> Result<(Rate, Rate)> {
        self.run(party, share, WARM_UP)?;
        let marks = (Mark::set(pid, self.deliveries)?, Mark::set(pid, self.complete)?);
        self.run(party, share, time)?;
        let deliveries = marks.0.until_now(pid, self.deliveries)?;
        let complete = marks.1.until_now(pid, self.complete)?;
        self.drain(party)?;
        Ok((deliveries, complete))
    }

    fn run(&mut self, party: &mut Party, share: u64, time: Duration) -> Result<()> {
        let start = clock::now();
        while start.elapsed() < time {
            for voice in 0..self.voices.len() {
                while self.voices[voice].in_flight(self.accepts) < share {
                    self.post(party, voice)?;
                }
            }
            self.listen(party, Duration::from_millis(100))?;
        }
        Ok(())
    }

    /// Posts the next of this voice.
    pub(super) fn post(&mut self, party: &mut Party, voice: usize) -> Result<()> {
        let one = &mut self.voices[voice];
        party.post(self.cast.person(voice), one.sent, self.cast.scene)?;
        one.sent += 1;
        one.hearers.push_back(0);
        Ok(())
    }

    /// Hears what has come.
    pub(super) fn listen(&mut self, party: &mut Party, time: Duration) -> Result<()> {
        self.listen_and(party, time, |_, _, _| {})
    }

    /// The same; `each` is told person, voice and number of all that was heard.
    pub(super) fn listen_and(
        &mut self,
        party: &mut Party,
        time: Duration,
        mut each: impl FnMut(usize, usize, u64),
    ) -> Result<()> {
        let mut receipts = Vec::new();
        party.listen(time, |who, word| match word {
            Word::Said { sender, number } => {
                each(who, self.hear(who, sender, number)?, number);
                Ok(())
            }
            Word::Accepted(receipt) => {
                receipts.push((who, receipt));
                Ok(())
            }
            Word::Settled => Ok(()),
        })?;
        for (who, receipt) in receipts {
            let voice = &mut self.voices[self.cast.voice(who)?];
            if party.dialect.receipt(voice.accepted) != Some(receipt) {
                bail!("person {who}: post {} was to be accepted, not {receipt}", voice.accepted);
            }
            voice.accepted += 1;
        }
        Ok(())
    }

    /// Lets everything arrive, and looks whether it did.
    pub(super) fn drain(&mut self, party: &mut Party) -> Result<()> {
        let deadline = Deadline::within(DRAIN_WITHIN);
        while self.voices.iter().any(|voice| voice.in_flight(self.accepts) > 0) {
            self.listen(party, Duration::from_millis(100))?;
            deadline.check("hearing the last posts")?;
        }
        Ok(())
    }

    fn hear(&mut self, who: usize, sender: usize, number: u64) -> Result<usize> {
        let voice = self.cast.voice(sender)?;
        let at = match self.cast.scene {
            Scene::Hall | Scene::Log => who * self.voices.len() + voice,
            Scene::Pairs if who / 2 == voice => who,
            Scene::Pairs => bail!("person {who} heard what {sender} said to somebody else"),
        };
        let due = &mut self.due[at];
        let one = &mut self.voices[voice];
        if number != *due || number >= one.sent {
            bail!("person {who} heard post {number} of person {sender}, where {due} was due");
        }
        *due += 1;
        self.deliveries += 1;
        let place = number.checked_sub(one.complete).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| one.hearers.get_mut(place)) {
            Some(heard) => *heard += 1,
            None => bail!("person {who} is one more than should have heard post {number}"),
        }
        while one.hearers.front() == Some(&self.hearers) {
            one.hearers.pop_front();
            one.complete += 1;
            self.complete += 1;
        }
        Ok(voice)
    }
}

impl Voice {
    fn in_flight(&self, accepts: bool) -> u64 {
        let done = if accepts { self.complete.min(self.accepted) } else { self.complete };
        self.sent - done
    }
}

#[cfg(test)]
mod tests {
    use super::{super::bare::Bare, *};

    /// Two posts of the first voice are under way.
    fn talk(scene: Scene, people: usize) -> Talk {
        let party = Party::new(([127, 0, 0, 1], 9).into(), None, Box::new(Bare)).unwrap();
        let mut talk = Talk::new(&party, Cast { scene, people, senders: 2 }).unwrap();
        talk.voices[0].sent = 2;
        talk.voices[0].hearers.extend([0, 0]);
        talk
    }

    #[test]
    fn a_post_is_complete_once_all_have_heard_it() {
        let mut talk = talk(Scene::Hall, 3);
        for who in 0..3 {
            assert_eq!(talk.complete, 0);
            talk.hear(who, 0, 0).unwrap();
        }
        assert_eq!((talk.complete, talk.deliveries), (1, 3));
        assert_eq!(talk.voices[0].in_flight(false), 1);
        talk.voices[0].sent = 3;
        assert_eq!(talk.voices[0].in_flight(true), 3, "heard, but none is accepted");
    }

    #[test]
    fn holes_repetitions_strangers_and_what_was_never_said_are_found() {
        let mut hole = talk(Scene::Hall, 3);
        assert!(hole.hear(1, 0, 1).is_err());
        let mut again = talk(Scene::Hall, 3);
        again.hear(1, 0, 0).unwrap();
        assert!(again.hear(1, 0, 0).is_err());
        assert!(again.hear(1, 2, 0).is_err(), "by somebody who only listens");
        again.hear(1, 0, 1).unwrap();
        assert!(again.hear(1, 0, 2).is_err(), "not said yet");
    }

    #[test]
    fn pairs_hear_nobody_else_and_nobody_hears_too_much() {
        let mut talk = talk(Scene::Pairs, 4);
        assert!(talk.hear(3, 0, 0).is_err());
        talk.hear(1, 0, 0).unwrap();
        assert_eq!(talk.complete, 1);
        assert!(talk.hear(0, 0, 0).is_err(), "this server does not say it to who said it");
    }
}
