//! The ceiling's own process. Owns all its connections. What the hall says is one run of bytes that
//! all share, and each member has a place in it.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::OwnedFd,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

use super::bare::{HEAD_BYTES, POST_BYTES, letter};

/// Sockets looked at in one round.
const READY_MAX: usize = 1024;

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Bytes of the hall that one who does not read may hold; the run is cut beyond, and they are cut off.
const RUN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The listener among the sockets.
const LISTENER: u64 = u64::MAX;

struct Member {
    stream: TcpStream,
    rest: Vec<u8>,
    /// What only this one hears.
    own: Vec<u8>,
    /// How far in the hall's run.
    place: Option<usize>,
    wants_room: bool,
}

struct Bare {
    epoll: OwnedFd,
    listener: TcpListener,
    members: Vec<Option<Member>>,
    /// By the number somebody gave themselves.
    by_number: Vec<usize>,
    run: Vec<u8>,
    touched: Vec<usize>,
    space: Vec<u8>,
}

/// Serves on this port of the loopback address until it is killed.
pub(crate) fn serve(port: u16) -> Result<()> {
    crate::machine::raise_descriptors()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut bare = Bare {
        epoll,
        listener,
        members: Vec::new(),
        by_number: Vec::new(),
        run: Vec::new(),
        touched: Vec::new(),
        space: vec![0; READ_BYTES],
    };
    let mut events: Vec<Event> = Vec::with_capacity(READY_MAX);
    loop {
        events.clear();
        match epoll::wait(&bare.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        bare.round(&events)?;
    }
}

impl Bare {
    fn round(&mut self, events: &[Event]) -> Result<()> {
        let before = self.run.len();
        for event in events {
            let Event { flags, data } = *event;
            if data.u64() == LISTENER {
                self.accept()?;
                continue;
            }
            let id = usize::try_from(data.u64())?;
            if flags.contains(EventFlags::OUT) {
                self.touched.push(id);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR)
                && !self.read(id)?
            {
                self.members[id] = None;
            }
        }
        if self.run.len() > before {
            (0..self.members.len()).try_for_each(|id| self.write(id))?;
            self.touched.clear();
        } else {
            let touched = std::mem::take(&mut self.touched);
            touched.iter().try_for_each(|id| self.write(*id))?;
        }
        self.forget();
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let data = EventData::new_u64(self.members.len() as u64);
            epoll::add(&self.epoll, &stream, data, EventFlags::IN)?;
            let (rest, own) = (Vec::new(), Vec::new());
            self.members.push(Some(Member { stream, rest, own, place: None, wants_room: false }));
        }
    }

    /// Reads what one has said. False: the connection is at its end.
    fn read(&mut self, id: usize) -> Result<bool> {
        let mut space = std::mem::take(&mut self.space);
        let open = loop {
            let Some(member) = &mut self.members[id] else { break true };
            match member.stream.read(&mut space) {
                Ok(0) => break false,
                Ok(bytes) => {
                    member.rest.extend_from_slice(&space[..bytes]);
                    if bytes < space.len() {
                        break true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(_) => break false,
            }
        };
        self.space = space;
        self.obey(id)?;
        Ok(open)
    }

    fn obey(&mut self, id: usize) -> Result<()> {
        let Some(member) = &mut self.members[id] else { return Ok(()) };
        let said = std::mem::take(&mut member.rest);
        let mut at = 0;
        while let Some(head) = said.get(at..at + HEAD_BYTES) {
            let number = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            match head[0] {
                letter::LOG_IN => self.by_number(number, id)?,
                letter::ENTER => self.answer(id, Some(self.run.len())),
                letter @ (letter::SAY | letter::TELL) => {
                    let Some(payload) = said.get(at + HEAD_BYTES..at + POST_BYTES) else { break };
                    self.post(letter, number, payload);
                    at += POST_BYTES - HEAD_BYTES;
                }
                other => bail!("a member said {other}"),
            }
            at += HEAD_BYTES;
        }
        if let Some(member) = &mut self.members[id] {
            member.rest = said[at..].to_vec();
        }
        Ok(())
    }

    fn by_number(&mut self, number: usize, id: usize) -> Result<()> {
        if number > 1 << 20 {
            bail!("too large a number");
        }
        if self.by_number.len() <= number {
            self.by_number.resize(number + 1, usize::MAX);
        }
        self.by_number[number] = id;
        self.answer(id, None);
        Ok(())
    }

    fn answer(&mut self, id: usize, place: Option<usize>) {
        if let Some(member) = &mut self.members[id] {
            member.own.extend([letter::DONE, 0, 0, 0, 0]);
            member.place = place.or(member.place);
            self.touched.push(id);
        }
    }

    fn post(&mut self, letter: u8, number: usize, payload: &[u8]) {
        let to = self.by_number.get(number).copied();
        let heard = if letter == letter::SAY {
            &mut self.run
        } else if let Some(to) = to
            && let Some(member) = self.members.get_mut(to).and_then(Option::as_mut)
        {
            self.touched.push(to);
            &mut member.own
        } else {
            return;
        };
        heard.extend([letter::POST, 0, 0, 0, 0]);
        heard.extend_from_slice(payload);
    }

    /// One write of all that this one has not heard.
    fn write(&mut self, id: usize) -> Result<()> {
        let Some(member) = &mut self.members[id] else { return Ok(()) };
        let mut full = false;
        while !full && !member.own.is_empty() {
            full = !send(&mut member.stream, &member.own)?.is_some_and(|bytes| {
                member.own.drain(..bytes);
                true
            });
        }
        while let Some(place) = member.place.filter(|place| !full && *place < self.run.len()) {
            match send(&mut member.stream, &self.run[place..])? {
                Some(bytes) => member.place = Some(place + bytes),
                None => full = true,
            }
        }
        if full != member.wants_room {
            member.wants_room = full;
            let flags = if full { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, &member.stream, EventData::new_u64(id as u64), flags)?;
        }
        Ok(())
    }

    /// The hall's run begins anew once all have heard it.
    fn forget(&mut self) {
        let end = self.run.len();
        let mut places = self.members.iter().flatten().filter_map(|member| member.place);
        if end == 0 || (end < RUN_BYTES_MAX && places.any(|place| place < end)) {
            return;
        }
        self.run.clear();
        for member in self.members.iter_mut().flatten() {
            member.place = member.place.map(|_| 0);
        }
    }
}

/// How many bytes went out; `None` when there is no room.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> Result<Option<usize>> {
    match stream.write(bytes) {
        Ok(written) => Ok(Some(written)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // Whoever is gone needs nothing; the next read finds it out.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Some(bytes.len())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Some(bytes.len())),
        Err(error) => Err(error).context("the ceiling cannot write"),
    }
}
