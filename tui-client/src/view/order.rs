//! Keeping order in the room that is shown: taking people out, banning them, saying who moderates; and being taken
//! out oneself. Part of the main view.

use liao_client_core::{
    model::{Loss, Model, RoomView},
    notice::Notice,
    timeline::RowState,
};
use liao_common::{
    event::{Event, Rank, Role, RoomKind, UserPage},
    fault::FaultCode,
    id::{RoomId, UserId},
    request::{
        Request, RoomBan, RoomJoin, RoomKick, RoomOpen, RoomRole, RoomTopic, RoomUnban, Users,
    },
};

use super::{
    chat::{person_with_id, title_of},
    main::MainView,
    told::Held,
};
use crate::{app::Base, command::Verb, words::Words};

/// What shall be done to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where.
    pub room: RoomId,
    /// What.
    pub verb: Verb,
    /// Why; may be empty.
    pub why: String,
}

impl Order {
    fn request(self, user: UserId) -> Request {
        let Self { room, verb, why } = self;
        match verb {
            Verb::Kick => RoomKick { room, user, text: why }.into(),
            Verb::Ban => RoomBan { room, user, text: why }.into(),
            Verb::Unban => RoomUnban { room, user }.into(),
            Verb::Mod => RoomRole { room, user, role: Rank::Moderator }.into(),
            _ => RoomRole { room, user, role: Rank::Member }.into(),
        }
    }

    /// Why nothing can come of it, whoever gives it.
    fn is_void(&self, user: UserId, model: &Model, words: &Words) -> Option<String> {
        let owns = model.rank(self.room, user) == Some(Rank::Owner);
        let me = model.my_id() == Some(user);
        let key = match self.verb {
            Verb::Kick | Verb::Ban if me => "room.not_oneself",
            Verb::Mod | Verb::Unmod if me && owns => "room.you_own",
            Verb::Mod | Verb::Unmod if owns => "room.owns",
            _ => return None,
        };
        Some(words.fill(key, &[("name", &model.name(user).unwrap_or("…"))]))
    }
}

/// Why a request about somebody came to nothing, where more can be said than by the code alone.
#[must_use]
pub fn refusal_sentence(
    request: &Request,
    code: FaultCode,
    model: &Model,
    words: &Words,
) -> Option<String> {
    let (room, user, missing) = match request {
        Request::RoomOpen(RoomOpen { name: Some(name), .. }) => {
            let nobody = || words.fill("plain.no_person", &[("user", name)]);
            return (code == FaultCode::NotFound).then(nobody);
        }
        Request::RoomTopic(RoomTopic { room: RoomId::LOBBY, .. }) => {
            let values: [(&str, &dyn std::fmt::Display); 1] =
                [("room", &title_of(model, RoomId::LOBBY))];
            let sentence = || words.fill("room.lobby_topic", &values);
            return (code == FaultCode::Forbidden).then(sentence);
        }
        Request::RoomJoin(RoomJoin { room: Some(room), .. }) => {
            let values: [(&str, &dyn std::fmt::Display); 1] = [("room", &title_of(model, *room))];
            return (code == FaultCode::Taken).then(|| words.fill("room.namesake", &values));
        }
        Request::RoomBans(asked) => (asked.room, UserId::default(), "fault.not_found"),
        Request::RoomUnban(asked) => (asked.room, asked.user, "room.not_banned"),
        Request::RoomKick(asked) => (asked.room, asked.user, "room.not_there"),
        Request::RoomRole(asked) => (asked.room, asked.user, "room.not_there"),
        Request::RoomBan(asked) => (asked.room, asked.user, "plain.no_person"),
        _ => return None,
    };
    let key = match code {
        FaultCode::NotFound => missing,
        FaultCode::Forbidden => forbidden(request, room, model),
        _ => return None,
    };
    let (name, title) = (model.name(user).unwrap_or("…"), title_of(model, room));
    Some(words.fill(key, &[("name", &name), ("user", &name), ("room", &title)]))
}

/// Who may do what was refused: key of the sentence. The lobby is nobody's.
fn forbidden(request: &Request, room: RoomId, model: &Model) -> &'static str {
    let view = model.room(room);
    let public = view.is_some_and(|view| view.kind == RoomKind::Public);
    let owns = view.is_some_and(|view| view.role == Role::Owner);
    let administers = public && model.me.as_ref().is_some_and(|me| me.admin);
    let moderates = owns || administers || view.is_some_and(|view| view.moderates);
    match (room == RoomId::LOBBY, moderates) {
        // It is about whoever banned them.
        (_, true) if matches!(request, Request::RoomUnban(_)) => "room.banned_above",
        _ if administers || owns => "room.administers",
        (true, _) if matches!(request, Request::RoomRole(_)) => "room.lobby_ranks",
        (false, _) if matches!(request, Request::RoomRole(_)) => "room.owner_ranks",
        (true, false) => "room.lobby_order",
        (false, false) => "room.staff_order",
        (true, true) => "room.lobby_above",
        (false, true) => "room.owner_above",
    }
}

/// Whether a command is for rooms. The private chat of two people has no owner, no topic and no order.
const fn is_for_rooms(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Leave
            | Verb::Topic
            | Verb::Invite
            | Verb::Kick
            | Verb::Ban
            | Verb::Unban
            | Verb::Bans
            | Verb::Mod
            | Verb::Unmod
    )
}

impl MainView {
    /// A command for rooms comes to nothing in a private chat, and says so.
    pub(super) fn refuse_in_private(
        &mut self,
        (room, verb): (RoomId, Verb),
        model: &Model,
        base: &Base,
    ) -> bool {
        let refused = is_for_rooms(verb) && model.room(room).is_some_and(RoomView::is_direct);
        if refused {
            self.complain(base, base.words.t("room.for_rooms"));
        }
        refused
    }

