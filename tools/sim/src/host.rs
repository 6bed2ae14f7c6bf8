//! The machine the server runs on: its disk, its index, its process. The process can end in every way
//! processes end, and starts again on what is left. At most one process runs at a time, and one that
//! was killed touches nothing any more.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use liao_server::{
    blocking::Blocking,
    chat::{
        hub::Hub,
        password::Cost,
        retention::{self, Calendar, Retention},
    },
    config::{Config, Transport},
    disk::{Disk, MemoryDisk},
    engine::Duty,
    gateway::native,
    index::MemoryIndex,
    server::{self, Ground},
    state::project,
    store::{Applying, Recovery, StoreOptions},
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Dice,
    archive::{Archive, WatchedDisk},
    clock,
    lies::LyingDisk,
    pipe::{End, Pipe},
    stage::Stage,
    way::Wires,
};

/// With fewer free bytes on the disk nothing is posted.
const FREE_BYTES_MIN: u64 = 1 << 20;

/// Where old messages go, so small that segments do.
const SEGMENT_BYTES: u64 = 30_000;

/// How long connections may take to say goodbye, as in the real server.
const GRACE: Duration = Duration::from_secs(5);

/// Between two attempts to start.
const START_AGAIN: Duration = Duration::from_secs(1);

/// The longest that a sync takes, in milliseconds.
const SYNC_MS_MAX: u64 = 15;

/// A clock that is further ahead than this is not believed: 31 days, in milliseconds.
const AHEAD_MS_MAX: u64 = 31 * 24 * 3600 * 1000;

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a goodbye; all is stored and closed.
    Polite,
    /// At once; the disk has all that was written.
    Killed,
    /// At once, with the machine. The disk has what was synced, and with `true` some of the rest.
    PowerCut(bool),
}

/// See the module.
pub(crate) struct Host {
    folder: PathBuf,
    stage: Arc<Stage>,
    /// What has left the disk.
    archive: Archive,
    state: Mutex<State>,
}

/// What is special about a machine and its server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// The disk says that it synced, and often has not.
    pub(crate) lies: bool,
    /// What is kept, where it is not everything.
    pub(crate) keeps: Option<Retention>,
    /// Its clock leaps by weeks and years while it runs, and is set right before the server starts.
    pub(crate) leaps: bool,
}

struct State {
    dice: Dice,
    disk: MemoryDisk,
    index: MemoryIndex,
    machine: Machine,
    /// The latest time by which it was looked at what is old, of clocks that are to be believed.
    looked_ms: Option<u64>,
    running: Option<Running>,
    wires: Vec<Wires>,
}

struct Running {
    hub: Arc<Hub>,
    shutdown: CancellationToken,
    kill: CancellationToken,
    tracker: TaskTracker,
    committing: JoinHandle<()>,
    /// Presence, heads, and whoever waits for the disk to fail.
    beside: Vec<JoinHandle<()>>,
}

