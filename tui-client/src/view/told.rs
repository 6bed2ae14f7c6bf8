//! What the link and the disk say, and what the main view does about it: answers that were waited for, refusals,
//! the end. Part of the main view.

use liao_client_core::{
    answer::{Answer, CallError},
    model::{Changes, Model},
    notice::{LinkState, Notice},
    transfer::UploadJob,
};
use liao_common::{
    event::Event,
    fault::FaultCode,
    id::RoomId,
    message::{Body, Kind},
    request::{Request, RoomJoin, RoomList},
};

use super::{
    changing::Intent,
    commanded::Awaited,
    deeds::is_linked,
    dialog::DialogView,
    main::MainView,
    order::{Order, refusal_sentence},
    overlay::Overlay,
    reasons::{call_sentence, too_large},
    remark::About,
};
use crate::{app::Base, effect::Effect, input::Input};

/// What is done when a request is answered with a room.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Go there; `true` when it had to wait for the connection.
    Go(Request, bool),
    /// Say something there; and how it was written, should it come to nothing.
    Say(Request, String, Written),
    /// Invite the person who was looked up to this room.
    Invite(Request, RoomId),
    /// Do this to the person who was looked up.
    Order(Request, Order),
    /// Say that an invitation was declined.
    Decline(Request),
}

/// A line that was taken out of a chat's text field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// In which chat.
    pub room: RoomId,
    /// What it was.
    pub line: String,
}

impl Held {
    const fn request(&self) -> &Request {
        match self {
            Self::Go(request, _)
            | Self::Say(request, ..)
            | Self::Invite(request, _)
            | Self::Order(request, _)
            | Self::Decline(request) => request,
        }
    }
}

impl MainView {
    /// The link says something; the model knows it already.
    pub fn noticed(
        &mut self,
        notice: &Notice,
        changes: &Changes,
        model: &mut Model,
        base: &mut Base,
    ) {
        self.remark_noticed(notice);
        self.unfinished_noticed(notice, model, base);
        self.invitations_noticed(notice, model, base);
        self.removal_noticed(notice, model, base);
        match notice {
            Notice::State(LinkState::Ended(end)) => self.ended = Some(end.clone()),
            Notice::State(LinkState::Online { latency_ms: Some(ms) }) => {
                self.latency_ms = Some(*ms);
                self.link_since_ms = base.now_ms;
            }
            Notice::State(_) => self.link_since_ms = base.now_ms,
            Notice::LoggedIn(_) => self.must_watch = true,
            Notice::Synced(synced) if synced.reset => self.forget_changes(),
            Notice::Event(Event::Synced) => {
                self.list_rooms_again(base);
                self.list_devices_again(base);
                self.catch_up(model);
                if let Some(request) = self.room().and_then(|room| model.open(room)) {
                    base.wish(Effect::Ask(request));
                }
            }
            Notice::Answer { request, answer, .. } => {
                self.resume_command(&Awaited::Answer(request.clone()));
                self.answered(request, answer.as_deref(), model, base);
                self.end_command();
            }
            _ => {}
        }
        self.ring(changes, base);
    }

    /// What was missed in the chat on the screen begins with a rule, as in one that is opened.
    fn catch_up(&mut self, model: &Model) {
        let room = self.room().filter(|_| self.greeted).and_then(|room| model.room(room));
        if let Some(view) = room.filter(|view| view.unread() > 0)
            && let Some(chat) = self.chats.get_mut(&view.id)
        {
            chat.timeline.catch_up(view.read);
        }
    }

