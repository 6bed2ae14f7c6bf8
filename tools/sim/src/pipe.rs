//! One direction of a simulated connection: bytes that arrive later than they were sent, in pieces of
//! any size; that can be held back, as if a cable were pulled, or lost, as if the machine died.
//! A pipe owns what is under way; never more than its window.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use crate::{Dice, stage::Stage};

/// How good a way is just now. All its connections share it.
#[derive(Debug)]
pub(crate) struct Quality {
    /// The shortest and the longest time under way, in milliseconds.
    pub(crate) delay_ms: (u64, u64),
    /// Bytes that may be under way in one direction.
    pub(crate) window_bytes: usize,
    /// Bytes that travel together, at most.
    pub(crate) piece_bytes: usize,
    pub(crate) dice: Dice,
}

impl Quality {
    pub(crate) const fn good(dice: Dice) -> Self {
        Self { delay_ms: (1, 30), window_bytes: 64 * 1024, piece_bytes: 1500, dice }
    }

    pub(crate) fn delay(&mut self) -> Duration {
        Duration::from_millis(self.dice.within(self.delay_ms.0, self.delay_ms.1))
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    pieces: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    /// The writer will send no more.
    ended: bool,
    /// The reader is gone.
    deserted: bool,
    /// Nothing comes through, and nobody is told.
    held: bool,
    /// What was under way is lost, and both are told.
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// What is under way is lost; both sides learn it.
    pub(crate) fn cut(&self) {
        self.change(|state| {
            state.broken = true;
            state.pieces.clear();
        });
    }

    /// Nothing comes through from now on, or it does again.
    pub(crate) fn hold(&self, held: bool) {
        self.change(|state| state.held = held);
    }
}

/// One end of a connection.
pub(crate) struct End {
    name: String,
    from: Arc<Pipe>,
    to: Arc<Pipe>,
    quality: Arc<Mutex<Quality>>,
    stage: Arc<Stage>,
    timer: Pin<Box<Sleep>>,
}

impl End {
    pub(crate) fn new(
        name: String,
        (from, to): (&Arc<Pipe>, &Arc<Pipe>),
        quality: &Arc<Mutex<Quality>>,
        stage: &Arc<Stage>,
    ) -> Self {
        Self {
            name,
            from: Arc::clone(from),
            to: Arc::clone(to),
            quality: Arc::clone(quality),
            stage: Arc::clone(stage),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let from = Arc::clone(&self.from);
            let mut state = from.lock();
            state.reader = Some(cx.waker().clone());
            if state.broken {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if state.held {
                return Poll::Pending;
            }
            let Some((at, piece)) = state.pieces.front_mut() else {
                return if state.ended { Poll::Ready(Ok(())) } else { Poll::Pending };
            };
            let at = *at;
            if at > Instant::now() {
                drop(state);
                self.timer.as_mut().reset(at);
                ready!(self.timer.as_mut().poll(cx));
                continue;
            }
            let count = piece.len().min(buf.remaining());
            buf.put_slice(&piece[..count]);
            piece.advance(count);
            if piece.is_empty() {
                state.pieces.pop_front();
            }
            state.bytes -= count;
            let writer = state.writer.take();
            drop(state);
            writer.into_iter().for_each(Waker::wake);
            self.stage.step(&self.name, &format_args!("reads {count}"));
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut quality = self.quality.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.to.lock();
        if state.broken || (state.deserted && !state.held) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = quality.window_bytes.saturating_sub(state.bytes);
        let most = bytes.len().min(room).min(quality.piece_bytes);
        if most == 0 {
            state.writer = Some(cx.waker().clone());
            return if bytes.is_empty() { Poll::Ready(Ok(0)) } else { Poll::Pending };
        }
        let whole = quality.dice.chance(70);
        let count = if whole { most as u64 } else { quality.dice.within(1, most as u64) };
        let count = usize::try_from(count).unwrap_or(most);
        let last = state.pieces.back().map(|(at, _)| *at);
        let at = Instant::now() + quality.delay();
        let at = last.map_or(at, |last| at.max(last));
        state.pieces.push_back((at, Bytes::copy_from_slice(&bytes[..count])));
        state.bytes += count;
        let reader = state.reader.take();
        drop((state, quality));
        reader.into_iter().for_each(Waker::wake);
        self.stage.step(&self.name, &format_args!("writes {count}"));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.change(|state| state.ended = true);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.to.change(|state| state.ended = true);
        self.from.change(|state| state.deserted = true);
    }
}
