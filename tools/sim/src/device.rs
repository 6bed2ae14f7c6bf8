//! A client: the real link and the real model. It writes down what it was told and what it shows,
//! as facts for the judge. Its program may die and be started again: what a disk would have kept, the
//! token and the posts that wait, is there again then; the rest is not.

mod logout;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use liao_check::history::{Draft, Entry, Fact};
use liao_client_core::{
    answer::Answer,
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    model::Model,
    notice::{LinkState, Notice, Queued, Ticket},
    timeline::Item,
};
use liao_common::{
    event::{Event, Gap, Role, Room, Synced},
    id::{DeviceId, RoomId, Seq},
    message::{Body, Kind},
    request::{Request, Token, Watch},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{Dice, chance::Chance, stage::Stage, way::Way};

/// How long its link has to hand over what it holds, when a program dies.
const LAST_WORDS: Duration = Duration::from_millis(1);

/// See the module.
pub(crate) struct Device {
    name: String,
    pub(crate) way: Arc<Way>,
    stage: Arc<Stage>,
    /// While it is true, the program looks at nothing that it is told.
    stares: watch::Sender<bool>,
    moved: watch::Sender<u64>,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    /// Programs started so far.
    lives: u64,
    life: Option<Life>,
    seen: Seen,
    token: Option<Token>,
    outbox: Vec<Queued>,
    /// Its number on the server, once logged in.
    dev: Option<DeviceId>,
    /// Somebody asked for it to be logged out.
    may_be_out: bool,
    /// That it was logged out was acknowledged: in which life, and what had been said by then.
    out: Option<(u64, Heads)>,
    /// Where pushes began in rooms that were entered: right behind these places.
    starts: Vec<(RoomId, Seq)>,
    /// Requests of the running program without an answer.
    asked: BTreeSet<Ticket>,
}

/// The last place of each room.
pub(crate) type Heads = BTreeMap<RoomId, Seq>;

/// A running program.
struct Life {
    handle: Handle,
    died: CancellationToken,
}

#[derive(Default)]
struct Seen {
    model: Model,
    /// The last place of each room that was shown or said to be left out.
    last: BTreeMap<RoomId, Seq>,
    /// The same, and what was left out by right.
    stream: BTreeMap<RoomId, Seq>,
    /// Behind these places pushes begin where nothing was shown yet.
    begins: BTreeMap<RoomId, Seq>,
    /// Rooms that were left and not entered again.
    gone: BTreeSet<RoomId>,
    /// Rooms that were entered again and of which nothing was pushed since: the read marker there,
    /// which is at the entering or, where one has spoken meanwhile, behind it.
    entered: BTreeMap<RoomId, Seq>,
    marks: BTreeMap<RoomId, Mark>,
    /// Rooms that were entered and of which nothing was pushed yet.
    entering: BTreeSet<RoomId>,
    named: bool,
}

/// How far a room was shown to be read.
#[derive(Default)]
struct Mark {
    read: Seq,
    came_back: bool,
}

impl Device {
    /// A client that does not run yet.
    pub(crate) fn new(name: &str, way: Way, stage: &Arc<Stage>, dice: Dice) -> Arc<Self> {
        let state = State {
            dice,
            lives: 0,
            life: None,
            seen: Seen::default(),
            token: None,
            outbox: Vec::new(),
            dev: None,
            may_be_out: false,
            out: None,
            starts: Vec::new(),
            asked: BTreeSet::new(),
        };
        Arc::new(Self {
            name: name.to_owned(),
            way: Arc::new(way),
            stage: Arc::clone(stage),
            stares: watch::Sender::new(false),
            moved: watch::Sender::new(0),
            state: Mutex::new(state),
        })
    }

    /// Starts the program, which logs in with the token it has, or with these credentials; a person
    /// who has logged in before and has no token types the password.
    pub(crate) fn starts(self: &Arc<Self>, credentials: Option<Credentials>) {
        let mut state = self.lock();
        let token = state.token.clone().map(Credentials::Token);
        let typed = || state.dev.and_then(|_| self.password());
        let credentials = token.or(credentials).or_else(typed);
        let Some(credentials) = credentials.filter(|_| state.life.is_none()) else {
            return;
        };
        let dialer: Arc<Way> = Arc::clone(&self.way);
        let mut config = LinkConfig::new(dialer, credentials, "sim/1");
        config.entropy = Arc::new(Chance::new(state.dice.throw()));
        let kept = config.outbox.add(state.outbox.clone(), "");
        let (handle, notices) = Link::start(config);
        state.seen = Seen::default();
        state.lives += 1;
        state.asked.clear();
        let (who, died) = (self.called(state.lives), CancellationToken::new());
        tokio::spawn(Arc::clone(self).lives(notices, who, died.clone()));
        state.life = Some(Life { handle, died });
        drop(state);
        self.stage.step(&self.who(), &format_args!("starts {kept:?}"));
        self.asks(Watch { act: Vec::new(), online: true });
    }

    /// The program dies, and its connections with it.
    pub(crate) fn dies(&self) {
        self.stage.step(&self.who(), &"dies");
        self.way.cut();
        if let Some(life) = self.lock().life.take() {
            life.died.cancel();
        }
    }

    /// Its name in the history: another one for each program that was started.
    pub(crate) fn who(&self) -> String {
        self.called(self.lock().lives)
    }

    fn called(&self, life: u64) -> String {
        format!("{}#{life}", self.name)
    }

    /// All names it ever had.
    pub(crate) fn names(&self) -> Vec<String> {
        (1..=self.lock().lives).map(|life| self.called(life)).collect()
    }

    /// The handle of the running program.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.lock().life.as_ref().map(|life| life.handle.clone())
    }

    async fn lives(
        self: Arc<Self>,
        mut notices: mpsc::Receiver<Notice>,
        who: String,
        died: CancellationToken,
    ) {
        tokio::select! {
            biased;
            () = died.cancelled() => {}
            () = self.listens(&mut notices) => return,
        }
        // What it had been told by then and will never look at.
        while let Ok(Some(notice)) = timeout(LAST_WORDS, notices.recv()).await {
            if let Notice::PostFailed { nonce, .. } = notice {
                self.stage.fact(&who, Fact::Unheard { cid: nonce.to_string() });
            }
        }
    }

    async fn listens(self: &Arc<Self>, notices: &mut mpsc::Receiver<Notice>) {
        let mut stares = self.stares.subscribe();
        while let Some(notice) = notices.recv().await {
            // The sender lives as long as this device.
            drop(stares.wait_for(|stares| !stares).await);
            for request in self.takes(&notice) {
                self.asks(request);
            }
            self.moved.send_modify(|moves| *moves += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn takes(self: &Arc<Self>, notice: &Notice) -> Vec<Request> {
        let who = self.who();
        self.trace(&who, notice);
        if let Notice::State(LinkState::Ended(why)) = notice {
            self.is_ended(&who, why);
        }
        let mut state = self.lock();
        state.keeps(notice);
        if state.hears_after_its_end(notice) {
            self.stage.fact(&who, Fact::Revoked {});
        }
        let begun = state.seen.is_begun_by(notice);
        state.starts.extend(begun);
        for fact in state.seen.facts(notice) {
            self.stage.fact(&who, fact);
        }
        let wanted = state.seen.model.apply(notice).requests;
        for (room, read) in state.seen.shows_read() {
            self.stage.fact(&who, Fact::Marked { room: room.0, read: read.0 });
        }
        wanted
    }

    /// All but what the real clock says.
    fn trace(&self, who: &str, notice: &Notice) {
        match notice {
            Notice::Queued(post) => {
                self.stage.step(who, &format_args!("queued {} {}", post.room, post.nonce));
            }
            other => self.stage.step(who, &format_args!("{other:?}")),
        }
    }

    /// Where pushes began in the rooms that it entered: right behind these places.
    pub(crate) fn starts_of_rooms(&self) -> Vec<(RoomId, Seq)> {
        self.lock().starts.clone()
    }

    /// Asks the server; when too much waits already, it does without.
    pub(crate) fn asks(&self, request: impl Into<Request>) {
        let request = request.into();
        let asked = self.handle().map(|handle| handle.ask(request.clone()));
        if let Some(Ok(ticket)) = asked {
            self.lock().asked.insert(ticket);
        }
        self.stage.step(&self.who(), &format_args!("asks {} {asked:?}", request.kind()));
    }

    /// Posts to a room.
    pub(crate) async fn posts(&self, room: RoomId, kind: Kind, body: Body) {
        let draft = Draft {
            cid: String::new(),
            room: room.0,
            kind: kind.as_str().to_owned(),
            text: body.text.clone(),
            of: body.of.map(|seq| seq.0),
            re: body.re.map(|seq| seq.0),
        };
        let (who, Some(handle)) = (self.who(), self.handle()) else { return };
        match handle.post(room, kind.clone(), body.clone()).await {
            Ok(nonce) => {
                self.stage.fact(&who, Fact::Sent(Draft { cid: nonce.to_string(), ..draft }));
                let at_ms = liao_client_core::clock::wall_ms();
                self.lock().outbox.push(Queued { nonce, room, kind, body, at_ms });
            }
            Err(error) => self.stage.step(&who, &format_args!("cannot post: {error}")),
        }
    }

    /// Looks at nothing from now on, or does so again.
    pub(crate) fn stares(&self, stares: bool) {
        self.stares.send_replace(stares);
    }

    /// Looks at what is shown.
    pub(crate) fn looks<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.lock().seen.model)
    }

    /// Changes what is shown, as a person at the keys does.
    pub(crate) fn turns<T>(&self, turn: impl FnOnce(&mut Model) -> T) -> T {
        turn(&mut self.lock().seen.model)
    }

    /// Waits until something is so.
    pub(crate) async fn waits_for(&self, fact: impl Fn(&Model) -> bool) {
        let mut moved = self.moved.subscribe();
        // The sender lives as long as this device.
        drop(moved.wait_for(|_| self.looks(&fact)).await);
    }

    /// Scrolls back in a room until nothing is missing on the screen.
    pub(crate) async fn scrolls_back(&self, room: RoomId) {
        let hole = |model: &Model| {
            let items = model.room(room)?.timeline.items();
            items.into_iter().rev().find_map(|item| match item {
                Item::Hole(hole) => Some(hole),
                Item::Row(_) => None,
            })
        };
        self.turns(|model| model.open(room));
        while let Some(before) = self.looks(hole) {
            self.asks(before.request(room));
            self.waits_for(|model| hole(model) != Some(before)).await;
        }
    }

    /// The last place of a room up to which everything was pushed, or left out by right.
    pub(crate) fn reached(&self, room: RoomId) -> Seq {
        let state = self.lock();
        let places = [&state.seen.stream, &state.seen.begins];
        places.into_iter().filter_map(|places| places.get(&room)).max().copied().unwrap_or_default()
    }

    /// Whether it is connected, has what it missed, has nothing left to send and waits for no answer.
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = self.lock();
        is_online(&state.seen.model) && state.outbox.is_empty() && state.asked.is_empty()
    }
}

