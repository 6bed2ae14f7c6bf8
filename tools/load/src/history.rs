//! What a long history costs: starts after every kind of stop, the last page of any room, paging far
//! back, room on the disk and in memory.

pub(crate) mod prepare;

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    event::Page,
    frame::Frame,
    id::{Nonce, RoomId, Seq},
    limits::PAGE_MESSAGES_MAX,
    message::{Body, Kind},
    request::{History, Request, Send},
};
use prepare::Plan;

use crate::{
    clock::{self, Deadline},
    crowd::{LOG_IN_AT_ONCE, Person},
    dice::Dice,
    machine,
    play::{Script, play, settle},
    post,
    report::{Report, Row, short},
    rig::{Output, Rig},
    server::Server,
    stats::Latencies,
    suite::times,
    swarm::Swarm,
};

/// Rooms that are opened, one after the other.
const OPENINGS: u64 = 5000;
/// Messages in such a room's page.
const OPENING_MESSAGES: u32 = 50;
/// How long paging through one room may take.
const PAGING_WITHIN: Duration = Duration::from_secs(200);

/// Options.
#[derive(Args)]
pub(crate) struct Histories {
    /// Messages of the histories, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000], value_parser = clap::value_parser!(u64).range(1000..=20_000_000))]
    messages: Vec<u64>,
    /// Rooms of a history; at most a fiftieth of its messages.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rooms: u64,
    #[command(flatten)]
    rig: Rig,
    #[command(flatten)]
    output: Output,
}

impl Histories {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        machine::raise_descriptors()?;
        let (liaod, folder) = (self.rig.liaod()?, self.rig.folder()?);
        let mut report = Report::begin()?;
        for &messages in &self.messages {
            let rooms = self.rooms.min(messages / 50);
            let data = folder.path().join(format!("history{messages}"));
            let found = measure(&liaod, &data, rooms, messages)?;
            for row in found.rows(rooms, messages) {
                // A rate is no cost.
                match row.unit.ends_with("/s") {
                    true => report.add(row),
                    false => report.add_at("messages of history", messages, row),
                }
            }
        }
        self.output.finish(report)
    }
}

/// A start: how long until connections are taken, and what is resident then.
#[derive(Clone, Copy, Debug)]
struct Start {
    took: Duration,
    resident_kib: u64,
}

/// What was found.
struct Found {
    /// From the journal alone.
    rebuilt: Start,
    /// After a clean stop.
    clean: Start,
    /// After a kill behind posts that were just acknowledged.
    killed: Start,
    /// How long the clean stop took.
    stop: Duration,
    /// The last messages of any room.
    opening: Latencies,
    /// Pages of the big room, the newest first.
    paging: Latencies,
    /// Messages in them, and how long they took together.
    paged: (u64, Duration),
    /// Resident after all that.
    resident_kib: u64,
    /// Bytes on the disk.
    journal_bytes: u64,
    /// The same of the index.
    index_bytes: u64,
}

impl Found {
    fn rows(&self, rooms: u64, messages: u64) -> Vec<Row> {
        let of = format!("{} messages in {} rooms", short(messages as f64), short(rooms as f64));
        let mib = |kib: u64| kib as f64 / 1024.0;
        let row =
            |what: &str, measured, detail| Row::found(format!("{of}: {what}"), measured, detail);
        let start = |what: &str, start: Start| {
            let detail = format!("{:.0} MiB resident then", mib(start.resident_kib));
            row(what, (start.took.as_secs_f64(), "s"), detail)
        };
        let (count, took) = self.paged;
        let seconds = took.as_secs_f64();
        let paging = format!("{count} messages in {seconds:.1} s; a page {}", times(self.paging));
        let each = |bytes: u64| bytes as f64 / messages as f64;
        let (journal, index) = (each(self.journal_bytes), each(self.index_bytes));
        let disk = format!("journal {journal:.0}, index {index:.0}; 100 bytes of text each");
        vec![
            start("start, making the index anew", self.rebuilt),
            start("start after a clean stop", self.clean),
            start("start after a kill", self.killed),
            row("clean stop", (self.stop.as_secs_f64(), "s"), String::new()),
            row(
                "the last 50 of any room, p99",
                (self.opening.p99_us as f64 / 1e3, "ms"),
                times(self.opening),
            ),
            row("paging back", (count as f64 / seconds, "messages/s"), paging),
            row("resident after reading", (mib(self.resident_kib), "MiB"), String::new()),
            row("disk per message", (journal + index, "bytes"), disk),
        ]
    }
}

/// Measures with a data folder of this size, which is made in `data` and removed again.
fn measure(liaod: &Path, data: &Path, rooms: u64, messages: u64) -> Result<Found> {
    let plan = Plan { rooms, messages };
    let people = prepare::prepare(data, plan)?;
    let (server, rebuilt) = start(liaod, data)?;
    let at = clock::now();
    server.stop()?;
    let stop = at.elapsed();
    let (server, clean) = start(liaod, data)?;
    let mut readers = Readers::log_in(&server, &people)?;
    let opening = readers.open_rooms(plan)?;
    let (paging, paged) = readers.page_back(plan)?;
    let resident_kib = server.resident_kib()?;
    readers.post(1000)?;
    drop(readers);
    // Without a word, as a kill does.
    drop(server);
    let (server, killed) = start(liaod, data)?;
    server.stop()?;
    let (journal_bytes, index_bytes) =
        (on_disk(&data.join("journal"))?, on_disk(&data.join("index"))?);
    fs::remove_dir_all(data)?;
    Ok(Found {
        rebuilt,
        clean,
        killed,
        stop,
        opening,
        paging,
        paged,
        resident_kib,
        journal_bytes,
        index_bytes,
    })
}

