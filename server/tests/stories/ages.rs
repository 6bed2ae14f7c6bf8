//! What grows old: remembered logins and invites, by how long the server has run, and not by what the
//! wall clock says.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use liao_common::{
    event::{DeviceList, Empty, Session},
    fault::FaultCode,
    id::DeviceId,
    request::{Devices, Register, Revoke},
};
use liao_server::{
    admin::{client, invite::AddInvite},
    chat::hub::Registration,
    config::Config,
};

use crate::support::{Person, World, register};

const HOUR_MS: u64 = 3600 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
const YEAR_MS: u64 = 365 * DAY_MS;
/// In the year 2027.
const NOW_MS: u64 = 1_800_000_000_000;

/// What a wall clock may say all of a sudden.
const JUMPS: [u64; 5] =
    [NOW_MS + HOUR_MS, NOW_MS - HOUR_MS, NOW_MS + 10 * YEAR_MS, NOW_MS - 10 * YEAR_MS, 0];

/// Lets days pass for the server.
async fn days_pass(days: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(days * DAY_MS)).await;
    tokio::time::resume();
}

/// Logs in with the token that the person has, and goes.
async fn comes_back(world: &World, person: &Person) -> Result<(), FaultCode> {
    match world.shows(person.token()).await {
        Ok(again) => {
            again.goes().await;
            Ok(())
        }
        Err(fault) => Err(fault.code),
    }
}

const VOID: Result<(), FaultCode> = Err(FaultCode::Unauthenticated);

#[tokio::test]
async fn a_wall_clock_that_jumps_disconnects_nobody_and_ends_no_login() {
    static WALL_MS: AtomicU64 = AtomicU64::new(NOW_MS);
    let mut world = World::with(|config| config.clock = || WALL_MS.load(Ordering::Relaxed)).await;
    let alice = world.registers("alice").await;
    let away = world.registers("away").await;
    away.goes().await;
    for (round, jump) in JUMPS.into_iter().enumerate() {
        WALL_MS.store(jump, Ordering::Relaxed);
        alice.says("#lobby", &format!("while it runs {round}")).await;
        assert_eq!(comes_back(&world, &away).await, Ok(()), "{jump}");
        assert!(alice.looks(|seen| seen.resets == 0 && seen.ended().is_none()));
        world.stops().await;
        WALL_MS.store(NOW_MS, Ordering::Relaxed);
        world.starts().await;
        assert_eq!(comes_back(&world, &away).await, Ok(()), "after {jump}");
        world.stops().await;
        WALL_MS.store(jump, Ordering::Relaxed);
        world.starts().await;
        assert_eq!(comes_back(&world, &away).await, Ok(()), "started at {jump}");
        alice.says("#lobby", &format!("after a start {round}")).await;
    }
    let times: Vec<u64> = alice.looks(|seen| seen.messages.iter().map(|said| said.at_ms).collect());
    assert!(times.is_sorted(), "no message is older than the one before it: {times:?}");
    let said = alice.looks(|seen| seen.texts("#lobby"));
    let want = |round| [format!("while it runs {round}"), format!("after a start {round}")];
    assert_eq!(said, (0..JUMPS.len()).flat_map(want).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_login_ends_after_90_days_of_running_that_nobody_used_it_in() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.goes().await;
    bob.goes().await;
    days_pass(80).await;
    assert_eq!(comes_back(&world, &bob).await, Ok(()));
    days_pass(11).await;
    assert_eq!(comes_back(&world, &alice).await, VOID);
    assert_eq!(comes_back(&world, &bob).await, Ok(()), "11 days are nothing");
}

#[tokio::test]
async fn the_time_of_running_is_added_up_over_restarts() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    alice.goes().await;
    for _ in 0..3 {
        days_pass(25).await;
        world.restarts().await;
    }
    assert_eq!(comes_back(&world, &alice).await, Ok(()), "75 days");
    days_pass(89).await;
    world.stops().await;
    std::fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
    assert_eq!(comes_back(&world, &alice).await, Ok(()), "the count begins with each login");
    days_pass(89).await;
    world.restarts().await;
    days_pass(2).await;
    assert_eq!(comes_back(&world, &alice).await, VOID);
}

