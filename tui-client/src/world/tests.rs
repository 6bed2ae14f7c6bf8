//! What reaches a real server, and what stays on the disk, when a link is begun and left.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use liao_client_core::tls::Shown;
use liao_common::request::Secret;
use liao_server::{
    chat::password::Cost,
    config::{Config, Transport},
    server::{self, Running},
};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a good long password";

struct Town {
    running: Running,
    folder: TempDir,
}

fn config(folder: &Path, addr: std::net::SocketAddr) -> Config {
    let mut config = Config::new(folder.to_owned(), addr);
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    config.files.free_bytes_min = 0;
    config.free_bytes_min = 0;
    config.index_cache_bytes = 4 << 20;
    config
}

impl Town {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("server"), ([127, 0, 0, 1], 0).into());
        Self { running: server::start(config).await.unwrap(), folder }
    }

    fn address(&self) -> liao_client_core::address::Address {
        liao_client_core::address::Address::parse(&self.running.addr().to_string()).unwrap()
    }

    fn server(&self) -> Server {
        Server::Plaintext(self.address())
    }

    fn home(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A program of its own, with its files in a folder of that name.
    fn opens(&self, name: &str) -> Seat {
        let home = self.home(name);
        let (sender, inputs) = mpsc::channel(256);
        let world = World::new(
            Home::open(&home).unwrap(),
            Paths::under(&home),
            Authorities::none(),
            sender,
        );
        Seat { world, inputs }
    }
}

struct Seat {
    world: World,
    inputs: mpsc::Receiver<Input>,
}

