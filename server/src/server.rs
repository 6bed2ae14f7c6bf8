//! The life of a server: folder, journal, index, engine, door; and the way back.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use liao_common::id::{Hash, Pin};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
};

use crate::{
    admin::{self, invite},
    blocking::Blocking,
    chat::{
        age::{self, Age},
        guesses::Guesses,
        hub::Hub,
        log::Damage,
        password::Passwords,
        presence::Presence,
        retention,
        switchboard::Switchboard,
    },
    clock,
    config::{Config, Transport},
    datadir::{DataDir, DataDirError},
    disk::{Disk, RealDisk},
    engine::{self, Committing, Duty, Engine},
    entropy,
    files::Files,
    index::{IndexHome, SledOptions},
    journal::Journal,
    listen::Door,
    report::{self, Opening},
    state::{
        project::{self, project},
        view,
    },
    store::{self, Recovery, StoreError, StoreOptions},
    tls::{Current, Identity, Source, TlsError},
};

/// Connections that may wait to be accepted; the system may allow fewer.
const QUEUE_CONNECTIONS_MAX: u32 = 4096;

/// How long connections may take to say goodbye.
const GRACE: Duration = Duration::from_secs(5);

/// Unfinished uploads are kept this long, in milliseconds.
const UNFINISHED_KEPT_MS: u64 = 24 * 3600 * 1000;

/// How often unfinished uploads are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Why a server does not start. The words are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Journal or index.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Key and certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Plain text would travel over a network.
    #[error(
        "plain text is for loopback addresses only, and {0} is none; leave out --insecure-plaintext"
    )]
    PlaintextAbroad(SocketAddr),
    /// Something else of the system.
    #[error("cannot {action}: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A server that runs. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    addr: SocketAddr,
    recovery: Recovery,
    door: Door,
    store: Opened,
    notice: PathBuf,
}

/// What must be closed last.
struct Opened {
    committing: Committing,
    folder: DataDir,
}

impl Opened {
    /// Closes the files, when all handles to the engine are gone.
    async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || {
            self.committing.join();
            drop(self.folder);
        });
        drop(closed.await);
    }
}

/// Starts a server and returns when it takes connections.
///
/// # Errors
/// See [`StartError`]. Nothing is left running.
pub async fn start(config: Config) -> Result<Running, StartError> {
    if config.transport == Transport::Plaintext && !config.listen.ip().is_loopback() {
        return Err(StartError::PlaintextAbroad(config.listen));
    }
    let opening = config.clone();
    let Data { hub, store, recovery, identity, opening } =
        tokio::task::spawn_blocking(move || open(&opening)).await.map_err(|error| {
            StartError::Io { action: "open the data folder", source: error.into() }
        })??;
    match open_door(&config, Arc::new(hub), &store.folder, identity) {
        Ok(front) => {
            let Front { addr, door, notice } = front;
            opening.told(&config.data, addr, door.pin());
            Ok(Running { addr, recovery, door, store, notice })
        }
        Err(error) => {
            // Whoever tries again at once must find the files closed.
            store.close().await;
            Err(error)
        }
    }
}

/// What stands between the world and the hub.
struct Front {
    addr: SocketAddr,
    door: Door,
    notice: PathBuf,
}

fn open_door(
    config: &Config,
    hub: Arc<Hub>,
    folder: &DataDir,
    identity: Result<Current, TlsError>,
) -> Result<Front, StartError> {
    let tls = match config.transport {
        Transport::Tls => Some(Arc::new(identity?)),
        Transport::Plaintext => None,
    };
    let listen = |source| StartError::Listen { addr: config.listen, source };
    let listener = listening(config.listen).map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    announce(&hub, tls.as_deref());
    let notice = folder.path().join(invite::LISTENING);
    write_notice(&notice, addr, tls.as_deref())
        .map_err(|source| StartError::Io { action: "write the file `listening`", source })?;
    let door = Door::new(hub, tls, config.connections_max, config.strangers);
    admin::socket::serve(&door, folder.path())
        .map_err(|source| StartError::Io { action: "open the administration socket", source })?;
    spawn_helpers(&door);
    tokio::spawn(door.clone().run(listener));
    Ok(Front { addr, door, notice })
}

/// From now on newcomers are told which key comes next, if one does.
fn announce(hub: &Hub, tls: Option<&Current>) {
    let next = tls.and_then(|tls| tls.identity().next);
    if let Some(next) = next {
        tracing::info!("the next key is announced: pin {next} ({})", next.words());
    }
    *hub.next_pin.write().unwrap_or_else(PoisonError::into_inner) = next;
}

