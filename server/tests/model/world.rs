//! A whole server in memory, and the people connected to it. Every deed is done to the server and to the
//! reference, and both must tell the same. The server can be stopped, killed and cut from power.

use std::{collections::BTreeMap, fmt::Debug, path::Path, sync::Arc, time::Duration};

use liao_common::{
    event::{self, Posted, Rank},
    fault::Fault,
    id::{RoomId, Seq, UserId},
    message::Kind,
    request::{
        Mark, Request, RoomBan, RoomCreate, RoomInvite, RoomJoin, RoomKick, RoomLeave, RoomOpen,
        RoomRole, RoomUnban, Send,
    },
};
use liao_server::{
    blocking::Blocking,
    chat::{hub::Hub, password::Cost},
    config::{Config, Transport},
    disk::{Disk, MemoryDisk},
    engine::Duty,
    index::MemoryIndex,
    server::{self, Ground},
    state::project,
    store::{Applying, StoreOptions},
};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    line::Line,
    reference::Reference,
    words::{Entry, Part, Post, Power, Shown, Told},
};

/// What keeps the reference and the server apart, in words.
pub(crate) type Difference = String;

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Polite,
    /// At once, with the index as it is or lost.
    Kill {
        index_lost: bool,
    },
    /// At once, with what the disk had synced, and with some of the rest.
    PowerCut {
        seed: u64,
        keeps_unsynced: bool,
    },
}

/// Something that somebody asks.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Send(Post),
    Create { name: &'static str, private: bool },
    JoinNamed(&'static str),
    Join(u64),
    Leave(u64),
    Invite { room: u64, whom: u64 },
    Rank { room: u64, whom: u64, moderates: bool },
    Kick { room: u64, whom: u64 },
    Ban { room: u64, whom: u64 },
    Unban { room: u64, whom: u64 },
    Open(u64),
    Mark { room: u64, read: u64 },
    Page { room: u64, part: Part, limit: u64 },
}

/// A person's connection, and how far it was told of each room.
struct Screen {
    line: Line,
    at: BTreeMap<u64, u64>,
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) hub: Arc<Hub>,
    committing: JoinHandle<()>,
}

/// Starts a server on what is there; `blocking` says how long reading takes.
pub(crate) fn serve(
    disk: &MemoryDisk,
    index: &MemoryIndex,
    folder: &Path,
    blocking: Blocking,
) -> Running {
    let (hub, duty) = assemble(Arc::new(disk.clone()), index, folder, blocking);
    let committing = tokio::spawn(duty.on_this_task(|| std::future::ready(())));
    Running { hub: Arc::new(hub), committing }
}

/// A server whose committing nobody does yet.
pub(crate) fn assemble(
    disk: Arc<dyn Disk>,
    index: &MemoryIndex,
    folder: &Path,
    blocking: Blocking,
) -> (Hub, Duty) {
    let mut config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    (config.rules.posts_burst, config.free_bytes_min) = (1_000_000, 0);
    let mut store = StoreOptions::new(7, project::VERSION);
    store.applying = Applying::Writer;
    let clock = || 1_800_000_000_000;
    let ground = Ground { disk, index, files: folder, store, clock, blocking };
    let (hub, duty, _) = server::assemble(&config, ground).unwrap();
    (hub, duty)
}

/// See the module.
pub(crate) struct World {
    pub(crate) reference: Reference,
    disk: MemoryDisk,
    index: MemoryIndex,
    folder: TempDir,
    running: Option<Running>,
    screens: BTreeMap<u64, Screen>,
    /// How far everybody was told of each room, also of those they have left.
    known: BTreeMap<u64, BTreeMap<u64, u64>>,
    epoch: String,
}

fn differ(what: &dyn Debug, real: &dyn Debug, wanted: &dyn Debug) -> Difference {
    format!("{what:?}:\n    server    {real:?}\n    reference {wanted:?}")
}

