//! One connection in plain TCP: frames out, frames in, each with a limit to waiting.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::BytesMut;
use liao_common::{
    frame::{Frame, FrameCodec, FrameError},
    limits,
};
use tokio_util::codec::Decoder as _;

/// How long one read may wait.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long a server may leave us standing with a full pipe.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Link {
    stream: TcpStream,
    incoming: BytesMut,
    space: Vec<u8>,
}

impl Link {
    pub(crate) fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(WRITE_WITHIN))?;
        Ok(Self { stream, incoming: BytesMut::new(), space: vec![0; 64 * 1024] })
    }

    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame)
    }

    /// The next frame; `None` when none came in a moment.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let mut codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
            let frame = codec.decode(&mut self.incoming).map_err(|error| match error {
                FrameError::Io(error) => error,
                other => io::Error::new(ErrorKind::InvalidData, other.to_string()),
            })?;
            if frame.is_some() {
                return Ok(frame);
            }
            match self.stream.read(&mut self.space) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => self.incoming.extend_from_slice(&self.space[..bytes]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error only means that the connection ended.
pub(crate) fn is_cut(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != ErrorKind::InvalidData)
}
