//! The program itself: started, administered, stopped politely, and killed in the middle of its work.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use liao_common::{
    event::{Page, Posted, Session, kind},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind, Message},
    request::{Auth, History, Register, Secret, Send},
};
use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, openpt, ptsname, unlockpt},
    termios::tcgetattr,
};
use tokio::net::TcpStream;

use crate::support::{Raw, WITHIN, register, within};

/// A running `liaod`. Ends with the test, whatever happens.
pub(crate) struct Program {
    child: Child,
    line: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn liaod(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liaod"));
    command.args(arguments).arg("--data").arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// Starts a server on a free port and waits for its line.
    pub(crate) async fn start(data: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::run(liaod(&arguments, data)).await
    }

    /// The same, with so many files and connections at the most.
    pub(crate) async fn start_with_files(data: &Path, arguments: &[&str], files: u32) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {files} && exec \"$0\" serve --listen 127.0.0.1:0 \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_liaod")]).args(arguments);
        command.arg("--data").arg(data).stdout(Stdio::piped()).stderr(Stdio::null());
        Self::run(command).await
    }

    /// Runs a `serve` and waits for its line.
    pub(super) async fn run(command: Command) -> Self {
        Self::run_while(command, async |_| ()).await
    }

    /// The same, with something that happens before the line.
    pub(super) async fn run_while(mut command: Command, before: impl AsyncFnOnce(Pid)) -> Self {
        let child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let mut program = Self { child, line: String::new() };
        let mut stdout = BufReader::new(program.child.stdout.take().unwrap());
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        });
        before(pid).await;
        program.line = within("the line that it listens", reading).await.unwrap();
        assert!(program.line.starts_with("listening on 127.0.0.1:"), "{:?}", program.line);
        program
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.line.split_whitespace().nth(2).unwrap().parse().unwrap()
    }

    /// The pin of its key.
    pub(crate) fn pin(&self) -> String {
        self.line.split_whitespace().nth(4).unwrap().to_owned()
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A plain connection.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::new(TcpStream::connect(self.addr()).await.unwrap())
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end, and gives what it logged.
    pub(super) async fn log(self) -> String {
        self.finishes().await.1
    }

    /// Waits for its end.
    pub(super) async fn ends(self) -> Option<i32> {
        self.status().await.code()
    }

    /// Waits for its end, and gives the exit code and what it logged.
    pub(super) async fn finishes(mut self) -> (Option<i32>, String) {
        let mut stderr = self.child.stderr.take().expect("read once");
        let reading = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let log = within("the program ends", reading).await.unwrap();
        (self.ends().await, log)
    }

    /// Waits for its end, however it comes.
    pub(super) async fn status(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        ends_or_is_killed(WITHIN, pid, move || self.child.wait().unwrap()).await
    }
}

/// Runs it to its end.
pub(super) async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    ends_or_is_killed(WITHIN, pid, move || child.wait_with_output().unwrap()).await
}

/// Waits for the end of a process. One that does not come in time fails the test, which without its death
/// would wait for the waiting thread for ever.
async fn ends_or_is_killed<T: std::marker::Send + 'static>(
    limit: Duration,
    pid: Pid,
    wait: impl FnOnce() -> T + std::marker::Send + 'static,
) -> T {
    let waiting = tokio::task::spawn_blocking(wait);
    match tokio::time::timeout(limit, waiting).await {
        Ok(done) => done.unwrap(),
        Err(_) => {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("the program did not end within {limit:?}");
        }
    }
}

#[tokio::test]
#[should_panic(expected = "the program did not end within")]
async fn a_program_that_never_ends_ends_the_test() {
    let mut child = Command::new("sleep").arg("3600").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let limit = Duration::from_millis(50);
    ends_or_is_killed(limit, pid, move || child.wait().unwrap()).await;
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("not there yet");
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::start(&data, &["--insecure-plaintext"]).await;
        assert!(program.line.ends_with(" plaintext"), "{}", program.line);
        let mut raw = program.raw().await;
        raw.hello().await;
        program.signal(signal);
        assert_eq!(raw.rest().await.last().unwrap().kind(), kind::GOAWAY);
        assert_eq!(program.ends().await, Some(0));
    }
    let program = Program::start(&data, &[]).await;
    let pin = program.line.split_whitespace().nth(4).unwrap().to_owned();
    assert!(
        pin.len() == 64 && pin.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{}",
        program.line
    );
    program.signal(Signal::TERM);
    assert_eq!(program.ends().await, Some(0));
    let again = Program::start(&data, &[]).await;
    assert!(again.line.contains(&pin), "the key stays the same");
}