/// Whether all is well with the link.
pub(crate) fn is_online(model: &Model) -> bool {
    matches!(model.state, LinkState::Online { .. }) && model.is_ready()
}

impl State {
    /// What a disk would keep.
    fn keeps(&mut self, notice: &Notice) {
        match notice {
            Notice::LoggedIn(session) => {
                self.token = session.token.clone().or(self.token.take());
                if self.dev.replace(session.dev) != Some(session.dev) {
                    (self.may_be_out, self.out) = (false, None);
                }
            }
            Notice::Posted { nonce, .. } | Notice::PostFailed { nonce, .. } => {
                self.outbox.retain(|post| post.nonce != *nonce);
            }
            Notice::Answer { ticket, .. } => {
                self.asked.remove(ticket);
            }
            _ => {}
        }
    }
}

impl Seen {
    /// Where the pushes of a room that was entered begin, if these are the first.
    fn is_begun_by(&mut self, notice: &Notice) -> Option<(RoomId, Seq)> {
        let (room, first) = match notice {
            Notice::Event(Event::Message(message)) => (message.room, message.seq),
            Notice::Event(Event::Gap(gap)) => (gap.room, gap.from),
            _ => return None,
        };
        self.entering.remove(&room).then(|| (room, Seq(first.0.saturating_sub(1))))
    }

