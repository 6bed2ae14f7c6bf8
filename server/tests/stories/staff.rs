//! Keeping order: who moderates, who is taken out and kept out, whose a room is when its owner goes.

use std::fs;

use liao_client_core::answer::CallError;
use liao_common::{
    event::{Empty, Event, Rank, Role, Room},
    fault::FaultCode,
    id::{RoomId, Seq, UserId},
    limits,
    message::{Body, Kind},
    request::{
        History, Members, RoomBan, RoomBans, RoomInvite, RoomJoin, RoomKick, RoomRole, RoomUnban,
    },
};

use crate::support::{Person, World, refusal};

fn by_name(name: &str) -> RoomJoin {
    RoomJoin { room: None, name: Some(name.into()) }
}

async fn kicks(by: &Person, room: RoomId, user: &Person, why: &str) -> Result<Empty, CallError> {
    by.asks(RoomKick { room, user: user.number(), text: why.into() }).await
}

async fn bans(by: &Person, room: RoomId, user: &Person, why: &str) -> Result<Empty, CallError> {
    by.asks(RoomBan { room, user: user.number(), text: why.into() }).await
}

async fn unbans(by: &Person, room: RoomId, user: &Person) -> Result<Empty, CallError> {
    by.asks(RoomUnban { room, user: user.number() }).await
}

async fn ranks(by: &Person, room: RoomId, user: &Person, role: Rank) -> Result<Empty, CallError> {
    by.asks(RoomRole { room, user: user.number(), role }).await
}

/// Whose a room is, and who moderates it.
async fn staff(person: &Person, room: RoomId) -> (Option<UserId>, Vec<UserId>) {
    let ask = Members { room, limit: Some(1), ..Members::default() };
    let page = person.asks(ask).await.unwrap();
    (page.owner, page.mods)
}

/// A public room of alice's with bob, who moderates, and carol.
async fn tea(world: &World) -> (Person, Person, Person, RoomId) {
    world.registers("admin").await.goes().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let carol = world.registers("carol").await;
    let room = alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    carol.joins("#tea").await;
    ranks(&alice, room, &bob, Rank::Moderator).await.unwrap();
    (alice, bob, carol, room)
}

#[tokio::test]
async fn a_moderator_takes_somebody_out_who_is_told_and_hears_no_more() {
    let world = World::over_tls().await;
    let (alice, bob, carol, room) = tea(&world).await;
    carol.sees("#tea", "alice made bob moderator").await;
    assert_eq!(staff(&carol, room).await, (Some(alice.number()), vec![bob.number()]));
    let mut raw = world.raw().await;
    raw.logs_in("carol", "").await;
    raw.quiet().await;

    kicks(&bob, room, &carol, "no\nspam").await.unwrap();
    alice.says("#tea", "between us").await;
    let (mut farewell, mut told) = (None, None);
    while told.is_none() {
        let frame = raw.next().await.expect("a word at the end");
        match Event::decode(&frame).unwrap() {
            Some(Event::Message(message)) if message.kind == Kind::Leave => {
                farewell = Some((message.from, message.body.by, message.body.text));
            }
            Some(Event::Room(room)) => told = Some(*room),
            _ => {}
        }
    }
    let want = (carol.number(), Some(bob.number()), Some("no spam".to_owned()));
    assert_eq!(farewell, Some(want), "the last message of the room");
    let Room { role, removed, .. } = told.unwrap();
    let removed = removed.expect("who and why");
    assert_eq!((role, removed.by.id.as_str(), removed.ban), (Role::Gone, "bob", false));
    assert_eq!(removed.text, "no spam", "on one line");
    raw.says(RoomId::LOBBY, "a sign").await;
    let heard = |frame: &liao_common::frame::Frame| match Event::decode(frame).unwrap() {
        Some(Event::Message(message)) => message.room == room,
        _ => false,
    };
    assert!(!raw.events.iter().any(heard), "nothing of it comes behind that");
    alice.sees("#tea", "bob kicked carol: no spam").await;
    assert_eq!(alice.looks(|seen| seen.room("#tea").unwrap().members), 2);

    let refused = carol.asks(History { room, ..History::default() }).await;
    assert_eq!(refusal(refused), FaultCode::NotFound);
    assert_eq!(refusal(kicks(&bob, room, &carol, "").await), FaultCode::NotFound, "once");
    carol.joins("#tea").await;
    carol.says("#tea", "sorry").await;
    alice.sees("#tea", "carol: sorry").await;
}