fn start(liaod: &Path, data: &Path) -> Result<(Server, Start)> {
    let (server, took) = Server::start_timed(liaod, data)?;
    let resident_kib = server.resident_kib()?;
    Ok((server, Start { took, resident_kib }))
}

/// Bytes that the disk gives for a folder's files.
fn on_disk(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { on_disk(&entry.path())? } else { meta.blocks() * 512 };
    }
    Ok(bytes)
}

/// One connection for each person.
struct Readers {
    swarm: Swarm,
    links: Vec<usize>,
    rid: u64,
}

impl Readers {
    fn log_in(server: &Server, people: &[Person]) -> Result<Self> {
        let mut swarm = Swarm::new()?;
        let script = |person: &Person| Script { link: None, ask: person.comes(), leave: false };
        let scripts = people.iter().map(script).collect();
        let played = play(&mut swarm, server, scripts, LOG_IN_AT_ONCE)?;
        settle(&mut swarm)?;
        let links = played.iter().map(|played| played.link).collect();
        Ok(Self { swarm, links, rid: 10 })
    }

    /// Opens rooms at random, as people do: their newest messages.
    fn open_rooms(&mut self, plan: Plan) -> Result<Latencies> {
        let mut dice = Dice(2);
        let mut times = Vec::new();
        for _ in 0..OPENINGS {
            let room = Plan::room(dice.below(plan.rooms) as u64);
            let before = clock::now();
            let page = self.page(room, None, OPENING_MESSAGES)?;
            times.push(before.elapsed());
            check(room, &page.msgs.iter().map(|said| said.seq).collect::<Vec<_>>())?;
        }
        Ok(Latencies::of(times))
    }

    /// Reads the whole big room, page by page from its end.
    fn page_back(&mut self, plan: Plan) -> Result<(Latencies, (u64, Duration))> {
        let limit = u32::try_from(PAGE_MESSAGES_MAX)?;
        let deadline = Deadline::within(PAGING_WITHIN);
        let (mut times, mut before, mut count) = (Vec::new(), None, 0);
        let begun: Instant = clock::now();
        loop {
            let asked = clock::now();
            let page = self.page(Plan::BIG, before, limit)?;
            times.push(asked.elapsed());
            count += page.msgs.len() as u64;
            let seqs: Vec<Seq> = page.msgs.iter().map(|said| said.seq).collect();
            check(Plan::BIG, &seqs)?;
            let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
                bail!("an empty page of the big room")
            };
            if before.is_some_and(|before| last.next() != before) {
                bail!("the page before {before:?} ends at {last}");
            }
            if !page.more {
                break;
            }
            before = Some(*first);
            deadline.check("paging through the big room")?;
        }
        let took = begun.elapsed();
        if count != plan.messages.div_ceil(5) {
            bail!("{count} messages in the big room");
        }
        Ok((Latencies::of(times), (count, took)))
    }

    /// Posts that are acknowledged: what the index lacks at the next start, if it is killed now.
    fn post(&mut self, count: u64) -> Result<()> {
        for number in 0..count {
            let cid = Nonce(((1 << 64) | u128::from(number)).to_be_bytes());
            let body = Body::text(post::text(number));
            let send = Send { room: Plan::BIG, cid, kind: Kind::Text, body };
            self.ask(Plan::owner(Plan::BIG), &send.into())?;
        }
        Ok(())
    }

    fn page(&mut self, room: RoomId, before: Option<Seq>, limit: u32) -> Result<Page> {
        let ask = History { room, before, limit: Some(limit), ..History::default() };
        Ok(self.ask(Plan::owner(room), &ask.into())?.decode()?)
    }

    fn ask(&mut self, reader: usize, ask: &Request) -> Result<Frame> {
        let link = *self.links.get(reader).context("nobody may read this room")?;
        self.rid += 1;
        self.swarm.send(link, &ask.frame(self.rid))?;
        let deadline = Deadline::within(Duration::from_secs(30));
        loop {
            for ready in self.swarm.wait(1000)? {
                let frames = self.swarm.frames(ready)?;
                if let Some(answer) = frames.into_iter().find(|frame| frame.rid == self.rid) {
                    return Ok(answer);
                }
            }
            deadline.check("an answer")?;
        }
    }
}

/// A page is without gaps.
fn check(room: RoomId, seqs: &[Seq]) -> Result<()> {
    match seqs.windows(2).all(|pair| pair[0].next() == pair[1]) {
        true => Ok(()),
        false => bail!("the page of room {room} has a gap: {seqs:?}"),
    }
}
