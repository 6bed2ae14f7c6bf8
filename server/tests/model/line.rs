//! One connection of one person, spoken by hand: frames out, frames in, and what was pushed meanwhile.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use liao_common::{
    event::{self, Session, kind},
    fault::Fault,
    frame::{Frame, FrameCodec},
    id::{RoomId, Seq},
    limits,
    message::Message,
    request::{Auth, Hello, Register, Request, Secret, Sync},
};
use liao_server::{chat::hub::Hub, gateway::native};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{codec::Decoder as _, sync::CancellationToken};

use crate::words::Entry;

/// Simulated time in which everything has been told that is to be told.
const CALM: Duration = Duration::from_millis(50);

/// Simulated time after which an answer does not come any more.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Bytes on their way in each direction.
const PIPE_BYTES: usize = 1 << 18;

/// See the module.
pub(crate) struct Line {
    stream: DuplexStream,
    codec: FrameCodec,
    buffer: BytesMut,
    last_rid: u64,
    events: Vec<Frame>,
    serving: JoinHandle<()>,
}

/// A closed line is served no longer, even by a server that was killed.
impl Drop for Line {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn secret() -> Secret {
    Secret("correct horse battery staple".into())
}

impl Line {
    /// A connection that was introduced.
    pub(crate) async fn new(hub: &Arc<Hub>) -> Self {
        let (stream, far) = tokio::io::duplex(PIPE_BYTES);
        let serving = native::serve(far, Arc::clone(hub), CancellationToken::new());
        let serving = tokio::spawn(async move { drop(serving.await) });
        let codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        let (buffer, events) = (BytesMut::new(), Vec::new());
        let mut line = Self { stream, codec, buffer, last_rid: 0, events, serving };
        let v = (limits::PROTOCOL_VERSION, limits::PROTOCOL_VERSION);
        let hello = Hello { v, caps: Vec::new(), agent: "model/1".into(), role: None };
        line.asks::<event::Welcome>(hello).await.unwrap();
        line
    }

    pub(crate) async fn registers(&mut self, name: &str) -> Result<Session, Fault> {
        let (user, name) = (name.to_owned(), name.to_owned());
        let dev_name = String::new();
        self.asks(Register { user, name, secret: secret(), dev_name, invite: None }).await
    }

    /// Nothing is kept of the login.
    pub(crate) async fn logs_in(&mut self, name: &str) -> Session {
        self.logs_in_on(name, "").await
    }

    /// Logs in on a new device.
    pub(crate) async fn logs_in_on(&mut self, name: &str, device: &str) -> Session {
        let (user, secret) = (Some(name.to_owned()), Some(secret()));
        let (mech, dev_name) = ("password".to_owned(), device.to_owned());
        self.asks(Auth { mech, user, secret, dev_name, token: None }).await.unwrap()
    }

    pub(crate) async fn syncs(&mut self, epoch: String, cur: Vec<(RoomId, Seq)>) -> event::Synced {
        self.asks(Sync { epoch, cur }).await.unwrap()
    }

    pub(crate) async fn writes(&mut self, request: impl Into<Request>) -> u64 {
        self.last_rid += 1;
        self.stream.write_all(&request.into().frame(self.last_rid)).await.unwrap();
        self.last_rid
    }

    /// Asks and waits for the answer; what comes before it is kept.
    pub(crate) async fn asks<T: DeserializeOwned>(
        &mut self,
        request: impl Into<Request>,
    ) -> Result<T, Fault> {
        let rid = self.writes(request).await;
        loop {
            let next = timeout(ANSWER_WITHIN, self.next()).await.expect("an answer comes");
            let frame = next.expect("an answer before the end");
            match (frame.kind(), frame.rid) {
                (kind::OK, of) if of == rid => return Ok(frame.decode().unwrap()),
                (kind::ERR, of) if of == rid => return Err(frame.decode().unwrap()),
                _ => self.events.push(frame),
            }
        }
    }

    /// Everything that was pushed since the last time, up to what is waited for.
    pub(crate) async fn hears(&mut self, wanted: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        while !self.events.last().is_some_and(&wanted) {
            let next = timeout(ANSWER_WITHIN, self.next()).await.expect("it comes");
            self.events.push(next.expect("it comes before the end"));
        }
        std::mem::take(&mut self.events)
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer).unwrap() {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// All messages that were pushed since the last time, room by room, each in the order it came.
    pub(crate) async fn pushed(&mut self) -> Vec<(u64, Entry)> {
        sleep(CALM).await;
        while let Ok(Some(frame)) = timeout(Duration::from_millis(1), self.next()).await {
            self.events.push(frame);
        }
        let events = std::mem::take(&mut self.events);
        let messages = events.iter().filter(|frame| frame.kind() == kind::MSG);
        let mut pushed: Vec<(u64, Entry)> = messages
            .map(|frame| frame.decode::<Message>().unwrap())
            .map(|message| (message.room.0, Entry::from(&message)))
            .collect();
        pushed.sort_by_key(|(room, _)| *room);
        pushed
    }
}
