//! One connection at work: who it is, what it follows, what it moves. Frames come in, frames go
//! out; where they come from and go to is the gateway's business.

mod backlog;
mod bucket;
mod feed;
mod following;
mod outgoing;
mod stored;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, Empty, FileAck, FileData, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::RoomId,
    limits,
    request::{Hello, Request},
};
use tokio::time::Instant;

use super::{
    hub::Hub,
    mailbox::Mailbox,
    origin::Origin,
    request::{
        self, Caller,
        login::{self, Proof},
        transfer::Transfers,
    },
};
use crate::{engine::Lane, state::view};
use backlog::Backlog;
use bucket::Bucket;
use following::Following;
pub use outgoing::Outgoing;

/// Wrong passwords on one connection; then it is closed.
const FAILURES_MAX: u32 = 5;

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

/// See the module. Most sessions wait most of the time: what only a busy one needs is boxed.
pub struct Session {
    hub: Arc<Hub>,
    origin: Origin,
    mailbox: Option<Arc<Mailbox>>,
    following: Following,
    /// Rooms with new messages.
    moved: VecDeque<RoomId>,
    /// What else is to be told, while there is something.
    backlog: Option<Box<Backlog>>,
    /// Rooms that somebody looks at.
    active: Box<[RoomId]>,
    /// From the first one on.
    transfers: Option<Box<Transfers>>,
    bucket: Bucket,
    failures: u32,
    bad_requests: u32,
    stage: Stage,
    for_data: bool,
    admin: bool,
    syncing: bool,
    /// What changes is told from `sync` on.
    synced: bool,
    said_bye: bool,
    lane: Lane,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Welcomed,
    LoggedIn,
    Over,
}

/// One person, too many connections at once.
pub(crate) fn too_many_connections() -> Fault {
    Fault::new(FaultCode::Busy, "too many connections").retry_after(5000)
}

/// The connection cannot go on, and why.
#[derive(Debug)]
pub struct Ended(pub FaultCode);

impl Session {
    /// A connection that has said nothing yet.
    #[must_use]
    pub fn new(hub: Arc<Hub>, origin: Origin) -> Self {
        let bucket = Bucket::new(hub.rules.posts_burst, hub.rules.posts_per_s);
        Self {
            hub,
            origin,
            mailbox: None,
            following: Following::default(),
            moved: VecDeque::new(),
            backlog: None,
            active: Box::default(),
            transfers: None,
            bucket,
            failures: 0,
            bad_requests: 0,
            stage: Stage::New,
            for_data: false,
            admin: false,
            syncing: false,
            synced: false,
            said_bye: false,
            lane: Lane::default(),
        }
    }

    /// Whether the credential was proved.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.stage == Stage::LoggedIn
    }

    /// Whether `hello` was said and answered.
    #[must_use]
    pub fn is_welcomed(&self) -> bool {
        self.stage == Stage::Welcomed
    }

    /// Whether nothing more is to come after what has been answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Until when the connection is not read, because it posted too fast.
    #[must_use]
    pub fn paused_until(&self) -> Option<Instant> {
        self.bucket.paused_until()
    }

    /// The pause is over.
    pub fn resume(&mut self) {
        self.bucket.resume();
    }

    /// Looks at a frame that came.
    pub fn take(&mut self, frame: &Frame) -> Taken {
        match (frame.kind(), frame.rid) {
            (kind::PING, 0) => self.event(
                frame
                    .decode::<event::Ping>()
                    .map(|ping| Taken::Write(codec::frame(kind::PONG, 0, &ping))),
            ),
            (kind::BYE, 0) => {
                self.said_bye = true;
                Taken::Close(None)
            }
            (kind::FDAT, 0) if self.is_logged_in() => self.event(frame.decode().map(Taken::Data)),
            (kind::FACK, 0) if self.is_logged_in() => match frame.decode::<FileAck>() {
                Ok(ack) => {
                    self.transfers().acknowledge(ack);
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
        self.bucket.take(bucket::cost(&request));
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
        let (hub, lane) = (Arc::clone(&self.hub), self.lane.clone());
        Caller { hub, user, dev, origin: self.origin, admin: self.admin, lane }
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
                let proof = login::register(&self.hub, self.origin, ask).await?;
                Ok(event::ok(rid, &self.log_in(proof).await?))
            }
            (Stage::Welcomed, Request::Auth(ask)) => {
                let proof = login::auth(&self.hub, self.origin, self.for_data, ask).await;
                let proof = proof.map_err(|fault| self.failed(fault))?;
                Ok(event::ok(rid, &self.log_in(proof).await?))
            }
            (Stage::LoggedIn, request) => self.serve_member(rid, request).await,
            _ => Err(FaultCode::Unauthenticated.into()),
        }
    }

    async fn serve_member(&mut self, rid: u64, request: Request) -> Result<Bytes, Fault> {
        let hub = Arc::clone(&self.hub);
        let user = self.caller().user;
        match request {
            Request::Sync(_) | Request::Watch(_) if self.for_data => {
                Err(Fault::new(FaultCode::BadRequest, "not on a connection for files"))
            }
            Request::Sync(ask) => Ok(event::ok(rid, &self.sync(ask).await?)),
            Request::Watch(ask) => Ok(event::ok(rid, &self.watch(ask)?)),
            Request::Logout(_) => Ok(event::ok(rid, &self.log_out().await?)),
            Request::FileOpen(ask) => {
                Ok(event::ok(rid, &self.transfers().open(&hub, user, ask).await?))
            }
            Request::FileDone(ask) => {
                Ok(event::ok(rid, &self.transfers().done(&hub, user, ask).await?))
            }
            Request::FileGet(ask) => {
                Ok(event::ok(rid, &self.transfers().fetch(&hub, user, ask).await?))
            }
            Request::FileCancel(ask) => {
                Ok(event::ok(rid, &self.transfers().cancel(&hub, ask).await?))
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

    /// A login that was refused. Guessing goes on elsewhere, if at all.
    fn failed(&mut self, fault: Fault) -> Fault {
        let guessed = matches!(fault.code, FaultCode::Unauthenticated | FaultCode::RateLimited);
        self.failures += u32::from(guessed);
        if self.failures >= FAILURES_MAX { fault.fatal() } else { fault }
    }

    async fn log_in(&mut self, proof: Proof) -> Result<event::Session, Fault> {
        let (user, dev) = proof.who();
        let mailbox = Arc::new(Mailbox::new(user, dev));
        if !self.hub.switchboard.plug(&mailbox) {
            return Err(too_many_connections());
        }
        // Only now do a logout and a new password reach us: they may have come just before.
        let session = match self.hub.read(move |hub| proof.check(&*hub.store)).await {
            Ok(session) => session,
            Err(fault) => {
                self.hub.switchboard.unplug(&mailbox);
                return Err(fault);
            }
        };
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

    fn transfers(&mut self) -> &mut Transfers {
        self.transfers.get_or_insert_default()
    }

    /// Takes a piece of an upload.
    pub async fn receive(&mut self, data: FileData, out: &mut Outgoing) {
        let hub = Arc::clone(&self.hub);
        if let Some(ack) = self.transfers().take(&hub, data).await {
            out.push(ack);
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
        let grace = Duration::from_millis(self.hub.rules.presence_grace_ms);
        self.hub.presence.leave(mailbox.user, self.said_bye, grace);
    }
}
