//! Which nonces are surely new, without asking the index: most begin with the time at which they were
//! made, and where it is known up to a fence what a person used last, one between the two was not used
//! before. Owned by the committing thread.
//!
//! Must hold: between the newest nonce that is known of a person and the fence behind it, no nonce of
//! theirs is stored or staged. So each that is about to be stored is noted here first.

use std::{collections::HashMap, ops::Bound};

use liao_common::id::{Nonce, UserId};

use crate::{
    index::{Direction, Span},
    state::key,
    store::{StoreError, View},
};

/// People who are known at a time, in about a megabyte; then all are forgotten.
const PEOPLE_MAX: usize = 16 * 1024;

/// How far ahead of the server's clock others may be, in milliseconds. What is further ahead is not known
/// here, so that a clock that was wrong once, or a nonce made of chance alone, is in nobody's way for long.
const AHEAD_MS_MAX: u64 = 3_600_000;

/// The fence stands so far ahead of the server's clock when somebody is looked up: further than others may
/// be, so that nobody is looked up for each of their posts.
const FENCE_MS: u64 = 2 * AHEAD_MS_MAX;

/// Nonces from the time on that it is now: only clocks that are ahead make any. With so many nothing is
/// known until the next look.
const ROWS_MAX: usize = 256;

/// The last time that a nonce can begin with: its first six bytes.
const TIME_MS_MAX: u64 = u64::MAX >> 16;

/// None is newer.
const ALL: Nonce = Nonce([u8::MAX; Nonce::LEN]);

#[derive(Default)]
pub(super) struct Newest {
    people: HashMap<UserId, Known>,
}

#[derive(Clone, Copy)]
struct Known {
    newest: Nonce,
    /// Milliseconds since 1970: nonces that begin with this time or a later one are not known.
    fence_ms: u64,
}

impl Newest {
    /// Whether this nonce of this person was surely not used before. Whoever is not known yet is looked
    /// up once, and again when the time has come to the fence.
    pub(super) fn is_new(
        &mut self,
        from: &impl View,
        (user, cid): (UserId, &Nonce),
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let at_ms = time_ms(cid);
        let known = match self.people.get(&user) {
            Some(known) if at_ms < known.fence_ms => *known,
            _ if at_ms < now_ms.saturating_add(AHEAD_MS_MAX) => self.learn(from, user, now_ms)?,
            _ => return Ok(false),
        };
        Ok(at_ms < known.fence_ms && *cid > known.newest)
    }

    /// Looks at what stands from the last fence on, or from the present time. Forwards: sled goes wrong when it
    /// walks back over keys that strangers chose.
    fn learn(&mut self, from: &impl View, user: UserId, now_ms: u64) -> Result<Known, StoreError> {
        let nothing = Known { newest: first_at(now_ms), fence_ms: now_ms };
        let before = self.people.get(&user).copied().unwrap_or(nothing);
        let fence_ms = now_ms.saturating_add(FENCE_MS).min(TIME_MS_MAX);
        let bound = |ms| key::post(user, &first_at(ms)).to_vec();
        let (first, end) = (bound(before.fence_ms), bound(fence_ms));
        let span = Span { from: Bound::Included(first), to: Bound::Excluded(end) };
        let rows = from.scan(&span, Direction::Forward, ROWS_MAX)?;
        // The nonce stands at the end of the key.
        let last = rows.last().and_then(|(key, _)| key.last_chunk()).map(|id| Nonce(*id));
        let known_below =
            if before.newest == ALL { first_at(before.fence_ms) } else { before.newest };
        let newest = match rows.len() {
            ROWS_MAX.. => ALL,
            _ => last.map_or(known_below, |last| last.max(known_below)),
        };
        let known = Known { newest, fence_ms };
        if self.people.len() >= PEOPLE_MAX {
            self.people.clear();
        }
        self.people.insert(user, known);
        Ok(known)
    }

    /// This nonce is about to be stored. Nothing is lost when it is not, after all.
    pub(super) fn note(&mut self, user: UserId, cid: &Nonce) {
        if let Some(known) = self.people.get_mut(&user)
            && time_ms(cid) < known.fence_ms
        {
            known.newest = known.newest.max(*cid);
        }
    }
}

/// The time that a nonce begins with, if it does.
fn time_ms(cid: &Nonce) -> u64 {
    cid.0.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes) >> 16)
}

/// The first of all nonces that begin with this time, or with the last that there is.
fn first_at(ms: u64) -> Nonce {
    let mut bytes = [0; Nonce::LEN];
    bytes[..8].copy_from_slice(&(ms.min(TIME_MS_MAX) << 16).to_be_bytes());
    Nonce(bytes)
}

#[cfg(test)]
mod tests;
