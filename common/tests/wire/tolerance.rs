//! What the wire forgives (things a later version adds) and what it survives (any bytes at all).

use bytes::BytesMut;
use liao_common::{
    codec,
    event::{Event, Page, Rank, Role, Room, RoomKind, Synced},
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec},
    id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::{self, History, Request, Send, Sync},
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use tokio_util::codec::Decoder;

use super::{
    cases::{self, Case},
    document::event_kinds,
    json,
};

/// A frame with another body, and with whatever header is wanted.
fn frame_of(header: &Value, body: &[u8]) -> Frame {
    let bytes = [json::bytes(header), body.to_vec()].concat();
    Frame::parse(bytes.into()).expect("the header is well-formed")
}

/// The same with the plain header of `case`.
fn with_body(case: &Case, body: &Value) -> Frame {
    let rid = cases::parse(&case.frame).rid;
    frame_of(&json!([case.kind, rid]), &json::bytes(body))
}

/// Adds a key that no version knows to every map.
fn add_keys(value: &mut Value) {
    if json::bin(value).is_some() {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_keys),
        Value::Object(map) => {
            map.values_mut().for_each(add_keys);
            map.insert("zz_later".into(), json!({ "a": [1, { "bin": "00" }], "b": null }));
        }
        _ => {}
    }
}

#[test]
fn unknown_keys_are_ignored() {
    for case in cases::all() {
        let mut body = json::view(&cases::parse(&case.frame).body);
        add_keys(&mut body);
        assert!((case.same)(&with_body(&case, &body)), "{}", case.name);
    }
}

#[test]
fn extra_header_elements_are_ignored() {
    for case in cases::all() {
        let frame = cases::parse(&case.frame);
        let longer = json!([case.kind, frame.rid, { "trace": [1, 2] }, null]);
        assert!((case.same)(&frame_of(&longer, &frame.body)), "{}", case.name);
    }
}

#[test]
fn unknown_types_are_told_apart_from_broken_bodies() {
    let later = frame_of(&json!(["from.the.future", 0]), &json::bytes(&json!({ "a": 1 })));
    assert_eq!(Event::decode(&later), Ok(None));
    assert_eq!(Request::decode(later.kind(), &later.body), Ok(None));
    let broken = frame_of(&json!(["gap", 0]), &json::bytes(&json!({ "c": "not a number" })));
    assert_eq!(Event::decode(&broken), Err(codec::DecodeError::Shape));
}

#[test]
fn unknown_words_have_a_meaning() {
    let read = |text: &str| codec::encode(text);
    assert_eq!(codec::decode(&read("poll")), Ok(Kind::Other("poll".into())));
    assert_eq!(codec::decode(&read("guest")), Ok(Role::Gone));
    assert_eq!(codec::decode(&read("secret")), Ok(RoomKind::Private));
    let fault: Fault = codec::decode(&json::bytes(&json!({ "code": "melted" }))).unwrap();
    assert_eq!(fault.code, FaultCode::Internal);
}

#[test]
fn a_body_must_be_one_whole_value() {
    for case in cases::all() {
        let body = cases::parse(&case.frame).body;
        let header = json!([case.kind, 1]);
        let longer = [&body[..], &[0xc0]].concat();
        assert!(!(case.reads)(&frame_of(&header, &longer)), "{}: bytes follow", case.name);
        for len in 0..body.len() {
            assert!(!(case.reads)(&frame_of(&header, &body[..len])), "{}: cut at {len}", case.name);
        }
    }
}

/// Gives `bytes` to every reader there is. The answers do not matter here, returning does.
fn read_in_every_way(bytes: &[u8]) {
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(frame)) = FrameCodec::new(limits::FRAME_BYTES_MAX).decode(&mut buffer) {
        read_body_in_every_way(&frame.body);
    }
    read_body_in_every_way(bytes);
}

fn read_body_in_every_way(body: &[u8]) {
    for kind in request::KINDS {
        let known = Request::decode(kind, body).map_or(true, |request| request.is_some());
        assert!(known, "{kind} is in the list and not known");
    }
    for kind in event_kinds() {
        let frame = codec::frame_raw(kind, 0, body);
        let _ignored = Event::decode(&Frame::parse(frame.slice(4..)).expect("a plain header"));
    }
    let _ignored = codec::decode::<Fault>(body);
    let _ignored = codec::decode::<Synced>(body);
    let _ignored = codec::decode::<Page>(body);
}

/// Any number that the wire may carry.
fn number() -> impl Strategy<Value = u64> + Clone {
    0..1_u64 << 53
}

