//! From what a link tells to what line mode tells: keeps the model, waits with an entry until the
//! name of its author is known, and remembers what was told so that it can be marked as read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use liao_client_core::{
    answer::Answer,
    model::Model,
    notice::{Notice, Queued, Ticket},
    timeline::{Content, FileOffer, Row},
};
use liao_common::{
    event::{self, Gap},
    id::{FileId, Nonce, RoomId, Seq, UserId},
    limits,
    message::{Kind, Message},
    name::{RoomName, UserName},
    request::{Request, RoomOpen, Users, Watch},
    text,
};

use super::event::{Chat, Event, Said, What, Who};
use crate::view::chat::mentioned;

/// Entries that wait for names; then they are told with numbers in place of names.
const WAITING_MAX: usize = 4096;

/// Offered files that can be fetched by their number without looking for them.
const OFFERS_MAX: usize = 1024;

/// Rooms that one is not in any more whose names are kept.
const GONE_MAX: usize = 1024;

/// An entry that is not told yet.
#[derive(Debug)]
enum Waiting {
    Message { message: Box<Message>, sent: bool },
    Gap(Gap),
}

/// What is known, and what has been told.
#[derive(Debug, Default)]
pub(super) struct Story {
    model: Model,
    waiting: VecDeque<Waiting>,
    /// Names were asked for, and the answer has not come.
    asking: bool,
    /// People whose names were asked for in vain.
    nobody: BTreeSet<UserId>,
    unmarked: BTreeMap<RoomId, Seq>,
    offers: BTreeMap<FileId, (RoomId, FileOffer)>,
    posts: BTreeMap<Nonce, Queued>,
    /// How far the logs of rooms have come.
    seen: BTreeMap<RoomId, Seq>,
    /// The last own post in each room that has not come back in the room's log yet.
    ahead: BTreeMap<RoomId, Seq>,
    watched: Vec<RoomId>,
    /// Rooms that one is not in any more: what was said there may still have to be told.
    gone: BTreeMap<RoomId, Chat>,
}

impl Story {
    pub(super) const fn model(&self) -> &Model {
        &self.model
    }

    /// Takes a notice in. Gives what happened, and what has to be asked because of it.
    pub(super) fn take(&mut self, notice: &Notice) -> (Vec<Event>, Vec<Request>) {
        let mut events = self.comings_and_goings(notice);
        let known = self.at_stake(notice);
        let changes = self.model.apply(notice);
        self.keep_gone(known);
        let mut requests = changes.requests;
        // Names are asked for here, for those entries only that wait to be told.
        requests.retain(|request| !matches!(request, Request::Users(_)));
        self.queue(notice);
        self.tell(&mut events);
        if let Notice::Event(event::Event::Synced) = notice {
            events.extend(self.me().map(Event::Ready));
        }
        if self.model.is_ready() {
            requests.extend(self.ask_names());
            requests.extend(self.watch());
        }
        (events, requests)
    }

    /// The rooms that may go with a notice.
    fn at_stake(&self, notice: &Notice) -> Vec<(RoomId, Chat)> {
        let rooms: Vec<RoomId> = match notice {
            Notice::Event(event::Event::Room(room)) => {
                self.model.room(room.room).map(|view| view.id).into_iter().collect()
            }
            Notice::Synced(_) => self.model.rooms().iter().map(|view| view.id).collect(),
            _ => Vec::new(),
        };
        rooms.into_iter().map(|room| (room, self.chat(room))).collect()
    }

    fn keep_gone(&mut self, known: Vec<(RoomId, Chat)>) {
        for (room, chat) in known {
            if self.model.room(room).is_none() {
                self.gone.insert(room, chat);
            }
        }
        while self.gone.len() > GONE_MAX {
            self.gone.pop_first();
        }
    }

    /// A room that was asked for is there. Its answer came past the notices, and what is said in it
    /// may come before the server tells of it by itself.
    pub(super) fn learn(&mut self, room: event::Room) {
        let request = Box::new(RoomOpen::default().into());
        let answer = Ok(Box::new(Answer::Room(room)));
        self.model.apply(&Notice::Answer { ticket: Ticket(0), request, answer });
    }

    /// A request that the story wished for was not taken; it will wish again.
    pub(super) fn not_asked(&mut self, request: &Request) {
        match request {
            Request::Users(_) => self.asking = false,
            Request::Watch(_) => self.watched.clear(),
            _ => {}
        }
    }

    /// Whether everything said before this person's last post has been told.
    pub(super) fn is_told(&self) -> bool {
        self.waiting.is_empty() && self.ahead.is_empty()
    }

    /// How far rooms have been told since the last call.
    pub(super) fn take_unmarked(&mut self) -> Vec<(RoomId, Seq)> {
        std::mem::take(&mut self.unmarked).into_iter().collect()
    }

    /// A room that this person is in.
    pub(super) fn room(&self, name: &RoomName) -> Option<RoomId> {
        let room = self.model.room_named(name.as_str())?;
        (!room.is_invitation()).then_some(room.id)
    }

