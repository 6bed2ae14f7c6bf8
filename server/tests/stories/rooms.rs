//! Rooms: making, finding, entering and leaving them, and what strangers do not learn of them.

use liao_common::{
    event::{Role, Room, RoomKind, kind},
    fault::FaultCode,
    id::{Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::{
        History, Mark, Members, RoomCreate, RoomInvite, RoomJoin, RoomLeave, RoomList, RoomOpen,
        RoomTopic, Send,
    },
};

use crate::support::{Person, World, refusal};

fn by_name(name: &str) -> RoomJoin {
    RoomJoin { room: None, name: Some(name.into()) }
}

#[tokio::test]
async fn rooms_are_made_found_and_entered() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let topic = "所有关于茶的事".to_owned();
    let ask = RoomCreate { name: "#Tea".into(), private: false, topic: topic.clone() };
    let tea = alice.asks(ask.clone()).await.unwrap();
    assert_eq!((tea.name.as_str(), tea.role, tea.kind), ("tea", Role::Owner, RoomKind::Public));
    assert_eq!(refusal(bob.asks(ask).await), FaultCode::Taken);
    alice.creates("#secret", true).await;

    let list = bob.asks(RoomList::default()).await.unwrap();
    let rows: Vec<_> =
        list.rooms.iter().map(|row| (row.name.as_str(), row.members, row.joined)).collect();
    assert_eq!(rows, [("lobby", 2, true), ("tea", 1, false)], "by name, without private rooms");
    assert_eq!(list.rooms[1].topic, topic);
    bob.joins("tea").await;
    alice.sees("#tea", "bob joined").await;
    alice.waits_for("two members", |seen| seen.room("#tea").unwrap().members == 2).await;
    let list = bob.asks(RoomList { query: "#te".into(), ..RoomList::default() }).await.unwrap();
    assert_eq!((list.rooms.len(), list.rooms[0].members, list.rooms[0].joined), (1, 2, true));
    let members = bob.asks(Members { room: tea.room, ..Members::default() }).await.unwrap();
    assert_eq!(
        members.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(),
        ["alice", "bob"]
    );
    bob.says("#tea", "龙井").await;
    alice.sees("#tea", "bob: 龙井").await;
    assert_eq!(bob.joins("tea").await.members, 2, "entering twice changes nothing");
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    for number in 0..5 {
        alice.creates(&format!("room{number}"), false).await;
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page =
            alice.asks(RoomList { after, limit: Some(2), ..RoomList::default() }).await.unwrap();
        names.extend(page.rooms.into_iter().map(|row| row.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["lobby", "room0", "room1", "room2", "room3", "room4"]);
    for bad in ["", "#", "two words", "-x", &"x".repeat(33)] {
        let ask = RoomCreate { name: bad.into(), private: false, topic: String::new() };
        assert_eq!(refusal(alice.asks(ask).await), FaultCode::BadName, "{bad}");
    }
}

#[tokio::test]
async fn who_leaves_hears_no_more_and_finds_all_of_it_on_coming_back() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let elsewhere = world.logs_in("bob").await;
    alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    elsewhere.waits_for("the room on the other device", |seen| seen.room("#tea").is_some()).await;
    alice.says("#tea", "before").await;
    bob.sees("#tea", "alice: before").await;
    let tea = bob.room("#tea");
    bob.leaves("#tea").await;
    elsewhere.waits_for("gone there too", |seen| seen.room("#tea").is_none()).await;
    alice.sees("#tea", "bob left").await;
    assert_eq!(alice.looks(|seen| seen.room("#tea").unwrap().members), 1);
    alice.says("#tea", "between").await;
    alice.says("#lobby", "a sign").await;
    bob.sees("#lobby", "alice: a sign").await;
    let heard = bob.looks(|seen| {
        seen.messages.iter().any(|message| message.body.text.as_deref() == Some("between"))
    });
    assert!(!heard, "not theirs any more");
    assert_eq!(
        refusal(bob.asks(History { room: tea, ..History::default() }).await),
        FaultCode::NotFound
    );
    bob.joins("#tea").await;
    bob.reads_back("#tea").await;
    bob.sees("#tea", "alice: between").await;
    for room in ["#lobby", "@alice"] {
        bob.opens("alice").await;
        let ask = RoomLeave { room: bob.room(room) };
        assert_eq!(refusal(bob.asks(ask).await), FaultCode::Forbidden, "{room}");
    }
}

#[tokio::test]
async fn topics_are_set_by_those_who_may() {
    let world = World::new().await;
    let (admin, bob) = (world.registers("admin").await, world.registers("bob").await);
    bob.creates("#tea", false).await;
    admin.joins("#tea").await;
    bob.sets_topic("#tea", "green\nor black").await.unwrap();
    admin.sees("#tea", "bob set the topic: green or black").await;
    assert_eq!(admin.looks(|seen| seen.room("#tea").unwrap().topic.clone()), "green or black");
    assert_eq!(refusal(bob.sets_topic("#lobby", "mine").await), FaultCode::Forbidden);
    admin.sets_topic("#lobby", "welcome").await.unwrap();
    bob.waits_for("the topic", |seen| seen.room("#lobby").unwrap().topic == "welcome").await;
    bob.opens("admin").await;
    assert_eq!(refusal(bob.sets_topic("@admin", "us").await), FaultCode::Forbidden);
    let long = "x".repeat(limits::TOPIC_GRAPHEMES_MAX + 1);
    assert_eq!(refusal(bob.sets_topic("#tea", &long).await), FaultCode::TooLarge);
}

#[tokio::test]
async fn a_private_room_opens_for_the_invited_from_then_on() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#plan", true).await;
    alice.says("#plan", "before bob").await;
    alice.invites("#plan", bob.number()).await.unwrap();
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.waits_for("an invitation", |seen| seen.room("#plan").is_some()).await;
    let (role, head, by) = bob
        .looks(|seen| seen.room("#plan").map(|room| (room.role, room.head.0, room.with)).unwrap());
    assert_eq!((role, head, by), (Role::Invited, Seq::ZERO, Some(alice.number())));
    let plan = bob.room("#plan");
    assert_eq!(
        refusal(bob.asks(History { room: plan, ..History::default() }).await),
        FaultCode::NotFound
    );
    let refused = bob.posts("#plan", Kind::Text, Body::text("not yet")).await.unwrap_err();
    assert_eq!(refused.code, FaultCode::NotFound);

    world.restarts().await;
    bob.joins("#plan").await;
    alice.says("#plan", "welcome bob").await;
    bob.sees("#plan", "alice: welcome bob").await;
    bob.reads_back("#plan").await;
    assert_eq!(
        bob.looks(|seen| seen.texts("#plan")),
        ["welcome bob"],
        "what was before is not theirs"
    );
    let page = bob
        .asks(History { room: plan, after: Some(Seq::ZERO), ..History::default() })
        .await
        .unwrap();
    assert!(page.floor > Seq::ZERO && page.msgs.iter().all(|message| message.seq > page.floor));
    bob.leaves("#plan").await;
    alice.says("#plan", "bob is away").await;
    assert_eq!(
        refusal(bob.asks(by_name("#plan")).await),
        FaultCode::NotFound,
        "an invitation is for once"
    );
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.waits_for("another invitation", |seen| seen.room("#plan").is_some()).await;
    bob.joins("#plan").await;
    alice.says("#plan", "again").await;
    bob.sees("#plan", "alice: again").await;
    bob.reads_back("#plan").await;
    let texts = bob.looks(|seen| seen.texts("#plan"));
    assert!(!texts.contains(&"bob is away".to_owned()), "{texts:?}");
}

