//! Frames on one stream, whatever carries it. Owns the bytes on their way in and out; writing goes
//! on while reading waits, so that two full sides cannot lock each other.

use std::{io, time::Duration};

use bytes::BytesMut;
use liao_common::{
    codec::{self, DecodeError},
    event::{Empty, Event, Ping, Welcome, kind},
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec, FrameError},
    limits,
    request::Hello,
};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    time::timeout,
};
use tokio_util::codec::Decoder;

use crate::{
    answer::{Answer, Answered},
    dial::Stream,
};

/// Time for each step of the login, in milliseconds. Hashing a password in a queue takes a while.
pub const STEP_TIMEOUT_MS: u64 = 30_000;

/// Bytes that wait to be written. From then on nothing is read and nothing new is asked: who sends
/// pings and never takes the answers must not fill the memory.
pub(crate) const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the longest frames that a server may announce it will send.
const FRAME_BYTES_LAST: usize = 4 * 1024 * 1024;

/// How a TLS server begins to say that it did not understand.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Events that may come before the answer one waits for.
const EARLY_EVENTS_MAX: usize = 1024;

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The stream broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The other side closed it.
    #[error("the connection was closed")]
    Eof,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The server refused the request that was waited for.
    #[error(transparent)]
    Refused(Fault),
    /// The server says goodbye.
    #[error("the server says goodbye: {}", .0.why)]
    GoAway(liao_common::event::GoAway),
    /// The other side wants encryption.
    #[error("the server encrypts")]
    Encrypted,
    /// It is not this protocol.
    #[error("the server does not speak the protocol: {0}")]
    Protocol(String),
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::Io(error),
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// Frames on one stream.
pub struct Connection {
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    codec: FrameCodec,
    input: BytesMut,
    output: BytesMut,
    flushed: bool,
    last_rid: u64,
    early: Vec<Event>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({} bytes to write)", self.output.len())
    }
}

