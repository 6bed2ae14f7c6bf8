//! Many connections on one thread. Owns the links and the system's list of those that are ready.

use std::{net::SocketAddr, os::fd::OwnedFd, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use liao_common::frame::Frame;
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    net::sockopt::set_socket_recv_buffer_size,
};
use rustls::ClientConfig;

use crate::{link::Link, server::Server};

/// Links looked at in one round.
const READY_MAX: usize = 1024;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Bytes that the system keeps of a connection nobody reads from.
const NEGLECTED_BYTES: usize = 64 * 1024;

/// See the module.
pub(crate) struct Swarm {
    epoll: OwnedFd,
    links: Vec<Option<Link>>,
    dirty: Vec<usize>,
    events: Vec<Event>,
    space: Vec<u8>,
}

impl Swarm {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            links: Vec::new(),
            dirty: Vec::new(),
            events: Vec::with_capacity(READY_MAX),
            space: vec![0; READ_BYTES],
        })
    }

    /// Connects and gives the link's number.
    pub(crate) fn open(&mut self, server: &Server) -> Result<usize> {
        self.connect(server.addr, server.tls.as_ref())
    }

    /// The same with any server.
    pub(crate) fn connect(
        &mut self,
        addr: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<usize> {
        let link = Link::open(addr, tls)?;
        let id = self.links.len();
        epoll::add(&self.epoll, &link.stream, EventData::new_u64(id as u64), EventFlags::IN)?;
        self.links.push(Some(link));
        Ok(id)
    }

    /// Reads nothing more from a connection, however much comes. Its system keeps little of it: that system
    /// is this one too, and what a large buffer of an absent reader costs would be counted as the server's.
    pub(crate) fn neglect(&mut self, id: usize) -> Result<()> {
        let link = self.links.get(id).and_then(Option::as_ref).context("a closed link")?;
        set_socket_recv_buffer_size(&link.stream, NEGLECTED_BYTES)?;
        Ok(epoll::delete(&self.epoll, &link.stream)?)
    }

    /// Ends a connection without a word.
    pub(crate) fn close(&mut self, id: usize) {
        if let Some(link) = self.links.get_mut(id) {
            *link = None;
        }
    }

    /// Sends with the next [`Self::wait`].
    pub(crate) fn send(&mut self, id: usize, bytes: &[u8]) -> Result<()> {
        self.link(id)?.send(bytes);
        self.dirty.push(id);
        Ok(())
    }

    /// Writes what waits, then gives the links that have something to read. Empty after `ms`
    /// milliseconds without anything.
    pub(crate) fn wait(&mut self, ms: u32) -> Result<Vec<usize>> {
        self.wait_for(Duration::from_millis(ms.into()))
    }

    /// The same with a finer measure.
    pub(crate) fn wait_for(&mut self, time: Duration) -> Result<Vec<usize>> {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        // What cannot be written belongs to a connection that has ended: whoever reads it finds out.
        let mut ended: Vec<usize> =
            dirty.into_iter().filter(|id| self.flush(*id).is_err()).collect();
        self.events.clear();
        let limit = Timespec {
            tv_sec: i64::try_from(time.as_secs())?,
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut readable = Vec::with_capacity(self.events.len());
        for event in std::mem::take(&mut self.events) {
            let Event { flags, data } = event;
            let id = usize::try_from(data.u64())?;
            if flags.contains(EventFlags::OUT) {
                ended.extend(self.flush(id).is_err().then_some(id));
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                readable.push(id);
            }
        }
        self.events = Vec::with_capacity(READY_MAX);
        ended.retain(|id| !readable.contains(id));
        readable.append(&mut ended);
        Ok(readable)
    }

    /// The next piece of what a link has read; `None` when nothing is left.
    pub(crate) fn read(&mut self, id: usize) -> Result<Option<&[u8]>> {
        let link = self.links.get_mut(id).and_then(Option::as_mut).context("a closed link")?;
        let bytes = link.read(&mut self.space)?;
        if link.wants_write() {
            self.dirty.push(id);
        }
        Ok((bytes > 0).then(|| &self.space[..bytes]))
    }

    /// All whole frames a link has now.
    pub(crate) fn frames(&mut self, id: usize) -> Result<Vec<Frame>> {
        let link = self.links.get_mut(id).and_then(Option::as_mut).context("a closed link")?;
        let frames = link.frames(&mut self.space)?;
        if link.wants_write() {
            self.dirty.push(id);
        }
        Ok(frames)
    }

    fn flush(&mut self, id: usize) -> Result<()> {
        let Some(link) = self.links.get_mut(id).and_then(Option::as_mut) else { return Ok(()) };
        let wants_room = !link.flush()?;
        if wants_room != link.wants_room {
            link.wants_room = wants_room;
            let flags = if wants_room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, &link.stream, EventData::new_u64(id as u64), flags)?;
        }
        Ok(())
    }

    fn link(&mut self, id: usize) -> Result<&mut Link> {
        self.links.get_mut(id).and_then(Option::as_mut).context("a closed link")
    }
}