#[tokio::test]
async fn a_banned_person_stays_out_until_somebody_lifts_it() {
    let mut world = World::new().await;
    let (alice, bob, carol, room) = tea(&world).await;
    bans(&bob, room, &carol, "spam").await.unwrap();
    bans(&bob, room, &carol, "twice changes nothing").await.unwrap();
    alice.sees("#tea", "bob banned carol: spam").await;
    for restarted in [false, true] {
        assert_eq!(refusal(carol.asks(by_name("tea")).await), FaultCode::Banned, "{restarted}");
        let invite = RoomInvite { room, user: carol.number() };
        assert_eq!(refusal(alice.asks(invite).await), FaultCode::Banned);
        let page = bob.asks(RoomBans { room, ..RoomBans::default() }).await.unwrap();
        assert_eq!((page.bans.len(), page.next), (1, None));
        let ban = &page.bans[0];
        assert_eq!(
            (ban.user.id.as_str(), ban.by, ban.text.as_str()),
            ("carol", bob.number(), "spam")
        );
        assert_eq!(staff(&carol, room).await, (Some(alice.number()), vec![bob.number()]));
        world.restarts().await;
        carol.waits_for("online", |seen| seen.model.is_ready()).await;
    }
    for person in [&carol, &world.registers("dave").await] {
        let ask = RoomBans { room, ..RoomBans::default() };
        assert_eq!(refusal(person.asks(ask).await), FaultCode::Forbidden);
        assert_eq!(refusal(unbans(person, room, &carol).await), FaultCode::Forbidden);
    }
    unbans(&alice, room, &carol).await.unwrap();
    assert_eq!(refusal(unbans(&alice, room, &carol).await), FaultCode::NotFound);
    carol.joins("#tea").await;

    let eve = world.registers("eve").await;
    bans(&bob, room, &eve, "").await.unwrap();
    assert_eq!(refusal(eve.asks(by_name("tea")).await), FaultCode::Banned, "never was in it");
    let long = "x".repeat(limits::REASON_GRAPHEMES_MAX + 1);
    assert_eq!(refusal(bans(&bob, room, &carol, &long).await), FaultCode::TooLarge);
    let nobody = RoomBan { room, user: UserId(999), text: String::new() };
    assert_eq!(refusal(bob.asks(nobody).await), FaultCode::NotFound);
}

#[tokio::test]
async fn a_ban_holds_against_those_below_whoever_said_it() {
    let world = World::new().await;
    let (alice, bob, carol, room) = tea(&world).await;
    let admin = world.logs_in("admin").await;
    bans(&admin, room, &carol, "").await.unwrap();
    for below in [&alice, &bob] {
        assert_eq!(refusal(unbans(below, room, &carol).await), FaultCode::Forbidden);
    }
    assert_eq!(refusal(carol.asks(by_name("tea")).await), FaultCode::Banned);
    unbans(&admin, room, &carol).await.unwrap();

    bans(&alice, room, &carol, "").await.unwrap();
    assert_eq!(refusal(unbans(&bob, room, &carol).await), FaultCode::Forbidden);
    alice.leaves("#tea").await;
    unbans(&bob, room, &carol).await.unwrap();
    carol.joins("#tea").await;
}

#[tokio::test]
async fn everybody_acts_on_those_below_only() {
    let world = World::new().await;
    let (alice, bob, carol, room) = tea(&world).await;
    let (admin, dave) = (world.logs_in("admin").await, world.registers("dave").await);
    dave.joins("#tea").await;
    ranks(&alice, room, &dave, Rank::Moderator).await.unwrap();
    for (by, user) in [
        (&bob, &alice),
        (&bob, &dave),
        (&bob, &bob),
        (&bob, &admin),
        (&alice, &alice),
        (&alice, &admin),
        (&carol, &dave),
    ] {
        assert_eq!(refusal(kicks(by, room, user, "").await), FaultCode::Forbidden);
        assert_eq!(refusal(bans(by, room, user, "").await), FaultCode::Forbidden);
    }
    for by in [&bob, &carol] {
        let refused = ranks(by, room, &carol, Rank::Moderator).await;
        assert_eq!(refusal(refused), FaultCode::Forbidden);
    }
    assert_eq!(refusal(ranks(&alice, room, &alice, Rank::Member).await), FaultCode::Forbidden);
    for role in [Rank::Owner, Rank::Other] {
        assert_eq!(refusal(ranks(&alice, room, &bob, role).await), FaultCode::BadRequest);
    }
    assert_eq!(refusal(ranks(&alice, room, &admin, Rank::Moderator).await), FaultCode::NotFound);
    bob.waits_for("the rank", |seen| seen.room("#tea").unwrap().moderates).await;
    ranks(&alice, room, &bob, Rank::Member).await.unwrap();
    bob.waits_for("no rank", |seen| !seen.room("#tea").unwrap().moderates).await;
    assert_eq!(refusal(kicks(&bob, room, &carol, "").await), FaultCode::Forbidden, "no more");

    kicks(&admin, room, &alice, "the last word").await.unwrap();
    bob.sees("#tea", "admin kicked alice: the last word").await;
    assert_eq!(staff(&bob, room).await, (Some(dave.number()), Vec::new()), "it is dave's now");
    kicks(&admin, RoomId::LOBBY, &carol, "").await.unwrap();
    assert_eq!(refusal(kicks(&dave, RoomId::LOBBY, &bob, "").await), FaultCode::Forbidden);
    carol.joins("#lobby").await;
    let direct = bob.opens("carol").await;
    assert_eq!(refusal(kicks(&bob, direct, &carol, "").await), FaultCode::Forbidden);
}

