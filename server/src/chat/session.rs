//! One connection at work: who it is, what it follows, what it moves. Frames come in, frames go
//! out; where they come from and go to is the gateway's business.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, Empty, FileAck, FileData, Heads, Marked, Role, RoomKind, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{RoomId, Seq},
    limits,
    request::{Hello, Request, Sync, Watch},
};
use tokio::time::Instant;

use super::{
    follow::{Follow, Step, read_page},
    hub::Hub,
    mailbox::{Mailbox, Note},
    overview::{self, gone, is_in},
    request::{self, Caller, login, transfer::Transfers},
    room::Depth,
};
use crate::state::view;

/// Connections of one person. One more is told to come back.
const CONNECTIONS_PER_USER_MAX: usize = 32;

/// Members up to which every message of a room is pushed to everybody in it.
const FULL_PUSH_MEMBERS_MAX: u64 = 1000;

/// An answer on its way: a whole frame.
pub use super::request::Answer as Pending;

/// What the gateway shall do with a frame that came.
pub enum Taken {
    /// Nothing.
    Nothing,
    /// Answer in its turn, once it is ready.
    Later(Pending),
    /// Answer everything before it, then hand it to [`Session::serve`].
    Alone(u64, Box<Request>),
    /// Hand it to [`Session::receive`].
    Data(FileData),
    /// Write this now.
    Write(Bytes),
    /// Write this if it is something, and close.
    Close(Option<Bytes>),
}

/// See the module.
pub struct Session {
    hub: Arc<Hub>,
    stage: Stage,
    for_data: bool,
    mailbox: Option<Arc<Mailbox>>,
    admin: bool,
    following: HashMap<RoomId, Follow>,
    moved: VecDeque<RoomId>,
    notes: VecDeque<Note>,
    active: Vec<RoomId>,
    syncing: bool,
    /// What changes is told from `sync` on.
    synced: bool,
    /// Rooms whose words did not fit into the answer to `sync`.
    late: VecDeque<Bytes>,
    transfers: Transfers,
    bad_requests: u32,
    said_bye: bool,
    bucket: Bucket,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Welcomed,
    LoggedIn,
    Over,
}

/// Frames that go out next, and how many bytes they are.
#[derive(Default)]
pub struct Outgoing {
    /// In order.
    pub frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Outgoing {
    /// Bytes gathered before they are written.
    const BYTES_MAX: usize = 256 * 1024;

    /// Adds a frame, or a run of them.
    pub fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Everything was written.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    const fn is_full(&self) -> bool {
        self.bytes >= Self::BYTES_MAX
    }
}

/// The connection cannot go on, and why.
#[derive(Debug)]
pub struct Ended(pub FaultCode);

impl Session {
    /// A connection that has said nothing yet.
    #[must_use]
    pub fn new(hub: Arc<Hub>) -> Self {
        let bucket = Bucket::new(hub.rules.posts_burst, hub.rules.posts_per_s);
        Self {
            hub,
            stage: Stage::New,
            for_data: false,
            mailbox: None,
            admin: false,
            following: HashMap::new(),
            moved: VecDeque::new(),
            notes: VecDeque::new(),
            active: Vec::new(),
            syncing: false,
            synced: false,
            late: VecDeque::new(),
            transfers: Transfers::default(),
            bad_requests: 0,
            said_bye: false,
            bucket,
        }
    }

    /// Whether the credential was proved.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.stage == Stage::LoggedIn
    }

    /// Whether nothing more is to come after what has been answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Until when the connection is not read, because it posted too fast.
    #[must_use]
    pub fn paused_until(&self) -> Option<Instant> {
        self.bucket.until
    }

    /// The pause is over.
    pub fn resume(&mut self) {
        if self.bucket.until.is_some_and(|until| until <= Instant::now()) {
            self.bucket.until = None;
        }
    }

