//! Strangers: what they may take before they log in, and how often they may guess. Whoever is known
//! notices nothing of them.

use std::{net::SocketAddr, time::Duration};

use liao_common::{
    event::Session,
    fault::{Fault, FaultCode},
    limits,
    request::{Auth, Hello, Passwd, Secret},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::support::{Raw, World, register, secret, within};

const OFFICE: &str = "192.0.2.1";
const CAFE: &str = "2001:db8:7:7::1";
const CAFE_TOO: &str = "2001:db8:7:7:ffff::2";

fn password(id: &str, secret: Secret) -> Auth {
    let (user, secret) = (Some(id.into()), Some(secret));
    Auth { mech: "password".into(), user, secret, ..Auth::default() }
}

/// One try on a connection of its own.
async fn tries(world: &World, from: &str, auth: Auth) -> Result<Session, Fault> {
    let mut raw = world.raw_from(from).await;
    raw.hello().await;
    raw.asks(auth).await
}

async fn guesses(world: &World, from: &str, id: &str) -> Fault {
    tries(world, from, password(id, Secret("wrong horse".into()))).await.unwrap_err()
}

fn worked(world: &World) -> u64 {
    world.server(liao_server::server::Running::passwords_worked)
}

/// Lets time pass for the server.
async fn time_passes(ms: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(ms)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn guessing_is_slowed_down_where_it_happens_and_nowhere_else() {
    let world = World::with(|config| config.rules.guesses_free = 3).await;
    let alice = world.registers("alice").await;
    for id in ["alice", "nobody", "no such name at all"] {
        for _ in 0..4 {
            assert_eq!(guesses(&world, CAFE, id).await, FaultCode::Unauthenticated.into());
        }
        let before = worked(&world);
        for from in [CAFE, CAFE_TOO] {
            let fault = guesses(&world, from, id).await;
            assert_eq!(fault.code, FaultCode::RateLimited, "{id}");
            assert!(fault.retry_ms.is_some_and(|ms| (1..=1000).contains(&ms)), "{fault:?}");
        }
        assert_eq!(worked(&world), before, "a refused guess is not looked at");
    }
    let right = tries(&world, CAFE, password("alice", secret("alice"))).await.unwrap_err();
    assert_eq!(right.code, FaultCode::RateLimited, "the brake does not tell that it was right");
    let token = Auth { mech: "token".into(), token: Some(alice.token()), ..Auth::default() };
    tries(&world, CAFE, token).await.unwrap();
    tries(&world, OFFICE, password("alice", secret("alice"))).await.unwrap();
    time_passes(1000).await;
    tries(&world, CAFE, password("ALICE", secret("alice"))).await.unwrap();
    for _ in 0..4 {
        assert_eq!(guesses(&world, CAFE, "alice").await.code, FaultCode::Unauthenticated);
    }
}

#[tokio::test]
async fn the_old_password_cannot_be_guessed_at_an_open_screen() {
    let world = World::with(|config| config.rules.guesses_free = 3).await;
    let alice = world.registers("alice").await;
    let change = |old: Secret| Passwd { old, new: Secret("another horse".into()) };
    let mut codes = Vec::new();
    for _ in 0..6 {
        let asked = alice.asks(change(Secret("wrong horse".into()))).await;
        codes.push(crate::support::refusal(asked));
    }
    let (wrong, slow) = (FaultCode::Unauthenticated, FaultCode::RateLimited);
    assert_eq!(codes, [wrong, wrong, wrong, wrong, slow, slow]);
}

#[tokio::test]
async fn an_unknown_user_costs_what_a_wrong_password_costs() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    // The first unknown one makes the hash to compare with.
    guesses(&world, OFFICE, "nobody").await;
    for id in ["alice", "nobody", "not a name"] {
        let before = worked(&world);
        let mut raw = world.raw().await;
        raw.hello().await;
        raw.asks::<Session>(password(id, Secret("wrong horse".into()))).await.unwrap_err();
        assert_eq!(worked(&world) - before, 1, "{id}: one hash is verified, at one cost");
    }
}

#[tokio::test]
async fn accounts_are_not_made_by_the_hundred() {
    let world = World::new().await;
    let mut made = 0;
    for number in 0..30 {
        let mut raw = world.raw_from(OFFICE).await;
        raw.hello().await;
        match raw.asks::<Session>(register(&format!("user{number}"))).await {
            Ok(_) => made += 1,
            Err(fault) => assert_eq!(fault.code, FaultCode::RateLimited),
        }
    }
    assert_eq!(made, 21);
    for number in 100..130 {
        world.registers(&format!("user{number}")).await.goes().await;
    }
}

/// Whether the server says something to a `hello` from there.
async fn is_heard(raw: &mut Raw) -> bool {
    let v = (limits::PROTOCOL_VERSION, limits::PROTOCOL_VERSION);
    raw.sends(Hello { v, caps: Vec::new(), agent: String::new(), role: None }).await;
    raw.next().await.is_some()
}

#[tokio::test]
async fn an_address_has_so_many_strangers_at_a_time() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let mut open = Vec::new();
    for _ in 0..16 {
        let mut raw = world.raw_from(CAFE).await;
        assert!(is_heard(&mut raw).await);
        open.push(raw);
    }
    assert!(!is_heard(&mut world.raw_from(CAFE_TOO).await).await, "one network is one");
    assert!(is_heard(&mut world.raw_from(OFFICE).await).await, "others are not concerned");
    let token = Auth { mech: "token".into(), token: Some(alice.token()), ..Auth::default() };
    open[0].asks::<Session>(token).await.unwrap();
    assert!(is_heard(&mut world.raw_from(CAFE).await).await, "who has logged in is none");
}

#[tokio::test]
async fn who_comes_and_goes_all_the_time_is_not_let_in() {
    let world = World::new().await;
    let mut heard = 0;
    for _ in 0..200 {
        heard += u32::from(is_heard(&mut world.raw_from(CAFE).await).await);
    }
    assert_eq!(heard, 64);
    let alice = world.registers("alice").await;
    for _ in 0..100 {
        let token = Auth { mech: "token".into(), token: Some(alice.token()), ..Auth::default() };
        tries(&world, OFFICE, token).await.unwrap();
    }
    time_passes(18_000).await;
    assert!(is_heard(&mut world.raw_from(CAFE).await).await);
    assert!(!is_heard(&mut world.raw_from(CAFE).await).await);
}

/// Whether a TCP connection is held open: somebody who says nothing is not closed at once.
async fn is_held(addr: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    tokio::time::timeout(Duration::from_millis(300), stream.read(&mut [0])).await.is_err()
}

#[tokio::test]
async fn the_door_counts_connections_of_the_network() {
    let mut world = World::with(|config| config.strangers.here_too = true).await;
    let addr = world.server(liao_server::server::Running::addr);
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(TcpStream::connect(addr).await.unwrap());
    }
    let mut one_more = TcpStream::connect(addr).await.unwrap();
    let read = within("one too many is closed", one_more.read(&mut [0])).await;
    assert!(matches!(read, Ok(0) | Err(_)));
    drop(open);
    within("their places are free again", async { while !is_held(addr).await {} }).await;
    world.restarts().await;
}
