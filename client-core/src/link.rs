//! The task that keeps one account connected: dial, log in, fetch what was missed, send what
//! waits, and all of it again after every cut. It owns the outbox; what it tells is in order.

use std::sync::{Arc, atomic::AtomicU64};

use liao_common::{
    event::Synced,
    fault::{Fault, FaultCode},
    name::UserName,
    request::{Register, Secret, Token},
};
use tokio::{
    sync::{mpsc, watch},
    time::Duration,
};

mod desk;
mod login;
mod online;
mod ping;
mod posts;
#[cfg(test)]
mod tests;

use crate::{
    backoff::{self, Backoff},
    clock,
    connection::{Connection, ConnectionError},
    dial::Dialer,
    entropy::{self, Entropy, Nonces},
    handle::{COMMANDS_MAX, Handle},
    kept::KeptLogin,
    notice::{Cut, End, LinkState, Notice},
    outbox::Outbox,
    transfer::{
        Shelf,
        task::{self, TransferConfig},
    },
    trust::ConnectError,
};
use desk::Desk;
use login::Login;

/// Notices that may wait for the link's user. When they do, the link reads no further.
pub const NOTICES_MAX: usize = 1024;

/// A connection that held for this long counts as good: the next wait is a short one again, in
/// milliseconds.
const STEADY_AFTER_MS: u64 = 10_000;

/// The longest absence that a server's goodbye is heeded for, in milliseconds.
const AWAY_MS_MAX: u64 = 10 * backoff::LAST_MS;

/// How a link logs in the first time. Afterwards it uses the token it was given.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Make an account. Should the answer get lost, the link logs in with the password first.
    Register(Register),
    /// A user id and a password.
    Password {
        /// The user id.
        user: UserName,
        /// The password.
        secret: Secret,
    },
    /// The token of an earlier login.
    Token(Token),
}

/// What a link needs to know.
pub struct LinkConfig {
    /// How to reach the server.
    pub dialer: Arc<dyn Dialer>,
    /// How to log in.
    pub credentials: Credentials,
    /// Program and version, for the server's log.
    pub agent: String,
    /// What this device is called in the person's list of devices. Without a name the server gives
    /// no token: the link then keeps the password for reconnecting, and cannot move files.
    pub device_name: String,
    /// Where the login is kept, and perhaps renewed by another program; none when it is kept nowhere.
    pub kept: Option<KeptLogin>,
    /// Where posts wait.
    pub outbox: Outbox,
    /// Where transfers are kept for the next run; none when they are not.
    pub shelf: Option<Shelf>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for LinkConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkConfig({})", self.agent)
    }
}

impl LinkConfig {
    /// A link with an outbox in memory and the system's randomness, on a device called `agent`.
    #[must_use]
    pub fn new(dialer: Arc<dyn Dialer>, credentials: Credentials, agent: &str) -> Self {
        Self {
            dialer,
            credentials,
            agent: agent.to_owned(),
            device_name: agent.to_owned(),
            kept: None,
            outbox: Outbox::in_memory(),
            shelf: None,
            entropy: Arc::new(entropy::SystemEntropy),
        }
    }
}

/// Starts links.
#[derive(Debug)]
pub struct Link;

impl Link {
    /// Starts a link in the present runtime. It ends with `LinkState::Ended`: on `close`,
    /// when the login is refused, when all handles are gone, or when the receiver is. After that
    /// notice only transfers that were under way are told of their end.
    #[must_use]
    pub fn start(config: LinkConfig) -> (Handle, mpsc::Receiver<Notice>) {
        let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
        let (transfers, transfers_out) = mpsc::channel(task::COMMANDS_MAX);
        let (notices_in, notices) = mpsc::channel(NOTICES_MAX);
        let (login_in, login) = watch::channel(None);
        let nonces = Arc::new(Nonces::new(Arc::clone(&config.entropy)));
        let numbers = Arc::new(AtomicU64::new(1));
        let handle = Handle {
            commands,
            transfers,
            nonces: Arc::clone(&nonces),
            numbers: Arc::clone(&numbers),
        };
        tokio::spawn(task::run(TransferConfig {
            dialer: Arc::clone(&config.dialer),
            agent: config.agent.clone(),
            entropy: Arc::clone(&config.entropy),
            nonces,
            commands: transfers_out,
            notices: notices_in.clone(),
            posts: handle.commands.downgrade(),
            login,
            kept: config.kept.clone(),
            shelf: config.shelf,
            numbers,
        }));
        let task = Task {
            dialer: config.dialer,
            login: Login::new(
                config.credentials,
                config.kept,
                config.agent,
                config.device_name,
                login_in,
            ),
            entropy: config.entropy,
            backoff: Backoff::default(),
            desk: Desk::new(commands_out, notices_in, config.outbox),
        };
        tokio::spawn(task.run());
        (handle, notices)
    }
}

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Stop {
    /// So is the link.
    End(End),
    /// The link goes on, after a wait of its own choice.
    Cut(Cut),
    /// The link goes on, not before a time between those that the server chose, in milliseconds
    /// from now.
    Away { why: String, min_ms: u64, max_ms: u64 },
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<ConnectError> for Stop {
    fn from(error: ConnectError) -> Self {
        error.verdict().map_or_else(Self::End, Self::Cut)
    }
}

impl From<ConnectionError> for Stop {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Io(_) | ConnectionError::Eof => Self::Cut(Cut::Lost),
            ConnectionError::Timeout => Self::Cut(Cut::Timeout),
            ConnectionError::Encrypted => Self::Cut(Cut::Encrypted),
            ConnectionError::Protocol(why) => Self::Cut(Cut::Protocol(why)),
            ConnectionError::Refused(fault) => fault.into(),
            ConnectionError::GoAway(away) if away.why == FaultCode::AuthRevoked.as_str() => {
                Fault::new(FaultCode::AuthRevoked, "").into()
            }
            ConnectionError::GoAway(away) => {
                Self::Away { why: away.why, min_ms: away.min_ms, max_ms: away.max_ms }
            }
        }
    }
}

