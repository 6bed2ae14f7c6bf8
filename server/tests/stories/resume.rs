//! Cuts: whatever breaks while people talk, nothing is lost and nothing is shown twice.

use std::{fs, path::Path};

use liao_common::{
    id::{RoomId, Seq},
    message::{Body, Kind},
};

use crate::support::{Person, Seen, World};

/// Messages of each person in a story of cuts.
const COUNT: usize = 150;

async fn talks(person: &Person, name: &str) {
    for number in 0..COUNT {
        let body = Body::text(format!("{name} {number}"));
        person.handle.post(RoomId::LOBBY, Kind::Text, body).await.unwrap();
    }
}

/// Everything is there, in the order of each speaker, pushed once.
async fn has_it_all(person: &Person, names: &[&str]) {
    let all = COUNT * names.len();
    person
        .waits_for("all messages", |seen| seen.room("#lobby").unwrap().head.1 as usize == all)
        .await;
    person.reads_back("#lobby").await;
    person.looks(|seen| {
        let texts = seen.texts("#lobby");
        assert_eq!(texts.len(), all, "nothing is lost, nothing is there twice");
        for name in names {
            let own: Vec<_> = texts.iter().filter(|text| text.starts_with(name)).collect();
            let want: Vec<_> = (0..COUNT).map(|number| format!("{name} {number}")).collect();
            assert!(own.iter().zip(&want).all(|(own, want)| *own == want), "{name} in order");
        }
        let pushed: Vec<Seq> = seen.messages.iter().map(|message| message.seq).collect();
        assert!(pushed.windows(2).all(|pair| pair[0] < pair[1]), "nothing is pushed twice");
        assert!(seen.failed.is_empty(), "{:?}", seen.failed);
    });
}

