//! Which room a line goes to.

use liao_common::request::{RoomBan, RoomCreate, Users};

use crate::support::Town;

#[test]
fn words_behind_a_change_of_room_that_failed_are_said_nowhere() {
    let town = Town::new();
    let ann = town.enters("ann");
    let mut bob = town.enters("bob");
    // Here is a room that bob may neither enter nor make.
    let hidden = RoomCreate { name: "hidden".into(), private: false, topic: String::new() };
    let room = town.asks("ann", hidden).room;
    let names = vec!["bob".to_owned()];
    let user = town.asks("ann", Users { ids: Vec::new(), names }).users[0].user;
    town.asks("ann", RoomBan { room, user, text: String::new() });
    for change in [
        &b"/room #hidden"[..],
        b"/join #hidden",
        b"/create #hidden",
        b"/room",
        "/join #club 俱乐部".as_bytes(),
        b"/join #caf\xe9",
        b"/jion #club",
    ] {
        let shown = String::from_utf8_lossy(change);
        let lines = [change, b"x secret\n/topic secret\n/msg ann psst\n/room #lobby\nand back\n"];
        bob.types(&lines.join(&b'\n'));
        bob.complains("Not done: x secret");
        bob.complains("Not done: /topic secret");
        // Rooms wait for nothing in one another. A line that names its place is said there.
        let mut heard = [(); 2].map(|()| ann.hears("text", |_| true)["text"].to_string());
        heard.sort();
        assert_eq!(heard, ["\"and back\"", "\"psst\""], "{shown}");
    }
    assert_eq!(bob.ends().0, 1);
    assert_eq!(ann.ends().0, 0);
}

#[test]
fn what_is_wrong_with_a_command_is_said_as_it_is() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    for (line, said) in [
        ("/join #club 俱乐部", "/join has too many words: /join #ROOM"),
        ("/join", "/join needs more: /join #ROOM"),
        ("/join #", "/join is written so: /join #ROOM"),
        ("/who is there", "/who has too many words: /who"),
    ] {
        ann.says(line);
        ann.complains(said);
    }
    assert_eq!(ann.ends().0, 1);
}

#[test]
fn what_was_said_in_a_room_that_was_left_at_once_has_its_name() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    let rooms = ["#one", "#two", "#three", "#four", "#five"];
    let lines = rooms.map(|room| format!("/join {room}\nhey\n/leave\n"));
    ann.types(lines.concat().as_bytes());
    let (code, told) = ann.ends();
    assert_eq!(code, 0, "{told:?}");
    for line in told {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let room = line["room"].as_str().unwrap_or("#");
        assert!(room.starts_with('#'), "{line}");
    }
}
