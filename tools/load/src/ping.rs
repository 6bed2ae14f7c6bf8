//! How long the answer to a ping takes while the same person fetches a large file over a slow line: on the
//! connection they talk on, and on the one that the file comes over.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::BytesMut;
use clap::Args;
use liao_common::{
    codec,
    event::{FileAck, FileData, FileFound, FileOpened, FileStored, Ping, kind},
    frame::{Frame, FrameCodec},
    id::{FileId, Hash, RoomId},
    limits::{CHUNK_BYTES, FRAME_BYTES_MAX, PROTOCOL_VERSION, WINDOW_BYTES},
    request::{FileDone, FileGet, FileOpen, Hello, Request},
};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde::de::DeserializeOwned;
use tokio_util::codec::Decoder as _;

use crate::{
    clock::{self, Deadline},
    crowd::Person,
    server::Server,
    stats::Latencies,
    suite::times,
    trial::{Scene, Trial},
};

/// Time between two pings on one connection.
const PING_EVERY: Duration = Duration::from_millis(100);

/// How long pings are measured while nothing else happens.
const IDLE_FOR: Duration = Duration::from_secs(5);

/// Bytes of the system's buffer in which pieces of the file arrive: a slow line holds little.
const BUFFER_BYTES: usize = 32 * 1024;

/// Bytes that are read at a time.
const SIP_BYTES: usize = 4096;

/// Bytes after which a download is acknowledged.
const ACK_BYTES: u64 = WINDOW_BYTES / 8;

/// How long one read may wait.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long an answer, or what is left of a download, may take.
const WITHIN: Duration = Duration::from_secs(120);

/// Options.
#[derive(Args)]
pub(crate) struct PingTrial {
    /// MiB of the file.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=99))]
    file_mib: u64,
    /// Mbit a second of the line; 0 where it is slow by itself.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=1000))]
    line_mbit: u64,
    #[command(flatten)]
    trial: Trial,
}

impl PingTrial {
    pub(crate) fn run(&self) -> Result<()> {
        self.trial.run(|scene| self.measure(scene))
    }

    fn measure(&self, scene: &mut Scene) -> Result<()> {
        let person = scene.register(1)?.pop().context("nobody")?;
        let server = scene.server()?;
        let mut chat = Raw::enter(&server, &person, None)?;
        let mut data = Raw::enter(&server, &person, Some("data"))?;
        let until = clock::now() + IDLE_FOR;
        while clock::now() < until {
            chat.pings()?;
            chat.takes(SIP_BYTES)?;
        }
        let idle = Latencies::of(std::mem::take(&mut chat.times));
        let file = data.upload(self.file_mib << 20)?;
        let over = if self.line_mbit == 0 {
            data.download(file, None, &mut chat)?;
            format!("{} MiB", self.file_mib)
        } else {
            set_socket_recv_buffer_size(&data.stream, BUFFER_BYTES)?;
            data.download(file, Some(self.line_mbit * 1_000_000 / 8), &mut chat)?;
            format!("{} MiB over {} Mbit/s", self.file_mib, self.line_mbit)
        };
        server.stop()?;
        let (beside, own) = (Latencies::of(chat.times), Latencies::of(data.times));
        // What a line holds by itself is not the server's.
        let most_there = (self.line_mbit > 0).then_some(250.0);
        for (what, found, most) in [
            ("ping, nothing else happens: p99".to_owned(), idle, None),
            (format!("ping beside a download of {over}: p99"), beside, Some(250.0)),
            (format!("ping on the connection of that download, {over}: p99"), own, most_there),
        ] {
            scene.add(&what, (found.p99_us as f64 / 1e3, "ms"), most, times(found));
        }
        Ok(())
    }
}

/// One connection, in plain text, read as slowly as is wished.
struct Raw {
    stream: TcpStream,
    incoming: BytesMut,
    rid: u64,
    pinged: Option<Instant>,
    due: Instant,
    /// How long the answers to pings took.
    times: Vec<Duration>,
}

