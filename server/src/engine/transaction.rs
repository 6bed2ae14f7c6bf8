//! One decision in the making: what it sees, what it wants written, what will be told.
//! Nothing of it exists before it returns without a fault.

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, Marked, Posted, Rank},
    id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};

use super::{
    Effect, Turn,
    erasure::{self, Erasure},
    newest::Newest,
};
use crate::{
    index::{Direction, Pair, Span},
    journal::{NewRecord, RecordRef},
    state::{
        key,
        project::NO_NONCE,
        record::{
            Account, Age, Ban, BanOver, Device, DeviceGone, File, FileGone, Floor, Invite, Mark,
            Member, Room, Standing, kind,
        },
        view::{self, Head, PostRow},
    },
    store::{Batch, StoreError, View},
};

/// See the module.
pub struct Transaction<'a, 'b> {
    batch: &'a Batch<'b>,
    /// What earlier decisions of the batch took back, which still stands in the journal.
    erased: &'a [Erasure],
    newest: &'a mut Newest,
    now_ms: u64,
    heads: Vec<(RoomId, Head)>,
    pub(super) records: Vec<NewRecord>,
    pub(super) effects: Vec<Effect>,
    pub(super) essential: bool,
    pub(super) erasures: Vec<Erasure>,
    pub(super) taken_back: Vec<(RoomId, Seq)>,
}

/// Who says something, in which room.
#[derive(Clone, Copy, Debug)]
pub struct Speaker {
    /// The room.
    pub room: RoomId,
    /// The person.
    pub from: UserId,
    /// The device; 0 where the server speaks for the person.
    pub device: DeviceId,
}

impl View for Transaction<'_, '_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.batch.read(key)
    }

    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.batch.scan(span, direction, limit)
    }

    fn record(&self, at: &RecordRef) -> Result<Bytes, StoreError> {
        match self.erased.iter().find(|erasure| erasure.at == *at) {
            Some(erasure) => Ok(Bytes::copy_from_slice(&erasure.body)),
            None => self.batch.record(at),
        }
    }
}

impl<'a, 'b> Transaction<'a, 'b> {
    pub(super) fn new(
        batch: &'a Batch<'b>,
        erased: &'a [Erasure],
        newest: &'a mut Newest,
        now_ms: u64,
    ) -> Self {
        Self {
            batch,
            erased,
            newest,
            now_ms,
            heads: Vec::new(),
            records: Vec::new(),
            effects: Vec::new(),
            essential: false,
            erasures: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// The time of this decision, ms since 1970.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Allows this decision to write even when the disk is almost full.
    pub const fn mark_essential(&mut self) {
        self.essential = true;
    }

    /// The last message of a room, what this decision says included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn head(&self, room: RoomId) -> Result<Head, StoreError> {
        match self.heads.iter().find(|(id, _)| *id == room) {
            Some((_, head)) => Ok(*head),
            None => view::head(self, room),
        }
    }

    /// What this nonce of a person became.
    ///
    /// # Errors
    /// When the store fails.
    pub fn post(&mut self, user: UserId, cid: &Nonce) -> Result<Option<PostRow>, StoreError> {
        // What this very decision says is not staged yet, and not looked for.
        let said = !self.records.is_empty();
        if !said && self.newest.is_new(self.batch, (user, cid), self.now_ms)? {
            return Ok(None);
        }
        view::post(self, user, cid)
    }

    /// Paints over the words of a stored message and of its edits, so that taking it back removes
    /// them from the disk too. Gives the content of a file that nothing offers any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_back(
        &mut self,
        room: RoomId,
        message: &Message,
    ) -> Result<Option<Hash>, StoreError> {
        self.essential = true;
        self.effects.push(Effect::Erased { room });
        let erasures = erasure::of_message(self, room, message.seq)?;
        self.erasures.extend(erasures);
        self.taken_back.push((room, message.seq));
        match (&message.kind, message.body.fid) {
            (Kind::File, Some(file)) => self.withdraw(file, message.seq),
            _ => Ok(None),
        }
    }

    /// A file that nothing but the message `of` offers is nobody's any more.
    fn withdraw(&mut self, file: FileId, of: Seq) -> Result<Option<Hash>, StoreError> {
        if erasure::is_offered_beside(self, file, of)? {
            return Ok(None);
        }
        let Some(File { file, user, b3, size, .. }) = view::file(self, file)? else {
            return Ok(None);
        };
        let used = view::files_used(self, user)?.saturating_sub(size);
        self.records.push(FileGone { file, user, b3, used }.record());
        Ok(Some(b3))
    }

