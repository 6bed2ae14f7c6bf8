//! What a program's screen was shown, from its start on, as facts for the judge. It lives with the program
//! and is lost with it.

use std::collections::{BTreeMap, BTreeSet};

use liao_check::history::{Entry, Fact};
use liao_client_core::{answer::Answer, model::Model, notice::Notice};
use liao_common::{
    event::{Event, Gap, Role, Room, Synced},
    id::{RoomId, Seq},
};

#[derive(Default)]
pub(super) struct Seen {
    pub(super) model: Model,
    /// The last place of each room that was shown or said to be left out.
    pub(super) last: BTreeMap<RoomId, Seq>,
    /// The same, and what was left out by right.
    pub(super) stream: BTreeMap<RoomId, Seq>,
    /// Behind these places pushes begin where nothing was shown yet.
    pub(super) begins: BTreeMap<RoomId, Seq>,
    /// Rooms that were left and not entered again.
    pub(super) gone: BTreeSet<RoomId>,
    /// Rooms that were entered again and of which nothing was pushed since: the read marker there,
    /// which is at the entering or, where one has spoken meanwhile, behind it.
    pub(super) entered: BTreeMap<RoomId, Seq>,
    pub(super) marks: BTreeMap<RoomId, Mark>,
    /// Rooms that were entered and of which nothing was pushed yet.
    pub(super) entering: BTreeSet<RoomId>,
    pub(super) named: bool,
}

/// How far a room was shown to be read.
#[derive(Default)]
pub(super) struct Mark {
    pub(super) read: Seq,
    pub(super) came_back: bool,
}

impl Seen {
    /// Where the pushes of a room that was entered begin, if these are the first.
    pub(super) fn is_begun_by(&mut self, notice: &Notice) -> Option<(RoomId, Seq)> {
        let (room, first) = match notice {
            Notice::Event(Event::Message(message)) => (message.room, message.seq),
            Notice::Event(Event::Gap(gap)) => (gap.room, gap.from),
            _ => return None,
        };
        self.entering.remove(&room).then(|| (room, Seq(first.0.saturating_sub(1))))
    }

    pub(super) fn facts(&mut self, notice: &Notice) -> Vec<Fact> {
        match notice {
            Notice::LoggedIn(session) if !self.named => {
                self.named = true;
                vec![Fact::Person { user: session.user.0 }]
            }
            Notice::Synced(synced) => {
                let inside = synced.rooms.iter().filter(|room| room.role != Role::Invited);
                let floor = |room: &Room| Fact::Floor { room: room.room.0, seq: room.floor.0 };
                let floors = inside.filter(|room| room.floor > Seq::ZERO).map(floor);
                [self.begins(synced)].into_iter().chain(floors).collect()
            }
            Notice::Event(Event::Message(message)) => {
                let left_out = self.leaves_out(message.room, message.seq);
                self.reaches(message.room, message.seq);
                let saw = Fact::Saw(Entry::from(&**message));
                left_out.into_iter().chain([saw]).collect()
            }
            Notice::Event(Event::Gap(gap)) => {
                let left_out = self.leaves_out(gap.room, gap.from);
                left_out.into_iter().chain([self.skips(gap)]).collect()
            }
            Notice::Event(Event::Room(room)) => {
                self.enters(room);
                Vec::new()
            }
            Notice::Answer { answer: Ok(answer), .. } => match &**answer {
                Answer::Page(page) => page.msgs.iter().map(|msg| Fact::Read(msg.into())).collect(),
                _ => Vec::new(),
            },
            Notice::Posted { nonce, room, posted } => vec![Fact::Acked {
                cid: nonce.to_string(),
                room: room.0,
                seq: posted.seq.0,
                dup: posted.dup,
            }],
            Notice::PostFailed { nonce, fault, .. } => {
                let code = fault.code.as_str().to_owned();
                vec![Fact::Refused { cid: nonce.to_string(), code }]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn reaches(&mut self, room: RoomId, seq: Seq) {
        self.last.insert(room, seq);
        self.stream.insert(room, seq);
    }

    /// Pushes go on behind what was shown, in the rooms that are still there.
    pub(super) fn begins(&mut self, synced: &Synced) -> Fact {
        if synced.reset {
            self.last.clear();
        }
        let before = std::mem::take(&mut self.last);
        let outside = synced.rooms.iter().filter(|room| room.role == Role::Invited);
        self.gone = outside.map(|room| room.room).collect();
        self.begins.clear();
        self.entered.clear();
        self.entering.clear();
        for room in &synced.rooms {
            self.begins.insert(room.room, room.read.0.max(room.floor));
            if let Some(seen) = before.get(&room.room) {
                // The floor of an invitation says nothing of what will be shown to members.
                let floor = if room.role == Role::Invited { Seq::ZERO } else { room.floor };
                self.last.insert(room.room, floor.max(*seen));
            }
        }
        self.stream = self.last.clone();
        let cur = self.last.iter().map(|(room, seq)| (room.0, seq.0)).collect();
        Fact::Began { epoch: synced.epoch.clone(), cur }
    }

    pub(super) fn skips(&mut self, gap: &Gap) -> Fact {
        self.reaches(gap.room, gap.to);
        Fact::Gap { room: gap.room.0, from: gap.from.0, to: gap.to.0 }
    }

    pub(super) fn enters(&mut self, room: &Room) {
        if matches!(room.role, Role::Gone | Role::Invited) {
            self.gone.insert(room.room);
            return;
        }
        let came_back = self.gone.remove(&room.room);
        let to = room.read.0.max(room.floor);
        if came_back || !self.begins.contains_key(&room.room) {
            self.begins.insert(room.room, to);
            self.entering.insert(room.room);
        }
        if came_back {
            self.entered.insert(room.room, to);
        }
    }

    /// Whoever comes back is shown what was said after that: what is before the first push is left out
    /// by right, but nothing behind the marker.
    pub(super) fn leaves_out(&mut self, room: RoomId, first: Seq) -> Option<Fact> {
        let marker = self.entered.remove(&room)?;
        let last = *self.stream.get(&room)?;
        let to = marker.0.min(first.0.saturating_sub(1));
        (to > last.0).then(|| Fact::Gap { room: room.0, from: last.next().0, to })
    }

    /// Rooms whose marker is shown elsewhere than before. A room that went and came back may begin
    /// lower, for one's own words count as read on this screen alone; then it is not compared.
    pub(super) fn shows_read(&mut self) -> Vec<(RoomId, Seq)> {
        let mut moved = Vec::new();
        let mut absent: BTreeSet<RoomId> = self.marks.keys().copied().collect();
        for room in self.model.rooms().into_iter().filter(|room| !room.is_invitation()) {
            absent.remove(&room.id);
            let mark = self.marks.entry(room.id).or_default();
            let (read, before) = (room.read.0, mark.read);
            if read != before && (read > before || !mark.came_back) {
                moved.push((room.id, read));
                *mark = Mark { read, came_back: false };
            }
        }
        for room in absent {
            self.marks.entry(room).or_default().came_back = true;
        }
        moved.sort_unstable();
        moved
    }
}
