//! Rooms of very many members of whom some look: what a message costs however many the others are,
//! how long the last one waits for it, what joining costs, and how fast members are listed.

mod prepare;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    codec,
    event::{UserPage, kind},
    frame::Frame,
    request::{Members, Request, RoomJoin, Watch},
};
use serde::Serialize;

use crate::{
    clock::{self, Deadline},
    crowd::{LOG_IN_AT_ONCE, Person},
    machine,
    play::{Script, play, settle},
    post::Sender,
    report::{Report, Row, short},
    rig::{Output, Rig},
    server::Server,
    stats::{Latencies, Mark, Rate},
    suite::times,
    swarm::Swarm,
    tape::{Place, Tape},
};

/// Those who post at a time.
const SENDERS: usize = 4;

/// Messages that are sent one at a time, each when all have heard the one before.
const ALONE: usize = 20;

/// Pages of members that are asked for, of each kind.
const PAGES: u64 = 200;

/// Before the measured window, so that nothing is done for the first time in it.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long the last messages may be under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

/// Options.
#[derive(Args)]
pub(crate) struct Rooms {
    /// Members of the room, one size after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000, 1_000_000], value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    members: Vec<u64>,
    /// Members who are connected and look at the room.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(SENDERS as u64..=19_000))]
    watchers: u64,
    /// Members who are connected besides and do not look.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=19_000))]
    aside: u64,
    /// Posts in flight, of the four senders together.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(SENDERS as u64..=256))]
    window: u64,
    /// Seconds of each measured window.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

/// What was found with a room of one size.
#[derive(Clone, Copy, Debug, Serialize)]
struct Found {
    members: u64,
    watchers: u64,
    aside: u64,
    /// Until the server had its index, which it had to make, and took connections.
    first_start_s: f64,
    resident_mib: f64,
    /// Messages heard while so many are in flight.
    busy: Rate,
    /// One message at a time, until the last has heard it.
    last_receipt: Latencies,
    /// Messages heard in all when they were sent one at a time.
    alone: Rate,
    /// Watchers who entered another room, one after the other had asked.
    joining: Rate,
    /// The first page of the members.
    first_page: Latencies,
    /// A page somewhere among them.
    any_page: Latencies,
}

impl Rooms {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        let descriptors = machine::raise_descriptors()?;
        if self.watchers + self.aside + 100 > descriptors {
            bail!("more connections than the limit of descriptors ({descriptors}) allows");
        }
        let (liaod, folder) = (self.rig.liaod()?, self.rig.folder()?);
        let mut report = Report::begin()?;
        let mut sizes = Vec::new();
        for &members in &self.members {
            let data = folder.path().join(format!("room{members}"));
            let found = self.measure(&liaod, &data, members)?;
            std::fs::remove_dir_all(&data)?;
            for row in found.rows() {
                report.add_at("members of a room", members, row);
            }
            sizes.push(found);
        }
        self.output.finish_sizes(report, &sizes)
    }

    fn measure(&self, liaod: &Path, data: &Path, members: u64) -> Result<Found> {
        let watchers = self.watchers.min(members);
        let aside = self.aside.min(members - watchers);
        let people = prepare::prepare(data, members, watchers + aside)?;
        let (server, first_start) = Server::start_timed(liaod, data)?;
        server.stop()?;
        let (server, _) = Server::start_timed(liaod, data)?;
        let (looking, others) = people.split_at(usize::try_from(watchers)?);
        let mut crowd = Crowd::gather(&server, looking, others)?;
        let resident_mib = server.resident_kib()? as f64 / 1024.0;
        let (first_page, any_page) = crowd.list(members)?;
        let busy = crowd.talk(&server, self.window, Duration::from_secs(self.seconds))?;
        let (last_receipt, alone) = crowd.talk_alone(&server)?;
        let joining = crowd.join(&server)?;
        server.stop()?;
        Ok(Found {
            members,
            watchers,
            aside,
            first_start_s: first_start.as_secs_f64(),
            resident_mib,
            busy,
            last_receipt,
            alone,
            joining,
            first_page,
            any_page,
        })
    }
}

