//! What lies between a client and the server: it can be cut, taken down, and made to break after so
//! many bytes. One network per person.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use liao_client_core::{
    dial::{BoxFuture, Dialer, ServerDialer, Stream},
    trust::ConnectError,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::watch,
};

use super::world::Place;

/// Bytes under way in each direction.
const PIPE_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Clone)]
pub(crate) struct Network {
    place: Place,
    tls: Option<Arc<ServerDialer>>,
    up: Arc<watch::Sender<bool>>,
    /// Rises with every cut; connections of an earlier number break.
    cuts: Arc<watch::Sender<u64>>,
    /// Bytes that may still pass, in both directions together.
    bytes_left: Arc<AtomicI64>,
}

impl Network {
    pub(crate) fn new(place: Place, tls: Option<ServerDialer>) -> Self {
        Self {
            place,
            tls: tls.map(Arc::new),
            up: Arc::new(watch::Sender::new(true)),
            cuts: Arc::default(),
            bytes_left: Arc::new(AtomicI64::new(i64::MAX)),
        }
    }

    /// Breaks all connections. New ones can be made.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Breaks all connections; new ones wait until the network is up again.
    pub(crate) fn goes_down(&self) {
        self.up.send_replace(false);
        self.cut();
    }

    /// The end of [`Self::goes_down`].
    pub(crate) fn comes_up(&self) {
        self.up.send_replace(true);
    }

    /// The connection over which the last of so many bytes passes is cut; afterwards all is well.
    pub(crate) fn breaks_after(&self, bytes: i64) {
        self.bytes_left.store(bytes, Ordering::SeqCst);
    }

    async fn open(&self) -> Result<Stream, ConnectError> {
        let mut up = self.up.subscribe();
        drop(up.wait_for(|up| *up).await);
        self.place.is_up().await;
        let mut cuts = self.cuts.subscribe();
        let far: Stream = match &self.tls {
            Some(tls) => tls.connect().await?,
            None => Box::new(self.place.stream().await),
        };
        let (near, middle) = tokio::io::duplex(PIPE_BYTES);
        let (near_read, near_write) = tokio::io::split(middle);
        let (far_read, far_write) = tokio::io::split(far);
        let bytes_left = Arc::clone(&self.bytes_left);
        tokio::spawn(async move {
            let out = pump(near_read, far_write, &bytes_left);
            let back = pump(far_read, near_write, &bytes_left);
            tokio::select! {
                _ = async { tokio::try_join!(out, back) } => {}
                _ = cuts.changed() => {}
            }
        });
        Ok(Box::new(near))
    }
}

impl Dialer for Network {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(self.open())
    }

    fn secure(&self, stream: Stream) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        match &self.tls {
            Some(tls) => tls.secure(stream),
            None => Box::pin(async { Ok(stream) }),
        }
    }
}

/// Carries bytes one way until that way is closed. Fails when it breaks.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes_left: &AtomicI64,
) -> io::Result<()> {
    let mut buffer = vec![0; PIPE_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let passed = i64::try_from(count).unwrap_or(i64::MAX);
        if bytes_left.fetch_sub(passed, Ordering::SeqCst) < passed {
            bytes_left.store(i64::MAX, Ordering::SeqCst);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        to.write_all(&buffer[..count]).await?;
    }
}