#[tokio::test]
async fn an_invitation_can_be_declined() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#plan", true).await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.waits_for("an invitation", |seen| seen.room("#plan").is_some()).await;
    bob.leaves("#plan").await;
    assert_eq!(refusal(bob.asks(by_name("#plan")).await), FaultCode::NotFound);
    let members =
        alice.asks(Members { room: alice.room("#plan"), ..Members::default() }).await.unwrap();
    assert_eq!((members.users.len(), members.total), (1, 1));
}

/// Every way to touch a room, refused as if it did not exist.
async fn finds_nothing(stranger: &Person, room: RoomId, somebody: UserId) {
    let join = RoomJoin { room: Some(room), name: None };
    let topic = RoomTopic { room, topic: "mine".into() };
    let invite = RoomInvite { room, user: somebody };
    let send = stranger.handle.post(room, Kind::Text, Body::text("hello?")).await.unwrap();
    let answers = [
        refusal(stranger.asks(join).await),
        refusal(stranger.asks(RoomLeave { room }).await),
        refusal(stranger.asks(topic).await),
        refusal(stranger.asks(invite).await),
        refusal(stranger.asks(Members { room, ..Members::default() }).await),
        refusal(stranger.asks(History { room, ..History::default() }).await),
        refusal(stranger.asks(Mark { room, read: Seq(1) }).await),
        stranger.outcome(send).await.unwrap_err().code,
    ];
    assert_eq!(answers, [FaultCode::NotFound; 8], "{room}");
}

