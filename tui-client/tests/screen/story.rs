//! Two people on two terminals: registering, talking, being away, a file, leaving. And the private server of one.

use std::{fs, net::SocketAddr, path::Path};

use liao_server::{
    chat::password::Cost,
    config::Config,
    server::{self, Running},
};
use tokio::runtime::Runtime;

use crate::glass::{Glass, waits_for_words};

const SIZE: (u16, u16) = (120, 36);
const ENTER: &str = "\r";
const TAB: &str = "\t";
const QUIT: &str = "\x11";
const SAVE: &str = "\x1bs";

struct World {
    runtime: Runtime,
    folder: tempfile::TempDir,
    running: Option<Running>,
    listen: SocketAddr,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut world =
            Self { runtime, folder, running: None, listen: SocketAddr::from(([127, 0, 0, 1], 0)) };
        world.serve();
        world
    }

    fn serve(&mut self) {
        let mut config = Config::new(self.folder.path().join("server"), self.listen);
        config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        config.free_bytes_min = 0;
        let running = self.runtime.block_on(server::start(config)).unwrap();
        self.listen = running.addr();
        self.running = Some(running);
    }

    fn restart(&mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop());
        self.serve();
    }

    fn home(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> Glass {
        Glass::start(&self.home(name), &[&self.listen.to_string()], SIZE)
    }

    /// Through menu, trust and form into the lobby.
    fn register(&self, name: &str, shown: &str) -> Glass {
        let mut glass = self.open(name);
        glass.sees("Register");
        glass.types("2");
        let pin = self.running.as_ref().unwrap().pin().unwrap();
        glass.sees(&pin.words());
        glass.types("y");
        glass.sees("Password again");
        glass
            .types(&[name, TAB, shown, TAB, "correct horse", TAB, "correct horse", ENTER].concat());
        glass.sees("Message to #lobby");
        glass
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

fn line(text: &str) -> String {
    format!("{text}{ENTER}")
}

#[test]
fn two_people_talk_leave_messages_and_send_a_file() {
    let mut world = World::new();
    let mut alice = world.register("alice", "爱丽丝");
    let mut bob = world.register("bob", "Bob");
    alice.sees("● Bob");

    alice.types(&line("大家好 @bob"));
    bob.sees("大家好 @bob");
    bob.types(&line("hello"));
    alice.sees("hello");

    bob.types(&line("/msg alice psst"));
    alice.sees("Bob 1");

    bob.types(QUIT);
    bob.ends();
    alice.misses("● Bob");
    alice.types(&line("/msg bob while you were away"));
    alice.sees("while you were away");
    // What was seen may have been what is typed: it is said once that is gone, and the row is there.
    alice.misses("/msg bob");
    alice.sees("while you were away");
    alice.misses("◌");
    world.restart();
    let mut bob = world.open("bob");
    bob.sees("Go on as Bob");
    bob.types(ENTER);
    bob.sees("while you were away");
    bob.sees("waits for you");
    bob.types(ENTER);
    bob.sees("Message to 爱丽丝");

    alice.sees("● Bob");
    send_a_file(&mut alice, &mut bob, world.folder.path());
    assert_eq!(fs::read(world.home("bob").join("downloads/big.bin")).unwrap().len(), FILE_BYTES);
    alice.types(QUIT);
    alice.ends();
    bob.terminate();
    bob.ends();
}

const FILE_BYTES: usize = 24 << 20;

fn send_a_file(alice: &mut Glass, bob: &mut Glass, folder: &Path) {
    let path = folder.join("big.bin");
    fs::write(&path, vec![7; FILE_BYTES]).unwrap();
    alice.looks_out_for("sending");
    bob.looks_out_for("receiving");
    alice.types(&line(&format!("/send {}", path.display())));
    bob.sees("big.bin");
    assert!(alice.saw("sending"), "the sender sees how far it is");
    bob.types(SAVE);
    bob.sees("Saved as");
    assert!(bob.saw("receiving"), "the receiver sees how far it is");
}

#[test]
fn one_enter_starts_a_private_server_and_a_second_terminal_joins_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut alice = Glass::start(folder.path(), &[], SIZE);
    alice.sees("Start a private server");
    alice.types(ENTER);
    alice.sees("Password again");
    alice.types(&["alice", TAB, TAB, "correct horse", TAB, "correct horse", ENTER].concat());
    alice.sees("Message to #lobby");
    // The chat is there before the disk has the login.
    waits_for_words(&folder.path().join("accounts.toml"), "alice");

    let mut bob = Glass::start(folder.path(), &[], (80, 24));
    bob.sees("Go on as alice");
    bob.types("2");
    bob.sees("Password again");
    bob.types(&["bob", TAB, TAB, "battery staple", TAB, "battery staple", ENTER].concat());
    bob.sees("Message to #lobby");
    alice.sees("● bob");

    alice.types(QUIT);
    alice.ends();
    bob.types(&line("who carries the server now?"));
    bob.sees("who carries the server now?");
    bob.sees("Message to #lobby");
    bob.sees("who carries the server now?");
    bob.misses("◌");
    bob.types(QUIT);
    bob.ends();
}

#[test]
fn the_terminal_comes_back_when_the_server_dies_and_when_one_is_asked_to_end() {
    let mut world = World::new();
    let alice = world.register("alice", "Alice");
    let running = world.running.take().unwrap();
    world.runtime.block_on(running.stop());
    alice.sees("reconnecting");
    alice.terminate();
    alice.ends();
}

#[test]
fn a_terminal_that_hangs_does_not_hold_up_the_chat() {
    let world = World::new();
    let mut alice = world.register("alice", "Alice");
    let mut bob = world.register("bob", "Bob");
    alice.sticks(true);
    for number in 0..40 {
        bob.types(&line(&pasted(&format!("{number} {}", "many words ".repeat(120)))));
    }
    bob.sees("39 many words");
    bob.misses("◌");
    alice.types(&line("I still hear you"));
    bob.sees("I still hear you");
    alice.sticks(false);
    alice.sees("I still hear you");
    alice.sticks(true);
    bob.types(&line(&pasted(&"more words ".repeat(500))));
    alice.terminate();
    bob.misses("● Alice");
    alice.sticks(false);
    alice.ends();
}

#[test]
fn a_paste_of_a_mebibyte_is_refused_and_the_keyboard_goes_on() {
    let world = World::new();
    let mut alice = world.register("alice", "Alice");
    alice.types(&pasted(&"x".repeat(1 << 20)));
    alice.sees("too long for one message");
    alice.types(&line("still here"));
    alice.sees("still here");
    alice.types(QUIT);
    alice.ends();
}
