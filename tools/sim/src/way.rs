//! The way from one client to the server: dialled anew for each connection, of whatever quality the
//! faults of the moment leave it. It knows its connections, so that they can be cut.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use liao_client_core::{
    dial::{BoxFuture, CONNECT_TIMEOUT_MS, Dialer, Stream},
    trust::ConnectError,
};

use crate::{
    Dice,
    host::Host,
    pipe::{End, Pipe, Quality},
    stage::Stage,
};

/// Both directions of a connection, while it lives: up to the server, and down from it.
#[derive(Clone)]
pub(crate) struct Wires {
    pub(crate) up: Weak<Pipe>,
    pub(crate) down: Weak<Pipe>,
}

impl Wires {
    pub(crate) fn each(&self, change: impl Fn(&Pipe)) {
        [&self.up, &self.down].into_iter().filter_map(Weak::upgrade).for_each(|pipe| change(&pipe));
    }

    pub(crate) fn are_gone(&self) -> bool {
        self.up.strong_count() == 0 && self.down.strong_count() == 0
    }
}

/// See the module.
pub(crate) struct Way {
    name: String,
    host: Arc<Host>,
    stage: Arc<Stage>,
    quality: Arc<Mutex<Quality>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    dialled: u64,
    parted: bool,
    wires: Vec<Wires>,
}

impl Way {
    pub(crate) fn new(name: &str, host: &Arc<Host>, stage: &Arc<Stage>, dice: Dice) -> Self {
        Self {
            name: name.to_owned(),
            host: Arc::clone(host),
            stage: Arc::clone(stage),
            quality: Arc::new(Mutex::new(Quality::good(dice))),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections break; new ones can be made.
    pub(crate) fn cut(&self) {
        let wires = std::mem::take(&mut self.lock().wires);
        wires.iter().for_each(|wires| wires.each(Pipe::cut));
    }

    /// Nothing comes through, and nobody is told; connecting runs out of time.
    pub(crate) fn part(&self) {
        let mut state = self.lock();
        state.parted = true;
        state.wires.iter().for_each(|wires| wires.each(|pipe| pipe.hold(true)));
    }

    /// The end of [`Self::part`]. What was held back comes through after all.
    pub(crate) fn join(&self) {
        let mut state = self.lock();
        state.parted = false;
        state.wires.iter().for_each(|wires| wires.each(|pipe| pipe.hold(false)));
    }

    /// The connections of now are dead for good, in one direction or both, and nobody is told. New
    /// ones can be made.
    pub(crate) fn half_open(&self, up: bool, down: bool) {
        let wires = std::mem::take(&mut self.lock().wires);
        for wires in wires {
            let pipes = [(up, &wires.up), (down, &wires.down)];
            let dead = pipes.into_iter().filter(|(dead, _)| *dead);
            dead.filter_map(|(_, pipe)| pipe.upgrade()).for_each(|pipe| pipe.hold(true));
        }
    }

    /// From now on it takes this long, so much is under way, in pieces so small.
    pub(crate) fn becomes(&self, delay_ms: (u64, u64), window_bytes: usize, piece_bytes: usize) {
        let mut quality = self.quality.lock().unwrap_or_else(PoisonError::into_inner);
        let dice = quality.dice.fork();
        *quality = Quality { delay_ms, window_bytes, piece_bytes, dice };
    }

    /// As it was in the beginning.
    pub(crate) fn becomes_good(&self) {
        let mut quality = self.quality.lock().unwrap_or_else(PoisonError::into_inner);
        let dice = quality.dice.fork();
        *quality = Quality::good(dice);
    }

    async fn dial(&self) -> Result<Stream, ConnectError> {
        let delay = self.quality.lock().unwrap_or_else(PoisonError::into_inner).delay();
        tokio::time::sleep(2 * delay).await;
        if self.lock().parted {
            tokio::time::sleep(Duration::from_millis(CONNECT_TIMEOUT_MS)).await;
            return Err(ConnectError::Timeout);
        }
        let (up, down) = (Arc::<Pipe>::default(), Arc::<Pipe>::default());
        let wires = Wires { up: Arc::downgrade(&up), down: Arc::downgrade(&down) };
        let number = {
            let mut state = self.lock();
            state.dialled += 1;
            state.wires.retain(|wires| !wires.are_gone());
            state.wires.push(wires.clone());
            state.dialled
        };
        let end = |side, pipes| {
            End::new(format!("{}/{number}{side}", self.name), pipes, &self.quality, &self.stage)
        };
        let (near, far) = (end("<", (&down, &up)), end(">", (&up, &down)));
        if self.host.takes(far, wires) {
            Ok(Box::new(near))
        } else {
            Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Way({})", self.name)
    }
}

impl Dialer for Way {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(self.dial())
    }
}
