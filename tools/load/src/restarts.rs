//! A server that is stopped and started again and again while people talk: nothing acknowledged is lost,
//! nothing is there twice, and everybody is back soon.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use liao_common::{
    event::{Event, GoAway, Page, Posted, kind},
    frame::Frame,
    id::{Nonce, RoomId, Seq},
    limits::PAGE_MESSAGES_MAX,
    message::{Body, Kind},
    request::{History, Request, Send, Sync},
};

use crate::{
    clock::{self, Deadline},
    crowd::{self, Person},
    play::{Script, hello, play},
    server::Server,
    stats::Latencies,
    suite::times,
    swarm::Swarm,
    trial::{Scene, Trial},
};

/// People of one room.
const ROOM: usize = 10;

/// A person posts at most this often.
const POST_EVERY: Duration = Duration::from_millis(200);

/// Acknowledgements of all together between two stops, at least.
const ACKS_BETWEEN: u64 = 300;

/// Who finds nobody tries again after this.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// How long a stop, and the return of all, may take.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// The number of the first post's request.
const RID_POSTS: u64 = 10;

/// Options.
#[derive(Args)]
pub(crate) struct Restarts {
    /// How often.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    times: u64,
    /// People, in rooms of ten.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..=5000))]
    people: u64,
    #[command(flatten)]
    trial: Trial,
}

/// Where somebody is on the way back.
enum Way {
    /// Tries at this time.
    Down(Instant),
    Entering(usize),
    Up(usize),
}

/// One who talks through all of it, one post at a time.
struct Talker<'a> {
    person: &'a Person,
    number: u64,
    room: RoomId,
    way: Way,
    /// Where the posts stand that were acknowledged, in their order.
    acked: Vec<Seq>,
    /// Whether one is under way.
    asked: bool,
    next_at: Instant,
    seen: Seq,
    back: Option<Instant>,
}

impl Restarts {
    pub(crate) fn run(&self) -> Result<()> {
        let people = usize::try_from(self.people)?;
        self.trial.run(|scene| measure(scene, people, self.times))
    }
}

fn measure(scene: &mut Scene, count: usize, stops: u64) -> Result<()> {
    let people = scene.register(count)?;
    let mut server = scene.server()?;
    let mut talkers = Vec::new();
    for (at, friends) in people.chunks(ROOM).enumerate() {
        let (room, _) = crowd::gather(&mut Swarm::new()?, &server, friends, &format!("room{at}"))?;
        let from = talkers.len() as u64;
        talkers.extend(
            (from..).zip(friends).map(|(number, person)| Talker::new(number, person, room)),
        );
    }
    let mut place = Place { swarm: Swarm::new()?, talkers, acked: 0 };
    place.until("all are there", &server, Place::all_are_back)?;
    let mut returns = Vec::new();
    for _ in 0..stops {
        let enough = place.acked + ACKS_BETWEEN;
        place.until("talk", &server, |place| place.acked >= enough)?;
        place.talkers.iter_mut().for_each(|talker| talker.back = None);
        let stopped = clock::now();
        let ending = server.terminate()?;
        place.until_ended(&ending)?;
        ending.finish()?;
        server = scene.server()?;
        place.until("the return of all", &server, Place::all_are_back)?;
        let back = place.talkers.iter().filter_map(|talker| talker.back);
        returns.extend(back.map(|at| at.duration_since(stopped)));
    }
    place.talkers.iter_mut().for_each(Talker::falls_silent);
    place.until("the last answers", &server, |place| {
        place.talkers.iter().all(|talker| !talker.asked)
    })?;
    let messages = place.compare(&server)?;
    server.stop()?;
    let latencies = Latencies::of(returns);
    let detail = format!(
        "{stops} stops by SIGTERM under {count} people: {} posts acknowledged, {messages} in the logs, 0 lost, \
         0 doubled; from the signal to the answer to `sync`: {}",
        place.acked,
        times(latencies)
    );
    scene.add(
        "everybody is back after a restart: p99",
        (latencies.p99_us as f64 / 1e6, "s"),
        Some(10.0),
        detail,
    );
    Ok(())
}

