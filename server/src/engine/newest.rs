//! Which nonces are surely new, without asking the index: most begin with the time at which they were
//! made, and one that is newer than all that a person ever used was not used before. Owned by the
//! committing thread.
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

/// The last time that a nonce can begin with: its first six bytes.
const TIME_MS_MAX: u64 = u64::MAX >> 16;

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
        let fence_ms = now_ms.saturating_add(AHEAD_MS_MAX).min(TIME_MS_MAX);
        let at_ms = time_ms(cid);
        let known = match self.people.get(&user) {
            Some(known) if at_ms < known.fence_ms => *known,
            _ if at_ms < fence_ms => self.learn(from, user, fence_ms)?,
            _ => return Ok(false),
        };
        Ok(*cid > known.newest)
    }

    fn learn(
        &mut self,
        from: &impl View,
        user: UserId,
        fence_ms: u64,
    ) -> Result<Known, StoreError> {
        let to = Bound::Excluded(key::post(user, &first_at(fence_ms)).to_vec());
        let span = Span { to, ..Span::prefix(&key::posts(user)) };
        let last = from.scan(&span, Direction::Backward, 1)?;
        // The nonce of zeros is nobody's.
        let newest = last.first().and_then(|(key, _)| key.last_chunk()).map_or([0; 16], |id| *id);
        let known = Known { newest: Nonce(newest), fence_ms };
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

/// The first of all nonces that begin with this time.
fn first_at(ms: u64) -> Nonce {
    let mut bytes = [0; Nonce::LEN];
    bytes[..8].copy_from_slice(&(ms << 16).to_be_bytes());
    Nonce(bytes)
}

#[cfg(test)]
mod tests;