#[tokio::test]
async fn a_room_is_never_nobodys() {
    let mut world = World::new().await;
    let (alice, bob, carol, room) = tea(&world).await;
    let dave = world.registers("dave").await;
    dave.joins("#tea").await;
    carol.leaves("#tea").await;
    carol.joins("#tea").await;
    alice.leaves("#tea").await;
    bob.sees("#tea", "alice made bob owner").await;
    let owns = |seen: &crate::support::Seen| seen.room("#tea").unwrap().role == Role::Owner;
    bob.waits_for("to own it", owns).await;
    assert_eq!(staff(&carol, room).await, (Some(bob.number()), Vec::new()));
    world.restarts().await;
    bob.leaves("#tea").await;
    dave.waits_for("to own it", owns).await;
    assert_eq!(staff(&carol, room).await.0, Some(dave.number()), "who is in it longest");
    dave.leaves("#tea").await;
    carol.leaves("#tea").await;
    assert_eq!(staff(&carol, room).await, (None, Vec::new()));
    assert_eq!(alice.joins("#tea").await.role, Role::Owner, "the first to come");
    assert_eq!(bob.joins("#tea").await.role, Role::Member);
    assert_eq!(staff(&bob, room).await.0, Some(alice.number()));
}

#[tokio::test]
async fn a_private_room_is_silent_to_those_it_does_not_want() {
    let world = World::new().await;
    let admin = world.registers("admin").await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let eve = world.registers("eve").await;
    let room = alice.creates("#plan", true).await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    bans(&alice, room, &bob, "").await.unwrap();
    bans(&alice, room, &eve, "").await.unwrap();
    bob.waits_for("gone", |seen| seen.room("#plan").is_none()).await;
    for person in [&admin, &bob, &eve] {
        for id in [room, RoomId(999)] {
            let join = RoomJoin { room: Some(id), name: None };
            let answers = [
                refusal(person.asks(join).await),
                refusal(kicks(person, id, &alice, "").await),
                refusal(bans(person, id, &alice, "").await),
                refusal(unbans(person, id, &bob).await),
                refusal(ranks(person, id, &alice, Rank::Member).await),
                refusal(person.asks(RoomBans { room: id, ..RoomBans::default() }).await),
            ];
            assert_eq!(answers, [FaultCode::NotFound; 6], "{id}");
        }
        assert_eq!(refusal(person.asks(by_name("plan")).await), FaultCode::NotFound);
    }
    unbans(&alice, room, &bob).await.unwrap();
    assert_eq!(refusal(bob.asks(by_name("plan")).await), FaultCode::NotFound, "not invited");
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.waits_for("an invitation", |seen| seen.room("#plan").is_some()).await;
    kicks(&alice, room, &bob, "").await.unwrap();
    bob.waits_for("no invitation", |seen| seen.room("#plan").is_none()).await;
    assert_eq!(refusal(bob.asks(by_name("plan")).await), FaultCode::NotFound);
}

/// Whether any file of the journal has these words.
fn is_in_journal(world: &World, words: &str) -> bool {
    fs::read_dir(world.data().join("journal")).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(words.len()).any(|part| part == words.as_bytes())
    })
}

async fn takes_back(by: &Person, room: &str, of: Seq) -> Result<(), FaultCode> {
    let back = Body { of: Some(of), ..Body::default() };
    by.posts(room, Kind::Redact, back).await.map(drop).map_err(|fault| fault.code)
}

#[tokio::test]
async fn those_above_take_back_what_was_said() {
    let world = World::new().await;
    let (alice, bob, carol, _) = tea(&world).await;
    let abuse = "words that nobody should have to read";
    let said = carol.says("#tea", abuse).await;
    let edit = Body { of: Some(said), ..Body::text("milder words") };
    assert_eq!(bob.posts("#tea", Kind::Edit, edit).await.unwrap_err().code, FaultCode::Forbidden);
    let hers = alice.says("#tea", "mine").await;
    let his = bob.says("#tea", "his").await;
    assert_eq!(takes_back(&bob, "#tea", hers).await, Err(FaultCode::Forbidden));
    assert_eq!(takes_back(&carol, "#tea", his).await, Err(FaultCode::Forbidden));
    assert!(is_in_journal(&world, abuse));
    takes_back(&bob, "#tea", said).await.unwrap();
    assert!(!is_in_journal(&world, abuse));
    carol.sees("#tea", "bob took it back").await;
    takes_back(&alice, "#tea", his).await.unwrap();
    carol.sees("#tea", "alice took it back").await;
    let again = carol.says("#tea", "I go by myself").await;
    carol.leaves("#tea").await;
    takes_back(&bob, "#tea", again).await.unwrap();
}

#[tokio::test]
async fn a_moderator_of_a_private_room_judges_only_what_they_see() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let carol = world.registers("carol").await;
    let room = alice.creates("#plan", true).await;
    alice.invites("#plan", carol.number()).await.unwrap();
    carol.joins("#plan").await;
    let before = carol.says("#plan", "before bob came").await;
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    ranks(&alice, room, &bob, Rank::Moderator).await.unwrap();
    assert_eq!(takes_back(&bob, "#plan", before).await, Err(FaultCode::NotFound));
    takes_back(&alice, "#plan", before).await.unwrap();
}