    /// Looks at a frame that came.
    pub fn take(&mut self, frame: &Frame) -> Taken {
        match (frame.kind(), frame.rid) {
            (kind::PING, _) => self.event(
                frame
                    .decode::<event::Ping>()
                    .map(|ping| Taken::Write(codec::frame(kind::PONG, 0, &ping))),
            ),
            (kind::BYE, _) => {
                self.said_bye = true;
                Taken::Close(None)
            }
            (kind::FDAT, 0) if self.is_logged_in() => self.event(frame.decode().map(Taken::Data)),
            (kind::FACK, 0) if self.is_logged_in() => match frame.decode::<FileAck>() {
                Ok(ack) => {
                    self.transfers.acknowledge(ack);
                    Taken::Nothing
                }
                Err(error) => self.bad_request(0, &error.to_string()),
            },
            (_, 0) => Taken::Nothing,
            (name, rid) => match Request::decode(name, &frame.body) {
                Ok(Some(request)) => self.request(rid, Box::new(request)),
                Ok(None) => Taken::Write(event::err(rid, &FaultCode::Unsupported.into())),
                Err(error) => self.bad_request(rid, &error.to_string()),
            },
        }
    }

    fn event(&mut self, taken: Result<Taken, codec::DecodeError>) -> Taken {
        taken.unwrap_or_else(|error| self.bad_request(0, &error.to_string()))
    }

    fn bad_request(&mut self, rid: u64, why: &str) -> Taken {
        self.bad_requests += 1;
        let fault = Fault::new(FaultCode::BadRequest, why);
        if self.bad_requests < limits::BAD_REQUESTS_MAX {
            Taken::Write(event::err(rid, &fault))
        } else {
            Taken::Close(Some(event::err(rid, &fault.fatal())))
        }
    }

    fn request(&mut self, rid: u64, request: Box<Request>) -> Taken {
        let early = matches!(*request, Request::Hello(_) | Request::Register(_) | Request::Auth(_));
        if early || self.stage != Stage::LoggedIn {
            return Taken::Alone(rid, request);
        }
        if matches!(*request, Request::Send(_)) {
            self.bucket.take();
        }
        match request::start(self.caller(), rid, request) {
            Ok(answer) => Taken::Later(answer),
            Err(alone) => Taken::Alone(rid, alone),
        }
    }

    fn caller(&self) -> Caller {
        let (user, dev) = self
            .mailbox
            .as_ref()
            .map_or_else(Default::default, |mailbox| (mailbox.user, mailbox.dev));
        Caller { hub: Arc::clone(&self.hub), user, dev, admin: self.admin }
    }

    /// Serves a request that changes the session itself.
    pub async fn serve(&mut self, rid: u64, request: Request, out: &mut Outgoing) {
        let frame = match self.serve_any(rid, request).await {
            Ok(frame) => frame,
            Err(fault) => {
                if fault.fatal {
                    self.stage = Stage::Over;
                }
                event::err(rid, &fault)
            }
        };
        out.push(frame);
    }

    async fn serve_any(&mut self, rid: u64, request: Request) -> Result<Bytes, Fault> {
        match (self.stage, request) {
            (Stage::New, Request::Hello(ask)) => Ok(event::ok(rid, &self.hello(&ask)?)),
            (Stage::New, _) => Err(Fault::new(FaultCode::BadRequest, "hello comes first").fatal()),
            (Stage::Welcomed, Request::Register(ask)) => {
                let session = login::register(&self.hub, ask).await?;
                Ok(event::ok(rid, &self.log_in(session)?))
            }
            (Stage::Welcomed, Request::Auth(ask)) => {
                let session = login::auth(&self.hub, ask).await?;
                Ok(event::ok(rid, &self.log_in(session)?))
            }
            (Stage::LoggedIn, request) => self.serve_member(rid, request).await,
            _ => Err(FaultCode::Unauthenticated.into()),
        }
    }

