//! Very many people online at once: the server in this process, and connections in memory, which need
//! no descriptors. What a session weighs, what a login takes, and whether a message costs more when
//! the rest of the world is online as well.

mod pipe;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use liao_common::{
    codec,
    event::{Ping, Synced, UserPage, kind},
    id::Nonce,
    message::{Body, Kind},
    request::{Auth, Request, Send, Sync, Who},
};
use liao_server::{
    config::{Config, Transport as Protection},
    server::{self as liaod, Running},
};
use pipe::{End, Pipe, Tally};

use crate::{
    clock, machine,
    people::{ROOM, prepare},
    play::hello,
    report::{Good, Report, Row, short},
    rig::Output,
    say,
    scribe::token,
    server::{self, Hashing, Server, Transport},
    stats::{Latencies, Mark, Rate},
};

/// People in the room: as many as hear every message without looking at it.
const MEMBERS: u64 = 1000;
/// Logins under way at a time.
const LOG_IN_AT_ONCE: usize = 256;
/// Messages, one after the other: each is heard by all before the next.
const MESSAGES: u64 = 500;
/// Looks at the online list.
const LOOKS: usize = 20;
/// How long one step may take.
const WITHIN: Duration = Duration::from_secs(300);
/// Threads for reading, as in the program `liaod`.
const BLOCKING_THREADS: usize = 16;

/// Options.
#[derive(Args)]
pub(crate) struct Options {
    /// Sessions, each of another person; several numbers are measured one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 100_000], value_parser = clap::value_parser!(u64).range(1000..=1_000_000))]
    sessions: Vec<u64>,
    /// Keep the people in this folder, and take them from there the next time.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's program, which makes the index [default: liaod beside this one].
    #[arg(long, value_name = "FILE")]
    liaod: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What was found with so many sessions.
struct Found {
    sessions: u64,
    fresh_kib: u64,
    resident_kib: u64,
    logins: Rate,
    pings: Rate,
    messages: Rate,
    heard: Latencies,
    looks: Latencies,
    searches: Latencies,
}

impl Options {
    /// Measures, prints the table, writes the file.
    pub(crate) fn run(&self) -> Result<()> {
        let most = self.sessions.iter().copied().max().context("how many sessions?")?;
        let temporary = tempfile::tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| temporary.path().join("liaod"));
        if !data.join("journal").exists() {
            say(&format!("making {most} people"));
            prepare(&data, most, MEMBERS)?;
            let liaod = self.liaod.clone().map_or_else(server::beside, Ok)?;
            Server::start(&liaod, &data, Transport::Plain, Hashing::Least)?.stop()?;
        }
        let mut report = Report::begin()?;
        for &sessions in &self.sessions {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS)
                .build()?;
            for row in runtime.block_on(measure(data.clone(), sessions))?.rows() {
                report.add_at("sessions", sessions, row);
            }
        }
        self.output.finish(report)
    }
}

impl Found {
    fn rows(&self) -> Vec<Row> {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let each = (self.resident_kib - self.fresh_kib) as f64 / self.sessions as f64;
        let row = |what: &str, measured: f64, unit, target, detail| Row {
            what: format!("{} sessions: {what}", short(self.sessions as f64)),
            measured,
            unit,
            target,
            detail,
        };
        let fresh = format!("{:.0} MiB before; {each:.2} KiB for each", mib(self.fresh_kib));
        let ms = |latency: Latencies| latency.p50_us as f64 / 1e3;
        vec![
            row("resident", mib(self.resident_kib), "MiB", Some((4096.0, Good::Low)), fresh),
            row(
                "logins",
                self.logins.per_cpu_s(),
                "/CPU-s",
                None,
                format!("{} /s wall", short(self.logins.per_wall_s())),
            ),
            row("a ping and its pong", self.pings.each_us(), "us CPU", None, String::new()),
            row(
                "a message to a room of 1000",
                self.messages.each_us(),
                "us CPU",
                None,
                format!("heard by all: p50 {:.2} ms", ms(self.heard)),
            ),
            row("the online list opens", ms(self.looks), "ms", None, String::new()),
            row("the online list, by its beginning", ms(self.searches), "ms", None, String::new()),
        ]
    }
}

fn frames(requests: &[Request]) -> Vec<u8> {
    (1..).zip(requests).flat_map(|(rid, request)| request.frame(rid).to_vec()).collect()
}

/// Somebody comes in; what they ask besides is answered before they are.
async fn enter(running: &Running, number: u64, ask: Request) -> Result<(Arc<Pipe>, Synced)> {
    let pipe = Arc::new(Pipe::default());
    running.serve_stream(End(Arc::clone(&pipe)));
    let auth = Auth { mech: "token".into(), token: Some(token(number)), ..Auth::default() };
    pipe.send(&frames(&[hello(), auth.into(), ask]));
    let done = |frames: &[liao_common::frame::Frame]| {
        frames.iter().any(|frame| frame.kind() == kind::SYNCED)
    };
    let (frames, _) = pipe.hears(done).await?;
    let synced = frames.iter().filter(|frame| frame.kind() == kind::OK).nth(2);
    Ok((pipe, synced.context("no answer to sync")?.decode()?))
}

