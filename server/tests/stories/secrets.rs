//! What is secret stays out of the log, however much is logged: passwords right and wrong, tokens,
//! invites, what people say and send, how their rooms are called, and what broken clients send in the
//! wrong place. And a server that dies leaves none of it in a core file.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
};

use liao_common::{
    codec,
    event::{
        Empty, FileData, FileFound, FileOpened, FileStored, Page, Posted, Room, Session, kind,
    },
    fault::Fault,
    id::{Hash, Nonce, RoomId},
    message::{Body, Kind},
    request::{
        Auth, FileDone, FileGet, FileOpen, History, Passwd, Register, RoomCreate, RoomInvite,
        RoomOpen, RoomTopic, Secret, Send, Sync, Token,
    },
};
use rustix::process::Signal;

use crate::{
    program::{Program, liaod, output, text},
    support::Raw,
};

const PASSWORD: &str = "canary-of-the-password";
const CHANGED: &str = "canary-of-the-next-password";
const WRONG: &str = "canary-of-a-wrong-password";
const WORDS: &str = "canary-of-what-was-said";
const PRIVATE: &str = "canary-of-what-was-said-between-two";
const EDITED: &str = "canary-of-what-was-meant";
const TOPIC: &str = "canary-of-a-topic";
const ROOM: &str = "canary-of-a-room";
const DEN: &str = "canary-of-a-private-room";
const FILE: &str = "canary-of-a-file.txt";
const CONTENT: &str = "canary-of-what-is-in-a-file";
const NO_INVITE: &str = "canary-of-a-wrong-invite";
const ODD: &str = "canary-in-the-wrong-place";

const CANARIES: [&str; 13] = [
    PASSWORD, CHANGED, WRONG, WORDS, PRIVATE, EDITED, TOPIC, ROOM, DEN, FILE, CONTENT, NO_INVITE,
    ODD,
];

#[tokio::test]
async fn nothing_secret_is_logged_even_when_everything_is() {
    for policy in ["open", "invite"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--insecure-plaintext", "--registration", policy];
        let mut command = liaod(&arguments, folder.path());
        command.env("LIAO_LOG", "trace").env("RUST_BACKTRACE", "full");
        let server = Program::run(command).await;
        let (code, mut log) = invite(folder.path()).await;
        let token = lives(&server, &code).await;
        misbehaves(&server).await;
        server.signal(Signal::TERM);
        log += &server.log().await;
        assert!(log.contains("DEBUG"), "little is logged, so little is proved:\n{log}");
        for secret in CANARIES.into_iter().chain([&*code]) {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
        for form in forms(&token).into_iter().chain(forms(&Token(CONTENT.into()))) {
            assert!(!log.contains(&form), "bytes are in the log as {form}:\n{log}");
        }
    }
}

/// Bytes as they may be printed: as hexadecimal digits, as a list, escaped.
fn forms(token: &Token) -> [String; 3] {
    let bytes = &token.0[..8];
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    [hex, list, bytes.escape_ascii().to_string()]
}

/// An invite, and what was logged while it was made.
async fn invite(data: &Path) -> (String, String) {
    let mut add = liaod(&["invite", "add", "--uses", "2"], data);
    add.env("LIAO_LOG", "trace");
    let made = output(add).await;
    (text(&made.stdout).lines().next().unwrap().to_owned(), text(&made.stderr))
}

fn auth(user: &str, password: &str) -> Auth {
    let (user, secret) = (Some(user.into()), Some(Secret(password.into())));
    Auth { mech: "password".into(), user, secret, ..Auth::default() }
}

async fn registers(server: &Program, user: &str, invite: &str) -> (Raw, Session) {
    let mut raw = server.raw().await;
    raw.hello().await;
    let register = Register {
        user: user.into(),
        name: user.into(),
        secret: Secret(PASSWORD.into()),
        dev_name: "test".into(),
        invite: Some(invite.into()),
    };
    let session = raw.asks(register).await.unwrap();
    raw.asks::<liao_common::event::Synced>(Sync::default()).await.unwrap();
    (raw, session)
}

/// Two people register and talk; one changes the password, and comes back with the token.
async fn lives(server: &Program, invite: &str) -> Token {
    let (mut raw, session) = registers(server, "alice", invite).await;
    let (mut bob, of_bob) = registers(server, "bob", invite).await;
    let said = raw.says(RoomId::LOBBY, WORDS).await;
    let edit = Body { text: Some(EDITED.into()), of: Some(said), ..Body::default() };
    let send = Send { room: RoomId::LOBBY, cid: Nonce([2; 16]), kind: Kind::Edit, body: edit };
    raw.asks::<Posted>(send).await.unwrap();
    raw.asks::<Posted>(RoomTopic { room: RoomId::LOBBY, topic: TOPIC.into() }).await.unwrap();
    for (name, private) in [(ROOM, false), (DEN, true)] {
        let made = RoomCreate { name: name.into(), private, topic: TOPIC.into() };
        let room = raw.asks::<Room>(made).await.unwrap().room;
        raw.asks::<Empty>(RoomInvite { room, user: of_bob.user }).await.unwrap();
        raw.says(room, &format!("{WORDS} in {name}")).await;
    }
    let direct = RoomOpen { user: Some(of_bob.user), name: None };
    let direct = raw.asks::<Room>(direct).await.unwrap().room;
    raw.says(direct, PRIVATE).await;
    sends_a_file(&mut raw, direct).await;
    let page = History { room: direct, before: None, after: None, around: None, limit: Some(10) };
    bob.asks::<Page>(page).await.unwrap();
    let (old, new) = (Secret(PASSWORD.into()), Secret(CHANGED.into()));
    raw.asks::<Empty>(Passwd { old, new }).await.unwrap();
    let token = session.token.clone().unwrap();
    let mut again = server.raw().await;
    again.hello().await;
    let by_token = Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() };
    again.asks::<Session>(by_token).await.unwrap();
    token
}

