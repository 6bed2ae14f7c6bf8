//! A sound history passes, and each planted fault is caught under its own name.

use super::*;
use crate::history::{self, Draft, Entry, Fact};

const LOBBY: u64 = 1;
/// Between anna and bert.
const DIRECT: u64 = 7;

fn draft(cid: &str, room: u64, kind: &str, text: &str, of: u64) -> Draft {
    Draft {
        cid: cid.to_owned(),
        room,
        kind: kind.to_owned(),
        text: Some(text.to_owned()).filter(|text| !text.is_empty()),
        of: Some(of).filter(|of| *of > 0),
        re: None,
    }
}

fn entry(seq: u64, from: u64, draft: Draft) -> Entry {
    Entry { seq, from, draft }
}

/// A history that is written down step by step.
#[derive(Default)]
struct Story(Vec<Record>);

impl Story {
    fn tell(&mut self, who: &str, fact: Fact) {
        let at = self.0.len() as u64;
        self.0.push(Record { at, who: who.to_owned(), fact });
    }

    fn posts(&mut self, (who, user): (&str, u64), seq: u64, draft: Draft, seen_by: &[&str]) {
        self.tell(who, Fact::Sent(draft.clone()));
        let (cid, room) = (draft.cid.clone(), draft.room);
        self.tell(who, Fact::Acked { cid, room, seq, dup: false });
        for reader in seen_by {
            self.tell(reader, Fact::Saw(entry(seq, user, draft.clone())));
        }
    }

    fn reads(&mut self, who: &str, room: u64, entries: &[Entry]) {
        self.tell(who, Fact::Reads { room });
        for entry in entries {
            self.tell(who, Fact::Read(entry.clone()));
        }
        self.tell(who, Fact::ReadAll { room, floor: 0 });
    }

    /// The first record that is like this.
    fn find(&self, is: impl Fn(&Record) -> bool) -> usize {
        self.0.iter().position(is).expect("such a record")
    }
}

fn log() -> [Entry; 5] {
    [
        entry(1, 1, draft("a1", LOBBY, "text", "one", 0)),
        entry(2, 2, draft("b1", LOBBY, "text", "two", 0)),
        entry(3, 1, draft("a2", LOBBY, "text", "three", 0)),
        entry(4, 1, draft("a3", LOBBY, "edit", "one!", 1)),
        entry(5, 2, draft("b2", LOBBY, "redact", "", 2)),
    ]
}

/// Three people, a room, a private chat, a restart, a file.
fn sound() -> Story {
    let mut story = Story::default();
    let all = ["anna", "bert", "carl"];
    for (who, user) in all.into_iter().zip(1..) {
        story.tell(who, Fact::Person { user });
        story.tell(who, Fact::May { room: LOBBY, after: 0 });
        story.tell(who, Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 0)] });
    }
    story.tell("anna", Fact::May { room: DIRECT, after: 0 });
    story.tell("bert", Fact::May { room: DIRECT, after: 0 });
    let [one, two, three, edit, redact] = log();
    story.posts(("anna", 1), 1, one.draft, &all);
    story.posts(("bert", 2), 2, two.draft, &all);
    story.posts(("anna", 1), 1, draft("a9", DIRECT, "text", "secret", 0), &["anna", "bert"]);
    story.tell("carl", Fact::Sent(draft("c1", LOBBY, "text", "too much", 0)));
    story.tell("carl", Fact::Refused { cid: "c1".to_owned(), code: "busy".to_owned() });
    story.tell("anna", Fact::Marked { room: LOBBY, read: 2 });
    story.tell("bert", Fact::Stored { file: 3, b3: "f00d".to_owned() });
    for who in all {
        story.tell(who, Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 2)] });
    }
    // Sent again after a cut: the answer had been lost.
    story.tell("anna", Fact::Sent(three.draft.clone()));
    story.posts(("anna", 1), 3, three.draft, &["anna", "bert"]);
    story.tell("carl", Fact::Gap { room: LOBBY, from: 3, to: 3 });
    story.posts(("anna", 1), 4, edit.draft, &all);
    story.posts(("bert", 2), 5, redact.draft, &all);
    story.tell("anna", Fact::Marked { room: LOBBY, read: 5 });
    let mut found = log();
    found[1].draft.text = Some("   ".to_owned());
    for who in all {
        story.tell(who, Fact::Rests { room: LOBBY, seq: 5 });
        story.reads(who, LOBBY, &found);
    }
    story.reads("bert", DIRECT, &[entry(1, 1, draft("a9", DIRECT, "text", "secret", 0))]);
    story.tell("carl", Fact::Fetched { file: 3, b3: "f00d".to_owned() });
    story
}