#[tokio::test]
async fn strangers_cannot_tell_a_private_room_from_none() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let eve = world.registers("eve").await;
    alice.creates("#plan", true).await;
    alice.opens("bob").await;
    alice.says("@bob", "between us").await;
    bob.sees("@alice", "alice: between us").await;
    finds_nothing(&eve, RoomId(999), bob.number()).await;
    finds_nothing(&eve, alice.room("#plan"), bob.number()).await;
    finds_nothing(&eve, alice.room("@bob"), bob.number()).await;
    assert_eq!(refusal(eve.asks(by_name("#plan")).await), FaultCode::NotFound);
    assert_eq!(refusal(eve.asks(by_name("#none")).await), FaultCode::NotFound);
    let direct = RoomInvite { room: alice.room("@bob"), user: eve.number() };
    assert_eq!(refusal(alice.asks(direct).await), FaultCode::Forbidden, "two people stay two");
    let list = eve.asks(RoomList::default()).await.unwrap();
    assert_eq!(list.rooms.len(), 1, "{list:?}");
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    let plan = bob.room("#plan");
    bob.leaves("#plan").await;
    finds_nothing(&bob, plan, eve.number()).await;
}

#[tokio::test]
async fn two_people_have_one_private_room() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let room = alice.opens("bob").await;
    alice.says("#lobby", "a sign").await;
    bob.sees("#lobby", "alice: a sign").await;
    assert!(bob.looks(|seen| seen.model.room(room).is_none()), "nothing was said yet");
    world.restarts().await;
    alice.says("#lobby", "another sign").await;
    bob.sees("#lobby", "alice: another sign").await;
    assert!(bob.looks(|seen| seen.model.room(room).is_none()), "also not after a restart");
    assert!(alice.looks(|seen| seen.model.room(room).is_some()), "who opened it has it");

    alice.says("@bob", "hi").await;
    bob.sees("@alice", "alice: hi").await;
    assert_eq!(bob.opens("alice").await, room);
    let by_number = RoomOpen { user: Some(alice.number()), name: None };
    assert_eq!(bob.asks(by_number).await.unwrap().room, room);
    assert_eq!(alice.opens("BOB").await, room);
    for (ask, want) in [
        (RoomOpen { user: None, name: Some("alice".into()) }, FaultCode::BadRequest),
        (RoomOpen { user: None, name: Some("nobody".into()) }, FaultCode::NotFound),
        (RoomOpen { user: Some(UserId(999)), name: None }, FaultCode::NotFound),
        (RoomOpen::default(), FaultCode::BadRequest),
    ] {
        assert_eq!(refusal(alice.asks(ask).await), want);
    }
}

#[tokio::test]
async fn both_open_their_room_before_anything_is_said() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let room = alice.opens("bob").await;
    assert_eq!(bob.opens("alice").await, room);
    bob.says("@alice", "you first").await;
    alice.sees("@bob", "bob: you first").await;
    alice.says("@bob", "no, you").await;
    bob.sees("@alice", "alice: no, you").await;
    bob.sees("@alice", "bob: you first").await;
}

#[tokio::test]
async fn the_first_word_in_a_direct_room_comes_back_to_who_said_it() {
    let world = World::new().await;
    for name in ["alice", "bob"] {
        world.registers(name).await.goes().await;
    }
    let mut bob = world.raw().await;
    bob.logs_in("bob", "").await;
    let open = |name: &str| RoomOpen { user: None, name: Some(name.into()) };
    bob.asks::<Room>(open("alice")).await.unwrap();
    let mut alice = world.raw().await;
    alice.logs_in("alice", "").await;
    alice.quiet().await;
    let room = alice.asks::<Room>(open("bob")).await.unwrap().room;
    for number in 1..=3 {
        let body = Body::text("hello");
        alice.sends(Send { room, cid: Nonce([number; 16]), kind: Kind::Text, body }).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = alice.next().await.expect("what alice said");
        if frame.kind() == kind::MSG {
            let message: Message = frame.decode().unwrap();
            seen.extend(Some(message.seq).filter(|_| message.room == room));
        }
    }
    assert_eq!(seen, [Seq(1), Seq(2), Seq(3)]);
}