#[tokio::test]
async fn it_stops_when_its_terminal_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&terminal).unwrap();
    let screen = ptsname(&terminal, Vec::new()).unwrap();
    let screen =
        rustix::fs::open(screen.as_c_str(), OFlags::WRONLY | OFlags::NOCTTY, Mode::empty())
            .unwrap();
    let mut command = liaod(&["serve", "--listen", "127.0.0.1:0"], folder.path());
    command.stderr(screen);
    let program = Program::run(command).await;
    // From here on whatever is written there fails.
    drop(terminal);
    program.signal(Signal::HUP);
    assert_eq!(program.ends().await, Some(0));
}

/// What a person sees who types these keys at a terminal when they are asked, and how the program ends.
async fn typed_at_a_terminal(data: &Path, keys: &'static [&'static str]) -> (String, Option<i32>) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let opened =
        || rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let before = format!("{:?}", tcgetattr(&terminal).unwrap());
    let arguments = ["user", "add", "bob", "--name", "Bob", "--password-file", "-"];
    let mut command = liaod(&arguments, data);
    command.stdin(opened()).stdout(opened()).stderr(opened());
    let mut child = command.spawn().unwrap();
    drop(command);
    let talking = tokio::task::spawn_blocking(move || {
        let mut terminal = std::fs::File::from(terminal);
        let mut seen = String::new();
        for keys in keys {
            let asked = seen.matches("bob: ").count() + seen.matches("again: ").count();
            let mut bytes = [0; 1024];
            while seen.matches("bob: ").count() + seen.matches("again: ").count() == asked {
                let count = std::io::Read::read(&mut terminal, &mut bytes).unwrap();
                seen.push_str(str::from_utf8(&bytes[..count]).unwrap());
            }
            std::io::Write::write_all(&mut terminal, keys.as_bytes()).unwrap();
        }
        let status = child.wait().unwrap();
        assert_eq!(format!("{:?}", tcgetattr(&terminal).unwrap()), before);
        // Nobody has the other end any more, so what was written last is followed by an error.
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut terminal, &mut rest);
        seen.push_str(str::from_utf8(&rest).unwrap());
        (seen, status.code())
    });
    within("the end of a conversation", talking).await.unwrap()
}

#[tokio::test]
async fn a_password_is_asked_for_at_a_terminal_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (seen, code) = typed_at_a_terminal(folder.path(), &["one secret\n", "another\n"]).await;
    assert_eq!(code, Some(1));
    assert!(seen.contains("the two passwords are not the same"), "{seen}");
    let (seen, code) = typed_at_a_terminal(folder.path(), &["half a \u{3}"]).await;
    assert_eq!(code, Some(130), "{seen}");
    assert!(!seen.contains("half"), "{seen}");
    let keys = &["one secreX\u{7f}t\n", "one secret\n"];
    let (seen, code) = typed_at_a_terminal(folder.path(), keys).await;
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("added bob") && !seen.contains("secre"), "{seen}");
}

#[tokio::test]
async fn it_refuses_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--insecure-plaintext"]).await;
    let second = output(liaod(&["serve", "--listen", "127.0.0.1:0"], folder.path())).await;
    assert_eq!(second.status.code(), Some(1));
    let words = text(&second.stderr);
    assert!(
        words.starts_with("liaod: the data folder")
            && words.contains("is in use by a server that is running"),
        "{words}"
    );
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(second.stdout.is_empty());
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = program.addr().to_string();
    let abroad = ["serve", "--listen", "0.0.0.0:0", "--insecure-plaintext"];
    for (arguments, want) in [
        (&["serve", "--listen", &taken][..], "cannot listen on"),
        (&abroad[..], "plain text is for loopback addresses only"),
    ] {
        let refused = output(liaod(arguments, elsewhere.path())).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(want), "{}", text(&refused.stderr));
    }
    let usage = output(liaod(&["serve", "--listen", "nowhere"], elsewhere.path())).await;
    assert_eq!(usage.status.code(), Some(2));
}

