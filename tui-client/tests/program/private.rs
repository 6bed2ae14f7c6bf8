//! The private server from the inside: who carries it, who joins, and what happens when the carrier
//! leaves.

use std::{fs, io::Write as _, net::TcpListener, path::Path, sync::Arc, time::Duration};

use liao::private::Private;
use liao_client_core::{
    address::Address,
    dial::ServerDialer,
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    notice::{LinkState, Notice},
    trust::Trust,
};
use liao_common::{
    event::Event,
    id::RoomId,
    message::{Body, Kind},
    name::UserName,
    request::{Register, Secret},
};
use liao_server::{config::Config, server};
use tokio::{sync::mpsc, time::timeout};

/// Nothing here takes longer on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

async fn private(folder: &Path) -> Arc<Private> {
    within("a private server", Private::join_or_host(folder)).await.unwrap()
}

fn secret() -> Secret {
    Secret("a good long password".to_owned())
}

fn enter(private: &Arc<Private>, with: Credentials) -> (Handle, mpsc::Receiver<Notice>) {
    Link::start(LinkConfig::new(private.dialer(), with, "test"))
}

fn form(user: &str) -> Credentials {
    Credentials::Register(Register {
        user: user.to_owned(),
        name: String::new(),
        secret: secret(),
        dev_name: String::new(),
        invite: None,
    })
}

fn register(private: &Arc<Private>, user: &str) -> (Handle, mpsc::Receiver<Notice>) {
    enter(private, form(user))
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

/// Enough that an index reads from its file when it is asked.
const MANY: usize = 2000;

/// Fills a server in this folder with bob, and with words that wait for him.
async fn fill(folder: &Path) {
    let mut config = Config::new(folder, ([127, 0, 0, 1], 0).into());
    config.rules.posts_burst = 1_000_000;
    let running = within("a server", server::start(config)).await.unwrap();
    let address = Address { host: "127.0.0.1".into(), port: running.addr().port() };
    let trust = Trust::Pinned(running.pin().unwrap());
    let dialer = Arc::new(ServerDialer { address, trust });
    let enters = |user| Link::start(LinkConfig::new(dialer.clone(), form(user), "test"));
    let (bob, mut bob_hears) = enters("bob");
    until("bob is online", &mut bob_hears, online).await;
    bob.close().await;
    let (ann, mut ann_hears) = enters("ann");
    until("ann is online", &mut ann_hears, online).await;
    for number in 0..MANY {
        ann.post(RoomId::LOBBY, Kind::Text, Body::text(format!("words {number}"))).await.unwrap();
        until("they are stored", &mut ann_hears, |notice| matches!(notice, Notice::Posted { .. }))
            .await;
    }
    ann.close().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_index_is_damaged_starts_again_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("private-server");
    fill(&folder).await;
    let private = private(&folder).await;
    let rows = folder.join("index/db");
    let len = usize::try_from(fs::metadata(&rows).unwrap().len()).unwrap();
    fs::File::options().write(true).open(rows).unwrap().write_all(&vec![0; len]).unwrap();
    let user = UserName::parse("bob").unwrap();
    let (bob, mut bob_hears) = enter(&private, Credentials::Password { user, secret: secret() });
    until("bob hears the last words", &mut bob_hears, says("words 1999")).await;
    bob.close().await;
    private.stop().await;
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
