//! `liao forget`: what it does, says and ends with.

use std::{process::Output, sync::mpsc::sync_channel, thread};

use liao_client_core::{
    address::Address,
    home::{Home, KnownServer},
};
use liao_common::id::Pin;

use crate::support::{DEADLINE, program};

const SERVER: &str = "chat.example.org:7000";

fn forget(home: &std::path::Path, language: &str) -> (Option<i32>, String, String) {
    let mut command = program();
    command.args(["forget", SERVER]).env("LIAO_HOME", home).env("LC_ALL", language);
    let (ended, output) = sync_channel(1);
    thread::spawn(move || ended.send(command.output().unwrap()));
    let Output { status, stdout, stderr } = output.recv_timeout(DEADLINE).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_known_key_is_forgotten_and_an_unknown_one_is_told() {
    for (language, done, unknown) in [
        ("C", "The key of chat.example.org:7000 is forgotten.", "No key of chat.example.org:7000"),
        ("zh_CN.UTF-8", "已忘掉 chat.example.org:7000 的密钥", "本机不知道 chat.example.org:7000"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("home");
        let (code, out, err) = forget(&dir, language);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.starts_with(unknown), "{err}");
        assert!(!dir.exists(), "nothing is made where nothing is known");

        let home = Home::open(&dir).unwrap();
        let address = Address::parse(SERVER).unwrap();
        let known = KnownServer {
            address: address.clone(),
            pin: Pin([7; 32]),
            since_ms: 1,
            name: String::new(),
            vouched: false,
            next: None,
        };
        home.remember_server(known).unwrap();
        let (code, out, err) = forget(&dir, language);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.starts_with(done), "{out}");
        assert_eq!(home.server(&address).unwrap(), None);
        assert_eq!(forget(&dir, language).0, Some(1), "it was known once only");
    }
}
