//! Text that means harm: the server keeps it as it was said, and no screen ever sees it so.

use liao_common::{
    event::Page,
    fault::FaultCode,
    id::RoomId,
    message::{Body, Kind},
    request::{History, RoomCreate},
};

use crate::support::{World, refusal};

/// Escape sequences, control characters of both kinds, direction overrides, invisible ones.
const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}[1;1Hgone",
    "\u{1b}]0;owned\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
    "\u{9b}31mred",
    "\u{90}q\u{9c}",
    "abc\rXYZ\u{8}\u{8}",
    "left\u{202e}thgir\u{2066}",
    "zero\u{200b}width\u{feff}",
    "line\u{2028}separator\u{2029}",
    "nul\u{0}byte\u{7f}",
    "Z\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}algo",
    "tag\u{e0041}\u{e0042}",
    "non\u{ffff}character",
];

/// Whether a terminal could take it for something else than text of one kind of direction.
fn is_harmful(text: &str) -> bool {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{ffff}')
    };
    text.chars().any(harmful)
}

#[tokio::test]
async fn what_is_said_is_kept_as_it_is_and_shown_clean() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    for text in HOSTILE {
        alice.says("#lobby", text).await;
    }
    let edited = alice.says("#lobby", "harmless").await;
    let edit = Body { of: Some(edited), ..Body::text(HOSTILE[0]) };
    alice.posts("#lobby", Kind::Edit, edit).await.unwrap();
    alice.says("#lobby", "the end").await;
    bob.sees("#lobby", "alice: the end").await;
    bob.looks(|seen| {
        let pushed: Vec<_> =
            seen.messages.iter().filter_map(|message| message.body.text.as_deref()).collect();
        assert!(HOSTILE.iter().all(|text| pushed.contains(text)), "untouched on the way");
    });
    world.restarts().await;
    let page: Page = bob.asks(History { room: RoomId::LOBBY, ..History::default() }).await.unwrap();
    let kept: Vec<_> =
        page.msgs.iter().filter_map(|message| message.body.text.as_deref()).collect();
    assert!(HOSTILE.iter().all(|text| kept.contains(text)), "untouched in the log");
    let lines = bob.looks(|seen| seen.lines("#lobby"));
    assert!(lines.len() > HOSTILE.len());
    for line in &lines {
        assert!(!is_harmful(line), "{line:?}");
    }
    for row in bob.inbox() {
        assert!(!is_harmful(&row.words) && !row.words.contains('\n'), "{row:?}");
    }
}

#[tokio::test]
async fn names_and_topics_cannot_be_hostile() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    for text in HOSTILE {
        let ask = RoomCreate { name: format!("x{text}"), private: false, topic: String::new() };
        assert_eq!(refusal(alice.asks(ask).await), FaultCode::BadName, "{text:?}");
        alice.sets_topic("#tea", text).await.unwrap();
    }
    alice.sets_topic("#tea", "the end").await.unwrap();
    bob.sees("#tea", "alice set the topic: the end").await;
    for line in bob.looks(|seen| seen.lines("#tea")) {
        assert!(!is_harmful(&line), "{line:?}");
    }
}
