//! Where not everything is kept: the beginning of a room moves, and everybody is told where it is.

use std::{fs, time::Duration};

use liao_common::{
    event::{Event, Marked, Page},
    id::{RoomId, Seq},
    request::{History, Mark},
};
use liao_server::{
    admin::backup::{backup, restore},
    chat::retention::Retention,
};

use crate::support::{Person, World, within};

const KEPT: u64 = 5;

fn keep() -> Retention {
    Retention { messages: Some(KEPT), every_ms: 20, grace_ms: 0, ..Retention::default() }
}

/// The newest page, once the floor is where it should be.
async fn settled(person: &Person, last: Seq) -> Page {
    let floor = Seq(last.0 - KEPT);
    let settled = async {
        loop {
            let ask = History { room: RoomId::LOBBY, ..History::default() };
            if let Ok(page) = person.asks(ask).await
                && page.floor == floor
                // What was read just before the floor rose may still stand on a page that names the new one.
                && page.msgs.iter().all(|said| said.seq > floor)
            {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the floor", settled).await
}

#[tokio::test]
async fn who_scrolls_back_is_told_where_the_room_begins() {
    let mut world = World::with(|config| config.rules.retention = keep()).await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut last = Seq::ZERO;
    for number in 0..40 {
        last = alice.says("#lobby", &format!("word {number}")).await;
    }
    let kept = settled(&bob, last).await;
    assert_eq!(
        kept.msgs.iter().map(|said| said.seq.0).collect::<Vec<_>>(),
        [last.0 - 4, last.0 - 3, last.0 - 2, last.0 - 1, last.0]
    );
    assert!(!kept.more);
    let before =
        History { room: RoomId::LOBBY, before: Some(kept.msgs[0].seq), ..Default::default() };
    let page: Page = bob.asks(before).await.unwrap();
    assert_eq!((page.msgs.len(), page.more, page.floor), (0, false, kept.floor));

    // What is gone counts as read, and what is kept does not.
    let mark = Mark { room: RoomId::LOBBY, read: Seq(last.0 - 20) };
    let Marked { read, .. } = bob.asks(mark).await.unwrap();
    assert_eq!(read.0, kept.floor);
    let again = world.logs_in("bob").await;
    again
        .waits_for("five unread", |seen| {
            seen.room("#lobby").is_some_and(|room| {
                room.unread() == KEPT && room.timeline.floor() == Seq(last.0 - KEPT)
            })
        })
        .await;

    // Seqs go on, also where the index is made anew, and in a backup.
    let copy = tempfile::tempdir().unwrap();
    backup(world.data(), &copy.path().join("copy")).await.unwrap();
    world.stops().await;
    fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
    let alice = world.logs_in("alice").await;
    assert_eq!(settled(&alice, last).await.msgs, kept.msgs);
    assert_eq!(alice.says("#lobby", "and on").await, last.next());
    world.stops().await;
    fs::remove_dir_all(world.data()).unwrap();
    restore(&copy.path().join("copy"), world.data()).await.unwrap();
    world.starts().await;
    let alice = world.logs_in("alice").await;
    assert_eq!(settled(&alice, last).await.msgs, kept.msgs);
}

#[tokio::test]
async fn who_reads_slowly_is_told_what_went_meanwhile() {
    let world = World::with(|config| config.rules.retention = keep()).await;
    let alice = world.registers("alice").await;
    let mut slow = world.raw().await;
    slow.logs_in("alice", "").await;
    slow.quiet().await;
    let known = alice.says("#lobby", "known").await;
    // Far more than waits on the way to somebody who does not read, and all but a few go.
    let mut last = known;
    for number in 0..60 {
        last = alice.says("#lobby", &format!("{number} {}", "x".repeat(15_000))).await;
    }
    let floor = settled(&alice, last).await.floor;
    let (mut next, mut left_out) = (Seq(1), 0);
    while next <= last {
        let frame = slow.next().await.expect("the connection holds");
        match Event::decode(&frame).unwrap() {
            Some(Event::Message(message)) if message.room == RoomId::LOBBY => {
                next = if next == Seq(1) { message.seq } else { next };
                assert_eq!(message.seq, next, "what is missing is said to be");
                next = message.seq.next();
            }
            Some(Event::Gap(gap)) => {
                assert_eq!(gap.from, next);
                assert!(gap.to <= floor, "what is kept is pushed: {gap:?}");
                left_out += gap.to.0 - gap.from.0 + 1;
                next = gap.to.next();
            }
            _ => {}
        }
    }
    assert!(left_out > 0, "it was never behind");
}
