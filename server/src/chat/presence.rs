//! Who is online. A person is online while one of their connections lives, and for a grace after
//! the last one died without a word, so that a reconnect is not seen as leaving and coming.
//! Changes are gathered and told as one frame that is the same for all who watch.
//!
//! Where very many are online, only the first of the list are named, up to a fence. So a change costs
//! the watchers nothing unless it is among those, and a person coming costs the same in any crowd.

mod roster;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
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
use tokio::{sync::Notify, time::Instant};

use super::mailbox::{Mailbox, Note};
use roster::{Person, Roster};

/// Changes are told at most this often.
const TICK: Duration = Duration::from_millis(250);

/// Names in one frame; more changes than this ask the watchers to look for themselves.
const NAMES_MAX: usize = 200;

/// Watchers are asked to look for themselves at most this often: each asks for pages then.
const RESET_EVERY: Duration = Duration::from_secs(5);

/// With no more than this many online, there is no fence any more. Somewhat below
/// [`limits::PRESENCE_NAMES_MAX`], so that few who come and go do not put it up and take it away.
const FENCED_MIN: usize = limits::PRESENCE_NAMES_MAX * 9 / 10;

/// People up to a new fence, so that many may come or go there before it has to move.
const FENCE_AT: usize = limits::PRESENCE_FIRST_MAX * 2 / 3;

/// With fewer people than this up to the fence, it moves.
const FENCE_MIN: usize = limits::PRESENCE_FIRST_MAX / 3;

/// Watchers told in one go; the others must wait, for [`PAUSE`] each time.
const WATCHERS_AT_ONCE: usize = 512;

/// So at most 10,240 frames a second go to watchers, however many there are: the more, the seldomer.
const PAUSE: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Debug, Default)]
pub struct Presence {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    roster: Roster,
    fence: Option<Fence>,
    /// What the watchers do not know yet.
    news: News,
    /// By the number of the mailbox, and told in that order.
    watchers: BTreeMap<u64, Weak<Mailbox>>,
    version: u64,
    next_absence: u64,
    /// Whose last connection died, in the order in which they are given up.
    leaving: VecDeque<Leaving>,
    /// When watchers were last asked to look for themselves.
    reset_at: Option<Instant>,
}

/// People behind it by user id are counted and not named.
#[derive(Debug)]
struct Fence {
    last: Arc<Person>,
    /// People online up to it.
    people: usize,
}

#[derive(Debug, Default)]
struct News {
    /// Somebody came or went.
    any: bool,
    /// Who of those that are named.
    named: HashMap<UserId, bool>,
    /// There were too many to keep their names.
    lost: bool,
}

/// Somebody whose grace runs.
#[derive(Debug)]
struct Leaving {
    at: Instant,
    user: UserId,
    absence: u64,
}

impl Presence {
    /// A connection of this person began.
    pub fn enter(&self, user: User) {
        let mut state = self.state();
        if let Some(here) = state.roster.find_mut(user.user) {
            here.connections += 1;
            here.absence = None;
            return;
        }
        let person = state.roster.insert(user);
        state.note(&person, true);
        drop(state);
        self.changed.notify_one();
    }

    /// A connection of this person ended: with a word, or by dying. Where it died and was the last,
    /// they are given up after this grace, which must be the same every time.
    pub fn leave(&self, user: UserId, said_bye: bool, grace: Duration) {
        let mut state = self.state();
        state.next_absence += 1;
        let absence = state.next_absence;
        let Some(here) = state.roster.find_mut(user) else { return };
        here.connections = here.connections.saturating_sub(1);
        if here.connections > 0 {
            return;
        }
        if said_bye {
            state.remove(user);
        } else {
            here.absence = Some(absence);
            state.leaving.push_back(Leaving { at: Instant::now() + grace, user, absence });
            if state.leaving.len() > 1 {
                return;
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Gives up those whose grace is over. Says when the next one's is.
    fn expire(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        while let Some(first) = state.leaving.front() {
            if first.at > now {
                return Some(first.at);
            }
            let Some(Leaving { user, absence, .. }) = state.leaving.pop_front() else { break };
            // Who came back has no absence any more, or a later one.
            if state.roster.find(user).is_some_and(|here| here.absence == Some(absence)) {
                state.remove(user);
            }
        }
        None
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
        self.state().roster.has(user)
    }

    /// A page of who is online, by user id. `query` keeps those whose user id begins so, and then
    /// those whose display name does.
    pub fn page(&self, query: &str, after: Option<&str>, limit: usize) -> UserPage {
        let state = self.state();
        UserPage { v: state.version, ..state.roster.page(query, after, limit) }
    }

    /// Tells changes until it is dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            let expiry = self.expire();
            self.tell().await;
            let reset = self.state().reset_due();
            tokio::time::sleep(TICK).await;
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = until(expiry) => {}
                () = until(reset) => {}
            }
        }
    }