fn body() -> impl Strategy<Value = Body> {
    let texts = (option::of(".*"), option::of(".{0,40}"), option::of("[a-z]{1,8}/[a-z]{1,8}"));
    let numbers = (option::of(number()), option::of(number()), option::of(number()));
    let file = (option::of(number()), option::of(number()), option::of(any::<[u8; 32]>()));
    (texts, numbers, file, vec(number(), 0..40)).prop_map(
        |((text, name, media), (re, of, user), (fid, size, b3), at)| Body {
            text,
            re: re.map(Seq),
            at: at.into_iter().map(UserId).collect(),
            of: of.map(Seq),
            user: user.map(UserId),
            fid: fid.map(FileId),
            name,
            size,
            b3: b3.map(Hash),
            media,
            ban: re.is_some(),
            by: user.map(UserId),
            role: of.map(|_| Rank::Moderator),
            late: fid.is_some(),
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let place = (number(), number(), number(), number());
    (place, (number(), number()), any::<[u8; 16]>(), "[a-z]{1,10}", body()).prop_map(
        |((room, seq, n, at_ms), (from, device), cid, kind, body)| Message {
            room: RoomId(room),
            seq: Seq(seq),
            n,
            at_ms,
            from: UserId(from),
            device: DeviceId(device),
            cid: Nonce(cid),
            kind: Kind::parse(&kind),
            body,
        },
    )
}

fn room() -> impl Strategy<Value = Room> {
    let kind = prop_oneof![Just(RoomKind::Public), Just(RoomKind::Private), Just(RoomKind::Direct)];
    let role = prop_oneof![Just(Role::Gone), Just(Role::Invited), Just(Role::Owner)];
    (kind, role, ".{0,40}", prop::array::uniform7(number())).prop_map(
        |(kind, role, name, numbers)| {
            let [room, head, head_n, read, read_n, members, floor] = numbers;
            Room {
                room: RoomId(room),
                kind,
                topic: name.chars().rev().collect(),
                name,
                head: (Seq(head), head_n),
                read: (Seq(read), read_n),
                role,
                members,
                floor: Seq(floor),
                with: None,
                moderates: head > read,
                removed: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        read_in_every_way(&bytes);
    }

    #[test]
    fn any_body_behind_a_true_header_is_survived(body in vec(any::<u8>(), 0..200)) {
        read_in_every_way(&codec::frame_raw("send", 1, &body));
    }

    #[test]
    fn damaged_frames_are_survived(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let cases = cases::all();
        let mut bytes = which.get(&cases).frame.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_in_every_way(&bytes);
        read_in_every_way(&bytes[4..]);
    }

    #[test]
    fn a_stream_is_cut_into_the_same_frames_wherever_it_breaks(
        cuts in vec(1_usize..200, 1..40),
    ) {
        let cases = cases::all();
        let stream: Vec<u8> = cases.iter().flat_map(|case| case.frame.to_vec()).collect();
        let (mut buffer, mut codec) = (BytesMut::new(), FrameCodec::new(limits::FRAME_BYTES_MAX));
        let (mut rest, mut found) = (&stream[..], 0);
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            buffer.extend_from_slice(piece);
            rest = after;
            while let Some(frame) = codec.decode(&mut buffer).unwrap() {
                prop_assert!((cases[found].same)(&frame), "{}", cases[found].name);
                found += 1;
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, cases.len());
    }

    #[test]
    fn posts_come_back(
        room in number(), cid: [u8; 16], kind in "[a-z]{1,10}", body in body(), rid in number(),
    ) {
        let kind = Kind::parse(&kind);
        let post = Request::from(Send { room: RoomId(room), cid: Nonce(cid), kind, body });
        let frame = cases::parse(&post.frame(rid));
        prop_assert_eq!(frame.rid, rid);
        prop_assert_eq!(Request::decode(frame.kind(), &frame.body), Ok(Some(post)));
    }

    #[test]
    fn cursors_come_back(epoch in ".{0,20}", cur in vec((number(), number()), 0..600)) {
        let cur = cur.into_iter().map(|(room, seq)| (RoomId(room), Seq(seq))).collect();
        let sync = Sync { epoch, cur };
        prop_assert_eq!(codec::decode::<Sync>(&codec::encode(&sync)), Ok(sync));
    }

    #[test]
    fn pages_come_back(msgs in vec(message(), 0..8), more: bool, floor in number()) {
        let page = Page { msgs, more, floor: Seq(floor), users: Vec::new() };
        prop_assert_eq!(codec::decode::<Page>(&codec::encode(&page)), Ok(page));
    }

    #[test]
    fn room_lists_come_back(rooms in vec(room(), 0..20), reset: bool, epoch in ".{0,20}") {
        let synced = Synced { epoch, reset, rooms };
        prop_assert_eq!(codec::decode::<Synced>(&codec::encode(&synced)), Ok(synced));
    }

    #[test]
    fn history_comes_back(
        room in number(), before in option::of(number()), after in option::of(number()),
        limit: Option<u32>,
    ) {
        let (before, after) = (before.map(Seq), after.map(Seq));
        let history = History { room: RoomId(room), before, after, around: None, limit };
        prop_assert_eq!(codec::decode::<History>(&codec::encode(&history)), Ok(history));
    }
}
