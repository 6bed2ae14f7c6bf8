//! What goes wrong is told in a sentence of its own, in the language of the locale.

use std::{fs, io::Write as _, net::TcpListener, process::Command, thread};

use liao_server::config::Transport;

use crate::support::{Person, Town};

/// A run in English and one in Chinese, in which a line is typed: how they end, and what they say.
fn check_line(line: &str, command: impl Fn() -> Command, code: i32, wanted: [&str; 2]) {
    for (language, wanted) in ["C", "zh_CN.UTF-8"].into_iter().zip(wanted) {
        let mut person = Person::start("somebody", command().env("LC_ALL", language));
        if !line.is_empty() {
            person.says(line);
        }
        let (ended, said) = person.ends_with_words();
        assert_eq!(ended, code, "{line}: {said}");
        assert!(said.contains(wanted), "{line}: {said} and not {wanted}");
        assert!(!said.contains("os error"), "{line}: {said}");
    }
}

/// The same where it does not come so far.
fn check(command: impl Fn() -> Command, code: i32, wanted: [&str; 2]) {
    check_line("", command, code, wanted);
}

#[test]
fn a_server_that_is_not_to_be_had_is_told_from_the_others() {
    let town = Town::new();
    let pin = town.pin().to_string();
    let with = |town: &Town, more: &[&str]| {
        let mut command = town.command("ann");
        command.args(more);
        command
    };
    let at = |server: &str| {
        let mut command = crate::support::program();
        command.env("LIAO_HOME", town.path("home-ann")).args(["plain", "--user", "ann"]);
        command.arg("--password-file").arg(town.path("password"));
        command.args(["--server", server, "--pin", &pin]);
        command
    };
    check(
        || at("liao.invalid:1"),
        3,
        ["There is no server called liao.invalid.", "找不到服务器 liao.invalid。"],
    );
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let refused = [format!("Nothing answers at {free}."), format!("{free} 没有回应。")];
    check(|| at(&free), 3, refused.each_ref().map(String::as_str));
    check(
        || with(&town, &["--insecure-plaintext"]),
        3,
        [
            "wants encryption. Leave out --insecure-plaintext.",
            "要求加密。请去掉 --insecure-plaintext。",
        ],
    );
    let plain = Town::with(Transport::Plaintext);
    for more in [&["--pin", &pin][..], &[]] {
        check(|| with(&plain, more), 3, ["does not encrypt.", "没有加密。"]);
    }
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = stranger.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for call in stranger.incoming() {
            call.and_then(|mut call| call.write_all(b"220 mail.example.org\r\n")).unwrap();
        }
    });
    check(|| at(&there), 3, ["not with a safe connection", "不是安全连接"]);
}

#[test]
fn a_login_that_is_refused_says_what_to_do() {
    let town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    let login = |more: &[&str]| {
        let mut command = town.command("ann");
        command.args(["--pin", &town.pin().to_string()]).args(more);
        command
    };
    check(
        || login(&["--register"]),
        4,
        [
            "The user id ann is taken. Choose another, or leave out --register to log in.",
            "用户名 ann 已被占用。",
        ],
    );
    fs::write(town.path("password"), "not her password").unwrap();
    check(|| login(&[]), 4, ["User id or password is wrong", "密码"]);
    for weak in ["short", "password"] {
        fs::write(town.path("password"), weak).unwrap();
        let register = || {
            let mut command = town.command("bob");
            command.args(["--pin", &town.pin().to_string(), "--register"]);
            command
        };
        check(register, 4, ["The password is too short or too easy", "密码太短"]);
    }
    for (content, wanted) in [
        (&b"\n"[..], ["its first line is empty", "第一行是空的"]),
        (b"\xff\xfe\n", ["not text in UTF-8", "不是 UTF-8 文本"]),
    ] {
        fs::write(town.path("password"), content).unwrap();
        check(|| login(&[]), 2, wanted);
    }
    fs::remove_file(town.path("password")).unwrap();
    check(|| login(&[]), 2, ["it does not exist", "它不存在"]);
    fs::create_dir(town.path("password")).unwrap();
    check(|| login(&[]), 2, ["it is a folder", "它是文件夹"]);
}

#[test]
fn a_room_that_one_is_not_in_and_a_file_that_cannot_go_are_told() {
    let town = Town::new();
    assert_eq!(town.enters("bob").ends().0, 0);
    fs::create_dir(town.path("home-bob/folder")).unwrap();
    let large = fs::File::create(town.path("home-bob/large")).unwrap();
    large.set_len((100 << 20) + (5 << 20)).unwrap();
    for (line, wanted) in [
        ("/room #nowhere", ["You are in no room called #nowhere.", "你不在名为 #nowhere"]),
        ("/file #lobby missing", ["There is no file missing.", "没有文件 missing。"]),
        ("/file #lobby folder", ["folder is a folder.", "folder 是文件夹"]),
        (
            "/file #lobby large",
            ["it has 105 MiB, and this server takes at most 100 MiB", "105 MiB"],
        ),
    ] {
        let typed = || {
            let mut command = town.command("bob");
            command.args(["--pin", &town.pin().to_string()]);
            command
        };
        check_line(line, typed, 1, wanted);
    }
}

#[test]
fn an_address_that_is_none_is_told_in_both_languages() {
    for (address, wanted) in [
        ("", ["Please type the server's address.", "服务器地址"]),
        ("host:0", ["The port is a number from 1 to 65535.", "65535"]),
        ("http://host/", ["Write it as HOST:PORT", "HOST:PORT"]),
    ] {
        let typed = |arguments: &[&str]| {
            let mut command = crate::support::program();
            command.args(arguments).arg(address);
            command
        };
        check(|| typed(&["forget"]), 2, wanted);
        check(|| typed(&["plain", "--user", "ann", "--password-file", "-", "--server"]), 2, wanted);
    }
}
