//! Away: what was said meanwhile waits, in rooms and in private, also through a restart.

use liao_client_core::inbox::InboxKind;
use liao_common::{
    id::Seq,
    message::{Body, Kind},
};

use crate::support::{Person, World};

/// While bob is away, alice speaks in a room, in private, and names him. He has read nothing since.
async fn alice_speaks_to_bob(alice: &Person) {
    alice.says("#tea", "first").await;
    let mention = Body {
        at: vec![alice.looks(|seen| seen.model.people.find_id("bob").unwrap().user)],
        ..Body::text("bob?")
    };
    alice.posts("#tea", Kind::Text, mention).await.unwrap();
    alice.opens("bob").await;
    alice.says("@bob", "psst").await;
    alice.says("@bob", "are you there").await;
}

/// Bob comes back and finds it all.
async fn bob_finds_it(bob: &Person, read_before: Seq) {
    bob.sees("#tea", "alice: bob?").await;
    bob.sees("@alice", "alice: are you there").await;
    let (tea, read) =
        bob.looks(|seen| seen.room("#tea").map(|room| (room.unread(), room.read.0)).unwrap());
    assert_eq!((tea, read), (2, read_before));
    let inbox = bob.inbox();
    let find = |kind: InboxKind| {
        inbox.iter().find(|row| row.kind == kind).unwrap_or_else(|| panic!("{kind:?}: {inbox:?}"))
    };
    let room = find(InboxKind::Mention);
    assert_eq!((room.room, room.count, room.words.as_str()), (bob.room("#tea"), 2, "bob?"));
    assert_eq!(room.seq, read_before.next().next(), "it leads to the words that name him");
    let direct = find(InboxKind::Direct);
    assert_eq!(
        (direct.room, direct.count, direct.words.as_str()),
        (bob.room("@alice"), 2, "are you there")
    );
    assert_eq!(inbox.len(), 2, "one row for each chat: {inbox:?}");
    assert_eq!(bob.looks(|seen| seen.model.unread()), 4);
}

#[tokio::test]
async fn what_was_said_while_away_waits_also_through_a_restart() {
    let mut world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    let before = alice.says("#tea", "read by bob").await;
    bob.sees("#tea", "alice: read by bob").await;
    bob.reads("#tea").await;
    let token = bob.token();
    bob.goes().await;
    alice_speaks_to_bob(&alice).await;
    bob_finds_it(&world.shows(token.clone()).await.unwrap(), before).await;
    world.restarts().await;
    let bob = world.shows(token.clone()).await.unwrap();
    bob_finds_it(&bob, before).await;

    bob.reads("#tea").await;
    bob.reads("@alice").await;
    bob.goes().await;
    world.restarts().await;
    let bob = world.shows(token).await.unwrap();
    assert_eq!(bob.looks(|seen| seen.model.unread()), 0, "what was read stays read");
    assert!(bob.inbox().is_empty(), "{:?}", bob.inbox());
}

#[tokio::test]
async fn somebody_who_never_met_them_finds_a_private_word() {
    let world = World::new().await;
    let bob = world.registers("bob").await;
    bob.goes().await;
    let alice = world.registers("alice").await;
    alice.opens("bob").await;
    alice.says("@bob", "nice to meet you").await;
    let bob = world.logs_in("bob").await;
    bob.sees("@alice", "alice: nice to meet you").await;
    assert_eq!(bob.looks(|seen| seen.room("@alice").unwrap().unread()), 1);
}

#[tokio::test]
async fn far_more_than_is_pushed_is_counted_and_can_be_read() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    bob.goes().await;
    for number in 0..450 {
        let body = Body::text(number.to_string());
        alice.handle.post(alice.room("#lobby"), Kind::Text, body).await.unwrap();
    }
    alice.sees("#lobby", "alice: 449").await;
    // The room is closed and opened again, so that nothing of it is at hand any more.
    alice.goes().await;
    let bob = world.logs_in("bob").await;
    assert_eq!(bob.looks(|seen| seen.model.unread()), 450);
    bob.sees("#lobby", "alice: 449").await;
    let gap = bob.looks(|seen| seen.gaps.first().copied()).expect("a gap");
    assert_eq!(gap.room, bob.room("#lobby"));
    bob.reads_back("#lobby").await;
    let want: Vec<String> = (0..450).map(|number| number.to_string()).collect();
    assert_eq!(bob.looks(|seen| seen.texts("#lobby")), want);
}

