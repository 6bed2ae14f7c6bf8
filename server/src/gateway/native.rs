//! One task per connection: frames of the wire to and from a session. No second task, no queue of
//! its own: while a write waits nothing is read, and what the rooms have meanwhile waits in them.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

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
    sync::futures::Notified,
    time::{Instant, Sleep},
};
use tokio_util::{codec::Decoder as _, sync::CancellationToken};

use super::{
    pipeline::{Pipeline, Slot},
    stop::Stop,
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

impl From<Ended> for Closed {
    fn from(Ended(code): Ended) -> Self {
        Self::Fault(code)
    }
}

/// Serves one connection of this machine until it ends.
pub async fn serve<S>(stream: S, hub: Arc<Hub>, shutdown: CancellationToken) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stop = Arc::new(Stop::default());
    let mut served =
        pin!(serve_stranger(stream, hub, Arc::clone(&stop), Stranger::here(), |closed| closed));
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {
            stop.say_goodbye();
            served.await
        }
        closed = &mut served => closed,
    }
}

/// The same for one that counts as a stranger until it logs in. What it ended with is handed on.
///
/// The connection is made outside of the future, which would otherwise have room for it twice.
pub(crate) fn serve_stranger<S, T>(
    stream: S,
    hub: Arc<Hub>,
    stop: Arc<Stop>,
    stranger: Stranger,
    end: impl FnOnce(Closed) -> T,
) -> impl Future<Output = T>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = Session::new(hub, stranger.origin());
    let mut connection = Connection::new(stream, session, stranger);
    // One future, and no other within but in a box: what it has room for, every connection holds.
    async move {
        let closed = {
            // One timer for all: mostly it is set back before it is over, and only then is it touched.
            let mut timer = pin!(tokio::time::sleep_until(connection.deadline()));
            let mut called = pin!(stop.called());
            loop {
                let step =
                    poll_fn(|cx| connection.poll_step(cx, &stop, called.as_mut(), timer.as_mut()));
                let worked = match step.await {
                    Ok(()) => Box::pin(stop.unless_at_once(connection.work())).await,
                    Err(closed) => break closed,
                };
                if let Err(closed) = worked.unwrap_or(Err(Closed::Shutdown)) {
                    break closed;
                }
            }
        };
        Box::pin(stop.unless_at_once(connection.end(&closed))).await;
        end(closed)
    }
}

/// There are as many of these as people who are online, and nearly all of them wait: what only a busy
/// one needs is boxed.
struct Connection<S> {
    stream: S,
    session: Session,
    codec: FrameCodec,
    heard: Instant,
    outgoing: Outgoing,
    desk: Option<Box<Desk>>,
    early: Option<Box<Early>>,
    /// Will be called at the end.
    listens: bool,
}

/// What is under way. An idle connection holds none of it.
#[derive(Default)]
struct Desk {
    incoming: BytesMut,
    pipeline: Pipeline,
    /// What all that comes behind it must wait for.
    first: Option<Taken>,
}

impl Desk {
    fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.pipeline.len() == 0 && self.first.is_none()
    }
}

