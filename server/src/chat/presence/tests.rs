use super::*;
use liao_common::{frame::Frame, id::DeviceId};

const GRACE: Duration = Duration::from_secs(45);

fn user(id: u64) -> User {
    User { user: UserId(id), id: format!("u{id:06}"), name: format!("User {id}"), on: None }
}

fn watcher(presence: &Presence) -> Arc<Mailbox> {
    let mailbox = Arc::new(Mailbox::new(UserId(9), DeviceId(1)));
    presence.watch(&mailbox);
    mailbox
}

async fn told(presence: &Presence, mailbox: &Mailbox) -> Option<event::Presence> {
    presence.expire();
    presence.tell().await;
    mailbox.take().notes.into_iter().find_map(|note| match note {
        Note::Presence(frame) => Frame::parse(frame.slice(4..)).ok()?.decode().ok(),
        _ => None,
    })
}

#[tokio::test]
async fn several_devices_are_one_person_and_bye_is_seen_at_once() {
    let presence = Presence::default();
    let mailbox = watcher(&presence);
    presence.enter(user(1));
    presence.enter(user(1));
    let change = told(&presence, &mailbox).await.unwrap();
    assert_eq!((change.v, change.on, change.set.len()), (1, 1, 1));
    presence.leave(UserId(1), true, GRACE);
    assert!(told(&presence, &mailbox).await.is_none(), "the other device is still there");
    presence.leave(UserId(1), true, GRACE);
    assert_eq!(told(&presence, &mailbox).await.unwrap().del, [UserId(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_has_a_grace_that_a_reconnect_ends() {
    let presence = Presence::default();
    presence.enter(user(1));
    presence.leave(UserId(1), false, GRACE);
    tokio::time::advance(GRACE / 2).await;
    presence.enter(user(1));
    presence.leave(UserId(1), false, GRACE);
    tokio::time::advance(GRACE / 2).await;
    assert!(presence.expire().is_some(), "the second one runs");
    assert!(presence.is_online(UserId(1)), "the first one means nothing any more");
    tokio::time::advance(GRACE / 2).await;
    assert!(presence.expire().is_none());
    assert!(!presence.is_online(UserId(1)));
}

#[tokio::test(start_paused = true)]
async fn whose_grace_is_over_is_gone_without_being_asked_for() {
    let presence = Arc::new(Presence::default());
    let mailbox = watcher(&presence);
    let running = tokio::spawn(Arc::clone(&presence).run());
    presence.enter(user(1));
    presence.leave(UserId(1), false, GRACE);
    tokio::time::sleep(GRACE - TICK).await;
    assert!(presence.is_online(UserId(1)));
    tokio::time::sleep(2 * TICK).await;
    assert!(!presence.is_online(UserId(1)));
    assert_eq!(mailbox.take().notes.len(), 2, "coming and going");
    running.abort();
}

#[test]
fn pages_follow_each_other_and_filter() {
    let presence = Presence::default();
    (1..=5).for_each(|id| presence.enter(user(id)));
    let first = presence.page("", None, 2);
    assert_eq!((first.users.len(), first.total), (2, 5));
    let rest = presence.page("", first.next.as_deref(), 10);
    assert_eq!((rest.users.len(), rest.next), (3, None));
    assert_eq!(presence.page("USER 3", None, 10).users[0].id, "u000003");
    assert!(presence.page("nobody", None, 10).users.is_empty());
}

/// 5,000 people, whom a watcher was asked to look up.
async fn crowd() -> (Presence, Arc<Mailbox>) {
    let presence = Presence::default();
    let mailbox = watcher(&presence);
    (0..5000).for_each(|id| presence.enter(user(10 * id)));
    let change = told(&presence, &mailbox).await.unwrap();
    assert!(change.reset && change.set.is_empty());
    (presence, mailbox)
}

#[tokio::test(start_paused = true)]
async fn in_a_crowd_the_first_are_named_and_the_others_counted() {
    let (presence, mailbox) = crowd().await;
    presence.enter(user(15));
    presence.enter(user(49_995));
    presence.leave(UserId(20), true, GRACE);
    presence.leave(UserId(40_000), true, GRACE);
    presence.leave(UserId(40_010), true, GRACE);
    let change = told(&presence, &mailbox).await.unwrap();
    assert!(!change.reset);
    assert_eq!((change.v, change.on), (2, 4999));
    assert_eq!(change.set.iter().map(|user| user.user.0).collect::<Vec<_>>(), [15]);
    assert_eq!(change.del, [UserId(20)]);
    let first = presence.page("", None, limits::PRESENCE_FIRST_MAX).users;
    let fence = presence.state().fence.as_ref().unwrap().last.id.clone();
    assert!(
        first.last().unwrap().id.as_str() > &*fence,
        "who has the first has all that are named"
    );
}

#[tokio::test(start_paused = true)]
async fn watchers_are_asked_to_look_for_themselves_now_and_then_only() {
    let (presence, mailbox) = crowd().await;
    (0..300).for_each(|id| presence.leave(UserId(10 * id), true, GRACE));
    let change = told(&presence, &mailbox).await.unwrap();
    assert!(!change.reset && change.del.len() == FENCE_AT, "not again so soon");
    assert_eq!(change.on, 4700);
    (0..NAMES_MAX as u64 + 1).for_each(|id| presence.enter(user(id)));
    let change = told(&presence, &mailbox).await.unwrap();
    assert!(!change.reset && change.set.is_empty(), "too many to name");
    tokio::time::advance(RESET_EVERY).await;
    let change = told(&presence, &mailbox).await.expect("what was held back comes by itself");
    assert!(change.reset);
    assert!(told(&presence, &mailbox).await.is_none());
    presence.leave(UserId(15), true, GRACE);
    let change = told(&presence, &mailbox).await.unwrap();
    assert_eq!(change.del, [UserId(15)], "there is a fence again");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_goes_leaves_no_fence() {
    let (presence, mailbox) = crowd().await;
    (900..5000).for_each(|id| presence.leave(UserId(10 * id), true, GRACE));
    tokio::time::advance(RESET_EVERY).await;
    assert!(told(&presence, &mailbox).await.unwrap().reset);
    presence.enter(user(49_995));
    assert_eq!(told(&presence, &mailbox).await.unwrap().set.len(), 1, "everybody is named");
}

#[tokio::test(start_paused = true)]
async fn very_many_watchers_are_told_one_after_the_other() {
    let presence = Presence::default();
    let watchers: Vec<_> = (0..2 * WATCHERS_AT_ONCE + 1).map(|_| watcher(&presence)).collect();
    presence.unwatch(&watchers[3]);
    presence.enter(user(1));
    let begun = Instant::now();
    presence.tell().await;
    assert_eq!(begun.elapsed(), 2 * PAUSE);
    let told = watchers.iter().filter(|mailbox| mailbox.take().notes.len() == 1).count();
    assert_eq!(told, watchers.len() - 1);
}