#[tokio::test]
async fn another_device_reads_and_this_one_knows() {
    let world = World::new().await;
    let (alice, phone) = (world.registers("alice").await, world.registers("bob").await);
    let laptop = world.logs_in("bob").await;
    alice.says("#lobby", "news").await;
    phone.sees("#lobby", "alice: news").await;
    laptop.sees("#lobby", "alice: news").await;
    assert_eq!(laptop.looks(|seen| seen.model.unread()), 1);
    phone.reads("#lobby").await;
    laptop.waits_for("nothing unread", |seen| seen.model.unread() == 0).await;
}

/// What a device knows of how far bob has read the lobby: the marker, what is unread, and what the inbox says.
fn reading(device: &Person) -> (Seq, u64, Vec<(u64, Seq, String)>) {
    let (read, unread) = device.looks(|seen| {
        let room = seen.room("#lobby").unwrap();
        (room.read.0, room.unread())
    });
    let inbox = device.inbox();
    (read, unread, inbox.into_iter().map(|row| (row.count, row.seq, row.words)).collect())
}

#[tokio::test]
async fn a_line_that_waited_reads_nothing_of_what_was_said_meanwhile() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let phone = world.logs_in("bob").await;
    let before = bob.says("#lobby", "off to the train").await;
    phone.sees("#lobby", "bob: off to the train").await;

    bob.network.goes_down();
    bob.waits_for("the cut", |seen| !seen.model.is_ready()).await;
    let lobby = bob.room("#lobby");
    let late = bob.handle.post(lobby, Kind::Text, Body::text("in the train")).await.unwrap();
    alice.says("#lobby", "wait").await;
    alice.says("#lobby", "you forgot your keys").await;
    bob.network.comes_up();
    let posted = bob.outcome(late).await.unwrap();
    for device in [&bob, &phone] {
        device.sees("#lobby", "bob: in the train").await;
        let row = (2, before.next(), "you forgot your keys".to_owned());
        assert_eq!(reading(device), (before, 2, vec![row]));
    }
    assert_eq!(alice.looks(|seen| seen.room("#lobby").unwrap().unread()), 1, "new to others");

    // Also for who comes later, and from an index made anew.
    world.stops().await;
    std::fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
    let laptop = world.logs_in("bob").await;
    laptop.sees("#lobby", "bob: in the train").await;
    assert_eq!((reading(&laptop).0, reading(&laptop).1), (before, 2));
    assert_eq!(laptop.inbox().len(), 1);

    // Read up to there, and his own words need no reading; who speaks now has read as ever.
    laptop.handle.mark(lobby, Seq(posted.seq.0 - 1)).unwrap();
    for device in [&laptop, &phone] {
        device.waits_for("nothing unread", |seen| seen.model.unread() == 0).await;
        assert_eq!(reading(device), (posted.seq, 0, Vec::new()));
    }
    alice.says("#lobby", "and your bag").await;
    laptop.sees("#lobby", "alice: and your bag").await;
    let last = laptop.says("#lobby", "thanks").await;
    phone.waits_for("his answer", |seen| seen.room("#lobby").unwrap().read.0 == last).await;
}

#[tokio::test]
async fn a_line_that_waited_while_nobody_spoke_leaves_nothing_unread() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let phone = world.logs_in("bob").await;
    alice.says("#lobby", "bye").await;
    bob.sees("#lobby", "alice: bye").await;
    bob.reads("#lobby").await;
    bob.network.goes_down();
    bob.waits_for("the cut", |seen| !seen.model.is_ready()).await;
    let mut posts = Vec::new();
    for text in ["one", "two"] {
        let post = bob.handle.post(bob.room("#lobby"), Kind::Text, Body::text(text));
        posts.push(post.await.unwrap());
    }
    bob.network.comes_up();
    let last = bob.outcome(posts[1]).await.unwrap().seq;
    for device in [&bob, &phone] {
        device.waits_for("his words", |seen| seen.room("#lobby").unwrap().read.0 == last).await;
        assert_eq!(reading(device), (last, 0, Vec::new()));
    }
    let laptop = world.logs_in("bob").await;
    assert_eq!(reading(&laptop), (last, 0, Vec::new()), "the server knows it too");
}
