//! What lies between a client and the server: it can be cut, taken down, and made to break after so
//! many bytes. One network per person.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use liao_client_core::{
    dial::{BoxFuture, Dialer, ServerDialer, Stream},
    entropy::{Entropy as _, SeededEntropy},
    trust::ConnectError,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::watch,
};

use super::{
    tomorrow::{Strange, Tomorrow, Way},
    world::Place,
};

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
    budget: Arc<Budget>,
    tomorrow: Arc<Mutex<Option<Tomorrow>>>,
    strange: Arc<Strange>,
}

/// Bytes that may pass before the connection breaks, and what comes then.
struct Budget {
    bytes_left: AtomicI64,
    next: Mutex<Option<(SeededEntropy, u64)>>,
    breaks: AtomicUsize,
}

impl Network {
    pub(crate) fn new(place: Place, tls: Option<ServerDialer>) -> Self {
        Self {
            place,
            tls: tls.map(Arc::new),
            up: Arc::new(watch::Sender::new(true)),
            cuts: Arc::default(),
            budget: Arc::new(Budget {
                bytes_left: AtomicI64::new(i64::MAX),
                next: Mutex::new(None),
                breaks: AtomicUsize::new(0),
            }),
            tomorrow: Arc::default(),
            strange: Arc::default(),
        }
    }

    /// Connections to come have somebody of a later version on one side, or on both.
    pub(crate) fn of(self, tomorrow: Tomorrow) -> Self {
        *self.tomorrow.lock().unwrap() = Some(tomorrow);
        self
    }

    /// What came of [`Self::of`].
    pub(crate) fn strange(&self) -> &Strange {
        &self.strange
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
        self.budget.bytes_left.store(bytes, Ordering::SeqCst);
    }

    /// From now on connections break again and again, after as many bytes as the seed says.
    pub(crate) fn is_flaky(&self, seed: u64, bytes_max: u64) {
        *self.budget.next.lock().unwrap() = Some((SeededEntropy::new(seed), bytes_max));
        self.budget.refill();
    }

    /// The end of [`Self::is_flaky`]. Gives how often a connection broke.
    pub(crate) fn is_steady(&self) -> usize {
        *self.budget.next.lock().unwrap() = None;
        self.budget.refill();
        self.budget.breaks.load(Ordering::SeqCst)
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
        let budget = Arc::clone(&self.budget);
        let tomorrow = *self.tomorrow.lock().unwrap();
        let way = |up| tomorrow.map(|of| Way::new(of, up, &self.strange));
        let (up, down) = (way(true), way(false));
        tokio::spawn(async move {
            let out = pump(near_read, far_write, &budget, up);
            let back = pump(far_read, near_write, &budget, down);
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

impl Budget {
    /// Whether so many bytes may pass.
    fn spend(&self, bytes: usize) -> bool {
        let bytes = i64::try_from(bytes).unwrap();
        let enough = self.bytes_left.fetch_sub(bytes, Ordering::SeqCst) >= bytes;
        if !enough {
            self.breaks.fetch_add(1, Ordering::SeqCst);
            self.refill();
        }
        enough
    }

    fn refill(&self) {
        let mut bytes = i64::MAX;
        if let Some((entropy, max)) = &*self.next.lock().unwrap() {
            let mut drawn = [0; 8];
            entropy.fill(&mut drawn);
            bytes = i64::try_from(u64::from_le_bytes(drawn) % max).unwrap();
        }
        self.bytes_left.store(bytes, Ordering::SeqCst);
    }
}

/// Carries bytes one way until that way is closed. Fails when it breaks.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    budget: &Budget,
    mut way: Option<Way>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIPE_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        if !budget.spend(count) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match &mut way {
            Some(way) => to.write_all(&way.carry(&buffer[..count])).await?,
            None => to.write_all(&buffer[..count]).await?,
        }
    }
}
