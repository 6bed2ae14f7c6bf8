//! Messages: everybody sees the same ones in the same order, however often they were sent.

use liao_common::{
    event::{Page, Posted},
    fault::FaultCode,
    id::{Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::{History, Send},
};

use crate::support::{Person, Raw, Seen, World, refusal};

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name} {number}")).collect()
}

/// All messages of the lobby, from the log, in order.
async fn log_of(person: &Person, room: RoomId) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(Seq::ZERO, |last: &Message| last.seq);
        let page: Page =
            person.asks(History { room, after: Some(after), ..History::default() }).await.unwrap();
        all.extend(page.msgs);
        if !page.more {
            return all;
        }
    }
}

#[tokio::test]
async fn one_line_goes_from_one_screen_to_another() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.says("#lobby", "hi, 世界").await;
    bob.sees("#lobby", "alice: hi, 世界").await;
    bob.opens("alice").await;
    bob.says("@alice", "just you").await;
    alice.sees("@bob", "bob: just you").await;
}

#[tokio::test]
async fn everybody_sees_the_same_order() {
    let world = World::new().await;
    let people = [
        world.registers("alice").await,
        world.registers("bob").await,
        world.registers("carol").await,
    ];
    let said = people.iter().map(async |person| {
        let me = person.looks(|seen| seen.model.me.clone().unwrap().id);
        for text in numbered(&me, 40) {
            person.handle.post(RoomId::LOBBY, Kind::Text, Body::text(text)).await.unwrap();
        }
    });
    for work in said {
        work.await;
    }
    for person in &people {
        person.waits_for("120 messages", |seen| seen.texts("#lobby").len() == 120).await;
    }
    let orders: Vec<_> =
        people.iter().map(|person| person.looks(|seen| seen.texts("#lobby"))).collect();
    assert!(orders.iter().all(|order| *order == orders[0]));
    for name in ["alice", "bob", "carol"] {
        let own: Vec<_> = orders[0].iter().filter(|text| text.starts_with(name)).cloned().collect();
        assert_eq!(own, numbered(name, 40), "each keeps their own order");
    }
}

#[tokio::test]
async fn replies_mentions_edits_and_redactions_stand_in_the_log() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let first = alice.says("#lobby", "frist").await;
    let reply = Body { re: Some(first), at: vec![alice.number()], ..Body::text("you mean first") };
    bob.posts("#lobby", Kind::Text, reply.clone()).await.unwrap();
    let named = |seen: &Seen| seen.room("#lobby").unwrap().mentions(UserId(1));
    alice.waits_for("to be named", |seen| named(seen) == 1).await;
    let edit = Body { of: Some(first), ..Body::text("first") };
    alice.posts("#lobby", Kind::Edit, edit.clone()).await.unwrap();
    bob.sees("#lobby", "alice: first").await;
    let secret = alice.says("#lobby", "a password by mistake").await;
    alice.waits_for("who answers has read", |seen| named(seen) == 0).await;
    alice
        .posts("#lobby", Kind::Redact, Body { of: Some(secret), ..Body::default() })
        .await
        .unwrap();
    bob.sees("#lobby", "alice took it back").await;

    let log = log_of(&bob, RoomId::LOBBY).await;
    assert!(log.iter().any(|message| message.kind == Kind::Text && message.body == reply));
    assert!(log.iter().any(|message| message.kind == Kind::Edit && message.body == edit));
    let original = log.iter().find(|message| message.seq == secret).unwrap();
    assert_eq!(original.body.text.as_deref().unwrap_or_default().trim(), "", "its words are gone");
    let slip = alice.says("#lobby", "fine").await;
    let edit = Body { of: Some(slip), ..Body::text("another password") };
    let edited = alice.posts("#lobby", Kind::Edit, edit).await.unwrap().seq;
    alice
        .posts("#lobby", Kind::Redact, Body { of: Some(edited), ..Body::default() })
        .await
        .unwrap();
    let log = log_of(&bob, RoomId::LOBBY).await;
    let told = |message: &Message| {
        message.body.text.as_deref().unwrap_or_default().contains("another password")
    };
    assert!(!log.iter().any(told), "edits can be taken back too");
    for kind in [Kind::Edit, Kind::Redact] {
        let body = Body { of: Some(first), ..Body::text("mine now") };
        let fault = bob.posts("#lobby", kind, body).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Forbidden, "not one's own");
    }
}

#[tokio::test]
async fn taking_a_message_back_takes_its_edits_along() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let slip = alice.says("#lobby", "first slip").await;
    for text in ["second slip", "third slip"] {
        let edit = Body { of: Some(slip), ..Body::text(text) };
        alice.posts("#lobby", Kind::Edit, edit).await.unwrap();
    }
    let back = Body { of: Some(slip), ..Body::default() };
    alice.posts("#lobby", Kind::Redact, back).await.unwrap();
    let log = log_of(&bob, RoomId::LOBBY).await;
    let slips =
        |message: &Message| message.body.text.as_deref().unwrap_or_default().contains("slip");
    assert!(!log.iter().any(slips));
    let edit = Body { of: Some(slip), ..Body::text("fourth slip") };
    let fault = alice.posts("#lobby", Kind::Edit, edit).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Gone);
}

async fn send(raw: &mut Raw, room: RoomId, cid: [u8; 16], text: &str) -> Result<Posted, FaultCode> {
    let send = Send { room, cid: Nonce(cid), kind: Kind::Text, body: Body::text(text) };
    raw.asks(send).await.map_err(|fault| fault.code)
}