    fn facts(&mut self, notice: &Notice) -> Vec<Fact> {
        match notice {
            Notice::LoggedIn(session) if !self.named => {
                self.named = true;
                vec![Fact::Person { user: session.user.0 }]
            }
            Notice::Synced(synced) => {
                let inside = synced.rooms.iter().filter(|room| room.role != Role::Invited);
                let floor = |room: &Room| Fact::Floor { room: room.room.0, seq: room.floor.0 };
                let floors = inside.filter(|room| room.floor > Seq::ZERO).map(floor);
                [self.begins(synced)].into_iter().chain(floors).collect()
            }
            Notice::Event(Event::Message(message)) => {
                let left_out = self.leaves_out(message.room, message.seq);
                self.reaches(message.room, message.seq);
                let saw = Fact::Saw(Entry::from(&**message));
                left_out.into_iter().chain([saw]).collect()
            }
            Notice::Event(Event::Gap(gap)) => {
                let left_out = self.leaves_out(gap.room, gap.from);
                left_out.into_iter().chain([self.skips(gap)]).collect()
            }
            Notice::Event(Event::Room(room)) => {
                self.enters(room);
                Vec::new()
            }
            Notice::Answer { answer: Ok(answer), .. } => match &**answer {
                Answer::Page(page) => page.msgs.iter().map(|msg| Fact::Read(msg.into())).collect(),
                _ => Vec::new(),
            },
            Notice::Posted { nonce, room, posted } => vec![Fact::Acked {
                cid: nonce.to_string(),
                room: room.0,
                seq: posted.seq.0,
                dup: posted.dup,
            }],
            Notice::PostFailed { nonce, fault, .. } => {
                let code = fault.code.as_str().to_owned();
                vec![Fact::Refused { cid: nonce.to_string(), code }]
            }
            _ => Vec::new(),
        }
    }

