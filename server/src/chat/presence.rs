//! Who is online. A person is online while one of their connections lives, and for a grace after
//! the last one died without a word, so that a reconnect is not seen as leaving and coming.
//! Changes are gathered and told as one frame that is the same for all who watch.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, User, UserPage, kind},
    id::UserId,
    limits,
};
use tokio::sync::Notify;

use super::mailbox::{Mailbox, Note};

/// Changes are told at most this often.
const TICK: Duration = Duration::from_millis(250);

/// Names in one frame; more changes than this ask the watchers to look for themselves.
const NAMES_MAX: usize = 200;

/// See the module.
#[derive(Debug, Default)]
pub struct Presence {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    people: HashMap<UserId, Person>,
    by_id: BTreeMap<String, UserId>,
    pending: HashMap<UserId, bool>,
    /// By the number of the mailbox, and told in that order.
    watchers: BTreeMap<u64, Weak<Mailbox>>,
    version: u64,
    next_absence: u64,
}

#[derive(Debug)]
struct Person {
    user: User,
    connections: usize,
    /// Number of the grace that runs, if no connection is left.
    absence: Option<u64>,
}

impl Presence {
    /// A connection of this person began.
    pub fn enter(&self, user: User) {
        let mut state = self.state();
        if let Some(person) = state.people.get_mut(&user.user) {
            person.connections += 1;
            person.absence = None;
            return;
        }
        let id = user.user;
        state.by_id.insert(user.id.clone(), id);
        state.people.insert(id, Person { user, connections: 1, absence: None });
        state.note(id, true);
        drop(state);
        self.changed.notify_one();
    }

    /// A connection of this person ended: with a word, or by dying. Where it died and was the
    /// last, gives the number to hand to [`Self::expire`] after the grace.
    #[must_use]
    pub fn leave(&self, user: UserId, said_bye: bool) -> Option<u64> {
        let mut state = self.state();
        state.next_absence += 1;
        let absence = state.next_absence;
        let person = state.people.get_mut(&user)?;
        person.connections = person.connections.saturating_sub(1);
        if person.connections > 0 {
            return None;
        }
        if !said_bye {
            person.absence = Some(absence);
            return Some(absence);
        }
        state.remove(user);
        drop(state);
        self.changed.notify_one();
        None
    }

    /// The grace with this number is over: whoever has not come back is gone.
    pub fn expire(&self, user: UserId, absence: u64) {
        let mut state = self.state();
        if state.people.get(&user).is_some_and(|person| person.absence == Some(absence)) {
            state.remove(user);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// From now on this connection hears of changes.
    pub fn watch(&self, mailbox: &Arc<Mailbox>) {
        self.state().watchers.insert(mailbox.number, Arc::downgrade(mailbox));
    }

    /// This connection hears of changes no longer.
    pub fn unwatch(&self, mailbox: &Arc<Mailbox>) {
        self.state().watchers.remove(&mailbox.number);
    }

    /// Whether a person is online.
    pub fn is_online(&self, user: UserId) -> bool {
        self.state().people.contains_key(&user)
    }

    /// A page of who is online, by user id. `query` keeps those whose id or display name begins so.
    pub fn page(&self, query: &str, after: Option<&str>, limit: usize) -> UserPage {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.to_owned()));
        let query = query.to_lowercase();
        let matches = |user: &User| {
            user.id.starts_with(&query) || user.name.to_lowercase().starts_with(&query)
        };
        let mut matching = state
            .by_id
            .range((from, Bound::Unbounded))
            .filter_map(|(_, id)| Some(state.people.get(id)?.user.clone()))
            .filter(matches);
        let users: Vec<User> = matching.by_ref().take(limit).collect();
        let next =
            if matching.next().is_some() { users.last().map(|user| user.id.clone()) } else { None };
        let total = match query.as_str() {
            "" => state.people.len(),
            _ => state.people.values().filter(|person| matches(&person.user)).count(),
        };
        UserPage { users, total: total as u64, v: state.version, next, ..UserPage::default() }
    }

