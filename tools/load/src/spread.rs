//! Very many rooms on one server: what a post, a visit and a start cost however many there are. Who is connected
//! is always the same number; the rooms are theirs and those of people who are not there.

mod prepare;

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    event::{Page, kind},
    frame::Frame,
    id::{RoomId, UserId},
    message::Message,
    request::History,
};
use prepare::{GROUP_PEOPLE, GROUP_ROOMS, Group};
use serde::Serialize;

use crate::{
    clock::{self, Deadline},
    crowd::{LOG_IN_AT_ONCE, Person},
    dice::Dice,
    machine,
    play::{Script, play, settle},
    post::{self, Sender},
    report::{Report, Row, short},
    rig::{Output, Rig},
    server::Server,
    stats::{Latencies, Mark, Rate},
    suite::times,
    swarm::Swarm,
};

/// Groups whose people are connected and talk.
const GROUPS_TALKING: u64 = 25;

/// Before the measured window, so that nothing is done for the first time in it: every room of theirs is
/// opened once.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long the last messages may be under way.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

/// Options.
#[derive(Args)]
pub(crate) struct Spread {
    /// Rooms of the server, one number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000], value_parser = clap::value_parser!(u64).range(GROUPS_TALKING * GROUP_ROOMS..=10_000_000))]
    rooms: Vec<u64>,
    /// People chosen at random who come, open a room and go, one after the other.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    visits: u64,
    /// Seconds of the measured window.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

/// What was found with so many rooms.
#[derive(Clone, Copy, Debug, Serialize)]
struct Found {
    rooms: u64,
    /// Until the server had its index, which it had to make, and took connections.
    first_start_s: f64,
    /// The start after a clean stop.
    start_s: f64,
    /// Resident then.
    resident_mib: f64,
    /// Posts, one in flight of each who is connected, in another room each time.
    posts: Rate,
    /// From the login to the last messages of one room.
    visit: Latencies,
    visits: Rate,
}

impl Spread {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        machine::raise_descriptors()?;
        let (liaod, folder) = (self.rig.liaod()?, self.rig.folder()?);
        let mut report = Report::begin()?;
        let mut sizes = Vec::new();
        for &rooms in &self.rooms {
            let data = folder.path().join(format!("spread{rooms}"));
            let found = self.measure(&liaod, &data, rooms)?;
            std::fs::remove_dir_all(&data)?;
            for row in found.rows() {
                report.add_at("rooms of a server", found.rooms, row);
            }
            sizes.push(found);
        }
        self.output.finish_sizes(report, &sizes)
    }

    fn measure(&self, liaod: &Path, data: &Path, rooms: u64) -> Result<Found> {
        let groups = rooms / GROUP_ROOMS;
        prepare::prepare(data, groups)?;
        let (server, first_start) = Server::start_timed(liaod, data)?;
        server.stop()?;
        let (server, start) = Server::start_timed(liaod, data)?;
        let resident_mib = server.resident_kib()? as f64 / 1024.0;
        let (visit, visits) = visit(&server, groups, self.visits)?;
        let posts = Talk::gather(&server, groups)?.measure(&server, self.seconds)?;
        server.stop()?;
        let rooms = groups * GROUP_ROOMS;
        let (first_start_s, start_s) = (first_start.as_secs_f64(), start.as_secs_f64());
        Ok(Found { rooms, first_start_s, start_s, resident_mib, posts, visit, visits })
    }
}

impl Found {
    fn rows(&self) -> Vec<Row> {
        let of = format!("{} rooms", short(self.rooms as f64));
        let row =
            |what: &str, measured, detail| Row::found(format!("{of}: {what}"), measured, detail);
        let (per_s, busy) = (short(self.posts.per_wall_s()), self.posts.busy());
        vec![
            row(
                "server's processor time per message to four",
                (self.posts.each_us(), "µs"),
                format!("{per_s} messages/s; {busy}"),
            ),
            row(
                "server's processor time per visit",
                (self.visits.each_us(), "µs"),
                format!("somebody in {GROUP_ROOMS} rooms logs in, syncs, opens one and goes"),
            ),
            row("a visit, p99", (self.visit.p99_us as f64 / 1e3, "ms"), times(self.visit)),
            row("first start, making the index", (self.first_start_s, "s"), String::new()),
            row(
                "start after a clean stop",
                (self.start_s, "s"),
                format!("{:.0} MiB resident then", self.resident_mib),
            ),
            row("resident, nobody there", (self.resident_mib, "MiB"), String::new()),
        ]
    }
}

fn scripts(people: &[Person]) -> Vec<Script> {
    let script = |person: &Person| {
        let ask = person.follows();
        Script { link: None, ask, leave: false }
    };
    people.iter().map(script).collect()
}

