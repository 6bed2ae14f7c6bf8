//! Bad input and greed: whoever breaks the rules is told so or shut out, and nobody else notices.

use liao_client_core::entropy::{Entropy as _, SeededEntropy};
use liao_common::{
    codec,
    event::{Empty, Event, FileData, Ping, Posted, Session, Synced, Welcome, kind},
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind},
    request::{Auth, Devices, Hello, Request, Send, Sync, Who},
};
use liao_server::chat::hub::Registration;

use crate::support::{Person, Raw, World, secret};

/// A frame with any header and any body.
fn frame(header: &[u8], body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(header.len() + body.len()).unwrap();
    [&len.to_be_bytes()[..], header, body].concat()
}

/// The header of a request.
fn header(kind: &str, rid: u64) -> Vec<u8> {
    codec::encode(&(kind, rid))
}

async fn fault(raw: &mut Raw) -> Fault {
    let frame = raw.next().await.expect("a fault");
    assert_eq!(frame.kind(), kind::ERR);
    frame.decode().unwrap()
}

/// The server says why, closes, and goes on with everybody else.
async fn is_shut_out(world: &World, mut raw: Raw, bytes: &[u8], want: FaultCode) {
    raw.writes(bytes).await;
    let last = fault(&mut raw).await;
    assert_eq!((last.code, last.fatal), (want, true), "{:02x?}", &bytes[..bytes.len().min(16)]);
    assert!(raw.next().await.is_none(), "closed");
    let other = world.raw().await.hello_only().await;
    assert_eq!(other.v, limits::PROTOCOL_VERSION);
}

#[tokio::test]
async fn strangers_who_do_not_speak_it_are_shut_out_at_once() {
    let world = World::new().await;
    for (bytes, want) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), FaultCode::TooLarge),
        (vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc], FaultCode::TooLarge),
        (vec![0xff; 4], FaultCode::TooLarge),
        (vec![0; 4], FaultCode::TooLarge),
        (4097_u32.to_be_bytes().to_vec(), FaultCode::TooLarge),
        (frame(&[0xc0], &[]), FaultCode::BadRequest),
        (frame(&[0x92, 0xa1, b'x'], &[]), FaultCode::BadRequest),
        (frame(&[0x91, 0xa5, b'h', b'e', b'l', b'l', b'o'], &[0x80]), FaultCode::BadRequest),
        (frame(&[0xdd, 0xff, 0xff, 0xff, 0xff], &[]), FaultCode::BadRequest),
    ] {
        is_shut_out(&world, world.raw().await, &bytes, want).await;
    }
}

#[tokio::test]
async fn members_who_break_the_framing_are_shut_out_too() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    for (bytes, want) in [
        (u32::MAX.to_be_bytes().to_vec(), FaultCode::TooLarge),
        (
            u32::try_from(limits::FRAME_BYTES_MAX + 1).unwrap().to_be_bytes().to_vec(),
            FaultCode::TooLarge,
        ),
        (frame(&[0xa3, b'a', b'b', b'c'], &[0x80]), FaultCode::BadRequest),
    ] {
        let mut raw = world.raw().await;
        raw.logs_in("alice", "").await;
        raw.quiet().await;
        is_shut_out(&world, raw, &bytes, want).await;
    }
    alice.says("#lobby", "did something happen?").await;
}

#[tokio::test]
async fn little_is_taken_from_strangers() {
    let world = World::new().await;
    let mut raw = world.raw().await;
    raw.hello().await;
    let event = frame(&header("noise", 0), &[&[0xc5, 0x0f, 0x80][..], &[0; 0xf80]].concat());
    for _ in 0..5 {
        raw.writes(&event).await;
    }
    assert_eq!(raw.last_words().await, Some(FaultCode::TooLarge), "16 KiB before the login");
    let mut raw = world.raw().await;
    raw.writes(&[0, 0, 1]).await;
    raw.stops_writing().await;
    assert!(raw.next().await.is_none(), "the end inside a frame");
}

