//! Passwords: argon2id, bounded in number and off the async threads. An unknown user costs the same
//! work as a known one, so that neither answer nor time tells who exists.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use liao_common::{
    fault::{Fault, FaultCode},
    limits,
    request::Secret,
};
use tokio::sync::Semaphore;

use crate::{blocking::Blocking, entropy, state::record::Phc};

/// Callers that may wait for their turn; the next one is told to come back.
const WAITING_MAX: usize = 64;

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
    /// What OWASP's password storage guide gives as the floor for argon2id.
    pub const DEFAULT: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Passwords {
    cost: Cost,
    blocking: Blocking,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    decoy: Arc<OnceLock<Phc>>,
    worked: Arc<AtomicU64>,
}

impl Passwords {
    /// Hashes with this cost, as many at a time as there are processors.
    #[must_use]
    pub fn new(cost: Cost, blocking: Blocking) -> Self {
        Self {
            cost,
            blocking,
            turns: Arc::new(Semaphore::new(blocking.width())),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            decoy: Arc::default(),
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
        let (cost, decoy) = (self.cost, Arc::clone(&self.decoy));
        self.work(move || match stored {
            Some(phc) => Ok(matches(&secret, &phc)),
            None => {
                let decoy = match decoy.get() {
                    Some(decoy) => decoy,
                    None => {
                        let made = hash(cost, &Secret("a password nobody has".into()))?;
                        decoy.get_or_init(|| made)
                    }
                };
                let _ = matches(&secret, decoy);
                Ok(false)
            }
        })
        .await?
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
        let busy = |_| Fault::new(FaultCode::Busy, "too many logins at once").retry_after(1000);
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(busy)?;
        let (blocking, turns) = (self.blocking, Arc::clone(&self.turns));
        let worked = Arc::clone(&self.worked);
        // In a task of its own: of the requests of a connection only the oldest is looked after, and
        // one of the others must not keep a turn that the oldest waits for.
        let work = tokio::spawn(async move {
            let _place = place;
            let turn = turns.acquire_owned().await.ok()?;
            let work = move || {
                let _turn = turn;
                worked.fetch_add(1, Ordering::Relaxed);
                job()
            };
            blocking.run(work).await
        });
        let failed = || Fault::new(FaultCode::Internal, "hashing failed");
        work.await.ok().flatten().ok_or_else(failed)
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
    let lower = secret.0.to_lowercase();
    let short = secret.0.chars().count() < chars_min;
    let common = COMMON.lines().any(|word| word == lower);
    if short || common || lower == user_id { Err(FaultCode::WeakPassword.into()) } else { Ok(()) }
}

/// Passwords of eight characters and more that everybody tries first.
const COMMON: &str = include_str!("common_passwords.txt");

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let passwords = Passwords::new(CHEAP, Blocking::Threads);
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
    fn weak_passwords_are_refused() {
        let check = |secret: &str| {
            check(&Secret(secret.into()), "wanglaowu", 8).map_err(|fault| fault.code)
        };
        assert_eq!(check("short"), Err(FaultCode::WeakPassword));
        assert_eq!(check("Password1"), Err(FaultCode::WeakPassword));
        assert_eq!(check("WangLaoWu"), Err(FaultCode::WeakPassword));
        assert_eq!(check(&"x".repeat(2000)), Err(FaultCode::TooLarge));
        assert_eq!(check("correct horse"), Ok(()));
        assert_eq!(check("不容易猜到的密码"), Ok(()));
    }
}
