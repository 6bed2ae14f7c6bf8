//! A connection in memory, as small as it can be: bytes to the server wait in a list, and so do bytes
//! from it while somebody reads them. Later they are only counted, with a checksum.
//! Both ends share it; the server's end closes it when it is dropped.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use anyhow::{Result, bail};
use liao_common::{
    event::kind,
    frame::{Frame, FrameCodec},
    limits,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};
use tokio_util::codec::Decoder as _;

/// Bytes that came to all who count together.
#[derive(Default)]
pub(super) struct Tally {
    bytes: AtomicU64,
    goal: AtomicU64,
    there: Notify,
}

impl Tally {
    fn add(&self, bytes: u64) {
        let now = self.bytes.fetch_add(bytes, Ordering::SeqCst) + bytes;
        if now >= self.goal.load(Ordering::SeqCst) {
            self.there.notify_one();
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Waits until so many have come since the beginning.
    pub(super) async fn reach(&self, bytes: u64) {
        self.goal.store(bytes, Ordering::SeqCst);
        while self.bytes() < bytes {
            self.there.notified().await;
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    there: Vec<u8>,
    back: Vec<u8>,
    server: Option<Waker>,
    client: Option<Waker>,
    tally: Option<Arc<Tally>>,
    checksum: u32,
    /// What comes is counted and not kept.
    counts: bool,
    closed: bool,
}

impl State {
    fn take(&mut self, bytes: &[u8]) {
        if self.counts {
            self.checksum = crc32c::crc32c_append(self.checksum, bytes);
            if let Some(tally) = &self.tally {
                tally.add(bytes.len() as u64);
            }
        } else {
            self.back.extend_from_slice(bytes);
        }
    }
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client sends.
    pub(super) fn send(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.there.extend_from_slice(bytes);
        let server = state.server.take();
        drop(state);
        if let Some(server) = server {
            server.wake();
        }
    }

    /// The client reads until this is true of what has come. Gives the bytes of all that, too.
    pub(super) async fn hears(
        &self,
        enough: impl Fn(&[Frame]) -> bool,
    ) -> Result<(Vec<Frame>, u64)> {
        let mut codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        let mut incoming = bytes::BytesMut::new();
        let (mut frames, mut bytes) = (Vec::new(), 0);
        loop {
            let some = poll_fn(|cx| self.poll_back(cx)).await;
            bytes += some.len() as u64;
            incoming.extend_from_slice(&some);
            while let Some(frame) = codec.decode(&mut incoming)? {
                if [kind::ERR, kind::GOAWAY].contains(&frame.kind()) {
                    bail!("refused: {:?}", frame.decode::<liao_common::fault::Fault>());
                }
                frames.push(frame);
            }
            if enough(&frames) {
                return Ok((frames, bytes));
            }
            if self.lock().closed {
                bail!("the server closed a connection");
            }
        }
    }

    fn poll_back(&self, cx: &Context<'_>) -> Poll<Vec<u8>> {
        let mut state = self.lock();
        if state.back.is_empty() && !state.closed {
            state.client = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.client = None;
        Poll::Ready(std::mem::take(&mut state.back))
    }

    /// From now on what comes is counted, together with others.
    pub(super) fn count(&self, tally: Option<&Arc<Tally>>) {
        let mut state = self.lock();
        state.tally = tally.cloned();
        state.counts = true;
        state.there = Vec::new();
        state.back = Vec::new();
    }

    /// The checksum of all that was counted.
    pub(super) fn checksum(&self) -> u32 {
        self.lock().checksum
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

/// The server's end.
pub(super) struct End(pub(super) Arc<Pipe>);

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.there.is_empty() {
            match &mut state.server {
                Some(server) => server.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let len = state.there.len().min(buf.remaining());
        buf.put_slice(&state.there[..len]);
        state.there.drain(..len);
        if state.there.is_empty() {
            state.there = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        pieces.iter().for_each(|piece| state.take(piece));
        let client = state.client.take();
        drop(state);
        if let Some(client) = client {
            client.wake();
        }
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        let client = state.client.take();
        drop(state);
        if let Some(client) = client {
            client.wake();
        }
    }
}
