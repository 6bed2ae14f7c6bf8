//! A person with a client: the real link, the real model, and everything that was told on the way.
//! A task of its own takes the notices, so that nobody's client stands still while another is looked at.

use std::{path::Path, sync::Arc};

use liao_client_core::{
    answer::{Answered, CallError},
    handle::Handle,
    inbox::{InboxRow, inbox},
    link::{Credentials, Link, LinkConfig},
    model::{Model, RoomView},
    notice::{End, LinkState, Notice},
    timeline::{Content, FileOffer, Item, Row},
    transfer::{DownloadJob, Phase, TransferId, TransferNotice, UploadJob},
};
use liao_common::{
    event::{Event, Gap, Posted, Room},
    fault::Fault,
    id::{Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::{
        Mark, RoomCreate, RoomInvite, RoomJoin, RoomLeave, RoomOpen, RoomTopic, Token, Watch,
    },
};
use tokio::sync::{mpsc, watch};

use super::{Network, WITHIN, within};

/// What a client has been told.
#[derive(Default)]
pub(crate) struct Seen {
    /// The model that came of it.
    pub(crate) model: Model,
    /// All messages that were pushed, as they came.
    pub(crate) messages: Vec<Message>,
    /// All gaps.
    pub(crate) gaps: Vec<Gap>,
    /// Posts that were stored.
    pub(crate) posted: Vec<(Nonce, Posted)>,
    /// Posts that were refused.
    pub(crate) failed: Vec<(Nonce, Fault)>,
    /// How often the cursors were void.
    pub(crate) resets: usize,
    /// People who were told to have gone.
    pub(crate) departures: Vec<UserId>,
    /// Everything the link's state has been.
    pub(crate) states: Vec<LinkState>,
    /// Everything that happened to transfers.
    pub(crate) transfers: Vec<TransferNotice>,
    /// The newest token.
    pub(crate) token: Option<Token>,
}

/// See the module.
pub(crate) struct Person {
    /// The link's handle.
    pub(crate) handle: Handle,
    /// The way to the server.
    pub(crate) network: Network,
    seen: Arc<watch::Sender<Seen>>,
}

impl Person {
    /// Starts a client.
    pub(crate) fn start(network: Network, credentials: Credentials) -> Self {
        let config = LinkConfig::new(Arc::new(network.clone()), credentials, "story/1");
        Self::start_with(network, config)
    }

    /// Starts a client with other choices.
    pub(crate) fn start_with(network: Network, config: LinkConfig) -> Self {
        let (handle, notices) = Link::start(config);
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        handle.watch(Watch { act: Vec::new(), online: true }).unwrap();
        tokio::spawn(listen(handle.clone(), notices, Arc::clone(&seen)));
        Self { handle, network, seen }
    }

    /// The person once all is well, or why it never will be.
    pub(crate) async fn online(self) -> Result<Self, Fault> {
        let decided = |seen: &Seen| is_online(seen) || seen.ended().is_some();
        self.waits_for("online or refused", decided).await;
        match self.seen.borrow().ended() {
            Some(End::Refused(fault)) => return Err(fault.clone()),
            Some(end) => panic!("the link ended: {end:?}"),
            None => {}
        }
        Ok(self)
    }

    /// Looks at what is known now.
    pub(crate) fn looks<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.borrow())
    }

    /// Waits until something is so.
    pub(crate) async fn waits_for(&self, what: &str, fact: impl Fn(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        let came = tokio::time::timeout(WITHIN, seen.wait_for(fact)).await;
        if !matches!(came, Ok(Ok(_))) {
            let me = self.looks(|seen| seen.model.me.as_ref().map(|me| me.id.clone()));
            let rooms = self.looks(Seen::summary);
            panic!("{me:?} waits in vain for: {what}\n{rooms}");
        }
    }

    /// Waits until the link is over, and tells why.
    pub(crate) async fn ends(&self) -> End {
        self.waits_for("the end of the link", |seen| seen.ended().is_some()).await;
        self.looks(|seen| seen.ended().cloned().unwrap())
    }

    /// Waits for a line `name: text` in a room (`#name`, or `@id` for a private one).
    pub(crate) async fn sees(&self, room: &str, line: &str) {
        self.waits_for(&format!("{room} {line}"), |seen| {
            seen.lines(room).iter().any(|shown| shown == line)
        })
        .await;
    }

    /// Waits until somebody is in the list of who is online.
    pub(crate) async fn sees_online(&self, id: &str) {
        self.waits_for(&format!("{id} online"), |seen| seen.is_online(id)).await;
    }

    /// Waits until somebody is no longer in the list of who is online.
    pub(crate) async fn sees_gone(&self, id: &str) {
        self.waits_for(&format!("{id} offline"), |seen| !seen.is_online(id)).await;
    }

    /// This person's number.
    pub(crate) fn number(&self) -> UserId {
        self.looks(|seen| seen.model.my_id().expect("logged in"))
    }

    /// The number of a room that this person knows.
    #[track_caller]
    pub(crate) fn room(&self, room: &str) -> RoomId {
        self.looks(|seen| seen.room(room).unwrap_or_else(|| panic!("no room {room}")).id)
    }

    /// The token to log in with the next time.
    pub(crate) fn token(&self) -> Token {
        self.looks(|seen| seen.token.clone().expect("a token"))
    }

    /// Says something, and waits until it is stored.
    pub(crate) async fn says(&self, room: &str, text: &str) -> Seq {
        let posted = self.posts(room, Kind::Text, Body::text(text)).await;
        posted.unwrap_or_else(|fault| panic!("{room} {text}: {fault}")).seq
    }

    /// Posts, and waits for what comes of it.
    pub(crate) async fn posts(&self, room: &str, kind: Kind, body: Body) -> Result<Posted, Fault> {
        let nonce = self.handle.post(self.room(room), kind, body).await.unwrap();
        self.outcome(nonce).await
    }

    /// Waits for what comes of a post.
    pub(crate) async fn outcome(&self, nonce: Nonce) -> Result<Posted, Fault> {
        let outcome = |seen: &Seen| {
            let stored =
                seen.posted.iter().find(|(of, _)| *of == nonce).map(|(_, posted)| Ok(*posted));
            let failed = || {
                seen.failed.iter().find(|(of, _)| *of == nonce).map(|(_, fault)| Err(fault.clone()))
            };
            stored.or_else(failed)
        };
        self.waits_for("a post's outcome", |seen| outcome(seen).is_some()).await;
        self.looks(outcome).unwrap()
    }

    /// Asks the server.
    pub(crate) async fn asks<R: Answered>(&self, request: R) -> Result<R::Answer, CallError> {
        within("an answer", self.handle.call(request)).await
    }

    /// Makes a room and waits until it is there.
    pub(crate) async fn creates(&self, room: &str, private: bool) -> RoomId {
        let ask = RoomCreate { name: room.into(), private, topic: String::new() };
        let id = self.asks(ask).await.unwrap().room;
        self.waits_for(room, |seen| seen.room(room).is_some()).await;
        id
    }

    /// Enters a public room and waits until it is there.
    pub(crate) async fn joins(&self, room: &str) -> Room {
        let joined = self.asks(RoomJoin { room: None, name: Some(room.into()) }).await.unwrap();
        self.waits_for(room, |seen| seen.room(room).is_some()).await;
        joined
    }

    /// Leaves a room and waits until it is gone.
    pub(crate) async fn leaves(&self, room: &str) {
        self.asks(RoomLeave { room: self.room(room) }).await.unwrap();
        self.waits_for("the room is gone", |seen| seen.room(room).is_none()).await;
    }

    /// Invites somebody.
    pub(crate) async fn invites(&self, room: &str, user: UserId) -> Result<(), CallError> {
        self.asks(RoomInvite { room: self.room(room), user }).await.map(drop)
    }

    /// Sets a topic.
    pub(crate) async fn sets_topic(&self, room: &str, topic: &str) -> Result<Posted, CallError> {
        self.asks(RoomTopic { room: self.room(room), topic: topic.into() }).await
    }

    /// Opens the private room with somebody and waits until it is there.
    pub(crate) async fn opens(&self, id: &str) -> RoomId {
        self.handle.ask(RoomOpen { user: None, name: Some(id.into()) }).unwrap();
        let room = format!("@{}", id.to_lowercase());
        self.waits_for("the private room", |seen| seen.room(&room).is_some()).await;
        self.room(&room)
    }

    /// Has read all of a room.
    pub(crate) async fn reads(&self, room: &str) {
        let (id, head) =
            self.looks(|seen| seen.room(room).map(|room| (room.id, room.head.0)).unwrap());
        self.asks(Mark { room: id, read: head }).await.unwrap();
    }

    /// Scrolls up until nothing is missing.
    pub(crate) async fn reads_back(&self, room: &str) {
        let id = self.room(room);
        let hole = |model: &Model| {
            let items = model.room(id)?.timeline.items();
            items.into_iter().rev().find_map(|item| match item {
                Item::Hole(hole) => Some(hole),
                Item::Row(_) => None,
            })
        };
        self.seen.send_modify(|seen| drop(seen.model.open(id)));
        while let Some(before) = self.looks(|seen| hole(&seen.model)) {
            self.handle.ask(before.request(id)).unwrap();
            self.waits_for("a page", |seen| hole(&seen.model) != Some(before)).await;
        }
    }

    /// Says goodbye and goes.
    pub(crate) async fn goes(&self) {
        self.handle.close().await;
        assert_eq!(self.ends().await, End::Closed);
    }

    /// Starts to send a file.
    pub(crate) fn sends_file(&self, room: &str, path: &Path) -> TransferId {
        let job = UploadJob { room: self.room(room), path: path.into(), media: String::new() };
        self.handle.upload(job).unwrap()
    }

    /// Starts to fetch a file that was offered in a room.
    pub(crate) fn fetches(&self, room: &str, name: &str, dir: &Path) -> TransferId {
        let offer = self.looks(|seen| seen.offer(room, name));
        let job = DownloadJob {
            room: self.room(room),
            fid: offer.fid,
            name: offer.name,
            size: offer.size,
            hash: offer.hash.unwrap(),
            dir: dir.into(),
        };
        self.handle.download(job).unwrap()
    }

    /// Waits until a transfer is over or stands still, and tells how it is.
    pub(crate) async fn transferred(&self, id: TransferId) -> Phase {
        let phase =
            |seen: &Seen| seen.model.transfers.find(id).map(|transfer| transfer.phase.clone());
        let over = |seen: &Seen| phase(seen).is_some_and(|phase| phase.is_over());
        self.waits_for("the end of a transfer", over).await;
        self.looks(phase).unwrap()
    }

    /// The inbox.
    pub(crate) fn inbox(&self) -> Vec<InboxRow> {
        self.looks(|seen| inbox(&seen.model))
    }
}