fn names(history: &[Record]) -> Vec<&'static str> {
    let mut names: Vec<_> = check(history).faults.iter().map(|fault| fault.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn a_sound_history_passes_and_is_counted() {
    let story = sound();
    let verdict = check(&story.0);
    let told: Vec<_> = verdict.faults.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    let Counts { sent, acked, unknown_kept, pushed, read, read_whole, .. } = verdict.counts;
    assert_eq!((sent, acked, unknown_kept), (7, 6, 0));
    assert_eq!((pushed, read, read_whole), (16, 16, 4));
}

#[test]
fn a_history_is_read_back_from_its_lines() {
    let story = sound();
    let mut lines = Vec::new();
    history::write(&mut lines, &story.0).unwrap();
    assert_eq!(history::read(&lines[..]).unwrap(), story.0);
    let broken = [&lines[..], b"{\"op\":\"nothing\"}\n"].concat();
    let words = history::read(&broken[..]).unwrap_err().to_string();
    assert!(words.starts_with(&format!("line {}: ", story.0.len() + 1)), "{words}");
}

type Plant = fn(&mut Story);

/// Changes every entry of this room and place, wherever it was read or pushed.
fn everywhere(story: &mut Story, seq: u64, change: impl Fn(&mut Entry)) {
    for record in &mut story.0 {
        if let Fact::Saw(entry) | Fact::Read(entry) = &mut record.fact
            && (entry.draft.room, entry.seq) == (LOBBY, seq)
        {
            change(entry);
        }
    }
}

fn reads_of(record: &Record, seq: u64) -> bool {
    matches!(&record.fact, Fact::Read(entry) if (entry.draft.room, entry.seq) == (LOBBY, seq))
}

fn pushes_of(record: &Record, who: &str, seq: u64) -> bool {
    record.who == who
        && matches!(&record.fact, Fact::Saw(entry) if (entry.draft.room, entry.seq) == (LOBBY, seq))
}

/// Faults that a server could make, as they would look, and what they are called.
const PLANTED: &[(&str, Plant)] = &[
    ("lost write", |story| {
        story.0.retain(|record| !reads_of(record, 5) && !pushes_of(record, "anna", 5));
        story.0.retain(|record| !pushes_of(record, "bert", 5) && !pushes_of(record, "carl", 5));
    }),
    ("shown, then gone", |story| {
        let shown = entry(6, 2, draft("b7", LOBBY, "text", "not stored", 0));
        let end = story.find(|record| matches!(record.fact, Fact::Rests { .. }));
        let at = end as u64;
        let sent = Record { at, who: "bert".to_owned(), fact: Fact::Sent(shown.draft.clone()) };
        let saw = Record { at, who: "anna".to_owned(), fact: Fact::Saw(shown) };
        story.0.splice(end..end, [sent, saw]);
    }),
    ("duplicate", |story| {
        let twice = entry(6, 1, draft("a2", LOBBY, "text", "three", 0));
        story.tell("carl", Fact::Saw(twice));
    }),
    ("duplicate", |story| {
        let again = Fact::Acked { cid: "a2".to_owned(), room: LOBBY, seq: 6, dup: true };
        story.tell("anna", again);
    }),
    ("place used twice", |story| {
        story.tell("carl", Fact::Sent(draft("c2", LOBBY, "text", "mine", 0)));
        let cid = "c2".to_owned();
        story.tell("carl", Fact::Acked { cid, room: LOBBY, seq: 3, dup: false });
    }),
    ("swapped", |story| {
        let first =
            story.find(|record| matches!(&record.fact, Fact::Sent(draft) if draft.cid == "a1"));
        let late =
            story.find(|record| matches!(&record.fact, Fact::Sent(draft) if draft.cid == "a2"));
        let late = story.0[late].clone();
        story.0.insert(first, late);
    }),
    ("inconsistent place", |story| {
        let at = story.find(|record| reads_of(record, 3));
        let Fact::Read(entry) = &mut story.0[at].fact else { unreachable!() };
        *entry = log()[0].clone();
        entry.seq = 3;
    }),
    ("inconsistent place", |story| {
        let at = story.find(|record| reads_of(record, 3));
        let Fact::Read(entry) = &mut story.0[at].fact else { unreachable!() };
        entry.draft.text = None;
    }),
    ("leak to a stranger", |story| {
        let secret = entry(1, 1, draft("a9", DIRECT, "text", "secret", 0));
        story.tell("carl", Fact::Saw(secret));
    }),
    ("leak into another room", |story| {
        let secret = entry(6, 1, draft("a9", LOBBY, "text", "secret", 0));
        story.tell("carl", Fact::Saw(secret));
    }),
    ("outside of membership", |story| {
        let end = story.find(|record| pushes_of(record, "carl", 4));
        let at = end as u64;
        let left = Fact::MayNot { room: LOBBY, upto: 3 };
        story.0.insert(end, Record { at, who: "carl".to_owned(), fact: left });
    }),
    ("hole in the log", |story| {
        let at = story.find(|record| reads_of(record, 3));
        story.0.remove(at);
    }),
    ("hole", |story| {
        let at = story.find(|record| matches!(record.fact, Fact::Gap { .. }));
        story.0.remove(at);
    }),
    ("backwards", |story| {
        let (second, first) = (
            story.find(|record| pushes_of(record, "bert", 2)),
            story.find(|record| pushes_of(record, "bert", 1)),
        );
        story.0.swap(second, first);
    }),
    ("shown twice", |story| {
        let at = story.find(|record| pushes_of(record, "bert", 4));
        let again = story.0[at].clone();
        story.0.insert(at, again);
    }),
    ("never sent", |story| everywhere(story, 2, |entry| entry.from = 3)),
    ("shown too early", |story| {
        let sent =
            story.find(|record| matches!(&record.fact, Fact::Sent(draft) if draft.cid == "b1"));
        let shown = story.find(|record| pushes_of(record, "anna", 2));
        let early = story.0.remove(shown);
        story.0.insert(sent, early);
    }),
    ("changed", |story| {
        everywhere(story, 3, |entry| entry.draft.text = Some("thr33".to_owned()));
    }),
    ("effect before cause", |story| {
        for record in &mut story.0 {
            if let Fact::Sent(draft) = &mut record.fact
                && draft.cid == "a3"
            {
                draft.of = Some(9);
            }
        }
        everywhere(story, 4, |entry| entry.draft.of = Some(9));
    }),
    ("refused and stored", |story| {
        let refused = entry(6, 3, draft("c1", LOBBY, "text", "too much", 0));
        let end = story.find(|record| matches!(record.fact, Fact::ReadAll { .. }));
        let at = end as u64;
        story.0.insert(end, Record { at, who: "anna".to_owned(), fact: Fact::Read(refused) });
    }),
    ("taken back and there", |story| {
        everywhere(story, 2, |entry| entry.draft.text = Some("two".to_owned()));
    }),
    ("unseen", |story| story.0.retain(|record| !matches!(record.fact, Fact::ReadAll { .. }))),
    ("unseen", |story| story.0.retain(|record| !matches!(record.fact, Fact::Fetched { .. }))),
    ("lost file", |story| {
        story.tell("carl", Fact::Fetched { file: 3, b3: "not_found".to_owned() });
    }),
    ("new lineage", |story| {
        story.tell("carl", Fact::Began { epoch: "f".to_owned(), cur: Vec::new() });
    }),
    ("marker fell", |story| story.tell("anna", Fact::Marked { room: LOBBY, read: 4 })),
    ("marker beyond the end", |story| story.tell("anna", Fact::Marked { room: LOBBY, read: 6 })),
    ("never came", |story| story.tell("bert", Fact::Rests { room: LOBBY, seq: 4 })),
    ("told after it was logged out", |story| {
        let at = story.find(|record| pushes_of(record, "carl", 5));
        let out = Record { at: at as u64, who: "carl".to_owned(), fact: Fact::Revoked {} };
        story.0.insert(at, out);
    }),
];

#[test]
fn every_planted_fault_is_caught_under_its_name() {
    for (number, (name, plant)) in PLANTED.iter().enumerate() {
        let mut story = sound();
        plant(&mut story);
        let found = names(&story.0);
        assert!(found.contains(name), "planted fault {number}, {name}, looked like {found:?}");
        let shown = check(&story.0).faults;
        assert!(shown.iter().all(|fault| !fault.records.is_empty() && !fault.words.is_empty()));
    }
}

#[test]
fn a_single_fault_is_told_as_one() {
    let alone = ["swapped", "hole", "shown twice", "marker fell", "never came", "lost file"];
    for (name, plant) in PLANTED.iter().filter(|(name, _)| alone.contains(name)) {
        let mut story = sound();
        plant(&mut story);
        assert_eq!(names(&story.0), [*name]);
    }
}

#[test]
fn what_was_refused_to_a_dying_program_may_come_later() {
    let mut story = sound();
    let (_, swap) = PLANTED.iter().find(|(name, _)| *name == "swapped").unwrap();
    swap(&mut story);
    assert_eq!(names(&story.0), ["swapped"]);
    story.tell("anna", Fact::Unheard { cid: "a2".to_owned() });
    assert!(names(&story.0).is_empty());
}

#[test]
fn faults_read_as_sentences_with_their_records() {
    let mut story = sound();
    story.tell("anna", Fact::Marked { room: LOBBY, read: 4 });
    let words = check(&story.0).faults[0].to_string();
    assert!(words.starts_with("I12 marker fell: anna: from 5 to place 4 of room 1\n"), "{words}");
    assert!(words.contains(r#""who":"anna","op":"marked","room":1,"read":4"#), "{words}");
}

/// What was old has gone: two keep the newest two of five. One was asleep meanwhile.
fn aged() -> Story {
    let mut story = sound();
    story.0.insert(
        0,
        Record { at: 0, who: "server".to_owned(), fact: Fact::Keeps { messages: Some(2) } },
    );
    let six = entry(6, 1, draft("a6", LOBBY, "text", "six", 0));
    story.tell("carl", Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 2)] });
    story.tell("carl", Fact::Floor { room: LOBBY, seq: 4 });
    story.posts(("anna", 1), 6, six.draft.clone(), &["anna", "bert"]);
    // What was pushed before the floor rose is pushed from behind the floor now.
    story.tell("dora", Fact::Person { user: 4 });
    story.tell("dora", Fact::May { room: LOBBY, after: 0 });
    story.tell("dora", Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 2)] });
    story.tell("dora", Fact::Floor { room: LOBBY, seq: 4 });
    let mut redact = log()[4].clone();
    redact.draft.text = None;
    story.tell("dora", Fact::Saw(redact.clone()));
    story.tell("dora", Fact::Saw(six.clone()));
    story.tell("dora", Fact::Reads { room: LOBBY });
    story.tell("dora", Fact::Read(redact));
    story.tell("dora", Fact::Read(six));
    story.tell("dora", Fact::ReadAll { room: LOBBY, floor: 4 });
    story.0.retain(|record| !matches!(record.fact, Fact::Rests { .. }));
    story
}