#[tokio::test]
async fn nothing_is_done_before_the_login() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = world.raw().await;
    let first = raw.asks::<Empty>(Who::default()).await.unwrap_err();
    assert_eq!((first.code, first.fatal), (FaultCode::BadRequest, true), "hello comes first");
    assert!(raw.next().await.is_none());

    let mut raw = world.raw().await;
    raw.hello().await;
    let send = Send {
        room: RoomId::LOBBY,
        cid: Nonce([1; 16]),
        kind: Kind::Text,
        body: Body::text("me too"),
    };
    for request in [Who::default().into(), send.into(), Devices {}.into(), Sync::default().into()] {
        let request: Request = request;
        let fault = raw.asks::<Empty>(request).await.unwrap_err();
        assert_eq!((fault.code, fault.fatal), (FaultCode::Unauthenticated, false));
    }
    raw.writes(&frame(&header("room.destroy", 77), &[0x80])).await;
    assert_eq!(raw.answer::<Empty>(77).await.unwrap_err().code, FaultCode::Unsupported);
    let again = Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role: None };
    assert!(raw.asks::<Welcome>(again.clone()).await.is_err(), "once is enough");
    let auth = Auth {
        mech: "password".into(),
        user: Some("alice".into()),
        secret: Some(secret("alice")),
        ..Auth::default()
    };
    raw.asks::<Session>(auth.clone()).await.unwrap();
    assert!(raw.asks::<Session>(auth).await.is_err(), "logged in already");
    assert!(raw.asks::<Welcome>(again).await.is_err());

    let mut raw = world.raw().await;
    let future = Hello { v: (2, 9), caps: Vec::new(), agent: String::new(), role: None };
    let fault = raw.asks::<Welcome>(future).await.unwrap_err();
    assert_eq!((fault.code, fault.fatal), (FaultCode::Unsupported, true));
}

/// Bodies that are broken, each in its own way.
fn broken_bodies() -> Vec<Vec<u8>> {
    let mut deep = vec![0x81, 0xa1, b'q'];
    deep.extend([0x91; 40]);
    deep.push(0xc0);
    vec![
        vec![],
        vec![0x81],
        vec![0x80, 0x80],
        vec![0xc1],
        vec![0xc0],
        vec![0x90],
        vec![0x81, 0xa5, b'l', b'i', b'm', b'i', b't', 0xa1, b'x'],
        vec![0x82, 0xa1, b'q', 0xa0, 0xa1, b'q', 0xa0],
        deep,
        vec![0x81, 0xa1, b'q', 0xdd, 0xff, 0xff, 0xff, 0xff],
    ]
}

#[tokio::test]
async fn ten_broken_bodies_are_enough() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    raw.quiet().await;
    let bodies = broken_bodies();
    assert_eq!(bodies.len(), limits::BAD_REQUESTS_MAX as usize);
    for (number, body) in bodies.iter().enumerate() {
        let rid = 1000 + number as u64;
        raw.writes(&frame(&header("who", rid), body)).await;
        let fault = raw.answer::<Empty>(rid).await.unwrap_err();
        let last = number + 1 == bodies.len();
        assert_eq!((fault.code, fault.fatal), (FaultCode::BadRequest, last), "{body:02x?}");
    }
    assert!(raw.next().await.is_none(), "closed");
    alice.says("#lobby", "still here").await;
}

#[tokio::test]
async fn what_a_later_version_may_add_is_ignored() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    raw.writes(&frame(&header("sparkle", 0), b"whatever this is")).await;
    let extended = [&[0x94, 0xa3][..], b"who", &[0x65, 0xc0, 0x81, 0xa1, b'x', 1]].concat();
    raw.writes(&frame(&extended, &[0x81, 0xa3, b'n', b'e', b'w', 0x92, 1, 2])).await;
    raw.answer::<liao_common::event::UserPage>(0x65).await.unwrap();
    raw.writes(&codec::frame(kind::PING, 0, &Ping { n: 41 })).await;
    loop {
        let frame = raw.next().await.unwrap();
        if let Some(Event::Pong(pong)) = Event::decode(&frame).unwrap() {
            assert_eq!(pong.n, 41);
            break;
        }
    }
}

/// Messages of 8 KiB, until `enough`.
async fn fills(alice: &Person, from: usize, to: usize) {
    let padding = "x".repeat(8 * 1024);
    for number in from..to {
        alice.says("#lobby", &format!("{number} {padding}")).await;
    }
}

