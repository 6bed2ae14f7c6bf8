//! Going out of a room and coming back, at the very place: what was said before arrives, what was said
//! between does not, and nothing is missing behind.

use liao_common::{
    codec,
    event::{Event, Gap, Ping, Role, Session, Synced, kind},
    fault::FaultCode,
    id::{Nonce, RoomId, Seq},
    limits,
    message::{Body, Kind},
    request::{Auth, History, Request, RoomBan, RoomKick, Send, Sync},
};

use crate::support::{Person, Raw, World, refusal, secret};

/// More words than are pushed after a pause.
const TOO_MANY: u64 = limits::REPLAY_MESSAGES_MAX + 60;

/// Logs in and resumes behind a place of one room, of another device's knowledge.
async fn resumes(world: &World, id: &str, (room, seen): (RoomId, Seq)) -> Vec<Event> {
    let mut raw = world.raw().await;
    raw.hello().await;
    let (user, secret) = (Some(id.into()), Some(secret(id)));
    let auth = Auth { mech: "password".into(), user, secret, ..Auth::default() };
    raw.asks::<Session>(auth).await.unwrap();
    let rid = raw.sends(Sync { epoch: String::new(), cur: vec![(room, seen)] }).await;
    let synced: Synced = raw.answer(rid).await.unwrap();
    assert!(!synced.reset, "the position is behind the head");
    loop {
        let frame = raw.next().await.expect("the end of what was missed");
        if frame.kind() == kind::SYNCED {
            break;
        }
        raw.events.push(frame);
    }
    raw.events.iter().filter_map(|frame| Event::decode(frame).unwrap()).collect()
}

