//! Rooms, order in them, and devices, from line mode.

use serde_json::json;

use crate::support::Town;

#[test]
fn a_room_is_kept_in_order_line_by_line() {
    let town = Town::new();
    // The first account is an administrator's, who is not taken out.
    let mut ann = town.enters("ann");
    let mut bob = town.enters("bob");
    ann.says("/create #tea green or black");
    assert_eq!(ann.hears("room", |line| line["room"] == "#tea")["room"], "#tea");
    ann.says("/rooms");
    let tea = ann.hears("listed", |line| line["room"] == "#tea");
    assert_eq!((&tea["text"], &tea["count"]), (&json!("green or black"), &json!(1)));
    ann.says("/invite bob");
    ann.complains("Invited.");
    bob.says("/join #tea");
    bob.hears("room", |line| line["room"] == "#tea");
    ann.says("/invite bob");
    ann.hears("error", |line| line["text"] == "not done: This person is in the room already.");
    ann.says("/mod bob");
    let role = bob.hears("role", |_| true);
    assert_eq!((&role["user"], &role["role"]), (&json!("bob"), &json!("moderator")));
    ann.says("/unmod @bob");
    assert_eq!(bob.hears("role", |_| true)["role"], "member");
    ann.says("/topic leaves");
    assert_eq!(bob.hears("topic", |line| line["text"] == "leaves")["from"], "ann");

    ann.says("/kick bob too loud");
    let out = bob.hears("leave", |line| line["from"] == "bob");
    assert_eq!((&out["by"], &out["text"]), (&json!("ann"), &json!("too loud")));
    ann.says("/ban bob");
    ann.complains("Banned.");
    ann.says("/bans");
    let banned = ann.hears("banned", |_| true);
    assert_eq!((&banned["from"], banned.get("text")), (&json!("bob"), None));
    ann.says("/unban bob");
    ann.complains("The ban is lifted.");
    ann.says("/kick nobody");
    ann.hears("error", |line| line["text"] == "not done: There is nobody called nobody.");
    ann.says("/leave");
    ann.hears("room", |line| line["room"] == "#lobby");
    ann.says("/leave");
    ann.hears("error", |line| line["text"].as_str().unwrap().contains("cannot be left"));
    ann.says("back in the lobby");
    bob.hears_text("back in the lobby");
    assert_eq!(ann.ends().0, 1, "something could not be done");
    assert_eq!(bob.ends().0, 0);
}

#[test]
fn devices_are_listed_and_logged_out() {
    let town = Town::new();
    let mut ann = town.enters("ann");
    let other = town.returns("ann");
    ann.says("/devices");
    let here = ann.hears("device", |line| line["here"] == true);
    assert!(here["name"].as_str().unwrap().contains("liao plain"), "{here}");
    let there = ann.hears("device", |line| line["here"] == false);
    assert_eq!(there["online"], true);
    ann.says(&format!("/logout {}", there["dev"]));
    ann.complains("Logged out there.");
    other.complains("logged out from elsewhere");
    assert_eq!(ann.ends().0, 0);
}
