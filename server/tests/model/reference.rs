//! What a server should do, as plain maps: one person after the other, nothing is ever lost. Owns all
//! that was said. It is read more easily than the server, and says the same or one of the two is wrong.

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{
    event::{Rank, RoomKind},
    fault::FaultCode,
    message::Kind,
};

use crate::words::{Entry, Flaw, Order, Part, Post, Power, Shown, Told};

struct Room {
    kind: RoomKind,
    name: String,
    by: u64,
    with: Option<u64>,
    log: Vec<Entry>,
    /// Members, and the place behind which each may see.
    inside: BTreeMap<u64, u64>,
    /// The invited: by whom, and the place at which that was.
    invited: BTreeMap<u64, (u64, u64)>,
    /// Members, and the place at which each came in.
    came: BTreeMap<u64, u64>,
    owner: Option<u64>,
    moderators: BTreeSet<u64>,
    /// Who may not come in, and who said so.
    banned: BTreeMap<u64, u64>,
}

impl Room {
    /// Whose it is when its owner goes.
    fn heir(&self) -> Option<u64> {
        let mut members: Vec<(bool, u64, u64)> = Vec::new();
        for (user, came) in &self.came {
            members.push((!self.moderators.contains(user), *came, *user));
        }
        members.into_iter().min().map(|(_, _, user)| user)
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Reference {
    pub(crate) flaw: Option<Flaw>,
    /// Room `n` stands at `n - 1`.
    rooms: Vec<Room>,
    people: u64,
    /// The room made last of each name.
    names: BTreeMap<String, u64>,
    /// By person and nonce: what was posted, and its place.
    posts: BTreeMap<(u64, [u8; 16]), (Post, u64)>,
    marks: BTreeMap<(u64, u64), u64>,
}

type Answer = Result<Told, FaultCode>;

impl Reference {
    pub(crate) fn people(&self) -> u64 {
        self.people
    }

    pub(crate) fn rooms(&self) -> u64 {
        self.rooms.len() as u64
    }

    fn room(&self, room: u64) -> Result<&Room, FaultCode> {
        let at = usize::try_from(room.wrapping_sub(1)).unwrap();
        self.rooms.get(at).ok_or(FaultCode::NotFound)
    }

    fn room_mut(&mut self, room: u64) -> &mut Room {
        &mut self.rooms[usize::try_from(room - 1).unwrap()]
    }

    /// The whole log of a room that somebody is in.
    pub(crate) fn log(&self, room: u64) -> &[Entry] {
        &self.rooms[usize::try_from(room - 1).unwrap()].log
    }

    /// Who is invited, and where to.
    pub(crate) fn invitations(&self) -> Vec<(u64, u64)> {
        let rooms = (1..).zip(&self.rooms);
        rooms.flat_map(|(id, room)| room.invited.keys().map(move |user| (*user, id))).collect()
    }

    /// Who may not enter a room.
    pub(crate) fn banned(&self, room: u64) -> Vec<u64> {
        self.room(room).map_or_else(|_| Vec::new(), |room| room.banned.keys().copied().collect())
    }

    pub(crate) fn is_inside(&self, user: u64, room: u64) -> bool {
        self.room(room).is_ok_and(|room| room.inside.contains_key(&user))
    }

    /// The room, for a member.
    fn inside(&self, user: u64, room: u64) -> Result<&Room, FaultCode> {
        self.room(room)?.inside.get(&user).ok_or(FaultCode::NotFound)?;
        self.room(room)
    }

    fn n_at(&self, room: u64, seq: u64) -> u64 {
        self.log(room).iter().rfind(|entry| entry.seq <= seq).map_or(0, |entry| entry.n)
    }

    fn say(&mut self, from: u64, post: Post, whom: Option<u64>, order: Order) -> u64 {
        let counts = post.kind.counts() || self.flaw == Some(Flaw::CountsEverything);
        let log = &mut self.room_mut(post.room).log;
        let seq = log.len() as u64 + 1;
        let before = log.last().map_or(0, |last| last.n);
        let n = before + u64::from(counts);
        let Post { room, cid, kind, text, of, late } = post;
        let late = late && kind.counts();
        if cid != [0; 16] && kind.counts() && self.has_read(from, room, before, late) {
            self.marks.insert((from, room), seq);
        }
        let entry = Entry { seq, n, from, cid, kind, text, of, whom, order, late };
        self.room_mut(room).log.push(entry);
        seq
    }

    /// Whether who says something has read what was said `before`.
    fn has_read(&self, user: u64, room: u64, before: u64, late: bool) -> bool {
        let mark = self.marks.get(&(user, room)).copied().unwrap_or_default();
        match self.flaw {
            _ if !late => true,
            Some(Flaw::LetsLateWordsRead) => true,
            Some(Flaw::LetsLateWordsReadNothing) => false,
            _ => self.n_at(room, mark) == before,
        }
    }

    fn note(&mut self, room: u64, from: u64, kind: Kind, whom: Option<u64>) -> u64 {
        self.note_of(room, from, kind, (whom, Order::default()))
    }

    fn note_of(
        &mut self,
        room: u64,
        from: u64,
        kind: Kind,
        (whom, order): (Option<u64>, Order),
    ) -> u64 {
        let cid = [0; 16];
        self.say(from, Post { room, cid, kind, text: None, of: None, late: false }, whom, order)
    }

    fn is_named(&self, room: u64) -> bool {
        room != 1 && self.room(room).is_ok_and(|room| room.kind != RoomKind::Direct)
    }

    /// The room falls to one of its members.
    fn inherit(&mut self, room: u64, from: u64) {
        if self.flaw == Some(Flaw::LetsRoomsBeNobodys) {
            return;
        }
        let Some(heir) = self.room_mut(room).heir() else { return };
        let order = Order { role: Some(Rank::Owner), ..Order::default() };
        self.note_of(room, from, Kind::Role, (Some(heir), order));
        self.room_mut(room).owner = Some(heir);
        self.room_mut(room).moderators.remove(&heir);
    }

    fn enter(&mut self, user: u64, room: u64) {
        let head = self.log(room).len() as u64;
        let private = self.room_mut(room).kind == RoomKind::Private;
        let hides = private && self.flaw != Some(Flaw::ShowsWhatWasBefore);
        let named = self.is_named(room);
        let seq = self.note(room, user, Kind::Join, None);
        let entered = self.room_mut(room);
        entered.invited.remove(&user);
        entered.inside.insert(user, if hides { head } else { 0 });
        entered.came.insert(user, seq);
        if named && self.room_mut(room).owner.is_none() {
            self.room_mut(room).owner = Some(user);
        }
        self.marks.insert((user, room), seq);
    }

    fn make(&mut self, kind: RoomKind, name: &str, by: u64, with: Option<u64>) -> u64 {
        let (inside, invited) = (BTreeMap::new(), BTreeMap::new());
        let (name, log, came) = (name.into(), Vec::new(), BTreeMap::new());
        let (owner, moderators, banned) = (None, BTreeSet::new(), BTreeMap::new());
        let room =
            Room { kind, name, by, with, log, inside, invited, came, owner, moderators, banned };
        self.rooms.push(room);
        if kind != RoomKind::Direct {
            let name = self.rooms.last().map(|room| room.name.clone()).unwrap_or_default();
            self.names.insert(name, self.rooms());
        }
        self.rooms()
    }

    /// What somebody may do in a room. The first account administers the server.
    fn power(&self, user: u64, id: u64) -> Power {
        let Ok(room) = self.room(id) else { return Power::Outside };
        if user == 1 && room.kind == RoomKind::Public {
            return Power::Administrator;
        }
        self.part(user, room)
    }

    fn part(&self, user: u64, room: &Room) -> Power {
        match room.inside.contains_key(&user) {
            false => Power::Outside,
            true if room.owner == Some(user) => Power::Owner,
            true if room.moderators.contains(&user) => Power::Moderator,
            true => Power::Member,
        }
    }

    /// Whether somebody may keep order in a room.
    fn orders(&self, user: u64, id: u64, enough: Power) -> Result<Power, FaultCode> {
        let (room, power) = (self.room(id)?, self.power(user, id));
        if room.kind != RoomKind::Public && power == Power::Outside {
            return Err(FaultCode::NotFound);
        }
        let may = room.kind != RoomKind::Direct && power >= enough;
        if may { Ok(power) } else { Err(FaultCode::Forbidden) }
    }

    /// The same, on somebody who must stand below.
    fn orders_on(&self, user: u64, id: u64, whom: u64) -> Result<(), FaultCode> {
        let power = self.orders(user, id, Power::Moderator)?;
        let other = self.power(whom, id);
        let fights = self.flaw == Some(Flaw::LetsModeratorsFight) && other == Power::Moderator;
        if other < power || fights { Ok(()) } else { Err(FaultCode::Forbidden) }
    }

    pub(crate) fn rank(&mut self, user: u64, id: u64, whom: u64, moderates: bool) -> Answer {
        self.orders(user, id, Power::Owner)?;
        self.inside(whom, id)?;
        if self.room(id)?.owner == Some(whom) {
            return Err(FaultCode::Forbidden);
        }
        if self.room(id)?.moderators.contains(&whom) != moderates {
            let role = Some(if moderates { Rank::Moderator } else { Rank::Member });
            self.note_of(id, user, Kind::Role, (Some(whom), Order { role, ..Order::default() }));
            let moderators = &mut self.room_mut(id).moderators;
            if moderates {
                moderators.insert(whom)
            } else {
                moderators.remove(&whom)
            };
        }
        Ok(Told::Done)
    }

    fn exit(&mut self, user: u64, id: u64, order: Order) {
        self.note_of(id, user, Kind::Leave, (None, order));
        let room = self.room_mut(id);
        room.inside.remove(&user);
        room.came.remove(&user);
        room.moderators.remove(&user);
        if room.owner == Some(user) {
            room.owner = None;
            self.inherit(id, user);
        }
    }

    pub(crate) fn kick(&mut self, user: u64, id: u64, whom: u64) -> Answer {
        self.orders_on(user, id, whom)?;
        if self.room_mut(id).invited.remove(&whom).is_some() {
            return Ok(Told::Done);
        }
        self.inside(whom, id)?;
        self.exit(whom, id, Order { by: Some(user), ..Order::default() });
        Ok(Told::Done)
    }

    pub(crate) fn ban(&mut self, user: u64, id: u64, whom: u64) -> Answer {
        self.orders(user, id, Power::Moderator)?;
        if whom == 0 || whom > self.people {
            return Err(FaultCode::NotFound);
        }
        self.orders_on(user, id, whom)?;
        if self.room(id)?.banned.contains_key(&whom) {
            return Ok(Told::Done);
        }
        self.room_mut(id).invited.remove(&whom);
        if self.is_inside(whom, id) {
            self.exit(whom, id, Order { by: Some(user), ban: true, role: None });
        }
        self.room_mut(id).banned.insert(whom, user);
        Ok(Told::Done)
    }

    pub(crate) fn unban(&mut self, user: u64, id: u64, whom: u64) -> Answer {
        let power = self.orders(user, id, Power::Moderator)?;
        let by = self.room(id)?.banned.get(&whom).copied().ok_or(FaultCode::NotFound)?;
        if self.power(by, id) > power {
            return Err(FaultCode::Forbidden);
        }
        self.room_mut(id).banned.remove(&whom);
        Ok(Told::Done)
    }

    /// Makes the next account.
    pub(crate) fn register(&mut self) {
        self.people += 1;
        if self.rooms.is_empty() {
            self.make(RoomKind::Public, "lobby", 0, None);
        }
        self.enter(self.people, 1);
    }

    /// A room as a member or an invited person sees it.
    fn shown(&self, user: u64, id: u64) -> Option<Shown> {
        let room = self.room(id).ok()?;
        let read = self.marks.get(&(user, id)).copied().unwrap_or_default();
        let seq = room.log.len() as u64;
        let power = self.part(user, room);
        let (floor, with, head) = match (room.inside.get(&user), room.invited.get(&user)) {
            (Some(floor), _) => {
                let other = if room.by == user { room.with } else { Some(room.by) };
                (*floor, other.filter(|_| room.with.is_some()), (seq, self.n_at(id, seq)))
            }
            (None, Some((by, floor))) => (*floor, Some(*by), (0, 0)),
            (None, None) => return None,
        };
        let (name, members) = (room.name.clone(), room.inside.len() as u64);
        let read = (read, self.n_at(id, read));
        Some(Shown { room: id, name, head, read, power, members, floor, with })
    }

    /// All rooms of a person. A private chat that another opened shows only once somebody speaks.
    pub(crate) fn rooms_of(&self, user: u64) -> Vec<Shown> {
        let unsaid = |shown: &Shown| {
            let room = self.room(shown.room).unwrap();
            room.kind == RoomKind::Direct && room.log.is_empty() && room.by != user
        };
        let all = (1..=self.rooms()).filter_map(|room| self.shown(user, room));
        all.filter(|shown| !unsaid(shown)).collect()
    }

    fn own_named(&self, user: u64, name: &str) -> Option<u64> {
        let mut own: Vec<Shown> =
            (1..=self.rooms()).filter_map(|room| self.shown(user, room)).collect();
        own.retain(|shown| shown.name == name);
        own.sort_by_key(|shown| (shown.power == Power::Outside, shown.room));
        own.first().map(|shown| shown.room)
    }

    pub(crate) fn create(&mut self, user: u64, name: &str, private: bool) -> Answer {
        if let Some(known) = self.names.get(name) {
            let public = self.room(*known)?.kind == RoomKind::Public;
            if public || self.own_named(user, name).is_some() {
                return Err(FaultCode::Taken);
            }
        }
        let kind = if private { RoomKind::Private } else { RoomKind::Public };
        let room = self.make(kind, name, user, None);
        self.enter(user, room);
        Ok(Told::Room(self.shown(user, room).unwrap()))
    }

    pub(crate) fn join_named(&mut self, user: u64, name: &str) -> Answer {
        let found = self.own_named(user, name).or_else(|| self.names.get(name).copied());
        self.join(user, found.ok_or(FaultCode::NotFound)?)
    }

    pub(crate) fn join(&mut self, user: u64, id: u64) -> Answer {
        let room = self.room(id)?;
        if !room.inside.contains_key(&user) {
            if room.kind != RoomKind::Public && !room.invited.contains_key(&user) {
                return Err(FaultCode::NotFound);
            }
            let banned = room.kind == RoomKind::Public && room.banned.contains_key(&user);
            if banned && self.flaw != Some(Flaw::LetsTheBannedIn) {
                return Err(FaultCode::Banned);
            }
            let name = &room.name;
            if self.own_named(user, name).is_some_and(|own| self.is_inside(user, own)) {
                return Err(FaultCode::Taken);
            }
            self.enter(user, id);
        }
        Ok(Told::Room(self.shown(user, id).unwrap()))
    }

    pub(crate) fn leave(&mut self, user: u64, id: u64) -> Answer {
        let kind = self.room(id)?.kind;
        if self.room_mut(id).invited.remove(&user).is_some() {
            return Ok(Told::Done);
        }
        self.inside(user, id)?;
        if kind == RoomKind::Direct || id == 1 {
            return Err(FaultCode::Forbidden);
        }
        self.exit(user, id, Order::default());
        Ok(Told::Done)
    }

    pub(crate) fn invite(&mut self, user: u64, id: u64, whom: u64) -> Answer {
        let room = self.inside(user, id)?;
        let head = room.log.len() as u64;
        if room.kind == RoomKind::Direct {
            return Err(FaultCode::Forbidden);
        }
        if whom == 0 || whom > self.people {
            return Err(FaultCode::NotFound);
        }
        if room.inside.contains_key(&whom) {
            return Err(FaultCode::AlreadyMember);
        }
        if room.invited.contains_key(&whom) {
            return Ok(Told::Done);
        }
        if room.banned.contains_key(&whom) {
            return Err(FaultCode::Banned);
        }
        self.note(id, user, Kind::Invite, Some(whom));
        self.room_mut(id).invited.insert(whom, (user, head));
        Ok(Told::Done)
    }

    pub(crate) fn open(&mut self, user: u64, whom: u64) -> Answer {
        if whom == 0 || whom > self.people {
            return Err(FaultCode::NotFound);
        }
        if whom == user {
            return Err(FaultCode::BadRequest);
        }
        let of_both = |room: &Room| {
            let pair = (room.by, room.with.unwrap_or_default());
            room.kind == RoomKind::Direct && (pair == (user, whom) || pair == (whom, user))
        };
        let room = match self.rooms.iter().position(of_both) {
            Some(at) => at as u64 + 1,
            None => {
                let room = self.make(RoomKind::Direct, "", user, Some(whom));
                self.room_mut(room).inside.extend([(user, 0), (whom, 0)]);
                room
            }
        };
        Ok(Told::Room(self.shown(user, room).unwrap()))
    }

    /// Whether somebody may post this now.
    fn may(&self, user: u64, post: &Post) -> Result<(), FaultCode> {
        let room = self.inside(user, post.room)?;
        let Some(of) = post.of else { return Ok(()) };
        let found = usize::try_from(of.wrapping_sub(1)).unwrap();
        let entry = room.log.get(found).ok_or(FaultCode::NotFound)?;
        let takes_back = post.kind == Kind::Redact;
        let changeable = entry.kind == Kind::Text || (takes_back && entry.kind == Kind::Edit);
        let own = entry.from == user || self.flaw == Some(Flaw::LetsOthersEdit);
        if !changeable || (!own && !takes_back) {
            return Err(FaultCode::Forbidden);
        }
        if !own {
            self.orders_on(user, post.room, entry.from)?;
            let floor = room.inside.get(&user).copied().unwrap_or_default();
            return if of > floor { Ok(()) } else { Err(FaultCode::NotFound) };
        }
        let gone = |entry: &Entry| entry.kind == Kind::Redact && entry.of == Some(of);
        if !takes_back && room.log.iter().any(gone) { Err(FaultCode::Gone) } else { Ok(()) }
    }

    pub(crate) fn send(&mut self, user: u64, post: Post) -> Answer {
        let may = self.may(user, &post);
        let key = (user, post.cid);
        let known = self.posts.get(&key).filter(|_| self.flaw != Some(Flaw::ForgetsNonces));
        if let Some((before, seq)) = known {
            let same_words = *before == Post { late: before.late, ..post.clone() };
            let same = if may.is_ok() { same_words } else { before.room == post.room };
            // Who sent it before it was taken back need not know what is left of it.
            let blank = |entry: &Entry| {
                let same = entry.kind == post.kind && entry.cid == post.cid;
                entry.seq == *seq && same && entry.text.as_deref() == Some("")
            };
            let blank = self.room(post.room).is_ok_and(|room| room.log.iter().any(blank));
            let told = Told::Posted { seq: *seq, dup: true };
            return if same || blank { Ok(told) } else { Err(FaultCode::CidConflict) };
        }
        may?;
        let keeps = self.flaw == Some(Flaw::KeepsWordsTakenBack);
        if let (Kind::Redact, Some(of), false) = (&post.kind, post.of, keeps) {
            for entry in &mut self.room_mut(post.room).log {
                let edit = entry.kind == Kind::Edit && entry.of == Some(of);
                if entry.seq == of || edit {
                    entry.text = Some(String::new());
                }
            }
        }
        let seq = self.say(user, post.clone(), None, Order::default());
        self.posts.insert(key, (post, seq));
        Ok(Told::Posted { seq, dup: false })
    }

    pub(crate) fn mark(&mut self, user: u64, room: u64, read: u64) -> Answer {
        let head = self.inside(user, room)?.log.len() as u64;
        let mark = self.marks.entry((user, room)).or_default();
        let falls = self.flaw == Some(Flaw::LetsMarkersFall);
        *mark = if falls { read.min(head) } else { read.min(head).max(*mark) };
        let mark = *mark;
        Ok(Told::Marked(mark, self.n_at(room, mark)))
    }

    pub(crate) fn page(&self, user: u64, id: u64, part: Part, limit: u64) -> Answer {
        let lets = self.flaw == Some(Flaw::LetsFormerMembersRead);
        let room = if lets { self.room(id)? } else { self.inside(user, id)? };
        let floor = room.inside.get(&user).copied().unwrap_or_default();
        let cut = u64::from(self.flaw == Some(Flaw::CutsPagesShort));
        let limit = usize::try_from(limit.clamp(1, 200) - cut).unwrap();
        let (after, to, forward) = match part {
            Part::Newest => (floor, u64::MAX, false),
            Part::Before(before) => (floor, before.saturating_sub(1), false),
            Part::After(after) => (after.max(floor), u64::MAX, true),
            Part::Around(at) => {
                (at.saturating_sub(limit as u64 / 2 + 1).max(floor), u64::MAX, true)
            }
        };
        let within = room.log.iter().filter(|entry| entry.seq > after && entry.seq <= to);
        let mut entries: Vec<Entry> = within.cloned().collect();
        let more = entries.len() > limit;
        if forward {
            entries.truncate(limit);
        } else {
            entries.drain(..entries.len().saturating_sub(limit));
        }
        Ok(Told::Page { entries, more, floor })
    }
}
