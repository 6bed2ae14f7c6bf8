//! What goes wrong in a world, one thing after another and some at once, and how it ends.

use std::{sync::Arc, time::Duration};

use liao_client_core::handle::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Dice, clock,
    device::Device,
    host::{Ending, Host},
    stage::Stage,
};

/// The longest quiet between two faults, in milliseconds.
const QUIET_MS_MAX: u64 = 4000;

/// The longest that a fault lasts, in milliseconds.
const LASTS_MS_MAX: u64 = 10_000;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const DECADE_MS: i64 = 3650 * DAY_MS;

/// Where wall clocks jump to: an hour each way, ten years back, 1970, and as far ahead as it may be
/// before a login that was not used for 90 days ends.
const JUMPS_MS: [i64; 5] = [-HOUR_MS, HOUR_MS, -DECADE_MS, 80 * DAY_MS, i64::MIN / 4];

/// Of them, how many there are where old messages go: a clock that is wrong by weeks over a start may have a
/// repeated post forgotten there.
const NEAR_JUMPS: usize = 2;

/// How far a clock leaps ahead and back again while the server runs: as far as it is believed, and further.
const LEAPS_MS: [i64; 3] = [20 * DAY_MS, 80 * DAY_MS, DECADE_MS];

/// Free bytes of a disk that is full, and of one that is not.
const FULL_BYTES: u64 = 200_000;
const ROOMY_BYTES: u64 = 1 << 40;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The server's process, its disk, its clock.
    Server,
    /// Ways and clients.
    Devices,
    /// The server's clock, far.
    Clock,
}

/// Whoever breaks things.
#[derive(Clone)]
pub(crate) struct Trouble {
    pub(crate) host: Arc<Host>,
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) stage: Arc<Stage>,
    pub(crate) dice: Dice,
}

impl Trouble {
    /// Breaks one thing after another until the end is called. What is broken then has to be mended.
    pub(crate) async fn makes(mut self, target: Target, end: CancellationToken) {
        loop {
            let quiet = Duration::from_millis(self.dice.within(1, QUIET_MS_MAX));
            let over = async {
                sleep(quiet).await;
                match target {
                    Target::Server => self.strikes_the_server().await,
                    Target::Devices => self.strikes_a_device().await,
                    Target::Clock => self.leaps().await,
                }
            };
            tokio::select! {
                biased;
                () = end.cancelled() => return,
                () = over => {}
            }
        }
    }

    /// The clock is far ahead for a while.
    async fn leaps(&mut self) {
        let lasts = Duration::from_millis(self.dice.within(1, LASTS_MS_MAX));
        let ahead_ms = self.dice.pick(&LEAPS_MS).copied().unwrap_or_default();
        self.stage.step("trouble", &format_args!("leaps by {ahead_ms} ms for {lasts:?}"));
        clock::jump(ahead_ms);
        sleep(lasts).await;
        clock::jump(0);
    }

    async fn strikes_a_device(&mut self) {
        let Some(device) = self.dice.pick(&self.devices).cloned() else { return };
        let lasts = Duration::from_millis(self.dice.within(1, LASTS_MS_MAX));
        let fault = self.dice.below(7);
        self.stage.step("trouble", &format_args!("{fault} for {} {lasts:?}", device.who()));
        match fault {
            0 => device.way.cut(),
            1 => {
                device.way.part();
                sleep(lasts).await;
                if self.dice.chance(30) {
                    device.way.cut();
                }
                device.way.join();
            }
            2 => match self.dice.below(3) {
                0 => device.way.half_open(true, true),
                1 => device.way.half_open(true, false),
                _ => device.way.half_open(false, true),
            },
            3 => {
                device.way.becomes((200, 2500), 600, 40);
                sleep(lasts).await;
                device.way.becomes_good();
            }
            4 => {
                device.stares(true);
                sleep(lasts).await;
                device.stares(false);
            }
            5 => {
                device.dies();
                sleep(lasts).await;
                device.starts(None);
            }
            _ => device.handle().iter().for_each(Handle::retry_now),
        }
    }

    async fn strikes_the_server(&mut self) {
        let after_ms = self.dice.within(1, LASTS_MS_MAX);
        let fault = self.dice.below(9);
        self.stage.step("trouble", &format_args!("{fault} for the server {after_ms}"));
        match fault {
            0 => self.host.restarts(Ending::Polite, after_ms).await,
            1 | 2 => self.host.restarts(Ending::Killed, after_ms).await,
            3 => self.host.restarts(Ending::PowerCut(false), after_ms).await,
            4 => {
                let changes = self.dice.below(6);
                self.host.with_disk(|disk| disk.power_off_after(changes));
                sleep(Duration::from_millis(self.dice.below(3000))).await;
                self.host.restarts(Ending::PowerCut(true), after_ms).await;
            }
            5 => self.host.with_disk(liao_server::disk::MemoryDisk::fail_next_sync),
            6 => {
                self.host.with_disk(|disk| disk.set_free_bytes(FULL_BYTES));
                sleep(Duration::from_millis(after_ms)).await;
                self.host.with_disk(|disk| disk.set_free_bytes(ROOMY_BYTES));
            }
            7 => {
                clock::work_is_slow(true);
                sleep(Duration::from_millis(after_ms)).await;
                clock::work_is_slow(false);
            }
            _ => {
                let all = if self.host.keeps().is_some() { NEAR_JUMPS } else { JUMPS_MS.len() };
                clock::jump(self.dice.pick(&JUMPS_MS[..all]).copied().unwrap_or_default());
            }
        }
    }

    /// All is well again.
    pub(crate) fn mend(&self) {
        self.stage.step("trouble", &"is over");
        clock::work_is_slow(false);
        self.host.keeps_all();
        for device in &self.devices {
            device.way.join();
            device.way.becomes_good();
            device.stares(false);
            device.starts(None);
        }
        self.host.with_disk(|disk| {
            disk.power_on();
            disk.set_free_bytes(ROOMY_BYTES);
        });
        if self.host.hub().is_none() {
            self.host.starts();
        }
    }
}
