use liao_common::{
    fault::{Fault, FaultCode},
    id::{FileId, RoomId},
    message::Body,
};
use proptest::prelude::*;

use super::*;
use crate::fake::said;

const ME: UserId = UserId(7);

/// Rows as text, holes as ranges: `1 a | 3-5 | 6 b | …c`.
fn picture(timeline: &Timeline) -> String {
    let items = timeline.items();
    let words = items.iter().map(|item| match item {
        Item::Hole(hole) => format!("{}-{}", hole.from, hole.to),
        Item::Row(row) => {
            let mark = match &row.state {
                RowState::Sent => "",
                RowState::Sending => "…",
                RowState::Failed(_) => "!",
            };
            let seq = row.seq.map(|seq| format!("{seq} ")).unwrap_or_default();
            let edited = if row.edited { "*" } else { "" };
            let content = match &row.content {
                Content::Text(text) => text.clone(),
                Content::Redacted => "∅".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{seq}{mark}{content}{edited}")
        }
    });
    words.collect::<Vec<_>>().join(" | ")
}

fn change(seq: u64, kind: Kind, of: u64, from: u64, text: &str) -> Message {
    let body = Body { of: Some(Seq(of)), text: Some(text.to_owned()), ..Body::default() };
    Message { kind, body, ..said(1, seq, from, "") }
}

fn queued(byte: u8, text: &str) -> Queued {
    Queued {
        nonce: Nonce([byte; 16]),
        room: RoomId(1),
        kind: Kind::Text,
        body: Body::text(text),
        at_ms: 1,
    }
}

fn with(messages: &[Message]) -> Timeline {
    let mut timeline = Timeline::default();
    for message in messages {
        timeline.insert(message);
    }
    timeline
}

#[test]
fn holes_stand_where_something_is_missing() {
    let a = |seq| said(1, seq, 9, "a");
    for (known, floor, head, want) in [
        (vec![], 0, 0, ""),
        (vec![], 0, 3, "1-3"),
        (vec![], 2, 3, "3-3"),
        (vec![1, 2], 0, 2, "1 a | 2 a"),
        (vec![2], 0, 2, "1-1 | 2 a"),
        (vec![2], 1, 2, "2 a"),
        (vec![1, 5], 0, 7, "1 a | 2-4 | 5 a | 6-7"),
        (vec![5, 1], 0, 7, "1 a | 2-4 | 5 a | 6-7"),
        (vec![1, 5], 4, 5, "5 a"),
    ] {
        let mut timeline = with(&known.iter().map(|seq| a(*seq)).collect::<Vec<_>>());
        timeline.raise_floor(Seq(floor));
        timeline.raise_head(Seq(head));
        assert_eq!(picture(&timeline), want, "{known:?} above {floor} up to {head}");
    }
}

#[test]
fn a_message_counts_once() {
    let mut timeline = with(&[said(1, 1, 9, "a")]);
    assert!(!timeline.insert(&said(1, 1, 9, "other")));
    assert_eq!(picture(&timeline), "1 a");
    timeline.raise_floor(Seq(1));
    assert!(!timeline.insert(&said(1, 1, 9, "a")), "what may not be seen stays out");
}

#[test]
fn a_gap_is_a_hole_until_a_page_fills_it() {
    let mut timeline = with(&[said(1, 1, 9, "a")]);
    timeline.gap(Seq(3));
    timeline.insert(&said(1, 4, 9, "d"));
    assert_eq!(picture(&timeline), "1 a | 2-3 | 4 d");
    let items = timeline.items();
    let Item::Hole(hole) = items[1] else { panic!("{items:?}") };
    let request = hole.request(RoomId(1));
    assert_eq!((request.before, request.limit), (Some(Seq(4)), Some(100)));
    timeline.insert(&said(1, 3, 9, "c"));
    timeline.insert(&said(1, 2, 9, "b"));
    assert_eq!(picture(&timeline), "1 a | 2 b | 3 c | 4 d");
}

#[test]
fn edits_and_redactions_reach_messages_that_come_later() {
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let log = [
            said(1, 1, 9, "first"),
            change(2, Kind::Edit, 1, 9, "second"),
            change(3, Kind::Edit, 1, 9, "third"),
            change(4, Kind::Edit, 1, 8, "not mine to change"),
        ];
        let timeline = with(&order.map(|at| log[at].clone()));
        assert_eq!(picture(&timeline), "1 third*", "{order:?}");
    }
    let edit = change(2, Kind::Edit, 1, 9, "second");
    let redact = change(3, Kind::Redact, 1, 9, "");
    for log in
        [[said(1, 1, 9, "a"), edit.clone(), redact.clone()], [redact, edit, said(1, 1, 9, "a")]]
    {
        assert_eq!(picture(&with(&log)), "1 ∅");
    }
    let emptied = Message { body: Body::default(), ..said(1, 1, 9, "") };
    assert_eq!(picture(&with(&[emptied])), "1 ∅", "the server took the words out");
}

