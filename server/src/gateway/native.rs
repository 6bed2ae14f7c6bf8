//! One task per connection: frames of the wire to and from a session. No second task, no queue of
//! its own: while a write waits nothing is read, and what the rooms have meanwhile waits in them.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use liao_common::{
    codec,
    event::{self, GoAway, kind},
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec, FrameError},
    limits,
    request::{self, Request},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::Instant,
};
use tokio_util::{codec::Decoder as _, sync::CancellationToken};

use super::{
    pipeline::{Pipeline, Slot},
    strangers::Stranger,
    stream,
};
use crate::chat::{
    hub::Hub,
    session::{Ended, Outgoing, Session, Taken},
};

/// From the beginning to the `hello`.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// From the beginning to the login. What is said meanwhile does not prolong it.
const LOGIN_WITHIN: Duration = Duration::from_secs(30);

/// Bytes a connection may send before it has logged in.
const EARLY_BYTES_MAX: usize = 16 * 1024;

/// How long the peer may take to close after us.
const LINGER: Duration = Duration::from_secs(1);

/// Between these, clients come back after a restart, in milliseconds.
const COME_BACK_MS: (u64, u64) = (500, 3000);

/// Why a connection ended, for the log.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The peer went away, with or without a word.
    #[error("the peer closed")]
    Peer,
    /// The server is going down.
    #[error("the server is going down")]
    Shutdown,
    /// Something the peer did, or did not do.
    #[error("{0:?}")]
    Fault(FaultCode),
    /// Frames that are none.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Serves one connection of this machine until it ends.
pub async fn serve<S>(stream: S, hub: Arc<Hub>, shutdown: CancellationToken) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    serve_stranger(stream, hub, shutdown, Stranger::here()).await
}

/// The same for one that counts as a stranger until it logs in.
///
/// The connection is made outside of the future, which would otherwise have room for it twice.
pub(crate) fn serve_stranger<S>(
    stream: S,
    hub: Arc<Hub>,
    shutdown: CancellationToken,
    stranger: Stranger,
) -> impl Future<Output = Closed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = Session::new(hub, stranger.origin());
    let mut connection = Connection::new(stream, session, stranger);
    async move {
        let closed = connection.run(&shutdown).await;
        connection.end(&closed).await;
        closed
    }
}