    /// Puts a message at the end of a room's log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn say(
        &mut self,
        by: Speaker,
        cid: Nonce,
        kind: Kind,
        body: Body,
    ) -> Result<Posted, StoreError> {
        let before = self.head(by.room)?;
        let head = Head {
            seq: before.seq.next(),
            n: before.n + u64::from(kind.counts()),
            at_ms: self.now_ms.max(before.at_ms),
        };
        let message = Message {
            room: by.room,
            seq: head.seq,
            n: head.n,
            at_ms: head.at_ms,
            from: by.from,
            device: by.device,
            cid,
            kind,
            body,
        };
        let frame = codec::frame(event::kind::MSG, 0, &message);
        self.newest.note(by.from, &cid);
        self.records.push(NewRecord { kind: kind::MESSAGE, body: frame.clone() });
        if message.cid != NO_NONCE && message.kind.counts() {
            self.mark_author(by, &message, before)?;
        }
        self.effects.push(Effect::Message { room: by.room, seq: head.seq, n: head.n, frame });
        self.heads.retain(|(id, _)| *id != by.room);
        self.heads.push((by.room, head));
        Ok(Posted { seq: head.seq, at_ms: head.at_ms, dup: false })
    }

    /// Who speaks has read what was said `before`. The record of the message says so by itself; where it waited,
    /// nothing is known but that a marker which had all before it has the author's own words too.
    fn mark_author(
        &mut self,
        by: Speaker,
        message: &Message,
        before: Head,
    ) -> Result<(), StoreError> {
        let Message { room, seq, n, .. } = *message;
        if message.body.late {
            if view::mark(self, by.from, room)?.1 == before.n {
                self.put_mark(&Mark { room, user: by.from, seq, n }, by.device);
            }
            return Ok(());
        }
        let marked = Marked { room, read: (seq, n) };
        self.effects.push(Effect::Marked { user: by.from, except: by.device, marked });
        Ok(())
    }

    /// Says in a room that something happened there, in the name of who did it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note(
        &mut self,
        room: RoomId,
        from: UserId,
        kind: Kind,
        body: Body,
    ) -> Result<Posted, StoreError> {
        self.say(Speaker { room, from, device: DeviceId(0) }, NO_NONCE, kind, body)
    }

    /// Stores an account, new or changed.
    pub fn put_account(&mut self, account: &Account) {
        self.records.push(account.record());
    }

    /// Stores a device, new or changed.
    pub fn put_device(&mut self, device: &Device) {
        self.records.push(device.record());
    }

    /// Logs a device out.
    pub fn drop_device(&mut self, device: &Device) {
        self.essential = true;
        for token in std::iter::once(device.token).chain(device.fresh) {
            let gone = DeviceGone { dev: device.dev, user: device.user, token };
            self.records.push(gone.record());
        }
        self.effects.push(Effect::DeviceGone { user: device.user, dev: device.dev });
    }

    /// Ends the connections of a person that logged in without a device.
    pub fn end_nameless(&mut self, user: UserId) {
        self.essential = true;
        self.effects.push(Effect::DeviceGone { user, dev: DeviceId(0) });
    }

    /// Stores a room, new or changed.
    pub fn put_room(&mut self, room: &Room) {
        self.records.push(room.record());
    }

    /// Stores what a person is in a room.
    pub fn put_member(&mut self, member: &Member) {
        self.records.push(member.record());
        let said = self.heads.iter().find(|(id, _)| *id == member.room).map(|(_, head)| head.seq);
        let turn = match (member.standing, said) {
            (standing, said) if standing.is_in() => Turn::Entered(said.unwrap_or_default()),
            (Standing::Gone, Some(last)) => Turn::Left(last),
            _ => Turn::Beside,
        };
        let &Member { user, room, members, .. } = member;
        self.effects.push(Effect::Membership { user, room, turn, members });
    }

    /// The same, without anybody hearing of it yet.
    pub fn put_member_quietly(&mut self, member: &Member) {
        self.records.push(member.record());
    }

    /// Tells one of two people that they are in a direct room, and everything that was said in it.
    pub fn tell_member(&mut self, user: UserId, room: RoomId) {
        let (turn, members) = (Turn::Entered(Seq::ZERO), 2);
        self.effects.push(Effect::Membership { user, room, turn, members });
    }

    /// Stores what a person who stays in a room is there from now on, and tells them.
    pub fn put_rank(&mut self, member: &Member) {
        self.records.push(member.record());
        let &Member { user, room, members, .. } = member;
        self.effects.push(Effect::Membership { user, room, turn: Turn::Beside, members });
    }

    /// Takes a person out of a room, and tells the room. Where it was theirs, it is somebody else's
    /// at once. `farewell` says who did it and why, where they did not go by themselves.
    ///
    /// # Errors
    /// When the store fails.
    pub fn exit(&mut self, member: &Member, farewell: Body) -> Result<(), StoreError> {
        let &Member { room, user, .. } = member;
        let members = view::member_count(self, room)?.saturating_sub(1);
        self.note(room, user, Kind::Leave, farewell)?;
        self.put_member(&Member { standing: Standing::Gone, members, ..member.clone() });
        match view::heir(self, room)? {
            Some(heir) if member.standing == Standing::Owner => {
                self.inherit(Member { members, ..heir }, user)
            }
            _ => Ok(()),
        }
    }

    /// Gives a room to one of its members, in the name of who left it or came.
    fn inherit(&mut self, heir: Member, from: UserId) -> Result<(), StoreError> {
        let role = Some(Rank::Owner);
        let body = Body { user: Some(heir.user), role, ..Body::default() };
        self.note(heir.room, from, Kind::Role, body)?;
        self.put_rank(&Member { standing: Standing::Owner, ..heir });
        Ok(())
    }

    /// Makes a person a member, tells the room, and sets the read marker to that point. A room that
    /// is nobody's is theirs, or that of who is in it longest.
    ///
    /// # Errors
    /// When the store fails.
    pub fn enter(
        &mut self,
        room: &Room,
        user: UserId,
        mut standing: Standing,
    ) -> Result<(), StoreError> {
        let before = self.head(room.room)?;
        let floor = if room.kind == event::RoomKind::Private { before.seq } else { Seq::ZERO };
        let members = view::member_count(self, room.room)? + 1;
        let mut heir = None;
        if standing == Standing::Member && self.is_nobodys(room)? {
            heir = view::heir(self, room.room)?;
            standing = if heir.is_none() { Standing::Owner } else { standing };
        }
        self.note(room.room, user, Kind::Join, Body::default())?;
        let head = self.head(room.room)?;
        let joined = head.seq;
        self.put_member(&Member { room: room.room, user, standing, floor, members, joined });
        self.records.push(Mark { room: room.room, user, seq: head.seq, n: head.n }.record());
        match heir {
            Some(heir) => self.inherit(Member { members, ..heir }, user),
            None => Ok(()),
        }
    }

    /// Whether a room that should have an owner has none: older versions let owners go like that.
    fn is_nobodys(&self, room: &Room) -> Result<bool, StoreError> {
        let owned = room.room != RoomId::LOBBY && room.kind != event::RoomKind::Direct;
        Ok(owned && view::owner(self, room.room)?.is_none())
    }

    /// Keeps a person out of a room.
    pub fn put_ban(&mut self, ban: &Ban) {
        self.records.push(ban.record());
    }

    /// Lets a person in again.
    pub fn drop_ban(&mut self, over: BanOver) {
        self.records.push(over.record());
    }

    /// Moves a read marker.
    pub fn put_mark(&mut self, mark: &Mark, except: DeviceId) {
        self.records.push(mark.record());
        let marked = Marked { room: mark.room, read: (mark.seq, mark.n) };
        self.effects.push(Effect::Marked { user: mark.user, except, marked });
    }

    /// Stores a file's record.
    pub fn put_file(&mut self, file: &File) {
        self.records.push(file.record());
    }

    /// Stores an invite, new or used.
    pub fn put_invite(&mut self, invite: &Invite) {
        self.records.push(invite.record());
    }

    /// Stores what keeps the rest whole when old records go. Needs no room on the disk that is not
    /// given back soon.
    pub fn carry(&mut self, records: Vec<NewRecord>) {
        self.essential = true;
        self.records.extend(records);
    }

    /// Lets a room begin behind `floor.seq`. Says no where it has moved meanwhile, or where words that
    /// were taken back still stand in the journal: they are found by the places that would go.
    ///
    /// # Errors
    /// When the store fails.
    pub fn raise_floor(&mut self, floor: &Floor) -> Result<bool, StoreError> {
        let Floor { room, after, seq, .. } = *floor;
        if view::floor(self, room)?.0 != after || view::is_erasing(self, room, (after, seq))? {
            return Ok(false);
        }
        self.carry(vec![floor.record()]);
        Ok(true)
    }

    /// Stores how old the server is.
    pub fn put_age(&mut self, age: &Age) {
        self.records.push(age.record());
    }

    /// The number for a new room.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_room(&self) -> Result<RoomId, StoreError> {
        view::next_number(self, key::ROOMS).map(RoomId)
    }

    /// The number for a new account.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_user(&self) -> Result<UserId, StoreError> {
        view::next_number(self, key::ACCOUNTS).map(UserId)
    }

    /// The number for a new file.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_file(&self) -> Result<FileId, StoreError> {
        view::next_number(self, key::FILES).map(FileId)
    }
}
