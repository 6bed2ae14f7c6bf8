//! How a link gets its stream: a trait with one implementation for real servers; tests bring
//! streams in memory. Nothing is remembered here between two attempts.

use std::{future::Future, io, pin::Pin as Pinned, time::Duration};

use liao_common::id::Pin;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    address::Address,
    authorities::Authorities,
    tls::{self, Shown, Wanted},
    trust::{ConnectError, Trust},
};

/// Time for looking up the host and opening the connection, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;

/// Time for the TLS handshake, in milliseconds.
pub const SECURE_TIMEOUT_MS: u64 = 10_000;

/// Addresses of one host that are tried.
const TRIES_MAX: usize = 8;

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection of whatever kind.
pub type Stream = Box<dyn Duplex>;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pinned<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens connections to one server. Two steps, because a person sees them as two.
pub trait Dialer: Send + Sync + 'static {
    /// Opens the connection.
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>>;

    /// Encrypts it, where that is wanted.
    fn secure(&self, stream: Stream) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async { Ok(stream) })
    }
}

/// A function that opens streams is a dialer: streams in memory need no second step.
impl<F> Dialer for F
where
    F: Fn() -> BoxFuture<'static, Result<Stream, ConnectError>> + Send + Sync + 'static,
{
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        self()
    }
}

/// Dials a real server over TCP.
#[derive(Clone, Debug)]
pub struct ServerDialer {
    /// Where.
    pub address: Address,
    /// Why it is believed.
    pub trust: Trust,
}

impl Dialer for ServerDialer {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        let local_only = self.trust == Trust::Plaintext;
        Box::pin(async move {
            let stream = open(&self.address, local_only).await?;
            Ok(Box::new(stream) as Stream)
        })
    }

    fn secure(&self, stream: Stream) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async move { secure_as(stream, &self.address, &self.trust).await })
    }
}

/// Encrypts a connection as far as the trust wants it.
pub(crate) async fn secure_as(
    stream: Stream,
    address: &Address,
    trust: &Trust,
) -> Result<Stream, ConnectError> {
    secure_and_see(stream, address, trust).await.map(|(stream, _)| stream)
}

/// The same, with the key that was shown; none where nothing is encrypted.
pub(crate) async fn secure_and_see(
    stream: Stream,
    address: &Address,
    trust: &Trust,
) -> Result<(Stream, Option<Pin>), ConnectError> {
    let wanted = match trust {
        Trust::Pinned(pin) | Trust::Named(pin) => Wanted::Key(*pin),
        Trust::Moving { pin, next } => Wanted::KeyOrNext(*pin, *next),
        Trust::Vouched(authorities) => Wanted::Vouched(authorities.clone()),
        Trust::Plaintext => return Ok((stream, None)),
    };
    let done = handshake(stream, &address.host, wanted).await;
    let (stream, shown) = done.map_err(|error| match (error, trust) {
        // Nothing has changed where nothing was known.
        (ConnectError::PinChanged { expected, found }, Trust::Named(_)) => {
            ConnectError::LinkMismatch { named: expected, found }
        }
        (error, _) => error,
    })?;
    Ok((Box::new(stream), Some(shown.pin)))
}

/// Asks a server for its key, for a person to look at before anything secret is said. The
/// handshake is completed, so the server has shown that the key is its own. Nobody has to be asked
/// where one of the authorities vouches for it.
///
/// # Errors
/// See [`ConnectError`].
pub async fn probe(address: &Address, authorities: &Authorities) -> Result<Shown, ConnectError> {
    let stream = open(address, false).await?;
    let (_, shown) = handshake(stream, &address.host, Wanted::Any(authorities.clone())).await?;
    Ok(shown)
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    host: &str,
    wanted: Wanted,
) -> Result<(impl Duplex + use<S>, Shown), ConnectError> {
    let limit = Duration::from_millis(SECURE_TIMEOUT_MS);
    let done = timeout(limit, tls::secure(stream, host, wanted)).await;
    done.map_err(|_| ConnectError::Timeout)?
}

pub(crate) async fn open(address: &Address, local_only: bool) -> Result<TcpStream, ConnectError> {
    let limit = Duration::from_millis(CONNECT_TIMEOUT_MS);
    let opened = timeout(limit, open_any(address, local_only)).await;
    opened.map_err(|_| ConnectError::Timeout)?
}

async fn open_any(address: &Address, local_only: bool) -> Result<TcpStream, ConnectError> {
    let found = lookup_host((address.host.as_str(), address.port)).await;
    let places: Vec<_> = found.map_err(ConnectError::NoSuchHost)?.take(TRIES_MAX).collect();
    let nowhere = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let mut failed = ConnectError::NoSuchHost(nowhere);
    for place in places {
        if local_only && !place.ip().is_loopback() {
            return Err(ConnectError::NotLoopback);
        }
        match TcpStream::connect(place).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error.into(),
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn plain_text_reaches_this_computer_only() {
        let (_listener, address) = listener().await;
        let dialer = ServerDialer { address, trust: Trust::Plaintext };
        let stream = dialer.connect().await.unwrap();
        assert!(dialer.secure(stream).await.is_ok());
        let address = Address::parse("192.0.2.1:9").unwrap();
        let dialer = ServerDialer { address, trust: Trust::Plaintext };
        assert!(matches!(dialer.connect().await, Err(ConnectError::NotLoopback)));
    }

    #[tokio::test]
    async fn a_closed_port_is_told_from_a_name_without_address() {
        let (listener, address) = listener().await;
        drop(listener);
        let failed = probe(&address, &Authorities::none()).await;
        assert!(matches!(failed, Err(ConnectError::Refused)), "{failed:?}");
        let failed = probe(&Address::parse("liao.invalid").unwrap(), &Authorities::none()).await;
        assert!(matches!(failed, Err(ConnectError::NoSuchHost(_))), "{failed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_runs_out_of_time() {
        let (_listener, address) = listener().await;
        let failed = probe(&address, &Authorities::none()).await;
        assert!(matches!(failed, Err(ConnectError::Timeout)), "{failed:?}");
    }
}
