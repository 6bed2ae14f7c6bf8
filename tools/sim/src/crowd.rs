//! What people do: mostly talk, sometimes all the rest. Each device has dice of its own.

use std::{sync::Arc, time::Duration};

use liao_client_core::{
    model::RoomView,
    timeline::{Content, Row},
};
use liao_common::{
    event::{Rank, Role},
    id::{RoomId, Seq, UserId},
    message::{Body, Kind},
    request::{
        History, RoomBan, RoomCreate, RoomInvite, RoomJoin, RoomKick, RoomLeave, RoomList,
        RoomOpen, RoomRole, RoomTopic, RoomUnban,
    },
};
use liao_server::state::{key, view};
use tokio_util::sync::CancellationToken;

use crate::{
    Dice,
    device::{Device, Heads},
    host::Host,
};

/// The longest pause between two deeds, in milliseconds.
const PAUSE_MS_MAX: u64 = 1500;

/// Names that rooms are made with and looked for by.
const ROOMS: [&str; 4] = ["rose", "lily", "iris", "fern"];

/// Numbers of rooms that are tried by whoever looks around.
const ROOMS_TRIED: u64 = 12;

/// Posts of somebody who pastes.
const BURST_MAX: u64 = 40;

/// One device at work until the end is called.
pub(crate) struct Worker {
    device: Arc<Device>,
    /// The other devices of the same person.
    others: Vec<Arc<Device>>,
    people: Vec<String>,
    host: Arc<Host>,
    dice: Dice,
    said: u64,
}

impl Worker {
    pub(crate) const fn new(
        device: Arc<Device>,
        others: Vec<Arc<Device>>,
        people: Vec<String>,
        host: Arc<Host>,
        dice: Dice,
    ) -> Self {
        Self { device, others, people, host, dice, said: 0 }
    }