/// A fault that concerns the whole connection.
impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault.code {
            FaultCode::Unauthenticated | FaultCode::AuthRevoked => Self::End(End::Refused(fault)),
            FaultCode::Unsupported => Self::End(End::Unsupported),
            _ => Self::Cut(Cut::Busy(fault)),
        }
    }
}

struct Task {
    dialer: Arc<dyn Dialer>,
    login: Login,
    entropy: Arc<dyn Entropy>,
    backoff: Backoff,
    desk: Desk,
}

impl Task {
    async fn run(mut self) {
        self.desk.announce_waiting_posts();
        let end = loop {
            let stop = self.attempt().await;
            tracing::debug!(?stop, "the connection is over");
            let (why, retry_in_ms) = match stop {
                Stop::End(end) => break end,
                Stop::Cut(why) => (why.clone(), self.wait_ms(&why)),
                Stop::Away { why, min_ms, max_ms } => {
                    let named_ms = entropy::between(&self.entropy, min_ms, max_ms);
                    (Cut::GoAway(why), self.away_ms(named_ms))
                }
            };
            self.desk.connection_lost();
            self.desk.state(LinkState::Waiting { retry_in_ms, why });
            match self.desk.wait(Duration::from_millis(retry_in_ms)).await {
                Err(end) => break end,
                // Who asks for it looks on: the next waits are short ones again.
                Ok(true) => self.backoff.reset(),
                Ok(false) => {}
            }
        };
        self.desk.finish(end).await;
    }

    /// A server that names a time knows best, but all would come at once: some jitter on top.
    fn wait_ms(&mut self, why: &Cut) -> u64 {
        let named = match why {
            Cut::Busy(fault) => fault.retry_ms.unwrap_or_default().min(backoff::LAST_MS),
            _ => 0,
        };
        named + self.backoff.next_ms(&self.entropy)
    }

    /// A goodbye may name a long time, with an end. One that names none is a cut like any other: a
    /// server that says goodbye to everybody at once must not be dialled without a pause.
    fn away_ms(&mut self, named_ms: u64) -> u64 {
        named_ms.min(AWAY_MS_MAX) + self.backoff.next_ms(&self.entropy)
    }

    /// One connection from its first byte to its last.
    async fn attempt(&mut self) -> Stop {
        let mut conn = match self.connect().await {
            Ok(conn) => conn,
            Err(stop) => return stop,
        };
        let stop = match self.begin(&mut conn).await {
            Ok(idle_ms) => self.serve(&mut conn, idle_ms).await,
            Err(stop) => stop,
        };
        if matches!(stop, Stop::End(End::Closed)) {
            conn.close().await;
        }
        stop
    }

    async fn connect(&mut self) -> Result<Connection, Stop> {
        self.desk.state(LinkState::Connecting);
        let stream = self.desk.during(self.dialer.connect()).await??;
        self.desk.state(LinkState::Securing);
        let stream = self.desk.during(self.dialer.secure(stream)).await??;
        Ok(Connection::new(stream))
    }

    /// Login and sync. Gives the silence after which the server wants a ping, in milliseconds.
    async fn begin(&mut self, conn: &mut Connection) -> Result<u64, Stop> {
        self.desk.state(LinkState::LoggingIn);
        let (welcome, session) = match self.desk.during(self.login.run(conn)).await? {
            Ok(done) => done,
            Err(stop) => {
                if let Stop::End(End::Refused(fault)) = &stop {
                    self.desk.tell(Notice::Refused(fault.clone()));
                }
                return Err(stop);
            }
        };
        let idle_ms = welcome.limits.idle_s.saturating_mul(1000);
        self.desk.tell(Notice::Welcome(Box::new(welcome)));
        self.desk.tell(Notice::LoggedIn(Box::new(session)));
        self.desk.state(LinkState::Syncing);
        let synced = self.sync(conn).await?;
        self.desk.positions.synced(&synced);
        let reset = synced.reset;
        self.desk.tell(Notice::Synced(Box::new(synced)));
        self.desk.refuse_void_posts(reset);
        Ok(idle_ms)
    }

    /// Asks for what was missed; for everything when the server knows the cursors no more.
    async fn sync(&mut self, conn: &mut Connection) -> Result<Synced, Stop> {
        let request = self.desk.positions.request();
        let synced = self.desk.during(conn.ask(request)).await?;
        let void = |fault: &Fault| matches!(fault.code, FaultCode::Gone | FaultCode::EpochChanged);
        match synced {
            Err(ConnectionError::Refused(fault)) if void(&fault) => {
                self.desk.positions.clear();
                let request = self.desk.positions.request();
                Ok(self.desk.during(conn.ask(request)).await??)
            }
            other => Ok(other?),
        }
    }

    async fn serve(&mut self, conn: &mut Connection, idle_ms: u64) -> Stop {
        let since = clock::now();
        let stop = online::serve(&mut self.desk, conn, &self.entropy, idle_ms).await;
        if clock::ms_since(since) >= STEADY_AFTER_MS {
            self.backoff.reset();
        }
        stop
    }
}
