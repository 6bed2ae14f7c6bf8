//! Reading and writing a stream without holding buffers while nothing happens: what is read lands
//! on the stack first, what is written was shared already.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use zeroize::Zeroize as _;

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;

/// So few bytes may be a password, and are wiped from the stack.
const WIPED_BYTES_MAX: usize = 4096;

/// Pieces handed to the system in one write.
const PIECES_MAX: usize = 64;

/// A peer that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(20);

/// Appends what has arrived to `buffer`. Zero: the peer has closed. Nothing is lost when the wait
/// is given up.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut read = ReadBuf::uninit(&mut space);
        match Pin::new(&mut *stream).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                let filled = read.filled_mut();
                buffer.extend_from_slice(filled);
                let len = filled.len();
                if len <= WIPED_BYTES_MAX {
                    filled.zeroize();
                }
                Poll::Ready(Ok(len))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Writes all of it, many frames in one call, and lets it go out.
///
/// # Errors
/// `TimedOut` when the peer takes nothing for a while; whatever the stream says.
pub(super) async fn write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    frames: &mut VecDeque<Bytes>,
) -> io::Result<()> {
    let stuck = |_| io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing");
    while !frames.is_empty() {
        let some = write_some(stream, frames);
        let written = tokio::time::timeout(STUCK, some).await.map_err(stuck)??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        advance(frames, written);
    }
    tokio::time::timeout(STUCK, stream.flush()).await.map_err(stuck)?
}

/// Writes some of it. The list of pieces is made anew at each try: kept while waiting, it would be a
/// kilobyte of every connection.
async fn write_some<S: AsyncWrite + Unpin>(
    stream: &mut S,
    frames: &VecDeque<Bytes>,
) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let pieces = frames.iter().zip(&mut slices);
        let count = pieces.map(|(frame, slice)| *slice = IoSlice::new(frame)).count();
        Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count])
    })
    .await
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
        let mut frames: VecDeque<Bytes> =
            (0..200u32).map(|number| Bytes::from(format!("<{number}>"))).collect();
        let want: Vec<u8> = frames.iter().flatten().copied().collect();
        let writer = async {
            write_all(&mut near, &mut frames).await.unwrap();
            drop(near);
        };
        let reader = async {
            let mut got = BytesMut::new();
            while read(&mut far, &mut got).await.unwrap() > 0 {}
            got
        };
        let ((), got) = tokio::join!(writer, reader);
        assert_eq!(&got[..], &want[..]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (mut near, _far) = tokio::io::duplex(1);
        let mut frames = VecDeque::from([Bytes::from_static(b"more than fits")]);
        let error = write_all(&mut near, &mut frames).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
