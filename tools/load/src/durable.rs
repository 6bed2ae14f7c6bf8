//! Durable posts: how many are acknowledged a second, and how long each took. Nobody listens while
//! it is measured; afterwards the room's whole log is read and compared with what was acknowledged.

use std::time::Duration;

use anyhow::{Context as _, Result};
use liao_common::{
    event::Page,
    id::{RoomId, Seq, UserId},
    limits::PAGE_MESSAGES_MAX,
    request::History,
};
use serde::Serialize;

use crate::{
    clock::{self, Deadline},
    crowd::{self, Person, Present},
    ledger::Ledger,
    play::{Script, play},
    post::Sender,
    server::Server,
    stats::{Latencies, Mark, Rate},
    swarm::Swarm,
};

/// Before the measured window.
const WARM_UP: Duration = Duration::from_secs(1);

/// After it, for what is still under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// What to measure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) senders: usize,
    /// Posts of each sender without an answer.
    pub(crate) window: u64,
    pub(crate) seconds: u64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Durable {
    pub(crate) acks: Rate,
    pub(crate) latency: Latencies,
}

#[derive(Default)]
struct Log {
    senders: Vec<Sender>,
    /// Of all answers: who posted, and where the message stands.
    acked: Vec<(Seq, usize)>,
    times: Vec<Duration>,
}

/// Measures.
///
/// # Errors
/// When an acknowledged post is not in the room's log, or the log has another order.
pub(crate) fn measure(
    server: &Server,
    people: &[Person],
    plan: &Plan,
    name: &str,
) -> Result<Durable> {
    let mut swarm = Swarm::new()?;
    let people = people.get(..plan.senders).context("too few people")?;
    let (room, present) = enter(&mut swarm, server, people, name)?;
    let senders = present.iter().map(|one| Sender::new(one.link, room)).collect::<Result<_>>()?;
    let mut log = Log { senders, ..Log::default() };
    log.run(&mut swarm, plan.window, WARM_UP)?;
    log.times.clear();
    let mark = Mark::set(server.pid(), log.acked.len() as u64)?;
    log.run(&mut swarm, plan.window, Duration::from_secs(plan.seconds))?;
    let acks = mark.until_now(server.pid(), log.acked.len() as u64)?;
    let latency = Latencies::of(std::mem::take(&mut log.times));
    log.drain(&mut swarm)?;
    let users = present.iter().map(|one| one.user).collect();
    log.verify(&mut swarm, server, &people[0], (room, users))?;
    Ok(Durable { acks, latency })
}

/// All in the room, on fresh connections that follow nothing.
fn enter(
    swarm: &mut Swarm,
    server: &Server,
    people: &[Person],
    name: &str,
) -> Result<(RoomId, Vec<Present>)> {
    let (room, _) = crowd::gather(&mut Swarm::new()?, server, people, name)?;
    let script = |person: &Person| Script { link: None, ask: person.comes(), leave: false };
    let played = play(swarm, server, people.iter().map(script).collect(), people.len())?;
    let present = played
        .iter()
        .zip(people)
        .map(|(played, person)| Present { link: played.link, user: person.user });
    Ok((room, present.collect()))
}

impl Log {
    fn run(&mut self, swarm: &mut Swarm, window: u64, time: Duration) -> Result<()> {
        let start = clock::now();
        while start.elapsed() < time {
            for sender in &mut self.senders {
                while sender.unanswered() < window {
                    swarm.send(sender.link, sender.next())?;
                }
            }
            self.listen(swarm)?;
        }
        Ok(())
    }

    fn drain(&mut self, swarm: &mut Swarm) -> Result<()> {
        let deadline = Deadline::within(DRAIN_WITHIN);
        while self.senders.iter().any(|sender| sender.unanswered() > 0) {
            self.listen(swarm)?;
            deadline.check("the last answers")?;
        }
        Ok(())
    }

    fn listen(&mut self, swarm: &mut Swarm) -> Result<()> {
        for link in swarm.wait(100)? {
            let number = self
                .senders
                .iter()
                .position(|sender| sender.link == link)
                .context("an unknown link")?;
            for frame in swarm.frames(link)? {
                let (time, seq) = self.senders[number].answered(&frame)?;
                self.times.push(time);
                self.acked.push((seq, number));
            }
        }
        Ok(())
    }

    /// Reads the log from the first message to the last.
    fn verify(
        self,
        swarm: &mut Swarm,
        server: &Server,
        reader: &Person,
        (room, users): (RoomId, Vec<UserId>),
    ) -> Result<()> {
        let mut ledger = Ledger::new(self.acked, users);
        let script = Script { link: None, ask: reader.comes(), leave: false };
        let link = play(swarm, server, vec![script], 1)?.first().context("no link")?.link;
        let mut after = Seq::ZERO;
        loop {
            let page = page(swarm, server, link, (room, after))?;
            for message in &page.msgs {
                ledger.check(message)?;
                after = message.seq;
            }
            if !page.more {
                return ledger.end();
            }
        }
    }
}

/// A page of a room's log behind this place.
pub(crate) fn page(
    swarm: &mut Swarm,
    server: &Server,
    link: usize,
    (room, after): (RoomId, Seq),
) -> Result<Page> {
    let limit = Some(u32::try_from(PAGE_MESSAGES_MAX)?);
    let ask = History { room, after: Some(after), limit, ..History::default() };
    let script = Script { link: Some(link), ask: vec![ask.into()], leave: false };
    let played = play(swarm, server, vec![script], 1)?;
    let answer = played.first().and_then(|played| played.answers.last()).context("no page")?;
    Ok(answer.decode()?)
}