impl Seat {
    async fn hears<T>(&mut self, what: &str, want: impl Fn(&Notice) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = want(&self.world.notice().await) {
                    return found;
                }
            }
        };
        timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("waits for {what} in vain"))
    }

    async fn is_online(&mut self) {
        let online = |notice: &Notice| {
            matches!(notice, Notice::State(LinkState::Online { .. })).then_some(())
        };
        self.hears("being online", online).await;
    }

    async fn registers(&mut self, town: &Town, user: &str, keep: bool) {
        let login = Login::Register {
            user: user.into(),
            name: user.into(),
            secret: Secret(PASSWORD.into()),
            invite: None,
            keep,
        };
        self.world.carry_out(Effect::Connect(town.server(), login));
        self.is_online().await;
    }

    async fn logs_in(&mut self, town: &Town, user: &str, keep: bool) {
        let (user, secret) = (user.into(), Secret(PASSWORD.into()));
        let login = Login::Password { user, secret, keep };
        self.world.carry_out(Effect::Connect(town.server(), login));
        self.is_online().await;
    }

    fn asks(&mut self, request: impl Into<Request>) {
        self.world.carry_out(Effect::Ask(request.into()));
    }

    async fn leaves(&mut self) {
        timeout(DEADLINE, self.world.leave()).await.unwrap();
    }

    async fn unkept(&mut self) -> Option<Unkept> {
        let opened = async {
            loop {
                if let Input::Opened { unkept, .. } = self.inputs.recv().await.unwrap() {
                    return unkept;
                }
            }
        };
        timeout(DEADLINE, opened).await.unwrap()
    }

    /// How many devices the server knows of this person, this one included.
    async fn devices(&mut self) -> usize {
        self.asks(liao_common::request::Devices {});
        self.hears("devices", |notice| match notice {
            Notice::Answer { answer: Ok(answer), .. } => match &**answer {
                liao_client_core::answer::Answer::Devices(list) => Some(list.devices.len()),
                _ => None,
            },
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn what_is_sent_right_before_leaving_reaches_the_server() {
    let town = Town::new().await;
    let mut watcher = town.opens("watcher");
    watcher.registers(&town, "watcher", true).await;
    let mut alice = town.opens("alice");
    alice.registers(&town, "alice", true).await;
    for number in 0..40 {
        let body = Body::text(number.to_string());
        alice.world.carry_out(Effect::Post(RoomId::LOBBY, Kind::Text, body));
    }
    alice.leaves().await;
    for number in 0..40 {
        let text = number.to_string();
        watcher
            .hears(&text, |notice| match notice {
                Notice::Event(liao_common::event::Event::Message(message)) => {
                    (message.body.text.as_ref() == Some(&text)).then_some(())
                }
                _ => None,
            })
            .await;
    }
    watcher.leaves().await;
    town.running.stop().await;
}

#[tokio::test]
async fn what_is_sent_while_the_server_is_gone_is_on_the_disk_when_the_program_ends() {
    let town = Town::new().await;
    let mut alice = town.opens("alice");
    alice.registers(&town, "alice", true).await;
    let (address, home) = (town.address(), town.home("alice"));
    let Town { running, folder } = town;
    running.stop().await;
    for number in 0..40 {
        let body = Body::text(number.to_string());
        alice.world.carry_out(Effect::Post(RoomId::LOBBY, Kind::Text, body));
    }
    alice.leaves().await;
    let user = UserName::parse("alice").unwrap();
    let outbox = Home::open(home).unwrap().outbox(&address, &user).unwrap();
    assert_eq!(outbox.iter().count(), 40);
    drop(folder);
}

#[tokio::test]
async fn what_waits_on_the_disk_is_counted_however_the_account_is_left() {
    for by_itself in [true, false] {
        let town = Town::new().await;
        let mut alice = town.opens("alice");
        alice.registers(&town, "alice", true).await;
        let Town { running, folder } = town;
        let addr = running.addr();
        running.stop().await;
        let body = Body::text("unheard");
        alice.world.carry_out(Effect::Post(RoomId::LOBBY, Kind::Text, body));
        let queued = |notice: &Notice| matches!(notice, Notice::Queued(_)).then_some(());
        alice.hears("being queued", queued).await;
        if by_itself {
            // A server that does not know the device.
            let other = server::start(config(&folder.path().join("other"), addr)).await.unwrap();
            alice.world.carry_out(Effect::RetryNow);
            let ended = async {
                while alice.world.session.is_some() {
                    let _ = timeout(Duration::from_millis(20), alice.world.notice()).await;
                }
            };
            timeout(DEADLINE, ended).await.unwrap();
            other.stop().await;
        } else {
            alice.world.carry_out(Effect::Disconnect);
        }
        alice.leaves().await;
        assert_eq!(alice.world.unsent(), 1, "by itself: {by_itself}");
    }
}

#[tokio::test]
async fn a_login_that_is_not_kept_leaves_no_device() {
    let town = Town::new().await;
    let mut alice = town.opens("alice");
    alice.registers(&town, "alice", true).await;
    assert_eq!(alice.devices().await, 1);
    for round in 0..2 {
        let mut other = town.opens("other");
        other.logs_in(&town, "alice", false).await;
        assert_eq!(alice.devices().await, 2);
        if round == 0 {
            other.leaves().await;
        } else {
            other.world.carry_out(Effect::Disconnect);
            timeout(DEADLINE, other.world.goodbyes.over()).await.unwrap();
        }
        assert_eq!(alice.devices().await, 1, "round {round}");
    }
    // One that is kept stays, though it is not in use.
    let mut third = town.opens("third");
    third.logs_in(&town, "alice", true).await;
    third.leaves().await;
    assert_eq!(alice.devices().await, 2);
    alice.leaves().await;
    town.running.stop().await;
}

#[tokio::test]
async fn whoever_cannot_keep_posts_on_the_disk_says_so() {
    let town = Town::new().await;
    let mut first = town.opens("alice");
    first.registers(&town, "alice", true).await;
    assert_eq!(first.unkept().await, None);
    let mut second = town.opens("alice");
    second.logs_in(&town, "alice", true).await;
    assert_eq!(second.unkept().await, Some(Unkept::InUse));

    // The same program comes back after its own goodbye, which it waits for.
    first.world.carry_out(Effect::LogOut);
    first.logs_in(&town, "alice", true).await;
    assert_eq!(first.unkept().await, None);
    first.leaves().await;
    second.leaves().await;
    town.running.stop().await;
}

#[tokio::test]
async fn a_pipe_is_no_file_to_send() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let seen = async |path: &Path| timeout(DEADLINE, see(path)).await.unwrap();
    assert_eq!(seen(&pipe).await.unwrap_err().kind(), std::io::ErrorKind::IsADirectory);
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    seen(&file).await.unwrap();
    let none = folder.path().join("none");
    assert_eq!(seen(&none).await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn what_was_being_written_is_there_again() {
    let town = Town::new().await;
    let mut alice = town.opens("alice");
    alice.registers(&town, "alice", true).await;
    let drafts = BTreeMap::from([(RoomId::LOBBY, "half a story".to_owned())]);
    alice.world.carry_out(Effect::KeepDrafts(drafts.clone()));
    alice.leaves().await;
    let mut again = town.opens("alice");
    let login = Login::Token("alice".into());
    again.world.carry_out(Effect::Connect(town.server(), login));
    again.is_online().await;
    let came = async {
        loop {
            if let Input::Drafts { drafts, .. } = again.inputs.recv().await.unwrap() {
                return drafts;
            }
        }
    };
    assert_eq!(timeout(DEADLINE, came).await.unwrap(), drafts);
    again.leaves().await;
    town.running.stop().await;
}

#[tokio::test]
async fn what_the_disk_does_not_take_is_said_and_drafts_are_given_back() {
    let town = Town::new().await;
    let mut seat = town.opens("full");
    seat.registers(&town, "full", false).await;
    // Nothing can be written while the lock is a folder.
    let lock = town.home("full").join("lock");
    _ = fs::remove_file(&lock);
    fs::create_dir(&lock).unwrap();
    let address = town.address();
    seat.world.carry_out(Effect::KeepPin(
        address.clone(),
        Shown { pin: liao_common::id::Pin([7; 32]), vouched: false },
    ));
    let told = async {
        loop {
            if let Input::NotStored { what, .. } = seat.inputs.recv().await.unwrap() {
                return what;
            }
        }
    };
    assert_eq!(timeout(DEADLINE, told).await.unwrap(), crate::input::Unstored::Key);
    let (kept, lost) = (RoomId(8), RoomId(9));
    let drafts = |room, text: &str| Effect::KeepDrafts([(room, text.to_owned())].into());
    seat.world.carry_out(drafts(kept, "early"));
    seat.world.carry_out(drafts(lost, "half a sentence"));
    seat.world.cabinet.finish().await;
    fs::remove_dir(&lock).unwrap();
    seat.world.carry_out(drafts(kept, "early"));
    seat.leaves().await;
    assert_eq!(seat.world.lost_drafts(), ["half a sentence"]);
    let pin = Home::at(town.home("full")).server(&address).unwrap().map(|server| server.pin);
    assert_eq!(pin, Some(liao_common::id::Pin([7; 32])), "written as soon as there was room");
}

#[tokio::test]
async fn a_disk_that_takes_its_time_is_given_the_newest_drafts_and_everything_else() {
    let town = Town::new().await;
    let mut seat = town.opens("slow");
    seat.registers(&town, "slow", false).await;
    seat.world.cabinet.finish().await;
    let (on, held) = std::sync::mpsc::sync_channel::<()>(1);
    seat.world.cabinet.tell(move |_| held.recv());
    let (first, second) = (RoomId(8), RoomId(9));
    for number in 0..200 {
        // A room that is empty is named once, when it becomes so.
        let old = (number < 2).then(|| (first, ["gone", ""][number].to_owned()));
        let drafts = old.into_iter().chain([(second, format!("word {number}"))]).collect();
        seat.world.carry_out(Effect::KeepDrafts(drafts));
    }
    let (address, pin) = (town.address(), liao_common::id::Pin([7; 32]));
    seat.world.carry_out(Effect::KeepPin(address.clone(), Shown { pin, vouched: false }));
    assert_eq!(seat.world.lost_drafts(), ["word 199"], "not on the disk yet");
    on.send(()).unwrap();
    seat.leaves().await;
    assert_eq!(seat.world.lost_drafts(), Vec::<String>::new());
    let home = Home::at(town.home("slow"));
    let drafts = home.drafts(&address, &UserName::parse("slow").unwrap()).unwrap();
    assert_eq!(drafts, [(second, "word 199".to_owned())].into());
    assert_eq!(home.server(&address).unwrap().map(|server| server.pin), Some(pin));
}

#[tokio::test]
async fn drafts_that_were_refused_a_place_are_written_with_the_next_ones() {
    let town = Town::new().await;
    let mut seat = town.opens("slow");
    seat.registers(&town, "slow", false).await;
    seat.world.cabinet.finish().await;
    let (on, held) = std::sync::mpsc::sync_channel::<()>(1);
    seat.world.cabinet.tell(move |_| held.recv());
    while seat.world.cabinet.queue(|_| std::io::Result::Ok(())) {}
    let drafts = |room, text: &str| Effect::KeepDrafts([(room, text.to_owned())].into());
    seat.world.carry_out(drafts(RoomId(8), "early"));
    assert_eq!(seat.world.lost_drafts(), ["early"]);
    on.send(()).unwrap();
    seat.world.cabinet.finish().await;
    seat.world.carry_out(drafts(RoomId(9), "late"));
    seat.leaves().await;
    let home = Home::at(town.home("slow"));
    let kept = home.drafts(&town.address(), &UserName::parse("slow").unwrap()).unwrap();
    assert_eq!(kept.into_values().collect::<Vec<_>>(), ["early", "late"]);
    assert_eq!(seat.world.lost_drafts(), Vec::<String>::new());
}

#[tokio::test]
async fn a_draft_that_is_too_long_to_be_kept_is_given_back_whole() {
    let town = Town::new().await;
    let mut seat = town.opens("long");
    seat.registers(&town, "long", false).await;
    let long = "x".repeat(liao_common::limits::TEXT_BYTES_MAX + 1);
    let drafts = [(RoomId(8), long.clone()), (RoomId(9), "short".to_owned())];
    seat.world.carry_out(Effect::KeepDrafts(drafts.into()));
    seat.leaves().await;
    assert_eq!(seat.world.lost_drafts(), [long]);
}