#[test]
fn what_is_old_may_go_where_it_is_said_so() {
    let story = aged();
    let verdict = check(&story.0);
    let told: Vec<_> = verdict.faults.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(verdict.counts.old, 4);
}

#[test]
fn floors_without_a_rule_or_above_it_are_caught() {
    let mut story = aged();
    story.0.retain(|record| !matches!(record.fact, Fact::Keeps { .. }));
    assert_eq!(names(&story.0), ["gone too soon"], "nobody said that anything may go");

    let mut story = aged();
    story.0[0].fact = Fact::Keeps { messages: Some(3) };
    assert_eq!(names(&story.0), ["gone too soon"], "one more should be there");

    let mut story = aged();
    story.0[0].fact = Fact::Keeps { messages: None };
    assert!(names(&story.0).is_empty(), "whatever is old may go");

    // A floor on a new connection alone.
    let mut story = aged();
    story.tell("bert", Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 6)] });
    story.tell("bert", Fact::Floor { room: LOBBY, seq: 5 });
    assert_eq!(names(&story.0), ["gone too soon"]);
}

#[test]
fn what_is_above_the_floor_and_gone_is_caught() {
    let mut story = aged();
    let six = story.find(|record| {
        record.who == "dora" && matches!(&record.fact, Fact::Read(entry) if entry.seq == 6)
    });
    story.0.remove(six);
    assert_eq!(names(&story.0), ["lost write", "shown, then gone"]);

    let mut story = aged();
    let five = story.find(|record| {
        record.who == "dora" && matches!(&record.fact, Fact::Read(entry) if entry.seq == 5)
    });
    story.0.remove(five);
    assert_eq!(names(&story.0), ["hole in the log", "lost write", "shown, then gone"]);
}