#[test]
fn foreign_text_is_cleaned_on_its_way_in() {
    let file = Message {
        kind: Kind::File,
        body: Body {
            fid: Some(FileId(1)),
            name: Some("a\u{202e}\n\u{1b}.txt".into()),
            ..Body::default()
        },
        ..said(1, 2, 9, "")
    };
    let timeline = with(&[
        said(1, 1, 9, "a\u{1b}[2Jb"),
        file,
        change(3, Kind::Edit, 1, 9, "c\u{7}"),
        Message { kind: Kind::Other("x\u{9b}y".into()), ..said(1, 4, 9, "") },
    ]);
    assert_eq!(timeline.row(Seq(1)).unwrap().content, Content::Text("c␇".into()));
    assert_eq!(timeline.row(Seq(2)).unwrap().first_words(9), "a ␛.txt");
    assert_eq!(timeline.row(Seq(4)).unwrap().content, Content::Unknown("x␦y".into()));
}

#[test]
fn own_rows_wait_at_the_end_and_find_their_place_in_any_order() {
    let own = |seq| Message { cid: Nonce([1; 16]), ..said(1, seq, 7, "mine") };
    let mut start = with(&[said(1, 1, 9, "a")]);
    start.queue(&queued(1, "mine"), ME);
    assert_eq!(picture(&start), "1 a | …mine");

    let mut timeline = start.clone();
    timeline.posted(Nonce([1; 16]), Seq(3), 5);
    assert_eq!(picture(&timeline), "1 a | 3 mine", "no hole flashes up before the push comes");
    timeline.insert(&said(1, 2, 9, "b"));
    timeline.insert(&own(3));
    assert_eq!(picture(&timeline), "1 a | 2 b | 3 mine");

    let mut timeline = start.clone();
    timeline.insert(&said(1, 2, 9, "b"));
    timeline.insert(&own(3));
    timeline.posted(Nonce([1; 16]), Seq(3), 5);
    assert_eq!(picture(&timeline), "1 a | 2 b | 3 mine");

    let mut timeline = start.clone();
    timeline.posted(Nonce([1; 16]), Seq(2), 5);
    timeline.insert(&said(1, 3, 9, "c"));
    assert_eq!(picture(&timeline), "1 a | 2 mine | 3 c", "the log went on past it");

    let mut timeline = start;
    timeline.posted(Nonce([1; 16]), Seq(3), 5);
    timeline.gap(Seq(9));
    assert_eq!(picture(&timeline), "1 a | 2-9", "it lies in the hole now");
}

#[test]
fn refused_rows_stay_until_they_are_sent_again_or_given_up() {
    let mut timeline = Timeline::default();
    timeline.queue(&queued(1, "x"), ME);
    timeline.queue(&queued(1, "x"), ME);
    timeline.failed(Nonce([1; 16]), &Fault::from(FaultCode::TooLarge));
    assert_eq!(picture(&timeline), "!x");
    timeline.queue(&queued(1, "x"), ME);
    assert_eq!(picture(&timeline), "…x");
    timeline.discard(Nonce([1; 16]));
    assert_eq!(picture(&timeline), "");
}

#[test]
fn a_timeline_keeps_to_its_limit_from_the_far_end() {
    let mut timeline = Timeline::default();
    for seq in 1..=1000 {
        timeline.insert(&said(1, seq, 9, "a"));
    }
    assert_eq!(timeline.rows().count(), ENTRIES_CLOSED_MAX);
    assert_eq!(timeline.items()[0], Item::Hole(Hole { from: Seq(1), to: Seq(744) }));
    timeline.keep_more(true);
    for seq in (1..=744).rev() {
        timeline.insert(&said(1, seq, 9, "a"));
    }
    assert_eq!(timeline.rows().count(), 1000);
    for seq in 1001..=9000 {
        timeline.insert(&said(1, seq, 9, "a"));
    }
    assert_eq!(timeline.rows().count(), ENTRIES_OPEN_MAX);
    timeline.keep_more(false);
    assert_eq!(timeline.rows().next_back().and_then(|row| row.seq), Some(Seq(9000)));
}

