//! Where effects meet the world: the link, the files of this client, the private server, folders of the disk. What
//! takes time runs in a task and comes back as an input; nothing here decides anything.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use liao_client_core::{
    answer::CallError,
    clock,
    dial::{self, Dialer, ServerDialer},
    handle::Handle,
    home::{Account, Home, KnownServer},
    link::{Credentials, Link, LinkConfig},
    notice::{LinkState, Notice, Ticket},
    outbox::Outbox,
    transfer::TransferId,
    trust::Trust,
};
use liao_common::{
    fault::{Fault, FaultCode},
    id::RoomId,
    message::{Body, Kind},
    name::UserName,
    request::{Logout, Register, Request, Token},
};
use tokio::{
    sync::{OnceCell, mpsc},
    task::AbortHandle,
};

use crate::{
    effect::{Effect, Login},
    input::{Input, PrivateTrouble},
    picker::{Directory, Disk},
    private::{Private, PrivateError},
    settings::Paths,
    view::server::Server,
};

/// Posts that may wait for the outbox.
const POSTS_MAX: usize = 256;

/// What this program is called in the server's log and in the list of devices.
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
    home: Home,
    paths: Paths,
    inputs: mpsc::Sender<Input>,
    session: Option<Session>,
    probe: Option<AbortHandle>,
    private: Arc<OnceCell<Arc<Private>>>,
}

/// A link and what belongs to it.
struct Session {
    server: Server,
    user: Option<UserName>,
    keep: bool,
    handle: Handle,
    notices: mpsc::Receiver<Notice>,
    posts: mpsc::Sender<(RoomId, Kind, Body)>,
}

impl World {
    /// The world, with the client's files under `paths`.
    #[must_use]
    pub(crate) fn new(home: Home, paths: Paths, inputs: mpsc::Sender<Input>) -> Self {
        Self { home, paths, inputs, session: None, probe: None, private: Arc::default() }
    }

    /// The next thing the link says; waits for ever when there is no link.
    pub(crate) async fn notice(&mut self) -> Notice {
        let Some(session) = &mut self.session else { return std::future::pending().await };
        let Some(notice) = session.notices.recv().await else {
            self.session = None;
            return std::future::pending().await;
        };
        if let Notice::LoggedIn(welcome) = &notice
            && let Some(token) = &welcome.token
        {
            let (id, name, token) = (welcome.id.clone(), welcome.name.clone(), token.clone());
            self.keep_account(&id, name, token);
        }
        notice
    }