/// Everybody comes in and follows their rooms from where they end.
async fn enter_all(running: &Arc<Running>, sessions: u64) -> Result<Vec<Arc<Pipe>>> {
    let (_, known) = enter(running, 0, Sync::default().into()).await?;
    let cur = known.rooms.iter().map(|room| (room.room, room.head.0)).collect();
    let ask = Sync { epoch: known.epoch, cur };
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for _ in 0..LOG_IN_AT_ONCE {
        let (running, next, ask) = (Arc::clone(running), Arc::clone(&next), ask.clone());
        workers.push(tokio::spawn(async move {
            let mut entered = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= sessions {
                    return anyhow::Ok(entered);
                }
                let (pipe, _) = enter(&running, number, ask.clone().into()).await?;
                // The first one speaks and the second one is asked.
                if number >= 2 {
                    pipe.count(None);
                }
                entered.push((number, pipe));
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await??);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, pipe)| pipe).collect())
}

async fn measure(data: PathBuf, sessions: u64) -> Result<Found> {
    let pid = std::process::id();
    let mut config = Config::new(data, ([127, 0, 0, 1], 0).into());
    config.transport = Protection::Plaintext;
    (config.rules.posts_per_s, config.rules.posts_burst) = (1_000_000, 1_000_000);
    let running = Arc::new(liaod::start(config).await?);
    let fresh_kib = machine::resident_kib(pid)?;
    let mark = Mark::set(pid, 0)?;
    let all = tokio::time::timeout(WITHIN, enter_all(&running, sessions)).await??;
    let logins = mark.until_now(pid, sessions)?;
    let resident_kib = machine::resident_kib(pid)?;
    let pings = tokio::time::timeout(WITHIN, ping_all(&all)).await??;
    let (messages, heard) = tokio::time::timeout(WITHIN, talk(&all)).await??;
    let looks = look(&all, "").await?;
    let searches = look(&all, "load77").await?;
    if all.iter().any(|pipe| pipe.is_closed()) {
        bail!("the server closed a connection");
    }
    drop(all);
    let running = Arc::into_inner(running).context("the server is in use still")?;
    running.stop().await;
    let found = Found {
        sessions,
        fresh_kib,
        resident_kib,
        logins,
        pings,
        messages,
        heard,
        looks,
        searches,
    };
    Ok(found)
}

/// Everybody says that they are there; all answers must come.
async fn ping_all(all: &[Arc<Pipe>]) -> Result<Rate> {
    let tally = Arc::new(Tally::default());
    let asked = &all[2..];
    asked.iter().for_each(|pipe| pipe.count(Some(&tally)));
    let ping = codec::frame(kind::PING, 0, &Ping::default());
    let pong = codec::frame(kind::PONG, 0, &Ping::default());
    let mark = Mark::set(std::process::id(), 0)?;
    asked.iter().for_each(|pipe| pipe.send(&ping));
    tally.reach((pong.len() * asked.len()) as u64).await;
    mark.until_now(std::process::id(), asked.len() as u64)
}

/// The first one speaks; all members hear the same bytes.
async fn talk(all: &[Arc<Pipe>]) -> Result<(Rate, Latencies)> {
    let tally = Arc::new(Tally::default());
    let (speaker, members) = (&all[0], &all[2..usize::try_from(MEMBERS)?]);
    members.iter().for_each(|pipe| pipe.count(Some(&tally)));
    let witness = &all[1];
    let mut times = Vec::new();
    let mark = Mark::set(std::process::id(), 0)?;
    let run: [u8; 8] = blake3::hash(format!("{:?}", clock::now()).as_bytes()).as_bytes()[..8]
        .try_into()
        .context("eight bytes")?;
    for number in 1..=MESSAGES {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&run);
        nonce[8..].copy_from_slice(&number.to_be_bytes());
        let body = Body::text(format!("{number:0100}"));
        let send = Send { room: ROOM, cid: Nonce(nonce), kind: Kind::Text, body };
        let before = (clock::now(), tally.bytes());
        speaker.send(&Request::from(send).frame(number + 10));
        let count = |frames: &[liao_common::frame::Frame], kind: &str| {
            frames.iter().any(|frame| frame.kind() == kind)
        };
        let (_, bytes) = witness.hears(|frames| count(frames, kind::MSG)).await?;
        speaker.hears(|frames| count(frames, kind::OK) && count(frames, kind::MSG)).await?;
        tally.reach(before.1 + bytes * members.len() as u64).await;
        times.push(before.0.elapsed());
    }
    let rate = mark.until_now(std::process::id(), MESSAGES)?;
    let heard = members.first().map(|pipe| pipe.checksum());
    if members.iter().any(|pipe| Some(pipe.checksum()) != heard) {
        bail!("not all members heard the same");
    }
    Ok((rate, Latencies::of(times)))
}

/// Somebody opens the online list, again and again.
async fn look(all: &[Arc<Pipe>], query: &str) -> Result<Latencies> {
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let before = clock::now();
        let ask = Who { query: query.into(), after: None, limit: None };
        all[1].send(&Request::from(ask).frame(7));
        let (answer, _) =
            all[1].hears(|frames| frames.iter().any(|f| f.kind() == kind::OK)).await?;
        let page: UserPage =
            answer.iter().find(|frame| frame.kind() == kind::OK).context("no page")?.decode()?;
        if query.is_empty() && page.total < all.len() as u64 {
            bail!("{} of {} are online", page.total, all.len());
        }
        times.push(before.elapsed());
    }
    Ok(Latencies::of(times))
}