/// For programs of this machine: where the server listens, and its key; `certificate` behind it says
/// that the key may change when the certificate is renewed.
fn write_notice(path: &Path, addr: SocketAddr, tls: Option<&Current>) -> io::Result<()> {
    let words = match tls {
        None => format!("{addr} {}\n", invite::PLAINTEXT),
        Some(tls) if tls.is_given() => {
            format!("{addr} {} {}\n", tls.identity().pin, invite::CERTIFICATE)
        }
        Some(tls) => format!("{addr} {}\n", tls.identity().pin),
    };
    fs::write(path, words)
}

fn reload(door: &Door, notice: &Path, addr: SocketAddr) {
    let Some(tls) = door.tls.as_deref() else {
        return tracing::warn!("there is no certificate to read anew: all is plain text");
    };
    match tls.reload() {
        Ok(pin) => tracing::info!("the certificate was read anew: pin {pin} ({})", pin.words()),
        Err(error) => return tracing::error!("the certificate in use stays: {error}"),
    }
    announce(&door.hub, Some(tls));
    if let Err(error) = write_notice(notice, addr, Some(tls)) {
        tracing::warn!("cannot write the file `listening`: {error}");
    }
}

/// A listener with a longer queue than usual: when everybody comes back at once, whoever finds no
/// place in it tries again only after a second.
fn listening(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(QUEUE_CONNECTIONS_MAX)
}

/// The work that goes on beside the connections, until shutdown.
fn spawn_helpers(door: &Door) {
    let presence = Arc::clone(&door.hub.presence).run();
    let heads = Arc::clone(&door.hub.switchboard).run();
    let sweeping = sweep(Arc::clone(&door.hub));
    let aging = age::run(Arc::clone(&door.hub));
    let retaining = retention::run(Arc::clone(&door.hub));
    let shutdown = door.shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = presence => {}
            () = heads => {}
            () = sweeping => {}
            () = aging => {}
            () = retaining => {}
            () = shutdown.cancelled() => {}
        }
    });
}