/// Cuts everybody's connections again and again, at bytes that a seed chooses, until all is said.
async fn talk_with_cuts(world: &World, seed: u64, bytes_max: u64) {
    let people = [world.registers("alice").await, world.registers("bob").await];
    for (person, seed) in people.iter().zip([seed, seed + 100]) {
        person.network.is_flaky(seed, bytes_max);
    }
    for (person, name) in people.iter().zip(["alice", "bob"]) {
        talks(person, name).await;
    }
    for person in &people {
        person.waits_for("all was said", |seen| seen.posted.len() == COUNT).await;
    }
    for person in &people {
        let breaks = person.network.is_steady();
        assert!(breaks > 2, "connections were really cut: {breaks}");
        has_it_all(person, &["alice", "bob"]).await;
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_connections_are_cut() {
    for seed in 1..=3 {
        talk_with_cuts(&World::new().await, seed, 6_000).await;
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_tls_connections_are_cut() {
    talk_with_cuts(&World::over_tls().await, 9, 12_000).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_server_restarts() {
    let mut world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    talks(&alice, "alice").await;
    talks(&bob, "bob").await;
    for part in 1..=3 {
        bob.waits_for("some were said", |seen| seen.posted.len() >= part * COUNT / 4).await;
        world.restarts().await;
    }
    for person in [&alice, &bob] {
        has_it_all(person, &["alice", "bob"]).await;
    }
}

#[tokio::test]
async fn somebody_far_behind_gets_a_gap_that_history_fills() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.says("#lobby", "alice begins").await;
    bob.sees("#lobby", "alice: alice begins").await;
    let seen_before = bob.looks(|seen| seen.messages.last().unwrap().seq);
    bob.network.goes_down();
    for number in 0..400 {
        let body = Body::text(number.to_string());
        alice.handle.post(RoomId::LOBBY, Kind::Text, body).await.unwrap();
    }
    alice.waits_for("all is stored", |seen| seen.posted.len() == 401).await;
    // Nobody keeps the room open: the server has to look into its journal.
    alice.goes().await;
    bob.network.comes_up();
    bob.sees("#lobby", "alice: 399").await;
    let gap = bob.looks(|seen| seen.gaps.first().copied()).expect("a gap");
    assert_eq!((gap.room, gap.from), (RoomId::LOBBY, seen_before.next()));
    bob.looks(|seen| {
        let pushed: Vec<Seq> = seen
            .messages
            .iter()
            .map(|message| message.seq)
            .filter(|seq| *seq > seen_before)
            .collect();
        assert_eq!(pushed.first(), Some(&gap.to.next()), "what is not in the gap is pushed");
    });
    bob.reads_back("#lobby").await;
    assert_eq!(bob.looks(|seen| seen.texts("#lobby").len()), 401);
}

#[tokio::test]
async fn rooms_that_changed_meanwhile_are_as_they_are_now() {
    let world = World::new().await;
    let (alice, phone) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#tea", false).await;
    alice.creates("#milk", false).await;
    phone.joins("#tea").await;
    phone.network.goes_down();
    let laptop = world.logs_in("bob").await;
    laptop.leaves("#tea").await;
    laptop.joins("#milk").await;
    laptop.says("#milk", "from the laptop").await;
    alice.sees("#milk", "bob: from the laptop").await;
    phone.network.comes_up();
    phone.waits_for("the new room", |seen| seen.room("#milk").is_some()).await;
    phone.waits_for("all is well", |seen| seen.model.is_ready()).await;
    phone.reads_back("#milk").await;
    phone.sees("#milk", "bob: from the laptop").await;
    assert!(phone.looks(|seen| seen.room("#tea").is_none()));
}

#[tokio::test]
async fn an_invitation_back_into_a_room_does_not_void_what_is_known() {
    let world = World::new().await;
    let (alice, phone) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#plan", true).await;
    alice.invites("#plan", phone.number()).await.unwrap();
    phone.joins("#plan").await;
    alice.says("#plan", "known").await;
    alice.says("#lobby", "known too").await;
    phone.sees("#plan", "alice: known").await;
    phone.sees("#lobby", "alice: known too").await;
    phone.network.goes_down();
    let laptop = world.logs_in("bob").await;
    laptop.leaves("#plan").await;
    alice.invites("#plan", phone.number()).await.unwrap();
    laptop.waits_for("an invitation", |seen| seen.room("#plan").is_some()).await;
    phone.network.comes_up();
    phone
        .waits_for("an invitation", |seen| {
            seen.room("#plan").is_some_and(|room| room.is_invitation())
        })
        .await;
    phone.waits_for("all is well", |seen| seen.model.is_ready()).await;
    assert_eq!(phone.looks(|seen| seen.texts("#lobby")), ["known too"]);
    assert!(phone.looks(|seen| seen.resets == 0), "the cursors were good");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_restored_from_a_copy_makes_clients_forget_what_it_does_not_have() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.says("#lobby", "kept").await;
    bob.sees("#lobby", "alice: kept").await;
    world.stops().await;
    let aside = tempfile::tempdir().unwrap();
    copy(world.data(), aside.path());
    world.starts().await;
    for text in ["lost one", "lost two", "lost three"] {
        alice.says("#lobby", text).await;
    }
    bob.sees("#lobby", "alice: lost three").await;
    world.stops().await;
    for entry in fs::read_dir(world.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
    }
    copy(aside.path(), world.data());
    world.starts().await;
    for person in [&alice, &bob] {
        person
            .waits_for("the old state", |seen| {
                seen.model.is_ready()
                    && seen.texts("#lobby") != ["kept", "lost one", "lost two", "lost three"]
            })
            .await;
        person.reads_back("#lobby").await;
        assert_eq!(person.looks(|seen| seen.texts("#lobby")), ["kept"]);
        assert_eq!(person.looks(|seen| seen.resets), 1);
    }
    alice.says("#lobby", "new one").await;
    bob.sees("#lobby", "alice: new one").await;
    assert_eq!(bob.looks(|seen| seen.texts("#lobby")), ["kept", "new one"]);
}

/// What somebody heard in a room: the first word of each message.
fn heard(seen: &Seen, room: RoomId) -> Vec<String> {
    let said = seen.messages.iter().filter(|one| one.room == room && one.kind == Kind::Text);
    said.filter_map(|one| Some(one.body.text.as_ref()?.split(' ').next()?.to_owned())).collect()
}

/// Alice says so many things, so long, in rooms that she shares with bob, while he is away. Then she goes, and the
/// server has to look into its journal: no room is open any more.
async fn much_is_said(
    world: &mut World,
    bob: &Person,
    rooms: usize,
    count: impl Fn(usize) -> usize,
    bytes: usize,
) -> Vec<RoomId> {
    let alice = world.registers("alice").await;
    let mut ids = Vec::new();
    for number in 0..rooms {
        let name = format!("#room{number}");
        ids.push(alice.creates(&name, false).await);
        bob.joins(&name).await;
    }
    bob.network.goes_down();
    for (number, room) in ids.iter().enumerate() {
        for said in 0..count(number) {
            let body = Body::text(format!("{said} {}", "x".repeat(bytes)));
            alice.handle.post(*room, Kind::Text, body).await.unwrap();
        }
    }
    let all: usize = (0..rooms).map(count).sum();
    alice.waits_for("all is stored", |seen| seen.posted.len() == all).await;
    alice.goes().await;
    world.restarts().await;
    ids
}

#[tokio::test]
async fn whoever_comes_back_hears_of_all_rooms_that_moved_long_ones_too() {
    let mut world = World::new().await;
    let bob = world.registers("bob").await;
    // Some are longer than a page, one is longer than what is told, and together they are more than goes out at once.
    let long = 40;
    let count = |number: usize| match number {
        _ if number == long => 205,
        _ if number.is_multiple_of(20) => 90,
        _ => 2,
    };
    let rooms = much_is_said(&mut world, &bob, 70, count, 4000).await;
    bob.network.comes_up();
    let told = |number: usize| count(number).saturating_sub(200)..count(number);
    let is_complete = |seen: &Seen| {
        let mut rooms = rooms.iter().enumerate();
        rooms.all(|(number, room)| heard(seen, *room).len() == told(number).len())
    };
    bob.waits_for("everything", is_complete).await;
    bob.looks(|seen| {
        for (number, room) in rooms.iter().enumerate() {
            let said = told(number).map(|said| said.to_string());
            assert!(heard(seen, *room).into_iter().eq(said), "room {number} in order, once each");
        }
        assert_eq!(seen.gaps.len(), 1);
    });
}

#[tokio::test]
async fn whoever_comes_back_hears_one_room_to_its_end_before_the_next() {
    let mut world = World::new().await;
    let bob = world.registers("bob").await;
    // Each is longer than a page, and all together fit into what goes out at once.
    let (count, all) = (100, 4);
    let rooms = much_is_said(&mut world, &bob, all, |_| count, 100).await;
    bob.network.comes_up();
    bob.waits_for("everything", |seen| rooms.iter().all(|room| heard(seen, *room).len() == count))
        .await;
    let mut order = bob.looks(|seen| {
        let said = seen.messages.iter().filter(|one| one.kind == Kind::Text);
        said.map(|one| one.room).collect::<Vec<_>>()
    });
    order.dedup();
    let newest_first: Vec<_> = rooms.into_iter().rev().collect();
    assert_eq!(order, newest_first);
}