    async fn serve_member(&mut self, rid: u64, request: Request) -> Result<Bytes, Fault> {
        let hub = Arc::clone(&self.hub);
        let user = self.caller().user;
        match request {
            Request::Sync(ask) => Ok(event::ok(rid, &self.sync(ask).await?)),
            Request::Watch(ask) => Ok(event::ok(rid, &self.watch(ask)?)),
            Request::Logout(_) => Ok(event::ok(rid, &self.log_out().await?)),
            Request::FileOpen(ask) => {
                Ok(event::ok(rid, &self.transfers.open(&hub, user, ask).await?))
            }
            Request::FileDone(ask) => {
                Ok(event::ok(rid, &self.transfers.done(&hub, user, ask).await?))
            }
            Request::FileGet(ask) => {
                Ok(event::ok(rid, &self.transfers.fetch(&hub, user, ask).await?))
            }
            Request::FileCancel(ask) => {
                Ok(event::ok(rid, &self.transfers.cancel(&hub, ask).await?))
            }
            _ => Err(Fault::new(FaultCode::BadRequest, "not now")),
        }
    }

    fn hello(&mut self, ask: &Hello) -> Result<event::Welcome, Fault> {
        let (low, high) = ask.v;
        if !(low..=high).contains(&limits::PROTOCOL_VERSION) {
            return Err(Fault::new(FaultCode::Unsupported, "this server speaks version 1").fatal());
        }
        self.stage = Stage::Welcomed;
        self.for_data = ask.role.as_deref() == Some("data");
        Ok(self.hub.welcome(Vec::new()))
    }

    fn log_in(&mut self, session: event::Session) -> Result<event::Session, Fault> {
        if self.hub.switchboard.connections(session.user) >= CONNECTIONS_PER_USER_MAX {
            return Err(Fault::new(FaultCode::Busy, "too many connections").retry_after(5000));
        }
        let mailbox = Arc::new(Mailbox::new(session.user, session.dev));
        self.hub.switchboard.plug(&mailbox);
        self.mailbox = Some(mailbox);
        self.admin = session.admin;
        self.stage = Stage::LoggedIn;
        if !self.for_data {
            let user = event::User {
                user: session.user,
                id: session.id.clone(),
                name: session.name.clone(),
                on: None,
            };
            self.hub.presence.enter(user);
        }
        Ok(session)
    }

