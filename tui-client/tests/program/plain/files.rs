//! Files, both ways.

use std::fs;

use crate::support::Town;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * at / 7 % 251).unwrap()).collect()
}

#[test]
fn a_file_goes_to_a_person_and_another_comes_back() {
    let town = Town::new();
    let (mut ann, mut bob) = (town.enters("ann"), town.enters("bob"));
    let (big, small) = (content(3_000_000), content(10));
    fs::write(town.path("home-ann/my notes.txt"), &big).unwrap();
    ann.says("/file bob my notes.txt");
    let offer = bob.hears("file", |_| true);
    assert_eq!(offer["room"], "ann");
    assert_eq!(offer["file"], "my notes.txt");
    assert_eq!(offer["size"], 3_000_000);
    let sent = ann.hears("sent", |_| true);
    assert_eq!((&sent["fid"], &sent["file"]), (&offer["fid"], &offer["file"]));

    bob.says(&format!("/get {}", offer["fid"]));
    bob.hears("saved", |line| line["fid"] == offer["fid"]);
    assert_eq!(fs::read(town.path("home-bob/my notes.txt")).unwrap(), big);

    fs::write(town.path("home-bob/small"), &small).unwrap();
    bob.says("/file #lobby small");
    let offer = ann.hears("file", |line| line["room"] == "#lobby");
    ann.says(&format!("/get {} here.bin", offer["fid"]));
    ann.hears("saved", |_| true);
    assert_eq!(fs::read(town.path("home-ann/here.bin")).unwrap(), small);
    // The same place again: what is there stays.
    ann.says(&format!("/get {} here.bin", offer["fid"]));
    let saved = ann.hears("saved", |_| true);
    assert!(!saved["file"].as_str().unwrap().ends_with("/here.bin"), "{saved}");
    assert_eq!(ann.ends().0, 0);
    assert_eq!(bob.ends().0, 0);
}

#[test]
fn a_file_waits_for_those_who_are_away_and_is_found_by_its_number_later() {
    let mut town = Town::new();
    assert_eq!(town.enters("bob").ends().0, 0);
    let mut ann = town.enters("ann");
    let bytes = content(100_000);
    fs::write(town.path("home-ann/a.bin"), &bytes).unwrap();
    // The upload is finished before the program ends.
    ann.says("/file bob a.bin");
    let (code, told) = ann.ends();
    assert_eq!(code, 0, "{told:?}");
    town.stop();
    town.start();

    let bob = town.logs_in("bob", &["--json"]);
    let offer = bob.hears("file", |_| true);
    assert_eq!(bob.ends().0, 0);
    let mut bob = town.returns("bob");
    bob.says(&format!("/get {}", offer["fid"]));
    bob.says("exit");
    assert_eq!(bob.ends().0, 0, "the download is finished before the program ends");
    assert_eq!(fs::read(town.path("home-bob/a.bin")).unwrap(), bytes);
}

#[test]
fn what_cannot_be_sent_or_fetched_is_said() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    fs::create_dir(town.path("home-ann/folder")).unwrap();
    for (line, want) in [
        ("/file #lobby nothing.txt", "nothing.txt"),
        ("/file #lobby folder", "folder"),
        ("/file #nowhere x", "You are in no room called #nowhere."),
        ("/file nobody x", "There is nobody called nobody."),
        ("/file ann x", "A private message needs somebody else."),
        ("/get 99", "There is no file 99 in your rooms."),
        ("/get x", "/get is written so: /get NUMBER [PATH]"),
    ] {
        ann.says(line);
        ann.complains(want);
    }
    assert_eq!(ann.ends().0, 1);
}

#[test]
fn progress_is_told_in_quarters() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    fs::write(town.path("home-ann/big"), content(8_000_000)).unwrap();
    ann.says("/file #lobby big");
    let (code, told) = ann.ends();
    assert_eq!(code, 0, "{told:?}");
    for line in told {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["kind"] == "progress" {
            assert!([25, 50, 75].iter().any(|quarter| line["percent"] == *quarter), "{line}");
        }
    }
}