    fn reaches(&mut self, room: RoomId, seq: Seq) {
        self.last.insert(room, seq);
        self.stream.insert(room, seq);
    }

    /// Pushes go on behind what was shown, in the rooms that are still there.
    fn begins(&mut self, synced: &Synced) -> Fact {
        if synced.reset {
            self.last.clear();
        }
        let before = std::mem::take(&mut self.last);
        let outside = synced.rooms.iter().filter(|room| room.role == Role::Invited);
        self.gone = outside.map(|room| room.room).collect();
        self.begins.clear();
        self.entered.clear();
        self.entering.clear();
        for room in &synced.rooms {
            self.begins.insert(room.room, room.read.0.max(room.floor));
            if let Some(seen) = before.get(&room.room) {
                // The floor of an invitation says nothing of what will be shown to members.
                let floor = if room.role == Role::Invited { Seq::ZERO } else { room.floor };
                self.last.insert(room.room, floor.max(*seen));
            }
        }
        self.stream = self.last.clone();
        let cur = self.last.iter().map(|(room, seq)| (room.0, seq.0)).collect();
        Fact::Began { epoch: synced.epoch.clone(), cur }
    }

    fn skips(&mut self, gap: &Gap) -> Fact {
        self.reaches(gap.room, gap.to);
        Fact::Gap { room: gap.room.0, from: gap.from.0, to: gap.to.0 }
    }

    fn enters(&mut self, room: &Room) {
        if matches!(room.role, Role::Gone | Role::Invited) {
            self.gone.insert(room.room);
            return;
        }
        let came_back = self.gone.remove(&room.room);
        let to = room.read.0.max(room.floor);
        if came_back || !self.begins.contains_key(&room.room) {
            self.begins.insert(room.room, to);
            self.entering.insert(room.room);
        }
        if came_back {
            self.entered.insert(room.room, to);
        }
    }

    /// Whoever comes back is shown what was said after that: what is before the first push is left out
    /// by right, but nothing behind the marker.
    fn leaves_out(&mut self, room: RoomId, first: Seq) -> Option<Fact> {
        let marker = self.entered.remove(&room)?;
        let last = *self.stream.get(&room)?;
        let to = marker.0.min(first.0.saturating_sub(1));
        (to > last.0).then(|| Fact::Gap { room: room.0, from: last.next().0, to })
    }

    /// Rooms whose marker is shown elsewhere than before. A room that went and came back may begin
    /// lower, for one's own words count as read on this screen alone; then it is not compared.
    fn shows_read(&mut self) -> Vec<(RoomId, Seq)> {
        let mut moved = Vec::new();
        let mut absent: BTreeSet<RoomId> = self.marks.keys().copied().collect();
        for room in self.model.rooms().into_iter().filter(|room| !room.is_invitation()) {
            absent.remove(&room.id);
            let mark = self.marks.entry(room.id).or_default();
            let (read, before) = (room.read.0, mark.read);
            if read != before && (read > before || !mark.came_back) {
                moved.push((room.id, read));
                *mark = Mark { read, came_back: false };
            }
        }
        for room in absent {
            self.marks.entry(room).or_default().came_back = true;
        }
        moved.sort_unstable();
        moved
    }
}
