//! Where effects meet the world: the link, the files of this client, the private server, folders of the disk. What
//! takes time runs in a task and comes back as an input; nothing here decides anything.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use liao_client_core::{
    answer::CallError,
    authorities::Authorities,
    dial::{self, Dialer, ServerDialer},
    home::Home,
    kept::KeptLogin,
    known::KnownDialer,
    link::Credentials,
    notice::{End, LinkState, Notice, Ticket},
    outbox::Outbox,
    transfer::TransferId,
    trust::Trust,
};
use liao_common::{
    fault::{Fault, FaultCode},
    id::RoomId,
    message::{Body, Kind},
    name::UserName,
    request::{Register, Request, Token},
};
use tokio::{
    sync::{OnceCell, mpsc},
    task::{AbortHandle, JoinHandle},
};

mod cabinet;
mod keeping;
mod session;
#[cfg(test)]
mod tests;

use crate::{
    effect::{Effect, Login},
    input::{Input, PrivateTrouble, Unkept},
    picker::{Directory, Disk},
    private::{Private, PrivateError},
    settings::Paths,
    view::server::Server,
};
use cabinet::Cabinet;
use keeping::{LostDrafts, NewestDrafts};
use session::{Goodbyes, Prepared, Session};

/// What this program is called in the server's log.
const AGENT: &str = concat!("liao/", env!("CARGO_PKG_VERSION"));

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It goes on.
    On,
    /// It ends.
    Quit,
}

/// The world outside of the screen.
pub(crate) struct World {
    cabinet: Cabinet,
    paths: Paths,
    authorities: Authorities,
    inputs: mpsc::Sender<Input>,
    /// What a new link needs is being fetched.
    opening: Option<JoinHandle<Result<Box<Prepared>, FaultCode>>>,
    session: Option<Session>,
    /// Counts sessions, so that what comes late is known for what it is.
    number: u64,
    goodbyes: Goodbyes,
    probe: Option<AbortHandle>,
    private: Arc<OnceCell<Arc<Private>>>,
    newest: NewestDrafts,
    lost: LostDrafts,
    /// What the goodbye that was begun last will give.
    left: Option<JoinHandle<usize>>,
    unsent: usize,
}