    pub(crate) async fn works(mut self, end: CancellationToken) {
        loop {
            let pause = Duration::from_millis(self.dice.within(1, PAUSE_MS_MAX));
            tokio::select! {
                biased;
                () = end.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            self.acts().await;
        }
    }

    async fn acts(&mut self) {
        match self.dice.below(100) {
            0..38 => self.says().await,
            38..42 => self.keeps_order(),
            42..45 => self.looks_back(),
            45 => self.logs_another_out().await,
            46..53 => self.edits().await,
            53..59 => self.takes_back().await,
            59..67 => self.reads(),
            67..72 => self.scrolls(),
            72..79 => self.joins(),
            79..84 => self.leaves(),
            84..88 => self.invites(),
            88..90 => self.opens(),
            90..93 => self.creates(),
            93..95 => self.asks_around(),
            95..97 => self.sets_topic(),
            _ => {
                for _ in 0..self.dice.within(2, BURST_MAX) {
                    self.says().await;
                }
            }
        }
    }

    /// Some room of this person.
    fn room(&mut self) -> Option<RoomId> {
        let inside = |room: &&&RoomView| !room.is_invitation();
        let mut rooms: Vec<RoomId> = self
            .device
            .looks(|model| model.rooms().iter().filter(inside).map(|room| room.id).collect());
        rooms.sort_unstable();
        self.dice.pick(&rooms).copied()
    }

    async fn says(&mut self) {
        let Some(room) = self.room() else { return };
        self.said += 1;
        let long = if self.dice.chance(5) { self.dice.below(4000) } else { self.dice.below(40) };
        let filling = "聊".repeat(usize::try_from(long).unwrap_or_default());
        let text = format!("{} says {} in {room} {filling}", self.device.who(), self.said);
        let newest = self.device.looks(|model| model.room(room).map(|room| room.head.0));
        let re = newest.filter(|seq| *seq > Seq::ZERO && self.dice.chance(10));
        self.device.posts(room, Kind::Text, Body { re, ..Body::text(text) }).await;
    }

    /// A message of one's own in some room.
    fn own(&mut self) -> Option<(RoomId, Seq)> {
        let room = self.room()?;
        let own: Vec<Seq> = self.device.looks(|model| {
            let me = model.my_id();
            let mine = |row: &&Row| Some(row.from) == me && matches!(row.content, Content::Text(_));
            let rows = model.room(room).into_iter().flat_map(|room| room.timeline.rows());
            rows.filter(mine).filter_map(|row| row.seq).collect()
        });
        Some((room, *self.dice.pick(&own)?))
    }

    async fn edits(&mut self) {
        let Some((room, of)) = self.own() else { return };
        self.said += 1;
        let text = format!("{} means {} in {room}", self.device.who(), self.said);
        let body = Body { of: Some(of), ..Body::text(text) };
        self.device.posts(room, Kind::Edit, body).await;
    }

    async fn takes_back(&mut self) {
        let Some((room, of)) = self.own() else { return };
        let body = Body { of: Some(of), ..Body::default() };
        self.device.posts(room, Kind::Redact, body).await;
    }

    fn reads(&mut self) {
        let Some(room) = self.room() else { return };
        let back = self.dice.below(5);
        let mark = self.device.turns(|model| {
            let head = model.room(room)?.head.0;
            model.mark_read(room, Seq(head.0.saturating_sub(back)))
        });
        mark.into_iter().for_each(|mark| self.device.asks(mark));
    }

    fn scrolls(&mut self) {
        let Some(room) = self.room() else { return };
        let wanted = if self.dice.chance(70) {
            self.device.turns(|model| model.open(room))
        } else {
            self.device.turns(|model| {
                model.close(room);
                None
            })
        };
        wanted.into_iter().for_each(|page| self.device.asks(page));
    }

    /// Reads somewhere in a room, perhaps in one that is no longer or never was theirs.
    fn looks_back(&mut self) {
        let foreign = RoomId(self.dice.within(1, ROOMS_TRIED));
        let room = self.room().filter(|_| self.dice.chance(70)).unwrap_or(foreign);
        let head = self.device.looks(|model| model.room(room).map_or(9, |room| room.head.0.0));
        let at = Some(Seq(self.dice.below(head + 2)));
        let ask = History { room, ..History::default() };
        self.device.asks(match self.dice.below(3) {
            0 => History { before: at, ..ask },
            1 => History { after: at, ..ask },
            _ => History { around: at, ..ask },
        });
    }

    async fn logs_another_out(&mut self) {
        let Some(other) = self.dice.pick(&self.others).cloned() else { return };
        self.device.logs_out(&other, || heads(&self.host)).await;
    }

    fn joins(&mut self) {
        let invited = self.device.looks(|model| {
            let rooms = model.rooms().into_iter().filter(|room| room.is_invitation());
            rooms.map(|room| room.id).min()
        });
        let name = self.dice.pick(&ROOMS).map(|name| (*name).to_owned());
        let join = match invited {
            Some(room) => RoomJoin { room: Some(room), name: None },
            None => RoomJoin { room: None, name },
        };
        self.device.asks(join);
    }

    fn leaves(&mut self) {
        if let Some(room) = self.room().filter(|room| *room != RoomId::LOBBY) {
            self.device.asks(RoomLeave { room });
        }
    }

    fn invites(&mut self) {
        let Some(room) = self.room() else { return };
        let user = UserId(self.dice.within(1, self.people.len() as u64));
        self.device.asks(RoomInvite { room, user });
    }

    /// Where this person owns or moderates a room, others are taken out of it, banned, let in again, and made
    /// moderators. Nobody is taken out of the lobby, where everybody waits to be seen online at the end.
    fn keeps_order(&mut self) {
        let mut rooms: Vec<RoomId> = self.device.looks(|model| {
            let admin = model.me.as_ref().is_some_and(|me| me.admin);
            let rooms = model.rooms().into_iter().filter(|room| room.id != RoomId::LOBBY);
            let mine = rooms.filter(|room| admin || room.role == Role::Owner || room.moderates);
            mine.map(|room| room.id).collect()
        });
        rooms.sort_unstable();
        let Some(&room) = self.dice.pick(&rooms) else { return };
        let user = UserId(self.dice.within(1, self.people.len() as u64));
        let text = if self.dice.chance(50) { "enough".to_owned() } else { String::new() };
        match self.dice.below(10) {
            0..4 => self.device.asks(RoomKick { room, user, text }),
            4..6 => self.device.asks(RoomBan { room, user, text }),
            6..8 => self.device.asks(RoomUnban { room, user }),
            8 => self.device.asks(RoomRole { room, user, role: Rank::Moderator }),
            _ => self.device.asks(RoomRole { room, user, role: Rank::Member }),
        }
    }

    fn opens(&mut self) {
        let name = self.dice.pick(&self.people).cloned();
        self.device.asks(RoomOpen { user: None, name });
    }

    fn creates(&mut self) {
        let Some(name) = self.dice.pick(&ROOMS) else { return };
        let private = self.dice.chance(50);
        self.device.asks(RoomCreate { name: (*name).to_owned(), private, topic: String::new() });
    }

    fn asks_around(&self) {
        self.device.asks(RoomList::default());
    }

    fn sets_topic(&mut self) {
        let Some(room) = self.room() else { return };
        let topic = format!("topic {}", self.dice.below(1000));
        self.device.asks(RoomTopic { room, topic });
    }
}

/// What has been said so far; `None` when nobody can tell.
fn heads(host: &Host) -> Option<Heads> {
    let hub = host.hub()?;
    let rooms = 1..view::next_number(&*hub.store, key::ROOMS).ok()?;
    let head = |room| Some((RoomId(room), view::head(&*hub.store, RoomId(room)).ok()?.seq));
    rooms.map(head).collect()
}
