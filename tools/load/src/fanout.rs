//! Fan-out: one room, few who post, all who hear. A post is in flight until it is acknowledged and
//! every member has heard it.

use std::time::Duration;

use anyhow::{Result, bail};
use liao_common::{codec, event::kind, frame::Frame};
use serde::Serialize;

use crate::{
    clock::{self, Deadline},
    crowd::{self, Person},
    post::Sender,
    server::Server,
    stats::{Mark, Rate},
    swarm::Swarm,
    tape::{Place, Tape},
};

/// Before the measured window.
const WARM_UP: Duration = Duration::from_secs(1);

/// After it, for what is still under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// What to measure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) members: usize,
    pub(crate) senders: usize,
    /// Posts in flight, of all senders together.
    pub(crate) window: u64,
    pub(crate) seconds: u64,
}

struct Room<'a> {
    plan: &'a Plan,
    senders: Vec<Sender>,
    /// By link, whoever listens there.
    places: Vec<Option<Place>>,
    tape: Tape,
}

/// Measures; the rate counts messages heard.
///
/// # Errors
/// When a delivery is missing, comes twice or out of order.
pub(crate) fn measure(server: &Server, people: &[Person], plan: &Plan, room: &str) -> Result<Rate> {
    let mut swarm = Swarm::new()?;
    let Some(people) = people.get(..plan.members) else {
        bail!("too few people for {} members", plan.members)
    };
    let (id, present) = crowd::gather(&mut swarm, server, people, room)?;
    let posting = &present[..plan.senders];
    let tape = Tape::new(id, posting.iter().map(|one| one.user).collect(), plan.members)?;
    let mut places = vec![None; present.iter().map(|one| one.link + 1).max().unwrap_or(0)];
    present.iter().for_each(|one| places[one.link] = Some(Place::default()));
    let senders = posting.iter().map(|one| Sender::new(one.link, id)).collect::<Result<_>>()?;
    let mut room = Room { plan, senders, places, tape };
    room.run(&mut swarm, WARM_UP)?;
    let mark = Mark::set(server.pid(), room.tape.deliveries)?;
    room.run(&mut swarm, Duration::from_secs(plan.seconds))?;
    let rate = mark.until_now(server.pid(), room.tape.deliveries)?;
    room.drain(&mut swarm)?;
    Ok(rate)
}

impl Room<'_> {
    fn run(&mut self, swarm: &mut Swarm, time: Duration) -> Result<()> {
        let start = clock::now();
        let share = self.plan.window / self.senders.len() as u64;
        while start.elapsed() < time {
            for (sender, heard) in self.senders.iter_mut().zip(&self.tape.complete) {
                while sender.sent - sender.acked.min(*heard) < share {
                    swarm.send(sender.link, sender.next())?;
                }
            }
            self.listen(swarm)?;
        }
        Ok(())
    }

    /// Lets everything arrive, and looks whether it did.
    fn drain(&mut self, swarm: &mut Swarm) -> Result<()> {
        let deadline = Deadline::within(DRAIN_WITHIN);
        while !self.is_done() {
            self.listen(swarm)?;
            deadline.check("hearing the last messages")?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let heard = self.senders.iter().zip(&self.tape.complete);
        heard.into_iter().all(|(sender, heard)| sender.unanswered() == 0 && sender.sent == *heard)
            && self.places.iter().flatten().all(|place| self.tape.is_at_end(*place))
    }

    fn listen(&mut self, swarm: &mut Swarm) -> Result<()> {
        for link in swarm.wait(100)? {
            if let Some(sender) = self.senders.iter().position(|sender| sender.link == link) {
                for frame in swarm.frames(link)? {
                    self.sender_heard(sender, link, &frame)?;
                }
            } else if let Some(place) = self.places.get_mut(link).and_then(Option::as_mut) {
                while let Some(piece) = swarm.read(link)? {
                    self.tape.hear(place, piece)?;
                }
            }
        }
        Ok(())
    }

    fn sender_heard(&mut self, sender: usize, link: usize, frame: &Frame) -> Result<()> {
        if frame.kind() != kind::MSG {
            return self.senders[sender].answered(frame).map(drop);
        }
        // The frame as it stood on the wire, to be compared like any other.
        let bytes = codec::frame_raw(kind::MSG, frame.rid, &frame.body);
        self.places[link].as_mut().map_or(Ok(()), |place| self.tape.hear(place, &bytes))
    }
}