/// Reads messages of a room until one begins so; checks that every place is pushed once or in a gap.
async fn reads_on(raw: &mut Raw, room: RoomId, mut position: Seq, last: &str) -> usize {
    let mut gaps = 0;
    loop {
        let frame = raw.next().await.expect("the connection holds");
        match Event::decode(&frame).unwrap() {
            Some(Event::Message(message)) if message.room == room => {
                assert_eq!(message.seq, position.next(), "contiguous");
                position = message.seq;
                if message.body.text.is_some_and(|text| text.starts_with(last)) {
                    return gaps;
                }
            }
            Some(Event::Gap(gap)) if gap.room == room => {
                assert_eq!(gap.from, position.next());
                position = gap.to;
                gaps += 1;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_gets_it_all_in_the_end() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut slow = world.raw().await;
    slow.logs_in("bob", "").await;
    let position = bob.looks(|seen| seen.room("#lobby").unwrap().head.0);
    fills(&alice, 0, 300).await;
    bob.waits_for("300 messages", |seen| seen.room("#lobby").unwrap().head.1 == 300).await;
    assert!(bob.looks(|seen| seen.gaps.is_empty()), "who reads misses nothing");
    let gaps = reads_on(&mut slow, RoomId::LOBBY, position, "299 ").await;
    assert!(gaps > 0, "what was too much became a gap");
}

#[tokio::test]
async fn who_left_and_came_back_unread_is_not_told_what_was_said_between() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#plan", true).await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    let mut slow = world.raw().await;
    slow.logs_in("bob", "").await;
    // From here on the server cannot write to the slow one.
    fills(&alice, 0, 60).await;
    let plan = bob.room("#plan");
    bob.leaves("#plan").await;
    alice.says("#plan", "not for bob").await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    alice.says("#plan", "for bob").await;
    let mut heard = Vec::new();
    while !heard.contains(&"for bob".to_owned()) {
        let frame = slow.next().await.expect("the connection holds");
        if let Some(Event::Message(message)) = Event::decode(&frame).unwrap()
            && message.room == plan
        {
            heard.extend(message.body.text);
        }
    }
    assert_eq!(heard, ["for bob"]);
}

#[tokio::test]
async fn a_person_has_so_many_connections_and_devices() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        let mut raw = world.raw().await;
        raw.logs_in("alice", "").await;
        open.push(raw);
    }
    let mut raw = world.raw().await;
    raw.hello().await;
    let auth = |dev_name: &str| Auth {
        mech: "password".into(),
        user: Some("alice".into()),
        secret: Some(secret("alice")),
        dev_name: dev_name.into(),
        token: None,
    };
    let fault = raw.asks::<Session>(auth("")).await.unwrap_err();
    assert_eq!((fault.code, fault.fatal), (FaultCode::Busy, false));
    open.truncate(1);
    let mut oldest = None;
    for number in 0..17 {
        let session = until_free(&world, || auth(&format!("device {number}"))).await;
        oldest = oldest.or(session.token);
    }
    let devices: liao_common::event::DeviceList = open[0].asks(Devices {}).await.unwrap();
    assert_eq!(devices.devices.len(), 16);
    assert!(world.shows(oldest.unwrap()).await.is_err(), "the oldest was logged out");
}

#[tokio::test]
async fn a_device_that_is_used_outlives_those_that_were_left_behind() {
    let world = World::with(|config| config.rules.token_renewed_ms = 0).await;
    let alice = world.registers("alice").await;
    let used = alice.token();
    alice.goes().await;
    let mut tokens = Vec::new();
    let mut here = world.raw().await;
    tokens.push(here.logs_in("alice", "here").await.token.unwrap());
    for number in 2..16 {
        let mut raw = world.raw().await;
        tokens.push(raw.logs_in("alice", &format!("left behind {number}")).await.token.unwrap());
        raw.stops_writing().await;
        raw.rest().await;
    }
    // It is the oldest, and used again.
    world.shows(used.clone()).await.unwrap().goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "one more").await;
    assert!(world.shows(used).await.is_ok());
    let mut gone = Vec::new();
    for (place, token) in tokens.into_iter().enumerate() {
        if world.shows(token).await.is_err() {
            gone.push(place);
        }
    }
    assert_eq!(gone, [1], "neither the one that is used nor the one that is connected");
}

/// Logs in as soon as the server has noticed that others are gone.
async fn until_free(world: &World, auth: impl Fn() -> Auth) -> Session {
    loop {
        let mut raw = world.raw().await;
        raw.hello().await;
        match raw.asks::<Session>(auth()).await {
            Ok(session) => return session,
            Err(fault) => assert_eq!(fault.code, FaultCode::Busy),
        }
    }
}