    async fn log_out(&mut self) -> Result<Empty, Fault> {
        let Caller { user, dev, .. } = self.caller();
        let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
            if let Some(device) = view::device(tx, user, dev)? {
                tx.drop_device(&device);
            }
            Ok(Empty {})
        };
        self.hub.engine.run(decide).await?;
        self.said_bye = true;
        self.stage = Stage::Over;
        Ok(Empty {})
    }

    async fn sync(&mut self, ask: Sync) -> Result<event::Synced, Fault> {
        self.unfollow_all();
        let user = self.caller().user;
        let mut rooms = self.hub.read(move |hub| overview::rooms_of(hub, user)).await?;
        let epoch = self.hub.epoch();
        let mut reset = !ask.epoch.is_empty() && ask.epoch != epoch;
        let mut cursors: HashMap<RoomId, Seq> = ask.cur.into_iter().collect();
        reset |= rooms
            .iter()
            .filter(|room| is_in(room))
            .any(|room| cursors.get(&room.room).is_some_and(|seen| *seen > room.head.0));
        if reset {
            cursors.clear();
        }
        for room in rooms.iter().filter(|room| is_in(room)) {
            let seen = cursors.get(&room.room).copied().unwrap_or(room.read.0).max(room.floor);
            self.follow(room, seen)?;
        }
        let late = overview::shorten(&mut rooms);
        self.late = late.iter().map(|room| codec::frame(kind::ROOM, 0, room)).collect();
        (self.syncing, self.synced) = (true, true);
        Ok(event::Synced { epoch, reset, rooms })
    }

    fn follow(&mut self, room: &event::Room, position: Seq) -> Result<(), Fault> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        let large = room.kind != RoomKind::Direct && room.members > FULL_PUSH_MEMBERS_MAX;
        let depth =
            if !large || self.active.contains(&room.room) { Depth::Full } else { Depth::Head };
        let (live, follower) =
            self.hub.switchboard.follow(&self.hub.store, room.room, mailbox, depth)?;
        let follow = Follow { room: live, follower, depth, large, position, until: None };
        if let Some(old) = self.following.insert(room.room, follow) {
            self.hub.switchboard.unfollow(&old.room, &old.follower);
        }
        Ok(())
    }

    fn unfollow_all(&mut self) {
        for follow in std::mem::take(&mut self.following).into_values() {
            self.hub.switchboard.unfollow(&follow.room, &follow.follower);
        }
    }

    fn watch(&mut self, ask: Watch) -> Result<Empty, Fault> {
        let Some(mailbox) = &self.mailbox else { return Ok(Empty {}) };
        if ask.online {
            self.hub.presence.watch(mailbox);
        } else {
            self.hub.presence.unwatch(mailbox);
        }
        self.active = ask.act.into_iter().take(limits::ROOMS_PER_USER_MAX).collect();
        for (id, follow) in self.following.iter_mut().filter(|(_, follow)| follow.large) {
            let depth = if self.active.contains(id) { Depth::Full } else { Depth::Head };
            if depth != follow.depth {
                let (live, follower) =
                    self.hub.switchboard.follow(&self.hub.store, *id, mailbox, depth)?;
                self.hub.switchboard.unfollow(&follow.room, &follow.follower);
                (follow.room, follow.follower, follow.depth) = (live, follower, depth);
            }
        }
        Ok(Empty {})
    }

    /// Takes a piece of an upload.
    pub async fn receive(&mut self, data: FileData, out: &mut Outgoing) {
        if let Some(ack) = self.transfers.take(&self.hub, data).await {
            out.push(ack);
        }
    }

    /// Ends when there may be something to [`Self::collect`].
    pub async fn wait(&self) {
        match &self.mailbox {
            Some(_) if self.has_more() => {}
            Some(mailbox) => mailbox.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the last [`Self::collect`] stopped before everything was told.
    fn has_more(&self) -> bool {
        !self.late.is_empty() || !self.moved.is_empty() || !self.notes.is_empty() || self.transfers.is_ready()
    }

    /// Gathers what is to be told: notes first, then messages, then a piece of a file.
    ///
    /// # Errors
    /// [`Ended`] when this device was logged out or the connection must start anew.
    pub async fn collect(&mut self, out: &mut Outgoing) -> Result<(), Ended> {
        self.open_mail()?;
        while !out.is_full()
            && let Some(room) = self.late.pop_front()
        {
            out.push(room);
        }
        if !self.late.is_empty() {
            return Ok(());
        }
        while let Some(note) = self.notes.pop_front() {
            self.tell(note, out).await?;
        }
        while !out.is_full()
            && let Some(id) = self.moved.pop_front()
        {
            self.advance(id, out).await.map_err(|fault| Ended(fault.code))?;
        }
        if self.syncing && self.moved.is_empty() {
            self.syncing = false;
            out.push(codec::frame(kind::SYNCED, 0, &Empty {}));
        }
        if !out.is_full()
            && let Some(piece) = self.transfers.next(&self.hub).await
        {
            out.push(piece);
        }
        Ok(())
    }

    fn open_mail(&mut self) -> Result<(), Ended> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        let mail = mailbox.take();
        if mail.overrun {
            return Err(Ended(FaultCode::SlowConsumer));
        }
        self.moved.extend(mail.moved);
        self.notes.extend(mail.notes);
        Ok(())
    }

    async fn tell(&mut self, note: Note, out: &mut Outgoing) -> Result<(), Ended> {
        match note {
            Note::Presence(frame) => out.push(frame),
            // What `sync` will tell needs no telling before it; a connection for files never asks.
            Note::Marked(_) | Note::Head(..) | Note::Membership { .. } if !self.synced => {}
            Note::Marked(marked) => out.push(codec::frame::<Marked>(kind::MARK, 0, &marked)),
            Note::Head(room, seq, n) => {
                out.push(codec::frame(kind::HEAD, 0, &Heads { h: vec![(room, seq, n)] }));
            }
            Note::LoggedOut => return Err(Ended(FaultCode::AuthRevoked)),
            Note::Membership { room, until } => {
                self.membership(room, until, out).await.map_err(|fault| Ended(fault.code))?;
            }
        }
        Ok(())
    }

    /// What this person is in a room has changed: tell how it is now, and follow it or no longer.
    async fn membership(
        &mut self,
        room: RoomId,
        until: Option<Seq>,
        out: &mut Outgoing,
    ) -> Result<(), Fault> {
        let user = self.caller().user;
        let now = self.hub.read(move |hub| Ok(view::room_for(&*hub.store, user, room)?)).await?;
        if let Some(now) = now.as_ref().filter(|now| matches!(now.role, Role::Member | Role::Owner))
        {
            out.push(codec::frame(kind::ROOM, 0, now));
            match self.following.get_mut(&room) {
                // Who left and came back is not told what was said meanwhile.
                Some(follow) => follow.position = follow.position.max(now.floor),
                None => self.follow(now, now.read.0)?,
            }
            return Ok(());
        }
        if let Some(follow) = self.following.get_mut(&room) {
            follow.until = Some(until.unwrap_or(follow.position));
            self.advance(room, out).await?;
        }
        if let Some(left) = self.following.remove(&room) {
            self.hub.switchboard.unfollow(&left.room, &left.follower);
        }
        out.push(codec::frame(kind::ROOM, 0, &now.unwrap_or_else(|| gone(room))));
        Ok(())
    }

    /// Tells what is new in a room, as far as it fits.
    async fn advance(&mut self, id: RoomId, out: &mut Outgoing) -> Result<(), Fault> {
        let (Some(follow), Some(mailbox)) = (self.following.get_mut(&id), &self.mailbox) else {
            return Ok(());
        };
        follow.follower.ready();
        loop {
            if out.is_full() {
                self.moved.push_back(id);
                return Ok(());
            }
            let before = follow.position;
            let bytes = match follow.step() {
                Step::Done => return Ok(()),
                Step::Write(bytes) => bytes,
                Step::Read(to) => {
                    let read = move |hub: &Hub| Ok(read_page(&hub.store, id, before, to)?);
                    let (bytes, last) = self.hub.read(read).await?;
                    follow.position = last;
                    bytes
                }
            };
            // Whoever leaves is told before what is said afterwards can be seen: so the look at the
            // mailbox must come second.
            if let Some(left_at) = mailbox.until(id)
                && follow.position > left_at
            {
                follow.until = Some(left_at);
                follow.position = before;
            } else {
                out.push(bytes);
            }
        }
    }

    /// The end of this connection is as good as a word from its person.
    pub fn end_politely(&mut self) {
        self.said_bye = true;
    }
}

