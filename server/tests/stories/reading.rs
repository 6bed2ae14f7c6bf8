//! What was read: once for all devices of a person, and still after a restart.

use std::fs;

use liao_common::{
    event::{Room, kind},
    id::{Nonce, RoomId},
    message::{Body, Kind, Message},
    request::{RoomJoin, Send, Watch},
};

use crate::support::{Person, Seen, World};

fn unread(room: &str) -> impl Fn(&Seen) -> Option<u64> {
    move |seen| seen.room(room).map(liao_client_core::model::RoomView::unread)
}

async fn has_unread(person: &Person, room: &str, count: u64) {
    let what = format!("{count} unread in {room}");
    person.waits_for(&what, |seen| unread(room)(seen) == Some(count)).await;
}

#[tokio::test]
async fn who_speaks_has_read_on_all_devices() {
    let mut world = World::new().await;
    let bob = world.registers("bob").await;
    let desk = world.registers("alice").await;
    let phone = world.logs_in("alice").await;
    for text in ["one", "two", "three"] {
        bob.says("#lobby", text).await;
    }
    has_unread(&desk, "#lobby", 3).await;
    has_unread(&phone, "#lobby", 3).await;
    desk.says("#lobby", "an answer").await;
    has_unread(&desk, "#lobby", 0).await;
    has_unread(&phone, "#lobby", 0).await;
    bob.says("#lobby", "four").await;
    let fresh = world.logs_in("alice").await;
    has_unread(&fresh, "#lobby", 1).await;

    let secret = bob.says("#lobby", "a slip").await;
    has_unread(&phone, "#lobby", 2).await;
    bob.posts("#lobby", Kind::Redact, Body { of: Some(secret), ..Body::default() }).await.unwrap();
    bob.sees("#lobby", "bob took it back").await;
    let other = world.logs_in("bob").await;
    has_unread(&other, "#lobby", 0).await;

    world.restarts().await;
    let fresh = world.logs_in("alice").await;
    has_unread(&fresh, "#lobby", 2).await;
    world.stops().await;
    fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
    for (id, count) in [("alice", 2), ("bob", 0)] {
        let fresh = world.logs_in(id).await;
        has_unread(&fresh, "#lobby", count).await;
    }
}

#[tokio::test]
async fn taking_something_back_reads_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let slip = alice.says("#lobby", "a slip").await;
    bob.says("#lobby", "unread").await;
    has_unread(&alice, "#lobby", 1).await;
    alice.posts("#lobby", Kind::Redact, Body { of: Some(slip), ..Body::default() }).await.unwrap();
    alice.sees("#lobby", "alice took it back").await;
    let phone = world.logs_in("alice").await;
    has_unread(&phone, "#lobby", 1).await;
    has_unread(&alice, "#lobby", 1).await;
}

#[tokio::test]
async fn in_a_large_room_the_other_device_hears_of_it_too() {
    let world = World::new().await;
    let (alice, phone) = (world.registers("alice").await, world.logs_in("alice").await);
    super::large::crowd(&world, 1001).await;
    let desk = world.logs_in("alice").await;
    desk.asks(Watch { act: vec![RoomId::LOBBY], online: false }).await.unwrap();
    let quiet = world.logs_in("alice").await;
    let bob = world.registers("bob").await;
    bob.says("#lobby", "hello").await;
    has_unread(&quiet, "#lobby", 1).await;
    desk.says("#lobby", "an answer").await;
    quiet.waits_for("the head", |seen| seen.room("#lobby").unwrap().head.1 == 2).await;
    has_unread(&quiet, "#lobby", 0).await;
    assert!(quiet.looks(|seen| seen.texts("#lobby").is_empty()), "nothing was pushed there");
    drop((alice, phone));
}

#[tokio::test]
async fn what_one_says_while_one_enters_is_told_too() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    alice.creates("#tea", false).await;
    world.registers("bob").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("bob", "").await;
    raw.quiet().await;
    let (room, name) = (alice.room("#tea"), Some("tea".to_owned()));
    let joined = raw.sends(RoomJoin { room: None, name }).await;
    for number in 1..=20_u8 {
        let body = Body::text(number.to_string());
        raw.sends(Send { room, cid: Nonce([number; 16]), kind: Kind::Text, body }).await;
    }
    raw.answer::<Room>(joined).await.unwrap();
    let mut told: Vec<Message> = Vec::new();
    while told.len() < 20 {
        let event = match raw.events.is_empty() {
            true => raw.next().await.expect("all that was said"),
            false => raw.events.remove(0),
        };
        if event.kind() == kind::MSG {
            told.push(event.decode().unwrap());
        }
    }
    let seqs: Vec<u64> = told.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, (3..=22).collect::<Vec<_>>(), "the joining is where it begins");
}

#[tokio::test]
async fn who_reads_slowly_misses_nothing_of_a_room_entered_elsewhere() {
    let world = World::new().await;
    let (alice, desk) = (world.registers("alice").await, world.registers("bob").await);
    let room = alice.creates("#tea", true).await;
    let mut slow = world.raw().await;
    slow.logs_in("bob", "").await;
    slow.quiet().await;
    // More than fits into its stream: it hears of what follows all at once.
    for number in 0..12 {
        alice.says("#lobby", &format!("{number} {}", "x".repeat(15_000))).await;
    }
    alice.invites("#tea", desk.number()).await.unwrap();
    desk.waits_for("the invitation", |seen| seen.room("#tea").is_some()).await;
    desk.joins("#tea").await;
    for number in 0..5 {
        desk.says("#tea", &number.to_string()).await;
    }
    let last = alice.says("#tea", "the last").await;
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        let event = slow.next().await.expect("all that was said");
        if event.kind() == kind::MSG {
            let message: Message = event.decode().unwrap();
            told.extend((message.room == room).then_some(message.seq));
        }
    }
    assert_eq!(told.len(), 6, "all that was said since: {told:?}");
}
