//! Posts and places: every entry is what somebody sent, at one place, once, and in order; and only
//! those see it who may.

use std::collections::HashMap;

use super::{
    Found,
    facts::{Ack, Facts, Place, Post, Sight},
};
use crate::history::Draft;

pub(super) fn check(facts: &Facts<'_>, found: &mut Found<'_>) {
    acks(facts, found);
    let mut first = HashMap::new();
    let mut places: HashMap<Post<'_>, (Place, usize)> = HashMap::new();
    for ack in &facts.acks {
        places.entry(ack.post).or_insert((ack.place, ack.index));
    }
    for sight in &facts.sights {
        same_for_all(facts, found, &mut first, sight);
        once(found, &mut places, sight);
        true_to_its_sender(facts, found, sight);
        for_this_reader(facts, found, sight);
    }
    in_order(facts, found, &places);
}

/// A post has one place, and a place one post.
fn acks<'a>(facts: &Facts<'a>, found: &mut Found<'_>) {
    let (mut by_post, mut by_place) = (HashMap::new(), HashMap::new());
    for Ack { index, post, place } in &facts.acks {
        let (before, at) = *by_post.entry(*post).or_insert((*place, *index));
        if before != *place {
            let words =
                format!("a post was acknowledged at {} and at {}", say(before), say(*place));
            found.tell(("I3", "duplicate"), words, &[at, *index]);
        }
        let (owner, at) = *by_place.entry(*place).or_insert((*post, *index));
        if owner != *post {
            let words = format!("{} was given to two posts", say(*place));
            found.tell(("I4", "place used twice"), words, &[at, *index]);
        }
    }
}

/// Everybody sees the same entry at the same place, but for words that were taken back.
fn same_for_all<'a>(
    facts: &Facts<'_>,
    found: &mut Found<'_>,
    first: &mut HashMap<Place, Sight<'a>>,
    sight: &Sight<'a>,
) {
    let entry = sight.entry;
    let seen = *first.entry((entry.draft.room, entry.seq)).or_insert(*sight);
    let before = seen.entry;
    let alike = (before.from, &before.draft.cid, &before.draft.kind, before.draft.of)
        == (entry.from, &entry.draft.cid, &entry.draft.kind, entry.draft.of);
    let blanked = (before.is_blank() || entry.is_blank()) && facts.may_be_blank(entry);
    if !alike || (before.draft.text != entry.draft.text && !blanked) {
        let words = format!("{} is not the same for all", say((entry.draft.room, entry.seq)));
        found.tell(("I5", "inconsistent place"), words, &[seen.index, sight.index]);
    }
}

fn once<'a>(
    found: &mut Found<'_>,
    places: &mut HashMap<Post<'a>, (Place, usize)>,
    sight: &Sight<'a>,
) {
    let entry = sight.entry;
    if !entry.is_post() {
        return;
    }
    let here = (entry.draft.room, entry.seq);
    let (place, at) = *places.entry((entry.from, &entry.draft.cid)).or_insert((here, sight.index));
    if place != here {
        let words = format!("one post stands at {} and at {}", say(place), say(here));
        found.tell(("I3", "duplicate"), words, &[at, sight.index]);
    }
}

fn true_to_its_sender(facts: &Facts<'_>, found: &mut Found<'_>, sight: &Sight<'_>) {
    let entry = sight.entry;
    if !entry.is_post() {
        return;
    }
    let here = say((entry.draft.room, entry.seq));
    let Some(sent) = facts.sent_at.get(&(entry.from, entry.draft.cid.as_str())) else {
        let words = format!("what stands at {here} was never sent by account {}", entry.from);
        return found.tell(("I2", "never sent"), words, &[sight.index]);
    };
    let (at, _, draft) = facts.sent[*sent];
    if at > sight.index {
        let words = format!("what stands at {here} was shown before it was sent");
        found.tell(("I2", "shown too early"), words, &[sight.index, at]);
    }
    if draft.room != entry.draft.room {
        let words = format!("what was said in room {} is shown at {here}", draft.room);
        found.tell(("I11", "leak into another room"), words, &[at, sight.index]);
    }
    let blanked = entry.is_blank() && facts.may_be_blank(entry);
    let alike = (&draft.kind, draft.of, draft.re)
        == (&entry.draft.kind, entry.draft.of, entry.draft.re)
        && (draft.text == entry.draft.text || blanked || draft.kind == "redact");
    if !alike {
        let words = format!("{here} has other words than were sent");
        found.tell(("I2", "changed"), words, &[at, sight.index]);
    }
    let behind = [entry.draft.re, entry.draft.of].into_iter().flatten().all(|of| of < entry.seq);
    if !behind {
        let words = format!("{here} answers or changes what comes after it");
        found.tell(("I7", "effect before cause"), words, &[sight.index]);
    }
}

fn for_this_reader(facts: &Facts<'_>, found: &mut Found<'_>, sight: &Sight<'_>) {
    if facts.may_see(sight) {
        return;
    }
    let here = say((sight.entry.draft.room, sight.entry.seq));
    let ever = facts.may.contains_key(&(sight.who, sight.entry.draft.room));
    let fault = if ever { ("I10", "outside of membership") } else { ("I11", "leak to a stranger") };
    found.tell(fault, format!("{} was shown {here}", sight.who), &[sight.index]);
}

/// What one client says in one room stays in the order in which it first said it, but for what was refused and is
/// sent again.
fn in_order(facts: &Facts<'_>, found: &mut Found<'_>, places: &HashMap<Post<'_>, (Place, usize)>) {
    let mut last: HashMap<(&str, u64), (u64, usize)> = HashMap::new();
    let told = |(_, post, _): &&(usize, Post<'_>, &Draft)| !facts.unheard.contains(post);
    for (index, post, draft) in facts.sent.iter().filter(told) {
        let Some(((room, seq), _)) = places.get(post) else { continue };
        let who: &str = &facts.history[*index].who;
        let (before, at) = last.entry((who, draft.room)).or_insert((0, *index));
        if *room == draft.room && *seq < *before {
            let words = format!(
                "{who} said what stands at {} after what stands at {}",
                say((*room, *seq)),
                say((*room, *before))
            );
            found.tell(("I6", "swapped"), words, &[*at, *index]);
        }
        (*before, *at) = (*seq, *index);
    }
}

/// A place in words.
pub(super) fn say((room, seq): Place) -> String {
    format!("place {seq} of room {room}")
}