impl Raw {
    fn enter(server: &Server, person: &Person, role: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(server.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (incoming, due) = (BytesMut::new(), clock::now());
        let mut raw = Self { stream, incoming, rid: 0, pinged: None, due, times: Vec::new() };
        let v = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        let role = role.map(str::to_owned);
        raw.asks::<liao_common::event::Welcome>(Hello {
            v,
            caps: Vec::new(),
            agent: "liao-load".into(),
            role,
        })?;
        raw.asks::<liao_common::event::Session>(person.log_in())?;
        Ok(raw)
    }

    /// Asks, and waits for the answer; what else comes meanwhile is dropped.
    fn asks<T: DeserializeOwned>(&mut self, ask: impl Into<Request>) -> Result<T> {
        self.rid += 1;
        self.stream.write_all(&ask.into().frame(self.rid))?;
        let deadline = Deadline::within(WITHIN);
        loop {
            for frame in self.takes(CHUNK_BYTES)?.1 {
                if frame.rid == self.rid {
                    ensure!(
                        frame.kind() == kind::OK,
                        "refused: {:?}",
                        frame.decode::<liao_common::fault::Fault>()
                    );
                    return Ok(frame.decode()?);
                }
            }
            deadline.check("an answer")?;
        }
    }

    /// Pings when it is time and the last one was answered.
    fn pings(&mut self) -> Result<()> {
        let now = clock::now();
        if self.pinged.is_none() && self.due <= now {
            (self.pinged, self.due) = (Some(now), now + PING_EVERY);
            self.stream.write_all(&codec::frame(kind::PING, 0, &Ping { n: 1 }))?;
        }
        Ok(())
    }

    /// Reads so much at the most; gives how much it was, and the whole frames.
    fn takes(&mut self, bytes_max: usize) -> Result<(usize, Vec<Frame>)> {
        let mut space = [0; CHUNK_BYTES];
        let space = &mut space[..bytes_max.min(CHUNK_BYTES)];
        let bytes = match self.stream.read(space) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(error) => return Err(error.into()),
        };
        self.incoming.extend_from_slice(&space[..bytes]);
        let mut codec = FrameCodec::new(FRAME_BYTES_MAX);
        let mut frames = Vec::new();
        while let Some(frame) = codec.decode(&mut self.incoming)? {
            if frame.kind() == kind::PONG {
                self.times.extend(self.pinged.take().map(|since| since.elapsed()));
            }
            frames.push(frame);
        }
        Ok((bytes, frames))
    }

    /// Puts a file of so many bytes on the server.
    fn upload(&mut self, size: u64) -> Result<FileId> {
        let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let b3 = Hash(blake3::hash(&content).into());
        let (room, name) = (RoomId::LOBBY, "large".to_owned());
        let FileOpened { x, .. } =
            self.asks(FileOpen { room, size, b3, name, media: String::new() })?;
        let (mut at, mut acked) = (0, 0);
        let deadline = Deadline::within(WITHIN);
        while acked < content.len() {
            while at < content.len() && at + CHUNK_BYTES <= acked + WINDOW_BYTES as usize {
                let piece = &content[at..content.len().min(at + CHUNK_BYTES)];
                let data = FileData { x, o: at as u64, d: piece.to_vec() };
                self.stream.write_all(&codec::frame(kind::FDAT, 0, &data))?;
                at += piece.len();
            }
            for frame in self.takes(CHUNK_BYTES)?.1 {
                if frame.kind() == kind::FACK {
                    acked = usize::try_from(frame.decode::<FileAck>()?.o)?;
                }
            }
            deadline.check("an upload")?;
        }
        Ok(self.asks::<FileStored>(FileDone { x })?.fid)
    }

    /// Fetches a file, at this pace if there is one, while both connections ping.
    fn download(&mut self, fid: FileId, bytes_per_s: Option<u64>, chat: &mut Self) -> Result<()> {
        let FileFound { x, size, .. } = self.asks(FileGet { fid, off: 0 })?;
        let (mut got, mut acked, mut read) = (0, 0, 0_u128);
        let started = clock::now();
        let deadline = Deadline::within(WITHIN);
        while got < size {
            deadline.check("a download")?;
            self.pings()?;
            chat.pings()?;
            chat.takes(SIP_BYTES)?;
            let came = |pace| started.elapsed().as_micros() * u128::from(pace) / 1_000_000 - read;
            let allowed = bytes_per_s.map_or(CHUNK_BYTES as u128, came);
            if allowed < SIP_BYTES as u128 {
                continue;
            }
            let (bytes, frames) = self.takes(usize::try_from(allowed)?)?;
            read += bytes as u128;
            for frame in frames.iter().filter(|frame| frame.kind() == kind::FDAT) {
                got += frame.decode::<FileData>()?.d.len() as u64;
            }
            if got >= acked + ACK_BYTES || got == size {
                acked = got;
                self.stream.write_all(&codec::frame(kind::FACK, 0, &FileAck { x, o: got }))?;
            }
        }
        Ok(())
    }
}
