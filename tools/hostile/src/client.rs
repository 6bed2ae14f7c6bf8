//! A server that says anything, and a client that believes it may be true. The model takes it all,
//! stays in order and within its limits, and what is to be shown is clean.

use bytes::Bytes;
use liao_client_core::{
    answer::{Answer, CallError},
    model::Model,
    notice::{Notice, Queued, Ticket},
    timeline::{Content, ENTRIES_OPEN_MAX, Item, Row, RowState},
};
use liao_common::{
    codec::frame_raw,
    event::{Event, kind},
    fault::Fault,
    frame::Frame,
    id::RoomId,
    request::{KINDS, Request},
};

use crate::{
    pieces::{Piece, first, pick, pieces},
    sanitiser::assert_tame,
};

/// The types of all events.
pub(crate) const EVENTS: &[&str] = &[
    kind::MSG,
    kind::GAP,
    kind::SYNCED,
    kind::ROOM,
    kind::HEAD,
    kind::PRES,
    kind::MARK,
    kind::FDAT,
    kind::FACK,
    kind::PING,
    kind::PONG,
    kind::GOAWAY,
];

/// Rows that are on their way stand in a timeline too.
const ITEMS_MAX: usize = 3 * ENTRIES_OPEN_MAX;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let mut model = Model::default();
    for piece in pieces(input) {
        if let Some(notice) = notice(&piece) {
            model.apply(&notice);
            look(&mut model);
        }
    }
}

/// What a link makes of a frame with these bytes in it: an event, the answer to a request, or a post
/// that was put into the outbox.
pub(crate) fn notice(piece: &Piece<'_>) -> Option<Notice> {
    match piece.what {
        ..0x80 => event(piece),
        0x80..0xe0 => answer(piece),
        0xe0..0xe8 => queued(piece.body),
        _ => None,
    }
}

fn frame(kind: &str, rid: u64, body: &[u8]) -> Option<Frame> {
    let whole: Bytes = frame_raw(kind, rid, body);
    Frame::parse(whole.slice(4..)).ok()
}

fn event(piece: &Piece<'_>) -> Option<Notice> {
    let frame = frame(pick(EVENTS, piece.what)?, 0, piece.body)?;
    Event::decode(&frame).ok().flatten().map(Notice::Event)
}

/// The body is the length of the request's body, that body, and that of the answer.
fn answer(piece: &Piece<'_>) -> Option<Notice> {
    let kind = pick(KINDS, piece.what - 0x80)?;
    let (len, rest) = first(piece.body);
    let (asked, answer) = rest.split_at_checked(usize::from(len))?;
    let request = Request::decode(kind, asked).ok().flatten()?;
    let frame = frame(kind::OK, 1, answer)?;
    match Answer::decode(kind, &frame) {
        Ok(answer) => Some(told(request, answer)),
        Err(_) => frame.decode::<Fault>().ok().map(|fault| refused(request, fault)),
    }
}

fn told(request: Request, answer: Answer) -> Notice {
    match (request, answer) {
        (_, Answer::Welcome(welcome)) => Notice::Welcome(Box::new(welcome)),
        (_, Answer::Session(session)) => Notice::LoggedIn(Box::new(session)),
        (_, Answer::Synced(synced)) => Notice::Synced(Box::new(synced)),
        (Request::Send(send), Answer::Posted(posted)) => {
            Notice::Posted { nonce: send.cid, room: send.room, posted }
        }
        (request, answer) => {
            let (request, answer) = (Box::new(request), Ok(Box::new(answer)));
            Notice::Answer { ticket: Ticket(1), request, answer }
        }
    }
}

fn refused(request: Request, fault: Fault) -> Notice {
    match request {
        Request::Send(send) => Notice::PostFailed { nonce: send.cid, room: send.room, fault },
        Request::Auth(_) | Request::Register(_) => Notice::Refused(fault),
        request => {
            let answer = Err(CallError::Fault(fault));
            Notice::Answer { ticket: Ticket(1), request: Box::new(request), answer }
        }
    }
}

fn queued(body: &[u8]) -> Option<Notice> {
    let Ok(Some(Request::Send(send))) = Request::decode("send", body) else { return None };
    let (nonce, room, kind, body) = (send.cid, send.room, send.kind, send.body);
    Some(Notice::Queued(Box::new(Queued { nonce, room, kind, body, at_ms: 1 })))
}

/// Looks at all there is, as a screen does, and asks for what is missing.
fn look(model: &mut Model) {
    let rooms: Vec<RoomId> = model.rooms().iter().map(|room| room.id).collect();
    for id in rooms {
        model.open(id);
        let hole = model.room(id).and_then(|room| room.timeline.hole_at_end());
        if let Some(hole) = hole {
            model.fill(id, hole);
        }
        model.mark_read(id, liao_common::id::Seq(1));
        check(model, id);
        model.close(id);
    }
    let _ = model.unread();
}

fn check(model: &Model, id: RoomId) {
    let Some(room) = model.room(id) else { return };
    assert_tame(&room.name);
    assert_tame(&room.topic);
    let _ = room.unread();
    let items = room.timeline.items();
    assert!(items.len() <= ITEMS_MAX, "{} items", items.len());
    let mut last = None;
    for item in items {
        let (from, to) = match item {
            Item::Row(row) => {
                check_row(model, row);
                let Some(seq) = row.seq else { continue };
                (seq, seq)
            }
            Item::Hole(hole) => (hole.from, hole.to),
        };
        assert!(from <= to && last < Some(from), "{from:?} stands behind {last:?}");
        last = Some(to);
    }
}

fn check_row(model: &Model, row: &Row) {
    if let Some(name) = model.name(row.from) {
        assert_tame(name);
    }
    match &row.content {
        Content::Text(text) | Content::Topic(text) | Content::Unknown(text) => assert_tame(text),
        Content::File(file) => {
            assert_tame(&file.name);
            assert_tame(&file.media);
        }
        _ => {}
    }
    if let RowState::Failed(fault) = &row.state {
        let _ = fault.code.as_str();
    }
}
