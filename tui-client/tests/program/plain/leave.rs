//! Ways to leave, and what is still done before the program ends.

use std::{fs::File, io::Write, process::Command};

use liao_common::request::Devices;
use portable_pty::{MasterPty, PtySize, native_pty_system};

use crate::support::{DEADLINE, Person, Town};

#[test]
fn everything_typed_before_the_end_arrives_in_order() {
    let town = Town::new();
    let bob = town.enters("bob");
    for (way, user) in [("", "ann"), ("exit\nnot this\n", "carl")] {
        let mut speaker = town.logs_in(user, &["--register", "--json"]);
        let lines: Vec<String> = (0..500).map(|n| format!("line {n} of {user}")).collect();
        speaker.types(format!("{}\n{way}", lines.join("\n")).as_bytes());
        let (code, told) = speaker.ends();
        assert_eq!(code, 0);
        assert_eq!(told.iter().filter(|line| line.contains(r#""kind":"sent""#)).count(), 500);
        for line in &lines {
            let heard = bob.hears("text", |_| true);
            assert_eq!(heard["text"], **line);
        }
    }
    let (_, rest) = bob.ends();
    assert!(rest.iter().all(|line| !line.contains("not this")), "{rest:?}");
}

#[test]
fn an_input_without_anything_says_nothing() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    ann.says("");
    ann.says("   ");
    let (code, rest) = ann.ends();
    assert_eq!((code, rest), (0, Vec::new()));
}

#[test]
fn a_run_leaves_no_device_behind() {
    let town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    for _ in 0..3 {
        assert_eq!(town.returns("ann").ends().0, 0);
    }
    let devices = town.asks("ann", Devices {}).devices;
    assert_eq!(devices.len(), 1, "only the one that asks: {devices:?}");
}

#[test]
fn a_signal_is_a_wish_to_leave() {
    let town = Town::new();
    let watcher = town.enters("bob");
    for signal in ["-TERM", "-INT", "-HUP"] {
        let ann = if signal == "-TERM" { town.enters("ann") } else { town.returns("ann") };
        // Who comes and goes in one breath is not told of.
        watcher.hears("presence", |line| line["from"] == "ann" && line["online"] == true);
        let sent = Command::new("kill").args([signal, &ann.pid().to_string()]).status().unwrap();
        assert!(sent.success());
        watcher.hears("presence", |line| line["from"] == "ann" && line["online"] == false);
        assert_eq!(ann.waits().0, 0, "{signal}");
    }
}

#[test]
fn when_nobody_reads_the_output_the_program_ends() {
    let town = Town::new();
    let mut bob = town.enters("bob");
    let mut command = town.command("ann");
    command.args(["--register", "--pin", &town.pin().to_string()]);
    command.stdout(closed_pipe());
    let ann = crate::support::Person::start("ann", &mut command);
    ann.complains("you write to #lobby");
    bob.hears("presence", |line| line["from"] == "ann" && line["online"] == true);
    bob.says("are you still reading?");
    bob.hears("presence", |line| line["from"] == "ann" && line["online"] == false);
    assert_eq!(ann.waits().0, 0);
    assert_eq!(bob.ends().0, 0);
}

#[test]
fn an_output_on_a_full_disk_is_told_and_ends_it() {
    let town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    for json in [false, true] {
        let mut command = town.command("ann");
        command.args(["--pin", &town.pin().to_string()]);
        if json {
            command.arg("--json");
        }
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let mut ann = crate::support::Person::start("ann", &mut command);
        ann.says("is anybody here?");
        ann.complains("The output cannot be written: the disk is full.");
        assert_eq!(ann.waits().0, 1);
    }
}

/// The end of a pipe whose other end is gone.
fn closed_pipe() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn a_server_that_comes_back_gets_what_was_typed_meanwhile() {
    let mut town = Town::new();
    let (mut ann, bob) = (town.enters("ann"), town.enters("bob"));
    town.stop();
    ann.complains("connection lost");
    ann.says("typed while nobody listened");
    town.start();
    bob.hears_text("typed while nobody listened");
    assert_eq!(ann.ends().0, 0);
    assert_eq!(bob.ends().0, 0);
}

#[test]
fn a_server_that_stays_away_is_not_waited_for_for_ever() {
    let mut town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    let mut ann = town.logs_in("ann", &["--json", "--timeout", "1"]);
    ann.hears("ready", |_| true);
    let quiet = town.logs_in("ann", &["--json", "--timeout", "1"]);
    quiet.hears("ready", |_| true);
    town.stop();
    ann.complains("connection lost");
    ann.says("into the void");
    // Not even the end of the input is needed.
    ann.complains("Nothing moved for 1 s.");
    assert_eq!(ann.waits().0, 1);
    // Who has nothing to say can wait for the server, and leave at any time.
    quiet.complains("connection lost");
    assert_eq!(quiet.ends().0, 0);
}

#[test]
fn who_leaves_a_terminal_while_the_server_is_gone_is_told_what_was_not_sent() {
    let mut town = Town::new();
    // Longer than a test waits.
    let more = ["--register", "--json", "--timeout", "600", "--pin"];
    let pin = town.pin().to_string();
    let (mut ann, quiet) =
        (Seat::of(&town, "ann", &more, &pin), Seat::of(&town, "bob", &more, &pin));
    for seat in [&ann, &quiet] {
        seat.person.hears("room", |_| true);
    }
    town.stop();
    for seat in [&ann, &quiet] {
        seat.person.complains("connection lost");
    }
    ann.types("into the void\nexit\n");
    ann.person.complains("not confirmed, for #lobby: into the void");
    assert_eq!(ann.person.waits().0, 1);
    let mut quiet = quiet;
    quiet.types("exit\n");
    assert_eq!(quiet.person.waits().0, 0, "nothing was left undone");
}

/// Somebody who types at a terminal, and whose output is read by a program.
struct Seat {
    person: Person,
    keyboard: Box<dyn Write + Send>,
    _terminal: Box<dyn MasterPty + Send>,
}

impl Seat {
    fn of(town: &Town, user: &str, more: &[&str], pin: &str) -> Self {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut command = town.command(user);
        command.args(more).arg(pin).stdin(File::open(pair.master.tty_name().unwrap()).unwrap());
        let person = Person::start(user, &mut command);
        Self { person, keyboard, _terminal: pair.master }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).unwrap();
    }
}

#[test]
fn a_pipe_that_has_ended_waits_for_the_server_as_long_as_it_was_told() {
    let mut town = Town::new();
    let bob = town.enters("bob");
    let mut ann = town.logs_in("ann", &["--register", "--json", "--timeout", "60"]);
    let mut carl = town.logs_in("carl", &["--register", "--json", "--timeout", "6"]);
    for person in [&ann, &carl] {
        person.hears("room", |_| true);
    }
    town.stop();
    for person in [&ann, &carl] {
        person.complains("connection lost");
    }
    ann.says("the tail of a pipe");
    ann.closes();
    // The patience of somebody else tells that more time has passed than people at a terminal wait.
    carl.says("into the void");
    carl.complains("Nothing moved for 6 s.");
    town.start();
    bob.hears_text("the tail of a pipe");
    assert_eq!(ann.waits().0, 0);
}

#[test]
fn a_signal_ends_it_though_nobody_reads_what_it_says() {
    let town = Town::new();
    let mut bob = town.enters("bob");
    let mut command = town.command("ann");
    command.args(["--pin", &town.pin().to_string(), "--register", "--json"]);
    let mut ann = command.spawn().unwrap();
    bob.hears("presence", |line| line["from"] == "ann" && line["online"] == true);
    // More than a pipe holds, and more than waits in the program.
    let text = "many words ".repeat(100);
    for _ in 0..1500 {
        bob.says(&text);
    }
    for _ in 0..1500 {
        bob.hears("sent", |_| true);
    }
    let killed = Command::new("kill").args(["-s", "TERM", &ann.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let (ended, wait) = std::sync::mpsc::sync_channel(1);
    let id = ann.id().to_string();
    let waiting = std::thread::spawn(move || ended.send(ann.wait().unwrap()).unwrap());
    let status = wait.recv_timeout(DEADLINE);
    if status.is_err() {
        Command::new("kill").args(["-s", "KILL", &id]).status().unwrap();
    }
    waiting.join().unwrap();
    assert!(status.expect("it ends").code().is_some());
    bob.hears("presence", |line| line["from"] == "ann" && line["online"] == false);
}

#[test]
fn what_was_not_confirmed_is_told_in_its_order_with_its_room() {
    let mut town = Town::new();
    assert_eq!(town.enters("bob").ends().0, 0);
    let mut ann = town.logs_in("ann", &["--register", "--json", "--timeout", "3"]);
    ann.hears("room", |_| true);
    town.stop();
    ann.complains("connection lost");
    // For the room of two people the server is needed, and everything behind it waits.
    ann.types(b"one\ntwo\nthree\n/msg bob psst\nnot looked at\n");
    ann.complains("Nothing moved for 3 s.");
    for said in [
        "not confirmed, for #lobby: one",
        "not confirmed, for #lobby: two",
        "not confirmed, for #lobby: three",
        "not confirmed, for bob: psst",
    ] {
        assert!(ann.complains("not confirmed").contains(said), "{said}");
    }
    assert_eq!(ann.waits().0, 1);
}

#[test]
fn what_was_not_confirmed_is_told_after_a_signal() {
    let mut town = Town::new();
    let mut ann = town.enters("ann");
    town.stop();
    ann.complains("connection lost");
    ann.types(b"one\n/dance\n");
    // Lines keep their order: the first one is in the outbox by now.
    ann.complains("There is no command /dance.");
    Command::new("kill").args(["-TERM", &ann.pid().to_string()]).status().unwrap();
    ann.complains("Interrupted.");
    ann.complains("not confirmed, for #lobby: one");
    assert_eq!(ann.waits().0, 1);
}
