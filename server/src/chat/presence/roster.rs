//! Everybody who is online, in order of user ids and of display names. Owned by `presence`.
//! Must hold: what a page costs depends on what stands on it, not on how many are online.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use liao_common::{
    event::{User, UserPage},
    id::UserId,
    limits,
};

/// Names looked at for one page. Those whose user id begins alike stand on earlier pages, and there
/// may be any number of them: then the page is short, and says where to go on.
const LOOKS_MAX: usize = 2 * limits::PRESENCE_NAMES_MAX;

/// Begins the `next` of a page on which people stand for their display name. No user id begins so.
const BY_NAME: char = ' ';

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roster {
    people: HashMap<UserId, Here>,
    by_id: BTreeSet<ById>,
    by_name: BTreeSet<(Box<str>, UserId)>,
}

/// Somebody with a connection, or in the grace after the last one.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) person: Arc<Person>,
    pub(super) connections: u32,
    /// Number of the grace that runs, if no connection is left.
    pub(super) absence: Option<u64>,
}

/// What others see of somebody.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) id: Box<str>,
    name: Box<str>,
}

#[derive(Debug)]
struct ById(Arc<Person>);

impl Person {
    fn new(user: User) -> Self {
        Self { user: user.user, id: user.id.into(), name: user.name.into() }
    }

    pub(super) fn shown(&self) -> User {
        User { user: self.user, id: (*self.id).into(), name: (*self.name).into(), on: None }
    }

    /// The place in the order of names; none where whatever begins the name begins the id too.
    fn name_key(&self) -> Option<(Box<str>, UserId)> {
        let name = self.name.to_lowercase();
        (!self.id.starts_with(&name)).then(|| (name.into(), self.user))
    }
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    pub(super) fn find(&self, user: UserId) -> Option<&Here> {
        self.people.get(&user)
    }

    pub(super) fn find_mut(&mut self, user: UserId) -> Option<&mut Here> {
        self.people.get_mut(&user)
    }

    /// Adds somebody with their first connection, who must not be here.
    pub(super) fn insert(&mut self, user: User) -> Arc<Person> {
        let person = Arc::new(Person::new(user));
        self.by_id.insert(ById(Arc::clone(&person)));
        self.by_name.extend(person.name_key());
        let here = Here { person: Arc::clone(&person), connections: 1, absence: None };
        self.people.insert(person.user, here);
        person
    }

    pub(super) fn remove(&mut self, user: UserId) -> Option<Arc<Person>> {
        let person = self.people.remove(&user)?.person;
        self.by_id.remove(&*person.id);
        if let Some(key) = person.name_key() {
            self.by_name.remove(&key);
        }
        Some(person)
    }

    /// The last of the first `count` people by user id; `None` where there are fewer.
    pub(super) fn at_place(&self, count: usize) -> Option<Arc<Person>> {
        self.by_id.iter().nth(count.checked_sub(1)?).map(|by_id| Arc::clone(&by_id.0))
    }

    /// A page of those whose user id begins with `query`, and then of those whose display name does.
    pub(super) fn page(&self, query: &str, after: Option<&str>, limit: usize) -> UserPage {
        let query = query.to_lowercase();
        let mut page = Page { users: Vec::new(), limit, next: None };
        match after.and_then(|after| after.strip_prefix(BY_NAME)) {
            Some(after) => self.named(&query, after.split_once(BY_NAME), &mut page),
            None => {
                self.with_id(&query, after, &mut page);
                if page.next.is_none() && !query.is_empty() {
                    self.named(&query, None, &mut page);
                }
            }
        }
        let total = self.count(&query) as u64;
        UserPage { users: page.users, total, next: page.next, ..UserPage::default() }
    }

    /// How many there are: all of them, or of those that match at most as many as would be named.
    fn count(&self, query: &str) -> usize {
        if query.is_empty() {
            return self.len();
        }
        let ids = self.ids(query, None).take(limits::PRESENCE_NAMES_MAX).count();
        let names = self
            .names(query, None)
            .take(LOOKS_MAX)
            .filter(|(_, user)| self.only_named(query, *user));
        ids + names.take(limits::PRESENCE_NAMES_MAX - ids).count()
    }

    fn ids<'a>(
        &'a self,
        query: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Person> {
        let from =
            after.filter(|after| *after >= query).map_or(Bound::Included(query), Bound::Excluded);
        let range = self.by_id.range::<str, _>((from, Bound::Unbounded));
        range.map(|by_id| &*by_id.0).take_while(move |person| person.id.starts_with(query))
    }

