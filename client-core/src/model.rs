//! What a client knows: itself, people, rooms, timelines, transfers. Pure: notices go in, changes
//! and wishes come out, and the same notices give the same model.

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{
    event::{Event, Page, Role, Room, Session, Welcome},
    id::{RoomId, Seq, UserId},
    limits,
    message::Message,
    request::{History, Mark, Request},
};

mod left;
mod listed;
mod own_changes;
mod people;
mod room;
mod staff;
#[cfg(test)]
mod tests;

pub use own_changes::RefusedChange;
pub use people::{People, Person};
pub use room::{Loss, RoomView};

use own_changes::OwnChanges;

use crate::{
    answer::{Answer, CallError},
    notice::{LinkState, Notice},
    timeline::{Hole, Timeline},
    transfer::Transfers,
};

/// Rooms and invitations that are known; what a server names beyond is left out.
const ROOMS_MAX: usize = 2 * limits::ROOMS_PER_USER_MAX;

/// What a notice changed, and what has to be asked because of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Ask these: names that are missing, lists that have to be fetched again.
    pub requests: Vec<Request>,
    /// Rooms that look different now.
    pub rooms: BTreeSet<RoomId>,
    /// The list of people or of who is online is different.
    pub people: bool,
    /// The state of the link or the session is different.
    pub link: bool,
    /// A transfer moved.
    pub transfers: bool,
    /// News that may deserve a bell: somebody spoke in private or named this person.
    pub alerts: Vec<Alert>,
}

/// A page of a room that fills a hole from one of its ends: where it lies before, or after.
type PageAsked = (RoomId, Option<Seq>, Option<Seq>);

const fn page_asked(asked: &History) -> PageAsked {
    (asked.room, asked.before, asked.after)
}

/// A new message that concerns this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Where.
    pub room: RoomId,
    /// Which message.
    pub seq: Seq,
    /// Who said it.
    pub from: UserId,
}

/// What a client knows.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// How the link stands.
    pub state: LinkState,
    /// The server's introduction, once it has spoken.
    pub welcome: Option<Welcome>,
    /// Who one is, once logged in; without the token.
    pub me: Option<Session>,
    /// People and presence.
    pub people: People,
    /// Files on their way.
    pub transfers: Transfers,
    rooms: BTreeMap<RoomId, RoomView>,
    unplaced: BTreeMap<RoomId, Timeline>,
    own_changes: OwnChanges,
    pages: BTreeSet<PageAsked>,
    /// Pages that were refused: asked again when the room is opened anew, not at every look.
    refused: BTreeSet<PageAsked>,
    opened: BTreeSet<RoomId>,
    /// The server tells who comes and goes. Until then a list of who is online would soon be wrong.
    watching: bool,
    ready: bool,
    rank: u64,
    left: left::Left,
    /// Rooms that this person is in no more since they were away, by their names, until they have seen it.
    gone: BTreeMap<RoomId, String>,
    epoch: String,
}

impl Model {
    /// The number of this person, once logged in.
    #[must_use]
    pub fn my_id(&self) -> Option<UserId> {
        self.me.as_ref().map(|me| me.user)
    }

    /// Whether everything missed has arrived since the last connect.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// How many own edits and take-backs the server has neither taken nor refused.
    #[must_use]
    pub fn waiting_changes(&self) -> usize {
        self.own_changes.waiting()
    }

    /// The text that a message is to get by an own edit that is on its way; the newest one.
    #[must_use]
    pub fn waiting_text(&self, room: RoomId, of: Seq) -> Option<&str> {
        self.own_changes.text(room, of)
    }

    /// Own edits and take-backs that were refused since the last call. They have no row that could say so.
    pub fn take_refused_changes(&mut self) -> Vec<RefusedChange> {
        self.own_changes.take_refused()
    }

    /// All rooms and invitations, the one that moved last first.
    #[must_use]
    pub fn rooms(&self) -> Vec<&RoomView> {
        let mut rooms: Vec<_> = self.rooms.values().filter(|room| room.removed.is_none()).collect();
        rooms.sort_by_key(|room| std::cmp::Reverse(room.rank));
        rooms
    }