    fn answered(
        &mut self,
        request: &Request,
        answer: Result<&Answer, &CallError>,
        model: &mut Model,
        base: &mut Base,
    ) {
        if matches!(request, Request::Mark(_)) {
            self.mark_next(base);
        }
        if answer.is_ok() && is_wish(request) {
            self.remark_success();
        }
        let held: Vec<Held> = self.held.extract_if(.., |held| held.request() == request).collect();
        match (request, answer) {
            (_, Ok(Answer::Room(room))) => self.do_held(held, room.room, model, base),
            (Request::RoomList(asked), Ok(Answer::Rooms(page))) => {
                if let Some(Overlay::Rooms(rooms)) = &mut self.overlay
                    && let Some(next) = rooms.listed(asked, page)
                {
                    self.ask(next, base);
                }
            }
            (Request::Who(asked), Ok(Answer::Users(page))) if !asked.query.is_empty() => {
                if let Some(next) = self.sidebar.found(asked, page) {
                    self.ask(next, base);
                }
            }
            (Request::Users(asked), Ok(Answer::Users(page))) if !asked.names.is_empty() => {
                self.found_people(held, &asked.names, page, base);
            }
            (Request::RoomLeave(asked), Ok(_)) => {
                self.chats.remove(&asked.room);
                let declined = held.iter().any(|held| matches!(held, Held::Decline(_)));
                let key = if declined { "status.declined" } else { "status.left" };
                self.say(base, base.words.t(key));
            }
            (Request::Devices(_), Ok(Answer::Devices(list))) => self.devices_came(list),
            (Request::Revoke(_), Ok(_)) => self.say(base, base.words.t("devices.logged_out")),
            (Request::Passwd(_), Ok(_)) => self.say(base, base.words.t("status.password_changed")),
            (Request::RoomBans(asked), Ok(Answer::Bans(page))) => self.bans_came(asked, page, base),
            (Request::RoomBan(_) | Request::RoomUnban(_), Ok(_)) => self.ordered(request, base),
            (Request::RoomInvite(_), Ok(_)) => self.say(base, base.words.t("status.invited")),
            (
                Request::RoomJoin(RoomJoin { room: None, name: Some(name) }),
                Err(CallError::Fault(fault)),
            ) if fault.code == FaultCode::NotFound => {
                // Perhaps a slip of the finger: a new room is made in a dialog, not behind one's back, and not under
                // hands that do something else by now.
                if self.is_busy() {
                    self.complain(base, base.words.fill("room.none_of_name", &[("room", name)]));
                } else {
                    self.overlay = Some(Overlay::Dialog(DialogView::create_missing(name)));
                }
            }
            (request, Err(error)) if is_wish(request) || !held.is_empty() => {
                if matches!(request, Request::RoomBans(_)) {
                    self.bans_refused();
                }
                let told = match error {
                    CallError::Fault(fault) => {
                        refusal_sentence(request, fault.code, model, base.words)
                    }
                    _ => None,
                };
                let sentence = told.unwrap_or_else(|| call_sentence(error, base.words));
                self.give_back_unsaid(request, held);
                self.complain(base, sentence);
            }
            _ => {}
        }
    }

    /// Asks for a room to go to. What has to wait for the connection is told at once.
    pub(super) fn ask_and_go(
        &mut self,
        request: impl Into<Request>,
        model: &Model,
        base: &mut Base,
    ) {
        let request = request.into();
        // Below what lies above the screen no place is changed.
        let waits = !is_linked(model) || self.overlay.is_some();
        if !self.held.contains(&Held::Go(request.clone(), true)) {
            self.held.push(Held::Go(request.clone(), waits));
            self.ask(request, base);
        }
        self.remark_waiting(model, base);
    }

    /// While there is no connection, says that what was asked for is done when there is one.
    pub(super) fn remark_waiting(&mut self, model: &Model, base: &Base) {
        if !is_linked(model) {
            self.remark_about(About::Link, false, base, base.words.t("link.will_be_done"));
        }
    }

    /// Whether the person is at something that a change of place would tear apart.
    fn is_busy(&self) -> bool {
        self.overlay.is_some() || self.chat().is_some_and(|chat| !chat.composer.is_blank())
    }

    /// What was typed into the list of rooms without a connection was asked of nobody.
    fn list_rooms_again(&mut self, base: &mut Base) {
        if let Some(Overlay::Rooms(view)) = &self.overlay {
            let query = view.wanted().to_owned();
            self.ask(RoomList { query, ..RoomList::default() }, base);
        }
    }

