//! The private server on this computer. One run of the program carries it inside, the others join;
//! the lock on its data folder says who carries it, its file `listening` says where. When the
//! carrier leaves, whoever misses it first carries it on: same key, and the same port if possible.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use liao_client_core::{
    address::Address,
    authorities::Authorities,
    clock,
    dial::{self, BoxFuture, Dialer, ServerDialer, Stream},
    trust::{ConnectError, Trust},
};
use liao_common::id::Pin;
use liao_server::{
    config::Config,
    datadir::DataDirError,
    server::{self, Running, StartError},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long another program that holds the folder may take until it can be reached, in
/// milliseconds.
pub const READY_WITHIN_MS: u64 = 20_000;

/// Time between two looks at a folder that is held but not served, in milliseconds.
const LOOK_AGAIN_MS: u64 = 50;

/// A longer file does not say where somebody listens, in bytes.
const NOTE_BYTES_MAX: u64 = 256;

/// A handful of people need less of a cache than a town, in bytes.
const INDEX_CACHE_BYTES: u64 = 16 << 20;

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Another program holds the folder and cannot be reached.
    #[error("the folder {} is in use by a program that cannot be reached", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// This program is about to end.
    #[error("this program is about to end")]
    Stopped,
}

/// Where the private server is, and who it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A loopback address.
    pub address: Address,
    /// Its key.
    pub pin: Pin,
}

/// The private server, carried by this program or by another one.
pub struct Private {
    folder: PathBuf,
    place: Mutex<Place>,
    /// Somebody else answered at the known place.
    doubted: AtomicBool,
    hosted: tokio::sync::Mutex<Option<Running>>,
    stopping: CancellationToken,
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Private({})", self.folder.display())
    }
}

impl Private {
    /// Joins the private server whose data lie in `folder`, or carries it from here on. The folder
    /// is made when it is missing.
    ///
    /// # Errors
    /// See [`PrivateError`].
    pub async fn join_or_host(folder: &Path) -> Result<Arc<Self>, PrivateError> {
        let (place, hosted) = settle(folder).await?;
        let private = Arc::new(Self {
            folder: folder.to_owned(),
            place: Mutex::new(place),
            doubted: AtomicBool::new(false),
            hosted: tokio::sync::Mutex::new(None),
            stopping: CancellationToken::new(),
        });
        let mut carried = private.hosted.lock().await;
        *carried = hosted.inspect(|running| private.mind(running));
        drop(carried);
        Ok(private)
    }

    /// Ends a server that can store no more: whoever misses it then carries it on from a new start.
    fn mind(self: &Arc<Self>, running: &Running) {
        let (private, failed) = (Arc::clone(self), running.failed());
        tokio::spawn(async move {
            tokio::select! {
                () = private.stopping.cancelled() => return,
                () = failed => {}
            }
            let failed = private.hosted.lock().await.take();
            if let Some(running) = failed {
                running.stop().await;
            }
        });
    }

    /// Where it is, as far as known.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this program carries it.
    pub async fn is_hosted(&self) -> bool {
        self.hosted.lock().await.is_some()
    }

    /// Finds it again after it could not be reached at `lost`: joins whoever carries it now, or
    /// carries it on. Of several that miss it at once in this program, one looks and the others
    /// take what it found.
    ///
    /// # Errors
    /// See [`PrivateError`].
    pub async fn take_over(self: &Arc<Self>, lost: &Place) -> Result<Place, PrivateError> {
        let mut hosted = self.hosted.lock().await;
        let place = self.place();
        if hosted.is_some() || place != *lost {
            return Ok(place);
        }
        let (place, running) = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return Err(PrivateError::Stopped),
            settled = settle(&self.folder) => settled?,
        };
        *hosted = running.inspect(|running| self.mind(running));
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&place);
        Ok(place)
    }

    /// Connects to wherever the server is, and carries it on when nobody does.
    #[must_use]
    pub fn dialer(self: &Arc<Self>) -> Arc<dyn Dialer> {
        Arc::new(PrivateDialer(Arc::clone(self)))
    }

    /// Ends the server if this program carries it: everything acknowledged is on disk afterwards,
    /// and the next program may have the folder. Close the links first; they would carry it on
    /// otherwise.
    pub async fn stop(&self) {
        self.stopping.cancel();
        if let Some(running) = self.hosted.lock().await.take() {
            running.stop().await;
        }
    }
}