    /// A command about a person in a room: the user id, and behind it perhaps a reason.
    pub(super) fn keep_order(
        &mut self,
        (room, verb): (RoomId, Verb),
        argument: &str,
        model: &Model,
        base: &mut Base,
    ) {
        if verb == Verb::Bans {
            return self.open_bans(room, base);
        }
        let (name, why) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
        let name = name.trim_start_matches('@');
        let order = Order { room, verb, why: why.trim().to_owned() };
        let user = person_with_id(model, name);
        if let Some(sentence) = user.and_then(|user| order.is_void(user, model, base.words)) {
            return self.complain(base, sentence);
        }
        match user {
            Some(user) => self.ask(order.request(user), base),
            None => {
                let request = Users { ids: Vec::new(), names: vec![name.to_owned()] };
                self.held.push(Held::Order(request.clone().into(), order));
                self.ask(request, base);
            }
        }
    }

    /// The server looked up whom it is about.
    pub(super) fn order_found(&mut self, order: Order, page: &UserPage, base: &mut Base) -> bool {
        let found = page.users.first();
        if let Some(user) = found {
            self.ask(order.request(user.user), base);
        }
        found.is_some()
    }

    /// What cannot be seen in the chat is said.
    pub(super) fn ordered(&mut self, request: &Request, base: &Base) {
        match request {
            Request::RoomBan(_) => self.say(base, base.words.t("status.banned")),
            Request::RoomUnban(asked) => {
                self.ban_lifted(asked);
                self.say(base, base.words.t("status.unbanned"));
            }
            _ => {}
        }
    }

    /// This person is not in a room any more, or what they wrote there was refused.
    pub(super) fn removal_noticed(&mut self, notice: &Notice, model: &mut Model, base: &mut Base) {
        match notice {
            Notice::Event(Event::Room(room)) if room.removed.is_some() => {
                if let Some(sentence) = removal_sentence(model, room.room, base.words) {
                    self.complain(base, sentence);
                }
            }
            Notice::Synced(_) => self.forget_unlisted(model, base),
            Notice::Event(Event::Synced) => {
                let refused = model.lost().find(|view| has_refused(view)).map(|view| view.id);
                refused.into_iter().for_each(|room| self.tell_refused(room, model, base));
            }
            Notice::PostFailed { room, .. } if model.is_ready() => {
                self.tell_refused(*room, model, base);
            }
            _ => {}
        }
    }

    /// Rooms that the server does not name any more go, but for those in which one reads, or in which words of
    /// one's own would go with them.
    fn forget_unlisted(&mut self, model: &mut Model, base: &mut Base) {
        let empty = |view: &&RoomView| {
            let written = self.chats.get(&view.id).is_some_and(|chat| !chat.composer.is_blank());
            view.removed == Some(Loss::Unlisted)
                && Some(view.id) != self.room()
                && view.timeline.pending().is_empty()
                && !written
        };
        let rooms: Vec<RoomId> = model.lost().filter(empty).map(|view| view.id).collect();
        rooms.into_iter().for_each(|room| _ = model.forget(room));
        let shown = self.room().and_then(|room| removal_sentence(model, room, base.words));
        shown.into_iter().for_each(|sentence| self.complain(base, sentence));
    }

    fn tell_refused(&mut self, room: RoomId, model: &Model, base: &mut Base) {
        if model.room(room).is_some_and(|view| view.removed.is_some()) {
            let room = title_of(model, room);
            self.complain(base, base.words.fill("room.not_sent", &[("room", &room)]));
        }
    }
}

/// Whether words of one's own stand there that were refused.
#[must_use]
pub fn has_refused(view: &RoomView) -> bool {
    view.timeline.pending().iter().any(|row| matches!(row.state, RowState::Failed(_)))
}

/// Whose a room will be that its owner leaves; `None` for everybody else, where nobody else is there, and until it
/// is known who keeps order there.
#[must_use]
pub fn heir_sentence(model: &Model, room: RoomId, words: &Words) -> Option<String> {
    let view = model.room(room).filter(|view| view.role == Role::Owner && view.members > 1)?;
    if !view.knows_staff() {
        return None;
    }
    let mut mods = view.mods.iter().filter(|user| Some(**user) != model.my_id());
    let (first, more) = (mods.next(), mods.next().is_some());
    let Some(first) = first else { return Some(words.t("room.heir_member").to_owned()) };
    match model.name(*first).filter(|_| !more) {
        Some(name) => Some(words.fill("room.heir", &[("name", &name)])),
        None => Some(words.t("room.heir_moderator").to_owned()),
    }
}

/// Why nothing can be written in a room any more; `None` where it can.
#[must_use]
pub fn removal_sentence(model: &Model, room: RoomId, words: &Words) -> Option<String> {
    let loss = model.room(room)?.removed.as_ref()?;
    let Loss::Removed(farewell) = loss else {
        return Some(words.fill("room.closed", &[("room", &title_of(model, room))]));
    };
    let (room, name) = (title_of(model, room), model.name(farewell.by).unwrap_or("…"));
    let key = match (farewell.ban, farewell.why.is_empty()) {
        (false, true) => "room.you_removed",
        (false, false) => "room.you_removed_why",
        (true, true) => "room.you_banned",
        (true, false) => "room.you_banned_why",
    };
    Some(words.fill(key, &[("room", &room), ("name", &name), ("reason", &farewell.why)]))
}