impl World {
    pub(crate) fn new() -> Self {
        let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
        let folder = tempfile::tempdir().unwrap();
        let (reference, epoch) = (Reference::default(), String::new());
        let (screens, known) = (BTreeMap::new(), BTreeMap::new());
        let mut world =
            Self { reference, disk, index, folder, running: None, screens, known, epoch };
        world.starts();
        world
    }

    fn starts(&mut self) {
        let blocking = Blocking::Inline(|| Duration::ZERO);
        self.running = Some(serve(&self.disk, &self.index, self.folder.path(), blocking));
    }

    fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.running.as_ref().unwrap().hub)
    }

    /// Ends the server and all connections.
    async fn ends(&mut self, end: End) {
        let Running { hub, committing } = self.running.take().unwrap();
        self.screens.clear();
        if let End::Polite = end {
            drop(hub);
            timeout(Duration::from_secs(600), committing).await.unwrap().unwrap();
            return;
        }
        committing.abort();
        self.disk = match end {
            End::PowerCut { seed, keeps_unsynced } => self.disk.cut(seed, keeps_unsynced),
            _ => self.disk.fork(),
        };
        if matches!(end, End::PowerCut { .. } | End::Kill { index_lost: true }) {
            self.index = MemoryIndex::new();
        }
    }

    /// Ends the server, starts it again, and brings everybody back who was there.
    pub(crate) async fn restarts(&mut self, end: End, resume: bool) -> Result<(), Difference> {
        let before: Vec<u64> = self.screens.keys().copied().collect();
        self.ends(end).await;
        self.starts();
        for user in before {
            let at = if resume { self.places(user) } else { BTreeMap::new() };
            self.connects(user, at).await?;
        }
        Ok(())
    }

    /// The next account is made, and its name cannot be taken again.
    pub(crate) async fn registers(&mut self) -> Result<(), Difference> {
        let user = self.reference.people() + 1;
        let mut line = Line::new(&self.hub()).await;
        let session = line.registers(&name(user)).await.map_err(|fault| format!("{fault:?}"))?;
        let again = Line::new(&self.hub()).await.registers(&name(user)).await;
        self.reference.register();
        if session.user.0 != user || again.is_ok() {
            return Err(differ(&"register", &(session, again), &user));
        }
        drop(line);
        self.connects(user, BTreeMap::new()).await
    }

    /// Somebody connects anew, and shows where they are in these rooms.
    pub(crate) async fn connects(
        &mut self,
        user: u64,
        at: BTreeMap<u64, u64>,
    ) -> Result<(), Difference> {
        self.screens.remove(&user);
        let mut line = Line::new(&self.hub()).await;
        line.logs_in(&name(user)).await;
        let cur = at.iter().map(|(room, seq)| (RoomId(*room), Seq(*seq))).collect();
        let synced = line.syncs(self.epoch.clone(), cur).await;
        let mut real: Vec<Shown> = synced.rooms.into_iter().map(Shown::from).collect();
        real.sort_by_key(|shown| shown.room);
        let wanted = self.reference.rooms_of(user);
        if real != wanted || synced.reset {
            return Err(differ(&format!("rooms of {user}"), &(real, synced.reset), &wanted));
        }
        self.epoch = synced.epoch;
        let inside = wanted.iter().filter(|shown| shown.power > Power::Outside);
        let starts = inside.map(|shown| {
            let seen = at.get(&shown.room).copied().unwrap_or(shown.read.0);
            (shown.room, seen.max(shown.floor))
        });
        let at = starts.collect();
        self.screens.insert(user, Screen { line, at });
        self.compares_pushes().await
    }

    /// How far somebody was told of rooms, also of those they have left.
    pub(crate) fn places(&self, user: u64) -> BTreeMap<u64, u64> {
        self.known.get(&user).cloned().unwrap_or_default()
    }

    pub(crate) fn is_here(&self, user: u64) -> bool {
        self.screens.contains_key(&user)
    }

    /// Somebody who is connected does something.
    pub(crate) async fn does(&mut self, user: u64, deed: &Deed) -> Result<(), Difference> {
        let wanted = self.reference_does(user, deed);
        let real = match self.screens.get_mut(&user) {
            Some(screen) => asks(&mut screen.line, deed).await,
            None => return Ok(()),
        };
        if real != wanted {
            return Err(differ(&(user, deed), &real, &wanted));
        }
        self.compares_pushes().await.map_err(|words| format!("after {user} did {deed:?}: {words}"))
    }

    fn reference_does(&mut self, user: u64, deed: &Deed) -> Told {
        let reference = &mut self.reference;
        let told = match deed.clone() {
            Deed::Send(post) => reference.send(user, post),
            Deed::Create { name, private } => reference.create(user, name, private),
            Deed::JoinNamed(name) => reference.join_named(user, name),
            Deed::Join(room) => reference.join(user, room),
            Deed::Leave(room) => reference.leave(user, room),
            Deed::Invite { room, whom } => reference.invite(user, room, whom),
            Deed::Rank { room, whom, moderates } => reference.rank(user, room, whom, moderates),
            Deed::Kick { room, whom } => reference.kick(user, room, whom),
            Deed::Ban { room, whom } => reference.ban(user, room, whom),
            Deed::Unban { room, whom } => reference.unban(user, room, whom),
            Deed::Open(whom) => reference.open(user, whom),
            Deed::Mark { room, read } => reference.mark(user, room, read),
            Deed::Page { room, part, limit } => reference.page(user, room, part, limit),
        };
        told.unwrap_or_else(Told::No)
    }

    /// Somebody's post is under way when the server ends. Sent again it becomes one message, or it is
    /// the one that was stored.
    pub(crate) async fn is_torn(
        &mut self,
        user: u64,
        post: Post,
        (turns, end): (u32, End),
    ) -> Result<(), Difference> {
        let here: Vec<u64> = self.screens.keys().copied().collect();
        let Some(screen) = self.screens.get_mut(&user) else { return Ok(()) };
        screen.line.writes(Send::from(&post)).await;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        self.ends(end).await;
        self.starts();
        let mut line = Line::new(&self.hub()).await;
        line.logs_in(&name(user)).await;
        let deed = Deed::Send(post);
        let real = asks(&mut line, &deed).await;
        drop(line);
        let wanted = self.reference_does(user, &deed);
        let agree = match (&real, &wanted) {
            (Told::Posted { seq, .. }, Told::Posted { seq: other, .. }) => seq == other,
            _ => real == wanted,
        };
        if !agree {
            return Err(differ(&("torn", user, deed), &real, &wanted));
        }
        for user in here {
            self.connects(user, BTreeMap::new()).await?;
        }
        Ok(())
    }

    /// Everybody was pushed what they had not seen of their rooms, and nothing else.
    async fn compares_pushes(&mut self) -> Result<(), Difference> {
        for (user, screen) in &mut self.screens {
            let real = screen.line.pushed().await;
            let wanted = wanted_pushes(&self.reference, *user, &mut screen.at);
            self.known.entry(*user).or_default().extend(screen.at.clone());
            if real != wanted {
                return Err(differ(&format!("pushed to {user}"), &real, &wanted));
            }
        }
        Ok(())
    }

    /// At the end everybody reads everything.
    pub(crate) async fn all_read_all(&mut self) -> Result<(), Difference> {
        let people: Vec<u64> = self.screens.keys().copied().collect();
        for user in people {
            for room in 1..=self.reference.rooms() {
                let (part, limit) = (Part::After(0), 200);
                self.does(user, &Deed::Page { room, part, limit }).await?;
            }
        }
        Ok(())
    }
}

