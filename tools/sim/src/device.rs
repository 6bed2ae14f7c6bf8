//! A client: the real link and the real model. It writes down what it was told and what it shows,
//! as facts for the judge. Its program may die and be started again: what a disk would have kept, the
//! token and the posts that wait, is there again then; the rest is not.

mod logout;
mod seen;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use liao_check::history::{Draft, Fact};
use liao_client_core::{
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    model::Model,
    notice::{LinkState, Notice, Queued, Ticket},
    timeline::Item,
};
use liao_common::{
    id::{DeviceId, RoomId, Seq},
    message::{Body, Kind},
    request::{Request, Token, Watch},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use seen::Seen;

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
