//! Answers that could become larger than a frame: long names, long topics, many of both.

use liao_common::{
    event::{Page, Posted, Room, RoomPage, Session, UserPage},
    id::{Nonce, RoomId, Seq},
    limits,
    message::{Body, Kind},
    request::{History, Members, Register, RoomCreate, RoomJoin, RoomList, Send, Watch, Who},
};

use crate::support::{Person, World, register};

/// As many bytes as a name may have in as many graphemes as it may have.
fn long_name(number: usize) -> String {
    format!("{number:04}{}", "\u{5b57}\u{301}\u{302}".repeat(28))
}

fn long_topic() -> String {
    "\u{5b57}\u{301}\u{302}\u{303}".repeat(200)
}

/// Makes rooms with long names and topics, and lets somebody else enter all of them.
async fn many_rooms(alice: &Person, guest: &Person, count: usize) {
    for number in 0..count {
        let ask = RoomCreate { name: long_name(number), private: false, topic: long_topic() };
        let room: Room = alice.asks(ask).await.unwrap();
        guest.asks(RoomJoin { room: Some(room.room), name: None }).await.unwrap();
    }
}

#[tokio::test]
async fn many_rooms_with_long_names_do_not_keep_anybody_out() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    many_rooms(&alice, &bob, 120).await;
    let (name, topic) = (long_name(7), long_topic());
    for id in ["alice", "bob"] {
        let person = world.logs_in(id).await;
        person.waits_for("all rooms", |seen| seen.model.rooms().len() == 121).await;
        let room = |seen: &crate::support::Seen| seen.room(&name).map(|room| room.topic.clone());
        person.waits_for("a topic", |seen| room(seen).is_some_and(|shown| shown == topic)).await;
        let unnamed = person
            .looks(|seen| seen.model.rooms().iter().filter(|room| room.name.is_empty()).count());
        assert_eq!(unnamed, 0);
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page: RoomPage = bob.asks(RoomList { after, ..RoomList::default() }).await.unwrap();
        names.extend(page.rooms.into_iter().map(|row| row.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 121);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn a_page_of_many_people_with_long_names_fits() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let text = "x".repeat(1000);
    let mut crowd = Vec::new();
    for number in 0..limits::PAGE_MESSAGES_MAX {
        let id = format!("{number:04}{}", "\u{5b57}\u{30d}\u{30e}\u{311}".repeat(28));
        let mut raw = world.raw().await;
        raw.hello().await;
        let form = Register { user: id.clone(), name: id.clone(), ..register("somebody") };
        raw.asks::<Session>(form).await.unwrap();
        crowd.push(raw);
    }
    for raw in &mut crowd {
        let send = Send {
            room: RoomId::LOBBY,
            cid: Nonce([9; 16]),
            kind: Kind::Text,
            body: Body::text(text.clone()),
        };
        raw.asks::<Posted>(send).await.unwrap();
    }
    let mut after = Seq(101);
    let mut texts = 0;
    loop {
        let ask = History {
            room: RoomId::LOBBY,
            after: Some(after),
            limit: Some(100),
            ..History::default()
        };
        let page: Page = alice.asks(ask).await.unwrap();
        after = page.msgs.last().unwrap().seq;
        texts += page.msgs.iter().filter(|message| message.kind == Kind::Text).count();
        if !page.more {
            break;
        }
    }
    assert_eq!(texts, limits::PAGE_MESSAGES_MAX);
    let members: UserPage =
        alice.asks(Members { room: RoomId::LOBBY, ..Members::default() }).await.unwrap();
    assert_eq!((members.users.len(), members.total), (100, 101));
    let online: UserPage = alice.asks(Who::default()).await.unwrap();
    assert_eq!(online.users.len(), 100);
    drop(crowd);
}

/// Accounts that nobody uses, so that the lobby becomes a large room.
pub(super) async fn crowd(world: &World, count: usize) {
    crowd_in(world, count, "lobby").await;
}

/// The same, in another room too.
async fn crowd_in(world: &World, count: usize, room: &str) {
    let mut asked = Vec::new();
    for number in 0..count {
        let mut raw = world.raw().await;
        raw.hello().await;
        let rid = raw.sends(register(&format!("member{number}"))).await;
        asked.push((raw, rid));
        if asked.len() == 32 || number + 1 == count {
            for (mut raw, rid) in asked.drain(..) {
                raw.answer::<Session>(rid).await.unwrap();
                let ask = RoomJoin { room: None, name: Some(room.into()) };
                raw.asks::<Room>(ask).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn who_leaves_a_large_room_is_not_told_what_was_said_there() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    alice.creates("#big", false).await;
    crowd_in(&world, 1001, "big").await;
    let bob = world.registers("bob").await;
    bob.joins("#big").await;
    for number in 0..5 {
        alice.says("#big", &format!("not looked at {number}")).await;
    }
    let room = bob.room("#big");
    bob.leaves("#big").await;
    alice.says("#lobby", "later").await;
    bob.asks(Watch { act: vec![RoomId::LOBBY], online: false }).await.unwrap();
    bob.sees("#lobby", "alice: later").await;
    let pushed = bob.looks(|seen| seen.messages.iter().filter(|said| said.room == room).count());
    assert_eq!(pushed, 0);
    assert!(bob.looks(|seen| seen.room("#big").is_none()));
}

#[tokio::test]
async fn a_large_room_is_pushed_to_those_who_look_at_it() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    crowd(&world, 1001).await;
    let bob = world.registers("bob").await;
    let members = bob.looks(|seen| seen.room("#lobby").unwrap().members);
    assert_eq!(members, 1003);
    alice.says("#lobby", "not pushed").await;
    bob.waits_for("a head", |seen| seen.room("#lobby").unwrap().unread() == 1).await;
    assert!(bob.looks(|seen| seen.texts("#lobby").is_empty()));
    let act = vec![RoomId::LOBBY];
    bob.asks(Watch { act, online: true }).await.unwrap();
    bob.sees("#lobby", "alice: not pushed").await;
    alice.says("#lobby", "pushed").await;
    bob.sees("#lobby", "alice: pushed").await;
    bob.network.cut();
    alice.says("#lobby", "pushed after a cut").await;
    bob.sees("#lobby", "alice: pushed after a cut").await;
    bob.asks(Watch { act: Vec::new(), online: true }).await.unwrap();
    alice.says("#lobby", "not pushed again").await;
    bob.waits_for("a head", |seen| seen.room("#lobby").unwrap().unread() == 4).await;
    assert_eq!(bob.looks(|seen| seen.texts("#lobby").len()), 3);
}

#[tokio::test]
async fn a_room_that_becomes_large_is_quiet_for_those_who_do_not_look() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    alice.creates("#big", false).await;
    let (bob, carol) = (world.registers("bob").await, world.registers("carol").await);
    bob.joins("#big").await;
    carol.joins("#big").await;
    let room = bob.room("#big");
    carol.asks(Watch { act: vec![room], online: false }).await.unwrap();
    alice.says("#big", "few").await;
    bob.sees("#big", "alice: few").await;
    crowd_in(&world, 999, "big").await;
    alice.says("#big", "many").await;
    carol.sees("#big", "alice: many").await;
    bob.waits_for("a head", |seen| seen.room("#big").unwrap().unread() == 2).await;
    assert!(bob.looks(|seen| seen.texts("#big").is_empty()), "not pushed any more");
    bob.asks(Watch { act: vec![room], online: false }).await.unwrap();
    bob.sees("#big", "alice: many").await;
}

#[tokio::test]
async fn members_are_found_by_the_beginning_of_their_names() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let ask = |query: &str| Members {
        room: RoomId::LOBBY,
        query: query.into(),
        limit: Some(40),
        ..Members::default()
    };
    let anna = world.registers("anna").await;
    let found: UserPage = alice.asks(ask("AN")).await.unwrap();
    assert_eq!(ids(&found), ["anna"]);
    crowd(&world, 1001).await;
    let found: UserPage = anna.asks(ask("AL")).await.unwrap();
    assert_eq!((ids(&found), &found.next), (vec!["alice"], &None));
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page: UserPage = alice.asks(Members { after, ..ask("member1") }).await.unwrap();
        all.extend(page.users.iter().map(|user| user.id.clone()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(all.is_sorted() && all.iter().all(|id| id.starts_with("member1")));
    assert_eq!(all.len(), 1 + 10 + 100 + 1, "member1, 10 to 19, 100 to 199, 1000");
}

fn ids(page: &UserPage) -> Vec<&str> {
    page.users.iter().map(|user| user.id.as_str()).collect()
}
