//! Rooms: making one, finding it in the list, coming, talking, going.

use crate::driver::{Key, Terminal, Town, filled, word};

/// Goes to a chat by what it is called, from anywhere.
fn goes_to(terminal: &mut Terminal, typed: &str, room: &str) {
    terminal.presses(Key::Ctrl('k'));
    terminal.waits_for(word("goto.title"));
    terminal.types(typed);
    terminal.waits_for(room);
    terminal.presses(Key::Enter);
    terminal.is_in(room);
}

#[test]
fn a_room_is_made_found_joined_and_left() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    alice.enters("/create #tea green and black");
    alice.is_in("#tea");
    alice.waits_for("green and black");
    bob.presses(Key::F(6));
    bob.waits_for_all(&[word("room.list_title"), "#tea", "green and black"]);
    bob.types("tea");
    bob.presses(Key::Enter);
    bob.is_in("#tea");
    alice.waits_for(filled("room.joined", &[("name", &"Bob")]));
    bob.says("oolong for me");
    alice.waits_for("oolong for me");
    alice.enters("/topic oolong only");
    bob.waits_for(filled("room.topic_set", &[("name", &"Alice"), ("topic", &"oolong only")]));

    goes_to(&mut bob, "lob", "#lobby");
    goes_to(&mut bob, "tea", "#tea");
    bob.enters("/leave");
    bob.is_in("#lobby");
    bob.waits_for_end_of("#tea");
    alice.waits_for(filled("room.left", &[("name", &"Bob")]));

    // Whose a room is goes on with it, and everybody sees it at once.
    bob.enters("/join tea");
    bob.is_in("#tea");
    let owner = word("presence.owner");
    bob.waits_for(format!("Alice ({owner})"));
    alice.waits_for(filled("room.joined", &[("name", &"Bob")]));
    alice.enters("/leave");
    alice.waits_for(filled("room.leave_ask", &[("room", &"#tea")]));
    alice.types("y");
    alice.is_in("#lobby");
    bob.waits_for(filled("room.made_owner", &[("other", &"Bob")]));
    bob.waits_for(format!("Bob ({}) ({owner})", word("presence.you")));
    bob.waits_for_end_of(format!("Alice ({owner})"));
    alice.quits();
    bob.quits();
}

#[test]
fn a_private_room_is_only_for_whom_it_was_opened() {
    let town = Town::new();
    let mut alice = town.registers("alice", "Alice");
    let mut bob = town.registers("bob", "Bob");
    let mut carol = town.registers("carol", "Carol");
    opens_a_private_room(&mut alice, "secret");
    alice.waits_for(word("room.private"));
    alice.enters("/invite bob");
    alice.waits_for(word("status.invited"));
    bob.presses(Key::F(2));
    bob.waits_for(filled("inbox.invitation", &[("room", &"#secret")]));
    bob.presses(Key::Enter);
    bob.is_in("#secret");
    bob.says("what is it?");
    alice.waits_for("what is it?");
    alice.enters("/invite bob");
    alice.waits_for(word("fault.already_member"));

    // Who is talking elsewhere is told at once, and needs one key.
    opens_a_private_room(&mut alice, "cellar");
    alice.enters("/invite carol");
    carol.waits_for(filled("room.invites_you", &[("name", &"Alice"), ("room", &"#cellar")]));
    carol.presses(Key::Alt('j'));
    carol.is_in("#cellar");
    alice.waits_for(filled("room.joined", &[("name", &"Carol")]));

    carol.enters("/join #secret");
    carol.waits_for_all(&[word("room.create_ask"), "secret"]);
    assert!(carol.has_never_seen("what is it?"));
    for terminal in [alice, bob, carol] {
        terminal.signals("TERM");
        terminal.ends();
    }
}

fn opens_a_private_room(person: &mut Terminal, name: &str) {
    person.enters("/create");
    person.waits_for(word("room.create_title"));
    person.types(name);
    person.presses(Key::Tab);
    person.presses(Key::Tab);
    person.types(" ");
    person.presses(Key::Enter);
    person.is_in(&format!("#{name}"));
}