fn pushed(events: &[Event], of: RoomId) -> Vec<u64> {
    let message = |event: &Event| match event {
        Event::Message(message) if message.room == of => Some(message.seq.0),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

#[tokio::test]
async fn a_device_that_slept_through_leaving_and_returning_goes_on_behind_the_return() {
    let world = World::new().await;
    let cases = [(false, 3, true), (true, 3, true), (true, 3, false), (true, TOO_MANY, true)];
    for (number, (private, between, listened)) in cases.into_iter().enumerate() {
        let case = format!("{between} between, private: {private}, kept open: {listened}");
        let (owner, guest) = (format!("alice{number}"), format!("bob{number}"));
        let (alice, laptop) = (world.registers(&owner).await, world.registers(&guest).await);
        let name = format!("#tea{number}");
        let room = alice.creates(&name, private).await;
        if private {
            alice.invites(&name, laptop.number()).await.unwrap();
            laptop.waits_for("the invitation", |seen| seen.room(&name).is_some()).await;
        }
        laptop.joins(&name).await;
        let seen = alice.says(&name, "known").await;
        laptop.leaves(&name).await;
        for number in 0..between {
            alice.says(&name, &format!("between {number}")).await;
        }
        if private {
            alice.invites(&name, laptop.number()).await.unwrap();
            laptop.waits_for("the invitation", |seen| seen.room(&name).is_some()).await;
        }
        let floor = laptop.joins(&name).await.floor;
        let last = alice.says(&name, "welcome back").await;
        // Where nobody keeps the room open, what is told comes from the journal.
        let (mut alice, mut laptop) = (Some(alice), Some(laptop));
        if !listened {
            alice.take().unwrap().goes().await;
            laptop.take().unwrap().goes().await;
        }
        let events = resumes(&world, &guest, (room, seen)).await;
        // What was said in a public room is for whoever comes.
        assert_eq!(floor > seen, private, "{case}");
        let all: Vec<u64> = (floor.max(seen).0 + 1..=last.0).collect();
        assert_eq!(pushed(&events, room), all, "{case}");
        let gap = |event: &&Event| matches!(event, Event::Gap(Gap { room: of, .. }) if *of == room);
        assert_eq!(events.iter().find(gap), None, "{case}: what is not theirs is not missing");
    }
}

/// Words before a removal, and as many behind it.
const WORDS: u8 = 25;

/// What came to somebody until the answer to a last ping.
async fn hears_all(raw: &mut Raw) -> Vec<Event> {
    raw.writes(&codec::frame(kind::PING, 0, &Ping { n: 7 })).await;
    let mut events = Vec::new();
    loop {
        let frame = raw.next().await.expect("the connection holds");
        if frame.kind() == kind::PONG {
            return events;
        }
        events.extend(Event::decode(&frame).unwrap());
    }
}

/// Speaks before, takes somebody out, and speaks on, all in one breath. Gives the words before and
/// behind.
async fn speaks_and_takes_out(raw: &mut Raw, room: RoomId, removal: Request, bytes: usize) {
    let say = |number: u8, word: &str| {
        let cid = blake3::hash(format!("{room} {number} {word}").as_bytes());
        let cid = Nonce(*cid.as_bytes().first_chunk().unwrap());
        let text = format!("{word} {number} {}", "x".repeat(bytes));
        Request::from(Send { room, cid, kind: Kind::Text, body: Body::text(text) })
    };
    let mut asked = Vec::new();
    for number in 0..WORDS {
        asked.push(raw.sends(say(number, "before")).await);
    }
    asked.push(raw.sends(removal).await);
    for number in 0..WORDS {
        asked.push(raw.sends(say(number, "behind")).await);
    }
    for rid in asked {
        // Read as what all answers are: maps.
        raw.answer::<Body>(rid).await.unwrap_or_else(|fault| panic!("{rid} was refused: {fault}"));
    }
}

#[tokio::test]
async fn the_last_words_before_a_removal_arrive_then_the_removal_then_nothing() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    let mut speaker = world.raw().await;
    speaker.logs_in("alice", "").await;
    // With so many bytes far more is said than waits on the way to somebody who does not read.
    for (number, (private, ban, bytes)) in
        [(false, false, 1), (true, false, 12_000), (false, true, 12_000), (true, true, 1)]
            .into_iter()
            .enumerate()
    {
        let name = format!("#tea{number}");
        let room = alice.creates(&name, private).await;
        if private {
            alice.invites(&name, bob.number()).await.unwrap();
            bob.waits_for("the invitation", |seen| seen.room(&name).is_some()).await;
        }
        bob.joins(&name).await;
        let known = alice.says(&name, "known").await;
        let mut device = world.raw().await;
        device.logs_in("bob", "").await;
        device.quiet().await;
        let (user, text) = (bob.number(), "enough".to_owned());
        let removal: Request = match ban {
            true => RoomBan { room, user, text }.into(),
            false => RoomKick { room, user, text }.into(),
        };
        speaks_and_takes_out(&mut speaker, room, removal, bytes).await;
        let events = hears_all(&mut device).await;
        is_a_farewell(&events, room, known, ban);
        bob.waits_for("the room is gone", |seen| seen.room(&name).is_none()).await;
        is_out(&bob, room, known).await;
        speaker.events.clear();
    }
}

/// Every word up to the removal, each once; the removal; that the room is gone; nothing more.
fn is_a_farewell(events: &[Event], room: RoomId, known: Seq, ban: bool) {
    let of_room = |event: &&Event| match event {
        Event::Message(message) => message.room == room && message.seq > known,
        Event::Room(told) => told.room == room,
        Event::Gap(gap) => gap.room == room,
        _ => false,
    };
    let told: Vec<&Event> = events.iter().filter(of_room).collect();
    let (last, words) = told.split_last().expect("something is told");
    let Event::Room(end) = last else { panic!("the end comes last: {last:?}") };
    assert_eq!(end.role, Role::Gone);
    let removed = end.removed.as_ref().expect("who did it");
    assert_eq!((removed.text.as_str(), removed.ban), ("enough", ban));
    for (event, seq) in words.iter().zip(known.0 + 1..) {
        let Event::Message(message) = event else { panic!("only words: {event:?}") };
        assert_eq!(message.seq.0, seq, "each once, without a hole");
        let before = message.body.text.as_deref().is_some_and(|text| text.starts_with("before"));
        assert!(before || message.kind == Kind::Leave, "{message:?}");
    }
    let Some(Event::Message(message)) = words.last() else { panic!("words come first") };
    assert_eq!((&message.kind, words.len()), (&Kind::Leave, usize::from(WORDS) + 1));
}

async fn is_out(bob: &Person, room: RoomId, known: Seq) {
    let ask = History { room, after: Some(known), ..History::default() };
    assert_eq!(refusal(bob.asks(ask).await), FaultCode::NotFound);
    bob.looks(|seen| {
        let heard = seen.messages.iter().filter(|message| message.room == room);
        let mut behind = heard.filter(|message| {
            message.body.text.as_deref().is_some_and(|text| text.starts_with("behind"))
        });
        assert_eq!(behind.next(), None, "nothing that was said behind it");
    });
}
