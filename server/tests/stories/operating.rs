//! What the operator reads: the log, and the answers of the commands.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use liao_common::{
    event::{Page, Session},
    id::RoomId,
    message::Kind,
    request::{History, Register},
};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::{
    damage::flip,
    program::{Program, liaod, output, text},
    support::{Raw, register},
};

/// Some people and words.
async fn some_data(data: &Path) -> Raw {
    let program = Program::start(data, &["--insecure-plaintext"]).await;
    let mut raw = program.raw().await;
    raw.hello().await;
    let form = Register { dev_name: String::new(), ..register("alice") };
    raw.asks::<Session>(form).await.unwrap();
    for words in ["the first words", "the second words", "the third words"] {
        raw.says(RoomId::LOBBY, words).await;
    }
    program.signal(Signal::TERM);
    raw.rest().await;
    assert_eq!(program.ends().await, Some(0));
    raw
}

#[tokio::test]
async fn the_log_tells_of_start_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    some_data(folder.path()).await;
    let program = Program::start(folder.path(), &[]).await;
    let (addr, pin) = (program.addr().to_string(), program.pin());
    program.signal(Signal::TERM);
    let log = program.log().await;
    let lines: Vec<&str> = log.lines().collect();
    let [start, came, stopping, stopped] = lines[..] else { panic!("{log}") };
    let data = folder.path().to_str().unwrap();
    for part in [data, &addr, &pin, "accounts 1, rooms 1, messages 3", " ms"] {
        assert!(start.contains(part), "{part}: {start}");
    }
    assert!(came.contains("SIGTERM came"), "{came}");
    assert!(stopping.contains("stopping") && stopped.contains("stopped"), "{log}");
}

#[tokio::test]
async fn a_damaged_message_is_told_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    some_data(folder.path()).await;
    flip(folder.path(), "the second words");
    let program = Program::start(folder.path(), &["--insecure-plaintext"]).await;
    let mut raw = program.raw().await;
    raw.logs_in("alice", "").await;
    for _ in 0..3 {
        let ask = History { room: RoomId::LOBBY, ..History::default() };
        let page: Page = raw.asks(ask).await.unwrap();
        assert!(page.msgs.iter().any(|message| message.kind == Kind::Damaged));
    }
    program.signal(Signal::TERM);
    let log = program.log().await;
    let told = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(told("message 3 of room 1, at byte "), 1, "{log}");
    assert_eq!(told("of journal segment 00000001.log, cannot be read"), 1, "{log}");
    assert_eq!(told("so the server goes on"), 1, "{log}");
    assert!(!log.contains('{') && !log.contains("Some("), "sentences only: {log}");
}

fn journal(data: &Path) -> PathBuf {
    data.join("journal/00000001.log")
}

#[tokio::test]
async fn check_says_what_is_wrong_and_what_comes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    some_data(data).await;
    let check = async || {
        let found = output(liaod(&["check"], data)).await;
        let words = text(&found.stdout) + &text(&found.stderr);
        assert!(!words.contains("liaod check"), "it is running already: {words}");
        (found.status.code(), words)
    };
    let (code, words) = check().await;
    assert!(code == Some(0) && words.contains("nothing is wrong"), "{words}");

    let mut file = OpenOptions::new().append(true).open(journal(data)).unwrap();
    file.write_all(&[7; 700]).unwrap();
    let before = fs::read(journal(data)).unwrap();
    let (code, words) = check().await;
    assert_eq!(code, Some(0), "a cut write is no damage: {words}");
    assert!(words.contains("The last write was cut off: 700 bytes"), "{words}");
    assert!(words.contains("never acknowledged; the server removes them at the next start"));
    assert_eq!(fs::read(journal(data)).unwrap(), before, "it changed nothing");

    let program = Program::start(data, &[]).await;
    program.signal(Signal::TERM);
    let log = program.log().await;
    assert!(log.contains("700 bytes behind byte") && log.contains("journal/tail-1.cut"), "{log}");
    assert!(!log.contains("TailCut") && !log.contains("Checksum"), "{log}");
    let (code, words) = check().await;
    assert!(code == Some(0) && words.contains("nothing is wrong"), "{words}");

    flip(data, "the second words");
    let (code, words) = check().await;
    assert_eq!(code, Some(1));
    assert!(words.contains("00000001.log is damaged at byte"), "{words}");
    assert!(words.contains("Put this segment back from a backup"), "{words}");
    fs::rename(data.join("journal"), data.join("gone")).unwrap();
    let (code, words) = check().await;
    assert!(code == Some(1) && words.contains("journal: missing"), "{words}");
    assert!(!data.join("journal").exists(), "it makes nothing");
    fs::rename(data.join("gone"), data.join("journal")).unwrap();
    fs::remove_dir_all(data.join("index")).unwrap();
    let refused = output(liaod(&["serve", "--listen", "127.0.0.1:0"], data)).await;
    let words = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        words.contains("is damaged at byte") && words.contains("`liaod check --data"),
        "{words}"
    );
}

#[tokio::test]
async fn a_damaged_index_is_told_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    some_data(data).await;
    let db = data.join("index/db");
    let mut bytes = fs::read(&db).unwrap();
    let len = bytes.len();
    (0..len).step_by(97).for_each(|at| bytes[at] ^= 0x10);
    fs::write(&db, bytes).unwrap();
    let program = Program::start(data, &["--insecure-plaintext"]).await;
    let mut raw = program.raw().await;
    raw.logs_in("alice", "").await;
    let ask = History { room: RoomId::LOBBY, ..History::default() };
    let page: Page = raw.asks(ask).await.unwrap();
    assert_eq!(page.msgs.iter().filter(|message| message.kind == Kind::Text).count(), 3);
    program.signal(Signal::TERM);
    let log = program.log().await;
    assert!(log.contains("the index was made anew from the journal"), "{log}");
    assert!(log.contains("the old one is kept as index.bad-1"), "{log}");
    assert!(!log.contains("panicked") && log.lines().count() == 5, "{log}");
}

