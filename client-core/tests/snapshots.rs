//! A client that was there and a client that comes later know the same: what a snapshot says and what
//! was told since add up to the later snapshot, whatever happened and wherever the snapshots are taken.

use liao_client_core::{
    answer::Answer,
    model::{Model, RoomView},
    notice::{Notice, Ticket},
    timeline::Row,
};
use liao_common::{
    event::{Event, Heads, Marked, Page, Role, Room, RoomKind, Session, Synced},
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::{History, RoomJoin},
};
use proptest::prelude::*;

const ME: UserId = UserId(7);
const ROOMS: u64 = 3;

/// What can happen; the numbers are made to fit the room of the moment.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Says(u64),
    SaysLate(u64),
    Edits(u64),
    TakesBack(u64),
    Enters,
    Leaves,
    SetsTopic(u64),
    ReadElsewhere(u64),
    IAmAsked,
    IEnter,
    ILeave,
}

fn deed() -> impl Strategy<Value = (u64, u64, Deed)> {
    let number = 0_u64..1000;
    let what = prop_oneof![
        6 => number.clone().prop_map(Deed::Says),
        2 => number.clone().prop_map(Deed::SaysLate),
        3 => number.clone().prop_map(Deed::Edits),
        3 => number.clone().prop_map(Deed::TakesBack),
        1 => Just(Deed::Enters),
        1 => Just(Deed::Leaves),
        1 => number.clone().prop_map(Deed::SetsTopic),
        3 => number.prop_map(Deed::ReadElsewhere),
        1 => Just(Deed::IAmAsked),
        2 => Just(Deed::IEnter),
        1 => Just(Deed::ILeave),
    ];
    (1..=ROOMS, 7_u64..10, what)
}

/// A room as a server has it, for one person.
#[derive(Clone)]
struct Log {
    room: Room,
    messages: Vec<Message>,
}

impl Log {
    fn new(id: u64) -> Self {
        let room = Room {
            room: RoomId(id),
            kind: RoomKind::Private,
            name: format!("room{id}"),
            topic: String::new(),
            head: (Seq::ZERO, 0),
            read: (Seq::ZERO, 0),
            role: if id == 1 { Role::Member } else { Role::Gone },
            members: 3,
            floor: Seq::ZERO,
            with: None,
            moderates: false,
            removed: None,
        };
        Self { room, messages: Vec::new() }
    }

    fn is_inside(&self) -> bool {
        self.room.role == Role::Member
    }

    /// How it is told; nothing of what is said, to somebody who is only invited.
    fn told(&self) -> Room {
        let mut room = self.room.clone();
        if room.role == Role::Invited {
            room.head = (Seq::ZERO, 0);
        }
        room
    }

    /// Puts a message at the end. What it takes back loses its words, with all edits of it.
    fn append(&mut self, from: UserId, kind: Kind, body: Body) -> Message {
        let (seq, n) = (self.room.head.0.next(), self.room.head.1 + u64::from(kind.counts()));
        let mut cid = [from.0 as u8; 16];
        cid[..8].copy_from_slice(&seq.0.to_be_bytes());
        if let (Kind::Redact, Some(of)) = (&kind, body.of) {
            let gone = self.messages.iter_mut().filter(|message| {
                message.seq == of || (message.kind == Kind::Edit && message.body.of == Some(of))
            });
            gone.for_each(|message| message.body.text = Some("    ".into()));
        }
        let has_read = !body.late || self.room.read.1 + 1 == n;
        if from == ME && kind.counts() && has_read {
            self.room.read = (seq, n);
        }
        self.room.head = (seq, n);
        let (room, device, cid) = (self.room.room, DeviceId(1), Nonce(cid));
        let message = Message { room, seq, n, at_ms: seq.0, from, device, cid, kind, body };
        self.messages.push(message.clone());
        message
    }

    /// Something that `from` said and that is not taken back.
    fn own(&self, from: UserId, number: u64) -> Option<Seq> {
        let gone = |seq| {
            let takes = |message: &&Message| message.kind == Kind::Redact;
            self.messages.iter().filter(takes).any(|message| message.body.of == Some(seq))
        };
        let mine = |message: &&Message| message.from == from && message.kind == Kind::Text;
        let own: Vec<Seq> = self
            .messages
            .iter()
            .filter(mine)
            .map(|message| message.seq)
            .filter(|seq| !gone(*seq))
            .collect();
        own.get(number as usize % own.len().max(1)).copied()
    }

