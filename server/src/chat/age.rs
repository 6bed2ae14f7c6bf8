//! How old the server is: how long it has run. Remembered logins and invites grow old by this and not
//! by the wall clock, so no jump of that ends or prolongs them. Owns nothing but where it began to
//! count; what it counted is written down now and then, and again at the stop.

use std::{sync::Arc, time::Duration};

use liao_common::{
    fault::Fault,
    id::{DeviceId, UserId},
};
use tokio::time::Instant;

use super::hub::Hub;
use crate::{
    engine::Transaction,
    state::{record, view},
};

/// A day, in milliseconds.
pub const DAY_MS: u64 = 24 * 3600 * 1000;

/// What being switched off once adds at most, in milliseconds: the wall clock alone says how long
/// that was, and it may be wrong by years.
const OFF_MS_MAX: u64 = DAY_MS;

/// How often the age is written down. So much of it is lost in a crash.
const KEPT_EVERY: Duration = Duration::from_secs(3600);

/// Devices that are written down in one decision.
const DEVICES_AT_ONCE: usize = 256;

/// See the module.
#[derive(Debug)]
pub struct Age {
    began_with_ms: u64,
    began: Instant,
}

impl Age {
    /// Counts on from what was written down, if anything was. `wall_ms`: ms since 1970.
    #[must_use]
    pub fn resume(kept: Option<record::Age>, wall_ms: u64) -> Self {
        let began_with_ms = kept.map_or(0, |kept| {
            let off_ms = wall_ms.saturating_sub(kept.wall_ms).min(OFF_MS_MAX);
            kept.age_ms.saturating_add(off_ms)
        });
        Self { began_with_ms, began: Instant::now() }
    }

    /// The age, in milliseconds. It never falls, and says nothing about the date.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let ran_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.began_with_ms.saturating_add(ran_ms)
    }
}

/// Writes the age down, and which devices are here, until it is dropped.
pub async fn run(hub: Arc<Hub>) {
    loop {
        tokio::time::sleep(KEPT_EVERY).await;
        if let Err(fault) = keep_with_devices(&hub).await {
            tracing::warn!("the server's age is not written down: {fault}");
        }
    }
}

async fn keep_with_devices(hub: &Arc<Hub>) -> Result<(), Fault> {
    let kept = keep(hub).await;
    see_all(hub).await?;
    kept
}

async fn see_all(hub: &Arc<Hub>) -> Result<(), Fault> {
    let (age_ms, every_ms) = (hub.age.now_ms(), hub.rules.seen_every_ms());
    for devices in hub.switchboard.all_devices().chunks(DEVICES_AT_ONCE) {
        let devices = devices.to_vec();
        hub.engine.run(move |tx| see(tx, &devices, age_ms, every_ms)).await?;
    }
    Ok(())
}

/// Writes the age down.
///
/// # Errors
/// When it cannot be stored.
pub async fn keep(hub: &Hub) -> Result<(), Fault> {
    let age_ms = hub.age.now_ms();
    let decide = move |tx: &mut Transaction<'_, '_>| {
        // Little, and seldom: no disk is filled by it, and nobody is to be let in longer for a full one.
        tx.mark_essential();
        tx.put_age(&record::Age { age_ms, wall_ms: tx.now_ms() });
        Ok(())
    };
    hub.engine.run(decide).await
}

/// Whoever is connected for long is not away.
fn see(
    tx: &mut Transaction<'_, '_>,
    devices: &[(UserId, DeviceId)],
    age_ms: u64,
    every_ms: u64,
) -> Result<(), Fault> {
    // Whoever is here is not to be logged out because the disk is full.
    tx.mark_essential();
    for (user, dev) in devices {
        let device = view::device(tx, *user, *dev)?;
        let old = |device: &record::Device| age_ms.saturating_sub(device.seen_at_age) >= every_ms;
        if let Some(mut device) = device.filter(old) {
            device.seen = tx.now_ms();
            device.seen_at_age = age_ms;
            device.void = None;
            tx.put_device(&device);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const YEAR_MS: u64 = 365 * DAY_MS;

    #[tokio::test(start_paused = true)]
    async fn running_counts_in_full_and_being_off_for_a_day_at_most() {
        let kept = |age_ms, wall_ms| Some(record::Age { age_ms, wall_ms });
        for (kept, wall_ms, want) in [
            (None, NOW_MS, 0),
            (kept(7, NOW_MS), NOW_MS + 5000, 5007),
            (kept(7, NOW_MS), NOW_MS + 10 * YEAR_MS, 7 + DAY_MS),
            (kept(7, NOW_MS), NOW_MS - 10 * YEAR_MS, 7),
            (kept(7, NOW_MS), 0, 7),
            (kept(7, 0), NOW_MS, 7 + DAY_MS),
            (kept(u64::MAX, 0), NOW_MS, u64::MAX),
        ] {
            let age = Age::resume(kept, wall_ms);
            assert_eq!(age.now_ms(), want, "{kept:?} {wall_ms}");
        }
        let age = Age::resume(kept(7, NOW_MS), NOW_MS);
        tokio::time::advance(Duration::from_millis(100 * DAY_MS)).await;
        assert_eq!(age.now_ms(), 7 + 100 * DAY_MS);
    }
}
