//! Who there is and who is online. Names are cleaned on their way in. The list of who is online is
//! a page of `who` with the numbered changes that followed; a missing number asks for it again.

mod namesakes;

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{
    event::{Presence, User, UserPage},
    id::UserId,
    limits,
    request::{Request, Users, Who},
    text,
};
use namesakes::Namesakes;

/// People that are remembered; beyond, the oldest accounts are forgotten and asked for again.
const PEOPLE_MAX: usize = 65_536;

/// Changes that are held back while the list is fetched; more of them fetch it once more.
const HELD_MAX: usize = 256;

/// People whose names are missing and wanted; those beyond stay numbers until they speak again.
const WANTED_MAX: usize = 4096;

/// People online whose names are kept; beyond, only their number counts.
const ONLINE_MAX: usize = 2 * limits::PRESENCE_NAMES_MAX;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number that messages carry.
    pub user: UserId,
    /// The user id, cleaned.
    pub id: String,
    /// The display name, cleaned.
    pub name: String,
    /// The display name with the user id, where others have the same.
    told_apart: Option<Box<str>>,
}

impl Person {
    /// How this person is called: by the display name, and by the user id too where others have the same name.
    #[must_use]
    pub fn called(&self) -> &str {
        self.told_apart.as_deref().unwrap_or(&self.name)
    }
}

/// Everybody this program has heard of.
#[derive(Clone, Debug, Default)]
pub struct People {
    known: BTreeMap<UserId, Person>,
    namesakes: Namesakes,
    online: BTreeSet<UserId>,
    sorted: Vec<UserId>,
    count: u64,
    version: u64,
    fetch: Option<Fetch>,
    wanted: BTreeSet<UserId>,
    asked: BTreeSet<UserId>,
}

/// A list of who is online that is being fetched, page by page.
#[derive(Clone, Debug, Default)]
struct Fetch {
    online: BTreeSet<UserId>,
    version: Option<u64>,
    held: Vec<Presence>,
}

impl People {
    /// A person by number.
    #[must_use]
    pub fn find(&self, user: UserId) -> Option<&Person> {
        self.known.get(&user)
    }

    /// A person by user id.
    #[must_use]
    pub fn find_id(&self, id: &str) -> Option<&Person> {
        self.known.values().find(|person| person.id == id)
    }

