//! Where rooms begin: old messages go only where the server was told so, no more of them than it was
//! told, and they do not come back.

use std::collections::HashMap;

use super::{
    Found,
    facts::{Facts, Place},
    posts::say,
};
use crate::history::Fact;

/// What may go.
#[derive(Clone, Copy)]
enum Rule {
    Nothing,
    /// All but so many of the newest of each room.
    AllBut(u64),
    /// Whatever is old.
    Old,
}

pub(super) fn check(facts: &Facts<'_>, found: &mut Found<'_>) {
    let rule = facts.history.iter().find_map(|record| match record.fact {
        Fact::Keeps { messages } => Some(messages.map_or(Rule::Old, Rule::AllBut)),
        _ => None,
    });
    let rule = rule.unwrap_or(Rule::Nothing);
    let mut heads: HashMap<u64, u64> = HashMap::new();
    let seen = facts.sights.iter().map(|sight| (sight.entry.draft.room, sight.entry.seq));
    for (room, seq) in seen.chain(facts.acks.iter().map(|ack| ack.place)) {
        let head = heads.entry(room).or_default();
        *head = seq.max(*head);
    }
    let mut before: HashMap<(&str, u64), (u64, usize)> = HashMap::new();
    for (index, record) in facts.history.iter().enumerate() {
        let (room, floor) = match record.fact {
            Fact::Floor { room, seq } => (room, seq),
            Fact::ReadAll { room, floor } => (room, floor),
            _ => continue,
        };
        let who: &str = &record.who;
        let head = heads.get(&room).copied().unwrap_or_default();
        let by_age = match rule {
            Rule::Nothing => 0,
            Rule::AllBut(kept) => head.saturating_sub(kept),
            Rule::Old => head,
        };
        let here: Place = (room, floor);
        if floor > by_age.max(facts.entered(who, room)) {
            let words = format!("{who} was told that {} and all before it are old", say(here));
            found.tell(("I1", "gone too soon"), words, &[index]);
        }
        let (last, at) = before.insert((who, room), (floor, index)).unwrap_or((0, index));
        if floor < last {
            let words = format!("{who} was told that room {room} begins lower than before");
            found.tell(("I4", "floor fell"), words, &[at, index]);
        }
    }
}