/// People chosen at random come, one after the other; each reads what is in a room of theirs.
fn visit(server: &Server, groups: u64, visits: u64) -> Result<(Latencies, Rate)> {
    let (mut swarm, mut dice) = (Swarm::new()?, Dice(3));
    let mark = Mark::set(server.pid(), 0)?;
    let mut took = Vec::new();
    for _ in 0..visits {
        let group = Group(dice.below(groups) as u64);
        // The first one has said what is new to the others.
        let guest = 1 + dice.below(GROUP_PEOPLE - 1);
        let person = group.people().nth(guest).context("nobody there")?;
        let room = group.rooms().nth(dice.below(GROUP_ROOMS)).context("no room there")?;
        let ask = History { room, limit: Some(50), ..History::default() }.into();
        let ask = [person.follows(), vec![ask]].concat();
        let begun: Instant = clock::now();
        let played = play(&mut swarm, server, vec![Script { link: None, ask, leave: true }], 1)?;
        took.push(begun.elapsed());
        let page = played.first().and_then(|played| played.answers.last()).context("no page")?;
        let page: Page = page.decode()?;
        if page.msgs.len() != 1 || page.msgs.iter().any(|message| message.room != room) {
            bail!("{} messages in room {room}, which has one", page.msgs.len());
        }
    }
    Ok((Latencies::of(took), mark.until_now(server.pid(), visits)?))
}

/// Somebody who posts in all their rooms in turn, one post at a time.
struct Talker {
    user: UserId,
    group: Group,
    senders: Vec<(RoomId, Sender)>,
    turn: usize,
    /// Messages heard, by room and author: the number of the next.
    heard: HashMap<(RoomId, UserId), u64>,
}

/// Those who are connected, by link.
struct Talk {
    swarm: Swarm,
    talkers: HashMap<usize, Talker>,
    acked: u64,
}

impl Talk {
    /// All are logged in and follow their rooms. Their groups stand far from each other.
    fn gather(server: &Server, groups: u64) -> Result<Self> {
        let mut swarm = Swarm::new()?;
        let group = |number| Group(number * (groups / GROUPS_TALKING));
        let groups: Vec<Group> = (0..GROUPS_TALKING).map(group).collect();
        let people: Vec<(Group, Person)> =
            groups.iter().flat_map(|group| group.people().map(|person| (*group, person))).collect();
        let all: Vec<Person> = people.iter().map(|(_, person)| person.clone()).collect();
        let played = play(&mut swarm, server, scripts(&all), LOG_IN_AT_ONCE)?;
        settle(&mut swarm)?;
        let mut talkers = HashMap::new();
        for ((group, person), played) in people.into_iter().zip(played) {
            let sender = |room| Ok((room, Sender::new(played.link, room)?));
            let senders = group.rooms().map(sender).collect::<Result<_>>()?;
            let user = person.user;
            let talker = Talker { user, group, senders, turn: 0, heard: HashMap::new() };
            talkers.insert(played.link, talker);
        }
        Ok(Self { swarm, talkers, acked: 0 })
    }

    fn measure(mut self, server: &Server, seconds: u64) -> Result<Rate> {
        for (link, talker) in &mut self.talkers {
            self.swarm.send(*link, talker.next()?)?;
        }
        self.listen_for(WARM_UP)?;
        let mark = Mark::set(server.pid(), self.acked)?;
        self.listen_for(Duration::from_secs(seconds))?;
        let rate = mark.until_now(server.pid(), self.acked)?;
        self.drain()?;
        Ok(rate)
    }

    fn listen_for(&mut self, time: Duration) -> Result<()> {
        let begun = clock::now();
        while begun.elapsed() < time {
            self.listen(true)?;
        }
        Ok(())
    }

    fn listen(&mut self, goes_on: bool) -> Result<()> {
        for link in self.swarm.wait(100)? {
            let frames = self.swarm.frames(link)?;
            let talker = self.talkers.get_mut(&link).context("an unknown link")?;
            for frame in frames {
                if talker.hear(&frame)? {
                    self.acked += 1;
                    if goes_on {
                        self.swarm.send(link, talker.next()?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets everything arrive, and looks whether all of a group heard all that was said in it.
    fn drain(&mut self) -> Result<()> {
        let deadline = Deadline::within(DRAIN_WITHIN);
        while !self.is_complete() {
            self.listen(false)?;
            deadline.check("hearing the last messages")?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        let complete = |talker: &Talker| {
            let of_group = self.talkers.values().filter(|other| other.group == talker.group);
            talker.senders.iter().all(|(_, sender)| sender.unanswered() == 0)
                && of_group.into_iter().all(|other| talker.has_heard(other))
        };
        self.talkers.values().all(complete)
    }
}

impl Talker {
    fn next(&mut self) -> Result<&[u8]> {
        self.turn = (self.turn + 1) % self.senders.len();
        Ok(self.senders.get_mut(self.turn).context("nowhere to post")?.1.next())
    }

    /// Whether this was the answer to the post under way.
    fn hear(&mut self, frame: &Frame) -> Result<bool> {
        match frame.kind() {
            kind::OK | kind::ERR => {
                let sender = self.senders.get_mut(self.turn).context("nobody waits for it")?;
                sender.1.answered(frame)?;
                Ok(true)
            }
            kind::MSG => self.heard(&frame.decode()?).map(|()| false),
            _ => Ok(false),
        }
    }

    fn heard(&mut self, message: &Message) -> Result<()> {
        let number = post::number(message).context("a message that nobody posted")?;
        let due = self.heard.entry((message.room, message.from)).or_default();
        if number != *due {
            bail!("post {number} in room {} where {due} was due", message.room);
        }
        *due += 1;
        Ok(())
    }

    fn has_heard(&self, other: &Self) -> bool {
        other.senders.iter().all(|(room, sender)| {
            self.heard.get(&(*room, other.user)).copied().unwrap_or(0) == sender.sent
        })
    }
}