/// The user id of the person with this number.
fn name(user: u64) -> String {
    format!("person{user}")
}

/// What is new on a connection that is so far, which is moved on.
fn wanted_pushes(
    reference: &Reference,
    user: u64,
    at: &mut BTreeMap<u64, u64>,
) -> Vec<(u64, Entry)> {
    let mut wanted = Vec::new();
    for room in 1..=reference.rooms() {
        let log = reference.log(room);
        let own = |kind| move |entry: &&Entry| entry.from == user && entry.kind == kind;
        let inside = reference.is_inside(user, room);
        let end = match at.get(&room) {
            Some(_) if !inside => log.iter().rfind(own(Kind::Leave)).map(|entry| entry.seq),
            None if !inside => continue,
            _ => Some(log.len() as u64),
        };
        let entered = || log.iter().rfind(own(Kind::Join)).map_or(0, |entry| entry.seq);
        let seen = at.remove(&room).unwrap_or_else(entered);
        let end = end.unwrap_or_default();
        let fresh = log.iter().filter(|entry| seen < entry.seq && entry.seq <= end);
        wanted.extend(fresh.map(|entry| (room, entry.clone())));
        if inside {
            at.insert(room, end);
        }
    }
    wanted
}

/// Does it to the server.
async fn asks(line: &mut Line, deed: &Deed) -> Told {
    let told = match deed.clone() {
        Deed::Send(post) => line.asks::<Posted>(Send::from(&post)).await.map(posted),
        Deed::Create { name, private } => {
            let (name, topic) = (name.to_owned(), String::new());
            line.asks(RoomCreate { name, private, topic }).await.map(room)
        }
        Deed::JoinNamed(name) => {
            line.asks(RoomJoin { room: None, name: Some(name.to_owned()) }).await.map(room)
        }
        Deed::Join(id) => {
            line.asks(RoomJoin { room: Some(RoomId(id)), name: None }).await.map(room)
        }
        Deed::Leave(id) => done(line, RoomLeave { room: RoomId(id) }).await,
        Deed::Invite { room, whom } => {
            done(line, RoomInvite { room: RoomId(room), user: UserId(whom) }).await
        }
        Deed::Rank { room, whom, moderates } => {
            let role = if moderates { Rank::Moderator } else { Rank::Member };
            done(line, RoomRole { room: RoomId(room), user: UserId(whom), role }).await
        }
        Deed::Kick { room, whom } => {
            let (room, user, text) = (RoomId(room), UserId(whom), String::new());
            done(line, RoomKick { room, user, text }).await
        }
        Deed::Ban { room, whom } => {
            let (room, user, text) = (RoomId(room), UserId(whom), String::new());
            done(line, RoomBan { room, user, text }).await
        }
        Deed::Unban { room, whom } => {
            done(line, RoomUnban { room: RoomId(room), user: UserId(whom) }).await
        }
        Deed::Open(whom) => {
            line.asks(RoomOpen { user: Some(UserId(whom)), name: None }).await.map(room)
        }
        Deed::Mark { room, read } => {
            let mark = Mark { room: RoomId(room), read: Seq(read) };
            let marked = line.asks::<event::Marked>(mark).await;
            marked.map(|marked| Told::Marked(marked.read.0.0, marked.read.1))
        }
        Deed::Page { room, part, limit } => {
            line.asks::<event::Page>(part.request(room, limit)).await.map(|page| Told::Page {
                entries: page.msgs.iter().map(Entry::from).collect(),
                more: page.more,
                floor: page.floor.0,
            })
        }
    };
    told.unwrap_or_else(|fault: Fault| Told::No(fault.code))
}

fn posted(posted: Posted) -> Told {
    Told::Posted { seq: posted.seq.0, dup: posted.dup }
}

fn room(room: event::Room) -> Told {
    Told::Room(room.into())
}

async fn done(line: &mut Line, request: impl Into<Request>) -> Result<Told, Fault> {
    line.asks::<event::Empty>(request).await.map(|_| Told::Done)
}
