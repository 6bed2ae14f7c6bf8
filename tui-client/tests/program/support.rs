//! A server for one test, and the program as a child process that is talked to line by line.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use liao_client_core::{
    address::Address,
    answer::Answered,
    dial::ServerDialer,
    link::{Credentials, Link, LinkConfig},
    trust::Trust,
};
use liao_common::{id::Pin, limits, name::UserName, request::Secret};
use liao_server::{
    chat::password::Cost,
    config::{Config, Transport},
    server::{self, Running},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Nothing here takes longer on the slowest machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Lines of a child that may wait to be looked at.
const LINES_MAX: usize = 4096;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "a good long password";

/// A server with a folder and an address of its own, and a home for each person.
pub(crate) struct Town {
    runtime: Runtime,
    running: Option<Running>,
    config: Config,
    folder: TempDir,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::with(Transport::Tls)
    }

    pub(crate) fn with(transport: Transport) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("server"), ([127, 0, 0, 1], 0).into());
        config.transport = transport;
        config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        config.rules.posts_burst = 1_000_000;
        config.files.free_bytes_min = 0;
        config.free_bytes_min = 0;
        config.index_cache_bytes = 4 << 20;
        fs::write(folder.path().join("password"), format!("{PASSWORD}\nnot this line\n")).unwrap();
        let runtime = Runtime::new().unwrap();
        let mut town = Self { runtime, running: None, config, folder };
        town.start();
        town
    }

    /// Stops the server, and starts it again with other choices.
    pub(crate) fn changes(&mut self, choose: impl FnOnce(&mut Config)) {
        self.stop();
        choose(&mut self.config);
        self.start();
    }

    /// Starts the server, at its old address if it had one.
    pub(crate) fn start(&mut self) {
        let running = self.runtime.block_on(server::start(self.config.clone())).unwrap();
        self.config.listen = running.addr();
        self.running = Some(running);
    }

    pub(crate) fn stop(&mut self) {
        let running = self.running.take().unwrap();
        self.runtime.block_on(running.stop());
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.config.listen
    }

    pub(crate) fn pin(&self) -> Pin {
        self.running.as_ref().and_then(Running::pin).unwrap()
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    /// A path in the folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command of a person, without its trust and without words of its own.
    pub(crate) fn command(&self, user: &str) -> Command {
        let mut command = program();
        let home = self.path(&format!("home-{user}"));
        fs::create_dir_all(&home).unwrap();
        command
            .args(["plain", "--user", user, "--server", &self.addr().to_string()])
            .arg("--password-file")
            .arg(self.path("password"))
            .env("LIAO_HOME", &home)
            .current_dir(home);
        command
    }

    /// A person who is known already, with more options.
    pub(crate) fn logs_in(&self, user: &str, more: &[&str]) -> Person {
        let mut command = self.command(user);
        match self.config.transport {
            Transport::Tls => command.args(["--pin", &self.pin().to_string()]),
            Transport::Plaintext => command.arg("--insecure-plaintext"),
        };
        Person::start(user, command.args(more))
    }

    /// A new person who reads JSON, and is ready.
    pub(crate) fn enters(&self, user: &str) -> Person {
        let person = self.logs_in(user, &["--register", "--json"]);
        person.hears("ready", |_| true);
        person.hears("room", |_| true);
        person
    }

    /// A person who is known already and reads JSON, and is ready.
    pub(crate) fn returns(&self, user: &str) -> Person {
        let person = self.logs_in(user, &["--json"]);
        person.hears("ready", |_| true);
        person
    }
}

impl Town {
    /// What the server answers to a person who is known already.
    pub(crate) fn asks<R: Answered>(&self, user: &str, request: R) -> R::Answer {
        let dialer = ServerDialer {
            address: Address::parse(&self.addr().to_string()).unwrap(),
            trust: Trust::Pinned(self.pin()),
        };
        let user = UserName::parse(user).unwrap();
        let credentials = Credentials::Password { user, secret: Secret(PASSWORD.to_owned()) };
        let answer = self.runtime.block_on(async {
            let config = LinkConfig::new(Arc::new(dialer), credentials, "test");
            let (handle, mut notices) = Link::start(config);
            let drain = async {
                while notices.recv().await.is_some() {}
                panic!("the link ended");
            };
            tokio::select! {
                answer = tokio::time::timeout(DEADLINE, handle.call(request)) => answer,
                () = drain => unreachable!(),
            }
        });
        answer.unwrap().unwrap()
    }
}

