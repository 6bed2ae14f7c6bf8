//! A room as this person sees it: what the server says of it, and its timeline. Counts come from
//! the server's numbers, so that they are right even for messages that are not here.

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{
    event::{Role, Room, RoomKind},
    id::{RoomId, Seq, UserId},
    message::{Kind, Message},
    text,
};

use super::staff::Staff;
use crate::timeline::{Farewell, Timeline};

/// Own words behind the marker that are remembered; more of them count as unread.
const LATE_MAX: usize = 1024;

/// Why this person is not in a room any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Somebody took them out.
    Removed(Farewell),
    /// The server does not name it any more. What happened is not known: it happened without a connection.
    Unlisted,
}

/// A room of this person, or one that they are invited to.
#[derive(Clone, Debug)]
pub struct RoomView {
    /// Its number.
    pub id: RoomId,
    /// What kind of room.
    pub kind: RoomKind,
    /// Its name without `#`, cleaned; empty for a direct room.
    pub name: String,
    /// What it is about, on one line, cleaned.
    pub topic: String,
    /// What this person is in it.
    pub role: Role,
    /// Whether this person moderates it.
    pub moderates: bool,
    /// This person is not in it any more; it stays to be read.
    pub removed: Option<Loss>,
    /// Whose it is, once that is known.
    pub owner: Option<UserId>,
    /// Who moderates it, as far as that is known.
    pub mods: BTreeSet<UserId>,
    /// What is known of who keeps order.
    pub(super) staff: Staff,
    /// How many members it has.
    pub members: u64,
    /// The last message: seq and n.
    pub head: (Seq, u64),
    /// How far this person has read: seq and n.
    pub read: (Seq, u64),
    /// The other person of a direct room, or who sent the invitation.
    pub with: Option<UserId>,
    /// When the last known message was said, in milliseconds since 1970; 0 while unknown.
    pub last_ms: u64,
    /// Rises with every move of any room: the room that moved last has the highest.
    pub rank: u64,
    /// What was said.
    pub timeline: Timeline,
    /// Topic and number of members are what they were at this place. The head may be known before.
    counted: Seq,
    /// Own words behind the marker, with their n: they were sent late, and unread words of others stand before them.
    late: BTreeMap<Seq, u64>,
}

impl RoomView {
    pub(super) fn new(room: &Room) -> Self {
        let mut view = Self {
            id: room.room,
            kind: room.kind,
            name: String::new(),
            topic: String::new(),
            role: room.role,
            moderates: false,
            removed: None,
            owner: None,
            mods: BTreeSet::new(),
            staff: Staff::default(),
            members: 0,
            head: (Seq::ZERO, 0),
            read: (Seq::ZERO, 0),
            with: None,
            last_ms: 0,
            rank: 0,
            timeline: Timeline::default(),
            counted: Seq::ZERO,
            late: BTreeMap::new(),
        };
        view.update(room);
        view
    }

    /// Takes the server's word. Markers, heads and the floor only rise: two answers may overtake each other. But
    /// whoever enters may see what an invitation did not show.
    pub(super) fn update(&mut self, room: &Room) {
        let enters = self.is_invitation() && room.role != Role::Invited;
        self.kind = room.kind;
        self.name = text::clean_line(&room.name);
        self.topic = text::clean_line(&room.topic);
        self.role = room.role;
        self.moderates = room.moderates;
        if self.removed.take().is_some() {
            self.staff.miss();
        }
        self.members = room.members;
        self.counted = room.head.0;
        self.with = room.with.as_ref().map(|user| user.user).or(self.with);
        self.raise_head(room.head);
        self.raise_read(room.read);
        if enters {
            self.timeline.set_floor(room.floor);
        } else {
            self.timeline.raise_floor(room.floor);
        }
    }

    /// This person is not in it any more.
    pub(super) fn be_lost(&mut self, loss: Loss) {
        self.removed = Some(loss);
        (self.role, self.moderates) = (Role::Gone, false);
        self.raise_read(self.head);
    }

    /// The log is another one now.
    pub(super) fn reset(&mut self) {
        self.head = (Seq::ZERO, 0);
        self.read = (Seq::ZERO, 0);
        self.counted = Seq::ZERO;
        self.late.clear();
        self.staff = Staff::default();
        self.timeline.reset();
    }

    pub(super) fn raise_head(&mut self, head: (Seq, u64)) {
        if head.0 > self.head.0 {
            self.head = head;
        }
        self.timeline.raise_head(head.0);
    }

    pub(super) fn raise_read(&mut self, read: (Seq, u64)) {
        if read.0 > self.read.0 {
            self.read = (read.0, read.1.max(self.read.1));
            self.late = self.late.split_off(&read.0.next());
            self.pass_late();
        }
    }

    /// Own words right behind the marker need no reading.
    fn pass_late(&mut self) {
        while let Some((&seq, &n)) = self.late.first_key_value()
            && n <= self.read.1.saturating_add(1)
        {
            self.late.pop_first();
            self.read = (seq, n.max(self.read.1));
        }
    }

    /// Takes an own message in. Who speaks has read what was said before; the server says so too. What was sent
    /// late says so only where nothing unread stands before it, and is not unread itself.
    pub(super) fn speak(&mut self, message: &Message) {
        if !message.kind.counts() || message.seq <= self.read.0 {
            return;
        }
        if !message.body.late {
            return self.raise_read((message.seq, message.n));
        }
        self.late.insert(message.seq, message.n);
        self.pass_late();
        if self.late.len() > LATE_MAX {
            self.late.pop_last();
        }
    }

    /// Takes a pushed message in.
    pub(super) fn push(&mut self, message: &Message, me: Option<UserId>) -> bool {
        let news = self.timeline.insert(message);
        self.follow_staff(message);
        if message.seq > self.counted {
            self.counted = message.seq;
            self.last_ms = message.at_ms;
            self.follow(message);
        }
        self.raise_head((message.seq, message.n));
        if Some(message.from) == me {
            self.speak(message);
        }
        news
    }

    /// Topic and number of members change with messages; those before were counted in.
    fn follow(&mut self, message: &Message) {
        match message.kind {
            Kind::Join => self.members = self.members.saturating_add(1),
            Kind::Leave => self.members = self.members.saturating_sub(1),
            Kind::Topic => {
                self.topic = text::clean_line(message.body.text.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Messages of others that this person has not read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        let own = u64::try_from(self.late.len()).unwrap_or(u64::MAX);
        self.head.1.saturating_sub(self.read.1).saturating_sub(own)
    }

    /// Unread messages that name `me`, among those that are here.
    #[must_use]
    pub fn mentions(&self, me: UserId) -> usize {
        let unread = self.timeline.rows().rev().take_while(|row| row.seq > Some(self.read.0));
        unread.filter(|row| row.from != me && row.mentions(me)).count()
    }

    /// Two people only.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.kind == RoomKind::Direct
    }

    /// An invitation that was neither accepted nor declined.
    #[must_use]
    pub fn is_invitation(&self) -> bool {
        self.role == Role::Invited
    }
}