    /// A room that this person is invited to.
    pub(super) fn invitation(&self, name: &RoomName) -> Option<RoomId> {
        let room = self.model.room_named(name.as_str())?;
        room.is_invitation().then_some(room.id)
    }

    /// The room of this person and another one, once it is there.
    pub(super) fn direct(&self, user: &UserName) -> Option<RoomId> {
        let person = self.model.people.find_id(user.as_str())?;
        self.model.direct_room(person.user).map(|room| room.id)
    }

    /// A file that was offered in this run.
    pub(super) fn offer(&self, fid: FileId) -> Option<&(RoomId, FileOffer)> {
        self.offers.get(&fid)
    }

    /// The people named in a text with `@`.
    pub(super) fn named(&self, text: &str) -> Vec<UserId> {
        mentioned(&self.model, text)
    }

    pub(super) fn chat(&self, room: RoomId) -> Chat {
        let Some(view) = self.model.room(room) else {
            let unknown = || Chat { label: format!("room {room}"), with: None };
            return self.gone.get(&room).cloned().unwrap_or_else(unknown);
        };
        match view.with.filter(|_| view.is_direct()) {
            Some(user) => {
                let Who { id, name } = self.who(user);
                Chat { label: id, with: Some(name) }
            }
            None => Chat { label: format!("#{}", view.name), with: None },
        }
    }

    fn me(&self) -> Option<Who> {
        let me = self.model.me.as_ref()?;
        Some(Who { id: text::clean_line(&me.id), name: text::clean_line(&me.name) })
    }

    fn who(&self, user: UserId) -> Who {
        if let Some(me) = self.me().filter(|_| self.model.my_id() == Some(user)) {
            return me;
        }
        self.model.people.find(user).map_or_else(
            || Who { id: format!("user {user}"), name: format!("user {user}") },
            |person| Who { id: person.id.clone(), name: person.name.clone() },
        )
    }

    /// Changes of presence, told before the model knows of them: only changes are news.
    fn comings_and_goings(&self, notice: &Notice) -> Vec<Event> {
        let Notice::Event(event::Event::Presence(change)) = notice else { return Vec::new() };
        if !self.model.is_ready() {
            return Vec::new();
        }
        let people = &self.model.people;
        let other = |user: &UserId| self.model.my_id() != Some(*user);
        let came = change.set.iter().filter(|user| !people.is_online(user.user));
        let came = came
            .filter(|user| other(&user.user))
            .map(|user| Who { id: text::clean_line(&user.id), name: text::clean_line(&user.name) });
        let went = change.del.iter().filter(|user| people.is_online(**user) && other(user));
        let went = went.map(|user| Event::Presence(self.who(*user), false));
        came.map(|who| Event::Presence(who, true)).chain(went).collect()
    }

    fn queue(&mut self, notice: &Notice) {
        match notice {
            Notice::Event(event::Event::Message(message)) => {
                self.caught_up(message.room, message.seq);
                self.heard(message);
            }
            Notice::Event(event::Event::Gap(gap)) => {
                self.caught_up(gap.room, gap.to);
                self.waiting.push_back(Waiting::Gap(*gap));
            }
            Notice::Queued(queued) => {
                self.posts.insert(queued.nonce, (**queued).clone());
            }
            Notice::PostFailed { nonce, .. } | Notice::Discarded { nonce, .. } => {
                self.posts.remove(nonce);
            }
            Notice::Posted { nonce, posted, .. } => {
                if let Some(queued) = self.posts.remove(nonce) {
                    self.posted(queued, posted);
                }
            }
            Notice::Answer { request, answer, .. } => {
                if let Request::Users(asked) = &**request {
                    self.asking = false;
                    let known = |user: &UserId| self.model.people.find(*user).is_some();
                    self.nobody.extend(asked.ids.iter().filter(|user| !known(user)));
                    tracing::debug!(ok = answer.is_ok(), "names");
                }
            }
            _ => {}
        }
    }

    /// What this run said itself was told when it was acknowledged.
    fn heard(&mut self, message: &Message) {
        let me = self.model.me.as_ref();
        let own = me.is_some_and(|me| (me.user, me.dev) == (message.from, message.device));
        if own && message.kind.is_post() {
            self.mark(message.room, message.seq);
        } else {
            let message = Box::new(message.clone());
            self.waiting.push_back(Waiting::Message { message, sent: false });
        }
    }

    /// The log of a room has come to this place.
    fn caught_up(&mut self, room: RoomId, seq: Seq) {
        let seen = self.seen.entry(room).or_default();
        *seen = seq.max(*seen);
        if self.ahead.get(&room).is_some_and(|own| own <= seen) {
            self.ahead.remove(&room);
        }
    }