#[tokio::test]
async fn a_nonce_is_one_message_for_ever() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    alice.creates("#other", false).await;
    let other = alice.room("#other");
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let first = send(&mut raw, RoomId::LOBBY, [7; 16], "once").await.unwrap();
    assert!(!first.dup);
    let again = Posted { dup: true, ..first };
    assert_eq!(send(&mut raw, RoomId::LOBBY, [7; 16], "once").await, Ok(again));
    assert_eq!(send(&mut raw, RoomId::LOBBY, [7; 16], "twice").await, Err(FaultCode::CidConflict));
    assert_eq!(send(&mut raw, other, [7; 16], "once").await, Err(FaultCode::CidConflict));
    world.restarts().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    assert_eq!(
        send(&mut raw, RoomId::LOBBY, [7; 16], "once").await,
        Ok(again),
        "after a restart too"
    );
    assert_eq!(
        send(&mut raw, RoomId::LOBBY, [0; 16], "no nonce").await,
        Err(FaultCode::BadRequest)
    );
    let bob = world.registers("bob").await;
    let mut raw = world.raw().await;
    raw.logs_in("bob", "").await;
    let own = send(&mut raw, RoomId::LOBBY, [7; 16], "mine").await.unwrap();
    assert!(!own.dup, "another person's nonce is another nonce");
    let texts = log_of(&bob, RoomId::LOBBY)
        .await
        .iter()
        .filter(|message| message.kind == Kind::Text)
        .count();
    assert_eq!(texts, 2);
}

#[tokio::test]
async fn sixty_four_posts_may_be_under_way() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let mut asked = Vec::new();
    for number in 0..limits::REQUESTS_IN_FLIGHT_MAX {
        let body = Body::text(number.to_string());
        let cid = Nonce([u8::try_from(number).unwrap() + 1; 16]);
        asked.push(raw.sends(Send { room: RoomId::LOBBY, cid, kind: Kind::Text, body }).await);
    }
    let mut last = Seq::ZERO;
    for rid in asked {
        let posted: Posted = raw.answer(rid).await.unwrap();
        assert!(posted.seq > last, "answered and stored in the order of asking");
        last = posted.seq;
    }
}

#[tokio::test]
async fn a_thousand_messages_in_a_burst_arrive_in_order() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let want = numbered("burst", 1000);
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let mut asked = Vec::new();
    for (number, text) in want.iter().enumerate() {
        let mut cid = [1; 16];
        cid[..8].copy_from_slice(&number.to_be_bytes());
        let send = Send {
            room: RoomId::LOBBY,
            cid: Nonce(cid),
            kind: Kind::Text,
            body: Body::text(text.clone()),
        };
        asked.push(raw.sends(send).await);
        if asked.len() == limits::REQUESTS_IN_FLIGHT_MAX {
            for rid in asked.drain(..) {
                raw.answer::<Posted>(rid).await.unwrap();
            }
        }
    }
    for person in [&alice, &bob] {
        person.sees("#lobby", "alice: burst 999").await;
        let pushed = person.looks(|seen| {
            let texts = seen.messages.iter().filter(|message| message.kind == Kind::Text);
            texts.map(|message| message.body.text.clone().unwrap()).collect::<Vec<_>>()
        });
        let missing: u64 =
            person.looks(|seen| seen.gaps.iter().map(|gap| gap.to.0 - gap.from.0 + 1).sum());
        assert_eq!(pushed.len() as u64 + missing, 1000, "what is not pushed is named as a gap");
        let mut rest = want.iter();
        assert!(pushed.iter().all(|text| rest.any(|wanted| wanted == text)), "in order");
    }
    let log = log_of(&bob, RoomId::LOBBY).await;
    let log: Vec<_> = log.into_iter().filter(|message| message.kind == Kind::Text).collect();
    assert_eq!(
        log.iter().filter_map(|message| message.body.text.clone()).collect::<Vec<_>>(),
        want
    );
    assert!(log.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq), "without holes");
}

#[tokio::test]
async fn posts_that_break_a_rule_are_refused_in_words() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    bob.creates("#secret", true).await;
    let long = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    let lines = "\n".repeat(limits::TEXT_LINES_MAX + 1) + "end";
    let crowd =
        Body { at: vec![bob.number(); limits::MENTIONS_MAX + 1], ..Body::text("all of you") };
    for (kind, body, want) in [
        (Kind::Text, Body::text(long), FaultCode::TooLarge),
        (Kind::Text, Body::text(lines), FaultCode::TooLarge),
        (Kind::Text, crowd, FaultCode::TooLarge),
        (Kind::Text, Body::text(" \n "), FaultCode::BadRequest),
        (Kind::Text, Body::default(), FaultCode::BadRequest),
        (Kind::Edit, Body::text("of nothing"), FaultCode::BadRequest),
        (Kind::File, Body::default(), FaultCode::BadRequest),
        (Kind::Join, Body::default(), FaultCode::Unsupported),
        (Kind::Other("poll".into()), Body::text("?"), FaultCode::Unsupported),
    ] {
        let fault = alice.posts("#lobby", kind.clone(), body).await.unwrap_err();
        assert_eq!(fault.code, want, "{kind:?}");
    }
    let nonce =
        alice.handle.post(bob.room("#secret"), Kind::Text, Body::text("let me in")).await.unwrap();
    assert_eq!(alice.outcome(nonce).await.unwrap_err().code, FaultCode::NotFound);
    alice.says("#lobby", &"x".repeat(limits::TEXT_BYTES_MAX)).await;
    let nowhere = History { room: RoomId(999), ..History::default() };
    assert_eq!(refusal(alice.asks(nowhere).await), FaultCode::NotFound);
}