#[tokio::test]
async fn it_adds_users_whether_it_runs_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "123456\nnothing else counts\n").unwrap();
    let data = folder.path().join("data");
    let add = |id: &str| {
        let password = password.to_str().unwrap();
        liaod(&["user", "add", id, "--name", "User 100", "--password-file", password], &data)
    };
    let added = output(add("100")).await;
    assert!(added.status.success(), "{}", text(&added.stderr));
    assert_eq!(text(&added.stdout), "added 100, who administers this server\n");
    let program = Program::start(&data, &["--insecure-plaintext"]).await;
    let added = output(add("200")).await;
    assert_eq!(text(&added.stdout), "added 200\n", "{}", text(&added.stderr));
    let again = output(add("200")).await;
    assert_eq!(
        (again.status.code(), text(&again.stderr)),
        (Some(1), "liaod: this user id is taken\n".into())
    );
    for id in ["100", "200"] {
        let mut raw = program.raw().await;
        raw.hello().await;
        let auth = |password: &str| Auth {
            mech: "password".into(),
            user: Some(id.into()),
            secret: Some(Secret(password.into())),
            ..Auth::default()
        };
        assert!(raw.asks::<Session>(auth("1234567")).await.is_err());
        assert_eq!(raw.asks::<Session>(auth("123456")).await.unwrap().name, "User 100");
    }
}

/// Posts that were sent, and where those stand that were acknowledged.
#[derive(Default)]
struct Ledger {
    last: u64,
    open: BTreeMap<u64, u64>,
    acknowledged: BTreeMap<u64, Seq>,
}

fn nonce(number: u64) -> Nonce {
    let mut cid = [0x11; 16];
    cid[8..].copy_from_slice(&number.to_be_bytes());
    Nonce(cid)
}

fn post(number: u64) -> Send {
    let body = Body::text(format!("post {number}"));
    Send { room: RoomId::LOBBY, cid: nonce(number), kind: Kind::Text, body }
}

impl Ledger {
    /// Repeats what was left open, then posts anew; stops with the first answer after `enough`.
    async fn posts_until(&mut self, raw: &mut Raw, enough: usize) {
        let again: Vec<u64> = std::mem::take(&mut self.open).into_values().collect();
        for number in again {
            self.open.insert(raw.sends(post(number)).await, number);
        }
        let target = self.acknowledged.len() + enough;
        while self.acknowledged.len() < target {
            while self.open.len() < 48 {
                self.last += 1;
                self.open.insert(raw.sends(post(self.last)).await, self.last);
            }
            let frame = raw.next().await.expect("an answer");
            self.take(&frame);
        }
    }

    fn take(&mut self, frame: &liao_common::frame::Frame) {
        if frame.kind() == kind::OK
            && let Some(number) = self.open.remove(&frame.rid)
        {
            let posted: Posted = frame.decode().unwrap();
            self.acknowledged.insert(number, posted.seq);
        }
    }
}

/// The whole lobby.
async fn log(raw: &mut Raw) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::new();
    loop {
        let after = all.last().map(|last| last.seq).or(Some(Seq::ZERO));
        let page: Page = raw
            .asks(History { room: RoomId::LOBBY, after, limit: Some(100), ..History::default() })
            .await
            .unwrap();
        all.extend(page.msgs);
        if !page.more {
            return all;
        }
    }
}

/// Everything acknowledged stands where it was said to stand, once, and there are no holes.
fn check(log: &[Message], ledger: &Ledger) {
    assert!(log.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq), "without holes");
    let mut places = BTreeMap::new();
    for message in log.iter().filter(|message| message.kind == Kind::Text) {
        assert_eq!(places.insert(message.cid, message.seq), None, "nothing twice");
    }
    for (number, seq) in &ledger.acknowledged {
        assert_eq!(places.get(&nonce(*number)), Some(seq), "post {number} was acknowledged");
    }
}

#[tokio::test]
async fn what_it_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    for round in 0..25 {
        let program = Program::start(
            folder.path(),
            &["--insecure-plaintext", "--posts-per-second", "100000"],
        )
        .await;
        let mut raw = program.raw().await;
        if round == 0 {
            raw.hello().await;
            let form = Register { dev_name: String::new(), ..register("alice") };
            raw.asks::<Session>(form).await.unwrap();
        } else {
            raw.logs_in("alice", "").await;
            check(&log(&mut raw).await, &ledger);
        }
        ledger.posts_until(&mut raw, 7 + round * 31 % 97).await;
        program.signal(Signal::KILL);
        for frame in raw.rest().await {
            ledger.take(&frame);
        }
        assert_eq!(program.ends().await, None, "killed");
    }
    let program = Program::start(folder.path(), &["--insecure-plaintext"]).await;
    let mut raw = program.raw().await;
    raw.logs_in("alice", "").await;
    let log = log(&mut raw).await;
    check(&log, &ledger);
    assert!(ledger.acknowledged.len() > 900, "{}", ledger.acknowledged.len());
}