#[tokio::test]
async fn a_refused_command_says_which_word_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, empty) = (file("good", "12345678\n"), file("empty", "\n"));
    let (long, gone) = (file("long", &"x".repeat(1025)), data.join("none"));
    let gone = gone.to_str().unwrap().to_owned();
    let add = async |id: &str, name: &str, password: &str| {
        let words = ["user", "add", id, "--name", name, "--password-file", password];
        let refused = output(liaod(&words, &data)).await;
        assert_eq!(refused.status.code(), Some(1));
        let last = text(&refused.stderr).lines().last().unwrap_or_default().to_owned();
        last.strip_prefix("liaod: ").expect("it says who speaks").to_owned()
    };
    let allowed = "cannot be used: it has a character that is not allowed";
    assert_eq!(add("Bad Id!", "B", &good).await, format!("the user id “Bad Id!” {allowed}"));
    assert_eq!(
        add("раypal", "P", &good).await,
        "the user id “раypal” cannot be used: it mixes scripts, and could be taken for another one"
    );
    assert_eq!(add("", "B", &good).await, "the user id “” cannot be used: it is empty");
    let long_name = "n".repeat(33);
    let refusal = add("bob", &long_name, &good).await;
    assert_eq!(refusal, format!("the display name “{long_name}” cannot be used: it is too long"));
    assert_eq!(add("bob", "", &good).await, "the display name “” cannot be used: it is empty");
    assert_eq!(
        add("bob", "Bob", &empty).await,
        "the password is empty: its file must begin with it"
    );
    assert_eq!(add("bob", "Bob", &long).await, "the password has more than 1024 bytes");
    let no_folder = output(liaod(&["check"], Path::new(&good))).await;
    assert_eq!(text(&no_folder.stderr), format!("liaod: there is no data folder at {good}\n"));
    let no_folder = output(liaod(&["invite", "add"], Path::new(&good))).await;
    assert_eq!(text(&no_folder.stderr), format!("liaod: {good} is not a folder\n"));
    let foreign = output(liaod(&["check"], folder.path())).await;
    assert!(text(&foreign.stderr).contains("there is no data folder at"));
    assert!(!folder.path().join("format").exists(), "a check makes nothing");
    let none = output(liaod(&["invite", "add", "--uses", "0"], &data)).await;
    assert_eq!(none.status.code(), Some(2));
    let refusal = add("bob", "Bob", &gone).await;
    assert!(refusal.starts_with("cannot read the password from "), "{refusal}");
    assert!(refusal.contains("No such file"), "{refusal}");
}

/// What a certificate's client calls after a renewal, with a service that is reloaded by a word only.
fn deploys(folder: &Path, to: &Path) -> Command {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/liaod-deploy.sh")).arg(to);
    command.env("RENEWED_LINEAGE", folder).env("PATH", path);
    command
}

/// A renewed certificate, and the folder that it is to be copied to.
fn renewed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (reload, to) = (folder.path().join("systemctl"), folder.path().join("tls"));
    fs::write(&reload, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&reload, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("fullchain.pem"), "chain").unwrap();
    fs::write(folder.path().join("privkey.pem"), "key").unwrap();
    fs::set_permissions(folder.path().join("privkey.pem"), fs::Permissions::from_mode(0o600))
        .unwrap();
    fs::create_dir(&to).unwrap();
    (folder, to)
}

/// Only root can play that: what is written belongs to the owner of the folder, and is written with their
/// rights, so that a link that they put in the way at the last moment opens nothing to them.
#[tokio::test]
async fn a_renewed_certificate_is_written_with_the_rights_of_the_service() {
    const SERVICE: u32 = 65_534;
    if !geteuid().is_root() {
        return;
    }
    let (folder, to) = renewed();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    chown(&to, Some(SERVICE), Some(SERVICE)).unwrap();
    let deployed = output(deploys(folder.path(), &to)).await;
    assert_eq!(text(&deployed.stdout), "reload liaod\n", "{}", text(&deployed.stderr));
    for (name, mode) in [("certificate-key.pem", 0o600), ("certificate.pem", 0o644)] {
        let found = to.join(name).metadata().unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (SERVICE, SERVICE, mode));
    }
    // What they may not reach is not reached for them either.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(!output(deploys(folder.path(), &to)).await.status.success());
}

#[tokio::test]
async fn a_renewed_certificate_is_written_through_no_link() {
    let (folder, to) = renewed();
    for _ in 0..2 {
        let deployed = output(deploys(folder.path(), &to)).await;
        assert_eq!(text(&deployed.stdout), "reload liaod\n", "{}", text(&deployed.stderr));
        for (name, words, mode) in
            [("certificate-key.pem", "key", 0o600), ("certificate.pem", "chain", 0o644)]
        {
            let path = to.join(name);
            assert_eq!(fs::read_to_string(&path).unwrap(), words);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{name}");
        }
    }
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "other words").unwrap();
    for name in ["certificate-key.pem", "certificate.pem"] {
        fs::remove_file(to.join(name)).unwrap();
        symlink(&elsewhere, to.join(name)).unwrap();
        let refused = output(deploys(folder.path(), &to)).await;
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{name}");
        assert!(text(&refused.stderr).contains("is a link"), "{name}");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "other words");
        fs::remove_file(to.join(name)).unwrap();
        fs::write(to.join(name), "").unwrap();
    }
    let link = folder.path().join("link");
    symlink(&to, &link).unwrap();
    assert!(!output(deploys(folder.path(), &link)).await.status.success());
}
