//! What a session is told: its rooms at the start, and then whatever happens in them.
//!
//! Must hold: notes come before messages, and nothing of a room comes after the word that it is left.

use std::collections::{HashMap, VecDeque};

use liao_common::{
    codec,
    event::{self, Empty, Heads, Marked, kind},
    fault::{Fault, FaultCode},
    id::{RoomId, Seq},
    limits,
    request::{Sync, Watch},
};

use super::{Backlog, Ended, Outgoing, Session};
use crate::{
    chat::{
        follow::{Follow, Page, Step, Stored, Took},
        mailbox::{Mail, Note},
        overview::{self, is_in},
        room::Interest,
    },
    engine::Turn,
    state::view,
};

impl Session {
    pub(super) async fn sync(&mut self, ask: Sync) -> Result<event::Synced, Fault> {
        self.unfollow_all();
        let user = self.caller().user;
        let mut rooms = self.hub.read(move |hub| overview::rooms_of(hub, user)).await?;
        let epoch = self.hub.epoch();
        let mut reset = !ask.epoch.is_empty() && ask.epoch != epoch;
        let mut cursors: HashMap<RoomId, Seq> = ask.cur.into_iter().collect();
        reset |= rooms
            .iter()
            .filter(|room| is_in(room))
            .any(|room| cursors.get(&room.room).is_some_and(|seen| *seen > room.head.0));
        if reset {
            cursors.clear();
        }
        for room in rooms.iter().filter(|room| is_in(room)) {
            let seen = cursors.get(&room.room).copied().unwrap_or(room.read.0).max(room.floor);
            self.follow(room, seen)?;
        }
        let late = overview::shorten(&mut rooms);
        if !late.is_empty() {
            let late = late.iter().map(|room| codec::frame(kind::ROOM, 0, room));
            self.backlog().late = late.collect();
        }
        (self.syncing, self.synced) = (true, true);
        Ok(event::Synced { epoch, reset, rooms })
    }

