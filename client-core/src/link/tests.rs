use liao_common::{
    codec,
    event::{Empty, Event, Gap, GoAway, Page, Ping, Posted, Room, RoomPage, Welcome, kind},
    fault::{Fault, FaultCode},
    id::{FileId, Hash, RoomId, Seq},
    limits,
    message::{Body, Kind},
    name::UserName,
    request::{Auth, History, Logout, Register, RoomCreate, RoomList, Send, Sync, Watch},
};

use super::*;
use crate::{
    address::Address,
    answer::{Answer, CallError},
    entropy::SeededEntropy,
    fake::{FakeDialer, FakeServer, Peer, fake, room, said, session, soon},
    handle::PostError,
    home::{Account, Home},
    notice::Queued,
    outbox,
    transfer::{DownloadJob, Phase, TransferChange, TransferFault},
};

fn config(dialer: &Arc<FakeDialer>, credentials: Credentials) -> LinkConfig {
    let dialer: Arc<dyn Dialer> = Arc::clone(dialer) as Arc<dyn Dialer>;
    let mut config = LinkConfig::new(dialer, credentials, "test/1");
    config.entropy = Arc::new(SeededEntropy::new(1));
    config
}

fn password() -> Credentials {
    let user = UserName::parse("me").unwrap();
    Credentials::Password { user, secret: Secret("correct horse".into()) }
}

/// A link with a server to play, logged in and in sync.
async fn connected() -> (Handle, mpsc::Receiver<Notice>, Arc<FakeDialer>, FakeServer, Peer) {
    let (dialer, mut server) = fake();
    let (handle, notices) = Link::start(config(&dialer, password()));
    let (peer, _) = server.accept_synced(&[room(1, 0)]).await;
    (handle, notices, dialer, server, peer)
}

/// The next notice that is wanted; others pass by.
async fn until<T>(notices: &mut mpsc::Receiver<Notice>, wanted: impl Fn(Notice) -> Option<T>) -> T {
    soon(async {
        loop {
            if let Some(found) = wanted(notices.recv().await.expect("the link is gone")) {
                return found;
            }
        }
    })
    .await
}

async fn online(notices: &mut mpsc::Receiver<Notice>) {
    until(notices, |notice| {
        matches!(notice, Notice::State(LinkState::Online { .. })).then_some(())
    })
    .await;
}

async fn cut(notices: &mut mpsc::Receiver<Notice>) -> (Cut, u64) {
    until(notices, |notice| match notice {
        Notice::State(LinkState::Waiting { why, retry_in_ms }) => Some((why, retry_in_ms)),
        _ => None,
    })
    .await
}

async fn ended(notices: &mut mpsc::Receiver<Notice>) -> End {
    until(notices, |notice| match notice {
        Notice::State(LinkState::Ended(end)) => Some(end),
        _ => None,
    })
    .await
}

fn posted(seq: u64) -> Posted {
    Posted { seq: Seq(seq), at_ms: 5, dup: false }
}

#[tokio::test(start_paused = true)]
async fn it_passes_every_stage_on_its_way_online() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let (_peer, sync) = server.accept_synced(&[room(1, 0)]).await;
    assert_eq!(sync, Sync::default());
    let mut stages = Vec::new();
    while stages.last() != Some(&"online") {
        stages.push(match soon(notices.recv()).await.unwrap() {
            Notice::State(LinkState::Connecting) => "connecting",
            Notice::State(LinkState::Securing) => "securing",
            Notice::State(LinkState::LoggingIn) => "logging in",
            Notice::Welcome(_) => "welcome",
            Notice::LoggedIn(session) => {
                assert!(session.token.is_some(), "the token is for keeping");
                "logged in"
            }
            Notice::State(LinkState::Syncing) => "syncing",
            Notice::Synced(_) => "rooms",
            Notice::Event(Event::Synced) => "synced",
            Notice::State(LinkState::Online { .. }) => "online",
            other => panic!("{other:?}"),
        });
    }
    let want = "connecting securing logging in welcome logged in syncing rooms synced online";
    assert_eq!(stages.join(" "), want);
}

