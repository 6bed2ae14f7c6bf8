//! A client that keeps a history: what it sends, what it is told, what it sees. It posts many at a
//! time, keeps what is not acknowledged, and sends it again on the next connection.
//! Must hold: a fact is on the tape before it can have consequences.

mod guest;
mod log;
mod post;
mod transfer;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_check::history::{Draft, Entry, Fact};
use liao_common::{
    event::{Event, Marked, Posted, Role, Room, Session, Synced, Welcome, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{RoomId, Seq, UserId},
    limits::PROTOCOL_VERSION,
    request::{
        Auth, Hello, Register, Request, RoomInvite, RoomJoin, RoomOpen, Secret, Sync, Token,
    },
};
use serde::de::DeserializeOwned;

use crate::{Dice, clock::Deadline, link::Link, tape::Tape};
pub(crate) use guest::Part;

/// How long an answer may take on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What was asked and has no answer yet.
enum Asked {
    Post,
    Mark,
    /// To be let into this room.
    Entry(u64),
    /// Something whose answer does not matter.
    Deed,
    Waited,
}

/// See the module.
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) user: u64,
    tape: Arc<Tape>,
    dice: Dice,
    token: Option<Token>,
    link: Option<Link>,
    last_rid: u64,
    asked: HashMap<u64, Asked>,
    answers: HashMap<u64, Result<Frame, Fault>>,
    /// Posts without an answer, in the order in which they were made.
    outbox: VecDeque<(u64, Draft)>,
    epoch: String,
    /// Rooms it is in, and the last place it has seen there.
    seen: BTreeMap<u64, u64>,
    /// Acknowledged texts of its own: room and place.
    own: Vec<(u64, u64)>,
    stored: Vec<u64>,
    made: u64,
    pieces: HashMap<u64, Vec<u8>>,
    part: Part,
}

impl Client {
    pub(crate) fn new(name: &str, tape: Arc<Tape>, dice: Dice) -> Self {
        Self {
            name: name.to_owned(),
            user: 0,
            tape,
            dice,
            token: None,
            link: None,
            last_rid: 0,
            asked: HashMap::new(),
            answers: HashMap::new(),
            outbox: VecDeque::new(),
            epoch: String::new(),
            seen: BTreeMap::new(),
            own: Vec::new(),
            stored: Vec::new(),
            made: 0,
            pieces: HashMap::new(),
            part: Part::default(),
        }
    }

    fn tell(&self, fact: Fact) -> u64 {
        self.tape.tell(&self.name, fact)
    }

    /// Connects and makes its account.
    pub(crate) fn register(&mut self, addr: SocketAddr) -> Result<()> {
        self.connect(addr)?;
        let secret = Secret(format!("{} says friend and enters", self.name));
        let session: Session = self.ask(Register {
            user: self.name.clone(),
            name: self.name.clone(),
            secret,
            dev_name: "check".into(),
            invite: None,
        })?;
        self.user = session.user.0;
        self.token = session.token;
        self.tell(Fact::Person { user: self.user });
        self.sync()
    }

    /// The same person with nothing but the login, on a screen that has seen nothing.
    pub(crate) fn reborn(&self, tape: &Arc<Tape>) -> Self {
        let name = format!("{} again", self.name);
        let mut client = Self::new(&name, Arc::clone(tape), self.dice.clone());
        (client.user, client.token) = (self.user, self.token.clone());
        (client.stored, client.made) = (self.stored.clone(), self.made);
        client.tell(Fact::Person { user: self.user });
        client
    }

    /// Connects, logs in with the token of the registration, and resumes; then sends again what has
    /// no answer.
    pub(crate) fn resume(&mut self, addr: SocketAddr) -> Result<()> {
        self.connect(addr)?;
        let auth = Auth { mech: "token".into(), token: self.token.clone(), ..Auth::default() };
        let session: Session = self.ask(auth)?;
        if session.user != UserId(self.user) {
            bail!("{} is account {} now", self.name, session.user);
        }
        self.token = session.token.or(self.token.take());
        self.sync()?;
        self.send_again()
    }