async fn sends_a_file(raw: &mut Raw, room: RoomId) {
    let b3 = Hash(blake3::hash(CONTENT.as_bytes()).into());
    let size = CONTENT.len() as u64;
    let open = FileOpen { room, size, b3, name: FILE.into(), media: "text/plain".into() };
    let x = raw.asks::<FileOpened>(open).await.unwrap().x;
    let piece = FileData { x, o: 0, d: CONTENT.into() };
    raw.writes(&codec::frame(kind::FDAT, 0, &piece)).await;
    let fid = raw.asks::<FileStored>(FileDone { x }).await.unwrap().fid;
    let body = Body { fid: Some(fid), ..Body::default() };
    let offer = Send { room, cid: Nonce([3; 16]), kind: Kind::File, body };
    raw.asks::<Posted>(offer).await.unwrap();
    raw.asks::<FileFound>(FileGet { fid, off: 0 }).await.unwrap();
}

/// Wrong passwords, secrets in fields and frames where none belong, and a frame that is cut off.
async fn misbehaves(server: &Program) {
    for user in ["alice", "nobody", ODD] {
        let mut raw = server.raw().await;
        raw.hello().await;
        raw.asks::<Session>(auth(user, WRONG)).await.unwrap_err();
    }
    let mut raw = server.raw().await;
    raw.hello().await;
    let uninvited = Register {
        user: "eve 1".into(),
        name: ODD.into(),
        secret: Secret(WRONG.into()),
        dev_name: ODD.into(),
        invite: Some(NO_INVITE.into()),
    };
    raw.asks::<Session>(uninvited).await.unwrap_err();
    let whole = codec::frame("auth", 2, &[PASSWORD, ODD]);
    let early = codec::frame(ODD, 3, &Empty {});
    let late =
        Send { room: RoomId(99), cid: Nonce([1; 16]), kind: Kind::Text, body: Body::text(ODD) };
    let mut raw = server.raw().await;
    raw.hello().await;
    raw.writes(&whole).await;
    raw.writes(&early).await;
    let refused: Result<Posted, Fault> = raw.asks(late).await;
    assert!(refused.is_err());
    raw.writes(&whole[..whole.len() - 2]).await;
    raw.stops_writing().await;
    raw.rest().await;
    let mut raw = server.raw().await;
    raw.writes(ODD.as_bytes()).await;
    raw.rest().await;
}

/// Bytes of memory that are looked at together.
const PAGE: usize = 4096;

/// How often these bytes stand in the memory of a process; `None` where the system does not let us
/// look, nor anybody else of the same user.
fn in_memory(pid: u32, wanted: &[u8]) -> Option<usize> {
    let mut memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    // Most of it was never written to; the rest is looked at byte by byte.
    let beginning = |bytes: &[u8]| {
        let page = &bytes[..bytes.len().min(PAGE)];
        if page == &[0; PAGE][..page.len()] {
            return 0;
        }
        let firsts = page.iter().enumerate().filter(|(_, byte)| **byte == wanted[0]);
        firsts.filter(|(at, _)| bytes[*at..].starts_with(wanted)).count()
    };
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).unwrap();
        let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.seek(SeekFrom::Start(from)).unwrap();
        // What the system keeps for itself cannot be read.
        if memory.read_exact(&mut bytes).is_ok() {
            found +=
                (0..bytes.len()).step_by(PAGE).map(|page| beginning(&bytes[page..])).sum::<usize>();
        }
    }
    Some(found)
}

#[tokio::test]
async fn a_password_is_gone_from_memory_once_it_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let server = Program::start(folder.path(), &["--insecure-plaintext"]).await;
    let mut people = Vec::new();
    for user in ["alice", "bob"] {
        let (mut raw, _) = registers(&server, user, "").await;
        raw.says(RoomId::LOBBY, WORDS).await;
        let (old, new) = (Secret(PASSWORD.into()), Secret(CHANGED.into()));
        raw.asks::<Empty>(Passwd { old, new }).await.unwrap();
        let mut again = server.raw().await;
        again.hello().await;
        again.asks::<Session>(auth(user, CHANGED)).await.unwrap();
        people.extend([raw, again]);
    }
    // What is there is found, so that not finding means something.
    let Some(words) = in_memory(server.pid(), WORDS.as_bytes()) else { return };
    assert!(words > 0, "what was said is in memory");
    for secret in [PASSWORD, CHANGED] {
        assert_eq!(in_memory(server.pid(), secret.as_bytes()), Some(0), "{secret}");
    }
}

/// A shell where core files may be as large as the system allows; then its arguments are run.
fn with_cores(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c \"$(ulimit -H -c)\" && exec \"$0\" \"$@\""]);
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[tokio::test]
async fn a_server_that_dies_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_cores(folder.path());
    command.args([env!("CARGO_BIN_EXE_liaod"), "serve", "--listen", "127.0.0.1:0"]);
    command.arg("--insecure-plaintext").arg("--data").arg(folder.path().join("data"));
    let server = Program::run(command).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().nth(4), Some("0"), "{cores}");
    let (mut raw, _) = registers(&server, "alice", "").await;
    raw.says(RoomId::LOBBY, WORDS).await;
    server.signal(Signal::ABORT);
    let ended = server.status().await;
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!ended.core_dumped(), "a core was written");

    // Whether the check could have failed here.
    let mut other = with_cores(folder.path());
    other.args(["sh", "-c", "kill -ABRT $$"]);
    if !other.status().unwrap().core_dumped() {
        println!("this system writes no core files at all");
    }
}