#[tokio::test(start_paused = true)]
async fn after_a_cut_it_resumes_with_the_token_from_where_it_was() {
    let (_handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    peer.event(kind::GAP, &Gap { room: RoomId(1), from: Seq(1), to: Seq(4) }).await;
    peer.event(kind::MSG, &said(1, 5, 9, "hi")).await;
    peer.event(kind::MSG, &said(1, 5, 9, "hi")).await;
    peer.event(kind::MSG, &said(1, 6, 9, "there")).await;
    drop(peer);
    let mut seen = Vec::new();
    soon(async {
        loop {
            match notices.recv().await.unwrap() {
                Notice::Event(Event::Message(message)) => seen.push(message.seq.0),
                Notice::State(LinkState::Waiting { why, .. }) => break assert_eq!(why, Cut::Lost),
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(seen, [5, 6], "a message seen before is dropped");
    let mut peer = server.accept().await;
    let auth = peer.log_in().await;
    assert_eq!((auth.mech.as_str(), auth.token), ("token", Some(Token(b"token".to_vec()))));
    let (_, sync) = peer.expect::<Sync>().await;
    assert_eq!((sync.epoch.as_str(), &sync.cur[..]), ("e1", &[(RoomId(1), Seq(6))][..]));
}

#[tokio::test(start_paused = true)]
async fn posts_of_a_room_go_one_after_another_and_are_repeated_after_a_cut() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    let mut nonces = Vec::new();
    for text in ["one", "two"] {
        nonces.push(handle.post(RoomId(1), Kind::Text, Body::text(text)).await.unwrap());
    }
    let (rid, first) = peer.expect::<Send>().await;
    assert_eq!((first.cid, first.body.text.as_deref()), (nonces[0], Some("one")));
    peer.ok(rid, &posted(1));
    let (_, second) = peer.expect::<Send>().await;
    assert_eq!(second.cid, nonces[1]);
    drop(peer);

    let (mut peer, _) = server.accept_synced(&[room(1, 2)]).await;
    let (rid, again) = peer.expect::<Send>().await;
    assert!(again.body.late && !second.body.late, "it was written before what was missed");
    let body = Body { late: false, ..again.body };
    assert_eq!(Send { body, ..again }, second, "the same nonce, the same words");
    peer.ok(rid, &Posted { dup: true, ..posted(2) });
    peer.flush().await;
    for nonce in nonces {
        let got = until(&mut notices, |notice| match notice {
            Notice::Posted { nonce, .. } => Some(nonce),
            _ => None,
        });
        assert_eq!(got.await, nonce);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_offline_is_sent_when_the_server_is_back() {
    let (dialer, mut server) = fake();
    dialer.refuse(3);
    let (handle, mut notices) = Link::start(config(&dialer, password()));
    cut(&mut notices).await;
    let nonce = handle.post(RoomId(1), Kind::Text, Body::text("later")).await.unwrap();
    let queued = until(&mut notices, |notice| match notice {
        Notice::Queued(queued) => Some(queued.nonce),
        _ => None,
    });
    assert_eq!(queued.await, nonce);
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    let (rid, sent) = peer.expect::<Send>().await;
    assert_eq!((sent.cid, sent.body.late), (nonce, true));
    peer.ok(rid, &posted(1));
    peer.flush().await;
    online(&mut notices).await;
    handle.post(RoomId(1), Kind::Text, Body::text("now")).await.unwrap();
    assert!(!peer.expect::<Send>().await.1.body.late, "what is written with all before it");
}

#[tokio::test(start_paused = true)]
async fn what_had_to_wait_is_sent_as_late() {
    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    online(&mut notices).await;
    let post = async |text: &str| {
        handle.post(RoomId(1), Kind::Text, Body::text(text)).await.unwrap();
    };
    post("too much at once").await;
    let (rid, first) = peer.expect::<Send>().await;
    assert!(!first.body.late);
    post("behind it").await;
    peer.err(rid, &Fault { retry_ms: Some(60_000), ..FaultCode::RateLimited.into() }).await;
    for _ in 0..2 {
        let (rid, again) = peer.expect::<Send>().await;
        assert!(again.body.late, "a minute later");
        peer.ok(rid, &posted(1));
        peer.flush().await;
    }
    // A refused one that the person sends again is written anew.
    post("refused").await;
    let (rid, refused) = peer.expect::<Send>().await;
    assert!(!refused.body.late);
    peer.err(rid, &FaultCode::NotFound.into()).await;
    let failed = until(&mut notices, |notice| match notice {
        Notice::PostFailed { nonce, .. } => Some(nonce),
        _ => None,
    });
    handle.resend(failed.await);
    assert!(!peer.expect::<Send>().await.1.body.late);
    // An offer comes when the file has arrived, whatever its sender has looked at since.
    let offer = Body { fid: Some(FileId(1)), ..Body::default() };
    handle.post(RoomId(2), Kind::File, offer).await.unwrap();
    assert!(peer.expect::<Send>().await.1.body.late);
}

#[tokio::test(start_paused = true)]
async fn what_waits_long_behind_other_posts_is_sent_as_late() {
    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    online(&mut notices).await;
    for line in 1..=5 {
        handle.post(RoomId(1), Kind::Text, Body::text(format!("line {line}"))).await.unwrap();
    }
    let mut late = Vec::new();
    for line in 1..=5 {
        let (rid, sent) = peer.expect::<Send>().await;
        late.push(sent.body.late);
        // Too fast means not read: each takes its time.
        tokio::time::advance(Duration::from_millis(900)).await;
        peer.ok(rid, &posted(line));
        peer.flush().await;
    }
    assert_eq!(late, [false, false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn posts_of_an_earlier_run_are_sent_and_very_old_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let queued = |byte: u8, at_ms: u64| Queued {
        nonce: liao_common::id::Nonce([byte; 16]),
        room: RoomId(1),
        kind: Kind::Text,
        body: Body::text("from before"),
        at_ms,
    };
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![queued(1, 0), queued(2, clock::wall_ms())], "e1").unwrap();
    drop(outbox);

    let (dialer, mut server) = fake();
    let mut config = config(&dialer, password());
    config.outbox = Outbox::open(&path).unwrap();
    let (handle, mut notices) = Link::start(config);
    let failed = until(&mut notices, |notice| match notice {
        Notice::PostFailed { nonce, fault, .. } => Some((nonce.0[0], fault.code)),
        _ => None,
    });
    assert_eq!(failed.await, (1, FaultCode::Gone));
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    let (rid, send) = peer.expect::<Send>().await;
    assert_eq!(send.cid.0[0], 2);
    peer.ok(rid, &posted(1));
    peer.flush().await;

    handle.resend(queued(1, 0).nonce);
    let (rid, send) = peer.expect::<Send>().await;
    assert_eq!(send.cid.0[0], 1, "the person wants it after all");
    peer.ok(rid, &posted(2));
    peer.flush().await;
    for _ in 0..2 {
        until(&mut notices, |notice| matches!(notice, Notice::Posted { .. }).then_some(())).await;
    }
    handle.close().await;
    ended(&mut notices).await;
    soon(notices.recv()).await;
    assert!(Outbox::open(&path).unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_in_an_earlier_run_waits_for_the_person() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let (dialer, mut server) = fake();
    let mut first = config(&dialer, password());
    first.outbox = Outbox::open(&path).unwrap();
    let (handle, mut notices) = Link::start(first);
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    let nonce = handle.post(RoomId(1), Kind::Text, Body::text("no")).await.unwrap();
    let (rid, _) = peer.expect::<Send>().await;
    peer.err(rid, &FaultCode::Forbidden.into()).await;
    let failed = |notice| match notice {
        Notice::PostFailed { nonce, fault, .. } => Some((nonce, fault.code)),
        _ => None,
    };
    assert_eq!(until(&mut notices, failed).await, (nonce, FaultCode::Forbidden));
    handle.close().await;
    while soon(notices.recv()).await.is_some() {}

    let mut second = config(&dialer, password());
    second.outbox = Outbox::open(&path).unwrap();
    second.entropy = Arc::new(SeededEntropy::new(2));
    let (handle, mut notices) = Link::start(second);
    let queued = |notice| match notice {
        Notice::Queued(queued) => Some(queued.nonce),
        _ => None,
    };
    assert_eq!(until(&mut notices, queued).await, nonce, "it is shown");
    assert_eq!(until(&mut notices, failed).await, (nonce, FaultCode::Forbidden));
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    let other = handle.post(RoomId(1), Kind::Text, Body::text("yes")).await.unwrap();
    let (rid, send) = peer.expect::<Send>().await;
    assert_eq!(send.cid, other, "and not sent");
    peer.ok(rid, &posted(1));
    peer.flush().await;
    handle.resend(nonce);
    assert_eq!(peer.expect::<Send>().await.1.cid, nonce, "unless the person says so");
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_fails_or_waits_by_its_fault() {
    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    let first = handle.post(RoomId(1), Kind::Text, Body::text("one")).await.unwrap();
    let second = handle.post(RoomId(1), Kind::Text, Body::text("two")).await.unwrap();
    let (rid, _) = peer.expect::<Send>().await;
    let before = clock::now();
    peer.err(rid, &Fault::new(FaultCode::RateLimited, "").retry_after(7_000)).await;
    let (rid, send) = peer.expect::<Send>().await;
    assert_eq!(send.cid, first, "the second does not overtake the first");
    assert!(clock::ms_since(before) >= 7_000);
    peer.err(rid, &FaultCode::TooLarge.into()).await;
    let failed = until(&mut notices, |notice| match notice {
        Notice::PostFailed { nonce, fault, .. } => Some((nonce, fault.code)),
        _ => None,
    });
    assert_eq!(failed.await, (first, FaultCode::TooLarge));
    assert_eq!(peer.expect::<Send>().await.1.cid, second);
    handle.discard(first);
    let gone = until(&mut notices, |notice| match notice {
        Notice::Discarded { nonce, .. } => Some(nonce),
        _ => None,
    });
    assert_eq!(gone.await, first);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_failing_on_a_post_is_asked_four_times() {
    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    handle.post(RoomId(1), Kind::Text, Body::text("one")).await.unwrap();
    for _ in 0..4 {
        let (rid, _) = peer.expect::<Send>().await;
        peer.err(rid, &FaultCode::Internal.into()).await;
    }
    until(&mut notices, |notice| matches!(notice, Notice::PostFailed { .. }).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_refuses() {
    let (dialer, _server) = fake();
    let (handle, mut notices) = Link::start(config(&dialer, password()));
    let drain = tokio::spawn(async move { while notices.recv().await.is_some() {} });
    for _ in 0..outbox::POSTS_MAX {
        handle.post(RoomId(1), Kind::Text, Body::text("x")).await.unwrap();
    }
    let one_more = handle.post(RoomId(1), Kind::Text, Body::text("x")).await;
    assert_eq!(one_more, Err(PostError::Full));
    drain.abort();
}

#[tokio::test(start_paused = true)]
async fn refused_logins_end_the_link() {
    for (code, credentials) in [
        (FaultCode::Unauthenticated, password()),
        (FaultCode::RateLimited, password()),
        (FaultCode::AuthRevoked, Credentials::Token(Token(vec![1]))),
    ] {
        let (dialer, mut server) = fake();
        let (handle, mut notices) = Link::start(config(&dialer, credentials));
        server.accept().await.refuse_login(code).await;
        let refused = until(&mut notices, |notice| match notice {
            Notice::Refused(fault) => Some(fault.code),
            _ => None,
        });
        assert_eq!(refused.await, code);
        assert_eq!(ended(&mut notices).await, End::Refused(code.into()));
        let post = handle.post(RoomId(1), Kind::Text, Body::text("x"));
        assert_eq!(soon(post).await, Err(PostError::Closed));
        assert_eq!(handle.call(RoomList::default()).await, Err(CallError::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_with_the_token() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, Credentials::Token(Token(vec![1]))));
    server.accept().await.refuse_login(FaultCode::Busy).await;
    assert!(matches!(cut(&mut notices).await.0, Cut::Busy(_)));
    server.accept_synced(&[]).await;
    online(&mut notices).await;
}

#[tokio::test(start_paused = true)]
async fn a_registration_whose_answer_got_lost_is_not_repeated_blindly() {
    let (dialer, mut server) = fake();
    let register = Register {
        user: "me".into(),
        name: String::new(),
        secret: Secret("correct horse".into()),
        dev_name: String::new(),
        invite: None,
    };
    let (_handle, mut notices) = Link::start(config(&dialer, Credentials::Register(register)));
    let mut peer = server.accept().await;
    peer.greet().await;
    let (_, asked) = peer.expect::<Register>().await;
    assert_eq!(asked.dev_name, "test/1");
    drop(peer);
    let mut peer = server.accept().await;
    let auth = peer.log_in().await;
    assert_eq!(auth.mech, "password");
    until(&mut notices, |notice| matches!(notice, Notice::LoggedIn(_)).then_some(())).await;
    drop(peer);

    let (dialer, mut server) = fake();
    let register = Register { name: "Me".into(), ..asked };
    let (_handle, _notices) = Link::start(config(&dialer, Credentials::Register(register)));
    let mut peer = server.accept().await;
    peer.greet().await;
    peer.expect::<Register>().await;
    drop(peer);
    let mut peer = server.accept().await;
    peer.greet().await;
    let (rid, _) = peer.expect::<Auth>().await;
    peer.err(rid, &FaultCode::Unauthenticated.into()).await;
    let (rid, _) = peer.expect::<Register>().await;
    peer.ok(rid, &session(Some(Token(vec![1]))));
    peer.expect::<Sync>().await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_with_a_window_is_honoured() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    let answer = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(RoomList::default()).await }
    });
    let (rid, _) = peer.expect::<RoomList>().await;
    let away = GoAway { why: "shutting_down".into(), min_ms: 20_000, max_ms: 30_000 };
    let before = clock::now();
    peer.event(kind::GOAWAY, &away).await;
    peer.ok(rid, &RoomPage::default());
    peer.flush().await;
    assert!(answer.await.unwrap().is_ok(), "what was asked before is still answered");
    drop(peer);
    let (why, wait_ms) = cut(&mut notices).await;
    assert_eq!(why, Cut::GoAway("shutting_down".into()));
    assert!((19_000..=30_500).contains(&wait_ms), "{wait_ms}");
    server.accept().await;
    assert!((20_000..=31_500).contains(&clock::ms_since(before)));
}

#[tokio::test(start_paused = true)]
async fn goodbyes_without_a_time_are_waited_for_longer_and_longer() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let away = GoAway { why: "slow_consumer".into(), min_ms: 0, max_ms: 0 };
    for when in ["hello", "sync", "online"] {
        let mut waits = Vec::new();
        for _ in 0..12 {
            let mut peer = match when {
                "online" => server.accept_synced(&[room(1, 0)]).await.0,
                _ => server.accept().await,
            };
            if when == "sync" {
                peer.log_in().await;
            }
            peer.event(kind::GOAWAY, &away).await;
            waits.push(cut(&mut notices).await.1);
        }
        assert!(waits.iter().sum::<u64>() > 20_000, "{when}: {waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_during_the_login_is_spread_over_its_window() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let away = GoAway { why: "shutting_down".into(), min_ms: 10_000, max_ms: 40_000 };
    let mut waits = Vec::new();
    for _ in 0..12 {
        server.accept().await.event(kind::GOAWAY, &away).await;
        waits.push(cut(&mut notices).await.1);
    }
    assert!(waits.iter().all(|wait_ms| *wait_ms >= 10_000), "{waits:?}");
    assert!(waits.iter().any(|wait_ms| *wait_ms > 20_000), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn longer_frames_are_read_where_the_server_said_so() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let mut peer = server.accept().await;
    let (rid, _) = peer.expect::<liao_common::request::Hello>().await;
    let mut welcome = crate::fake::welcome();
    welcome.limits.frame = 4 * limits::FRAME_BYTES_MAX as u64;
    peer.ok(rid, &welcome);
    let (rid, _) = peer.expect::<liao_common::request::Auth>().await;
    peer.ok(rid, &crate::fake::session(None));
    let (rid, _) = peer.expect::<Sync>().await;
    let topic = "x".repeat(2 * limits::FRAME_BYTES_MAX);
    let long = Room { topic, ..room(1, 0) };
    peer.ok(rid, &Synced { epoch: "e1".into(), reset: false, rooms: vec![long] });
    peer.flush().await;
    let synced = until(&mut notices, |notice| match notice {
        Notice::Synced(synced) => Some(synced),
        Notice::State(LinkState::Waiting { why, .. }) => panic!("{why:?}"),
        _ => None,
    });
    assert_eq!(synced.await.rooms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_not_offered_ends_it() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let mut peer = server.accept().await;
    let (rid, _) = peer.expect::<liao_common::request::Hello>().await;
    peer.ok(rid, &Welcome { v: limits::PROTOCOL_VERSION + 1, ..crate::fake::welcome() });
    peer.flush().await;
    assert_eq!(ended(&mut notices).await, End::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_for_ever_has_an_end() {
    let (dialer, mut server) = fake();
    let (_handle, mut notices) = Link::start(config(&dialer, password()));
    let away = GoAway { why: "slow_consumer".into(), min_ms: 1 << 52, max_ms: 1 << 52 };
    let mut peer = server.accept().await;
    peer.event(kind::GOAWAY, &away).await;
    let (_, wait_ms) = cut(&mut notices).await;
    assert!((600_000..=600_500).contains(&wait_ms), "{wait_ms}");
    server.accept_synced(&[room(1, 0)]).await.0.event(kind::GOAWAY, &away).await;
    let (_, wait_ms) = cut(&mut notices).await;
    assert!((590_000..=601_000).contains(&wait_ms), "{wait_ms}");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_device_does_not_come_back() {
    let (_handle, mut notices, _dialer, _server, mut peer) = connected().await;
    let away = GoAway { why: "auth_revoked".into(), min_ms: 0, max_ms: 0 };
    peer.event(kind::GOAWAY, &away).await;
    assert_eq!(ended(&mut notices).await, End::Refused(FaultCode::AuthRevoked.into()));
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_and_ends_in_a_new_connection() {
    let (_handle, mut notices, _dialer, mut server, peer) = connected().await;
    online(&mut notices).await;
    let before = clock::now();
    assert_eq!(cut(&mut notices).await.0, Cut::Silent);
    let after = clock::ms_since(before);
    assert!((30_000..=75_000).contains(&after), "{after}");
    server.accept().await;
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays_and_shows_its_latency() {
    let (_handle, mut notices, _dialer, _server, mut peer) = connected().await;
    let serve = tokio::spawn(async move { peer.expect_end().await });
    for _ in 0..20 {
        until(&mut notices, |notice| match notice {
            Notice::State(LinkState::Online { latency_ms: Some(_) }) => Some(()),
            Notice::State(LinkState::Waiting { why, .. }) => panic!("{why:?}"),
            _ => None,
        })
        .await;
    }
    serve.abort();
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_a_person_can_cut_them_short() {
    let (dialer, mut server) = fake();
    dialer.refuse(13);
    let (handle, mut notices) = Link::start(config(&dialer, password()));
    let mut waits = Vec::new();
    for _ in 0..12 {
        let (why, wait_ms) = cut(&mut notices).await;
        assert_eq!(why, Cut::Refused);
        waits.push(wait_ms);
    }
    assert!(waits[0] <= 500 && waits.iter().all(|wait| *wait <= 60_000), "{waits:?}");
    assert!(waits[7..].iter().any(|wait| *wait > 10_000), "{waits:?}");
    let before = clock::now();
    handle.retry_now();
    assert!(cut(&mut notices).await.1 <= 500, "who looks on does not wait for long");
    handle.retry_now();
    server.accept().await;
    assert!(clock::ms_since(before) < 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_is_said_again_after_a_cut() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    let watch = Watch { act: vec![RoomId(1)], online: true };
    handle.watch(watch.clone()).unwrap();
    let (rid, asked) = peer.expect::<Watch>().await;
    assert_eq!(asked, watch);
    peer.ok(rid, &Empty {});
    peer.flush().await;
    drop(peer);
    cut(&mut notices).await;
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    assert_eq!(peer.expect::<Watch>().await.1, watch);
}

#[tokio::test(start_paused = true)]
async fn what_only_reads_is_asked_again_and_the_rest_is_lost() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    let history = History { room: RoomId(1), ..History::default() };
    let ticket = handle.ask(history.clone()).unwrap();
    let create = RoomCreate { name: "den".into(), private: false, topic: String::new() };
    let lost = handle.ask(create).unwrap();
    peer.expect::<History>().await;
    peer.expect::<RoomCreate>().await;
    drop(peer);
    let answers = |notice| match notice {
        Notice::Answer { ticket, answer, .. } => Some((ticket, answer)),
        _ => None,
    };
    assert_eq!(until(&mut notices, answers).await, (lost, Err(CallError::Lost)));
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    let (rid, again) = peer.expect::<History>().await;
    assert_eq!(again, history);
    peer.ok(rid, &Page::default());
    peer.flush().await;
    let page = Answer::Page(Page::default());
    assert_eq!(until(&mut notices, answers).await, (ticket, Ok(Box::new(page))));
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_answer_breaks_the_connection_is_given_up() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    let ticket = handle.ask(RoomList::default()).unwrap();
    for round in 0..3 {
        if round > 0 {
            (peer, _) = server.accept_synced(&[room(1, 0)]).await;
        }
        peer.expect::<RoomList>().await;
        peer.0.push(&[0xff; 64]);
        peer.flush().await;
    }
    let answer = until(&mut notices, |notice| match notice {
        Notice::Answer { ticket, answer, .. } => Some((ticket, answer)),
        _ => None,
    });
    assert_eq!(answer.await, (ticket, Err(CallError::Lost)));
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    handle.ask(History::default()).unwrap();
    peer.expect::<History>().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_but_pings_is_left() {
    let (handle, mut notices, _dialer, mut server, mut peer) = connected().await;
    online(&mut notices).await;
    let before = clock::now();
    let nonce = handle.post(RoomId(1), Kind::Text, Body::text("hello?")).await.unwrap();
    let serve = tokio::spawn(async move {
        peer.expect::<Send>().await;
        peer.expect_end().await;
    });
    assert_eq!(cut(&mut notices).await.0, Cut::Timeout);
    let after = clock::ms_since(before);
    assert!((60_000..61_000).contains(&after), "{after}");
    serve.await.unwrap();
    let (mut peer, _) = server.accept_synced(&[room(1, 0)]).await;
    assert_eq!(peer.expect::<Send>().await.1.cid, nonce, "it is sent again");
}

#[tokio::test(start_paused = true)]
async fn while_what_was_missed_still_comes_an_answer_may_be_late() {
    let (dialer, mut server) = fake();
    let (handle, mut notices) = Link::start(config(&dialer, password()));
    let mut peer = server.accept().await;
    peer.log_in().await;
    let (rid, _) = peer.expect::<Sync>().await;
    peer.ok(rid, &Synced { epoch: "e1".into(), reset: false, rooms: vec![room(1, 0)] });
    peer.flush().await;
    let ticket = handle.ask(RoomList::default()).unwrap();
    let (rid, _) = peer.expect::<RoomList>().await;
    for seq in 1..=10 {
        tokio::time::advance(Duration::from_secs(20)).await;
        peer.event(kind::MSG, &said(1, seq, 9, "slowly")).await;
    }
    peer.ok(rid, &RoomPage::default());
    peer.flush().await;
    let answer = until(&mut notices, |notice| match notice {
        Notice::Answer { ticket, answer, .. } => Some((ticket, answer.is_ok())),
        Notice::State(LinkState::Waiting { why, .. }) => panic!("{why:?}"),
        _ => None,
    });
    assert_eq!(answer.await, (ticket, true));
}

#[tokio::test(start_paused = true)]
async fn closing_says_goodbye_and_logging_out_ends_it() {
    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    handle.close().await;
    assert_eq!(peer.frame().await.unwrap().kind(), kind::BYE);
    assert!(peer.frame().await.is_err());
    assert_eq!(ended(&mut notices).await, End::Closed);

    let (handle, mut notices, _dialer, _server, mut peer) = connected().await;
    handle.ask(Logout {}).unwrap();
    let (rid, _) = peer.expect::<Logout>().await;
    peer.ok(rid, &Empty {});
    peer.flush().await;
    assert_eq!(ended(&mut notices).await, End::LoggedOut);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_stops_the_link_and_loses_nothing() {
    let (_handle, mut notices, _dialer, _server, mut peer) = connected().await;
    let serve = tokio::spawn(async move {
        for seq in 1..=5_000 {
            peer.event(kind::MSG, &said(1, seq, 9, "on and on")).await;
        }
        peer
    });
    tokio::task::yield_now().await;
    let mut seen = 0;
    while seen < 5_000 {
        if let Notice::Event(Event::Message(message)) = soon(notices.recv()).await.unwrap() {
            seen += 1;
            assert_eq!(message.seq, Seq(seen));
        }
    }
    drop(serve.await);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_pings_and_never_listens_counts_as_silent() {
    let (_handle, mut notices, _dialer, _server, mut peer) = connected().await;
    let pings = codec::frame(kind::PING, 0, &Ping { n: 1 }).repeat(150_000);
    peer.0.push(&pings);
    let flood = tokio::spawn(async move {
        // The link gives up in the midst of it.
        let _ = peer.0.drain().await;
        peer.0.output_len()
    });
    assert_eq!(cut(&mut notices).await.0, Cut::Silent);
    assert!(soon(flood).await.unwrap() > 0, "it stopped reading before the end");
}

#[tokio::test(start_paused = true)]
async fn garbage_instead_of_frames_is_a_cut_not_a_crash() {
    for garbage in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0, 0, 0, 1, 0xc1], &[0xff; 64]] {
        let (dialer, mut server) = fake();
        let (_handle, mut notices) = Link::start(config(&dialer, password()));
        let mut peer = server.accept().await;
        peer.0.push(garbage);
        peer.flush().await;
        assert!(matches!(cut(&mut notices).await.0, Cut::Protocol(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_holds_it() {
    let (handle, notices, _dialer, _server, mut peer) = connected().await;
    drop(notices);
    soon(peer.expect_end()).await;
    assert_eq!(handle.call(RoomList::default()).await, Err(CallError::Closed));

    let (handle, mut notices, _dialer, _server, _peer) = connected().await;
    drop(handle);
    assert_eq!(ended(&mut notices).await, End::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_speaks_of_a_replaced_log_is_not_sent() {
    let (handle, mut notices, _dialer, mut server, peer) = connected().await;
    online(&mut notices).await;
    drop(peer);
    cut(&mut notices).await;
    let answer = Body { re: Some(Seq(2)), ..Body::text("yes") };
    let back = Body { of: Some(Seq(2)), ..Body::default() };
    let answer = handle.post(RoomId(1), Kind::Text, answer).await.unwrap();
    let back = handle.post(RoomId(1), Kind::Redact, back).await.unwrap();
    let plain = handle.post(RoomId(1), Kind::Text, Body::text("hello")).await.unwrap();

    let mut peer = server.accept().await;
    peer.log_in().await;
    let (rid, _) = peer.expect::<Sync>().await;
    peer.ok(rid, &Synced { epoch: "e2".into(), reset: true, rooms: vec![room(1, 0)] });
    peer.event(kind::SYNCED, &Empty {}).await;
    let failed = |notice| match notice {
        Notice::PostFailed { nonce, fault, .. } => Some((nonce, fault.code)),
        _ => None,
    };
    assert_eq!(until(&mut notices, failed).await, (answer, FaultCode::EpochChanged));
    assert_eq!(until(&mut notices, failed).await, (back, FaultCode::EpochChanged));
    let (rid, send) = peer.expect::<Send>().await;
    assert_eq!(send.cid, plain, "the others are not sent");
    peer.ok(rid, &posted(1));
    peer.flush().await;

    handle.resend(back);
    assert_eq!(until(&mut notices, failed).await, (back, FaultCode::EpochChanged));
    handle.resend(answer);
    let (_, send) = peer.expect::<Send>().await;
    assert_eq!((send.cid, send.body), (answer, Body::text("yes")));
}

#[tokio::test(start_paused = true)]
async fn a_login_that_another_program_renewed_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(dir.path()).unwrap();
    let address = Address::parse("chat.example.org:8888").unwrap();
    let user = UserName::parse("me").unwrap();
    let keep = |token: &str| {
        let token = Token(token.as_bytes().to_vec());
        let (address, user) = (address.clone(), user.clone());
        home.remember_account(Account { address, user, name: String::new(), token, used_ms: 1 })
            .unwrap();
    };
    keep("old");
    let (dialer, mut server) = fake();
    let mut config = config(&dialer, Credentials::Token(Token(b"old".to_vec())));
    let (home, address, user) = (home.clone(), address.clone(), user.clone());
    config.kept = Some(KeptLogin { home, address, user });
    let (_handle, mut notices) = Link::start(config);
    let (peer, _) = server.accept_synced(&[room(1, 0)]).await;
    online(&mut notices).await;
    drop(peer);
    keep("new");

    let mut peer = server.accept().await;
    peer.greet().await;
    let (rid, auth) = peer.expect::<Auth>().await;
    assert_eq!(auth.token, Some(Token(b"old".to_vec())));
    peer.err(rid, &FaultCode::Unauthenticated.into()).await;
    let (rid, auth) = peer.expect::<Auth>().await;
    assert_eq!(auth.token, Some(Token(b"new".to_vec())));
    peer.err(rid, &FaultCode::Unauthenticated.into()).await;
    let end = ended(&mut notices).await;
    assert!(matches!(end, End::Refused(fault) if fault.code == FaultCode::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_whose_login_is_refused_twice_ends_while_the_link_stays() {
    for renewed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        let address = Address::parse("chat.example.org:8888").unwrap();
        let user = UserName::parse("me").unwrap();
        let token = |token: &str| Token(token.as_bytes().to_vec());
        if renewed {
            let (address, user) = (address.clone(), user.clone());
            let (name, token) = (String::new(), token("new"));
            home.remember_account(Account { address, user, name, token, used_ms: 1 }).unwrap();
        }
        let (dialer, mut server) = fake();
        let mut config = config(&dialer, Credentials::Token(token("old")));
        config.kept = Some(KeptLogin { home, address, user });
        let (handle, mut notices) = Link::start(config);
        let (_chat, _) = server.accept_synced(&[room(1, 0)]).await;
        online(&mut notices).await;
        let dir = dir.path().join("files");
        let (name, hash) = ("f".to_owned(), Hash([1; 32]));
        let job = DownloadJob { room: RoomId(1), fid: FileId(9), name, size: 3, hash, dir };
        handle.download(job).unwrap();

        let mut peer = server.accept().await;
        peer.greet().await;
        let (rid, _) = peer.expect::<Auth>().await;
        peer.err(rid, &FaultCode::Unauthenticated.into()).await;
        if !renewed {
            peer = server.accept().await;
            peer.greet().await;
        }
        let (rid, auth) = peer.expect::<Auth>().await;
        assert_eq!(auth.token, Some(token(if renewed { "new" } else { "old" })));
        peer.err(rid, &FaultCode::Unauthenticated.into()).await;
        let failed = until(&mut notices, |notice| match notice {
            Notice::Transfer(notice) => match notice.change {
                TransferChange::Phase { phase: Phase::Failed(fault), .. } => Some(fault),
                _ => None,
            },
            _ => None,
        });
        let fault = failed.await;
        assert!(
            matches!(&fault, TransferFault::Refused(f) if f.code == FaultCode::Unauthenticated),
            "{fault:?}"
        );
    }
}
