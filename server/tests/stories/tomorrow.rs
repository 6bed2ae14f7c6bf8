//! Today and tomorrow: clients and servers of a later version of the same protocol among those of today,
//! also while the server is stopped and started again and again.

use std::{collections::BTreeSet, fs, sync::atomic::Ordering};

use liao_client_core::{link::Credentials, notice::End, transfer::Phase};
use liao_common::{
    event::Page,
    id::{RoomId, Seq},
    message::{Body, Kind, Message},
    request::{History, RoomCreate},
};

use crate::support::{POLL, Person, STRANGE_ROOM, Tomorrow, World, register};

/// What each person says.
const COUNT: usize = 80;

/// How often the server is stopped meanwhile.
const STOPS: usize = 4;

/// Who is of when: nobody, the client, the server as this client hears it, both; each twice.
const PEOPLE: [(&str, bool, bool); 8] = [
    ("ann", false, false),
    ("bob", true, false),
    ("cat", false, true),
    ("dan", true, true),
    ("eve", false, false),
    ("fay", true, false),
    ("gus", false, true),
    ("hal", true, true),
];

/// Today's version and six more.
const V: (u64, u64) = (1, 7);

async fn enters(world: &World, (name, client, server): (&str, bool, bool)) -> Person {
    let network = world.network().of(Tomorrow { client, server, v: V });
    Person::start(network, Credentials::Register(register(name))).online().await.unwrap()
}

/// One in eight is what will be a poll tomorrow.
fn words(name: &str, number: usize) -> String {
    let poll = if number.is_multiple_of(8) { POLL } else { "" };
    format!("{poll}{name} {number}")
}

/// What the server has, as it has it.
async fn log(person: &Person) -> Vec<Message> {
    let (mut all, mut after) = (Vec::new(), Seq(0));
    loop {
        let room = RoomId::LOBBY;
        let ask = History { room, after: Some(after), limit: Some(100), ..History::default() };
        let page: Page = person.asks(ask).await.unwrap();
        let Some(last) = page.msgs.last() else { return all };
        after = last.seq;
        all.extend(page.msgs);
    }
}

/// Everything is there once, in the order of each speaker, and shown as the age of the server allows.
async fn has_it_all(person: &Person, (name, _, server): (&str, bool, bool)) {
    let all = COUNT * PEOPLE.len();
    person
        .waits_for("all messages", |seen| seen.room("#lobby").unwrap().head.1 as usize == all)
        .await;
    person.reads_back("#lobby").await;
    person.looks(|seen| {
        for (other, ..) in PEOPLE {
            let lines = seen.lines("#lobby");
            let start = format!("{other}: ");
            let polls = lines.iter().filter(|line| **line == format!("{other} did poll")).count();
            let said: Vec<_> = lines.iter().filter(|line| line.starts_with(&start)).collect();
            let want = |number: &usize| !server || !words(other, *number).starts_with(POLL);
            let want = (0..COUNT).filter(want).map(|number| start.clone() + &words(other, number));
            assert!(said.into_iter().eq(&want.collect::<Vec<_>>()), "{name}: {other} in order");
            assert_eq!(polls, if server { COUNT / 8 } else { 0 }, "{name} of {other}");
        }
        let pushed: Vec<Seq> = seen.messages.iter().map(|message| message.seq).collect();
        assert!(pushed.windows(2).all(|pair| pair[0] < pair[1]), "nothing is pushed twice");
        assert!(seen.failed.is_empty(), "{:?}", seen.failed);
        assert_eq!(seen.posted.len(), COUNT);
        assert!(seen.room(&format!("#{STRANGE_ROOM}")).is_none(), "nobody of today is in it");
        assert_eq!(seen.resets, 0, "nothing looked like another server");
    });
}