impl Host {
    /// A machine with an empty disk. `folder` is where files would lie.
    pub(crate) fn new(folder: &Path, machine: Machine, stage: &Arc<Stage>, dice: Dice) -> Self {
        let state = State {
            dice,
            disk: MemoryDisk::new(),
            index: MemoryIndex::new(),
            machine,
            looked_ms: None,
            running: None,
            wires: Vec::new(),
        };
        let archive = Archive::default();
        Self {
            folder: folder.to_owned(),
            stage: Arc::clone(stage),
            archive,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server on what the disk has.
    pub(crate) fn starts(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.running.is_some() {
            return;
        }
        if state.machine.leaps {
            clock::jump(0);
        }
        let wires = std::mem::take(&mut state.wires);
        // A machine that comes back does not know the connections of before, and says so.
        wires.iter().for_each(|wires| wires.each(Pipe::cut));
        let epoch = state.dice.throw();
        let mut disk: Arc<dyn Disk> = Arc::new(state.disk.clone());
        if state.machine.lies {
            disk = Arc::new(LyingDisk::new(disk));
        }
        disk = Arc::new(WatchedDisk::new(disk, self.archive.clone()));
        let opened = assemble(&self.folder, (disk, state.machine.keeps), &state.index, epoch);
        let (hub, duty, recovery) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.stage.step("server", &format_args!("does not start: {error:#}"));
                // What was told to fail fails once; the operator tries again.
                state.disk = state.disk.fork();
                let host = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(START_AGAIN).await;
                    host.starts();
                });
                return;
            }
        };
        self.stage.step("server", &format_args!("starts: {recovery:?}"));
        if recovery.journal_fell_back {
            self.stage.broke("the journal fell back behind its index".to_owned());
        }
        let dice = state.dice.fork();
        state.running = Some(self.run(hub, duty, dice));
    }

    fn run(self: &Arc<Self>, hub: Hub, duty: Duty, mut dice: Dice) -> Running {
        let hub = Arc::new(hub);
        let sync = move || tokio::time::sleep(Duration::from_millis(dice.within(1, SYNC_MS_MAX)));
        let (engine, host) = (hub.engine.clone(), Arc::clone(self));
        let failing = async move {
            engine.failed().cancelled().await;
            drop(engine);
            host.stage.step("server", &"storing failed");
            // On a task of its own: ending the process ends this one.
            tokio::spawn(async move { host.restarts(Ending::Killed, 2000).await });
        };
        let beside = vec![
            tokio::spawn(Arc::clone(self).keeps_house(Arc::clone(&hub))),
            tokio::spawn(Arc::clone(&hub.presence).run()),
            tokio::spawn(Arc::clone(&hub.switchboard).run()),
            tokio::spawn(failing),
        ];
        Running {
            hub,
            shutdown: CancellationToken::new(),
            kill: CancellationToken::new(),
            tracker: TaskTracker::new(),
            committing: tokio::spawn(duty.on_this_task(sync)),
            beside,
        }
    }

    /// What is old goes.
    async fn keeps_house(self: Arc<Self>, hub: Arc<Hub>) {
        let every = Duration::from_millis(hub.rules.retention.every_ms);
        let calendar = Calendar::begin(&hub);
        while self.keeps().is_some() {
            tokio::time::sleep(every).await;
            self.lock().looks();
            let swept = retention::sweep(&hub, calendar.as_ref().ok(), false).await;
            self.stage.step("server", &format_args!("sweeps: {swept:?}"));
        }
    }

    /// What is kept now, where it is not everything.
    pub(crate) fn keeps(&self) -> Option<Retention> {
        self.lock().machine.keeps
    }

    /// From now on all is kept.
    pub(crate) fn keeps_all(&self) {
        self.lock().machine.keeps = None;
    }

    /// What has left the disk.
    pub(crate) const fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The latest time, in milliseconds since 1970, by which a clock that is to be believed told what is old.
    pub(crate) fn looked_ms(&self) -> Option<u64> {
        self.lock().looked_ms
    }

    /// Takes a connection; `false`: nobody listens.
    pub(crate) fn takes(&self, end: End, wires: Wires) -> bool {
        let mut state = self.lock();
        state.wires.retain(|wires| !wires.are_gone());
        let Some(running) = &state.running else { return false };
        let (hub, shutdown) = (Arc::clone(&running.hub), running.shutdown.clone());
        let (kill, stage) = (running.kill.clone(), Arc::clone(&self.stage));
        running.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                closed = native::serve(end, hub, shutdown) => {
                    stage.step("server", &format_args!("closes: {closed}"));
                }
            }
        });
        state.wires.push(wires);
        true
    }

    /// Ends the process, and says whether there was one.
    pub(crate) async fn ends(&self, how: Ending) -> bool {
        let Some(running) = self.lock().running.take() else { return false };
        self.stage.step("server", &format_args!("ends: {how:?}"));
        running.beside.iter().for_each(JoinHandle::abort);
        if how == Ending::Polite {
            self.says_goodbye(running).await;
        } else {
            running.committing.abort();
            running.kill.cancel();
            self.is_left(how);
        }
        true
    }

    async fn says_goodbye(&self, running: Running) {
        let Running { hub, shutdown, kill, tracker, committing, beside } = running;
        shutdown.cancel();
        tracker.close();
        if tokio::time::timeout(GRACE, tracker.wait()).await.is_err() {
            kill.cancel();
            tracker.wait().await;
        }
        drop((hub, beside));
        if committing.await.is_err() {
            self.stage.broke("the committing task panicked".to_owned());
        }
    }

    /// What is left after a sudden end.
    fn is_left(&self, how: Ending) {
        let mut state = self.lock();
        match how {
            Ending::PowerCut(keep_unsynced) => {
                let seed = state.dice.throw();
                state.disk = state.disk.cut(seed, keep_unsynced);
                // Its files are not trusted after a power cut.
                state.index = MemoryIndex::new();
                // A machine without power says nothing to anybody.
                state.wires.iter().for_each(|wires| wires.each(|pipe| pipe.hold(true)));
            }
            Ending::Killed | Ending::Polite => {
                state.disk = state.disk.fork();
                let wires = std::mem::take(&mut state.wires);
                wires.iter().for_each(|wires| wires.each(Pipe::cut));
            }
        }
    }

    /// Ends the process and starts it again so much later.
    pub(crate) async fn restarts(self: &Arc<Self>, how: Ending, after_ms: u64) {
        if self.ends(how).await {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            self.starts();
        }
    }

    /// Does something to the disk.
    pub(crate) fn with_disk(&self, change: impl FnOnce(&MemoryDisk)) {
        change(&self.lock().disk);
    }

    /// The hub of the running server.
    pub(crate) fn hub(&self) -> Option<Arc<Hub>> {
        self.lock().running.as_ref().map(|running| Arc::clone(&running.hub))
    }
}

impl State {
    fn looks(&mut self) {
        let now_ms = clock::wall_ms();
        if now_ms <= clock::true_ms() + AHEAD_MS_MAX {
            self.looked_ms = self.looked_ms.max(Some(now_ms));
        }
    }
}

fn assemble(
    folder: &Path,
    (disk, keeps): (Arc<dyn Disk>, Option<Retention>),
    index: &MemoryIndex,
    epoch: u64,
) -> Result<(Hub, Duty, Recovery), server::StartError> {
    let mut config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    config.free_bytes_min = FREE_BYTES_MIN;
    let mut store = StoreOptions::new(epoch, project::VERSION);
    store.applying = Applying::Writer;
    if let Some(rule) = keeps {
        config.rules.retention = rule;
        store.journal.segment_bytes_max = SEGMENT_BYTES;
    }
    let ground = Ground {
        disk,
        index,
        files: folder,
        store,
        clock: clock::wall_ms,
        blocking: Blocking::Inline(clock::work),
    };
    server::assemble(&config, ground)
}
