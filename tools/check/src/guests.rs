//! Who was in a room when, as its log says it: that decides what those who come and go may have seen.
//! Owns nothing.

use std::collections::BTreeMap;

use liao_check::history::{Entry, Fact, Record};

/// The first place, at most, of what must have been seen: before it the room was made, and there was no guest.
const FIRST_MAX: u64 = 2;

/// A room where people come and go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) room: u64,
    /// Who comes in sees nothing of what was before.
    pub(crate) private: bool,
}

/// From where to where each of the guests may see these rooms, by what `reader` has read of them last, and
/// where that was old and is gone, by what anybody saw: facts for the judge. Guests are given by account
/// and name. Of a room where nobody saw all it is not known; then they may see everything there.
pub(crate) fn spans(
    history: &[Record],
    reader: &str,
    rooms: &[Room],
    guests: &BTreeMap<u64, String>,
) -> Vec<(String, Fact)> {
    let mut logs: BTreeMap<u64, BTreeMap<u64, &Entry>> = BTreeMap::new();
    for record in history {
        if let Fact::Saw(entry) | Fact::Read(entry) = &record.fact {
            let log = logs.entry(entry.draft.room).or_default();
            if record.who == reader {
                log.insert(entry.seq, entry);
            } else {
                log.entry(entry.seq).or_insert(entry);
            }
        }
    }
    let nothing = BTreeMap::new();
    let mut facts = Vec::new();
    for room in rooms {
        let log = logs.get(&room.room).unwrap_or(&nothing);
        if !is_whole(log) {
            let end = log.last_key_value().map_or(0, |(seq, _)| *seq);
            // All of it, and whatever they were told of its beginning.
            let all = [0, end].map(|after| Fact::May { room: room.room, after });
            let all = guests.values().flat_map(|who| all.clone().map(|fact| (who.clone(), fact)));
            facts.extend(all);
            continue;
        }
        let turns = log.values().filter_map(|entry| {
            let who = guests.get(&entry.from)?.clone();
            turn(*room, entry).map(|fact| (who, fact))
        });
        facts.extend(turns);
    }
    facts
}

/// Whether every entry is there, but for those of the room's making.
fn is_whole(log: &BTreeMap<u64, &Entry>) -> bool {
    let first = log.first_key_value().map_or(1, |(seq, _)| *seq);
    first <= FIRST_MAX && log.keys().zip(first..).all(|(seq, place)| *seq == place)
}

fn turn(Room { room, private }: Room, entry: &Entry) -> Option<Fact> {
    match entry.draft.kind.as_str() {
        "join" => Some(Fact::May { room, after: if private { entry.seq - 1 } else { 0 } }),
        "leave" => Some(Fact::MayNot { room, upto: entry.seq }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use liao_check::{history::Draft, verdict};

    use super::*;

    const YARD: u64 = 5;

    fn told(who: &str, fact: Fact) -> Record {
        Record { at: 0, who: who.to_owned(), fact }
    }

    fn entry(seq: u64, from: u64, kind: &str) -> Entry {
        let (cid, kind) = (seq.to_string(), kind.to_owned());
        let text = Some("words".to_owned()).filter(|_| kind == "text");
        Entry { seq, from, draft: Draft { cid, room: YARD, kind, text, ..Draft::default() } }
    }

    /// Keeper 1 speaks at 3, 6 and 9; guest 2 enters at 2, is out from 5 to 7, and out again at 10. Pushed
    /// to the guest is what is given.
    fn faults(private: bool, pushed: &[u64]) -> Vec<&'static str> {
        let log: Vec<Entry> = [
            (1, "join"),
            (2, "join"),
            (1, "text"),
            (1, "text"),
            (2, "leave"),
            (1, "text"),
            (1, "text"),
            (2, "join"),
            (1, "text"),
            (2, "leave"),
            (1, "text"),
        ]
        .into_iter()
        .zip(1..)
        .map(|((from, kind), seq)| entry(seq, from, kind))
        .collect();
        let mut history =
            vec![told("keeper", Fact::Person { user: 1 }), told("guest", Fact::Person { user: 2 })];
        history.push(told("keeper", Fact::May { room: YARD, after: 0 }));
        let posts = log.iter().filter(|entry| entry.is_post());
        history.extend(posts.map(|entry| told("keeper", Fact::Sent(entry.draft.clone()))));
        for seq in pushed {
            history.push(told("guest", Fact::Began { epoch: String::new(), cur: Vec::new() }));
            history.push(told("guest", Fact::Saw(log[usize::try_from(*seq).unwrap() - 1].clone())));
        }
        history.push(told("keeper", Fact::Reads { room: YARD }));
        history.extend(log.into_iter().map(|entry| told("keeper", Fact::Read(entry))));
        history.push(told("keeper", Fact::ReadAll { room: YARD, floor: 0 }));
        let guests = BTreeMap::from([(2, "guest".to_owned())]);
        let room = Room { room: YARD, private };
        let spans = spans(&history, "keeper", &[room], &guests);
        history.extend(spans.into_iter().map(|(who, fact)| told(&who, fact)));
        verdict::check(&history).faults.iter().map(|fault| fault.name).collect()
    }

    #[test]
    fn what_is_pushed_to_somebody_who_is_outside_is_noticed() {
        assert!(faults(true, &[2, 3, 4, 5, 8, 9, 10]).is_empty());
        assert!(faults(false, &[2, 3, 4, 5, 6, 7, 8, 9, 10]).is_empty(), "who is back may read it");
        for seq in [1, 6, 7, 11] {
            assert_eq!(faults(true, &[seq]), ["outside of membership"], "{seq}");
        }
        assert_eq!(faults(false, &[11]), ["outside of membership"]);
    }

    #[test]
    fn who_never_came_in_is_a_stranger() {
        let history = [
            told("keeper", Fact::Person { user: 1 }),
            told("guest", Fact::Person { user: 2 }),
            told("guest", Fact::Saw(entry(1, 1, "join"))),
        ];
        let names: Vec<_> =
            verdict::check(&history).faults.iter().map(|fault| fault.name).collect();
        assert_eq!(names, ["leak to a stranger"]);
    }

    #[test]
    fn of_what_nobody_saw_whole_nothing_is_known() {
        let keeper = |seq, from, kind| told("keeper", Fact::Saw(entry(seq, from, kind)));
        let whole = [keeper(1, 1, "join"), keeper(2, 2, "join"), keeper(3, 2, "leave")];
        let guests = BTreeMap::from([(2, "guest".to_owned())]);
        let room = [Room { room: YARD, private: true }];
        let may = |after| ("guest".to_owned(), Fact::May { room: YARD, after });
        let out = ("guest".to_owned(), Fact::MayNot { room: YARD, upto: 3 });
        let known = [may(1), out];
        assert_eq!(spans(&whole, "keeper", &room, &guests), known, "also what was only pushed");
        assert_eq!(spans(&whole[1..], "keeper", &room, &guests), known);
        let holed = [whole[0].clone(), whole[2].clone()];
        assert_eq!(spans(&holed, "keeper", &room, &guests), [may(0), may(3)]);
    }
}
