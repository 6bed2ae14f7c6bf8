//! What is written down for the next time: keys, logins, drafts. The files are the cabinet's; what the disk does not
//! take is said, and drafts are held until they are written.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use liao_client_core::{
    address::Address,
    clock,
    home::{Account, Home, KnownServer},
    tls::Shown,
};
use liao_common::{
    id::{Pin, RoomId},
    name::UserName,
};

use super::{World, log, tell};
use crate::{
    input::{Input, Unstored},
    view::server::{KnownKey, Server},
};

type Drafts = BTreeMap<RoomId, String>;

/// What was being written in each room of each account and is not on the disk.
#[derive(Clone, Default)]
pub(super) struct LostDrafts(Arc<Mutex<BTreeMap<(String, RoomId), String>>>);

impl LostDrafts {
    /// These are not on the disk; what was there before of their rooms does not count any more.
    fn lose(&self, account: &str, drafts: &Drafts) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (room, text) in drafts {
            let place = (account.to_owned(), *room);
            if text.trim().is_empty() {
                lost.remove(&place);
            } else {
                lost.insert(place, text.clone());
            }
        }
    }

    /// These were written down, but for some texts, which may be of other rooms too. What was written in a room since
    /// is not on the disk.
    fn keep(&self, account: &str, drafts: &Drafts, unkept: Drafts) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |room: RoomId| (account.to_owned(), room);
        for (room, text) in drafts.iter().filter(|(room, _)| !unkept.contains_key(room)) {
            if lost.get(&place(*room)) == Some(text) {
                lost.remove(&place(*room));
            }
        }
        for (room, text) in unkept {
            if !drafts.contains_key(&room) {
                lost.entry(place(room)).or_insert(text);
            }
        }
    }

    fn texts(&self) -> Vec<String> {
        let lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.values().cloned().collect()
    }
}

/// The newest drafts of each account that the disk has not been given yet. However slow it is, one job at a time
/// waits for it, and takes what is the newest by then.
#[derive(Clone, Default)]
pub(super) struct NewestDrafts(Arc<Mutex<BTreeMap<String, Newest>>>);

#[derive(Default)]
struct Newest {
    drafts: Drafts,
    /// Whether a job waits that takes them.
    queued: bool,
}

impl NewestDrafts {
    /// Puts drafts in the place of older ones; says whether a job is needed that takes them.
    fn put(&self, account: &str, drafts: Drafts) -> bool {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = newest.entry(account.to_owned()).or_default();
        newest.drafts.extend(drafts);
        !std::mem::replace(&mut newest.queued, true)
    }

    /// The job was refused; the next one is needed.
    fn refused(&self, account: &str) {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = newest.get_mut(account) {
            newest.queued = false;
        }
    }

    fn take(&self, account: &str) -> Drafts {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.remove(account).unwrap_or_default().drafts
    }
}

impl World {
    pub(super) fn recall(&self) {
        let (inputs, servers) = (self.inputs.clone(), self.cabinet.ask(Home::servers));
        tokio::spawn(async move {
            match servers.await {
                Ok(Ok(servers)) => {
                    tell(&inputs, Input::Recalled(servers.iter().map(KnownKey::of).collect()))
                        .await;
                }
                Ok(result) => log(result),
                Err(error) => log::<(), _>(Err(error)),
            }
        });
    }

    pub(super) fn keep_account(&mut self, welcome: &liao_common::event::Session) {
        let Some(session) = self.session.as_mut().filter(|session| session.keep) else { return };
        let parsed = UserName::parse(&welcome.id).ok();
        let Some(user) = parsed.or_else(|| session.user.clone()) else { return };
        let Some(token) = welcome.token.clone() else {
            // The same token as before: the menu lists first whoever was here last.
            let address = session.server.address();
            let used = move |home: &Home| home.account_used(&address, &user, clock::wall_ms());
            return self.cabinet.tell(move |home| used(home).map(|_| ()));
        };
        session.remembered.store(true, Ordering::SeqCst);
        let remembered = Arc::clone(&session.remembered);
        let account = Account {
            address: session.server.address(),
            user,
            name: welcome.name.clone(),
            token,
            used_ms: clock::wall_ms(),
        };
        self.keep(Unstored::Login, move |home| {
            let done = home.remember_account(account);
            // A device that nobody can use again is taken back when one leaves.
            remembered.store(done.is_ok(), Ordering::SeqCst);
            done
        });
    }

    /// Once for each link: what is typed afterwards is newer.
    pub(super) fn fetch_drafts(&mut self) {
        let Some(session) = self.session.as_mut() else { return };
        if std::mem::replace(&mut session.drafts_fetched, true) {
            return;
        }
        let (number, address) = (session.number, session.server.address());
        let Some(user) = session.user.clone() else { return };
        let drafts = self.cabinet.ask(move |home| home.drafts(&address, &user));
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            match drafts.await {
                Ok(Ok(drafts)) if drafts.is_empty() => {}
                Ok(Ok(drafts)) => tell(&inputs, Input::Drafts { session: number, drafts }).await,
                Ok(result) => log(result),
                Err(error) => log::<(), _>(Err(error)),
            }
        });
    }

    pub(super) fn keep_drafts(&self, drafts: BTreeMap<RoomId, String>) {
        let Some(session) = &self.session else { return };
        let (address, user) = (session.server.address(), session.user.clone());
        let Some(user) = user else { return };
        let account = format!("{user}@{address}");
        self.lost.lose(&account, &drafts);
        if !self.newest.put(&account, drafts) {
            return;
        }
        let (lost, newest, place) = (self.lost.clone(), self.newest.clone(), account.clone());
        let queued = self.cabinet.queue(move |home| {
            let drafts = newest.take(&place);
            let unkept = home.keep_drafts(&address, &user, &drafts)?;
            lost.keep(&place, &drafts, unkept);
            std::io::Result::Ok(())
        });
        if !queued {
            self.newest.refused(&account);
        }
    }

    /// What was being written and could not be kept. Nothing follows when all is well.
    pub(crate) fn lost_drafts(&self) -> Vec<String> {
        self.lost.texts()
    }

    /// Writes something down. When the disk does not take it, the person is told.
    fn keep(
        &self,
        what: Unstored,
        job: impl FnOnce(&Home) -> std::io::Result<()> + Send + 'static,
    ) {
        let (inputs, done) = (self.inputs.clone(), self.cabinet.ask(job));
        tokio::spawn(async move {
            if let Ok(Err(error)) = done.await {
                tracing::warn!(%error, ?what, "something is not written down");
                let (kind, reason) = (error.kind(), error.to_string());
                tell(&inputs, Input::NotStored { what, kind, reason }).await;
            }
        });
    }

    /// The server said which key comes next, or that none does. Who said it has the key that is known now:
    /// nobody else was let in.
    pub(super) fn keep_next(&self, next: Option<Pin>) {
        let Some(session) = &self.session else { return };
        if let Server::At(target) = &session.server {
            let address = target.address.clone();
            self.keep(Unstored::Key, move |home| home.remember_next(&address, next));
        }
    }

    pub(super) fn keep_key(&self, address: Address, shown: Shown) {
        let Shown { pin, vouched } = shown;
        let (since_ms, name) = (clock::wall_ms(), String::new());
        let server = KnownServer { address, pin, since_ms, name, vouched, next: None };
        self.keep(Unstored::Key, |home| home.remember_server(server));
    }
}