    fn says(&mut self, from: UserId, number: u64, late: bool) -> Vec<Event> {
        let body = Body { late, ..Body::text(format!("words {number}")) };
        let said = self.append(from, Kind::Text, body);
        let marked = Marked { room: said.room, read: self.room.read };
        let moved = (from == ME && marked.read.0 == said.seq).then_some(Event::Marked(marked));
        moved.into_iter().chain([Event::Message(Box::new(said))]).collect()
    }

    /// Lets it happen, and gives what a connected client of this person is told, in the server's order.
    fn happens(&mut self, from: UserId, deed: Deed) -> Vec<Event> {
        let other = UserId(from.0.max(ME.0 + 1));
        let before = self.is_inside();
        let mut events = Vec::new();
        match deed {
            // What is posted by somebody who is not in the room does not happen.
            Deed::Says(_) | Deed::SaysLate(_) | Deed::Edits(_) | Deed::TakesBack(_)
                if from == ME && !before => {}
            Deed::Says(number) => events = self.says(from, number, false),
            Deed::SaysLate(number) => events = self.says(from, number, true),
            Deed::Edits(number) | Deed::TakesBack(number) => {
                let Some(of) = self.own(from, number) else { return events };
                let edit = matches!(deed, Deed::Edits(_));
                let text = edit.then(|| format!("other words {number}"));
                let kind = if edit { Kind::Edit } else { Kind::Redact };
                let body = Body { of: Some(of), text, ..Body::default() };
                events.push(Event::Message(Box::new(self.append(from, kind, body))));
            }
            Deed::Enters => {
                self.room.members += 1;
                let said = self.append(other, Kind::Join, Body::default());
                events.push(Event::Message(Box::new(said)));
            }
            Deed::Leaves if self.room.members > 2 => {
                self.room.members -= 1;
                let said = self.append(other, Kind::Leave, Body::default());
                events.push(Event::Message(Box::new(said)));
            }
            Deed::Leaves => {}
            Deed::SetsTopic(number) => {
                self.room.topic = format!("topic {number}");
                let body = Body::text(self.room.topic.clone());
                events.push(Event::Message(Box::new(self.append(other, Kind::Topic, body))));
            }
            Deed::ReadElsewhere(number) => {
                let seq = Seq(number % (self.room.head.0.0 + 1));
                if before && seq > self.room.read.0 {
                    let n = self.messages[seq.0 as usize - 1].n;
                    self.room.read = (seq, n);
                    let room = self.room.room;
                    events.push(Event::Marked(Marked { room, read: (seq, n) }));
                }
            }
            Deed::IAmAsked if self.room.role == Role::Gone => {
                self.room.floor = self.room.head.0;
                let body = Body { user: Some(ME), ..Body::default() };
                self.append(other, Kind::Invite, body);
                self.room.role = Role::Invited;
                return vec![Event::Room(Box::new(self.told()))];
            }
            Deed::IEnter if self.room.role == Role::Invited => {
                self.room.floor = self.room.head.0;
                self.append(ME, Kind::Join, Body::default());
                self.room.members += 1;
                (self.room.role, self.room.read) = (Role::Member, self.room.head);
                return vec![Event::Room(Box::new(self.told()))];
            }
            Deed::ILeave if before && self.room.room != RoomId(1) => {
                let said = self.append(ME, Kind::Leave, Body::default());
                self.room.members -= 1;
                self.room.role = Role::Gone;
                return vec![Event::Message(Box::new(said)), Event::Room(Box::new(self.told()))];
            }
            Deed::IAmAsked | Deed::IEnter | Deed::ILeave => {}
        }
        if before { events } else { Vec::new() }
    }
}

fn fresh() -> Model {
    let mut model = Model::default();
    let (id, name) = ("me".to_owned(), "me".to_owned());
    let (dev, token, admin) = (DeviceId(1), None, false);
    let session = Session { user: ME, id, name, dev, token, admin };
    model.apply(&Notice::LoggedIn(Box::new(session)));
    model
}

fn syncs(model: &mut Model, logs: &[Log]) {
    let known = logs.iter().filter(|log| log.room.role != Role::Gone);
    let rooms = known.map(Log::told).collect();
    let synced = Synced { epoch: "e".into(), reset: false, rooms };
    model.apply(&Notice::Synced(Box::new(synced)));
    model.apply(&Notice::Event(Event::Synced));
}

