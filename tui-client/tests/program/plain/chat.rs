//! What people say to each other.

use serde_json::json;

use crate::support::Town;

fn keys(object: &serde_json::Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn two_people_chat_in_words() {
    let town = Town::new();
    let mut ann = town.logs_in("ann", &["--register", "--name", "Ann Lee"]);
    ann.complains("you write to #lobby");
    let mut bob = town.logs_in("bob", &["--register"]);
    bob.complains("account bob created");
    bob.complains("you write to #lobby");
    ann.reads("bob comes", |line| line.ends_with(" bob is online"));
    ann.says("hello bob");
    bob.reads("ann's line", |line| line.ends_with(" #lobby Ann Lee: hello bob"));
    bob.says("/msg ann psst");
    bob.reads("what was sent", |line| line.ends_with(" you to Ann Lee: psst"));
    ann.reads("a private word", |line| line.ends_with(" bob to you: psst"));
    bob.says("/who");
    let online = bob.reads("who is online", |line| line.starts_with("online: "));
    assert_eq!(online, "online: Ann Lee (ann), bob (bob)");
    bob.says("exit");
    assert_eq!(bob.ends(), (0, Vec::new()));
    ann.reads("bob goes", |line| line.ends_with(" bob is offline"));
    assert_eq!(ann.ends().0, 0);
}

#[test]
fn programs_read_one_object_a_line() {
    let town = Town::new();
    let mut ann = town.logs_in("ann", &["--register", "--json", "--name", "Ann Lee"]);
    let ready = ann.hears("ready", |_| true);
    assert_eq!((&ready["from"], &ready["name"]), (&json!("ann"), &json!("Ann Lee")));
    assert_eq!(ann.hears("room", |_| true), json!({"kind": "room", "room": "#lobby"}));
    let mut bob = town.enters("bob");
    let presence = ann.hears("presence", |_| true);
    assert_eq!((&presence["from"], &presence["online"]), (&json!("bob"), &json!(true)));

    ann.says("say \"it\", ann");
    let sent = ann.hears("sent", |_| true);
    let text = bob.hears("text", |_| true);
    assert_eq!(text.get("at"), None);
    assert_eq!(keys(&text), ["from", "kind", "name", "room", "seq", "text", "time"]);
    assert_eq!(text["text"], "say \"it\", ann");
    assert_eq!(text["from"], "ann");
    assert_eq!(text["name"], "Ann Lee");
    assert_eq!(text["room"], "#lobby");
    for key in ["room", "seq", "from", "name", "time", "text"] {
        assert_eq!(sent[key], text[key], "{key}");
    }
    let time = text["time"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");

    bob.says("看这里@ann，@Ann Lee too, not @nobody");
    assert_eq!(ann.hears("text", |_| true)["at"], json!(["ann"]));
    bob.says("/msg ann psst");
    assert_eq!(bob.hears("sent", |line| line["room"] == "ann")["text"], "psst");
    assert_eq!(ann.hears("text", |line| line["text"] == "psst")["room"], "bob");
    bob.says("/msg nobody hi");
    let error = bob.hears("error", |_| true);
    assert_eq!(error["text"], "not done: There is nobody called nobody.");
    bob.complains("There is nobody called nobody.");
    bob.says("/who");
    assert_eq!(bob.hears("who", |_| true)["from"], "ann");
    assert_eq!(bob.hears("who", |_| true)["from"], "bob");
    assert_eq!(bob.ends().0, 1, "something could not be sent");
    assert_eq!(ann.ends().0, 0);
}

#[test]
fn what_was_said_meanwhile_is_there_once_also_after_a_restart() {
    let mut town = Town::new();
    assert_eq!(town.enters("bob").ends().0, 0);
    let mut ann = town.enters("ann");
    ann.says("/msg bob are you there?");
    ann.says("anybody?");
    ann.hears("sent", |line| line["text"] == "anybody?");
    assert_eq!(ann.ends().0, 0);
    town.stop();
    town.start();

    let bob = town.logs_in("bob", &["--json"]);
    let is_new = |line: &serde_json::Value| line["kind"] == "text";
    let mut told = [bob.hears("text", is_new), bob.hears("text", is_new)];
    told.sort_by_key(|line| line["room"].to_string());
    assert_eq!((&told[0]["room"], &told[0]["text"]), (&json!("#lobby"), &json!("anybody?")));
    assert_eq!((&told[1]["room"], &told[1]["text"]), (&json!("ann"), &json!("are you there?")));
    assert_eq!(told[0]["name"], "ann", "though ann is away");
    bob.hears("ready", |_| true);
    assert_eq!(bob.ends().0, 0);

    let (code, rest) = town.returns("bob").ends();
    assert_eq!(code, 0);
    assert!(rest.iter().all(|line| !line.contains("anybody?")), "told once: {rest:?}");
}

#[test]
fn rooms_are_made_joined_and_switched() {
    let town = Town::new();
    let mut ann = town.logs_in("ann", &["--register", "--json", "--room", "tea"]);
    assert_eq!(ann.hears("room", |_| true)["room"], "#tea");
    let mut bob = town.enters("bob");
    bob.says("/room #tea");
    bob.complains("You are in no room called #tea.");
    bob.says("/join #tea");
    bob.hears("room", |line| line["room"] == "#tea");
    ann.hears("join", |line| line["from"] == "bob" && line["room"] == "#tea");
    bob.says("black or green?");
    assert_eq!(ann.hears_text("black or green?")["room"], "#tea");
    ann.says("/room lobby");
    ann.says("who has tea?");
    assert_eq!(bob.hears_text("who has tea?")["room"], "#lobby");
    ann.says("//join is a command");
    bob.hears_text("/join is a command");
    ann.says("/usr/bin is a folder");
    bob.hears_text("/usr/bin is a folder");
    ann.says("/jion #tea");
    ann.complains("There is no command /jion.");
    ann.says("/msg bob");
    ann.complains("/msg needs more: /msg ID TEXT");
    assert_eq!(ann.ends().0, 1);
    assert_eq!(bob.ends().0, 1);
}

#[test]
fn the_locale_chooses_the_language() {
    let town = Town::new();
    let mut command = town.command("ann");
    command.args(["--register", "--pin", &town.pin().to_string()]).env("LC_ALL", "zh_CN.UTF-8");
    let mut ann = crate::support::Person::start("ann", &mut command);
    ann.complains("当前房间：#lobby");
    ann.says("你好");
    ann.reads("her own line", |line| line.ends_with(" #lobby ann：你好"));
    assert_eq!(ann.ends().0, 0);
}