    /// Everybody known, in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.known.values()
    }

    /// Those online whose names are known, by display name.
    pub fn online(&self) -> impl ExactSizeIterator<Item = UserId> + '_ {
        self.sorted.iter().copied()
    }

    /// How many people are online, those without names included.
    #[must_use]
    pub const fn online_count(&self) -> u64 {
        self.count
    }

    /// Whether a person is online, as far as known.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.online.contains(&user)
    }

    pub(super) fn learn(&mut self, user: &User) {
        self.wanted.remove(&user.user);
        self.asked.remove(&user.user);
        let person = Person {
            user: user.user,
            id: text::clean_line(&user.id),
            name: text::clean_line(&user.name),
            told_apart: None,
        };
        if self.known.len() >= PEOPLE_MAX
            && !self.known.contains_key(&user.user)
            && let Some((oldest, gone)) = self.known.pop_first()
        {
            self.namesakes.goes(oldest, &gone.name);
        }
        let before = self.known.get(&user.user);
        if before.is_some_and(|before| before.name == person.name && before.id == person.id) {
            return;
        }
        if let Some(before) = self.known.insert(user.user, person) {
            self.namesakes.goes(before.user, &before.name);
        }
        self.tell_apart(user.user);
    }

    /// Who has a name that others have is called by the user id too, and stays so.
    fn tell_apart(&mut self, newcomer: UserId) {
        let Some(person) = self.known.get(&newcomer) else { return };
        let Some(namesake) = self.namesakes.comes(newcomer, &person.name) else { return };
        for user in [newcomer, namesake] {
            if let Some(person) = self.known.get_mut(&user) {
                person.told_apart = Some(format!("{} ({})", person.name, person.id).into());
            }
        }
    }

    /// Notes that a name is missing.
    pub(super) fn want(&mut self, user: UserId) {
        let room = self.wanted.len() < WANTED_MAX;
        if room && user.0 > 0 && !self.known.contains_key(&user) && !self.asked.contains(&user) {
            self.wanted.insert(user);
        }
    }

    /// The next request for missing names; one at a time, so that they gather.
    pub(super) fn lookup(&mut self) -> Option<Request> {
        if self.wanted.is_empty() || !self.asked.is_empty() {
            return None;
        }
        while self.asked.len() < limits::PAGE_ENTRIES_MAX {
            let Some(user) = self.wanted.pop_first() else { break };
            self.asked.insert(user);
        }
        let ids = self.asked.iter().copied().collect();
        Some(Users { ids, names: Vec::new() }.into())
    }

    /// The answer to a lookup, good or bad. Whoever does not exist stays unknown.
    pub(super) fn looked_up(&mut self, page: Option<&UserPage>) {
        self.asked.clear();
        page.into_iter().flat_map(|page| &page.users).for_each(|user| self.learn(user));
    }

    /// Starts to fetch who is online, unless that is under way.
    pub(super) fn refetch(&mut self) -> Option<Request> {
        if self.fetch.is_some() {
            return None;
        }
        self.fetch = Some(Fetch::default());
        Some(who(None))
    }

    /// The connection is new: nothing asked before will be answered.
    pub(super) fn restart(&mut self) -> Request {
        self.fetch = Some(Fetch::default());
        self.wanted.append(&mut self.asked);
        who(None)
    }

    /// A page of `who`; `None` when it failed. Gives the request for the next one.
    pub(super) fn listed(&mut self, page: Option<&UserPage>) -> Option<Request> {
        let mut fetch = self.fetch.take()?;
        let page = page?;
        for user in &page.users {
            self.learn(user);
            if user.on != Some(false) {
                fetch.online.insert(user.user);
            }
        }
        let version = *fetch.version.get_or_insert(page.v);
        // Of a crowd the server goes on naming the first only.
        let crowd = page.total > limits::PRESENCE_NAMES_MAX as u64;
        let enough = if crowd { limits::PRESENCE_FIRST_MAX } else { limits::PRESENCE_NAMES_MAX };
        let full = fetch.online.len() >= enough;
        if let (Some(next), false) = (&page.next, full) {
            self.fetch = Some(fetch);
            return Some(who(Some(next.clone())));
        }
        self.online = fetch.online;
        self.count = page.total.max(self.online.len() as u64);
        self.version = version;
        let again = fetch.held.iter().fold(None, |again, held| self.moved(held).or(again));
        self.sort();
        again
    }

    /// Who came and went. Gives a request when the list has to be fetched again.
    pub(super) fn moved(&mut self, change: &Presence) -> Option<Request> {
        change.set.iter().for_each(|user| self.learn(user));
        if let Some(fetch) = &mut self.fetch {
            if fetch.held.len() < HELD_MAX {
                fetch.held.push(change.clone());
            }
            return None;
        }
        if change.v <= self.version {
            return None;
        }
        self.count = change.on;
        let missed = change.v != self.version + 1 || change.reset;
        self.version = change.v;
        let room = ONLINE_MAX.saturating_sub(self.online.len());
        self.online.extend(change.set.iter().take(room).map(|user| user.user));
        change.del.iter().for_each(|user| {
            self.online.remove(user);
        });
        self.sort();
        if missed { self.refetch() } else { None }
    }

    fn sort(&mut self) {
        let key = |user: &UserId| {
            self.known.get(user).map(|person| (person.name.to_lowercase(), person.user))
        };
        let mut sorted: Vec<UserId> = self.online.iter().copied().collect();
        sorted.sort_by_cached_key(key);
        self.sorted = sorted;
    }
}

fn who(after: Option<String>) -> Request {
    let limit = u32::try_from(limits::PAGE_ENTRIES_MAX).ok();
    Who { after, limit, ..Who::default() }.into()
}