struct Connection<S> {
    stream: S,
    session: Session,
    codec: FrameCodec,
    incoming: BytesMut,
    outgoing: Outgoing,
    pipeline: Pipeline,
    early_bytes: usize,
    heard: Instant,
    /// Who has not logged in yet counts as one.
    stranger: Option<Stranger>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S, session: Session, stranger: Stranger) -> Self {
        Self {
            stream,
            session,
            codec: FrameCodec::new(limits::FRAME_BYTES_MAX_EARLY),
            incoming: BytesMut::new(),
            outgoing: Outgoing::default(),
            pipeline: Pipeline::default(),
            early_bytes: 0,
            heard: Instant::now(),
            stranger: Some(stranger),
        }
    }

    async fn run(&mut self, shutdown: &CancellationToken) -> Closed {
        loop {
            match self.round(shutdown).await {
                Ok(()) if self.session.is_over() => return Closed::Peer,
                Ok(()) => {}
                Err(closed) => return closed,
            }
        }
    }

    /// Tells what there is to tell, then waits for one thing to happen.
    async fn round(&mut self, shutdown: &CancellationToken) -> Result<(), Closed> {
        self.session.resume();
        self.session
            .collect(&mut self.outgoing)
            .await
            .map_err(|Ended(code)| Closed::Fault(code))?;
        let stopped = self.decode().await?;
        let full = self.outgoing.is_full();
        self.flush().await?;
        if stopped {
            return Err(Closed::Peer);
        }
        if full || self.session.is_over() {
            // With the answers gone, the frames that have arrived can be looked at again.
            return Ok(());
        }
        let reading = self.pipeline.len() < limits::REQUESTS_IN_FLIGHT_MAX
            && self.session.paused_until().is_none();
        let deadline = self.deadline();
        let resume = self.session.paused_until().unwrap_or(deadline).min(deadline);
        let Self { stream, session, incoming, outgoing, pipeline, .. } = self;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(Closed::Shutdown),
            () = pipeline.answers(outgoing) => Ok(()),
            read = stream::read(stream, incoming), if reading => {
                let bytes = read?;
                self.arrived(bytes)
            }
            () = session.wait() => Ok(()),
            () = tokio::time::sleep_until(resume) => self.check_deadline(deadline),
        }
    }

    fn deadline(&self) -> Instant {
        if self.session.is_logged_in() {
            self.heard + Duration::from_millis(limits::SILENCE_MAX_MS)
        } else if self.session.is_welcomed() {
            self.heard + LOGIN_WITHIN
        } else {
            self.heard + HELLO_WITHIN
        }
    }

    fn check_deadline(&mut self, deadline: Instant) -> Result<(), Closed> {
        if Instant::now() < deadline {
            return Ok(());
        }
        Err(Closed::Fault(if self.session.is_logged_in() {
            FaultCode::SlowConsumer
        } else {
            FaultCode::Unauthenticated
        }))
    }

    fn arrived(&mut self, bytes: usize) -> Result<(), Closed> {
        if bytes == 0 {
            return Err(Closed::Peer);
        }
        if self.session.is_logged_in() {
            // Before the login the clock is not set back: the deadline there is an absolute one.
            self.heard = Instant::now();
            return Ok(());
        }
        self.early_bytes += bytes;
        if self.early_bytes > EARLY_BYTES_MAX {
            Err(Closed::Fault(FaultCode::TooLarge))
        } else {
            Ok(())
        }
    }

    /// Starts the requests that have arrived whole. Says whether the peer wants no more.
    async fn decode(&mut self) -> Result<bool, Closed> {
        while self.pipeline.len() < limits::REQUESTS_IN_FLIGHT_MAX
            && self.session.paused_until().is_none()
            && !self.outgoing.is_full()
        {
            let Some(frame) = self.codec.decode(&mut self.incoming)? else { break };
            let taken = self.session.take(&frame);
            self.wipe(frame);
            match taken {
                Taken::Nothing => {}
                Taken::Write(bytes) => self.pipeline.push(Slot::Ready(bytes)),
                Taken::Later(answer) => self.pipeline.push(Slot::Waiting(answer)),
                Taken::Data(data) => {
                    Box::pin(self.session.receive(data, &mut self.outgoing)).await;
                }
                Taken::Alone(rid, request) => self.serve_alone(rid, request).await,
                Taken::Close(last) => {
                    self.finish_pipeline().await;
                    last.into_iter().for_each(|bytes| self.outgoing.push(bytes));
                    return Ok(true);
                }
            }
            if self.session.is_over() {
                break;
            }
        }
        if self.incoming.is_empty() {
            // An idle connection holds no buffer.
            self.incoming = BytesMut::new();
        }
        Ok(false)
    }

    /// Leaves no password in the buffer. What came behind it moves to another one.
    fn wipe(&mut self, frame: Frame) {
        if request::holds_secret(frame.kind()) {
            self.incoming = BytesMut::from(&self.incoming[..]);
            frame.wipe();
        }
    }

    async fn serve_alone(&mut self, rid: u64, request: Box<Request>) {
        self.finish_pipeline().await;
        let before = self.session.is_logged_in();
        // Boxed: a login's future is large, and a connection spends its life elsewhere.
        Box::pin(self.session.serve(rid, *request, &mut self.outgoing)).await;
        if self.session.is_logged_in() && !before {
            self.codec.allow(limits::FRAME_BYTES_MAX);
            self.heard = Instant::now();
            if let Some(mut stranger) = self.stranger.take() {
                stranger.logs_in();
            }
        }
    }

    /// Waits for all requests under way.
    async fn finish_pipeline(&mut self) {
        while self.pipeline.len() > 0 {
            self.pipeline.answers(&mut self.outgoing).await;
        }
    }

    async fn flush(&mut self) -> Result<(), Closed> {
        if !self.outgoing.frames.is_empty() {
            stream::write_all(&mut self.stream, &mut self.outgoing.frames).await?;
            self.outgoing.clear();
        }
        Ok(())
    }

    /// Says why, where there is somebody to hear it, and lets go.
    async fn end(&mut self, closed: &Closed) {
        if matches!(closed, Closed::Fault(FaultCode::AuthRevoked)) {
            self.session.end_politely();
        }
        if let Some(last) = last_words(closed) {
            self.finish_pipeline().await;
            self.outgoing.push(last);
        } else {
            // What is left over did not get through; waiting for that once is enough.
            self.outgoing.clear();
        }
        if self.flush().await.is_ok() {
            drop(tokio::time::timeout(LINGER, self.stream.shutdown()).await);
        }
    }
}

fn last_words(closed: &Closed) -> Option<Bytes> {
    let goaway = |why: FaultCode, (min_ms, max_ms)| {
        codec::frame(kind::GOAWAY, 0, &GoAway { why: why.as_str().into(), min_ms, max_ms })
    };
    match closed {
        Closed::Peer | Closed::Io(_) => None,
        Closed::Shutdown => Some(goaway(FaultCode::ShuttingDown, COME_BACK_MS)),
        Closed::Fault(code) => Some(goaway(*code, (0, 0))),
        Closed::Frame(error) => {
            let code = if matches!(error, FrameError::Length { .. }) {
                FaultCode::TooLarge
            } else {
                FaultCode::BadRequest
            };
            Some(event::err(0, &Fault::new(code, error.to_string()).fatal()))
        }
    }
}
