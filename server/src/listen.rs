//! The door: accepts streams, wraps them in TLS inside their own task, and serves them.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use liao_common::{id::Pin, limits::ALPN};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chat::hub::Hub,
    gateway::{
        native::{self, Closed},
        stop::Stop,
        strangers::{Stranger, StrangerLimits, Strangers},
    },
    tls::Current,
};

/// Handshakes under way at a time; the next one waits.
const HANDSHAKES_MAX: usize = 1024;

/// How long a handshake may take, waiting for its turn included.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// After a failed accept (no descriptors, most often), the next try comes after this; each further
/// failure doubles it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// And that is the longest.
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Bytes of a connection that the system takes before it can send them. On a slow line all that waits in
/// there stands before the next answer; what waits here can still be passed.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 64 * 1024;

/// What every connection's task needs.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) hub: Arc<Hub>,
    pub(crate) tls: Option<Arc<Current>>,
    pub(crate) tracker: TaskTracker,
    /// Nobody is let in any more.
    pub(crate) shutdown: CancellationToken,
    /// And those who are in go.
    pub(crate) stop: Arc<Stop>,
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    pub(crate) strangers: Arc<Strangers>,
}

impl Door {
    pub(crate) fn new(
        hub: Arc<Hub>,
        tls: Option<Arc<Current>>,
        connections_max: usize,
        strangers: StrangerLimits,
    ) -> Self {
        Self {
            hub,
            tls,
            tracker: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            stop: Arc::default(),
            connections: Arc::new(Semaphore::new(connections_max)),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            strangers: Strangers::new(strangers.fit(connections_max)),
        }
    }

    /// The pin of the key in use; none with plain text.
    pub(crate) fn pin(&self) -> Option<Pin> {
        self.tls.as_ref().map(|tls| tls.identity().pin)
    }

    /// Accepts until shutdown. With all places taken, new connections wait in the system's queue.
    pub(crate) async fn run(self, listener: TcpListener) {
        let mut pause = ACCEPT_PAUSE;
        loop {
            let next = async {
                let place = Arc::clone(&self.connections).acquire_owned().await;
                let early = self.strangers.place().await;
                (place, early, listener.accept().await)
            };
            let (place, early, accepted) = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                next = next => next,
            };
            match (place, accepted) {
                (Ok(place), Ok((stream, peer))) => {
                    pause = ACCEPT_PAUSE;
                    match self.strangers.admit(Some(peer.ip()), early) {
                        Some(stranger) => self.admit(stream, peer, place, stranger),
                        None => tracing::debug!("too many strangers from where {peer} is"),
                    }
                }
                (Ok(_), Err(error)) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                }
                (Err(_), _) => return,
            }
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        stranger: Stranger,
    ) {
        // Boxed, and only for who reads it: the address is not needed for anything else.
        let peer = tracing::enabled!(tracing::Level::DEBUG).then(|| Box::new(peer));
        let end = move |closed: Closed| {
            if let Some(peer) = peer {
                tracing::debug!("the connection of {peer} ended: {closed}");
            }
            drop(place);
        };
        if let Err(error) = prepare(&stream) {
            return end(error.into());
        }
        let Some(tls) = &self.tls else { return self.serve(stream, stranger, end) };
        // As it is now: files that are read anew change nothing for those who have begun.
        let acceptor = tls.identity().acceptor;
        let door = self.clone();
        self.tracker.spawn(async move {
            match door.shake(acceptor, stream).await {
                // A task of its own: this one would hold room for its handshake ever after.
                Ok(stream) => door.serve(stream, stranger, end),
                Err(closed) => end(closed),
            }
        });
    }

    /// The handshake, within its time and until shutdown.
    async fn shake(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
    ) -> Result<Box<tokio_rustls::server::TlsStream<TcpStream>>, Closed> {
        let shaken = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(Closed::Shutdown),
            shaken = tokio::time::timeout(HANDSHAKE_WITHIN, self.handshake(&tls, stream)) => shaken,
        };
        Ok(shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?)
    }

    async fn handshake(
        &self,
        tls: &TlsAcceptor,
        stream: TcpStream,
    ) -> io::Result<Box<tokio_rustls::server::TlsStream<TcpStream>>> {
        // Whoever says nothing takes nobody's turn: in TLS the client speaks first.
        stream.readable().await?;
        let _turn = self.handshakes.acquire().await.map_err(io::Error::other)?;
        let stream = tls.accept(stream).await?;
        // Whoever speaks no protocol by name may be somebody else's client, led here by a third.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::other("another protocol"));
        }
        Ok(Box::new(stream))
    }

    /// Serves any stream as a connection, in a task of its own.
    pub(crate) fn serve<S>(
        &self,
        stream: S,
        stranger: Stranger,
        end: impl FnOnce(Closed) + Send + 'static,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (hub, stop) = (Arc::clone(&self.hub), Arc::clone(&self.stop));
        self.tracker.spawn(native::serve_stranger(stream, hub, stop, stranger, end));
    }
}

/// What is written goes out at once, and what cannot is not taken.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX) {
        tracing::debug!("answers may wait behind what is written: {error}");
    }
    Ok(())
}
