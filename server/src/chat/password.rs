//! Passwords: argon2id, bounded in number and off the async threads. An unknown user costs the same
//! work as a known one, so that neither answer nor time tells who exists.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use liao_common::{
    fault::{Fault, FaultCode},
    limits, password,
    request::Secret,
};
use tokio::sync::Semaphore;

use crate::{blocking::Blocking, entropy, state::record::Phc};

/// Callers that may wait for their turn; the next one is told to come back.
const WAITING_MAX: usize = 64;

/// How long a caller waits for a turn at most.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// Hashing takes at most this part of the memory, as a divisor.
const MEMORY_PART: u64 = 4;

/// With so much memory hashing is made dear, in bytes.
const MEMORY_BYTES_AMPLE: u64 = 1 << 30;

/// Cost of one hash (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What OWASP's password storage guide gives as the least for argon2id.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// What RFC 9106 recommends where memory is not ample (section 4, the second choice).
    pub const USUAL: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The right one for a server that may have so many bytes of memory.
    #[must_use]
    pub const fn for_memory(bytes: u64) -> Self {
        if bytes < MEMORY_BYTES_AMPLE { Self::FLOOR } else { Self::USUAL }
    }

    /// How many hashes of it may be made at a time with so many bytes of memory: one at least.
    #[must_use]
    pub fn at_once_max(self, bytes: u64) -> usize {
        let each = u64::from(self.memory_kib).saturating_mul(1024).max(1);
        usize::try_from(bytes / MEMORY_PART / each).unwrap_or(usize::MAX).max(1)
    }

    const fn work(self) -> u64 {
        self.memory_kib as u64 * self.passes as u64
    }

    /// Whether guessing costs more with it: more memory, or more to go over.
    const fn is_dearer(self, than: Self) -> bool {
        self.memory_kib > than.memory_kib || self.work() > than.work()
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Passwords {
    cost: Cost,
    blocking: Blocking,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    decoy: Phc,
    worked: Arc<AtomicU64>,
}

impl Passwords {
    /// Hashes with this cost, as many at a time as there are processors, and not more than that.
    #[must_use]
    pub fn new(cost: Cost, at_once_max: usize, blocking: Blocking) -> Self {
        Self {
            cost,
            blocking,
            turns: Arc::new(Semaphore::new(blocking.width().min(at_once_max).max(1))),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            decoy: decoy(cost),
            worked: Arc::default(),
        }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `busy` when too many wait, `internal` when the system fails.
    pub async fn hash(&self, secret: Secret) -> Result<Phc, Fault> {
        let cost = self.cost;
        self.work(move || hash(cost, &secret)).await?
    }

    /// Whether the password is the one that was hashed. Without a hash it takes as long, and is not.
    ///
    /// # Errors
    /// `busy` when too many wait, `internal` when the system fails.
    pub async fn verify(&self, secret: Secret, stored: Option<Phc>) -> Result<bool, Fault> {
        let decoy = self.decoy.clone();
        let known = stored.is_some();
        let against = stored.unwrap_or(decoy);
        self.work(move || matches(&secret, &against) && known).await
    }

    /// Whether a hash was made at less cost than new ones, and should be made anew. One that cost
    /// more stays: a server that moved to a smaller machine makes no password weaker.
    #[must_use]
    pub fn is_outdated(&self, stored: &Phc) -> bool {
        let params =
            PasswordHash::new(&stored.0).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_none_or(|params| {
            let made = Cost {
                memory_kib: params.m_cost(),
                passes: params.t_cost(),
                lanes: params.p_cost(),
            };
            self.cost.is_dearer(made)
        })
    }

    /// How many passwords were hashed or verified so far.
    #[must_use]
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let busy = || Fault::new(FaultCode::Busy, "too many logins at once").retry_after(1000);
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let (blocking, turns) = (self.blocking, Arc::clone(&self.turns));
        let worked = Arc::clone(&self.worked);
        // In a task of its own: a connection that waits for its peer to read looks after none of its
        // requests, and must not keep a turn that others wait for.
        let work = tokio::spawn(async move {
            let _place = place;
            let turn = match tokio::time::timeout(TURN_WITHIN, turns.acquire_owned()).await {
                Ok(turn) => turn.ok()?,
                Err(_) => return Some(Err(busy())),
            };
            let work = move || {
                let _turn = turn;
                worked.fetch_add(1, Ordering::Relaxed);
                job()
            };
            blocking.run(work).await.map(Ok)
        });
        let failed = || Fault::new(FaultCode::Internal, "hashing failed");
        work.await.ok().flatten().ok_or_else(failed)?
    }
}

/// Hashes on this thread, for tools that have no runtime.
///
/// # Errors
/// `internal` when the system gives no random bytes or the cost is impossible.
pub fn hash(cost: Cost, secret: &Secret) -> Result<Phc, Fault> {
    let failed = |_| Fault::new(FaultCode::Internal, "hashing failed");
    let salt: [u8; 16] =
        entropy::bytes().map_err(|_| Fault::new(FaultCode::Internal, "no entropy"))?;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| Fault::new(FaultCode::Internal, "impossible cost"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let phc = argon2.hash_password_with_salt(secret.0.as_bytes(), &salt).map_err(failed)?;
    Ok(Phc(phc.to_string()))
}

/// A hash of today's cost that no password has: its tag is blank.
fn decoy(cost: Cost) -> Phc {
    let Cost { memory_kib, passes, lanes } = cost;
    // 16 and 32 zero bytes in base64.
    let (salt, tag) = ("A".repeat(22), "A".repeat(43));
    Phc(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${tag}"))
}

fn matches(secret: &Secret, stored: &Phc) -> bool {
    PasswordHash::new(&stored.0)
        .is_ok_and(|hash| Argon2::default().verify_password(secret.0.as_bytes(), &hash).is_ok())
}

/// Whether a person may choose this password for this account.
///
/// # Errors
/// `weak_password` when it is too short, too common or the user id; `too_large` when it is absurd.
pub fn check(secret: &Secret, user_id: &str, chars_min: usize) -> Result<(), Fault> {
    if secret.0.len() > limits::PASSWORD_BYTES_MAX {
        return Err(FaultCode::TooLarge.into());
    }
    let short = secret.0.chars().count() < chars_min;
    if short || password::is_common(&secret.0, user_id) {
        Err(FaultCode::WeakPassword.into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn passwords() -> Passwords {
        Passwords::new(CHEAP, usize::MAX, Blocking::Threads)
    }

    #[test]
    fn the_cost_fits_the_machine() {
        const MIB: u64 = 1 << 20;
        for (memory, cost, at_once) in [
            (0, Cost::FLOOR, 1),
            (128 * MIB, Cost::FLOOR, 1),
            (512 * MIB, Cost::FLOOR, 6),
            (1024 * MIB, Cost::USUAL, 4),
            (16 * 1024 * MIB, Cost::USUAL, 64),
        ] {
            assert_eq!(Cost::for_memory(memory), cost, "{memory}");
            assert_eq!(cost.at_once_max(memory), at_once, "{memory}");
        }
        assert!(Cost::USUAL.is_dearer(Cost::FLOOR) && !Cost::FLOOR.is_dearer(Cost::USUAL));
        let narrow = Passwords::new(CHEAP, 1, Blocking::Threads);
        assert_eq!(narrow.turns.available_permits(), 1);
    }

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let passwords = passwords();
        let phc = passwords.hash(Secret("密码 with spaces".into())).await.unwrap();
        assert!(phc.0.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", phc.0);
        for (typed, stored, want) in [
            ("密码 with spaces", Some(phc.clone()), true),
            ("密码 with space", Some(phc.clone()), false),
            ("", Some(phc), false),
            ("a password nobody has", None, false),
        ] {
            assert_eq!(passwords.verify(Secret(typed.into()), stored).await, Ok(want), "{typed}");
        }
    }

    #[test]
    fn the_decoy_costs_what_a_hash_costs() {
        for cost in [CHEAP, Cost::FLOOR, Cost::USUAL] {
            let phc = decoy(cost);
            let parsed = PasswordHash::new(&phc.0).unwrap();
            let like = hash(CHEAP, &Secret("a password".into())).unwrap();
            let like = PasswordHash::new(&like.0).unwrap();
            let params = Params::try_from(&parsed).unwrap();
            assert_eq!(
                (params.m_cost(), params.t_cost(), params.p_cost()),
                (cost.memory_kib, cost.passes, cost.lanes)
            );
            let lengths =
                |of: &PasswordHash| (of.salt.map(|salt| salt.len()), of.hash.map(|tag| tag.len()));
            assert_eq!(lengths(&parsed), lengths(&like));
        }
        assert!(!matches(&Secret(String::new()), &decoy(CHEAP)));
    }

    #[tokio::test]
    async fn a_hash_of_less_cost_is_outdated() {
        let passwords = passwords();
        let phc = passwords.hash(Secret("secret".into())).await.unwrap();
        assert!(!passwords.is_outdated(&phc));
        for (cost, outdated) in [
            (Cost { memory_kib: 128, ..CHEAP }, true),
            (Cost { passes: 2, ..CHEAP }, true),
            (Cost { lanes: 2, ..CHEAP }, false),
            (Cost { memory_kib: 32, ..CHEAP }, false),
            (Cost { memory_kib: 32, passes: 2, ..CHEAP }, false),
            (Cost { memory_kib: 32, passes: 3, ..CHEAP }, true),
        ] {
            let passwords = Passwords::new(cost, 1, Blocking::Threads);
            assert_eq!(passwords.is_outdated(&phc), outdated, "{cost:?}");
        }
        assert!(passwords.is_outdated(&Phc("from elsewhere".into())));
    }

    #[tokio::test]
    async fn too_many_at_once_are_told_to_come_back() {
        let passwords = passwords();
        let all = u32::try_from(passwords.turns.available_permits()).unwrap();
        let held = passwords.turns.acquire_many(all).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_MAX {
            let passwords = passwords.clone();
            waiting.push(tokio::spawn(async move { passwords.hash(Secret("x".into())).await }));
        }
        tokio::task::yield_now().await;
        let fault = passwords.hash(Secret("x".into())).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Busy, "the queue is full");
        tokio::time::pause();
        tokio::time::advance(TURN_WITHIN).await;
        for one in waiting {
            assert_eq!(one.await.unwrap().unwrap_err().code, FaultCode::Busy, "after five seconds");
        }
        drop(held);
        tokio::time::resume();
        passwords.hash(Secret("x".into())).await.unwrap();
    }

    #[test]
    fn weak_passwords_are_refused() {
        let check = |secret: &str| {
            check(&Secret(secret.into()), "wanglaowu", 8).map_err(|fault| fault.code)
        };
        assert_eq!(check("short"), Err(FaultCode::WeakPassword));
        assert_eq!(check("Password1"), Err(FaultCode::WeakPassword));
        assert_eq!(check("WangLaoWu"), Err(FaultCode::WeakPassword));
        for common in [
            "wanglaowu2024",
            "Sunshine!",
            "princess1999",
            "asasasasas",
            "1qaz2wsx",
            "Dragon2024",
            "23456789",
            "hgfedcba",
            "5201314520",
            "woaini1314",
            "woaini.99",
            "abc12345",
        ] {
            assert_eq!(check(common), Err(FaultCode::WeakPassword), "{common}");
        }
        assert_eq!(check("sunshine on a rainy day"), Ok(()));
        assert_eq!(check(&"x".repeat(2000)), Err(FaultCode::TooLarge));
        assert_eq!(check("correct horse"), Ok(()));
        assert_eq!(check("不容易猜到的密码"), Ok(()));
    }
}
