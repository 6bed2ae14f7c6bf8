//! The private server from the inside: who carries it, who joins, and what happens when the carrier
//! leaves.

use std::{fs, net::TcpListener, path::Path, sync::Arc, time::Duration};

use liao::private::Private;
use liao_client_core::{
    address::Address,
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    notice::{LinkState, Notice},
};
use liao_common::{
    event::Event,
    id::RoomId,
    message::{Body, Kind},
    request::{Register, Secret},
};
use tokio::{sync::mpsc, time::timeout};

/// Nothing here takes longer on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

async fn private(folder: &Path) -> Arc<Private> {
    within("a private server", Private::join_or_host(folder)).await.unwrap()
}

fn register(private: &Arc<Private>, user: &str) -> (Handle, mpsc::Receiver<Notice>) {
    let register = Register {
        user: user.to_owned(),
        name: String::new(),
        secret: Secret("a good long password".to_owned()),
        dev_name: String::new(),
        invite: None,
    };
    Link::start(LinkConfig::new(private.dialer(), Credentials::Register(register), "test"))
}

/// Waits for a notice that is wanted.
async fn until(what: &str, notices: &mut mpsc::Receiver<Notice>, want: impl Fn(&Notice) -> bool) {
    within(what, async {
        while let Some(notice) = notices.recv().await {
            if want(&notice) {
                return;
            }
        }
        panic!("the link ended before: {what}");
    })
    .await;
}

const fn online(notice: &Notice) -> bool {
    matches!(notice, Notice::State(LinkState::Online { .. }))
}

fn says(text: &'static str) -> impl Fn(&Notice) -> bool {
    move |notice| match notice {
        Notice::Event(Event::Message(message)) => message.body.text.as_deref() == Some(text),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_run_joins_the_first() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("deep/private-server");
    let first = private(&folder).await;
    let second = private(&folder).await;
    assert!(first.is_hosted().await);
    assert!(!second.is_hosted().await);
    assert_eq!(first.place(), second.place());
    second.stop().await;
    first.stop().await;
    assert!(!folder.join("listening").exists(), "it said goodbye");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_carrier_leaves_the_others_talk_on() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("private-server");
    let (first, second, third) =
        (private(&folder).await, private(&folder).await, private(&folder).await);
    let before = first.place();
    let (ann, mut ann_hears) = register(&second, "ann");
    let (_bob, mut bob_hears) = register(&third, "bob");
    until("ann is online", &mut ann_hears, online).await;
    until("bob is online", &mut bob_hears, online).await;

    first.stop().await;
    ann.post(RoomId::LOBBY, Kind::Text, Body::text("who is here?")).await.unwrap();
    until("bob hears ann", &mut bob_hears, says("who is here?")).await;

    let carriers = (second.is_hosted().await, third.is_hosted().await);
    assert!(matches!(carriers, (true, false) | (false, true)), "{carriers:?}");
    assert_eq!(second.place(), before, "same key, same port");
    assert_eq!(third.place(), before);
    ann.close().await;
    within("an orderly end", async { tokio::join!(second.stop(), third.stop()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_at_the_port_is_not_believed() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("private-server");
    let first = private(&folder).await;
    let second = private(&folder).await;
    let before = first.place();
    first.stop().await;
    let stranger = TcpListener::bind(("127.0.0.1", before.address.port)).unwrap();
    // Takes every call and hangs up.
    std::thread::spawn(move || stranger.incoming().for_each(drop));

    let (_ann, mut hears) = register(&second, "ann");
    until("ann is online", &mut hears, online).await;
    assert!(second.is_hosted().await);
    assert_eq!(second.place().pin, before.pin, "the key is the old one");
    assert_ne!(second.place().address, before.address);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_put_aside() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("private-server");
    let first = private(&folder).await;
    let place = first.place();
    first.stop().await;
    // A killed carrier leaves its note; whoever has the port now shows no key.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    fs::write(folder.join("listening"), format!("127.0.0.1:{port} {}\n", place.pin)).unwrap();
    fs::write(folder.join("port"), "not a port").unwrap();
    let second = private(&folder).await;
    assert!(second.is_hosted().await);
    assert_ne!(second.place().address, Address { host: "127.0.0.1".into(), port });
    assert_eq!(second.place().pin, place.pin);
    second.stop().await;
}
