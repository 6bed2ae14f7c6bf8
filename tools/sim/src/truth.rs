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
    chat::{hub::Hub, retention::Retention},
    index::Direction,
    state::{key, record, view},
    store::{StoreError, View as _},
};

use crate::{
    archive::{self, Archive, Messages},
    device::Device,
    stage::Stage,
};

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
    /// What the server finds.
    kept: Messages,
    /// All that was ever stored: what the server finds, what stands in its journal below the floor, and what
    /// has left the disk.
    messages: Messages,
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
    /// Reads everything. What has left the disk stands in the archive.
    pub(crate) fn read(hub: &Hub, archive: &Archive) -> Result<Self, StoreError> {
        let store = &*hub.store;
        let mut said = archive.rooms();
        for record in store.journal().records(store.journal().start()?) {
            archive::add(&mut said, &record?);
        }
        let mut rooms = BTreeMap::new();
        for number in 1..view::next_number(store, key::ROOMS)? {
            let id = RoomId(number);
            let Some(room) = view::room(store, id)? else { continue };
            let (kept, messages) =
                (behind(hub, id, Seq::ZERO)?, said.remove(&id).unwrap_or_default());
            rooms.insert(id, Log { room, floor: view::floor(store, id)?.0, kept, messages });
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
            if let Some(place) = log.hole() {
                stage.broke(format!("nobody knows what stood at place {place} of room {room}"));
            }
            stage.fact(JOURNAL, Fact::May { room, after: 0 });
            // What went was there before it went, whether anybody was shown it or not.
            for (_, message) in log.messages.iter().filter(|(seq, _)| !log.kept.contains_key(seq)) {
                stage.fact(JOURNAL, Fact::Read(Entry::from(message)));
            }
            stage.fact(JOURNAL, Fact::Reads { room });
            for message in log.kept.values() {
                stage.fact(JOURNAL, Fact::Read(Entry::from(message)));
            }
            stage.fact(JOURNAL, Fact::ReadAll { room, floor: log.floor.0 });
        }
    }

    /// Says where more is gone than this rule lets go by a clock that showed at most this.
    pub(crate) fn judge_floors(&self, rule: Retention, looked_ms: Option<u64>, stage: &Stage) {
        for (id, log) in &self.rooms {
            let old = log.old(rule, looked_ms);
            if log.floor > old {
                let floor = log.floor;
                stage.broke(format!("I1 room {id} begins behind {floor}, and only {old} is old"));
            }
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
        let own = self.messages.values().filter(|message| message.from == user);
        own.filter_map(|message| match message.kind {
            Kind::Join if public => Some(Fact::May { room, after: 0 }),
            Kind::Join => Some(Fact::May { room, after: message.seq.0 - 1 }),
            Kind::Leave => Some(Fact::MayNot { room, upto: message.seq.0 }),
            _ => None,
        })
        .collect()
    }

    /// The first place below the last one of which nobody knows what stood there.
    fn hole(&self) -> Option<Seq> {
        let end = self.messages.keys().chain([&self.floor]).max().copied().unwrap_or_default();
        (1..=end.0).map(Seq).find(|seq| !self.messages.contains_key(seq))
    }

    /// Up to where messages may be gone.
    fn old(&self, rule: Retention, looked_ms: Option<u64>) -> Seq {
        let head = self.messages.last_key_value().map_or(0, |(seq, _)| seq.0);
        let by_count = rule.messages.map_or(0, |kept| head.saturating_sub(kept));
        let before_ms = rule.age_ms.zip(looked_ms).map_or(0, |(age, now)| now.saturating_sub(age));
        let is_old = |message: &&Message| message.at_ms < before_ms;
        let by_age = self.messages.values().take_while(is_old).last().map_or(0, |last| last.seq.0);
        Seq(by_count.max(by_age))
    }

    /// The first post of somebody who was not in the room.
    fn said_from_outside(&self) -> Option<&Message> {
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
        let Some(message) = self.messages.get(&seq) else { return false };
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

#[cfg(test)]
mod tests {
    use liao_common::{
        id::{DeviceId, Nonce},
        message::Body,
    };
    use liao_server::chat::age::DAY_MS;

    use super::*;

    const ROOM: RoomId = RoomId(3);
    const ANNA: UserId = UserId(1);

    fn said(seq: u64, at_ms: u64, kind: Kind, body: Body) -> Message {
        Message {
            room: ROOM,
            seq: Seq(seq),
            n: seq,
            at_ms,
            from: ANNA,
            device: DeviceId(1),
            cid: Nonce([seq as u8; 16]),
            kind,
            body,
        }
    }

    /// Anna makes a room, says something a day later, means something else another day later, and goes on.
    fn log(floor: u64) -> Log {
        let edit = Body { of: Some(Seq(2)), ..Body::text("two!") };
        let mut all = vec![
            said(1, 0, Kind::Join, Body::default()),
            said(2, DAY_MS, Kind::Text, Body::text("two")),
            said(3, 2 * DAY_MS, Kind::Edit, edit),
        ];
        all.extend((4..=9).map(|seq| said(seq, seq * DAY_MS, Kind::Text, Body::text("on"))));
        let messages: Messages = all.into_iter().map(|message| (message.seq, message)).collect();
        let kept =
            messages.range(Seq(floor + 1)..).map(|(seq, said)| (*seq, said.clone())).collect();
        let room = record::Room {
            room: ROOM,
            kind: RoomKind::Private,
            name: "moss".to_owned(),
            topic: String::new(),
            by: ANNA,
            with: None,
            at: 0,
        };
        Log { room, floor: Seq(floor), kept, messages }
    }

    fn rule(messages: Option<u64>, age_days: Option<u64>) -> Retention {
        let age_ms = age_days.map(|days| days * DAY_MS);
        Retention { messages, age_ms, ..Retention::default() }
    }

    fn judged(log: Log, rule: Retention, looked_ms: Option<u64>) -> Vec<String> {
        let stage = Stage::new(false);
        let truth = Truth { rooms: BTreeMap::from([(ROOM, log)]) };
        truth.judge_floors(rule, looked_ms, &stage);
        truth.testify(&stage, &BTreeMap::new());
        stage.close().broken
    }

    #[test]
    fn no_more_may_be_gone_than_the_rule_and_the_clock_let_go() {
        crate::clock::begin(crate::Dice::new(1));
        let (by_count, by_age) = (rule(Some(4), None), rule(None, Some(2)));
        assert!(judged(log(5), by_count, None).is_empty(), "all but four");
        assert_eq!(judged(log(6), by_count, Some(99 * DAY_MS)).len(), 1, "one of the four");
        assert!(judged(log(5), by_age, Some(8 * DAY_MS)).is_empty(), "more than two days old");
        assert_eq!(judged(log(6), by_age, Some(8 * DAY_MS)).len(), 1, "two days old");
        assert_eq!(judged(log(1), by_age, None).len(), 1, "by a clock that nobody believes");
        assert!(judged(log(6), rule(Some(4), Some(2)), Some(9 * DAY_MS)).is_empty());
    }

    #[test]
    fn a_place_of_which_nobody_knows_is_told() {
        crate::clock::begin(crate::Dice::new(1));
        let everything = Retention::default();
        for gone in [3, 9] {
            let mut hole = log(0);
            hole.messages.remove(&Seq(gone));
            hole.floor = Seq(9);
            let broken = judged(hole, rule(Some(0), None), None);
            assert_eq!(broken.len(), 1 + usize::from(gone == 9), "{broken:?}");
        }
        assert!(judged(log(0), everything, None).is_empty());
    }

    fn row(seq: u64, text: &str) -> Row {
        Row::sent(&said(seq, DAY_MS, Kind::Text, Body::text(text)))
    }

    #[test]
    fn a_row_is_compared_also_where_its_message_and_its_change_went() {
        let log = log(5);
        assert!(log.agrees(&row(2, "two!")), "as it was changed");
        assert!(!log.agrees(&row(2, "two")) && !log.agrees(&row(2, "three")));
        assert!(!log.agrees(&row(10, "never")), "nobody ever stored it");
    }
}