    /// Says goodbye to everybody, the private server last: a link that is open would start it again.
    pub(crate) async fn leave(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.handle.close().await;
            while let Some(notice) = session.notices.recv().await {
                if matches!(notice, Notice::State(LinkState::Ended(_))) {
                    break;
                }
            }
        }
        if let Some(private) = self.private.get() {
            private.stop().await;
        }
    }

    /// Does one thing.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::StartPrivate => self.start_private(),
            Effect::Probe(address) => {
                let inputs = self.inputs.clone();
                let task = tokio::spawn(async move {
                    tell(&inputs, Input::Probed(dial::probe(&address).await)).await
                });
                self.probe = Some(task.abort_handle());
            }
            Effect::StopProbe => drop(self.probe.take().map(|task| task.abort())),
            Effect::KeepPin(address, pin) => {
                let server =
                    KnownServer { address, pin, since_ms: clock::wall_ms(), name: String::new() };
                log(self.home.remember_server(server));
            }
            Effect::Connect(server, login) => self.connect(server, login),
            Effect::Disconnect => self.disconnect(),
            Effect::LogOut => self.log_out(),
            Effect::ForgetAccount(server, user) => self.forget(&server, &user),
            Effect::Remember(state) => log(state.save(&self.paths.state())),
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
        if let Err(error) = session.posts.try_send((room, kind, body)) {
            let (room, _, body) = error.into_inner();
            self.later(Input::NotPosted { room, text: body.text.unwrap_or_default() });
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

    fn connect(&mut self, server: Server, login: Login) {
        self.disconnect();
        let Some(dialer) = self.dialer(&server) else {
            return self.refuse(FaultCode::Internal);
        };
        let (user, keep, credentials) = match self.credentials(&server, login) {
            Ok(known) => known,
            Err(code) => return self.refuse(code),
        };
        let mut config = LinkConfig::new(dialer, credentials, AGENT);
        config.outbox = self.outbox(&server, user.as_ref());
        let (handle, notices) = Link::start(config);
        let posts = start_posting(handle.clone(), self.inputs.clone());
        self.session = Some(Session { server, user, keep, handle, notices, posts });
    }

    /// The login ends before it began.
    fn refuse(&self, code: FaultCode) {
        let end = liao_client_core::notice::End::Refused(Fault::from(code));
        self.later(Input::Notice(Box::new(Notice::State(LinkState::Ended(end)))));
    }

    fn dialer(&self, server: &Server) -> Option<Arc<dyn Dialer>> {
        let (address, trust) = match server {
            Server::Private => return self.private.get().map(Private::dialer),
            Server::Plaintext(address) => (address.clone(), Trust::Plaintext),
            Server::At(target) => {
                let known = self.home.server(&target.address).ok().flatten();
                (
                    target.address.clone(),
                    Trust::Pinned(known.map(|known| known.pin).or(target.pin)?),
                )
            }
        };
        Some(Arc::new(ServerDialer { address, trust }))
    }

    fn credentials(
        &self,
        server: &Server,
        login: Login,
    ) -> Result<(Option<UserName>, bool, Credentials), FaultCode> {
        let parse = |user: &str| UserName::parse(user).ok();
        Ok(match login {
            Login::Token(user) => {
                let token = self.token(server, &user).ok_or(FaultCode::Unauthenticated)?;
                (parse(&user), true, Credentials::Token(token))
            }
            Login::Password { user, secret, keep } => {
                // What is no user id belongs to nobody.
                let user = parse(&user).ok_or(FaultCode::Unauthenticated)?;
                (Some(user.clone()), keep, Credentials::Password { user, secret })
            }
            Login::Register { user, name, secret, invite, keep } => {
                let known = parse(&user);
                let register = Register { user, name, secret, dev_name: AGENT.to_owned(), invite };
                (known, keep, Credentials::Register(register))
            }
        })
    }

    fn token(&self, server: &Server, user: &str) -> Option<Token> {
        let accounts = self.home.accounts().ok()?;
        let address = server.address();
        let found = accounts
            .into_iter()
            .find(|account| account.address == address && account.user.as_str() == user);
        found.map(|account| account.token)
    }

    /// A second client of the same person on this computer keeps its posts in memory.
    fn outbox(&self, server: &Server, user: Option<&UserName>) -> Outbox {
        let Some(user) = user else { return Outbox::in_memory() };
        self.home.outbox(&server.address(), user).unwrap_or_else(|error| {
            tracing::warn!(%error, "posts wait in memory only");
            Outbox::in_memory()
        })
    }

    fn keep_account(&self, id: &str, name: String, token: Token) {
        let Some(session) = self.session.as_ref().filter(|session| session.keep) else { return };
        let Some(user) = UserName::parse(id).ok().or_else(|| session.user.clone()) else { return };
        let account = Account {
            address: session.server.address(),
            user,
            name,
            token,
            used_ms: clock::wall_ms(),
        };
        log(self.home.remember_account(account));
    }

    fn disconnect(&mut self) {
        if let Some(session) = self.session.take() {
            tokio::spawn(async move { session.handle.close().await });
        }
    }

    fn log_out(&mut self) {
        let Some(session) = self.session.take() else { return };
        if let Some(user) = &session.user {
            log(self.home.forget_account(&session.server.address(), user));
        }
        let Session { handle, mut notices, .. } = session;
        tokio::spawn(async move {
            log(handle.ask(Logout {}).map(|_| ()));
            while notices.recv().await.is_some() {}
        });
    }

    fn forget(&self, server: &Server, user: &str) {
        if let Ok(user) = UserName::parse(user) {
            log(self.home.forget_account(&server.address(), &user).map(|_| ()));
        }
    }

    fn see_file(&self, room: RoomId, path: PathBuf) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = see(&path).await;
            tell(&inputs, Input::FileSeen { room, path, result }).await;
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

/// Posts go into the outbox one after the other, in the order in which they were written.
fn start_posting(
    handle: Handle,
    inputs: mpsc::Sender<Input>,
) -> mpsc::Sender<(RoomId, Kind, Body)> {
    let (sender, mut posts) = mpsc::channel::<(RoomId, Kind, Body)>(POSTS_MAX);
    tokio::spawn(async move {
        while let Some((room, kind, body)) = posts.recv().await {
            let text = body.text.clone().unwrap_or_default();
            if let Err(error) = handle.post(room, kind, body).await {
                tracing::warn!(%error, "a post was not kept");
                tell(&inputs, Input::NotPosted { room, text }).await;
            }
        }
    });
    sender
}

async fn see(path: &Path) -> std::io::Result<()> {
    let file = tokio::fs::File::open(path).await?;
    if file.metadata().await?.is_file() {
        Ok(())
    } else {
        Err(std::io::ErrorKind::IsADirectory.into())
    }
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