/// The program, in English and far from the files of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liao"));
    command
        .env_remove("LC_MESSAGES")
        .env_remove("LIAO_LOG")
        .env_remove("LIAO_CA_FILE")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A run of the program.
pub(crate) struct Person {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Person {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let out = child.stdout.take().map_or_else(|| sync_channel(0).1, lines_of);
        let err = lines_of(child.stderr.take().unwrap());
        Self { name: name.to_owned(), child, input, out, err }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types a line.
    pub(crate) fn says(&mut self, line: &str) {
        self.types(format!("{line}\n").as_bytes());
    }

    /// Types bytes as they are.
    pub(crate) fn types(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).and_then(|()| input.flush()).unwrap();
    }

    /// The next line of output that is wanted.
    pub(crate) fn reads(&self, what: &str, want: impl Fn(&str) -> bool) -> String {
        find(&self.name, &self.out, what, want)
    }

    /// The next complaint that holds these words.
    pub(crate) fn complains(&self, words: &str) -> String {
        find(&self.name, &self.err, words, |line| line.contains(words))
    }

    /// The next JSON object of a kind that is wanted.
    pub(crate) fn hears(&self, kind: &str, want: impl Fn(&Value) -> bool) -> Value {
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let line = self.reads(kind, |line| {
            let object = parse(line);
            object["kind"] == kind && want(&object)
        });
        parse(&line)
    }

    /// The next text that was said.
    pub(crate) fn hears_text(&self, text: &str) -> Value {
        self.hears("text", |line| line["text"] == text)
    }

    /// Says no more.
    pub(crate) fn closes(&mut self) {
        self.input = None;
    }

    /// Says no more, and gives the exit code and all output that was not looked at.
    pub(crate) fn ends(mut self) -> (i32, Vec<String>) {
        self.input = None;
        self.waits()
    }

    /// Waits until it ends by itself.
    pub(crate) fn waits(mut self) -> (i32, Vec<String>) {
        let rest = all(&self.name, &self.out);
        let code = ends(&self.name, &mut self.child).code();
        (code.unwrap_or_else(|| panic!("{} was killed", self.name)), rest)
    }

    /// Ends it as a fault of the program would, and says how it ended.
    pub(crate) fn dies(mut self) -> ExitStatus {
        let kill = Command::new("kill").args(["-ABRT", &self.pid().to_string()]).status().unwrap();
        assert!(kill.success());
        ends(&self.name, &mut self.child)
    }

    /// The same, with what was said on standard error.
    pub(crate) fn ends_with_words(mut self) -> (i32, String) {
        self.input = None;
        let words = all(&self.name, &self.err).join("\n");
        (self.ends().0, words)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Between two looks at whether a child has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a child ends. One that does not is left to whoever kills it, and the test fails.
fn ends(name: &str, child: &mut Child) -> ExitStatus {
    let (_open, nothing) = sync_channel::<()>(0);
    for _ in 0..DEADLINE.as_millis() / LOOK_EVERY.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert_eq!(nothing.recv_timeout(LOOK_EVERY), Err(RecvTimeoutError::Timeout));
    }
    panic!("{name} does not end within {DEADLINE:?}");
}

/// When nobody takes the lines any more, the pipe is closed.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = sync_channel(LINES_MAX);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

fn find(name: &str, lines: &Receiver<String>, what: &str, want: impl Fn(&str) -> bool) -> String {
    let mut passed = Vec::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) if want(&line) => return line,
            Ok(line) => passed.push(line),
            Err(why) => panic!("{name} waits for {what:?} in vain ({why}); passed: {passed:#?}"),
        }
    }
}

fn all(name: &str, lines: &Receiver<String>) -> Vec<String> {
    let mut rest = Vec::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => rest.push(line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("{name} does not end; said: {rest:#?}"),
        }
    }
}

/// As long as a message may be.
pub(crate) fn longest_text() -> String {
    "字".repeat(limits::TEXT_BYTES_MAX / 3)
}