impl Found {
    fn rows(&self) -> Vec<Row> {
        let aside = if self.aside == 0 { String::new() } else { format!(", {} not", self.aside) };
        let of = format!("{} members, {} look{aside}", short(self.members as f64), self.watchers);
        let row =
            |what: &str, measured, detail| Row::found(format!("{of}: {what}"), measured, detail);
        let per_message = |rate: Rate| rate.each_us() * self.watchers as f64;
        let joins_s = self.joining.cpu_s;
        vec![
            row(
                "server's processor time per message",
                (per_message(self.busy), "µs"),
                format!("{:.3} µs a watcher; {}", self.busy.each_us(), self.busy.busy()),
            ),
            row(
                "last receipt of one message",
                (self.last_receipt.p50_us as f64 / 1e3, "ms"),
                format!(
                    "{}; server's processor time {:.1} ms a message",
                    times(self.last_receipt),
                    per_message(self.alone) / 1e3
                ),
            ),
            row(
                "all who look join another room, server's processor time",
                (joins_s, "s"),
                format!("{:.1} µs each, in {:.1} s", self.joining.each_us(), self.joining.wall_s),
            ),
            row(
                "a page of members",
                (self.any_page.p50_us as f64 / 1e3, "ms"),
                format!("{}; the first: {}", times(self.any_page), times(self.first_page)),
            ),
            row(
                "resident with all connected",
                (self.resident_mib, "MiB"),
                format!("first start, making the index: {:.1} s", self.first_start_s),
            ),
        ]
    }
}

/// Those who are connected.
struct Crowd {
    swarm: Swarm,
    links: Vec<usize>,
    senders: Vec<Sender>,
    /// By link, how far whoever listens there has heard.
    places: Vec<Option<Place>>,
    tape: Tape,
    rid: u64,
}

impl Crowd {
    /// All are logged in and follow their rooms; the first of them look at the big one.
    fn gather(server: &Server, looking: &[Person], others: &[Person]) -> Result<Self> {
        let mut swarm = Swarm::new()?;
        let ask = |person: &Person| person.follows();
        let watch: Request = Watch { act: vec![prepare::BIG], online: false }.into();
        let looks = |person: &Person| {
            let mut ask = ask(person);
            ask.push(watch.clone());
            Script { link: None, ask, leave: false }
        };
        let aside = |person: &Person| Script { link: None, ask: ask(person), leave: false };
        let scripts = others.iter().map(aside).collect();
        play(&mut swarm, server, scripts, LOG_IN_AT_ONCE)?;
        let scripts = looking.iter().map(looks).collect();
        let played = play(&mut swarm, server, scripts, LOG_IN_AT_ONCE)?;
        settle(&mut swarm)?;
        let links: Vec<_> = played.iter().map(|played| played.link).collect();
        let mut places = vec![None; links.iter().max().map_or(0, |last| last + 1)];
        links.iter().for_each(|link| places[*link] = Some(Place::default()));
        let senders: Vec<_> = looking.iter().take(SENDERS).map(|person| person.user).collect();
        let tape = Tape::new(prepare::BIG, senders, links.len())?;
        let sender = |link: &usize| Sender::new(*link, prepare::BIG);
        let senders = links.iter().take(SENDERS).map(sender).collect::<Result<_>>()?;
        Ok(Self { swarm, links, senders, places, tape, rid: 0 })
    }

    /// So many posts in flight for so long; counts messages heard.
    fn talk(&mut self, server: &Server, window: u64, time: Duration) -> Result<Rate> {
        self.post_for(window, WARM_UP)?;
        let mark = Mark::set(server.pid(), self.tape.deliveries)?;
        self.post_for(window, time)?;
        let rate = mark.until_now(server.pid(), self.tape.deliveries)?;
        self.drain()?;
        Ok(rate)
    }

    fn post_for(&mut self, window: u64, time: Duration) -> Result<()> {
        let begun = clock::now();
        let share = window / SENDERS as u64;
        while begun.elapsed() < time {
            for (sender, heard) in self.senders.iter_mut().zip(&self.tape.complete) {
                while sender.sent - sender.acked.min(*heard) < share {
                    self.swarm.send(sender.link, sender.next())?;
                }
            }
            self.listen(100)?;
        }
        Ok(())
    }

