//! A disk that fills while people talk, and has room again: a file system of its own, small enough to
//! be filled, that only this server sees.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use liao_common::{
    event::{Empty, FileOpened, Page, Posted, Session},
    fault::{Fault, FaultCode},
    id::{Hash, Nonce, RoomId},
    message::{Body, Kind},
    request::{Auth, FileOpen, History, Logout, Send, Token},
};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::{
    program::Program,
    support::{Raw, register, within},
};

/// Mounts a small file system over the folder, where nobody else sees it; then does what is asked for
/// through a pipe, and lets the server take its place.
const SMALL_DISK: &str = r#"
    mount -t tmpfs -o size=400m tmpfs "$1" && mkfifo "$2/asked" || exit 1
    while read -r word; do
        case "$word" in
        fill) head -c 200M /dev/zero >"$1/ballast" ;;
        free) rm "$1/ballast" ;;
        esac
        echo "$word" >>"$2/done"
    done <"$2/asked" &
    exec "$0" serve --listen 127.0.0.1:0 --insecure-plaintext --posts-per-second 100000 --data "$1/data"
"#;

fn alone(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command
}

/// A server on a small disk, and the pipe to who fills it.
struct Small {
    server: Program,
    asked: File,
    folder: PathBuf,
}

impl Small {
    async fn start(folder: &Path) -> Self {
        let disk = folder.join("disk");
        fs::create_dir(&disk).unwrap();
        let mut command = alone(SMALL_DISK);
        command.arg(env!("CARGO_BIN_EXE_liaod")).arg(disk).arg(folder);
        let server = Program::run({
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        });
        let server = server.await;
        let asked = File::options().write(true).open(folder.join("asked")).unwrap();
        Self { server, asked, folder: folder.to_owned() }
    }

    async fn asks(&mut self, word: &str) {
        writeln!(self.asked, "{word}").unwrap();
        let done = self.folder.join("done");
        within("the disk is as asked", async {
            while !fs::read_to_string(&done).is_ok_and(|words| words.lines().last() == Some(word)) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn posts(raw: &mut Raw, number: u64) -> Result<Posted, Fault> {
    let cid = Nonce(*blake3::hash(&number.to_be_bytes()).as_bytes().first_chunk().unwrap());
    let body = Body::text(format!("words {number}"));
    raw.asks(Send { room: RoomId::LOBBY, cid, kind: Kind::Text, body }).await
}

async fn reads(raw: &mut Raw) -> Vec<String> {
    let ask = History { room: RoomId::LOBBY, limit: Some(100), ..History::default() };
    let page: Page = raw.asks(ask).await.unwrap();
    page.msgs.into_iter().filter_map(|message| message.body.text).collect()
}

async fn by_token(server: &Program, token: &Token) -> Raw {
    let mut raw = server.raw().await;
    raw.hello().await;
    let auth = Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() };
    raw.asks::<Session>(auth).await.unwrap();
    raw
}

#[tokio::test]
async fn a_disk_that_fills_under_people_refuses_words_and_takes_them_again_with_room() {
    if !alone("mount -t tmpfs tmpfs /mnt").status().is_ok_and(|status| status.success()) {
        eprintln!("NOT TESTED: this system lets nobody have a file system of their own");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut small = Small::start(folder.path()).await;
    let mut alice = small.server.raw().await;
    alice.hello().await;
    let token = alice.asks::<Session>(register("alice")).await.unwrap().token.unwrap();
    let mut kept = Vec::new();
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..10 {
            number += 1;
            posts(&mut alice, number).await.unwrap();
            kept.push(format!("words {number}"));
        }
        small.asks("fill").await;
        let fault = posts(&mut alice, number + 1).await.unwrap_err();
        assert!(fault.code == FaultCode::StorageFull && fault.retry_ms.is_some(), "{fault}");
        let (room, b3) = (RoomId::LOBBY, Hash([1; 32]));
        let file = FileOpen { room, size: 9, b3, name: "a".into(), media: String::new() };
        let fault = alice.asks::<FileOpened>(file).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::StorageFull);
        assert_eq!(reads(&mut by_token(&small.server, &token).await).await, kept);
        small.asks("free").await;
        let freed = Instant::now();
        // The same words under the same number: they were not stored, and now they are.
        number += 1;
        assert!(!posts(&mut alice, number).await.unwrap().dup);
        eprintln!("{:?} after there was room words were taken again", freed.elapsed());
        kept.push(format!("words {number}"));
    }
    small.asks("fill").await;
    alice.asks::<Empty>(Logout {}).await.unwrap();
    small.server.signal(Signal::TERM);
    assert_eq!(small.server.ends().await, Some(0));
}
