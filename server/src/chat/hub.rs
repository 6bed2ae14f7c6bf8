//! What all sessions share: the store to read from, the engine to write through, who is where.

use std::sync::{Arc, PoisonError, RwLock};

use liao_common::{
    event,
    fault::{Fault, FaultCode},
    id::{Hash, Pin},
    limits,
};

use super::{
    age::{Age, DAY_MS},
    guesses::Guesses,
    log::Damage,
    password::Passwords,
    presence::Presence,
    retention::Retention,
    switchboard::Switchboard,
};
use crate::{
    blocking::Blocking,
    engine::Engine,
    files::Files,
    state::view,
    store::{Store, StoreError},
};

/// Contents that are gone, looked at together.
const CONTENTS_AT_ONCE: usize = 256;

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever has an invite.
    Invite,
    /// Nobody; the administrator adds accounts.
    Closed,
}

impl Registration {
    /// The wire's form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

/// Rules of this server that its operator may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who may register.
    pub registration: Registration,
    /// Characters of a password, at least.
    pub password_chars_min: usize,
    /// Wrong passwords of one origin for one account that are not slowed down.
    pub guesses_free: u32,
    /// A remembered login that was not used for so long does not log in any more, in milliseconds of
    /// the server's age.
    pub token_idle_ms: u64,
    /// A token that is older than this is replaced at the next login with it, in milliseconds of the
    /// server's age.
    pub token_renewed_ms: u64,
    /// How long somebody whose connection died stays in the list, in milliseconds.
    pub presence_grace_ms: u64,
    /// Posts a connection may make at once, before it has to wait.
    pub posts_burst: u32,
    /// Posts a connection may make a second after that. It is not read meanwhile; nothing is lost.
    pub posts_per_s: u32,
    /// How long messages are kept.
    pub retention: Retention,
}

impl Rules {
    /// That a device was seen is written down at most so often, in milliseconds: a storm of logins
    /// must not be one of writes. Often enough that nobody who is here counts as away.
    #[must_use]
    pub fn seen_every_ms(&self) -> u64 {
        DAY_MS.min(self.token_idle_ms / 4)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            password_chars_min: limits::PASSWORD_CHARS_MIN,
            guesses_free: 5,
            token_idle_ms: 90 * DAY_MS,
            token_renewed_ms: DAY_MS,
            presence_grace_ms: limits::PRESENCE_GRACE_MS,
            posts_burst: 60,
            posts_per_s: 20,
            retention: Retention::default(),
        }
    }
}

/// See the module.
pub struct Hub {
    /// Committed state.
    pub store: Arc<Store>,
    /// What of it cannot be read.
    pub damage: Damage,
    /// The only way to change it.
    pub engine: Engine,
    /// Who hears of what.
    pub switchboard: Arc<Switchboard>,
    /// Who is online.
    pub presence: Arc<Presence>,
    /// Password hashing.
    pub passwords: Passwords,
    /// Wrong passwords of late.
    pub guesses: Guesses,
    /// Uploaded files.
    pub files: Files,
    /// The operator's rules.
    pub rules: Rules,
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
    /// How old the server is.
    pub age: Age,
    /// Where reading is done.
    pub blocking: Blocking,
    /// The pin of the key that the server will have one day.
    pub next_pin: RwLock<Option<Pin>>,
}

impl Hub {
    /// Lineage of the data, as clients compare it.
    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{:016x}", self.store.epoch())
    }

    /// Reads from the store off the async threads.
    ///
    /// # Errors
    /// What `read` gave, as a fault.
    pub async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, Fault> + Send + 'static,
    {
        let hub = Arc::clone(self);
        let done = self.blocking.run(move || read(&hub)).await;
        done.ok_or_else(|| Fault::new(FaultCode::Internal, "reading failed"))?
    }

    /// Removes a content that no file has any more. Blocks.
    pub fn forget_content(&self, b3: &Hash) {
        let unused = || !view::is_content(&*self.store, b3).unwrap_or(true);
        if let Err(error) = self.files.forget(b3, unused) {
            tracing::warn!("a file that was taken back stays until the next start: {error}");
        }
    }

    /// Removes all contents that no file has any more, of which a crash left some. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_contents(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let gone = view::contents_gone(&*self.store, after.as_ref(), CONTENTS_AT_ONCE)?;
            gone.iter().for_each(|b3| self.forget_content(b3));
            after = gone.last().copied();
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// What a client must know before it logs in.
    #[must_use]
    pub fn welcome(&self, caps: Vec<String>) -> event::Welcome {
        event::Welcome {
            v: limits::PROTOCOL_VERSION,
            caps,
            epoch: self.epoch(),
            auth: vec!["password".into(), "token".into()],
            register: self.rules.registration.as_str().into(),
            server: concat!("liaod/", env!("CARGO_PKG_VERSION")).into(),
            limits: event::Limits {
                frame: limits::FRAME_BYTES_MAX as u64,
                text: limits::TEXT_BYTES_MAX as u64,
                page: limits::PAGE_MESSAGES_MAX as u64,
                chunk: limits::CHUNK_BYTES as u64,
                window: limits::WINDOW_BYTES,
                file: self.files.limits().file_bytes_max,
                password_min: self.rules.password_chars_min as u64,
                idle_s: limits::PING_AFTER_MS / 1000,
            },
            next_pin: *self.next_pin.read().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The one place where a storage failure becomes a fault: what it was is ours to know.
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!("a request failed in the store: {error}");
        Self::new(FaultCode::Internal, "storage")
    }
}