impl World {
    /// The world, with the client's files under `paths`.
    #[must_use]
    pub(crate) fn new(
        home: Home,
        paths: Paths,
        authorities: Authorities,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            cabinet: Cabinet::open(home),
            paths,
            authorities,
            inputs,
            opening: None,
            session: None,
            number: 0,
            goodbyes: Goodbyes::default(),
            probe: None,
            private: Arc::default(),
            newest: NewestDrafts::default(),
            lost: LostDrafts::default(),
            left: None,
            unsent: 0,
        }
    }

    /// The next thing the link says; waits for ever when there is no link. May be dropped without loss.
    pub(crate) async fn notice(&mut self) -> Notice {
        loop {
            if let Some(opening) = &mut self.opening {
                let opened = opening.await.unwrap_or(Err(FaultCode::Internal));
                self.opening = None;
                match opened {
                    Ok(prepared) => self.begin(*prepared),
                    Err(code) => return refusal(code),
                }
            }
            let Some(session) = &mut self.session else { return std::future::pending().await };
            let Some(notice) = session.next().await else {
                (self.left, self.unsent) = (None, session.unsent());
                self.session = None;
                continue;
            };
            self.observe(&notice);
            return notice;
        }
    }

    /// What the link has said already, if anything.
    pub(crate) fn notice_here(&mut self) -> Option<Notice> {
        if self.opening.is_some() {
            return None;
        }
        let notice = self.session.as_mut()?.next_here()?;
        self.observe(&notice);
        Some(notice)
    }

    fn observe(&mut self, notice: &Notice) {
        match notice {
            Notice::Welcome(welcome) => self.keep_next(welcome.next_pin),
            Notice::LoggedIn(welcome) => {
                self.keep_account(welcome);
                self.fetch_drafts();
            }
            _ => {}
        }
    }

    /// Says goodbye to everybody, the private server last: a link that is open would start it again.
    pub(crate) async fn leave(&mut self) {
        self.disconnect();
        self.goodbyes.over().await;
        if let Some(left) = self.left.take() {
            self.unsent = left.await.unwrap_or_default();
        }
        self.cabinet.tell(Home::catch_up);
        self.cabinet.finish().await;
        if let Some(private) = self.private.get() {
            private.stop().await;
        }
    }

    /// How many messages of the account that was left last wait on the disk for the next login.
    pub(crate) const fn unsent(&self) -> usize {
        self.unsent
    }

    /// Does one thing.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::StartPrivate => self.start_private(),
            Effect::Probe(address) => {
                let (inputs, authorities) = (self.inputs.clone(), self.authorities.clone());
                let task = tokio::spawn(async move {
                    let result = dial::probe(&address, &authorities).await;
                    tell(&inputs, Input::Probed { address, result }).await;
                });
                self.probe = Some(task.abort_handle());
            }
            Effect::StopProbe => drop(self.probe.take().map(|task| task.abort())),
            Effect::KeepPin(address, shown) => self.keep_key(address, shown),
            Effect::Recall => self.recall(),
            Effect::Connect(server, login) => self.connect(server, login),
            Effect::Disconnect => self.disconnect(),
            Effect::LogOut => self.log_out(),
            Effect::ForgetAccount(server, user) => self.forget(&server, &user),
            Effect::KeepDrafts(drafts) => self.keep_drafts(drafts),
            Effect::Remember(state) => {
                let path = self.paths.state();
                self.cabinet.tell(move |_| state.save(&path));
            }
            Effect::SeeFile(room, path) => self.see_file(room, path),
            Effect::List(folder) => self.list(folder),
            Effect::Quit | Effect::Copy(_) | Effect::Bell => {}
            effect => self.tell_link(effect),
        }
    }

    fn tell_link(&mut self, effect: Effect) {
        let Some(session) = &self.session else { return };
        let handle = &session.handle;
        let transfer = |result: Result<(), CallError>| log(result);
        match effect {
            Effect::Post(room, kind, body) => self.post(room, kind, body),
            Effect::Resend(nonce) => handle.resend(nonce),
            Effect::Discard(nonce) => handle.discard(nonce),
            Effect::Ask(request) => self.ask(request),
            Effect::Watch(watch) => self.ask(watch.into()),
            Effect::RetryNow => handle.retry_now(),
            Effect::Upload(job) => transfer(handle.upload(job).map(|_: TransferId| ())),
            Effect::Download(job) => transfer(handle.download(job).map(|_: TransferId| ())),
            Effect::Pause(id) => transfer(handle.pause(id)),
            Effect::Resume(id) => transfer(handle.resume(id)),
            Effect::Cancel(id) => transfer(handle.cancel(id)),
            _ => {}
        }
    }

    /// A request that finds no place is answered here, so that whoever waits for it does not wait for ever.
    fn ask(&self, request: Request) {
        let Some(session) = &self.session else { return };
        if let Err(error) = session.handle.ask(request.clone()) {
            let notice = Notice::Answer {
                ticket: Ticket(0),
                request: Box::new(request),
                answer: Err(error),
            };
            self.later(Input::Notice(Box::new(notice)));
        }
    }

    fn post(&self, room: RoomId, kind: Kind, body: Body) {
        let Some(session) = &self.session else { return };
        let number = session.number;
        if let Err(text) = session.post((room, kind, body)) {
            self.later(Input::NotPosted { session: number, room, text });
        }
    }

    fn later(&self, input: Input) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move { tell(&inputs, input).await });
    }

    fn start_private(&self) {
        let (inputs, private) = (self.inputs.clone(), Arc::clone(&self.private));
        let folder = self.paths.private_server();
        tokio::spawn(async move {
            let reached = private.get_or_try_init(|| Private::join_or_host(&folder)).await;
            let result = reached.map(|_| ()).map_err(trouble);
            tell(&inputs, Input::PrivateReady(result)).await;
        });
    }

    /// What the link needs lies on the disk, and the outbox may be in the hands of the link before.
    fn connect(&mut self, server: Server, login: Login) {
        self.disconnect();
        let private = self.private.get().map(Private::dialer);
        let (goodbyes, cabinet) = (self.goodbyes.clone(), self.cabinet.clone());
        let authorities = self.authorities.clone();
        self.opening = Some(tokio::spawn(async move {
            goodbyes.over().await;
            let prepared =
                cabinet.ask(move |home| prepare(home, server, login, (private, authorities)));
            prepared.await.unwrap_or(Err(FaultCode::Internal)).map(Box::new)
        }));
    }

    fn begin(&mut self, prepared: Prepared) {
        self.number += 1;
        let unkept = prepared.unkept.clone();
        self.later(Input::Opened { session: self.number, unkept });
        let inputs = self.inputs.clone();
        self.session = Some(Session::start(self.number, prepared, AGENT, inputs));
    }

    fn disconnect(&mut self) {
        if let Some(opening) = self.opening.take() {
            opening.abort();
        }
        if let Some(session) = self.session.take() {
            self.left = Some(self.goodbyes.say(session, false));
        }
    }

    fn log_out(&mut self) {
        let Some(session) = self.session.take() else { return };
        if let Some(user) = &session.user {
            self.forget(&session.server, user.as_str());
        }
        self.left = Some(self.goodbyes.say(session, true));
    }

    fn forget(&self, server: &Server, user: &str) {
        let address = server.address();
        if let Ok(user) = UserName::parse(user) {
            self.cabinet.tell(move |home| home.forget_account(&address, &user));
        }
    }

    fn see_file(&self, room: RoomId, path: PathBuf) {
        let (inputs, session) = (self.inputs.clone(), self.number);
        tokio::spawn(async move {
            let result = see(&path).await;
            tell(&inputs, Input::FileSeen { session, room, path, result }).await;
        });
    }

    fn list(&self, folder: PathBuf) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let read = folder.clone();
            let entries = tokio::task::spawn_blocking(move || Disk.list(&read)).await;
            let entries = entries.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            tell(&inputs, Input::Listed { folder, entries }).await;
        });
    }
}