/// What is over with the login. Who has not logged in yet counts as a stranger.
struct Early {
    bytes: usize,
    stranger: Stranger,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S, session: Session, stranger: Stranger) -> Self {
        Self {
            stream,
            session,
            codec: FrameCodec::new(limits::FRAME_BYTES_MAX_EARLY),
            heard: Instant::now(),
            outgoing: Outgoing::default(),
            desk: None,
            early: Some(Box::new(Early { bytes: 0, stranger })),
            listens: false,
        }
    }

    fn desk(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    /// Tells what there is to tell and waits for things to happen, until there is something to
    /// [`Self::work`] at.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        stop: &Stop,
        called: Pin<&mut Notified<'_>>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), Closed>> {
        // Asked to be called once: each time would be a lock that all connections share.
        if !std::mem::replace(&mut self.listens, true) && called.poll(cx).is_ready() {
            return Poll::Ready(Err(Closed::Shutdown));
        }
        loop {
            if self.session.is_over() {
                return Poll::Ready(Err(Closed::Peer));
            }
            self.session.resume();
            let Some(full) = self.work_at_once(cx)? else { return Poll::Ready(Ok(())) };
            if full {
                // With the answers gone, the frames that have arrived can be looked at again.
                continue;
            }
            self.desk.take_if(|desk| desk.is_empty());
            let due = self.due();
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            match self.poll_next(cx, stop, timer.as_mut())? {
                Poll::Ready(()) => {}
                // Last of all: what is asked while a file goes out is read and answered between its pieces.
                Poll::Pending if self.session.has_piece() => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What can be done without waiting, which is mostly all. Says whether as much was written as goes
    /// at a time; `None` where something must be waited for.
    fn work_at_once(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>, Closed> {
        if !self.session.collect_at_once(&mut self.outgoing)? {
            return Ok(None);
        }
        if let Some(first) = self.decode()? {
            self.desk().first = Some(first);
            return Ok(None);
        }
        let full = self.outgoing.is_full();
        match stream::poll_write_all(cx, &mut self.stream, &mut self.outgoing)? {
            Poll::Ready(()) => Ok(Some(full)),
            Poll::Pending => Ok(None),
        }
    }

    /// The same, waiting for what it takes.
    async fn work(&mut self) -> Result<(), Closed> {
        self.session.collect(&mut self.outgoing).await?;
        let mut stopped = false;
        let mut first = self.desk().first.take();
        while let Some(taken) = first {
            stopped = self.serve_taken(taken).await;
            first = if stopped || self.session.is_over() { None } else { self.decode()? };
        }
        stream::write_all(&mut self.stream, &mut self.outgoing).await?;
        if stopped { Err(Closed::Peer) } else { Ok(()) }
    }

    /// One thing that happens.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        stop: &Stop,
        timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), Closed>> {
        if stop.is_said() {
            return Poll::Ready(Err(Closed::Shutdown));
        }
        if let Some(desk) = &mut self.desk
            && desk.pipeline.poll_answers(cx, &mut self.outgoing).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(read) = self.poll_read(cx) {
            return Poll::Ready(read);
        }
        if pin!(self.session.wait()).poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_timer(cx, timer)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let under_way = self.desk.as_ref().map_or(0, |desk| desk.pipeline.len());
        if under_way >= limits::REQUESTS_IN_FLIGHT_MAX || self.session.paused_until().is_some() {
            return Poll::Pending;
        }
        let mut fresh = BytesMut::new();
        let incoming = self.desk.as_mut().map_or(&mut fresh, |desk| &mut desk.incoming);
        let bytes = ready!(stream::poll_read(cx, &mut self.stream, incoming))?;
        if !fresh.is_empty() {
            self.desk().incoming = fresh;
        }
        Poll::Ready(self.arrived(bytes))
    }

    /// The timer may be early: it is set back only when it is over.
    fn poll_timer(
        &self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), Closed>> {
        loop {
            ready!(timer.as_mut().poll(cx));
            let due = self.due();
            if due <= Instant::now() {
                return Poll::Ready(self.check_deadline());
            }
            timer.as_mut().reset(due);
        }
    }

    /// When to look again, whatever happens.
    fn due(&self) -> Instant {
        let deadline = self.deadline();
        self.session.paused_until().map_or(deadline, |resume| resume.min(deadline))
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

    fn check_deadline(&self) -> Result<(), Closed> {
        if Instant::now() < self.deadline() {
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
        let Some(early) = &mut self.early else { return Ok(()) };
        early.bytes += bytes;
        if early.bytes > EARLY_BYTES_MAX { Err(Closed::Fault(FaultCode::TooLarge)) } else { Ok(()) }
    }

    /// Starts the requests that have arrived whole, up to one that all others must wait for.
    fn decode(&mut self) -> Result<Option<Taken>, Closed> {
        let Some(desk) = &mut self.desk else { return Ok(None) };
        if desk.first.is_some() {
            return Ok(desk.first.take());
        }
        while desk.pipeline.len() < limits::REQUESTS_IN_FLIGHT_MAX
            && self.session.paused_until().is_none()
            && !self.outgoing.is_full()
        {
            let Some(frame) = self.codec.decode(&mut desk.incoming)? else { break };
            let taken = self.session.take(&frame);
            desk.wipe(frame);
            match taken {
                Taken::Nothing => {}
                Taken::Write(bytes) => desk.pipeline.push(Slot::Ready(bytes)),
                Taken::Later(answer) => desk.pipeline.push(Slot::Waiting(answer)),
                waits => return Ok(Some(waits)),
            }
        }
        if desk.incoming.is_empty() {
            // Answers may be waited for, for long; what was asked is not needed meanwhile.
            desk.incoming = BytesMut::new();
        }
        Ok(None)
    }

    /// Does what [`Self::decode`] stopped at. Says whether the peer wants no more.
    async fn serve_taken(&mut self, taken: Taken) -> bool {
        match taken {
            Taken::Data(data) => self.session.receive(data, &mut self.outgoing).await,
            Taken::Alone(rid, request) => self.serve_alone(rid, request).await,
            Taken::Close(last) => {
                self.finish_pipeline().await;
                last.into_iter().for_each(|bytes| self.outgoing.push(bytes));
                return true;
            }
            Taken::Nothing | Taken::Write(_) | Taken::Later(_) => {}
        }
        false
    }

    async fn serve_alone(&mut self, rid: u64, request: Box<Request>) {
        self.finish_pipeline().await;
        let before = self.session.is_logged_in();
        self.session.serve(rid, *request, &mut self.outgoing).await;
        if self.session.is_logged_in() && !before {
            self.codec.allow(limits::FRAME_BYTES_MAX);
            self.heard = Instant::now();
            if let Some(mut early) = self.early.take() {
                early.stranger.logs_in();
            }
        }
    }

    /// Waits for all requests under way.
    async fn finish_pipeline(&mut self) {
        while let Some(desk) = &mut self.desk
            && desk.pipeline.len() > 0
        {
            desk.pipeline.answers(&mut self.outgoing).await;
        }
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
        let nothing = self.outgoing.frames.is_empty();
        if nothing || stream::write_all(&mut self.stream, &mut self.outgoing).await.is_ok() {
            drop(tokio::time::timeout(LINGER, self.stream.shutdown()).await);
        }
    }
}

impl Desk {
    /// Leaves no password in the buffer. What came behind it moves to another one.
    fn wipe(&mut self, frame: Frame) {
        if request::holds_secret(frame.kind()) {
            self.incoming = BytesMut::from(&self.incoming[..]);
            frame.wipe();
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    /// With what the runtime adds, one task takes 768 bytes; more than this, and it takes 896.
    const BYTES_MAX: usize = 600;

    type Made<F> = fn(TcpStream, Arc<Hub>, Arc<Stop>, Stranger, fn(Closed)) -> F;

    const fn bytes_of<F>(_: Made<F>) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_small() {
        let bytes = bytes_of(serve_stranger);
        assert!(bytes <= BYTES_MAX, "{bytes} bytes");
    }
}
