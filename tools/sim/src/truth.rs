//! What really is in the store when all is over: the log of every room, who was in it when, and how
//! far people have read. Compared with what the clients show.

use std::collections::{BTreeMap, BTreeSet};

use liao_check::history::{Entry, Fact};
use liao_client_core::timeline::{Content, Row};
use liao_common::{
    event::RoomKind,
    id::{RoomId, Seq, UserId},
    message::{Kind, Message},
};
use liao_server::{
    chat::hub::Hub,
    index::Direction,
    state::{key, record, view},
    store::{StoreError, View as _},
};

use crate::{device::Device, stage::Stage};

/// The reader of the store, in the history.
const JOURNAL: &str = "journal";

/// See the module.
pub(crate) struct Truth {
    rooms: BTreeMap<RoomId, Log>,
}

struct Log {
    room: record::Room,
    /// Behind this place all is kept.
    floor: Seq,
    messages: Messages,
}

/// Messages of a room by their places.
type Messages = BTreeMap<Seq, Message>;

/// What was said in each room, kept beside a server that does not keep everything.
#[derive(Clone, Default)]
pub(crate) struct Archive(BTreeMap<RoomId, Messages>);

impl Archive {
    /// Adds what is new in the store.
    pub(crate) fn add(&mut self, hub: &Hub) -> Result<(), StoreError> {
        for number in 1..view::next_number(&*hub.store, key::ROOMS)? {
            let room = RoomId(number);
            let known = self.0.entry(room).or_default();
            let after = known.last_key_value().map_or(Seq::ZERO, |(seq, _)| *seq);
            known.extend(behind(hub, room, after)?);
        }
        Ok(())
    }
}

fn behind(hub: &Hub, room: RoomId, after: Seq) -> Result<Messages, StoreError> {
    let store = &*hub.store;
    let span = (after, view::head(store, room)?.seq);
    let places = view::message_places(store, room, span, Direction::Forward, usize::MAX)?;
    let mut messages = Messages::new();
    for place in places {
        messages.extend(record::message(&store.record(&place.at)?).map(|said| (said.seq, said)));
    }
    Ok(messages)
}

impl Truth {
    /// Reads everything. What the store does not keep stands in the archive.
    pub(crate) fn read(hub: &Hub, archive: Archive) -> Result<Self, StoreError> {
        let store = &*hub.store;
        let mut rooms = BTreeMap::new();
        for number in 1..view::next_number(store, key::ROOMS)? {
            let id = RoomId(number);
            let Some(room) = view::room(store, id)? else { continue };
            let mut messages = archive.0.get(&id).cloned().unwrap_or_default();
            messages.extend(behind(hub, id, Seq::ZERO)?);
            rooms.insert(id, Log { room, floor: view::floor(store, id)?.0, messages });
        }
        Ok(Self { rooms })
    }

    /// Tells the judge what is stored, and who may see what of it.
    pub(crate) fn testify(&self, stage: &Stage, people: &BTreeMap<UserId, Vec<String>>) {
        for (id, log) in &self.rooms {
            let room = id.0;
            for (user, devices) in people {
                for fact in log.spans(*user) {
                    devices.iter().for_each(|who| stage.fact(who, fact.clone()));
                }
            }
            if let Some(message) = log.said_from_outside() {
                stage.broke(format!("{message:?} was said by somebody who was not in the room"));
            }
            stage.fact(JOURNAL, Fact::May { room, after: 0 });
            stage.fact(JOURNAL, Fact::Reads { room });
            for message in log.messages.range(log.floor.next()..).map(|(_, message)| message) {
                stage.fact(JOURNAL, Fact::Read(Entry::from(message)));
            }
            stage.fact(JOURNAL, Fact::ReadAll { room, floor: log.floor.0 });
        }
    }