struct Place<'a> {
    swarm: Swarm,
    talkers: Vec<Talker<'a>>,
    acked: u64,
}

impl Place<'_> {
    fn all_are_back(&self) -> bool {
        self.talkers.iter().all(|talker| matches!(talker.way, Way::Up(_)))
    }

    /// Everybody goes on until something is so.
    fn until(&mut self, what: &str, server: &Server, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Deadline::within(BACK_WITHIN);
        while !is_so(self) {
            deadline.check(what)?;
            self.comes_back(server)?;
            self.goes_on()?;
        }
        Ok(())
    }

    fn until_ended(&mut self, ending: &crate::server::Ending) -> Result<()> {
        let deadline = Deadline::within(BACK_WITHIN);
        while !ending.is_over()? {
            deadline.check("the server's end")?;
            self.goes_on()?;
        }
        Ok(())
    }

    fn comes_back(&mut self, server: &Server) -> Result<()> {
        let now = clock::now();
        for talker in &mut self.talkers {
            if let Way::Down(at) = talker.way
                && at <= now
            {
                talker.way = match self.swarm.open(server) {
                    Ok(link) => {
                        for (rid, ask) in (1..).zip(talker.entry()) {
                            self.swarm.send(link, &ask.frame(rid))?;
                        }
                        Way::Entering(link)
                    }
                    Err(_) => Way::Down(now + TRY_EVERY),
                };
            }
        }
        Ok(())
    }

    fn goes_on(&mut self) -> Result<()> {
        let now = clock::now();
        let links: HashMap<usize, usize> = (0..)
            .zip(&self.talkers)
            .filter_map(|(at, talker)| Some((talker.link()?, at)))
            .collect();
        for talker in &mut self.talkers {
            if let Some((link, frame)) = talker.next_post(now) {
                self.swarm.send(link, &frame)?;
            }
        }
        for link in self.swarm.wait(5)? {
            let Some(talker) = links.get(&link).and_then(|at| self.talkers.get_mut(*at)) else {
                continue;
            };
            match self.swarm.frames(link) {
                Ok(frames) => {
                    for frame in frames {
                        self.acked += talker.hear(&frame)?;
                    }
                }
                Err(_) => talker.is_cut(now),
            }
            if talker.link() != Some(link) {
                self.swarm.close(link);
            }
        }
        Ok(())
    }

    /// Reads all rooms, and finds every acknowledged post in its place and none twice.
    fn compare(&self, server: &Server) -> Result<usize> {
        let mut messages = 0;
        for friends in self.talkers.chunks(ROOM) {
            let Some(reader) = friends.first() else { continue };
            let log = read(server, reader)?;
            messages += log.values().map(Vec::len).sum::<usize>();
            for talker in friends {
                for (number, seq) in (0..).zip(&talker.acked) {
                    let places = log.get(&talker.nonce(number)).map_or(&[][..], Vec::as_slice);
                    ensure!(places == [*seq], "a post acknowledged at {seq} stands at {places:?}");
                }
            }
            ensure!(log.values().all(|places| places.len() == 1), "a post stands in a log twice");
        }
        Ok(messages)
    }
}

/// The texts of a room, by nonce.
fn read(server: &Server, reader: &Talker<'_>) -> Result<HashMap<Nonce, Vec<Seq>>> {
    let mut swarm = Swarm::new()?;
    let ask = reader.person.comes();
    let entered = play(&mut swarm, server, vec![Script { link: None, ask, leave: false }], 1)?;
    let link = entered.first().map(|entered| entered.link);
    let mut log: HashMap<Nonce, Vec<Seq>> = HashMap::new();
    let (room, limit) = (reader.room, u32::try_from(PAGE_MESSAGES_MAX).ok());
    let mut after = Seq::ZERO;
    loop {
        let ask = History { room, after: Some(after), limit, ..History::default() }.into();
        let script = Script { link, ask: vec![ask], leave: false };
        let played = play(&mut swarm, server, vec![script], 1)?;
        let page: Page =
            played.first().and_then(|played| played.answers.last()).context("no page")?.decode()?;
        for message in page.msgs.iter().filter(|message| message.kind == Kind::Text) {
            log.entry(message.cid).or_default().push(message.seq);
        }
        after = page.msgs.last().map_or(after, |last| last.seq);
        if !page.more {
            return Ok(log);
        }
    }
}

