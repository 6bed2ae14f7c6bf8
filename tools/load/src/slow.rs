//! What those who do not read cost their neighbours: the time of deliveries to some who read, while none,
//! one and nearly a third of a room read nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    event::{Event, kind},
    id::{Nonce, RoomId},
    message::{Body, Kind},
    request::{Request, Send},
};

use crate::{
    clock::{self, Deadline},
    crowd::{self, Present},
    post,
    server::Server,
    stats::Latencies,
    suite::times,
    swarm::Swarm,
    trial::{Scene, Trial},
};

/// Those who post.
const SENDERS: usize = 4;

/// Those whose deliveries are timed.
const NEIGHBOURS: usize = 20;

/// Bytes of a text: with these, what the system keeps on the way is soon full.
const TEXT_BYTES: usize = 2000;

/// How long what is under way may take to come in the end.
const REST_WITHIN: Duration = Duration::from_secs(30);

/// Options.
#[derive(Args)]
pub(crate) struct Slow {
    /// People in the room.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(50..=1000))]
    members: u64,
    /// Posts a second, of all senders together.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=5000))]
    rate: u64,
    /// Seconds of each of the three trials of a round.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=300))]
    seconds: u64,
    /// Rounds: the three in turn, and the median of each counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    #[command(flatten)]
    trial: Trial,
}

impl Slow {
    pub(crate) fn run(&self) -> Result<()> {
        let members = usize::try_from(self.members)?;
        self.trial.run(|scene| {
            let people = scene.register(members)?;
            let mut kinds = [0, 1, members * 3 / 10].map(|stalled| (stalled, Vec::new()));
            for number in 0..self.rounds {
                for (stalled, found) in &mut kinds {
                    let server = scene.server()?;
                    let mut swarm = Swarm::new()?;
                    let room = format!("room{stalled}round{number}");
                    let (room, present) = crowd::gather(&mut swarm, &server, &people, &room)?;
                    let round = Round { room, rate: self.rate, seconds: self.seconds };
                    found.push(round.play(&mut swarm, &server, &present, *stalled)?);
                    server.stop()?;
                }
            }
            kinds.iter_mut().for_each(|(_, found)| found.sort_by_key(|one| one.times.p99_us));
            let calm_us = middle(&kinds[0].1).times.p99_us;
            for (stalled, found) in &kinds {
                report(scene, self, *stalled, found, calm_us);
            }
            Ok(())
        })
    }
}

/// The one in the middle of those that are sorted by their slow end.
fn middle(found: &[Found]) -> &Found {
    &found[found.len() / 2]
}

fn report(scene: &mut Scene, slow: &Slow, stalled: usize, found: &[Found], calm_us: u64) {
    let middle = middle(found);
    let more = middle.times.p99_us as f64 / calm_us.max(1) as f64 * 100.0 - 100.0;
    let each: Vec<_> =
        found.iter().map(|one| format!("{:.1}", one.times.p99_us as f64 / 1e3)).collect();
    let detail = format!(
        "p99 {more:+.0} % beside nobody; of the rounds {} ms; the one in the middle: {}; the server grew by {} KiB \
         while {} posts went to {} people",
        each.join(", "),
        times(middle.times),
        middle.grown_kib,
        middle.posts,
        slow.members
    );
    let what =
        format!("neighbours of {stalled} who read nothing: p99 from the post to the delivery");
    scene.add(&what, (middle.times.p99_us as f64 / 1e3, "ms"), None, detail);
}

struct Round {
    room: RoomId,
    rate: u64,
    seconds: u64,
}

struct Found {
    times: Latencies,
    grown_kib: i64,
    posts: u64,
}

impl Round {
    fn play(
        &self,
        swarm: &mut Swarm,
        server: &Server,
        present: &[Present],
        stalled: usize,
    ) -> Result<Found> {
        let (senders, others) = present.split_at(SENDERS);
        let (neighbours, others) = others.split_at(NEIGHBOURS);
        let asleep = others.get(..stalled).context("too few people")?;
        asleep.iter().try_for_each(|one| swarm.neglect(one.link))?;
        let first = neighbours.iter().map(|one| one.link).collect();
        let before = server.resident_kib()?;
        let mut post = Posting { tag: post::fresh_tag(), room: self.room, sent_at: Vec::new() };
        let mut watch = Watching { links: first, times: Vec::new() };
        let started = clock::now();
        let wanted = self.rate * self.seconds;
        while (post.sent_at.len() as u64) < wanted {
            let due = started.elapsed().as_micros() as u64 * self.rate / 1_000_000;
            while (post.sent_at.len() as u64) < due.min(wanted) {
                let from = senders[post.sent_at.len() % SENDERS].link;
                let frame = post.next();
                swarm.send(from, &frame)?;
            }
            watch.look(swarm, &post.sent_at, Duration::from_millis(1))?;
        }
        let grown_kib = i64::try_from(server.resident_kib()?)? - i64::try_from(before)?;
        let deadline = Deadline::within(REST_WITHIN);
        while watch.times.len() < post.sent_at.len() * NEIGHBOURS {
            deadline.check("the last deliveries")?;
            watch.look(swarm, &post.sent_at, Duration::from_millis(5))?;
        }
        Ok(Found { times: Latencies::of(watch.times), grown_kib, posts: wanted })
    }
}

struct Posting {
    tag: u64,
    room: RoomId,
    /// When each post was made, by its number.
    sent_at: Vec<Instant>,
}

impl Posting {
    fn next(&mut self) -> bytes::Bytes {
        let number = self.sent_at.len() as u64;
        let mut cid = Nonce([0; 16]);
        cid.0[..8].copy_from_slice(&self.tag.to_be_bytes());
        cid.0[8..].copy_from_slice(&number.to_be_bytes());
        let text = format!("{number} {}", "x".repeat(TEXT_BYTES));
        let send = Send { room: self.room, cid, kind: Kind::Text, body: Body::text(text) };
        self.sent_at.push(clock::now());
        Request::from(send).frame(1000 + number)
    }
}

struct Watching {
    links: Vec<usize>,
    /// How long each delivery took.
    times: Vec<Duration>,
}

impl Watching {
    /// Reads whatever there is; decodes what came to those who are watched.
    fn look(&mut self, swarm: &mut Swarm, sent_at: &[Instant], time: Duration) -> Result<()> {
        for link in swarm.wait_for(time)? {
            if !self.links.contains(&link) {
                while swarm.read(link)?.is_some() {}
                continue;
            }
            for frame in swarm.frames(link)? {
                match Event::decode(&frame)? {
                    Some(Event::Message(message)) if message.kind == Kind::Text => {
                        let text = message.body.text.as_deref().unwrap_or_default();
                        let number = text.split(' ').next().and_then(|word| word.parse().ok());
                        let sent = number.and_then(|number: usize| sent_at.get(number));
                        self.times.push(sent.context("a message that was not sent")?.elapsed());
                    }
                    Some(Event::Gap(gap)) => bail!("a neighbour fell behind: {gap:?}"),
                    _ if frame.kind() == kind::GOAWAY => bail!("a neighbour was let go"),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