/// Reads all of all rooms, as they are stored by now.
fn reads_all(model: &mut Model, logs: &[Log]) {
    for log in logs.iter().filter(|log| log.is_inside()) {
        let floor = log.room.floor;
        let seen = log.messages.iter().filter(|message| message.seq > floor);
        let page = Page { msgs: seen.cloned().collect(), more: false, floor, users: Vec::new() };
        let request = History { room: log.room.room, after: Some(floor), ..History::default() };
        model.apply(&Notice::Answer {
            ticket: Ticket(1),
            request: Box::new(request.into()),
            answer: Ok(Box::new(Answer::Page(page))),
        });
    }
}

/// All that somebody sees of a room.
#[derive(Debug, PartialEq)]
struct Seen {
    name: String,
    topic: String,
    role: Role,
    members: u64,
    head: (Seq, u64),
    read: (Seq, u64),
    unread: u64,
    rows: Vec<Row>,
}

fn seen(model: &Model) -> Vec<(RoomId, Seen)> {
    let see = |room: &RoomView| Seen {
        name: room.name.clone(),
        // An invitation is as it was when it was sent.
        topic: if room.is_invitation() { String::new() } else { room.topic.clone() },
        role: room.role,
        members: if room.is_invitation() { 0 } else { room.members },
        head: room.head,
        read: room.read,
        unread: room.unread(),
        rows: room.timeline.rows().cloned().collect(),
    };
    let mut rooms: Vec<_> = model.rooms().into_iter().map(|room| (room.id, see(room))).collect();
    rooms.sort_by_key(|(id, _)| *id);
    rooms
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_and_what_came_since_are_the_later_snapshot(
        story in proptest::collection::vec(deed(), 0..60),
        came in any::<proptest::sample::Index>(),
        // Messages may come twice, and heads may be told beside them.
        doubled in any::<bool>(),
    ) {
        let mut logs: Vec<Log> = (1..=ROOMS).map(Log::new).collect();
        let mut there = fresh();
        let came = came.index(story.len() + 1);
        for (at, (room, from, deed)) in story.iter().enumerate() {
            if at == came {
                syncs(&mut there, &logs);
            }
            let log = &mut logs[*room as usize - 1];
            let events = log.happens(UserId(*from), *deed);
            if at < came {
                continue;
            }
            for event in events {
                if let (true, Event::Message(message)) = (doubled, &event) {
                    let h = vec![(message.room, message.seq, message.n)];
                    there.apply(&Notice::Event(Event::Heads(Heads { h })));
                    there.apply(&Notice::Event(event.clone()));
                }
                there.apply(&Notice::Event(event));
            }
        }
        if came == story.len() {
            syncs(&mut there, &logs);
        }
        let mut late = fresh();
        syncs(&mut late, &logs);
        reads_all(&mut there, &logs);
        reads_all(&mut late, &logs);
        prop_assert_eq!(seen(&there), seen(&late));
    }
}

/// Joined where one was already, left from another device: the answer was read before and comes after.
#[test]
fn an_answer_older_than_the_leaving_brings_no_room_back() {
    let mut logs: Vec<Log> = (1..=ROOMS).map(Log::new).collect();
    let mut model = fresh();
    syncs(&mut model, &logs);
    let log = &mut logs[1];
    log.happens(UserId(8), Deed::IAmAsked);
    let enters = log.happens(ME, Deed::IEnter);
    let answer = |room: Room| Notice::Answer {
        ticket: Ticket(1),
        request: Box::new(RoomJoin { room: Some(room.room), name: None }.into()),
        answer: Ok(Box::new(Answer::Room(room))),
    };
    let old = answer(log.told());
    let leaves = log.happens(ME, Deed::ILeave);
    let id = log.room.room;
    for event in enters.into_iter().chain(leaves) {
        model.apply(&Notice::Event(event));
    }
    model.apply(&old);
    assert!(model.room(id).is_none(), "gone is gone");
    log.happens(UserId(8), Deed::IAmAsked);
    log.happens(ME, Deed::IEnter);
    model.apply(&answer(log.told()));
    assert!(model.room(id).is_some_and(|room| room.role == Role::Member), "and back is back");
}
