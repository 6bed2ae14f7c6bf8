//! Sending what was written, and carrying out commands. Part of the main view.

use liao_client_core::{
    model::{Model, RoomView},
    notice::LinkState,
    timeline::RowState,
};
use liao_common::{
    event::{Role, RoomKind, UserPage},
    id::RoomId,
    message::{Body, Kind},
    request::{RoomCreate, RoomJoin, RoomLeave, RoomOpen, RoomTopic},
};

use super::{
    changing::Intent,
    chat::person_with_id,
    commanded::Awaited,
    confirm::{ConfirmView, Question},
    dialog::{self, DialogView},
    files::file_named,
    main::{Focus, MainView},
    order::{has_refused, removal_sentence},
    overlay::Overlay,
    remark::About,
    told::{Held, Written},
};
use crate::{
    action::Action,
    app::Base,
    command::{self, Command, Typed, Verb},
    effect::Effect,
    theme::Theme,
    words::Language,
};

impl MainView {
    /// Enter: what was written is sent, or carried out.
    pub(super) fn send(&mut self, model: &mut Model, base: &mut Base) {
        let Some(room) = self.room() else { return };
        let Some(chat) = self.chat_mut().filter(|chat| !chat.composer.is_blank()) else { return };
        let text = chat.composer.text().to_owned();
        match command::parse(text.trim_end()) {
            Typed::Text(text) => {
                if let Some(sentence) = removal_sentence(model, room, base.words) {
                    // What was typed stays: it may be wanted elsewhere.
                    return self.complain(base, sentence);
                }
                let text = text.trim_end().to_owned();
                let is_change = matches!(chat.intent, Some(Intent::Edit(..)));
                self.take_written();
                if !is_change {
                    self.go_to_newest();
                }
                self.remark_success();
                self.post_written(room, text, model, base);
            }
            Typed::Command(command, argument) => {
                let argument = argument.to_owned();
                if self.must_wait(command.verb, &argument, model) {
                    return self.refuse_offline(base);
                }
                self.take_written();
                self.begin_command(Written { room, line: text.trim_end().to_owned() });
                self.carry_out(command.verb, &argument, model, base);
                self.end_command();
            }
            Typed::Unknown(name) => {
                let near = command::nearest(name).map_or("", |command| command.name);
                let key = if near.is_empty() {
                    "composer.unknown_command"
                } else {
                    "composer.unknown_command_near"
                };
                let sentence = base.words.fill(key, &[("command", &name), ("near", &near)]);
                // Whatever is typed next takes its place: nobody sends both as one message.
                chat.composer.select_all();
                self.completion = None;
                self.remark_about(About::Writing, true, base, sentence);
            }
            Typed::Incomplete(command, name) => {
                // The line of help ends with how the command is written.
                let help = base.words.t(command.help_key);
                let usage = help.find('/').and_then(|at| help.get(at..)).unwrap_or(help);
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("command", &name), ("usage", &usage)];
                let sentence = base.words.fill("composer.missing_argument", &values);
                // Whatever is typed next is what it needs.
                if !text.ends_with(char::is_whitespace) {
                    // There is room for one more.
                    let _ = chat.composer.set_text(&format!("{text} "));
                }
                self.remark_about(About::Writing, true, base, sentence);
            }
        }
    }

    fn take_written(&mut self) {
        self.completion = None;
        if let Some(chat) = self.chat_mut() {
            chat.composer.take();
        }
    }

    /// Who speaks has read, and wants to see what they said.
    fn go_to_newest(&mut self) {
        if let Some(chat) = self.chat_mut() {
            chat.timeline.to_end();
            chat.timeline.rule_after = None;
        }
    }

    /// A command chosen from the list: one that needs words is put into the composer to be finished.
    pub(super) fn begin(&mut self, command: Command, model: &mut Model, base: &mut Base) {
        if command.needs == 0 {
            if self.must_wait(command.verb, "", model) {
                return self.refuse_offline(base);
            }
            return self.carry_out(command.verb, "", model, base);
        }
        if self.shows_inbox() {
            self.leave_inbox(model, base);
        }
        if let Some(chat) = self.chat_mut() {
            // A command's name always fits.
            let _ = chat.composer.set_text(&format!("/{} ", command.name));
            self.focus = Focus::Composer;
        }
    }

    fn carry_out(&mut self, verb: Verb, argument: &str, model: &mut Model, base: &mut Base) {
        match verb {
            Verb::Help => self.wants_help = true,
            Verb::Rooms => self.open_overlay(Action::Rooms, model, base),
            Verb::Search => {
                self.open_overlay(Action::Search, model, base);
                if let Some(Overlay::Search(search)) = &mut self.overlay {
                    search.type_text(argument);
                }
            }
            Verb::Files => self.open_overlay(Action::Transfers, model, base),
            Verb::Inbox => self.go_to_inbox(model),
            Verb::People => self.toggle_sidebar(base),
            Verb::Quit => self.ask_to_quit(model, base),
            Verb::Reconnect => base.wish(Effect::RetryNow),
            Verb::Logout => self.ask_to_log_out(model, base),
            Verb::Devices => self.open_devices(base),
            Verb::Password => self.overlay = Some(Overlay::Dialog(DialogView::password())),
            Verb::Language => self.speak(argument, base),
            Verb::Theme => self.dress(argument, base),
            Verb::Msg => self.message_to(argument, model, base),
            Verb::Join => self.join_or_create(argument, model, base),
            Verb::Create => self.create(argument, base),
            _ => {
                self.carry_out_here(verb, argument, model, base);
            }
        }
    }

    /// Whether a command has to wait for the connection: the outbox keeps messages, and nothing else.
    fn must_wait(&self, verb: Verb, argument: &str, model: &Model) -> bool {
        if is_linked(model) {
            return false;
        }
        match verb {
            Verb::Msg => known_room(model, addressed(argument).0).is_none(),
            Verb::Join => joined(model, argument).is_none(),
            Verb::Leave => self.room() != Some(RoomId::LOBBY),
            Verb::Rooms
            | Verb::Create
            | Verb::Topic
            | Verb::Invite
            | Verb::Kick
            | Verb::Ban
            | Verb::Unban
            | Verb::Bans
            | Verb::Mod
            | Verb::Unmod
            | Verb::Send
            | Verb::Devices
            | Verb::Password => true,
            _ => false,
        }
    }

    /// Says that something needs the server; what was typed stays where it is.
    pub(super) fn refuse_offline(&mut self, base: &Base) {
        self.completion = None;
        self.remark_about(About::Link, true, base, base.words.t("composer.needs_server"));
    }

    /// Commands about the chat that is shown.
    fn carry_out_here(&mut self, verb: Verb, argument: &str, model: &mut Model, base: &mut Base) {
        let Some(room) = self.room() else { return };
        if self.refuse_in_private((room, verb), model, base) {
            return;
        }
        match verb {
            Verb::Leave if model.room(room).is_some_and(|view| view.removed.is_some()) => {
                self.close(room, model, base);
            }
            Verb::Leave if room == RoomId::LOBBY => {
                let name = super::chat::title_of(model, room);
                self.complain(base, base.words.fill("room.lobby_stays", &[("room", &name)]));
            }
            Verb::Leave if model.room(room).is_some_and(loses_by_leaving) => {
                let question = Question::LeaveRoom(room);
                self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
            }
            Verb::Leave => self.ask(RoomLeave { room }, base),
            Verb::Topic if argument.is_empty() => {
                self.overlay = Some(Overlay::Dialog(DialogView::topic(model, room)));
            }
            Verb::Topic => self.ask(RoomTopic { room, topic: argument.to_owned() }, base),
            Verb::Invite if argument.is_empty() => {
                self.overlay = Some(Overlay::Dialog(DialogView::invite(room)));
            }
            Verb::Invite => self.invite(room, argument, model, base),
            Verb::Kick | Verb::Ban | Verb::Unban | Verb::Bans | Verb::Mod | Verb::Unmod => {
                self.keep_order((room, verb), argument, model, base);
            }
            Verb::Read => self.read(room, model, base),
            Verb::Close => self.close(room, model, base),
            Verb::Send => {
                let path = file_named(argument, base);
                self.defer_command(Awaited::File(path.clone()));
                base.wish(Effect::SeeFile(room, path));
            }
            _ => {}
        }
    }

    fn message_to(&mut self, argument: &str, model: &mut Model, base: &mut Base) {
        let (name, text) = addressed(argument);
        if let Some(room) = known_room(model, name).filter(|_| !text.is_empty()) {
            self.go(room, model, base);
            base.wish(Effect::Post(room, Kind::Text, Body::text(text)));
            return self.remark_offline(model, base);
        }
        let request = match person_with_id(model, name) {
            Some(user) if model.my_id() == Some(user) => {
                return self.complain(base, base.words.t("plain.yourself"));
            }
            Some(user) if text.is_empty() => return self.open_person(user, model, base),
            Some(user) => RoomOpen { user: Some(user), name: None },
            None => RoomOpen { user: None, name: Some(name.to_owned()) },
        };
        self.held.push(Held::Go(request.clone().into(), false));
        if let Some(room) = self.room().filter(|_| !text.is_empty()) {
            let written = Written { room, line: format!("/msg {argument}") };
            self.held.push(Held::Say(request.clone().into(), text.to_owned(), written));
        }
        self.ask(request, base);
    }

    fn join_or_create(&mut self, argument: &str, model: &mut Model, base: &mut Base) {
        match joined(model, argument) {
            Some(room) => self.go(room, model, base),
            None => {
                let name = Some(argument.trim_start_matches('#').to_owned());
                self.join(RoomJoin { room: None, name }, model, base);
            }
        }
    }

    fn create(&mut self, argument: &str, base: &mut Base) {
        let (name, topic) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
        if name.is_empty() {
            self.overlay = Some(Overlay::Dialog(DialogView::create("")));
            return;
        }
        let request =
            RoomCreate { name: name.to_owned(), private: false, topic: topic.trim().to_owned() };
        self.held.push(Held::Go(request.clone().into(), false));
        self.ask(request, base);
    }

    fn invite(&mut self, room: RoomId, argument: &str, model: &Model, base: &mut Base) {
        let name = argument.trim_start_matches('@');
        match person_with_id(model, name) {
            Some(user) => self.ask(dialog::invite(room, user), base),
            None => self.look_up(name.to_owned(), Some(room), base),
        }
    }

    /// The server looked somebody up who is to be invited.
    pub(super) fn found_people(
        &mut self,
        held: Vec<Held>,
        names: &[String],
        page: &UserPage,
        base: &mut Base,
    ) {
        for held in held {
            let found = match (held, page.users.first()) {
                (Held::Invite(_, room), Some(user)) => {
                    self.ask(dialog::invite(room, user.user), base);
                    true
                }
                (Held::Order(_, order), _) => self.order_found(order, page, base),
                (Held::Invite(..), None) => false,
                _ => continue,
            };
            if !found {
                let name = names.first().map_or("", String::as_str);
                self.complain(base, base.words.fill("plain.no_person", &[("user", &name)]));
            }
        }
    }

    fn read(&mut self, room: RoomId, model: &mut Model, base: &mut Base) {
        let head = model.room(room).map(|view| view.head.0);
        if let Some(request) = head.and_then(|head| model.mark_read(room, head)) {
            base.wish(Effect::Ask(request));
        }
        self.go_to_newest();
    }

    /// A private chat loses its tab until something is said in it; rooms are left, not closed.
    fn close(&mut self, room: RoomId, model: &mut Model, base: &mut Base) {
        if model.room(room).is_some_and(|view| view.removed.is_some() && has_refused(view)) {
            let question = Question::CloseUnsent(room);
            self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
            return;
        }
        self.put_away(room, model, base);
    }

    /// Closes a room although words that were refused stand there: they go with it.
    pub(super) fn close_unsent(&mut self, room: RoomId, model: &mut Model, base: &mut Base) {
        let pending = model.room(room).map(|view| view.timeline.pending()).unwrap_or_default();
        for row in pending.iter().filter(|row| matches!(row.state, RowState::Failed(_))) {
            base.wish(Effect::Discard(row.nonce));
        }
        self.put_away(room, model, base);
    }

    fn put_away(&mut self, room: RoomId, model: &mut Model, base: &mut Base) {
        let lost = model.forget(room);
        if !lost && !model.room(room).is_some_and(RoomView::is_direct) {
            return self.complain(base, base.words.t("status.close_rooms"));
        }
        self.closed.insert(room);
        self.opened.remove(&room);
        match self.tabs(model).into_iter().find(|tab| *tab != room) {
            Some(next) => self.go(next, model, base),
            None => self.go_to_inbox(model),
        }
        self.closed.insert(room);
    }

    fn speak(&mut self, argument: &str, base: &mut Base) {
        let wanted = if argument.is_empty() {
            Some(base.words.language().next())
        } else {
            Language::called(argument)
        };
        match wanted {
            Some(language) => {
                base.speak(language);
                self.say(
                    base,
                    base.words.fill("settings.language_now", &[("name", &language.own_name())]),
                );
            }
            None => {
                let names = Language::ALL.map(Language::tag).join(", ");
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("name", &argument), ("names", &names)];
                self.complain(base, base.words.fill("settings.language_unknown", &values));
            }
        }
    }

    fn dress(&mut self, argument: &str, base: &mut Base) {
        if let Some(theme) = Theme::called(argument) {
            let name = theme.name.clone();
            let sentence = base.words.fill("settings.theme_now", &[("name", &name)]);
            base.theme = theme.fit(base.theme.depth);
            base.on_light = None;
            base.remembered.theme = Some(name);
            base.wish(Effect::Remember(base.remembered.clone()));
            return self.say(base, sentence);
        }
        let names = Theme::shipped().collect::<Vec<_>>().join(", ");
        let fill =
            |key: &str, name: &str| base.words.fill(key, &[("name", &name), ("names", &names)]);
        if argument.is_empty() {
            self.say(base, fill("settings.theme_list", &base.theme.name));
        } else {
            self.complain(base, fill("settings.theme_unknown", argument));
        }
    }
}

/// Whether one cannot come back to a room as what one is there now.
fn loses_by_leaving(view: &RoomView) -> bool {
    let heirs = view.members > 1;
    view.kind == RoomKind::Private || view.moderates || view.role == Role::Owner && heirs
}

/// Whether requests are sent at once.
pub(super) const fn is_linked(model: &Model) -> bool {
    matches!(model.state, LinkState::Online { .. } | LinkState::Syncing)
}

/// The person a private message is for, and what is said.
fn addressed(argument: &str) -> (&str, &str) {
    let (name, text) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    (name.trim_start_matches('@'), text.trim())
}

/// The private chat with somebody, where there is one already.
fn known_room(model: &Model, name: &str) -> Option<RoomId> {
    model.direct_room(person_with_id(model, name)?).map(|room| room.id)
}

/// The room of that name that one is in.
fn joined(model: &Model, argument: &str) -> Option<RoomId> {
    let room = model.room_named(argument.trim_start_matches('#'))?;
    (!room.is_invitation()).then_some(room.id)
}