/// Throws away unfinished uploads that nobody came back for, now and every hour.
async fn sweep(hub: Arc<Hub>) {
    loop {
        let files = hub.files.clone();
        let before_ms = (hub.clock)().saturating_sub(UNFINISHED_KEPT_MS);
        match tokio::task::spawn_blocking(move || files.forget_unfinished(before_ms)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("old unfinished uploads cannot be removed: {error}"),
            Err(error) => tracing::warn!("old unfinished uploads were not looked at: {error}"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// What a server stands on.
pub struct Ground<'a> {
    /// The folder of the journal.
    pub disk: Arc<dyn Disk>,
    /// The place of the index.
    pub index: &'a dyn IndexHome,
    /// The folder of the folders of files.
    pub files: &'a Path,
    /// Choices for journal and index.
    pub store: StoreOptions,
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
    /// Where work that blocks is done.
    pub blocking: Blocking,
}

/// Everything that lies in the data folder, open.
struct Data {
    hub: Hub,
    store: Opened,
    recovery: Recovery,
    /// What is wrong with the key matters only to who serves through TLS.
    identity: Result<Current, TlsError>,
    /// What the log tells of it.
    opening: Opening,
}

/// Opens everything that lies in the data folder. Blocks; a rebuild takes its time.
fn open(config: &Config) -> Result<Data, StartError> {
    let failed = |action| move |source| StartError::Io { action, source };
    let begun_ms = clock::now_ms();
    let folder = DataDir::open(&config.data)?;
    let disk =
        Arc::new(RealDisk::open(folder.journal()).map_err(failed("open the journal's folder"))?);
    let index =
        SledOptions { cache_bytes: config.index_cache_bytes, ..SledOptions::new(folder.index()) };
    let new_epoch = u64::from_be_bytes(entropy::bytes().map_err(failed("get random bytes"))?);
    // Made before the journal, whatever it is served through: once there are data, its absence means
    // that it was lost, and a first start that is cut off must not look like that.
    let fresh = !Journal::exists(&*disk).map_err(StoreError::from)?
        && !index.holds_rows().map_err(StoreError::from)?;
    let identity = identity(&folder, config, fresh);
    let identity = if fresh { Ok(identity?) } else { identity };
    let store = StoreOptions::new(new_epoch, project::VERSION);
    let ground = Ground {
        disk,
        index: &index,
        files: folder.path(),
        store,
        clock: config.clock,
        blocking: Blocking::Threads,
    };
    let (hub, duty, recovery) = assemble(config, ground)?;
    let committing = duty.on_a_thread().map_err(failed("start the committing thread"))?;
    let opening = Opening::of(&hub.store, clock::now_ms().saturating_sub(begun_ms));
    Ok(Data { hub, store: Opened { committing, folder }, recovery, identity, opening })
}

/// A key of one's own is made also where a certificate is given: it may be left out later.
fn identity(folder: &DataDir, config: &Config, fresh: bool) -> Result<Current, TlsError> {
    let own = Source::Own(folder.tls());
    let identity = Identity::read(&own, fresh || config.new_key);
    let Some(files) = &config.certificate else { return Ok(Current::new(own, identity?)) };
    if fresh {
        identity?;
    }
    let given = Source::Files(files.clone());
    let identity = Identity::read(&given, false)?;
    Ok(Current::new(given, identity))
}

/// Builds a server without a door on whatever ground. The duty must be done by somebody.
///
/// # Errors
/// When journal, index or files cannot be opened.
pub fn assemble(config: &Config, ground: Ground<'_>) -> Result<(Hub, Duty, Recovery), StartError> {
    let failed = |action| move |source| StartError::Io { action, source };
    let Ground { disk, index, files, store: options, clock, blocking } = ground;
    let mut progress = report::progress(clock);
    let (store, writer, recovery) = store::open(disk, index, options, project, &mut progress)?;
    report::recovered(&recovery);
    let files = Files::open(files, config.files).map_err(failed("open the files' folders"))?;
    let is_file = |user, b3: &Hash| view::has_content(&*store, user, b3).unwrap_or(false);
    files.publish_left_over(is_file).map_err(failed("finish uploads"))?;
    let switchboard = Arc::new(Switchboard::default());
    let options = engine::Options { clock, free_bytes_min: config.free_bytes_min };
    let audience: Arc<dyn engine::Audience> = Arc::<Switchboard>::clone(&switchboard);
    let (engine, duty) = Engine::prepare(writer, audience, options);
    let age = Age::resume(view::age(&*store)?, clock());
    let hub = Hub {
        store,
        damage: Damage::default(),
        engine,
        switchboard,
        presence: Arc::new(Presence::default()),
        passwords: Passwords::new(config.hash_cost, config.hashes_at_once_max, blocking),
        guesses: Guesses::new(config.rules.guesses_free),
        files,
        rules: config.rules.clone(),
        clock,
        age,
        blocking,
        next_pin: RwLock::default(),
    };
    hub.forget_contents()?;
    Ok((hub, duty, recovery))
}

impl Running {
    /// Where it really listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The pin of the key in use; none with plain text.
    #[must_use]
    pub fn pin(&self) -> Option<Pin> {
        self.door.pin()
    }

    /// Reads key and certificate anew, for handshakes from now on; connections that are up notice
    /// nothing. The log says what came of it.
    pub fn reload(&self) -> impl Future<Output = ()> + Send + use<> {
        let (door, notice, addr) = (self.door.clone(), self.notice.clone(), self.addr);
        let reading = tokio::task::spawn_blocking(move || reload(&door, &notice, addr));
        async move {
            if let Err(error) = reading.await {
                tracing::error!("the certificate was not read anew: {error}");
            }
        }
    }

    /// What was found and repaired at the start.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Records that are stored and that the index lacks yet.
    #[must_use]
    pub fn unapplied_records(&self) -> usize {
        self.door.hub.store.unapplied_records()
    }

    /// Serves a stream of this machine that did not come through the door, until it ends.
    pub fn serve_stream<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_stream_from(stream, None);
    }

    /// The same for a stream that comes from an address. One too many from there is closed at once.
    pub fn serve_stream_from<S>(&self, stream: S, from: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Some(stranger) = self.door.strangers.admit(from, None) {
            self.door.serve(stream, stranger, drop);
        }
    }

    /// How many passwords were hashed or verified so far.
    #[must_use]
    pub fn passwords_worked(&self) -> u64 {
        self.door.hub.passwords.worked()
    }

    /// Ends when storing failed: nothing can be taken any more, and a restart is needed. May be waited
    /// for while the server is in other hands.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.door.hub.engine.failed().clone().cancelled_owned()
    }

    /// Says goodbye to everybody, stores what is under way, and closes the files.
    pub async fn stop(self) {
        let Self { door, store, notice, .. } = self;
        tracing::info!("stopping: everybody connected is told");
        // What a stopped server was known by is for the links of invites.
        drop(fs::rename(&notice, notice.with_file_name(invite::LISTENED)));
        door.shutdown.cancel();
        door.stop.say_goodbye();
        door.tracker.close();
        if tokio::time::timeout(GRACE, door.tracker.wait()).await.is_err() {
            tracing::warn!("{} connections did not end in time and are cut", door.tracker.len());
            door.stop.at_once();
            door.tracker.wait().await;
        }
        if let Err(fault) = age::keep(&door.hub).await {
            tracing::warn!("the server's age is not written down: {fault}");
        }
        let hashed = door.hub.passwords.worked();
        drop(door);
        store.close().await;
        tracing::info!(
            "stopped: journal and index are closed; passwords hashed since the start: {hashed}"
        );
    }
}