    fn connect(&mut self, addr: SocketAddr) -> Result<()> {
        self.leave();
        self.link = Some(Link::open(addr)?);
        let v = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        let hello = Hello { v, caps: Vec::new(), agent: "liao-check".into(), role: None };
        self.ask::<Welcome>(hello).map(drop)
    }

    /// Closes the connection, if there is one.
    pub(crate) fn leave(&mut self) {
        self.link = None;
        self.asked.clear();
        self.answers.clear();
        self.pieces.clear();
    }

    fn sync(&mut self) -> Result<()> {
        let cur: Vec<(u64, u64)> = self.seen.iter().map(|(room, seq)| (*room, *seq)).collect();
        let cursors = cur.iter().map(|(room, seq)| (RoomId(*room), Seq(*seq))).collect();
        let rid = self.send(Sync { epoch: self.epoch.clone(), cur: cursors }, Asked::Waited)?;
        let synced: Synced = self.answer(rid)?;
        self.tell(Fact::Began { epoch: synced.epoch.clone(), cur });
        self.epoch = synced.epoch;
        self.finds_itself(&synced.rooms);
        for room in &synced.rooms {
            self.is_told_where_it_begins(room);
            self.enter(room);
        }
        Ok(())
    }

    /// Makes a room and is in it.
    pub(crate) fn opens(&mut self, ask: impl Into<Request>) -> Result<u64> {
        let room: Room = self.ask(ask)?;
        self.enter(&room);
        Ok(room.room.0)
    }

    /// Invites somebody.
    pub(crate) fn invites(&mut self, room: u64, user: u64) -> Result<()> {
        let invite = RoomInvite { room: RoomId(room), user: UserId(user) };
        self.ask::<liao_common::event::Empty>(invite).map(drop)
    }

    /// Enters a room.
    pub(crate) fn joins(&mut self, room: u64) -> Result<()> {
        self.opens(RoomJoin { room: Some(RoomId(room)), name: None }).map(drop)
    }

    /// Opens the direct room with somebody.
    pub(crate) fn meets(&mut self, user: u64) -> Result<u64> {
        self.opens(RoomOpen { user: Some(UserId(user)), name: None })
    }

    fn enter(&mut self, room: &Room) {
        if self.is_shown_in_or_out(room) {
            return;
        }
        if matches!(room.role, Role::Member | Role::Owner) && !self.seen.contains_key(&room.room.0)
        {
            // What is pushed begins where this person has read to.
            self.seen.insert(room.room.0, room.floor.0.max(room.read.0.0));
            self.tell(Fact::May { room: room.room.0, after: room.floor.0 });
        }
    }

    /// What is below the floor of a room that it knows does not come any more.
    fn is_told_where_it_begins(&mut self, room: &Room) {
        if let Some(seen) = self.seen.get_mut(&room.room.0)
            && room.floor > Seq::ZERO
            && room.role != Role::Invited
        {
            *seen = room.floor.0.max(*seen);
            self.tell(Fact::Floor { room: room.room.0, seq: room.floor.0 });
        }
    }

    fn send(&mut self, ask: impl Into<Request>, asked: Asked) -> Result<u64> {
        self.last_rid += 1;
        self.asked.insert(self.last_rid, asked);
        let frame = ask.into().frame(self.last_rid);
        self.link.as_mut().context("not connected")?.send(&frame)?;
        Ok(self.last_rid)
    }

    /// Asks, and waits for the answer.
    fn ask<T: DeserializeOwned>(&mut self, ask: impl Into<Request>) -> Result<T> {
        let rid = self.send(ask, Asked::Waited)?;
        self.answer(rid)
    }

