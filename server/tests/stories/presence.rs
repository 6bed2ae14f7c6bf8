//! Presence: who is there, who comes, who goes, and who was only cut off.

use liao_common::request::Who;

use crate::support::World;

#[tokio::test]
async fn coming_and_going_is_seen_at_once() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    alice.sees_online("bob").await;
    bob.sees_online("alice").await;
    assert_eq!(bob.looks(|seen| seen.model.people.online_count()), 2);
    bob.goes().await;
    alice.sees_gone("bob").await;
    let online = alice.asks(Who::default()).await.unwrap();
    assert_eq!(online.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["alice"]);
    world.logs_in("bob").await;
    alice.sees_online("bob").await;
}

#[tokio::test]
async fn a_dead_connection_is_gone_after_the_grace() {
    let world = World::with(|config| config.rules.presence_grace_ms = 200).await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    alice.sees_online("bob").await;
    bob.network.goes_down();
    alice.sees_gone("bob").await;
    bob.network.comes_up();
    alice.sees_online("bob").await;
}

#[tokio::test]
async fn a_short_cut_is_not_seen() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    alice.sees_online("bob").await;
    let token = bob.token();
    for _ in 0..3 {
        let cuts = bob.looks(|seen| seen.states.len());
        bob.network.cut();
        bob.waits_for("a cut", |seen| seen.states.len() > cuts).await;
        let again = world.shows(token.clone()).await.unwrap();
        again.network.goes_down();
    }
    let carol = world.registers("carol").await;
    alice.sees_online("carol").await;
    assert!(alice.looks(|seen| seen.is_online("bob")));
    assert_eq!(carol.asks(Who::default()).await.unwrap().total, 3);
    let changes = alice.looks(|seen| seen.departures.clone());
    assert!(!changes.contains(&bob.number()), "nobody heard of bob going: {changes:?}");
}

#[tokio::test]
async fn several_devices_are_one_person() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let phone = world.registers("bob").await;
    let laptop = world.logs_in("bob").await;
    alice.sees_online("bob").await;
    assert_eq!(alice.asks(Who::default()).await.unwrap().total, 2);
    phone.goes().await;
    laptop.says("#lobby", "still here").await;
    alice.sees("#lobby", "bob: still here").await;
    assert_eq!(alice.asks(Who::default()).await.unwrap().total, 2);
    laptop.goes().await;
    alice.sees_gone("bob").await;
}

#[tokio::test]
async fn lists_come_in_pages_and_can_be_searched() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let _others = [world.registers("anna").await, world.registers("bob").await];
    let first = alice.asks(Who { limit: Some(2), ..Who::default() }).await.unwrap();
    assert_eq!((first.users.len(), first.total), (2, 3));
    let rest = alice.asks(Who { after: first.next, ..Who::default() }).await.unwrap();
    assert_eq!(rest.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["bob"]);
    let an = alice.asks(Who { query: "ANN".into(), ..Who::default() }).await.unwrap();
    assert_eq!(an.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["anna"]);
    assert_eq!(an.total, 1, "as many as all pages have together");
}