    fn do_held(&mut self, held: Vec<Held>, room: RoomId, model: &mut Model, base: &mut Base) {
        for held in held {
            match held {
                Held::Go(_, true) if self.is_busy() => {
                    self.opened.insert(room);
                    let name = super::chat::title_of(model, room);
                    self.say(base, base.words.fill("room.there_now", &[("room", &name)]));
                }
                Held::Go(request, _) => {
                    self.go(room, model, base);
                    if matches!(request, Request::RoomJoin(_)) {
                        let name = super::chat::title_of(model, room);
                        self.say(base, base.words.fill("room.now_in", &[("room", &name)]));
                    }
                }
                Held::Invite(..) | Held::Order(..) | Held::Decline(_) => {}
                Held::Say(_, text, _) => {
                    self.opened.insert(room);
                    base.wish(Effect::Post(room, Kind::Text, Body::text(text)));
                }
            }
        }
    }

    /// Words for somebody who could not be written to come back whatever is being written by now: they stand nowhere
    /// else.
    fn give_back_unsaid(&mut self, request: &Request, held: Vec<Held>) {
        let said = held.into_iter().filter_map(|held| match held {
            Held::Say(_, _, written) => Some(written),
            _ => None,
        });
        let said: Vec<Written> = said.collect();
        if !said.is_empty() {
            self.forget_commands(&Awaited::Answer(Box::new(request.clone())));
        }
        // Each is put before what is there: the first one last.
        said.iter().rev().for_each(|written| self.give_back(written.room, &written.line));
    }

    /// Puts a text that was not sent before what is being written now. Where both together are too long, it
    /// stands among the lines that were sent, one key away.
    pub(super) fn give_back(&mut self, room: RoomId, text: &str) {
        if text.is_empty() {
            return;
        }
        let chat = self.chats.entry(room).or_default();
        let writing = chat.draft();
        let both = if writing.is_empty() { text.to_owned() } else { format!("{text}\n{writing}") };
        if let Some(Intent::Edit(_, draft)) = &mut chat.intent {
            *draft = both;
        } else if chat.composer.set_text(&both).is_err() {
            chat.composer.remember(text);
        }
    }

    /// The disk, or the outbox, says something.
    pub fn told(&mut self, input: Input, model: &mut Model, base: &mut Base) {
        match input {
            Input::NotPosted { session, room, text } if session == base.session => {
                self.give_back(room, &text);
                self.complain(base, base.words.t("composer.not_kept"));
            }
            Input::Drafts { session, drafts } if session == base.session => {
                self.drafts_came(drafts);
            }
            Input::Listed { folder, entries } => self.listed(&folder, entries, base),
            Input::FileSeen { session, room, path, result } if session == base.session => {
                self.resume_command(&Awaited::File(path.clone()));
                self.file_seen(room, path, result, model, base);
                self.end_command();
            }
            _ => {}
        }
    }

    fn file_seen(
        &mut self,
        room: RoomId,
        path: std::path::PathBuf,
        result: std::io::Result<u64>,
        model: &Model,
        base: &mut Base,
    ) {
        let shown = liao_common::text::clean_line(&path.display().to_string());
        let sentence = match result {
            Ok(size) => {
                let bytes_max = model.welcome.as_ref().map_or(0, |welcome| welcome.limits.file);
                if bytes_max > 0 && size > bytes_max {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let name = liao_common::text::clean_line(&name);
                    return self.complain(base, too_large(base.words, &name, (size, bytes_max)));
                }
                let job = UploadJob { room, path, media: String::new() };
                base.wish(Effect::Upload(job));
                let to = super::chat::title_of(model, room);
                let sentence = base.words.fill("files.sending_to", &[("room", &to)]);
                return self.remark_about(About::Sending, false, base, sentence);
            }
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound => "files.not_found",
                std::io::ErrorKind::IsADirectory => "files.not_a_file",
                _ => "files.unreadable",
            },
        };
        self.complain(base, base.words.fill(sentence, &[("path", &shown)]));
    }
}

/// Requests that a person made, so that a refusal wants a sentence.
const fn is_wish(request: &Request) -> bool {
    matches!(
        request,
        Request::RoomCreate(_)
            | Request::RoomJoin(_)
            | Request::RoomLeave(_)
            | Request::RoomTopic(_)
            | Request::RoomInvite(_)
            | Request::RoomRole(_)
            | Request::RoomKick(_)
            | Request::RoomBan(_)
            | Request::RoomUnban(_)
            | Request::RoomBans(_)
            | Request::RoomOpen(_)
            | Request::RoomList(_)
            | Request::Passwd(_)
            | Request::Devices(_)
            | Request::Revoke(_)
    )
}