fn trouble(error: PrivateError) -> PrivateTrouble {
    match error {
        PrivateError::InUse { path } => PrivateTrouble::InUse(path),
        error => PrivateTrouble::Failed(error.to_string()),
    }
}

fn refusal(code: FaultCode) -> Notice {
    Notice::State(LinkState::Ended(End::Refused(Fault::from(code))))
}

/// Fetches what a link needs from the disk.
fn prepare(
    home: &Home,
    server: Server,
    login: Login,
    reached: (Option<Arc<dyn Dialer>>, Authorities),
) -> Result<Prepared, FaultCode> {
    let dialer = dialer(home, &server, reached).ok_or(FaultCode::Internal)?;
    let remembered = matches!(login, Login::Token(_));
    let (user, keep, credentials) = credentials(home, &server, login)?;
    let (outbox, unkept) = outbox(home, &server, user.as_ref());
    let kept = user.clone().filter(|_| keep).map(|user| KeptLogin {
        home: home.clone(),
        address: server.address(),
        user,
    });
    let shelf = user.as_ref().filter(|_| !outbox.is_in_memory());
    let shelf = shelf.map(|user| home.shelf(&server.address(), user));
    Ok(Prepared {
        server,
        user,
        keep,
        remembered,
        dialer,
        credentials,
        kept,
        outbox,
        shelf,
        unkept,
    })
}

fn dialer(
    home: &Home,
    server: &Server,
    (private, authorities): (Option<Arc<dyn Dialer>>, Authorities),
) -> Option<Arc<dyn Dialer>> {
    Some(match server {
        Server::Private => return private,
        Server::Plaintext(address) => {
            Arc::new(ServerDialer { address: address.clone(), trust: Trust::Plaintext })
        }
        Server::At(target) => Arc::new(KnownDialer {
            home: home.clone(),
            address: target.address.clone(),
            named: target.pin,
            authorities,
        }),
    })
}

fn credentials(
    home: &Home,
    server: &Server,
    login: Login,
) -> Result<(Option<UserName>, bool, Credentials), FaultCode> {
    let parse = |user: &str| UserName::parse(user).ok();
    Ok(match login {
        Login::Token(user) => {
            let token = token(home, server, &user).ok_or(FaultCode::Unauthenticated)?;
            (parse(&user), true, Credentials::Token(token))
        }
        Login::Password { user, secret, keep } => {
            // What is no user id belongs to nobody.
            let user = parse(&user).ok_or(FaultCode::Unauthenticated)?;
            (Some(user.clone()), keep, Credentials::Password { user, secret })
        }
        Login::Register { user, name, secret, invite, keep } => {
            let known = parse(&user);
            // The link says what this device is called.
            let register = Register { user, name, secret, dev_name: String::new(), invite };
            (known, keep, Credentials::Register(register))
        }
    })
}

fn token(home: &Home, server: &Server, user: &str) -> Option<Token> {
    let accounts = home.accounts().ok()?;
    let address = server.address();
    let found = accounts
        .into_iter()
        .find(|account| account.address == address && account.user.as_str() == user);
    found.map(|account| account.token)
}

/// A second client of the same person on this computer keeps its posts in memory, and says so.
fn outbox(home: &Home, server: &Server, user: Option<&UserName>) -> (Outbox, Option<Unkept>) {
    let Some(user) = user else { return (Outbox::in_memory(), None) };
    match home.outbox(&server.address(), user) {
        Ok(outbox) => (outbox, None),
        Err(error) => {
            tracing::warn!(%error, "posts wait in memory only");
            let unkept = match error.kind() {
                std::io::ErrorKind::WouldBlock => Unkept::InUse,
                kind => Unkept::Failed(kind, error.to_string()),
            };
            (Outbox::in_memory(), Some(unkept))
        }
    }
}

/// What is no file is not opened: a pipe would wait for somebody to write into it.
async fn see(path: &Path) -> std::io::Result<u64> {
    let meta = tokio::fs::metadata(path).await?;
    if !meta.is_file() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    tokio::fs::File::open(path).await.map(|_| meta.len())
}

/// After the loop has ended nobody listens, and nobody needs to.
async fn tell(inputs: &mpsc::Sender<Input>, input: Input) {
    let _ = inputs.send(input).await;
}

fn log<T, E: std::fmt::Display>(result: Result<T, E>) {
    if let Err(error) = result {
        tracing::warn!(%error, "something was not done");
    }
}
