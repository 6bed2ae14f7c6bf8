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
    messages: Vec<Message>,
}

impl Truth {
    /// Reads everything.
    pub(crate) fn read(hub: &Hub) -> Result<Self, StoreError> {
        let store = &*hub.store;
        let mut rooms = BTreeMap::new();
        for number in 1..view::next_number(store, key::ROOMS)? {
            let id = RoomId(number);
            let Some(room) = view::room(store, id)? else { continue };
            let span = (Seq::ZERO, view::head(store, id)?.seq);
            let places = view::message_places(store, id, span, Direction::Forward, usize::MAX)?;
            let mut messages = Vec::with_capacity(places.len());
            for place in places {
                messages.extend(record::message(&store.record(&place.at)?));
            }
            rooms.insert(id, Log { room, messages });
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
            for message in &log.messages {
                stage.fact(JOURNAL, Fact::Read(Entry::from(message)));
            }
            stage.fact(JOURNAL, Fact::ReadAll { room, floor: 0 });
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
        let public = self.room.kind == RoomKind::Public;
        let own = self.messages.iter().filter(|message| message.from == user);
        own.filter_map(|message| match message.kind {
            Kind::Join if public => Some(Fact::May { room, after: 0 }),
            Kind::Join => Some(Fact::May { room, after: message.seq.0 - 1 }),
            Kind::Leave => Some(Fact::MayNot { room, upto: message.seq.0 }),
            _ => None,
        })
        .collect()
    }

    /// The first post of somebody who was not in the room.
    fn said_from_outside(&self) -> Option<&Message> {
        let mut inside: BTreeSet<UserId> = BTreeSet::new();
        if self.room.kind == RoomKind::Direct {
            inside.extend([Some(self.room.by), self.room.with].into_iter().flatten());
        }
        let mut left = None;
        self.messages.iter().find(|message| {
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
        let entry = usize::try_from(place.0).unwrap_or_default().checked_sub(1);
        match entry.and_then(|at| self.messages.get(at)) {
            Some(message) => message.kind == Kind::Join && message.from == user,
            None => place == Seq::ZERO && self.room.kind == RoomKind::Direct,
        }
    }

    fn agrees(&self, row: &Row) -> bool {
        let Some(seq) = row.seq else { return true };
        let place = usize::try_from(seq.0 - 1).unwrap_or(usize::MAX);
        let Some(message) = self.messages.get(place) else { return false };
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
        let mut words = self.messages.iter().rev().filter(changes);
        if words.clone().any(|message| message.kind == Kind::Redact) {
            return None;
        }
        words.next().and_then(|message| message.body.text.as_deref())
    }
}