impl Seen {
    /// Why the link ended, if it has.
    pub(crate) fn ended(&self) -> Option<&End> {
        match &self.model.state {
            LinkState::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// A room by `#name`, or by `@id` of the other person.
    pub(crate) fn room(&self, room: &str) -> Option<&RoomView> {
        match room.strip_prefix('@') {
            Some(id) => self.model.direct_room(self.model.people.find_id(id)?.user),
            None => self.model.room_named(room.trim_start_matches('#')),
        }
    }

    /// The rows of a room as `name: text`.
    pub(crate) fn lines(&self, room: &str) -> Vec<String> {
        let rows = self.room(room).into_iter().flat_map(|room| room.timeline.rows());
        rows.map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &Row) -> String {
        let name = self.model.name(row.from).unwrap_or("?");
        match &row.content {
            Content::Text(text) => format!("{name}: {text}"),
            Content::File(file) => format!("{name} offers {}", file.name),
            Content::Redacted => {
                let by = row.taken_back_by.and_then(|by| self.model.name(by)).unwrap_or(name);
                format!("{by} took it back")
            }
            Content::Join => format!("{name} joined"),
            Content::Leave => format!("{name} left"),
            Content::Removed(farewell) => {
                let by = self.model.name(farewell.by).unwrap_or("?");
                let verb = if farewell.ban { "banned" } else { "kicked" };
                format!("{by} {verb} {name}: {}", farewell.why)
            }
            Content::Role(user, rank) => {
                let other = user.and_then(|user| self.model.name(user)).unwrap_or("?");
                format!("{name} made {other} {}", rank.as_str())
            }
            Content::Topic(topic) => format!("{name} set the topic: {topic}"),
            Content::Invite(_) => format!("{name} invited somebody"),
            Content::Damaged => "damaged".to_owned(),
            Content::Unknown(kind) => format!("{name} did {kind}"),
        }
    }

    /// A file that was offered in a room.
    pub(crate) fn offer(&self, room: &str, name: &str) -> FileOffer {
        let mut rows = self.room(room).expect("the room").timeline.rows();
        let offer = rows.find_map(|row| match &row.content {
            Content::File(file) if file.name == name => Some(file.clone()),
            _ => None,
        });
        offer.unwrap_or_else(|| panic!("nobody offers {name}"))
    }

    /// What was said in a room, in order, without who came and went.
    pub(crate) fn texts(&self, room: &str) -> Vec<String> {
        let rows = self.room(room).into_iter().flat_map(|room| room.timeline.rows());
        let text = |row: &Row| match &row.content {
            Content::Text(text) => Some(text.clone()),
            _ => None,
        };
        rows.filter_map(text).collect()
    }

    /// Whether somebody is in the list of who is online.
    pub(crate) fn is_online(&self, id: &str) -> bool {
        self.model.people.find_id(id).is_some_and(|person| self.model.people.is_online(person.user))
    }

    fn summary(&self) -> String {
        let mut text = format!("{:?}\n", self.model.state);
        for room in self.model.rooms() {
            let name = room.with.and_then(|with| self.model.people.find(with));
            let name =
                name.map_or_else(|| format!("#{}", room.name), |with| format!("@{}", with.id));
            let lines = self.lines(&name);
            let last = lines.iter().rev().take(5).collect::<Vec<_>>();
            text += &format!(
                "{name} head {:?} read {:?}, newest first: {last:?}\n",
                room.head, room.read
            );
        }
        text
    }
}

fn is_online(seen: &Seen) -> bool {
    matches!(seen.model.state, LinkState::Online { .. }) && seen.model.is_ready()
}

/// Takes notices in, asks what the model wants asked, and does not wait for reconnects longer than
/// it must.
async fn listen(
    handle: Handle,
    mut notices: mpsc::Receiver<Notice>,
    into: Arc<watch::Sender<Seen>>,
) {
    while let Some(notice) = notices.recv().await {
        if matches!(notice, Notice::State(LinkState::Waiting { .. })) {
            handle.retry_now();
        }
        let mut wanted = Vec::new();
        into.send_modify(|seen| {
            wanted = seen.model.apply(&notice).requests;
            seen.keep(notice);
        });
        for request in wanted {
            match handle.ask(request) {
                // The link may have ended since, and its last notices still come.
                Ok(_) | Err(CallError::Closed) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Seen {
    fn keep(&mut self, notice: Notice) {
        match notice {
            Notice::State(state) => self.states.push(state),
            Notice::LoggedIn(session) => self.token = session.token.or(self.token.take()),
            Notice::Synced(synced) => self.resets += usize::from(synced.reset),
            Notice::Event(Event::Message(message)) => self.messages.push(*message),
            Notice::Event(Event::Gap(gap)) => self.gaps.push(gap),
            Notice::Event(Event::Presence(presence)) => self.departures.extend(presence.del),
            Notice::Transfer(notice) => self.transfers.push(notice),
            Notice::Posted { nonce, posted, .. } => self.posted.push((nonce, posted)),
            Notice::PostFailed { nonce, fault, .. } => self.failed.push((nonce, fault)),
            _ => {}
        }
    }
}