impl Connection {
    /// A connection over a fresh stream.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            codec: FrameCodec::new(limits::FRAME_BYTES_MAX),
            input: BytesMut::new(),
            output: BytesMut::new(),
            flushed: true,
            last_rid: 0,
            early: Vec::new(),
        }
    }

    /// Puts a whole frame into the output.
    pub fn push(&mut self, frame: &[u8]) {
        self.output.extend_from_slice(frame);
        self.flushed = false;
    }

    /// Puts an event into the output.
    pub fn push_event<T: Serialize>(&mut self, kind: &str, body: &T) {
        self.push(&codec::frame(kind, 0, body));
    }

    /// A number for the next request of this connection.
    pub const fn next_rid(&mut self) -> u64 {
        self.last_rid += 1;
        self.last_rid
    }

    /// Bytes that are not written yet.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Writes, and reads the next frame if `read` is set and there is room for what it makes this
    /// side say. `None`: something was written. May be dropped at any time without loss. Without
    /// anything to write or read it waits for ever.
    ///
    /// # Errors
    /// See [`ConnectionError`]; the connection is of no use afterwards.
    pub async fn step(&mut self, read: bool) -> Result<Option<Frame>, ConnectionError> {
        let read = read && self.output.len() < OUTPUT_BYTES_MAX;
        if read && let Some(frame) = self.cut_frame()? {
            return Ok(Some(frame));
        }
        let write = !(self.output.is_empty() && self.flushed);
        if !(read || write) {
            return std::future::pending().await;
        }
        tokio::select! {
            // Writing first: what there is to write has an end, what comes in may have none.
            biased;
            flushed = write_some(&mut self.writer, &mut self.output), if write => {
                self.flushed = flushed?;
            }
            count = self.reader.read_buf(&mut self.input), if read => {
                if count? == 0 {
                    return Err(ConnectionError::Eof);
                }
            }
        }
        if read { self.cut_frame() } else { Ok(None) }
    }

    /// The next frame, if it has been read already.
    pub(crate) fn frame_here(&mut self) -> Result<Option<Frame>, ConnectionError> {
        self.cut_frame()
    }

    fn cut_frame(&mut self) -> Result<Option<Frame>, ConnectionError> {
        let is_alert = self.input.starts_with(&TLS_ALERT);
        self.codec.decode(&mut self.input).map_err(|error| {
            // No frame begins like that: it would be far above every limit.
            if is_alert { ConnectionError::Encrypted } else { error.into() }
        })
    }

    /// Writes all there is to write.
    ///
    /// # Errors
    /// See [`ConnectionError`].
    pub async fn drain(&mut self) -> Result<(), ConnectionError> {
        while !(self.output.is_empty() && self.flushed) {
            self.step(false).await?;
        }
        Ok(())
    }

    /// Asks and waits for the answer; events that come before it are kept for `take_early`. For
    /// connections on which nothing else is asked meanwhile.
    ///
    /// # Errors
    /// See [`ConnectionError`]; [`ConnectionError::Refused`] leaves the connection usable.
    pub async fn ask<R: Answered>(&mut self, request: R) -> Result<R::Answer, ConnectionError> {
        let rid = self.next_rid();
        self.push(&request.into().frame(rid));
        let limit = Duration::from_millis(STEP_TIMEOUT_MS);
        let frame = timeout(limit, self.answer_to(rid)).await;
        let frame = frame.map_err(|_| ConnectionError::Timeout)??;
        let answer = Answer::decode(R::KIND, &frame)?;
        R::pick(answer).ok_or_else(|| DecodeError::Shape.into())
    }

    /// Events that came while an answer was waited for, in order.
    pub fn take_early(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.early)
    }

    /// Introduces this program. `data` is for connections that only move files.
    ///
    /// # Errors
    /// See [`ConnectionError`].
    pub async fn hello(&mut self, agent: &str, data: bool) -> Result<Welcome, ConnectionError> {
        let welcome = self.ask(Hello {
            v: (limits::PROTOCOL_VERSION, limits::PROTOCOL_VERSION),
            caps: Vec::new(),
            agent: agent.to_owned(),
            role: data.then(|| "data".to_owned()),
        });
        let welcome: Welcome = welcome.await?;
        if welcome.v != limits::PROTOCOL_VERSION {
            let fault = Fault::new(FaultCode::Unsupported, "a version that was not offered");
            return Err(ConnectionError::Refused(fault));
        }
        // A server may send longer frames than this program does, if it says so.
        let frame = usize::try_from(welcome.limits.frame).unwrap_or(FRAME_BYTES_LAST);
        self.codec.allow(frame.clamp(limits::FRAME_BYTES_MAX, FRAME_BYTES_LAST));
        Ok(welcome)
    }

    /// Says goodbye and closes.
    pub async fn close(mut self) {
        self.push_event(kind::BYE, &Empty {});
        // The other side may be gone already; then there is nobody to say it to.
        let _ = timeout(Duration::from_secs(1), async {
            self.drain().await?;
            self.writer.shutdown().await.map_err(ConnectionError::from)
        })
        .await;
    }

    async fn answer_to(&mut self, rid: u64) -> Result<Frame, ConnectionError> {
        loop {
            let Some(frame) = self.step(true).await? else { continue };
            match (frame.kind(), frame.rid) {
                (kind::OK, number) if number == rid => return Ok(frame),
                (kind::ERR, number) if number == rid || number == 0 => {
                    return Err(ConnectionError::Refused(frame.decode()?));
                }
                (_, 0) => self.early_event(&frame)?,
                _ => {}
            }
        }
    }

    fn early_event(&mut self, frame: &Frame) -> Result<(), ConnectionError> {
        match Event::decode(frame)? {
            Some(Event::Ping(ping)) => self.pong(ping),
            Some(Event::GoAway(away)) => return Err(ConnectionError::GoAway(away)),
            Some(event) if self.early.len() < EARLY_EVENTS_MAX => self.early.push(event),
            Some(_) => return Err(ConnectionError::Protocol("too many events".to_owned())),
            None => {}
        }
        Ok(())
    }

    /// Answers a ping.
    pub fn pong(&mut self, ping: Ping) {
        self.push_event(kind::PONG, &ping);
    }
}

/// Writes a part of `output`, or flushes when all is written and says so. Flushing a TLS stream
/// costs a call, so it is done once per output.
async fn write_some(writer: &mut WriteHalf<Stream>, output: &mut BytesMut) -> io::Result<bool> {
    if output.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    match writer.write_buf(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests;
