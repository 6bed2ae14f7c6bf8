//! A stream whose first bytes from the other side are remembered, so that a handshake that failed
//! can say what it met instead.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are remembered: the length of a frame and the beginning of its header.
const FIRST_BYTES: usize = 16;

/// The type of the frame with which a Liao server refuses what it cannot read.
const REFUSAL: &[u8] = b"err";

/// See the module.
pub struct Overheard<S> {
    inner: S,
    count: usize,
    first: First,
}

/// What was said first.
#[derive(Clone, Default)]
pub(super) struct First(Arc<Mutex<Vec<u8>>>);

impl First {
    /// Whether it is how a Liao server without encryption refuses a handshake: an early frame of
    /// type `err`.
    pub(super) fn is_refusal(&self) -> bool {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Four bytes of length, and one each for the header's array and its text.
        first.first_chunk::<2>() == Some(&[0, 0])
            && first.get(6..).is_some_and(|text| text.starts_with(REFUSAL))
    }

    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

impl<S> Overheard<S> {
    pub(super) fn new(inner: S) -> (Self, First) {
        let first = First::default();
        (Self { inner, count: 0, first: first.clone() }, first)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(context, into);
        let left = FIRST_BYTES.saturating_sub(self.count);
        if left > 0
            && let Some(news) = into.filled().get(before..)
        {
            let news = news.get(..left).unwrap_or(news);
            self.first.push(news);
            self.count += news.len();
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