    fn answer<T: DeserializeOwned>(&mut self, rid: u64) -> Result<T> {
        match self.outcome(rid)? {
            Ok(frame) => Ok(frame.decode()?),
            Err(fault) if fault.code == FaultCode::ShuttingDown => {
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into())
            }
            Err(fault) => bail!("{} was refused: {fault}", self.name),
        }
    }

    fn outcome(&mut self, rid: u64) -> Result<Result<Frame, Fault>> {
        let deadline = Deadline::within(ANSWER_WITHIN);
        loop {
            if let Some(answer) = self.answers.remove(&rid) {
                return Ok(answer);
            }
            self.hear()?;
            deadline.check("an answer")?;
        }
    }

    /// Takes the next frame, if one comes in a moment. True when there was one.
    pub(crate) fn hear(&mut self) -> Result<bool> {
        let link = self.link.as_mut().context("not connected")?;
        let Some(frame) = link.next()? else { return Ok(false) };
        if !matches!(frame.kind(), kind::OK | kind::ERR) {
            self.take_event(&frame)?;
            return Ok(true);
        }
        let fault = if frame.kind() == kind::ERR { Some(frame.decode::<Fault>()?) } else { None };
        match (self.asked.remove(&frame.rid), fault) {
            (Some(Asked::Post), Some(fault)) => self.refused(frame.rid, &fault),
            (Some(Asked::Post), None) => self.posted(frame.rid, &frame.decode()?),
            (Some(Asked::Mark), None) => {
                let Marked { room, read } = frame.decode()?;
                self.tell(Fact::Marked { room: room.0, read: read.0.0 });
            }
            (Some(Asked::Entry(room)), Some(_)) => self.is_entering(room, false),
            (Some(Asked::Mark), Some(_)) | (Some(Asked::Entry(_) | Asked::Deed), _) => {}
            (Some(Asked::Waited), Some(fault)) => drop(self.answers.insert(frame.rid, Err(fault))),
            (Some(Asked::Waited), None) => drop(self.answers.insert(frame.rid, Ok(frame))),
            (None, fault) => bail!("{}: an answer to nothing, {fault:?}", self.name),
        }
        Ok(true)
    }

    fn posted(&mut self, rid: u64, posted: &Posted) {
        let Some(at) = self.outbox.iter().position(|(of, _)| *of == rid) else { return };
        let Some((_, draft)) = self.outbox.remove(at) else { return };
        let (room, seq) = (draft.room, posted.seq.0);
        self.tell(Fact::Acked { cid: draft.cid, room, seq, dup: posted.dup });
        if draft.kind == "text" {
            self.own.push((room, seq));
        }
    }

    fn refused(&mut self, rid: u64, fault: &Fault) {
        use FaultCode::{Busy, RateLimited, ShuttingDown};
        if matches!(fault.code, Busy | RateLimited | ShuttingDown) {
            // It stays in the outbox for the next connection.
            return;
        }
        let Some(at) = self.outbox.iter().position(|(of, _)| *of == rid) else { return };
        let Some((_, draft)) = self.outbox.remove(at) else { return };
        let code = fault.code.as_str().to_owned();
        self.tell(Fact::Refused { cid: draft.cid, code });
    }

    fn take_event(&mut self, frame: &Frame) -> Result<()> {
        match Event::decode(frame)? {
            Some(Event::Message(message)) => {
                self.seen.insert(message.room.0, message.seq.0);
                self.tell(Fact::Saw(Entry::from(&*message)));
            }
            Some(Event::Gap(gap)) => {
                self.seen.insert(gap.room.0, gap.to.0);
                self.tell(Fact::Gap { room: gap.room.0, from: gap.from.0, to: gap.to.0 });
            }
            Some(Event::Room(room)) => self.enter(&room),
            Some(Event::FileData(piece)) => self.pieces.entry(piece.x).or_default().extend(piece.d),
            _ => {}
        }
        Ok(())
    }
}