impl<'a> Talker<'a> {
    fn new(number: u64, person: &'a Person, room: RoomId) -> Self {
        let now = clock::now();
        Self {
            person,
            number,
            room,
            way: Way::Down(now),
            acked: Vec::new(),
            asked: false,
            next_at: now,
            seen: Seq::ZERO,
            back: None,
        }
    }

    const fn link(&self) -> Option<usize> {
        match self.way {
            Way::Down(_) => None,
            Way::Entering(link) | Way::Up(link) => Some(link),
        }
    }

    fn entry(&self) -> [Request; 3] {
        let cur = if self.seen == Seq::ZERO { Vec::new() } else { vec![(self.room, self.seen)] };
        [hello(), self.person.log_in(), Sync { epoch: String::new(), cur }.into()]
    }

    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = Nonce([0; 16]);
        nonce.0[..8].copy_from_slice(&(self.number + 1).to_be_bytes());
        nonce.0[8..].copy_from_slice(&number.to_be_bytes());
        nonce
    }

    /// The oldest post without an answer once more, or the next one when it is time.
    fn next_post(&mut self, now: Instant) -> Option<(usize, bytes::Bytes)> {
        let Way::Up(link) = self.way else { return None };
        if self.asked || self.next_at > now {
            return None;
        }
        (self.asked, self.next_at) = (true, now + POST_EVERY);
        let number = self.acked.len() as u64;
        let body = Body::text(format!("{} says {number}", self.number));
        let send = Send { room: self.room, cid: self.nonce(number), kind: Kind::Text, body };
        Some((link, Request::from(send).frame(RID_POSTS + number)))
    }

    /// Says nothing more, once what is under way is answered.
    fn falls_silent(&mut self) {
        self.next_at += BACK_WITHIN * 2;
    }

    fn is_cut(&mut self, now: Instant) {
        self.way = Way::Down(now);
        if self.asked {
            // It is sent again at once.
            (self.asked, self.next_at) = (false, now);
        }
    }

    /// Gives how many acknowledgements that was.
    fn hear(&mut self, frame: &Frame) -> Result<u64> {
        match (frame.kind(), frame.rid) {
            (kind::OK, 3) => {
                if let Way::Entering(link) = self.way {
                    (self.way, self.back) = (Way::Up(link), Some(clock::now()));
                }
            }
            (kind::OK, rid) if rid >= RID_POSTS => {
                ensure!(rid == RID_POSTS + self.acked.len() as u64, "an answer to another post");
                self.acked.push(frame.decode::<Posted>()?.seq);
                self.asked = false;
                return Ok(1);
            }
            // It is over: nothing is asked any more here, and what was is asked again.
            (kind::ERR, rid) if rid > 0 => self.is_cut(clock::now()),
            (kind::GOAWAY, _) => self.is_sent_away(&frame.decode()?),
            _ => self.is_pushed(frame)?,
        }
        Ok(0)
    }

    /// Comes back between the times that were named, spread by number.
    fn is_sent_away(&mut self, away: &GoAway) {
        let spread = away.max_ms.saturating_sub(away.min_ms);
        let wait_ms = away.min_ms + self.number.wrapping_mul(7919) % spread.max(1);
        self.is_cut(clock::now());
        self.way = Way::Down(clock::now() + Duration::from_millis(wait_ms));
    }

    fn is_pushed(&mut self, frame: &Frame) -> Result<()> {
        let (from, to) = match Event::decode(frame)? {
            Some(Event::Message(message)) if message.room == self.room => {
                (message.seq, message.seq)
            }
            Some(Event::Gap(gap)) if gap.room == self.room => (gap.from, gap.to),
            _ => return Ok(()),
        };
        if self.seen != Seq::ZERO && from != self.seen.next() {
            bail!("{from} was pushed right behind {}", self.seen);
        }
        self.seen = to;
        Ok(())
    }
}