#[test]
fn first_words_are_one_short_line() {
    let timeline = with(&[said(1, 1, 9, "  two\n lines   here ")]);
    let row = timeline.row(Seq(1)).unwrap();
    assert_eq!(row.first_words(80), "two lines here");
    assert_eq!(row.first_words(5), "two l");
}

/// A log: what people say, and what they do to what was said.
fn log() -> impl Strategy<Value = Vec<Message>> {
    let step = (0_u8..6, any::<proptest::sample::Index>(), 7_u64..9);
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut log: Vec<Message> = Vec::new();
        for (at, (what, of, from)) in steps.into_iter().enumerate() {
            let seq = at as u64 + 1;
            let of = of.index(at.max(1)) as u64 + 1;
            let text = format!("m{seq}");
            log.push(match what {
                0 => change(seq, Kind::Edit, of, from, &text),
                1 => change(seq, Kind::Redact, of, from, ""),
                _ => said(1, seq, from, &text),
            });
        }
        log
    })
}

proptest! {
    /// Pushes in order, pages in any order, both more than once, and answers to own posts in
    /// between: the rows end up the same.
    #[test]
    fn any_interleaving_gives_the_same_rows(
        log in log(),
        pieces in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..20), 0..30),
        seed in any::<u64>(),
    ) {
        let expected = with(&log);
        let mut timeline = Timeline::default();
        for message in log.iter().filter(|message| message.from == ME) {
            let queued = Queued {
                nonce: message.cid,
                room: message.room,
                kind: message.kind.clone(),
                body: message.body.clone(),
                at_ms: 0,
            };
            timeline.queue(&queued, ME);
        }
        let mut answers: Vec<&Message> = log.iter().filter(|m| m.from == ME).collect();
        let mut pushed = 0;
        for (turn, (at, len)) in pieces.iter().enumerate() {
            match (seed >> (turn % 64)) & 3 {
                0 | 1 => {
                    let end = (pushed + len).min(log.len());
                    log[pushed..end].iter().for_each(|message| { timeline.insert(message); });
                    pushed = end;
                }
                2 => {
                    let at = at.index(log.len());
                    let end = (at + len).min(log.len());
                    log[at..end].iter().rev().for_each(|message| { timeline.insert(message); });
                }
                _ if !answers.is_empty() => {
                    let own = answers.remove(at.index(answers.len()));
                    timeline.posted(own.cid, own.seq, own.at_ms);
                }
                _ => {}
            }
        }
        log[pushed..].iter().for_each(|message| { timeline.insert(message); });
        answers.iter().for_each(|own| timeline.posted(own.cid, own.seq, own.at_ms));
        prop_assert_eq!(picture(&timeline), picture(&expected));
        prop_assert_eq!(timeline.count_up_to(Seq(u64::MAX)), expected.count_up_to(Seq(u64::MAX)));
    }
}

#[test]
fn a_message_says_what_is_about_to_become_of_it() {
    let mut timeline = with(&[said(1, 1, ME.0, "a"), said(1, 2, ME.0, "b")]);
    let about = |byte: u8, kind: Kind, of: u64| {
        let body = Body { of: Some(Seq(of)), ..Body::text("new") };
        Queued { kind, body, ..queued(byte, "") }
    };
    let marks = |timeline: &Timeline| timeline.rows().map(|row| row.changing).collect::<Vec<_>>();
    timeline.queue(&about(1, Kind::Edit, 1), ME);
    timeline.queue(&about(2, Kind::Redact, 2), ME);
    timeline.queue(&about(3, Kind::Edit, 2), ME);
    timeline.queue(&about(4, Kind::Edit, 3), ME);
    assert_eq!(marks(&timeline), [Some(Changing::Edit), Some(Changing::TakeBack)]);
    assert_eq!(picture(&timeline), "1 a | 2 b", "nothing is changed before the server has it");
    timeline.insert(&said(1, 3, ME.0, "c"));
    assert_eq!(marks(&timeline)[2], Some(Changing::Edit), "it came later");
    timeline.discard(Nonce([2; 16]));
    assert_eq!(marks(&timeline)[1], Some(Changing::Edit), "one change is left");
    timeline.failed(Nonce([3; 16]), &Fault::from(FaultCode::Gone));
    timeline.posted(Nonce([1; 16]), Seq(4), 5);
    assert_eq!(marks(&timeline), [None, None, Some(Changing::Edit)]);
}
