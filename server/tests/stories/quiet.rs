//! Silence: what nobody asked for is not sent, and who says nothing for too long is let go.

use std::time::Duration;

use liao_common::{
    codec,
    event::{Ping, Session, Synced, kind},
    fault::FaultCode,
    id::RoomId,
    message::{Body, Kind},
    request::{Auth, Hello, Sync, Token, Watch},
};

use crate::support::{Person, Raw, World, secret};

/// Types of the frames that come before the answer to a ping.
async fn until_pong(raw: &mut Raw) -> Vec<String> {
    raw.writes(&codec::frame(kind::PING, 0, &Ping { n: 5 })).await;
    let mut kinds = Vec::new();
    loop {
        let frame = raw.next().await.expect("a pong");
        if frame.kind() == kind::PONG {
            return kinds;
        }
        kinds.push(frame.kind().to_owned());
    }
}

/// A connection with a role that has shown a token and said nothing else.
async fn shows(world: &World, role: Option<&str>, token: Token) -> Raw {
    let mut raw = world.raw().await;
    let role = role.map(str::to_owned);
    let hello = Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role };
    raw.asks::<liao_common::event::Welcome>(hello).await.unwrap();
    let auth = Auth { mech: "token".into(), token: Some(token), ..Auth::default() };
    raw.asks::<Session>(auth).await.unwrap();
    raw
}

/// Things of which bob's connections may hear.
async fn much_happens(alice: &Person, bob: &Person) {
    bob.joins("#tea").await;
    alice.says("#tea", "welcome").await;
    bob.sees("#tea", "alice: welcome").await;
    bob.reads("#tea").await;
    bob.opens("alice").await;
    bob.says("@alice", "thanks").await;
    alice.says("#lobby", "news").await;
    bob.sees("#lobby", "alice: news").await;
}

#[tokio::test]
async fn nothing_is_pushed_before_sync_and_nothing_ever_for_data() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#tea", false).await;
    let mut data = shows(&world, Some("data"), bob.token()).await;
    let mut early = shows(&world, None, bob.token()).await;
    much_happens(&alice, &bob).await;
    assert_eq!(until_pong(&mut data).await, [""; 0]);
    assert_eq!(until_pong(&mut early).await, [""; 0]);
    let synced: Synced = early.asks(Sync::default()).await.unwrap();
    assert_eq!(synced.rooms.len(), 3);
    early.quiet().await;
    alice.says("#tea", "now you hear me").await;
    bob.sees("#tea", "alice: now you hear me").await;
    assert_eq!(until_pong(&mut early).await, ["msg"]);
    assert_eq!(until_pong(&mut data).await, [""; 0]);
    let carol = world.registers("carol").await;
    bob.sees_online("carol").await;
    carol.goes().await;
    bob.sees_gone("carol").await;
    assert!(!until_pong(&mut early).await.contains(&"pres".to_owned()), "it is not watched");
    early.asks::<liao_common::event::Empty>(Watch { act: Vec::new(), online: true }).await.unwrap();
    let carol = world.logs_in("carol").await;
    bob.sees_online("carol").await;
    assert_eq!(until_pong(&mut early).await, ["pres"]);
    drop(carol);
}

/// Lets time pass for the server.
async fn time_passes(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn who_does_not_log_in_within_half_a_minute_is_let_go() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut silent = world.raw().await;
    let mut polite = world.raw().await;
    polite.hello().await;
    time_passes(11).await;
    assert_eq!(silent.last_words().await, Some(FaultCode::Unauthenticated), "no hello");
    assert!(until_pong(&mut polite).await.is_empty());
    let auth = Auth {
        mech: "password".into(),
        user: Some("alice".into()),
        secret: Some(secret("nobody")),
        ..Auth::default()
    };
    assert_eq!(polite.asks::<Session>(auth).await.unwrap_err().code, FaultCode::Unauthenticated);
    time_passes(20).await;
    assert_eq!(
        polite.last_words().await,
        Some(FaultCode::Unauthenticated),
        "words alone do not help"
    );
}

#[tokio::test]
async fn who_falls_silent_is_gone_and_who_pings_stays() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let (mut silent, mut pinging) = (world.raw().await, world.raw().await);
    silent.logs_in("alice", "").await;
    pinging.logs_in("alice", "").await;
    for _ in 0..2 {
        time_passes(50).await;
        assert!(!until_pong(&mut pinging).await.contains(&kind::GOAWAY.to_owned()));
    }
    assert!(silent.last_words().await.is_some());
    assert!(until_pong(&mut pinging).await.is_empty());
}

#[tokio::test]
async fn who_reads_nothing_at_all_is_let_go() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut stuck = world.raw().await;
    stuck.logs_in("bob", "").await;
    let text = "x".repeat(8 * 1024);
    for _ in 0..60 {
        alice.handle.post(RoomId::LOBBY, Kind::Text, Body::text(text.clone())).await.unwrap();
    }
    bob.waits_for("60 messages", |seen| seen.room("#lobby").unwrap().head.1 == 60).await;
    time_passes(21).await;
    alice.says("#lobby", "is anybody there?").await;
    bob.sees("#lobby", "alice: is anybody there?").await;
    let frames = stuck.rest().await;
    assert!(frames.len() < 60, "what did not fit was not kept for them: {}", frames.len());
}

#[tokio::test]
async fn the_grace_of_a_dead_connection_is_45_seconds() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.sees_online("bob").await;
    bob.network.goes_down();
    // The server has noticed when it takes no more from there.
    bob.waits_for("a cut", |seen| seen.states.len() > 6).await;
    time_passes(44).await;
    let carol = world.registers("carol").await;
    alice.sees_online("carol").await;
    assert!(alice.looks(|seen| seen.is_online("bob")));
    time_passes(2).await;
    alice.sees_gone("bob").await;
    carol.goes().await;
}