/// However a connection ends, its traces go with it. Someone who said so disappears at once, others
/// after the grace.
impl Drop for Session {
    fn drop(&mut self) {
        self.unfollow_all();
        let Some(mailbox) = self.mailbox.take() else {
            return;
        };
        self.hub.presence.unwatch(&mailbox);
        self.hub.switchboard.unplug(&mailbox);
        if self.for_data {
            return;
        }
        let user = mailbox.user;
        let Some(absence) = self.hub.presence.leave(user, self.said_bye) else {
            return;
        };
        let presence = Arc::clone(&self.hub.presence);
        let grace = Duration::from_millis(self.hub.rules.presence_grace_ms);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                presence.expire(user, absence);
            })),
            Err(_) => presence.expire(user, absence),
        }
    }
}

/// Posts per second, with a burst. Who is too fast is not read for a moment; nothing is refused.
struct Bucket {
    burst: f64,
    per_s: f64,
    left: f64,
    filled: Instant,
    until: Option<Instant>,
}

impl Bucket {
    fn new(burst: u32, per_s: u32) -> Self {
        let (burst, per_s) = (f64::from(burst), f64::from(per_s.max(1)));
        Self { burst, per_s, left: burst, filled: Instant::now(), until: None }
    }

    fn take(&mut self) {
        let now = Instant::now();
        let earned = now.duration_since(self.filled).as_secs_f64() * self.per_s;
        self.left = (self.left + earned).min(self.burst) - 1.0;
        self.filled = now;
        self.until =
            (self.left < 0.0).then(|| now + Duration::from_secs_f64(-self.left / self.per_s));
    }
}