#[test]
fn a_floor_that_falls_and_a_leap_without_one_are_caught() {
    let mut story = aged();
    story.tell("dora", Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 6)] });
    story.tell("dora", Fact::Floor { room: LOBBY, seq: 3 });
    assert_eq!(names(&story.0), ["floor fell"]);

    // Nobody told this device where the room begins, and what was between was not said to be missing.
    let mut story = aged();
    story.0.retain(|record| record.who != "dora" || !matches!(record.fact, Fact::Floor { .. }));
    assert_eq!(names(&story.0), ["hole"]);
}

const MADE: u64 = 9;

/// A room that somebody made and nobody spoke in. Its first entry, the making, is shown to nobody; it grew old
/// and went. What stood in the journal before it went is all that tells of it.
fn made() -> Story {
    let mut story = sound();
    story.0.insert(
        0,
        Record { at: 0, who: "server".to_owned(), fact: Fact::Keeps { messages: None } },
    );
    story.tell("anna", Fact::May { room: MADE, after: 0 });
    story.tell("anna", Fact::Marked { room: MADE, read: 1 });
    story.tell("anna", Fact::Began { epoch: "e".to_owned(), cur: vec![(LOBBY, 5)] });
    story.tell("anna", Fact::Floor { room: MADE, seq: 1 });
    story.tell("anna", Fact::Rests { room: MADE, seq: 1 });
    story.tell("journal", Fact::May { room: MADE, after: 0 });
    story.tell("journal", Fact::Read(entry(1, 1, draft("", MADE, "join", "", 0))));
    story.tell("journal", Fact::Reads { room: MADE });
    story.tell("journal", Fact::ReadAll { room: MADE, floor: 1 });
    story
}