#[tokio::test]
async fn being_switched_off_counts_for_a_day_each_time() {
    static WALL_MS: AtomicU64 = AtomicU64::new(NOW_MS);
    let mut world = World::with(|config| {
        config.clock = || WALL_MS.load(Ordering::Relaxed);
        config.rules.token_idle_ms = 3 * DAY_MS;
    })
    .await;
    let alice = world.registers("alice").await;
    alice.goes().await;
    for (off_ms, want) in [(2 * YEAR_MS, Ok(())), (DAY_MS / 2, Ok(())), (7 * DAY_MS, Ok(()))] {
        world.stops().await;
        WALL_MS.fetch_add(off_ms, Ordering::Relaxed);
        world.starts().await;
        // Looked at, and not used: the device list tells without a login of this device.
        assert_eq!(known(&world).await, want.map(|()| 1));
    }
    world.stops().await;
    WALL_MS.fetch_add(DAY_MS, Ordering::Relaxed);
    world.starts().await;
    assert_eq!(known(&world).await, Ok(0), "three and a half days");
    assert_eq!(comes_back(&world, &alice).await, VOID);
}

/// How many devices of alice log in.
async fn known(world: &World) -> Result<usize, FaultCode> {
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    let list: Result<DeviceList, _> = raw.asks(Devices {}).await;
    list.map(|list| list.devices.len()).map_err(|fault| fault.code)
}

#[tokio::test]
async fn a_full_disk_stops_no_count() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    alice.goes().await;
    world.changes(|config| config.free_bytes_min = u64::MAX).await;
    for _ in 0..2 {
        days_pass(46).await;
        world.restarts().await;
    }
    assert_eq!(comes_back(&world, &alice).await, VOID);
}

#[tokio::test]
async fn who_stays_connected_is_not_away() {
    stays_connected(0).await;
}

#[tokio::test]
async fn who_stays_connected_is_not_away_on_a_full_disk() {
    stays_connected(u64::MAX).await;
}

async fn stays_connected(free_bytes_min: u64) {
    let mut world = World::with(|config| config.rules.token_idle_ms = 4 * HOUR_MS).await;
    world.registers("alice").await.goes().await;
    world.changes(|config| config.free_bytes_min = free_bytes_min).await;
    let mut here = world.raw().await;
    here.logs_in("alice", "here").await;
    // Nobody is let go for silence who says something every 80 seconds. What is asked is decided by the
    // committing thread, behind what the server writes down: that waits for no disk meanwhile.
    for _ in 0..5 * 3600 / 80 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(80)).await;
        tokio::time::resume();
        let asked = here.asks::<Empty>(Revoke { dev: DeviceId(999) }).await;
        assert_eq!(asked.unwrap_err().code, FaultCode::NotFound);
    }
    assert_eq!(known(&world).await, Ok(1), "five hours later the one that stayed is there still");
}

fn by_invite(config: &mut Config) {
    config.rules.registration = Registration::Invite;
}

/// Tries to register with an invite.
async fn is_let_in(world: &World, id: &str, code: &str) -> Result<(), FaultCode> {
    let mut raw = world.raw().await;
    raw.hello().await;
    let form = Register { invite: Some(code.into()), ..register(id) };
    raw.asks::<Session>(form).await.map(drop).map_err(|fault| fault.code)
}

#[tokio::test]
async fn an_invite_holds_for_its_days_whatever_the_date() {
    static WALL_MS: AtomicU64 = AtomicU64::new(NOW_MS);
    let mut world = World::with(|config| {
        by_invite(config);
        config.clock = || WALL_MS.load(Ordering::Relaxed);
    })
    .await;
    let ask = AddInvite { uses: 10, days: 7 };
    let code = client::add_invite(world.data(), ask).await.unwrap().code;
    for (number, jump) in JUMPS.into_iter().enumerate() {
        WALL_MS.store(jump, Ordering::Relaxed);
        world.restarts().await;
        assert_eq!(is_let_in(&world, &format!("user{number}"), &code).await, Ok(()), "{jump}");
    }
    WALL_MS.store(NOW_MS, Ordering::Relaxed);
    days_pass(7).await;
    let late = is_let_in(&world, "late", &code).await;
    assert_eq!(late, Err(FaultCode::InviteRequired), "it is over");
    let unknown = is_let_in(&world, "late", "c0de").await;
    assert_eq!(unknown, late, "and answers as one that never was");
    world.restarts().await;
    assert_eq!(is_let_in(&world, "late", &code).await, late);
    WALL_MS.store(NOW_MS - YEAR_MS, Ordering::Relaxed);
    assert_eq!(
        is_let_in(&world, "late", &code).await,
        late,
        "a clock set back brings nothing back"
    );
}