    fn follow(&mut self, room: &event::Room, position: Seq) -> Result<(), Fault> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        let interest = interest(&self.active, room.room);
        let (live, follower) =
            self.hub.switchboard.follow(&self.hub.store, room.room, mailbox, interest)?;
        let follow = Follow { room: live, follower, position, until: None };
        if let Some(old) = self.following.insert(follow) {
            self.hub.switchboard.unfollow(&old.room, &old.follower);
        }
        Ok(())
    }

    pub(super) fn unfollow_all(&mut self) {
        for follow in self.following.take_all() {
            self.hub.switchboard.unfollow(&follow.room, &follow.follower);
        }
    }

    pub(super) fn watch(&mut self, ask: Watch) -> Result<Empty, Fault> {
        let Some(mailbox) = &self.mailbox else { return Ok(Empty {}) };
        if ask.online {
            self.hub.presence.watch(mailbox);
        } else {
            self.hub.presence.unwatch(mailbox);
        }
        self.active = looked_at(ask.act);
        for follow in self.following.iter_mut() {
            follow.room.look_at(&follow.follower, interest(&self.active, follow.room.id));
        }
        Ok(Empty {})
    }

    /// Ends when there may be something to [`Self::collect`].
    pub async fn wait(&self) {
        match &self.mailbox {
            Some(_) if self.has_more() => {}
            Some(mailbox) => mailbox.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the last [`Self::collect`] stopped before everything was told.
    fn has_more(&self) -> bool {
        !self.moved.is_empty() || self.backlog.is_some()
    }

    /// Whether [`Self::collect`] would give a piece of a file. [`Self::wait`] does not end for that: such
    /// a piece is for when there is nothing else to do.
    #[must_use]
    pub fn has_piece(&self) -> bool {
        self.transfers.as_ref().is_some_and(|all| all.is_ready())
    }

    fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    /// Gathers what is to be told: notes first, then messages, then a piece of a file.
    ///
    /// # Errors
    /// [`Ended`] when this device was logged out or the connection must start anew.
    pub async fn collect(&mut self, out: &mut Outgoing) -> Result<(), Ended> {
        self.open_mail()?;
        if self.backlog.is_some() && !self.work_off(out).await? {
            return Ok(());
        }
        let moved = std::mem::take(&mut self.moved);
        self.moved = self.tell_rooms(moved, out).await.map_err(ended)?;
        self.end_sync(out);
        let user = self.caller().user;
        if !out.is_full()
            && let Some(transfers) = &mut self.transfers
            && let Some(piece) = transfers.next(&self.hub, user).await
        {
            out.push(piece);
        }
        Ok(())
    }

    /// The same, but for files, as far as nothing must be waited for, which is mostly all of it. Says
    /// whether it was.
    ///
    /// # Errors
    /// See [`Self::collect`].
    pub fn collect_at_once(&mut self, out: &mut Outgoing) -> Result<bool, Ended> {
        self.open_mail()?;
        if self.backlog.is_some() {
            return Ok(false);
        }
        while !out.is_full()
            && let Some(id) = self.moved.pop_front()
        {
            match self.advance_at_once(id, out).map_err(ended)? {
                Progress::All => {}
                Progress::Full => self.moved.push_back(id),
                Progress::Stored(_) => {
                    self.moved.push_front(id);
                    return Ok(false);
                }
            }
        }
        self.end_sync(out);
        Ok(true)
    }

    fn end_sync(&mut self, out: &mut Outgoing) {
        if self.syncing && self.moved.is_empty() {
            self.syncing = false;
            out.push(codec::frame(kind::SYNCED, 0, &Empty {}));
        }
    }

    /// Tells what is in the backlog, as far as it fits. Says whether that was all.
    async fn work_off(&mut self, out: &mut Outgoing) -> Result<bool, Ended> {
        while !out.is_full()
            && let Some(room) = self.backlog().late.pop_front()
        {
            out.push(room);
        }
        if !self.backlog().late.is_empty() {
            return Ok(false);
        }
        while !out.is_full()
            && let Some(note) = self.backlog().notes.pop_front()
        {
            self.tell(note, out).await?;
        }
        self.tell_heads(out);
        self.tell_marks(out);
        self.backlog.take_if(|backlog| backlog.is_empty());
        Ok(true)
    }

    fn open_mail(&mut self) -> Result<(), Ended> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        let mut mail = mailbox.take();
        if mail.overrun {
            return Err(Ended(FaultCode::SlowConsumer));
        }
        let moved = std::mem::take(&mut mail.moved);
        add(&mut self.moved, moved.into());
        if mail != Mail::default() {
            self.backlog().add(mail);
        }
        Ok(())
    }

    /// Rooms that moved and are not pushed, all in one frame; those just left are not among them.
    fn tell_heads(&mut self, out: &mut Outgoing) {
        let heads = std::mem::take(&mut self.backlog().heads);
        let known = |room: &RoomId| self.synced && self.following.has(*room);
        let h: Vec<_> = heads
            .into_iter()
            .filter(|(room, _)| known(room))
            .map(|(room, (seq, n))| (room, seq, n))
            .collect();
        if !h.is_empty() {
            out.push(codec::frame(kind::HEAD, 0, &Heads { h }));
        }
    }

    /// How far other devices have read. After the notes, so that a room that was just entered is known.
    fn tell_marks(&mut self, out: &mut Outgoing) {
        for (room, read) in std::mem::take(&mut self.backlog().marks) {
            if self.synced && self.following.has(room) {
                out.push(codec::frame(kind::MARK, 0, &Marked { room, read }));
            }
        }
    }

    async fn tell(&mut self, note: Note, out: &mut Outgoing) -> Result<(), Ended> {
        match note {
            Note::Presence(frame) => out.push(frame),
            Note::LoggedOut => return Err(Ended(FaultCode::AuthRevoked)),
            // What `sync` will tell needs no telling before it; a connection for files never asks.
            Note::Membership { .. } if !self.synced => {}
            Note::Membership { room, turn } => {
                let told = Box::pin(self.membership(room, turn, out));
                told.await.map_err(|fault| Ended(fault.code))?;
            }
        }
        Ok(())
    }

    /// What this person is in a room has changed: tell the end of what they left, or how it is now.
    async fn membership(
        &mut self,
        room: RoomId,
        turn: Turn,
        out: &mut Outgoing,
    ) -> Result<(), Fault> {
        if let Turn::Left(last) = turn
            && let Some(follow) = self.following.find(room)
        {
            follow.until = Some(last);
            // Where nothing was pushed, nothing is pushed for a farewell.
            let pushed = follow.follower.is_full();
            let told = !pushed
                || (self.tell_rooms([room].into(), out).await?.is_empty()
                    && self.advance_to(room, last, out).await?);
            if !told {
                self.backlog().notes.push_front(Note::Membership { room, turn });
                return Ok(());
            }
            self.unfollow(room);
            // Whoever is back by now hears of it by a note of its own.
            let user = self.caller().user;
            let left = self.hub.read(move |hub| overview::left(&hub.store, user, room, last));
            out.push(codec::frame(kind::ROOM, 0, &left.await?));
            return Ok(());
        }
        let user = self.caller().user;
        let now = self.hub.read(move |hub| Ok(view::room_for(&*hub.store, user, room)?)).await?;
        let now = now.unwrap_or_else(|| event::Room::gone(room));
        out.push(codec::frame(kind::ROOM, 0, &now));
        if !is_in(&now) {
            self.unfollow(room);
        } else if let Turn::Entered(since) = turn
            && !self.following.has(room)
        {
            // Not where the marker is by now: what one said oneself meanwhile is told too. Another
            // turn has the note of the entering still behind it, which knows from where on.
            self.follow(&now, since.max(now.floor))?;
        }
        Ok(())
    }

    fn unfollow(&mut self, room: RoomId) {
        if let Some(left) = self.following.remove(room) {
            self.hub.switchboard.unfollow(&left.room, &left.follower);
        }
    }

    /// Tells what is new in a room, as far as it is in memory.
    pub(super) fn advance_at_once(
        &mut self,
        id: RoomId,
        out: &mut Outgoing,
    ) -> Result<Progress, Fault> {
        if let Some(follow) = self.following.find(id) {
            follow.follower.ready();
        }
        loop {
            if out.is_full() {
                return Ok(Progress::Full);
            }
            let Some(follow) = self.following.find(id) else { return Ok(Progress::All) };
            let before = follow.position;
            match follow.step() {
                Step::Done => return Ok(Progress::All),
                Step::Write(bytes, last) => {
                    let page = Page { bytes, last, inside: true };
                    self.hand_out(id, before, page, out)?;
                }
                Step::Stored(stored) => return Ok(Progress::Stored(stored)),
            }
        }
    }

    /// Hands out what follows a place. Whoever leaves or is logged out is told before what is said
    /// afterwards can be seen: so the look at the mailbox comes here, after the look at the room. Says
    /// whether to go on.
    pub(super) fn hand_out(
        &mut self,
        id: RoomId,
        before: Seq,
        page: Page,
        out: &mut Outgoing,
    ) -> Result<bool, Fault> {
        let (Some(follow), Some(mailbox)) = (self.following.find(id), &self.mailbox) else {
            return Ok(false);
        };
        if mailbox.is_logged_out() {
            return Err(FaultCode::AuthRevoked.into());
        }
        match follow.take(before, page, mailbox.until(id)) {
            Took::Bytes(bytes) if bytes.is_empty() => {}
            Took::Bytes(bytes) => out.push(bytes),
            Took::Nothing => {}
            Took::End => return Ok(false),
        }
        Ok(true)
    }
}