    fn names<'a>(
        &'a self,
        query: &'a str,
        after: Option<(Box<str>, UserId)>,
    ) -> impl Iterator<Item = &'a (Box<str>, UserId)> {
        let from =
            after.map_or_else(|| Bound::Included((query.into(), UserId(0))), Bound::Excluded);
        let range = self.by_name.range((from, Bound::Unbounded));
        range.take_while(move |(name, _)| name.starts_with(query))
    }

    /// Whether it is only the display name of this person that begins so.
    fn only_named(&self, query: &str, user: UserId) -> bool {
        self.people.get(&user).is_some_and(|here| !here.person.id.starts_with(query))
    }

    fn with_id(&self, query: &str, after: Option<&str>, page: &mut Page) {
        for person in self.ids(query, after) {
            if page.is_full() {
                page.next = page.users.last().map(|user| user.id.clone());
                return;
            }
            page.users.push(person.shown());
        }
    }

    fn named(&self, query: &str, after: Option<(&str, &str)>, page: &mut Page) {
        let after = after.and_then(|(user, name)| Some((name.into(), UserId(user.parse().ok()?))));
        // Nothing of the caller's may lead out of what was asked for.
        let mut last = after.filter(|(name, _): &(Box<str>, _)| name.starts_with(query));
        for (looked, key) in self.names(query, last.clone()).enumerate() {
            if page.is_full() || looked == LOOKS_MAX {
                page.next = Some(last.map_or_else(
                    || format!("{BY_NAME}0{BY_NAME}{query}"),
                    |(name, user)| format!("{BY_NAME}{user}{BY_NAME}{name}"),
                ));
                return;
            }
            if let Some(here) = self.people.get(&key.1)
                && !here.person.id.starts_with(query)
            {
                page.users.push(here.person.shown());
            }
            last = Some(key.clone());
        }
    }
}

/// A page in the making.
struct Page {
    users: Vec<User>,
    limit: usize,
    next: Option<String>,
}

impl Page {
    fn is_full(&self) -> bool {
        self.users.len() >= self.limit
    }
}

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(people: &[(&str, &str)]) -> Roster {
        let mut roster = Roster::default();
        for (number, (id, name)) in (1..).zip(people) {
            let (id, name) = ((*id).to_owned(), (*name).to_owned());
            roster.insert(User { user: UserId(number), id, name, on: None });
        }
        roster
    }

    /// All pages, one person a page.
    fn found(roster: &Roster, query: &str, limit: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = roster.page(query, after.as_deref(), limit);
            assert!(page.users.len() <= limit);
            all.extend(page.users.into_iter().map(|user| user.id));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn ids_come_first_then_names_and_nobody_twice() {
        let people =
            [("anna", "Anna"), ("zoe", "Ann Zoe"), ("bob", "anders"), ("annie", "Bo"), ("x", "y")];
        let roster = roster(&people);
        for limit in 1..5 {
            assert_eq!(found(&roster, "AN", limit), ["anna", "annie", "bob", "zoe"], "{limit}");
            assert_eq!(found(&roster, "", limit), ["anna", "annie", "bob", "x", "zoe"], "{limit}");
        }
        assert_eq!(roster.page("an", None, 1).total, 4);
        assert_eq!(roster.page("", None, 1).total, 5);
        assert!(found(&roster, "nobody", 3).is_empty());
    }

    #[test]
    fn what_is_gone_is_in_no_order() {
        let mut roster = roster(&[("anna", "Anna"), ("bob", "Robert")]);
        assert_eq!(roster.remove(UserId(2)).map(|person| person.user), Some(UserId(2)));
        assert!(roster.remove(UserId(2)).is_none());
        assert!(found(&roster, "rob", 3).is_empty() && found(&roster, "bob", 3).is_empty());
        assert_eq!((roster.len(), roster.by_id.len(), roster.by_name.len()), (1, 1, 0));
    }

    #[test]
    fn a_page_looks_at_few_however_many_begin_alike() {
        let mut roster = Roster::default();
        let many = LOOKS_MAX as u64 + 500;
        for user in 1..=many {
            let (id, name) = (format!("zed{user:06}"), format!("Zed no {user:06}"));
            roster.insert(User { user: UserId(user), id, name, on: None });
        }
        let (id, name) = ("anna".into(), "Zedekiah".into());
        roster.insert(User { user: UserId(many + 1), id, name, on: None });
        let all = found(&roster, "zed", 1000);
        assert_eq!((all.len() as u64, all.last().map(String::as_str)), (many + 1, Some("anna")));
        assert_eq!(roster.page("zed", None, 1).total, limits::PRESENCE_NAMES_MAX as u64);
    }

    #[test]
    fn any_next_is_answered() {
        let roster = roster(&[("anna", "Anna B"), ("bob", "Ann")]);
        for next in ["", " ", "  ", " 1", " x y", " 0 zzz", " 2 ann", "zzz", "\u{10ffff}"] {
            for query in ["", "an", "b"] {
                assert!(roster.page(query, Some(next), 3).users.len() <= 2, "{next:?}");
            }
        }
    }
}