    fn posted(&mut self, queued: Queued, posted: &event::Posted) {
        if self.seen.get(&queued.room).is_none_or(|seen| *seen < posted.seq) {
            self.ahead.insert(queued.room, posted.seq);
        }
        let Some(me) = &self.model.me else { return };
        let message = Box::new(Message {
            room: queued.room,
            seq: posted.seq,
            n: 0,
            at_ms: posted.at_ms,
            from: me.user,
            device: me.dev,
            cid: queued.nonce,
            kind: queued.kind,
            body: queued.body,
        });
        self.waiting.push_back(Waiting::Message { message, sent: true });
    }

    /// Tells what waits, in order, up to the first whose author has no name yet.
    fn tell(&mut self, events: &mut Vec<Event>) {
        loop {
            let full = self.waiting.len() > WAITING_MAX;
            match self.waiting.front() {
                Some(Waiting::Message { message, .. }) if !full && !self.is_named(message) => {
                    return;
                }
                Some(_) => {}
                None => return,
            }
            events.extend(match self.waiting.pop_front() {
                Some(Waiting::Message { message, sent }) => Some(self.told(&message, sent)),
                Some(Waiting::Gap(gap)) => {
                    let count = gap.to.0.saturating_sub(gap.from.0).saturating_add(1);
                    self.mark(gap.room, gap.to);
                    Some(Event::Missed(self.chat(gap.room), count))
                }
                None => None,
            });
        }
    }

    fn told(&mut self, message: &Message, sent: bool) -> Event {
        if !sent {
            self.mark(message.room, message.seq);
        }
        let what = self.what(message);
        if let What::File(file) = &what {
            self.offers.insert(file.fid, (message.room, file.clone()));
            if self.offers.len() > OFFERS_MAX {
                self.offers.pop_first();
            }
        }
        Event::Said(Box::new(Said {
            chat: self.chat(message.room),
            seq: message.seq,
            from: self.who(message.from),
            at_ms: message.at_ms,
            kind: text::clean_line(message.kind.as_str()),
            what,
            at: message.body.at.iter().map(|user| self.who(*user).id).collect(),
            mine: self.model.my_id() == Some(message.from),
            sent,
        }))
    }

    fn what(&self, message: &Message) -> What {
        let body = &message.body;
        match (&message.kind, body.of, &body.text) {
            (Kind::Edit, Some(of), Some(new)) => return What::Edit(of, text::clean_text(new)),
            (Kind::Redact, Some(of), _) => return What::TakenBack(of),
            _ => {}
        }
        match Row::sent(message).content {
            Content::Text(text) => What::Text(text),
            Content::File(file) => What::File(file),
            Content::Redacted => What::TakenBack(message.seq),
            Content::Join => What::Join,
            Content::Leave => What::Leave,
            Content::Removed(farewell) => What::Removed(self.who(farewell.by), farewell),
            Content::Role(Some(user), rank) => What::Role(self.who(user), rank),
            Content::Role(None, _) => What::Unknown,
            Content::Topic(topic) => What::Topic(topic),
            Content::Invite(user) => {
                What::Invite(user.map(|user| self.who(user).name).unwrap_or_default())
            }
            Content::Damaged => What::Damaged,
            Content::Unknown(_) => What::Unknown,
        }
    }

    fn mark(&mut self, room: RoomId, seq: Seq) {
        let told = self.unmarked.entry(room).or_default();
        *told = seq.max(*told);
    }

    fn is_named(&self, message: &Message) -> bool {
        self.unnamed(message).next().is_none()
    }

    /// Whose name is missing to tell this entry.
    fn unnamed<'a>(&'a self, message: &'a Message) -> impl Iterator<Item = UserId> + 'a {
        let with = self.model.room(message.room).and_then(|room| room.with);
        let people = std::iter::once(message.from).chain(message.body.user).chain(with);
        let people = people.chain(message.body.by);
        people.chain(message.body.at.iter().copied()).filter(|user| {
            self.model.my_id() != Some(*user)
                && self.model.people.find(*user).is_none()
                && !self.nobody.contains(user)
        })
    }

    fn ask_names(&mut self) -> Option<Request> {
        if self.asking {
            return None;
        }
        let messages = self.waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Message { message, .. } => Some(message),
            Waiting::Gap(_) => None,
        });
        let ids: BTreeSet<UserId> = messages
            .flat_map(|message| self.unnamed(message))
            .take(limits::PAGE_ENTRIES_MAX)
            .collect();
        self.asking = !ids.is_empty();
        let ids = ids.into_iter().collect();
        self.asking.then(|| Users { ids, names: Vec::new() }.into())
    }

    /// Everything is looked at: line mode has no other place for news than its paper.
    fn watch(&mut self) -> Option<Request> {
        let mut rooms: Vec<RoomId> = self.model.rooms().iter().map(|room| room.id).collect();
        rooms.sort_unstable();
        if rooms == self.watched {
            return None;
        }
        self.watched.clone_from(&rooms);
        Some(Watch { act: rooms, online: true }.into())
    }
}
