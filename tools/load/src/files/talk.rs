//! Two people who talk at a fixed pace: how long a line takes from when it was due to be sent until
//! the other one has it.

use std::{
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use liao_common::{event::kind, message::Message};

use crate::{
    clock,
    crowd::{self, Person},
    post::{self, Sender},
    server::Server,
    stats::Latencies,
    swarm::Swarm,
};

/// Time between two lines.
const BETWEEN: Duration = Duration::from_millis(5);

/// How long the last lines may take.
const LAST_WITHIN: Duration = Duration::from_secs(10);

/// Talks until it is told to stop.
pub(super) fn talk(
    server: &Server,
    people: &[Person],
    room: &str,
    stop: &Receiver<()>,
) -> Result<Latencies> {
    let mut swarm = Swarm::new()?;
    let (room, present) = crowd::gather(&mut swarm, server, people, room)?;
    let (from, to) = (present.first().context("nobody")?, present.last().context("nobody")?);
    let mut sender = Sender::new(from.link, room)?;
    let mut due: Vec<Instant> = Vec::new();
    let mut times = Vec::new();
    let mut next = clock::now();
    let mut until = None;
    while until.is_none_or(|until| clock::now() < until && times.len() < due.len()) {
        if until.is_none() && stop.try_recv() != Err(TryRecvError::Empty) {
            until = Some(clock::now() + LAST_WITHIN);
        }
        while until.is_none() && clock::now() >= next {
            swarm.send(from.link, sender.next())?;
            due.push(next);
            next += BETWEEN;
        }
        for link in swarm.wait(1)? {
            for frame in swarm.frames(link)? {
                if link != to.link || frame.kind() != kind::MSG {
                    continue;
                }
                let message: Message = frame.decode()?;
                let number = post::number(&message).filter(|_| message.room == room);
                let sent = number.and_then(|number| due.get(usize::try_from(number).ok()?));
                times.extend(sent.map(|sent| sent.elapsed()));
            }
        }
    }
    anyhow::ensure!(times.len() == due.len(), "{} of {} lines came", times.len(), due.len());
    Ok(Latencies::of(times))
}
