//! No nonce that is stored is ever taken for a new one, in whatever order they come.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{index::Pair, journal::RecordRef};

/// Rows, and how often they were looked at.
#[derive(Default)]
struct Rows {
    map: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    looks: Cell<usize>,
}

impl Rows {
    fn store(&self, newest: &mut Newest, user: UserId, cid: Nonce) {
        newest.note(user, &cid);
        self.map.borrow_mut().insert(key::post(user, &cid).to_vec(), Vec::new());
    }

    fn has(&self, user: UserId, cid: &Nonce) -> bool {
        self.map.borrow().contains_key(&*key::post(user, cid))
    }
}

impl View for Rows {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.map.borrow().get(key).cloned())
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        assert_eq!(direction, Direction::Forward, "sled cannot walk back over foreign keys");
        self.looks.set(self.looks.get() + 1);
        let map = self.map.borrow();
        let rows = map.range::<[u8], _>(span.bounds()).take(limit);
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn record(&self, _: &RecordRef) -> Result<Bytes, StoreError> {
        panic!("no record is read")
    }
}

fn at(ms: u64, rest: u8) -> Nonce {
    let mut cid = first_at(ms);
    cid.0[15] = rest;
    cid
}

const NOW: u64 = 1_800_000_000_000;

#[test]
fn a_person_is_looked_up_once_in_two_hours_and_chance_is_in_nobodys_way() {
    let (rows, mut newest, user) = (Rows::default(), Newest::default(), UserId(300));
    let random = Nonce([0xc5; 16]);
    rows.store(&mut newest, user, random);
    rows.store(&mut newest, UserId(301), at(NOW + 5, 1));
    rows.store(&mut newest, UserId(299), at(NOW + 5, 1));
    let hour = AHEAD_MS_MAX;
    for ms in (NOW..NOW + 3 * hour).step_by(1000) {
        // A clock that is an hour ahead, as where the time zone is wrong.
        let cid = at(ms + hour - 1000, 1);
        assert!(newest.is_new(&rows, (user, &cid), ms).unwrap(), "{ms}");
        rows.store(&mut newest, user, cid);
        assert!(!newest.is_new(&rows, (user, &cid), ms).unwrap(), "said again");
        assert!(!newest.is_new(&rows, (user, &random), ms).unwrap());
        assert!(!newest.is_new(&rows, (user, &at(ms + 3 * hour, 1)), ms).unwrap(), "too far ahead");
    }
    assert_eq!(rows.looks.get(), 3);
}

#[test]
fn where_too_much_stands_ahead_nothing_is_known_to_be_new() {
    let (rows, mut newest, user) = (Rows::default(), Newest::default(), UserId(1));
    for number in 0..ROWS_MAX as u64 {
        rows.store(&mut Newest::default(), user, at(NOW + number, 1));
    }
    let ahead = at(NOW + AHEAD_MS_MAX - 1, 1);
    assert!(!newest.is_new(&rows, (user, &ahead), NOW).unwrap());
    let later = NOW + FENCE_MS;
    assert!(newest.is_new(&rows, (user, &at(later, 1)), later).unwrap(), "until the next look");
    rows.store(&mut newest, user, at(later + FENCE_MS - 1, 1));
    assert!(!newest.is_new(&rows, (user, &ahead), later).unwrap(), "known up to the fence alone");
}

#[test]
fn no_more_people_are_known_than_may_be() {
    let (rows, mut newest) = (Rows::default(), Newest::default());
    for user in 0..=PEOPLE_MAX as u64 {
        assert!(newest.is_new(&rows, (UserId(user), &at(NOW + 1, 1)), NOW).unwrap());
        assert!(newest.people.len() <= PEOPLE_MAX);
    }
    assert_eq!(newest.people.len(), 1);
}

proptest! {
    /// Clocks of server and clients jump, some nonces are stored elsewhere than they were looked for,
    /// some are never stored, and what is known is forgotten now and then.
    #[test]
    fn what_is_stored_is_never_new(
        steps in prop::collection::vec((0..3_u64, any::<u8>(), 0..6_usize, 0..6_usize, 0..8_u8), 1..200)
    ) {
        let times = [0, 1, NOW, NOW + AHEAD_MS_MAX, TIME_MS_MAX - 1, TIME_MS_MAX];
        let (rows, mut newest) = (Rows::default(), Newest::default());
        for (user, rest, time, now, what) in steps {
            let (user, cid) = (UserId(user), at(times[time], rest % 8));
            // The server's clock may say anything.
            let now = if now == 5 { u64::MAX } else { times[now] };
            let new = newest.is_new(&rows, (user, &cid), now).unwrap();
            prop_assert!(!(new && rows.has(user, &cid)), "{cid:?} of {user:?} is stored");
            match what {
                0 => newest = Newest::default(),
                1 => newest.note(user, &cid),
                2 => {}
                _ => rows.store(&mut newest, user, cid),
            }
        }
    }
}