fn interest(active: &[RoomId], room: RoomId) -> Interest {
    if active.contains(&room) { Interest::Looks } else { Interest::Belongs }
}

/// How far a room was told.
pub(super) enum Progress {
    All,
    /// As far as fits in.
    Full,
    /// Up to what the store must be asked for.
    Stored(Stored),
}

fn ended(Fault { code, .. }: Fault) -> Ended {
    Ended(code)
}

/// As many rooms as a person may be in, and no memory for more of them.
fn looked_at(mut rooms: Vec<RoomId>) -> Box<[RoomId]> {
    rooms.truncate(limits::ROOMS_PER_USER_MAX);
    rooms.into()
}

/// Appends. An empty queue takes the place of the new one, so that none keeps room from busier times.
fn add<T>(queue: &mut VecDeque<T>, mut more: VecDeque<T>) {
    if queue.is_empty() {
        *queue = more;
    } else {
        queue.append(&mut more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_busy_time_is_kept_in_a_quiet_one() {
        let mut queue = VecDeque::new();
        add(&mut queue, (0..1000).collect());
        add(&mut queue, (1000..1010).collect());
        assert!(queue.iter().copied().eq(0..1010), "in order");
        queue.clear();
        add(&mut queue, VecDeque::new());
        assert_eq!(queue.capacity(), 0);
    }

    #[test]
    fn nobody_looks_at_more_rooms_than_one_can_be_in() {
        let rooms = looked_at((0..4096).map(RoomId).collect());
        assert_eq!(rooms.len(), limits::ROOMS_PER_USER_MAX);
    }
}