    /// Tells what is new to all who watch, some at a time.
    async fn tell(&self) {
        let Some(frame) = self.state().frame() else { return };
        let mut told = 0;
        loop {
            told = self.tell_some(&frame, told);
            if told == u64::MAX {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells those that come after this number. Gives the number of the last, or the highest there
    /// is when all are told.
    fn tell_some(&self, frame: &Bytes, after: u64) -> u64 {
        let mut state = self.state();
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let some: Vec<_> = state
            .watchers
            .range(behind)
            .take(WATCHERS_AT_ONCE)
            .map(|(number, watcher)| (*number, watcher.upgrade()))
            .collect();
        for (number, _) in some.iter().filter(|(_, watcher)| watcher.is_none()) {
            state.watchers.remove(number);
        }
        drop(state);
        for mailbox in some.iter().filter_map(|(_, watcher)| watcher.as_ref()) {
            mailbox.tell(Note::Presence(frame.clone()));
        }
        match some.last() {
            Some((last, _)) if some.len() == WATCHERS_AT_ONCE => *last,
            _ => u64::MAX,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends at this moment, or never.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl State {
    fn remove(&mut self, user: UserId) {
        if let Some(person) = self.roster.remove(user) {
            self.note(&person, false);
        }
    }

    fn note(&mut self, person: &Person, came: bool) {
        self.news.any = true;
        if let Some(fence) = &mut self.fence {
            if person.id > fence.last.id {
                return;
            }
            fence.people = if came { fence.people + 1 } else { fence.people.saturating_sub(1) };
        }
        // Coming and going within one tick still counts as a change: somebody may have seen half.
        self.news.named.insert(person.user, came);
        if self.news.named.len() > NAMES_MAX {
            self.news.named = HashMap::new();
            self.news.lost = true;
        }
    }

    fn frame(&mut self) -> Option<Bytes> {
        let reset = self.reset_due().is_some_and(|due| due <= Instant::now());
        if !std::mem::take(&mut self.news.any) && !reset {
            return None;
        }
        self.version += 1;
        let on = self.roster.len() as u64;
        let mut body = event::Presence { v: self.version, on, ..event::Presence::default() };
        if reset {
            self.put_up_fence();
            self.news = News::default();
            self.reset_at = Some(Instant::now());
            body.reset = true;
        } else if !self.news.lost {
            self.name(&mut body);
        }
        Some(codec::frame(kind::PRES, 0, &body))
    }

    fn name(&mut self, body: &mut event::Presence) {
        let named = std::mem::take(&mut self.news.named).into_iter();
        let (came, went): (Vec<_>, Vec<_>) = named.partition(|(_, came)| *came);
        let here = |(user, _): &(UserId, bool)| Some(self.roster.find(*user)?.person.shown());
        body.set = came.iter().filter_map(here).collect();
        body.del = went.into_iter().map(|(user, _)| user).collect();
        body.set.sort_by(|one, other| one.id.cmp(&other.id));
        body.del.sort_unstable();
    }

    /// When the watchers shall look for themselves, if they must.
    fn reset_due(&self) -> Option<Instant> {
        let wanted = self.news.lost || self.is_fence_astray();
        wanted.then(|| self.reset_at.map_or_else(Instant::now, |last| last + RESET_EVERY))
    }

    fn is_fence_astray(&self) -> bool {
        let online = self.roster.len();
        match &self.fence {
            None => online > limits::PRESENCE_NAMES_MAX,
            Some(_) if online <= FENCED_MIN => true,
            Some(fence) => !(FENCE_MIN..=limits::PRESENCE_FIRST_MAX).contains(&fence.people),
        }
    }

    fn put_up_fence(&mut self) {
        let crowded = self.roster.len() > FENCED_MIN;
        let last = if crowded { self.roster.at_place(FENCE_AT) } else { None };
        self.fence = last.map(|last| Fence { last, people: FENCE_AT });
    }
}

#[cfg(test)]
mod tests;