    /// Tells changes until it is dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            self.tell();
            tokio::time::sleep(TICK).await;
        }
    }

    fn tell(&self) {
        let mut state = self.state();
        let Some(frame) = state.frame() else { return };
        state.watchers.retain(|_, watcher| match watcher.upgrade() {
            Some(mailbox) => {
                mailbox.tell(Note::Presence(frame.clone()));
                true
            }
            None => false,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, user: UserId) {
        if let Some(person) = self.people.remove(&user) {
            self.by_id.remove(&person.user.id);
            self.note(user, false);
        }
    }

    fn note(&mut self, user: UserId, came: bool) {
        // Coming and going within one tick still counts as a change: somebody may have seen half.
        self.pending.insert(user, came);
    }

    fn frame(&mut self) -> Option<Bytes> {
        if self.pending.is_empty() {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        self.version += 1;
        let mut body =
            event::Presence { v: self.version, on: self.people.len() as u64, ..Default::default() };
        if pending.len() > NAMES_MAX || self.people.len() > limits::PRESENCE_NAMES_MAX {
            body.reset = true;
        } else {
            let (came, went): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(_, came)| *came);
            body.set =
                came.iter().filter_map(|(id, _)| Some(self.people.get(id)?.user.clone())).collect();
            body.del = went.into_iter().map(|(id, _)| id).collect();
            body.set.sort_by(|one, other| one.id.cmp(&other.id));
            body.del.sort_unstable();
        }
        Some(codec::frame(kind::PRES, 0, &body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{frame::Frame, id::DeviceId};

    fn user(id: u64) -> User {
        User { user: UserId(id), id: format!("u{id}"), name: format!("User {id}"), on: None }
    }

    fn told(presence: &Presence, mailbox: &Mailbox) -> Option<event::Presence> {
        presence.tell();
        mailbox.take().notes.into_iter().find_map(|note| match note {
            Note::Presence(frame) => Frame::parse(frame.slice(4..)).ok()?.decode().ok(),
            _ => None,
        })
    }

    #[test]
    fn several_devices_are_one_person_and_bye_is_seen_at_once() {
        let presence = Presence::default();
        let mailbox = Arc::new(Mailbox::new(UserId(9), DeviceId(1)));
        presence.watch(&mailbox);
        presence.enter(user(1));
        presence.enter(user(1));
        let change = told(&presence, &mailbox).unwrap();
        assert_eq!((change.v, change.on, change.set.len()), (1, 1, 1));
        assert_eq!(presence.leave(UserId(1), true), None);
        assert!(told(&presence, &mailbox).is_none(), "the other device is still there");
        assert_eq!(presence.leave(UserId(1), true), None);
        assert_eq!(told(&presence, &mailbox).unwrap().del, [UserId(1)]);
    }

    #[test]
    fn a_dead_connection_has_a_grace_that_a_reconnect_ends() {
        let presence = Presence::default();
        presence.enter(user(1));
        let first = presence.leave(UserId(1), false).unwrap();
        presence.enter(user(1));
        presence.expire(UserId(1), first);
        assert!(presence.is_online(UserId(1)), "it came back in time");
        let second = presence.leave(UserId(1), false).unwrap();
        presence.expire(UserId(1), first);
        assert!(presence.is_online(UserId(1)), "an old grace means nothing");
        presence.expire(UserId(1), second);
        assert!(!presence.is_online(UserId(1)));
    }

    #[test]
    fn pages_follow_each_other_and_filter() {
        let presence = Presence::default();
        (1..=5).for_each(|id| presence.enter(user(id)));
        let first = presence.page("", None, 2);
        assert_eq!((first.users.len(), first.total), (2, 5));
        let rest = presence.page("", first.next.as_deref(), 10);
        assert_eq!((rest.users.len(), rest.next), (3, None));
        assert_eq!(presence.page("USER 3", None, 10).users[0].id, "u3");
        assert!(presence.page("nobody", None, 10).users.is_empty());
    }
}