#[test]
fn what_went_before_anybody_was_shown_it_explains_itself_and_nothing_more() {
    assert_eq!(names(&made().0), Vec::<&str>::new());
    let all = ["gone too soon", "marker beyond the end", "never came"];

    let mut story = made();
    story.0.retain(|record| !matches!(&record.fact, Fact::Read(entry) if entry.draft.room == MADE));
    assert_eq!(names(&story.0), all, "nothing was ever there");

    // What was there explains no place behind it.
    let mut story = made();
    for record in &mut story.0 {
        match &mut record.fact {
            Fact::Marked { room: MADE, read: place }
            | Fact::Floor { room: MADE, seq: place }
            | Fact::Rests { room: MADE, seq: place }
            | Fact::ReadAll { room: MADE, floor: place } => *place = 2,
            _ => {}
        }
    }
    assert_eq!(names(&story.0), all);
}

#[test]
fn what_went_has_to_be_what_was_shown() {
    // Two saw a message that went, and it stood otherwise in the journal.
    let mut story = aged();
    let mut three = log()[2].clone();
    story.tell("journal", Fact::May { room: LOBBY, after: 0 });
    story.tell("journal", Fact::Read(three.clone()));
    assert_eq!(names(&story.0), Vec::<&str>::new());
    three.draft.text = Some("four".to_owned());
    story.tell("journal", Fact::Read(three));
    assert_eq!(names(&story.0), ["changed", "inconsistent place"]);
}