    /// A room by number.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&RoomView> {
        self.rooms.get(&room)
    }

    /// A room by its name without `#`: the one that this person is in before one they are invited to.
    #[must_use]
    pub fn room_named(&self, name: &str) -> Option<&RoomView> {
        let named = |room: &&RoomView| !room.is_direct() && room.name == name;
        let rooms = self.rooms.values().filter(|room| room.removed.is_none());
        rooms.filter(named).min_by_key(|room| room.is_invitation())
    }

    /// The direct room with a person.
    #[must_use]
    pub fn direct_room(&self, user: UserId) -> Option<&RoomView> {
        self.rooms.values().find(|room| room.is_direct() && room.with == Some(user))
    }

    /// How a person is called, see [`Person::called`]; `None` while it is unknown.
    #[must_use]
    pub fn name(&self, user: UserId) -> Option<&str> {
        self.people.find(user).map(Person::called)
    }

    /// Unread messages in all rooms.
    #[must_use]
    pub fn unread(&self) -> u64 {
        let rooms = self.rooms.values().filter(|room| !room.is_invitation());
        rooms.map(RoomView::unread).fold(0, u64::saturating_add)
    }

    /// A room comes on the screen: more of it is kept. Gives the request for its newest messages
    /// when they are missing.
    pub fn open(&mut self, room: RoomId) -> Option<Request> {
        self.opened.insert(room);
        self.refused.retain(|(of, ..)| *of != room);
        let view = self.rooms.get_mut(&room)?;
        view.timeline.keep_more(true);
        let hole = view.timeline.hole_at_end()?;
        self.fill(room, hole)
    }

    /// A room leaves the screen.
    pub fn close(&mut self, room: RoomId) {
        self.opened.remove(&room);
        if let Some(view) = self.rooms.get_mut(&room) {
            view.timeline.keep_more(false);
        }
    }

    /// Somebody reads here in a room, or at its end.
    pub fn look_at(&mut self, room: RoomId, seq: Option<Seq>) {
        if let Some(view) = self.rooms.get_mut(&room) {
            view.timeline.look_at(seq);
        }
    }

    /// The request that fills a hole from its end, for who reads upwards; `None` while that is under way, or
    /// while what was missed still comes by itself.
    pub fn fill(&mut self, room: RoomId, hole: Hole) -> Option<Request> {
        self.fetch(hole.request(room))
    }

    /// The same from its beginning, for who reads on.
    pub fn fill_onwards(&mut self, room: RoomId, hole: Hole) -> Option<Request> {
        self.fetch(hole.request_onwards(room))
    }

    fn fetch(&mut self, page: History) -> Option<Request> {
        let key = page_asked(&page);
        let fresh = self.ready && !self.refused.contains(&key) && self.pages.insert(key);
        fresh.then(|| page.into())
    }

    /// This person has read up to `seq`. Gives the request that tells the server, if it is news.
    pub fn mark_read(&mut self, room: RoomId, seq: Seq) -> Option<Request> {
        let view = self.rooms.get_mut(&room)?;
        let read = seq.min(view.head.0);
        if read <= view.read.0 {
            return None;
        }
        let n = if read == view.head.0 {
            view.head.1
        } else {
            view.timeline.count_up_to(read).unwrap_or(view.read.1)
        };
        view.raise_read((read, n));
        Some(Mark { room, read }.into())
    }

    /// Takes a notice in.
    pub fn apply(&mut self, notice: &Notice) -> Changes {
        let mut changes = Changes::default();
        match notice {
            Notice::State(state) => {
                self.ready &= matches!(state, LinkState::Online { .. } | LinkState::Syncing);
                self.state = state.clone();
                changes.link = true;
            }
            Notice::Welcome(welcome) => self.welcome = Some((**welcome).clone()),
            Notice::LoggedIn(session) => {
                self.me = Some(Session { token: None, ..(**session).clone() });
                let rooms = self.rooms.values_mut().map(|room| &mut room.timeline);
                rooms
                    .chain(self.unplaced.values_mut())
                    .for_each(|timeline| timeline.belong_to(session.user));
                changes.link = true;
            }
            Notice::Refused(_) => changes.link = true,
            Notice::Synced(synced) => self.synced(synced, &mut changes),
            Notice::Event(event) => self.event(event, &mut changes),
            Notice::Answer { request, answer, .. } => {
                self.answer(request, answer.as_deref(), &mut changes);
            }
            Notice::Transfer(notice) => {
                self.transfers.apply(notice);
                changes.transfers = true;
            }
            Notice::Queued(_)
            | Notice::Posted { .. }
            | Notice::PostFailed { .. }
            | Notice::Discarded { .. } => self.own_post(notice, &mut changes),
        }
        if self.ready {
            changes.requests.extend(self.people.lookup());
        }
        changes
    }

    fn event(&mut self, event: &Event, changes: &mut Changes) {
        match event {
            Event::Message(message) => self.message(message, changes),
            Event::Gap(gap) => {
                if let Some(room) = self.rooms.get_mut(&gap.room) {
                    room.timeline.gap(gap.to);
                    room.staff.miss();
                    changes.rooms.insert(gap.room);
                }
            }
            Event::Synced => {
                self.ready = true;
                changes.link = true;
                self.show_refused(changes);
                self.refill(changes);
            }
            Event::Room(room) => self.place(room, changes),
            Event::Heads(heads) => {
                for &(id, seq, n) in &heads.h {
                    if let Some(room) = self.rooms.get_mut(&id) {
                        room.raise_head((seq, n));
                        room.staff.miss();
                        changes.rooms.insert(id);
                        self.touch(id);
                    }
                }
            }
            Event::Presence(presence) => {
                changes.requests.extend(self.people.moved(presence));
                changes.people = true;
            }
            Event::Marked(marked) => {
                if let Some(room) = self.rooms.get_mut(&marked.room) {
                    room.raise_read(marked.read);
                    changes.rooms.insert(marked.room);
                }
            }
            Event::FileData(_)
            | Event::FileAck(_)
            | Event::Ping(_)
            | Event::Pong(_)
            | Event::GoAway(_) => {}
        }
    }

    /// What is on the screen gets its newest messages without being asked for.
    fn refill(&mut self, changes: &mut Changes) {
        for room in self.opened.clone() {
            let hole = self.rooms.get(&room).and_then(|view| view.timeline.hole_at_end());
            changes.requests.extend(hole.and_then(|hole| self.fill(room, hole)));
        }
    }

    fn message(&mut self, message: &Message, changes: &mut Changes) {
        let me = self.my_id();
        let Some(room) = self.rooms.get_mut(&message.room) else { return };
        if !room.push(message, me) {
            return;
        }
        changes.rooms.insert(message.room);
        let close = room.is_direct() || me.is_some_and(|me| message.body.at.contains(&me));
        if self.ready && close && message.kind.counts() && Some(message.from) != me {
            let alert = Alert { room: message.room, seq: message.seq, from: message.from };
            changes.alerts.push(alert);
        }
        self.touch(message.room);
        self.want_names(message);
    }

    fn want_names(&mut self, message: &Message) {
        self.people.want(message.from);
        let named = message.body.at.iter().chain(&message.body.user).chain(&message.body.by);
        named.for_each(|user| self.people.want(*user));
    }

    /// A room is new, changed or gone.
    fn place(&mut self, room: &Room, changes: &mut Changes) {
        changes.rooms.insert(room.room);
        if room.role == Role::Gone {
            return self.lose(room);
        }
        self.gone.remove(&room.room);
        if let Some(user) = &room.with {
            self.people.learn(user);
        }
        if let Some(view) = self.rooms.get_mut(&room.room) {
            view.update(room);
            return;
        }
        if self.rooms.len() >= ROOMS_MAX {
            return;
        }
        let mut view = RoomView::new(room);
        view.timeline.keep_more(self.opened.contains(&room.room));
        if let Some(waiting) = self.unplaced.remove(&room.room) {
            view.timeline = waiting;
            view.timeline.keep_more(self.opened.contains(&room.room));
            view.update(room);
        }
        self.rooms.insert(room.room, view);
        self.touch(room.room);
    }

    fn touch(&mut self, room: RoomId) {
        self.rank += 1;
        if let Some(view) = self.rooms.get_mut(&room) {
            view.rank = self.rank;
        }
    }

    fn answer(
        &mut self,
        request: &Request,
        answer: Result<&Answer, &CallError>,
        changes: &mut Changes,
    ) {
        match (request, answer) {
            (Request::History(asked), Ok(Answer::Page(page))) => self.page(asked, page, changes),
            (Request::History(asked), Err(error)) => {
                self.page_over(asked);
                if let CallError::Fault(_) = error {
                    self.refused.insert(page_asked(asked));
                }
            }
            (Request::Who(asked), answer) if asked.query.is_empty() => {
                let page = match answer {
                    Ok(Answer::Users(page)) => Some(page),
                    _ => None,
                };
                changes.requests.extend(self.people.listed(page));
                changes.people = true;
            }
            // Without an answer, the link says it again on the next connection, and nobody hears of that one.
            (Request::Watch(asked), Ok(_) | Err(CallError::Lost))
                if asked.online && !self.watching =>
            {
                self.watching = true;
                changes.requests.push(self.people.restart());
                changes.people = true;
            }
            (Request::Users(_), Ok(Answer::Users(page))) => {
                self.people.looked_up(Some(page));
                changes.people = true;
            }
            (Request::Users(_), Err(_)) => self.people.looked_up(None),
            (Request::Members(asked), Err(_)) => self.staff_refused(asked.room),
            (_, Ok(Answer::Users(page))) => {
                self.staff_listed(request, page);
                page.users.iter().for_each(|user| self.people.learn(user));
                changes.people = true;
            }
            (_, Ok(Answer::Room(room))) if self.left.is_older(room) => {}
            (_, Ok(Answer::Room(room))) => self.place(room, changes),
            (Request::RoomLeave(asked), Ok(_)) => {
                self.rooms.remove(&asked.room);
                changes.rooms.insert(asked.room);
            }
            (_, Ok(Answer::Marked(marked))) => {
                if let Some(room) = self.rooms.get_mut(&marked.room) {
                    room.raise_read(marked.read);
                    changes.rooms.insert(marked.room);
                }
            }
            _ => {}
        }
    }

    fn page(&mut self, asked: &History, page: &Page, changes: &mut Changes) {
        self.page_over(asked);
        if page.msgs.is_empty() && (page.more || asked.after.is_some()) {
            // The same question would have the same answer.
            self.refused.insert(page_asked(asked));
        }
        page.users.iter().for_each(|user| self.people.learn(user));
        changes.people |= !page.users.is_empty();
        page.msgs.iter().for_each(|message| self.want_names(message));
        let me = self.my_id();
        let Some(room) = self.rooms.get_mut(&asked.room) else { return };
        changes.rooms.insert(asked.room);
        for message in page.msgs.iter().rev().filter(|message| message.room == asked.room) {
            room.timeline.insert(message);
            if message.body.late && Some(message.from) == me {
                room.speak(message);
            }
            room.last_ms = room.last_ms.max(message.at_ms);
        }
        room.timeline.raise_floor(page.floor);
        if let (Some(before), false) = (asked.before, page.more) {
            // Nothing comes before this page, whatever the numbers say.
            let oldest = page.msgs.first().map_or(before, |message| message.seq);
            room.timeline.raise_floor(Seq(oldest.0.saturating_sub(1)));
        }
    }

    fn page_over(&mut self, asked: &History) {
        self.pages.remove(&page_asked(asked));
    }

    /// Posts of an earlier run come before the rooms do; they wait beside them.
    fn own_post(&mut self, notice: &Notice, changes: &mut Changes) {
        let me = self.my_id().unwrap_or_default();
        let id = match notice {
            Notice::Queued(queued) => queued.room,
            Notice::Posted { room, .. }
            | Notice::PostFailed { room, .. }
            | Notice::Discarded { room, .. } => *room,
            _ => return,
        };
        self.own_changes.apply(notice);
        let timeline = match self.rooms.get_mut(&id) {
            Some(room) => &mut room.timeline,
            None => self.unplaced.entry(id).or_default(),
        };
        match notice {
            Notice::Queued(queued) => timeline.queue(queued, me),
            Notice::Posted { nonce, posted, .. } => {
                timeline.posted(*nonce, posted.seq, posted.at_ms);
            }
            Notice::PostFailed { nonce, fault, .. } => timeline.failed(*nonce, fault),
            Notice::Discarded { nonce, .. } => timeline.discard(*nonce),
            _ => {}
        }
        changes.rooms.insert(id);
        if self.ready {
            self.show_refused(changes);
        }
    }
}
