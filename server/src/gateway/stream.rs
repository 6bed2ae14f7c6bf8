//! Reading and writing a stream without holding buffers while nothing happens: what is read lands
//! on the stack first, what is written was shared already.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use zeroize::Zeroize as _;

use crate::chat::session::Outgoing;

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;

/// So few bytes may be a password, and are wiped from the stack.
const WIPED_BYTES_MAX: usize = 4096;

/// Pieces handed to the system in one write.
const PIECES_MAX: usize = 64;

/// A peer that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(20);

/// Appends what has arrived to `buffer`. Zero: the peer has closed.
pub(super) fn poll_read<S: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
    let mut read = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    let filled = read.filled_mut();
    buffer.extend_from_slice(filled);
    let len = filled.len();
    if len <= WIPED_BYTES_MAX {
        filled.zeroize();
    }
    Poll::Ready(Ok(len))
}

/// Writes all of it, many frames in one call, and lets it go out.
///
/// # Errors
/// `TimedOut` when the peer takes nothing for a while; whatever the stream says.
pub(super) async fn write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    out: &mut Outgoing,
) -> io::Result<()> {
    let stuck = |_| io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing");
    while !out.frames.is_empty() {
        let some = poll_fn(|cx| poll_write_some(cx, stream, &mut out.frames));
        tokio::time::timeout(STUCK, some).await.map_err(stuck)??;
    }
    out.clear();
    tokio::time::timeout(STUCK, stream.flush()).await.map_err(stuck)?
}

/// The same for who does not wait, without a timer. What is pending has to be written by
/// [`write_all`].
pub(super) fn poll_write_all<S: AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    out: &mut Outgoing,
) -> io::Result<Poll<()>> {
    if out.frames.is_empty() {
        return Ok(Poll::Ready(()));
    }
    while !out.frames.is_empty() {
        if poll_write_some(cx, stream, &mut out.frames)?.is_pending() {
            return Ok(Poll::Pending);
        }
    }
    out.clear();
    match Pin::new(stream).poll_flush(cx) {
        Poll::Ready(flushed) => flushed.map(Poll::Ready),
        Poll::Pending => Ok(Poll::Pending),
    }
}

/// Writes some of it. The list of pieces is made anew at each try: kept while waiting, it would be a
/// kilobyte of every connection.
fn poll_write_some<S: AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    frames: &mut VecDeque<Bytes>,
) -> Poll<io::Result<()>> {
    let mut slices = [IoSlice::new(&[]); PIECES_MAX];
    let pieces = frames.iter().zip(&mut slices);
    let count = pieces.map(|(frame, slice)| *slice = IoSlice::new(frame)).count();
    let written = ready!(Pin::new(stream).poll_write_vectored(cx, &slices[..count]))?;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    advance(frames, written);
    Poll::Ready(Ok(()))
}

fn advance(frames: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = frames.front_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        frames.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_frames_arrive_as_one_stream_through_a_narrow_pipe() {
        let (mut near, mut far) = tokio::io::duplex(7);
        let mut out = Outgoing::default();
        (0..200u32).for_each(|number| out.push(Bytes::from(format!("<{number}>"))));
        let want: Vec<u8> = out.frames.iter().flatten().copied().collect();
        let writer = async {
            write_all(&mut near, &mut out).await.unwrap();
            drop(near);
        };
        let reader = async {
            let mut got = BytesMut::new();
            while poll_fn(|cx| poll_read(cx, &mut far, &mut got)).await.unwrap() > 0 {}
            got
        };
        let ((), got) = tokio::join!(writer, reader);
        assert_eq!(&got[..], &want[..]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (mut near, _far) = tokio::io::duplex(1);
        let mut out = Outgoing::default();
        out.push(Bytes::from_static(b"more than fits"));
        let error = write_all(&mut near, &mut out).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
