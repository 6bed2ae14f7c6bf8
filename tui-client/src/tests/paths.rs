//! Choosing a file by its path: typed or dropped into the picker, completed behind `/send`.

use std::{io, path::Path};

use liao_common::id::RoomId;

use super::driver::{Desk, busy};
use crate::{effect::Effect, input::Input, picker::Entry, words::Language};

const SIZE: (u16, u16) = (80, 24);

fn desk() -> Desk {
    busy(SIZE, Language::English)
}

/// Reads the folders that are asked for, until none is; gives what else was asked for.
fn read(desk: &mut Desk) -> Vec<Effect> {
    let mut others = Vec::new();
    loop {
        let mut lists = Vec::new();
        for wish in desk.wishes() {
            match wish {
                Effect::List(folder) => lists.push(folder),
                Effect::KeepDrafts(_) => {}
                other => others.push(other),
            }
        }
        if lists.is_empty() {
            return others;
        }
        for folder in lists {
            let entries = entries(&folder);
            desk.input(Input::Listed { folder, entries });
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let file = |name: &str| Entry::new(name, false, 1200);
    Ok(match folder.to_str().unwrap() {
        "/" => vec![Entry::new("home", true, 0), Entry::new("tmp", true, 0)],
        "/tmp" => vec![file("plan a.txt"), file("plan b.txt"), file("日程.txt"), file(".secret")],
        "/home" => vec![Entry::new("alice", true, 0)],
        "/home/alice" => vec![Entry::new("docs", true, 0), file("notes.txt")],
        "/home/alice/docs" => vec![file(".hidden")],
        _ => return Err(io::ErrorKind::NotFound.into()),
    })
}

fn sees(path: &str) -> Vec<Effect> {
    vec![Effect::SeeFile(RoomId::LOBBY, path.into())]
}

#[test]
fn a_path_typed_into_the_picker_leads_there() {
    let mut desk = desk();
    desk.keys("<F5>");
    read(&mut desk);
    desk.shows("notes.txt");
    desk.keys("/tmp/");
    read(&mut desk);
    desk.shows("plan b.txt");
    desk.hides("notes.txt");
    desk.keys("plan b");
    desk.hides("plan a.txt");
    desk.keys("<Enter>");
    assert_eq!(read(&mut desk), sees("/tmp/plan b.txt"));
    desk.hides("Choose a file");
}

#[test]
fn a_path_dropped_into_the_picker_is_the_one_that_is_sent() {
    for text in ["/tmp/plan a.txt", "'/tmp/plan a.txt'\n", "file:///tmp/plan%20a.txt"] {
        let mut desk = desk();
        desk.keys("<F5>");
        desk.input(Input::Paste(text.into()));
        // Whoever is faster than the disk gets the same.
        desk.keys("<Enter>");
        assert_eq!(read(&mut desk), sees("/tmp/plan a.txt"), "{text}");
        desk.hides("Choose a file");
    }
    let mut desk = desk();
    desk.keys("<F5>");
    desk.input(Input::Paste("/nowhere/x".into()));
    read(&mut desk);
    desk.shows("There is no folder /nowhere.");
    desk.keys("<Enter>");
    assert_eq!(read(&mut desk), []);
}

#[test]
fn tab_completes_in_the_picker() {
    let mut desk = desk();
    desk.keys("<F5>");
    read(&mut desk);
    for (keys, line) in
        [("/t<Tab>", "❯ /tmp/"), ("p<Tab>", "❯ /tmp/plan "), ("b<Tab>", "❯ /tmp/plan b.txt")]
    {
        desk.keys(keys);
        read(&mut desk);
        desk.shows(line);
    }
}

#[test]
fn tab_completes_a_path_behind_send() {
    let mut desk = desk();
    desk.keys("/send n<Tab>");
    read(&mut desk);
    desk.shows("❯ /send notes.txt");
    desk.keys("<C-u>/send /tm<Tab>");
    read(&mut desk);
    desk.shows("❯ /send /tmp/");
    desk.keys("p<Tab>");
    read(&mut desk);
    desk.shows("❯ /send /tmp/plan");
    desk.hides("plan a.txt");
    desk.keys("<Tab>");
    read(&mut desk);
    desk.shows("plan a.txt");
    desk.hides(".secret");
    desk.keys("<Down><Enter>");
    desk.shows("❯ /send /tmp/plan b.txt");
    desk.keys("<Enter>");
    assert_eq!(read(&mut desk), sees("/tmp/plan b.txt"));

    desk.keys("/send ..<Tab>");
    desk.shows("❯ /send ../");
    desk.keys("<C-u>");

    desk.keys("/send zz<Tab>");
    read(&mut desk);
    desk.shows("Nothing here is called zz.");
    desk.keys("<C-u>/send docs/<Tab>");
    read(&mut desk);
    desk.shows("This folder is empty.");
    // Elsewhere Tab is what it was.
    desk.app.base.now_ms += 10_000;
    desk.keys("<C-u>hello<Tab>");
    assert_eq!(read(&mut desk), []);
    desk.shows("y copy");
}

#[test]
fn a_folder_that_comes_too_late_changes_nothing() {
    let mut desk = desk();
    desk.keys("/send /tm<Tab>");
    desk.keys("<C-u>never mind");
    read(&mut desk);
    desk.shows("❯ never mind");
}

#[test]
fn send_takes_paths_as_people_write_them() {
    let home = std::env::home_dir().unwrap();
    for (typed, path) in [
        ("/tmp/a b.txt", "/tmp/a b.txt".into()),
        ("'/tmp/a b.txt'", "/tmp/a b.txt".into()),
        ("/tmp/a\\ b.txt", "/tmp/a b.txt".into()),
        ("~/a.txt", home.join("a.txt")),
        ("docs/../a.txt", "/home/alice/a.txt".into()),
    ] {
        let mut desk = desk();
        desk.keys(&format!("/send {typed}<Enter>"));
        assert_eq!(read(&mut desk), [Effect::SeeFile(RoomId::LOBBY, path)], "{typed}");
    }
}
