//! One connection of the measuring side: a stream that never blocks, plain or TLS, and what waits
//! to go out. Owns its buffers; decodes nothing.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use anyhow::Result;
use bytes::BytesMut;
use liao_common::{
    frame::{Frame, FrameCodec},
    limits,
};
use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use tokio_util::codec::Decoder as _;

/// See the module.
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    out: Vec<u8>,
    incoming: BytesMut,
    /// The last read took all there was.
    dry: bool,
    /// The system is asked to say when more can be written.
    pub(crate) wants_room: bool,
}

impl Link {
    /// Connects; the TLS handshake goes on with the first bytes.
    pub(crate) fn open(addr: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let tls = match tls {
            Some(config) => {
                let mut tls =
                    ClientConnection::new(Arc::clone(config), ServerName::try_from("liao")?)?;
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
            None => None,
        };
        Ok(Self {
            stream,
            tls,
            out: Vec::new(),
            incoming: BytesMut::new(),
            dry: false,
            wants_room: false,
        })
    }

    /// Puts bytes where the next [`Self::flush`] takes them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes what waits. False: the rest must wait until there is room.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match &mut self.tls {
            Some(tls) => flush_tls(tls, &mut self.stream, &mut self.out),
            None => flush_plain(&mut self.stream, &mut self.out),
        }
    }

    /// Reads into `space`. 0: nothing is left, and the next call asks the system again.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.tls {
            Some(tls) => read_tls(tls, &mut self.stream, space)?,
            None if self.dry => None,
            None => would_block(self.stream.read(space))?,
        };
        self.dry = self.tls.is_none() && read.is_some_and(|bytes| bytes < space.len());
        match read {
            Some(0) => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection"))
            }
            read => Ok(read.unwrap_or(0)),
        }
    }

    /// Reads all there is and cuts it into frames.
    pub(crate) fn frames(&mut self, space: &mut [u8]) -> Result<Vec<Frame>> {
        loop {
            let bytes = self.read(space)?;
            if bytes == 0 {
                break;
            }
            self.incoming.extend_from_slice(&space[..bytes]);
        }
        let mut codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        let mut frames = Vec::new();
        while let Some(frame) = codec.decode(&mut self.incoming)? {
            frames.push(frame);
        }
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        Ok(frames)
    }

    /// Whether a TLS answer waits to be written.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

fn flush_plain(stream: &mut TcpStream, out: &mut Vec<u8>) -> io::Result<bool> {
    while !out.is_empty() {
        let Some(written) = would_block(stream.write(out))? else { return Ok(false) };
        out.drain(..written);
    }
    Ok(true)
}

fn flush_tls(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    out: &mut Vec<u8>,
) -> io::Result<bool> {
    tls.writer().write_all(out)?;
    out.clear();
    while tls.wants_write() {
        if would_block(tls.write_tls(stream))?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_tls(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    space: &mut [u8],
) -> io::Result<Option<usize>> {
    loop {
        if let Some(bytes) = would_block(tls.reader().read(space))? {
            return Ok(Some(bytes));
        }
        match would_block(tls.read_tls(stream))? {
            None => return Ok(None),
            Some(0) => return Ok(Some(0)),
            Some(_) => {
                tls.process_new_packets().map_err(io::Error::other)?;
            }
        }
    }
}

fn would_block(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