    /// One message after the other: the time until the last has heard each.
    fn talk_alone(&mut self, server: &Server) -> Result<(Latencies, Rate)> {
        let mark = Mark::set(server.pid(), self.tape.deliveries)?;
        let mut times = Vec::new();
        for _ in 0..ALONE {
            let begun: Instant = clock::now();
            let sender = &mut self.senders[0];
            self.swarm.send(sender.link, sender.next())?;
            self.drain()?;
            times.push(begun.elapsed());
        }
        let rate = mark.until_now(server.pid(), self.tape.deliveries)?;
        Ok((Latencies::of(times), rate))
    }

    /// Lets everything arrive, and looks whether it did.
    fn drain(&mut self) -> Result<()> {
        let deadline = Deadline::within(DRAIN_WITHIN);
        while !self.is_done() {
            self.listen(100)?;
            deadline.check("hearing the last messages")?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let mut heard = self.senders.iter().zip(&self.tape.complete);
        heard.all(|(sender, heard)| sender.unanswered() == 0 && sender.sent == *heard)
            && self.places.iter().flatten().all(|place| self.tape.is_at_end(*place))
    }

    fn listen(&mut self, ms: u32) -> Result<()> {
        for link in self.swarm.wait(ms)? {
            let sender = self.senders.iter().position(|sender| sender.link == link);
            if let Some(sender) = sender {
                for frame in self.swarm.frames(link)? {
                    self.sender_heard(sender, &frame)?;
                }
            } else if let Some(place) = self.places.get_mut(link).and_then(Option::as_mut) {
                while let Some(piece) = self.swarm.read(link)? {
                    self.tape.hear(place, piece)?;
                }
            } else {
                self.swarm.frames(link)?;
            }
        }
        Ok(())
    }

    fn sender_heard(&mut self, sender: usize, frame: &Frame) -> Result<()> {
        let sender = &mut self.senders[sender];
        if frame.kind() != kind::MSG {
            return sender.answered(frame).map(drop);
        }
        // The frame as it stood on the wire, to be compared like any other.
        let bytes = codec::frame_raw(kind::MSG, frame.rid, &frame.body);
        let place = self.places.get_mut(sender.link).and_then(Option::as_mut);
        place.map_or(Ok(()), |place| self.tape.hear(place, &bytes))
    }

    /// Everybody who looks joins another room, each on their own connection. Last of all: what is
    /// heard after that is not looked at.
    fn join(&mut self, server: &Server) -> Result<Rate> {
        let mark = Mark::set(server.pid(), 0)?;
        let ask = || RoomJoin { room: Some(prepare::HALL), name: None }.into();
        let script = |link: &usize| Script { link: Some(*link), ask: vec![ask()], leave: false };
        let scripts = self.links.iter().map(script).collect();
        play(&mut self.swarm, server, scripts, LOG_IN_AT_ONCE)?;
        let count = self.links.len() as u64;
        let wall_s = mark.until_now(server.pid(), count)?.wall_s;
        // What those in the room already are told of it comes behind the answers, and costs too.
        settle(&mut self.swarm)?;
        Ok(Rate { wall_s, ..mark.until_now(server.pid(), count)? })
    }

    /// How long the first page of the members takes, and a page anywhere.
    fn list(&mut self, members: u64) -> Result<(Latencies, Latencies)> {
        let (mut first, mut any) = (Vec::new(), Vec::new());
        for number in 0..PAGES {
            first.push(self.page(None, members)?);
            any.push(self.page(Some(number * (members / PAGES) / 2), members)?);
        }
        Ok((Latencies::of(first), Latencies::of(any)))
    }

    fn page(&mut self, after: Option<u64>, members: u64) -> Result<Duration> {
        self.rid += 1;
        let after = after.map(|after| after.to_string());
        let ask = Members { room: prepare::BIG, after, ..Members::default() };
        let link = *self.links.last().context("nobody to ask")?;
        let begun = clock::now();
        self.swarm.send(link, &Request::from(ask).frame(self.rid))?;
        let deadline = Deadline::within(DRAIN_WITHIN);
        loop {
            for ready in self.swarm.wait(100)? {
                let frames = self.swarm.frames(ready)?;
                let answer = frames.iter().find(|frame| ready == link && frame.rid == self.rid);
                let Some(answer) = answer else { continue };
                let took = begun.elapsed();
                let page: UserPage = answer.decode()?;
                if page.total != members || page.users.is_empty() {
                    bail!("{} members on a page, {} in all", page.users.len(), page.total);
                }
                return Ok(took);
            }
            deadline.check("a page of members")?;
        }
    }
}