fn is_understood(person: &Person, (name, client, server): (&str, bool, bool)) {
    let strange = person.network.strange();
    let asked = strange.asked.load(Ordering::SeqCst);
    let unsupported = strange.unsupported.load(Ordering::SeqCst);
    let otherwise = strange.otherwise.lock().unwrap().clone();
    assert!(otherwise.is_empty(), "{name}: {otherwise:?}");
    if client {
        // Those under way at a stop have no answer.
        assert!(
            asked >= COUNT && unsupported + 64 * STOPS >= asked,
            "{name}: {unsupported}/{asked}"
        );
        assert!(unsupported > 0);
    }
    if client || server {
        assert!(strange.grown.load(Ordering::SeqCst) > COUNT, "{name}");
    }
}

#[tokio::test]
async fn today_and_tomorrow_talk_while_the_server_restarts() {
    let mut world = World::new().await;
    let mut people = Vec::new();
    for who in PEOPLE {
        people.push(enters(&world, who).await);
    }
    for number in 0..COUNT {
        for (person, (name, ..)) in people.iter().zip(PEOPLE) {
            let body = Body::text(words(name, number));
            person.handle.post(RoomId::LOBBY, Kind::Text, body).await.unwrap();
        }
    }
    for part in 1..=STOPS {
        let enough = COUNT * part / (STOPS + 1);
        people[3].waits_for("some were said", |seen| seen.posted.len() >= enough).await;
        world.restarts().await;
    }
    for (person, who) in people.iter().zip(PEOPLE) {
        person.waits_for("all was said", |seen| seen.posted.len() == COUNT).await;
        has_it_all(person, who).await;
        is_understood(person, who);
    }
    let stored = log(&people[0]).await;
    let texts: Vec<_> = stored.iter().filter_map(|message| message.body.text.clone()).collect();
    assert_eq!(texts.len(), COUNT * PEOPLE.len());
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "nothing is there twice");
    world.stops().await;
    let kept = fs::read_dir(world.data().join("journal")).unwrap();
    for file in kept.map(|file| fs::read(file.unwrap().path()).unwrap()) {
        let later = file.windows(5).any(|bytes| bytes == b"later");
        assert!(!later, "what nobody knows is not kept");
    }
}

#[tokio::test]
async fn today_and_tomorrow_share_rooms_and_files() {
    let mut world = World::new().await;
    let (ann, dan) = (enters(&world, PEOPLE[0]).await, enters(&world, PEOPLE[3]).await);
    for (one, other, room) in [(&ann, &dan, "#tea"), (&dan, &ann, "#milk")] {
        let ask = RoomCreate { name: room.into(), private: true, topic: "hot".into() };
        one.asks(ask).await.unwrap();
        one.waits_for(room, |seen| seen.room(room).is_some()).await;
        one.invites(room, other.number()).await.unwrap();
        other.joins(room).await;
        let seq = one.says(room, "first").await;
        let body = Body { of: Some(seq), text: Some("changed".into()), ..Body::default() };
        one.posts(room, Kind::Edit, body).await.unwrap();
        other.waits_for("the change", |seen| seen.texts(room).contains(&"changed".into())).await;
        other.reads(room).await;
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        let path = from.path().join("leaves.bin");
        fs::write(&path, &content).unwrap();
        let sent = one.sends_file(room, &path);
        assert!(matches!(one.transferred(sent).await, Phase::Done { .. }));
        world.restarts().await;
        let offers = |seen: &crate::support::Seen| {
            seen.lines(room).iter().any(|line| line.ends_with("offers leaves.bin"))
        };
        other.waits_for("the offer", offers).await;
        let fetched = other.fetches(room, "leaves.bin", to.path());
        match other.transferred(fetched).await {
            Phase::Done { path, .. } => assert!(fs::read(path).unwrap() == content),
            phase => panic!("{room}: {phase:?}"),
        }
        one.sees_online(if room == "#tea" { "dan" } else { "ann" }).await;
    }
}

#[tokio::test]
async fn without_a_common_version_it_ends_in_words() {
    let world = World::new().await;
    let of = Tomorrow { client: true, server: false, v: (2, 3) };
    let person = Person::start(world.network().of(of), Credentials::Register(register("ivy")));
    assert_eq!(person.ends().await, End::Unsupported);
}