    /// Compares what a device shows with what is stored.
    pub(crate) fn compare(&self, device: &Device, stage: &Stage) {
        let wrong = device.looks(|model| {
            let mut wrong = Vec::new();
            for room in model.rooms() {
                let Some(log) = self.rooms.get(&room.id) else { continue };
                let rows = room.timeline.rows().filter(|row| !log.agrees(row));
                wrong.extend(rows.map(|row| format!("room {} shows {row:?}", room.id)));
            }
            wrong
        });
        let me = device.looks(liao_client_core::model::Model::my_id).unwrap_or_default();
        for (room, before) in device.starts_of_rooms() {
            if self.rooms.get(&room).is_none_or(|log| !log.is_entered_at(me, before)) {
                let who = device.who();
                stage.broke(format!("I8 {who} was pushed room {room} from behind {before} on, and did not enter there"));
            }
        }
        for words in wrong {
            stage.broke(format!("I5 {}: {words}, and that is not what is stored", device.who()));
        }
    }
}

impl Log {
    /// What a person may see, as facts in the order of the log.
    fn spans(&self, user: UserId) -> Vec<Fact> {
        let room = self.room.room.0;
        if self.room.kind == RoomKind::Direct {
            let inside = self.room.by == user || self.room.with == Some(user);
            return inside.then_some(Fact::May { room, after: 0 }).into_iter().collect();
        }
        if !self.is_whole() {
            // All of it, and whatever they were told of its beginning.
            let end = self.messages.last_key_value().map_or(0, |(seq, _)| seq.0);
            return [0, end].map(|after| Fact::May { room, after }).into();
        }
        let public = self.room.kind == RoomKind::Public;
        let own = self.messages.values().filter(|message| message.from == user);
        own.filter_map(|message| match message.kind {
            Kind::Join if public => Some(Fact::May { room, after: 0 }),
            Kind::Join => Some(Fact::May { room, after: message.seq.0 - 1 }),
            Kind::Leave => Some(Fact::MayNot { room, upto: message.seq.0 }),
            _ => None,
        })
        .collect()
    }

    /// Whether every message is known. What goes between two looks is not; then who was where is not.
    fn is_whole(&self) -> bool {
        self.messages.keys().zip(1..).all(|(seq, place)| seq.0 == place)
    }

    /// The first post of somebody who was not in the room.
    fn said_from_outside(&self) -> Option<&Message> {
        if !self.is_whole() {
            return None;
        }
        let mut inside: BTreeSet<UserId> = BTreeSet::new();
        if self.room.kind == RoomKind::Direct {
            inside.extend([Some(self.room.by), self.room.with].into_iter().flatten());
        }
        let mut left = None;
        self.messages.values().find(|message| {
            // An owner who leaves says with the next breath whose the room is now.
            let heir = message.kind == Kind::Role && left == Some(message.from);
            left = (message.kind == Kind::Leave).then_some(message.from);
            match message.kind {
                Kind::Join => inside.insert(message.from),
                Kind::Leave => inside.remove(&message.from),
                _ if heir => return false,
                // The first account administers the server: it need not be inside where all may be.
                Kind::Role if message.from == UserId(1) && self.room.kind == RoomKind::Public => {
                    return false;
                }
                _ => return !inside.contains(&message.from),
            };
            false
        })
    }

    /// Whether somebody entered here: not before it, and nothing behind it is left out.
    fn is_entered_at(&self, user: UserId, place: Seq) -> bool {
        match self.messages.get(&place) {
            // Whoever enters late begins where the room does.
            _ if place > Seq::ZERO && place <= self.floor => true,
            Some(message) => message.kind == Kind::Join && message.from == user,
            None => place == Seq::ZERO && self.room.kind == RoomKind::Direct,
        }
    }

    fn agrees(&self, row: &Row) -> bool {
        let Some(seq) = row.seq else { return true };
        let Some(message) = self.messages.get(&seq) else { return !self.is_whole() };
        let told = (message.seq, message.from, message.cid) == (seq, row.from, row.nonce);
        told && match &row.content {
            Content::Redacted => self.last_word(seq).is_none(),
            Content::Text(text) => self.last_word(seq) == Some(text),
            _ => true,
        }
    }

    /// What a message says in the end; `None` when it was taken back.
    fn last_word(&self, seq: Seq) -> Option<&str> {
        let changes = |message: &&Message| message.body.of == Some(seq) || message.seq == seq;
        let mut words = self.messages.values().rev().filter(changes);
        if words.clone().any(|message| message.kind == Kind::Redact) {
            return None;
        }
        words.next().and_then(|message| message.body.text.as_deref())
    }
}