#[tokio::test]
async fn who_posts_too_fast_waits_and_loses_nothing() {
    let world = World::with(|config| {
        config.rules.posts_burst = 5;
        config.rules.posts_per_s = 200;
    })
    .await;
    world.registers("alice").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let mut asked = Vec::new();
    for number in 1..=60_u8 {
        let body = Body::text(number.to_string());
        let send = Send { room: RoomId::LOBBY, cid: Nonce([number; 16]), kind: Kind::Text, body };
        asked.push(raw.sends(send).await);
    }
    for rid in asked {
        raw.answer::<Posted>(rid).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_may_be_closed_or_by_invitation() {
    let mut world = World::new().await;
    world.registers("admin").await;
    world.changes(|config| config.rules.registration = Registration::Closed).await;
    assert_eq!(registers(&world, None).await, Err(FaultCode::RegistrationClosed));
    world.changes(|config| config.rules.registration = Registration::Invite).await;
    assert_eq!(registers(&world, None).await, Err(FaultCode::InviteRequired));
    assert_eq!(registers(&world, Some("made up".into())).await, Err(FaultCode::InviteRequired));
    let invite = liao_server::admin::invite::AddInvite { uses: 1, days: 7 };
    let invited = liao_server::admin::client::add_invite(world.data(), invite).await.unwrap();
    assert_eq!(registers(&world, Some(invited.code.clone())).await, Ok(()));
    world.changes(|_| {}).await;
    for id in ["carol", "admin"] {
        let invite = Some(invited.code.clone());
        let used = liao_common::request::Register { invite, ..crate::support::register(id) };
        let mut raw = world.raw().await;
        raw.hello().await;
        let fault = raw.asks::<Session>(used).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::InviteRequired, "used up, it tells of nobody");
    }
}

async fn registers(world: &World, invite: Option<String>) -> Result<(), FaultCode> {
    let mut raw = world.raw().await;
    raw.hello().await;
    let form = liao_common::request::Register { invite, ..crate::support::register("bob") };
    raw.asks::<Session>(form).await.map(drop).map_err(|fault| fault.code)
}

/// Frames that are right but for some bytes that a seed chooses.
fn spoiled(seed: u64) -> Vec<u8> {
    let entropy = SeededEntropy::new(seed);
    let mut drawn = [0; 16];
    entropy.fill(&mut drawn);
    let v = (1, 1);
    let hello = Hello { v, caps: vec!["x".into()], agent: "fuzz".into(), role: None };
    let auth = Auth {
        mech: "password".into(),
        user: Some("alice".into()),
        secret: Some(secret("alice")),
        ..Auth::default()
    };
    let body = Body { re: Some(Seq(1)), at: vec![UserId(1)], ..Body::text("text") };
    let send = Send { room: RoomId::LOBBY, cid: Nonce(drawn), kind: Kind::Text, body };
    let file = FileData { x: 1, o: 0, d: vec![1; 64] };
    let mut frames = [
        Request::from(hello).frame(1),
        Request::from(auth).frame(2),
        Request::from(Sync::default()).frame(3),
        Request::from(send).frame(4),
        codec::frame(kind::FDAT, 0, &file),
        Request::from(Who::default()).frame(5),
    ]
    .concat();
    for pair in drawn.chunks_exact(4).take(usize::from(drawn[0] % 4) + 1) {
        let at = usize::from(u16::from_be_bytes([pair[0], pair[1]])) % frames.len();
        frames[at] = pair[2];
    }
    frames
}

#[tokio::test]
async fn spoiled_frames_harm_nobody() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    for seed in 0..300 {
        let mut raw = world.raw().await;
        raw.writes(&spoiled(seed)).await;
        raw.stops_writing().await;
        raw.rest().await;
    }
    alice.says("#lobby", "what was that?").await;
    alice.sees("#lobby", "alice: what was that?").await;
}

/// A client that sends a large message in small pieces is served like any other.
#[tokio::test]
async fn frames_may_come_a_byte_at_a_time() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    let frame = Request::from(Who::default()).frame(500);
    for byte in frame.iter() {
        raw.writes(std::slice::from_ref(byte)).await;
        tokio::task::yield_now().await;
    }
    raw.answer::<liao_common::event::UserPage>(500).await.unwrap();
    let _: Synced = raw.asks(Sync::default()).await.unwrap();
}