struct PrivateDialer(Arc<Private>);

impl PrivateDialer {
    fn at(place: Place) -> ServerDialer {
        ServerDialer { address: place.address, trust: Trust::Pinned(place.pin) }
    }

    async fn open(&self) -> Result<Stream, ConnectError> {
        let place = self.0.place();
        let doubted = self.0.doubted.swap(false, Ordering::SeqCst);
        if !doubted && let Ok(stream) = Self::at(place.clone()).connect().await {
            return Ok(stream);
        }
        let found = self.0.take_over(&place).await;
        let place = found.map_err(|error| ConnectError::from(io::Error::other(error)))?;
        Self::at(place).connect().await
    }
}

impl Dialer for PrivateDialer {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(self.open())
    }

    fn secure(&self, stream: Stream) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async move {
            let done = Self::at(self.0.place()).secure(stream).await;
            // Ports of this computer are for everybody: another program may have this one now.
            self.0.doubted.store(done.is_err(), Ordering::SeqCst);
            done.map_err(|error| match error {
                ConnectError::PinChanged { .. } => ConnectError::Tls(error.to_string()),
                error => error,
            })
        })
    }
}

/// Carries the server, or finds the program that does. A folder that is held but not yet served, or
/// not any more, becomes one or the other soon.
async fn settle(folder: &Path) -> Result<(Place, Option<Running>), PrivateError> {
    let since = clock::now();
    loop {
        match host(folder).await {
            Ok((place, running)) => return Ok((place, Some(running))),
            Err(StartError::DataDir(DataDirError::InUse { .. })) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(place) = find(folder).await {
            return Ok((place, None));
        }
        if clock::ms_since(since) >= READY_WITHIN_MS {
            return Err(PrivateError::InUse { path: folder.to_owned() });
        }
        sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
    }
}

/// The program that holds the folder, if it can be reached. The note may be of one that is gone, so
/// whoever answers there has to show the key.
async fn find(folder: &Path) -> Option<Place> {
    let note = read_note(&folder.join("listening"))?;
    let (address, pin) = note.trim().split_once(' ')?;
    let place = Place { address: Address::parse(address).ok()?, pin: Pin::parse_hex(pin)? };
    let shown = dial::probe(&place.address, &Authorities::none()).await.ok()?;
    (shown.pin == place.pin).then_some(place)
}

async fn host(folder: &Path) -> Result<(Place, Running), StartError> {
    let config = |port| Config {
        index_cache_bytes: INDEX_CACHE_BYTES,
        ..Config::new(folder, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    let running = match server::start(config(last_port(folder))).await {
        Err(StartError::Listen { .. }) => server::start(config(0)).await?,
        done => done?,
    };
    let addr = running.addr();
    keep_port(folder, addr.port());
    let Some(pin) = running.pin() else {
        running.stop().await;
        let source = io::ErrorKind::NotFound.into();
        return Err(StartError::Io { action: "read the key of the private server", source });
    };
    let address = Address { host: addr.ip().to_string(), port: addr.port() };
    Ok((Place { address, pin }, running))
}

/// The port of the last time while it is free, so that others come back to where they were; else 0.
fn last_port(folder: &Path) -> u16 {
    let port = read_note(&folder.join("port")).and_then(|note| note.trim().parse().ok());
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    port.filter(free).unwrap_or_default()
}

fn keep_port(folder: &Path, port: u16) {
    if let Err(error) = fs::write(folder.join("port"), format!("{port}\n")) {
        tracing::debug!(%error, "the port is not remembered");
    }
}

fn read_note(path: &Path) -> Option<String> {
    let mut note = String::new();
    File::open(path).ok()?.take(NOTE_BYTES_MAX).read_to_string(&mut note).ok()?;
    Some(note)
}
