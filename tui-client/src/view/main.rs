//! The main screen: which chat is shown, where the focus is, what lies above it. Turns actions into changes of
//! the view and into effects. Owns no truth: that is the model's.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

use liao_client_core::{
    model::{Changes, Model},
    notice::{End, LinkState},
    transfer::{Phase, TransferId},
};
use liao_common::{
    id::RoomId,
    request::{Request, Watch},
};

use super::{
    ahead::Ahead,
    areas::{self, Areas, COLUMNS_SIDEBAR},
    chat::ChatView,
    commanded::{Awaited, Commands},
    completion::Completion,
    confirm::{ConfirmView, Question},
    drafts::Drafts,
    overlay::Overlay,
    remark::Remark,
    sidebar::SidebarView,
    told::Held,
    waiting::InboxView,
};
use crate::{action::Action, app::Base, effect::Effect, keymap::Mode, screen::status};

/// Where one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What arrived meanwhile.
    Inbox,
    /// A chat.
    Room(RoomId),
}

/// How much is brought in order before a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Whole,
    /// What a key may have changed.
    Typed,
}

/// Which part of the screen has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// Where one writes.
    #[default]
    Composer,
    /// The messages.
    Timeline,
    /// The people.
    Sidebar,
}

/// The main screen.
#[derive(Debug)]
pub struct MainView {
    /// Where one is.
    pub place: Place,
    /// Which part has the keys.
    pub focus: Focus,
    /// The chats that were looked at.
    pub chats: BTreeMap<RoomId, ChatView>,
    /// The people.
    pub sidebar: SidebarView,
    /// The inbox: its chosen row, and who opened it.
    pub inbox: InboxView,
    /// What lies above the screen.
    pub overlay: Option<Overlay>,
    /// Words that fit what is being typed.
    pub completion: Option<Completion>,
    /// The folder that is being read to complete a path behind `/send`.
    pub(super) path_wanted: Option<PathBuf>,
    /// A sentence in the status line.
    pub remark: Option<Remark>,
    /// The link ended for this reason: the screen is to be left.
    pub ended: Option<End>,
    /// The person logged out.
    pub left: bool,
    /// One more press of the key leaves: that was said when the last thing was done by hand.
    pub(super) warned: bool,
    /// The person asked for help by a command.
    pub wants_help: bool,
    /// How long the server took to answer last, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Since when the link stands as it does, in milliseconds since 1970.
    pub link_since_ms: u64,
    /// Direct rooms whose tabs were closed.
    pub(super) closed: BTreeSet<RoomId>,
    /// Direct rooms without a word that were opened.
    pub(super) opened: BTreeSet<RoomId>,
    /// Rooms that were all marked as read, and of which the server has yet to be told.
    pub(super) marks: VecDeque<Request>,
    /// What of the drafts is on the disk.
    pub(super) drafts: Drafts,
    /// The lines of commands of which it is not known yet what comes of them.
    pub(super) commands: Commands,
    /// What waits for the answer to a request.
    pub(super) held: Vec<Held>,
    /// Invitations that are open, and that the person knows of.
    pub(super) invited: BTreeSet<RoomId>,
    /// The person is new here.
    pub(super) newcomer: bool,
    /// The first screen after login was chosen.
    pub(super) greeted: bool,
    /// The person wrote before that: then nothing is put between them and what they write.
    pub(super) wrote: bool,
    /// What was written before any chat was there.
    pub(super) ahead: Ahead,
    /// The chat that was shown last.
    pub(super) last: Option<RoomId>,
    /// Where the completion popup was sent away.
    pub(super) dismissed: Option<usize>,
    /// What was said to be watched last.
    pub(super) watched: Option<RoomId>,
    /// A transfer that was announced and has not begun.
    pub(super) announced: Option<TransferId>,
    /// Every connection has to be told anew what is looked at.
    pub(super) must_watch: bool,
}

impl Default for MainView {
    fn default() -> Self {
        Self {
            place: Place::Room(RoomId::LOBBY),
            focus: Focus::default(),
            chats: BTreeMap::new(),
            sidebar: SidebarView::default(),
            inbox: InboxView::default(),
            overlay: None,
            completion: None,
            path_wanted: None,
            remark: None,
            ended: None,
            left: false,
            warned: false,
            wants_help: false,
            latency_ms: None,
            link_since_ms: 0,
            closed: BTreeSet::new(),
            opened: BTreeSet::new(),
            marks: VecDeque::new(),
            drafts: Drafts::default(),
            commands: Commands::default(),
            held: Vec::new(),
            invited: BTreeSet::new(),
            newcomer: false,
            greeted: false,
            wrote: false,
            ahead: Ahead::default(),
            last: None,
            dismissed: None,
            watched: None,
            announced: None,
            must_watch: true,
        }
    }
}

impl MainView {
    /// The main screen right after the login of somebody who is new here, or not.
    #[must_use]
    pub fn of(newcomer: bool) -> Self {
        Self { newcomer, ..Self::default() }
    }

    /// The room that is shown.
    #[must_use]
    pub const fn room(&self) -> Option<RoomId> {
        match self.place {
            Place::Room(room) => Some(room),
            Place::Inbox => None,
        }
    }

    /// The chat that is shown.
    #[must_use]
    pub fn chat(&self) -> Option<&ChatView> {
        self.chats.get(&self.room()?)
    }

    /// The same, to be changed.
    pub fn chat_mut(&mut self) -> Option<&mut ChatView> {
        let room = self.room()?;
        Some(self.chats.entry(room).or_default())
    }

    /// Where keys are looked up, the innermost first.
    #[must_use]
    pub fn modes(&self) -> Vec<Mode> {
        if let Some(overlay) = &self.overlay {
            return overlay.modes().iter().copied().chain([Mode::Above]).collect();
        }
        match (self.place, self.focus) {
            (_, Focus::Sidebar) => vec![Mode::Sidebar, Mode::Main],
            (Place::Inbox, _) => vec![Mode::Inbox, Mode::Main],
            (_, Focus::Timeline) => vec![Mode::Timeline, Mode::Main],
            _ if self.completion.is_some() => vec![Mode::Completion, Mode::Composer, Mode::Main],
            _ => vec![Mode::Composer, Mode::Main],
        }
    }

    /// When something moves by itself next, in milliseconds since 1970.
    #[must_use]
    pub fn wake_at_ms(&self, model: &Model, base: &Base) -> Option<u64> {
        let counting = matches!(model.state, LinkState::Waiting { .. });
        // A paused one stands still, and so does one that waits for its turn.
        let moves = |phase: &Phase| matches!(phase, Phase::Moving | Phase::Hashing);
        let stalling = model.transfers.active().any(|transfer| moves(&transfer.phase));
        let second = (counting || stalling).then_some(base.now_ms - base.now_ms % 1000 + 1000);
        self.remark_ends_ms().into_iter().chain(second).chain(self.drafts.due_ms).min()
    }

    /// Where everything stands now.
    #[must_use]
    pub fn areas(&self, base: &Base) -> Areas {
        let wide = base.size.0 >= COLUMNS_SIDEBAR;
        let sidebar = if wide { !self.sidebar.hidden } else { self.focus == Focus::Sidebar };
        let rows = self.chat().map_or(1, |chat| {
            let width = areas::areas(base.size, 1, sidebar).composer.width;
            chat.composer
                .layout(usize::from(width.saturating_sub(4)), usize::from(areas::COMPOSER_ROWS_MAX))
                .rows
                .len()
        });
        let rows = if self.room().is_some() { u16::try_from(rows).unwrap_or(1) } else { 0 };
        areas::areas(base.size, rows, sidebar)
    }

    /// The same, with room for a sentence that is too long for the last row.
    #[must_use]
    pub fn areas_with_note(&self, model: &Model, base: &Base) -> Areas {
        let areas = self.areas(base);
        areas.with_note(status::note(&areas, self, model, base).len())
    }

    /// Goes to a chat, at the first unread message if there is one.
    pub fn go(&mut self, room: RoomId, model: &mut Model, base: &mut Base) {
        self.depart(room, model);
        self.place = Place::Room(room);
        self.last = Some(room);
        self.focus = Focus::Composer;
        self.completion = None;
        self.closed.remove(&room);
        self.opened.insert(room);
        let unread = model.room(room).filter(|view| view.unread() > 0).map(|view| view.read);
        let chat = self.chats.entry(room).or_default();
        if let Some(read) = unread {
            chat.timeline.open_at(read);
        }
        if let Some(request) = model.open(room) {
            base.wish(Effect::Ask(request));
        }
        self.watch(base);
    }

    /// Goes to a message in its place.
    pub fn go_to_message(
        &mut self,
        room: RoomId,
        seq: liao_common::id::Seq,
        model: &mut Model,
        base: &mut Base,
    ) {
        self.go(room, model, base);
        if let Some(chat) = self.chat_mut() {
            chat.timeline.show(seq);
        }
        self.focus = Focus::Timeline;
    }

    /// Goes to the inbox, because the person wants to.
    pub fn go_to_inbox(&mut self, model: &mut Model) {
        self.show_inbox(model);
        self.inbox = InboxView::wanted();
    }

    /// Goes to the inbox.
    pub(super) fn show_inbox(&mut self, model: &mut Model) {
        if let Some(room) = self.room() {
            self.rest(room, model);
        }
        self.place = Place::Inbox;
        self.invitation_seen();
        self.focus = Focus::Timeline;
        self.completion = None;
        self.inbox = InboxView::default();
    }

    fn depart(&mut self, to: RoomId, model: &mut Model) {
        if let Some(from) = self.room().filter(|from| *from != to) {
            self.rest(from, model);
        }
    }

    fn rest(&mut self, room: RoomId, model: &mut Model) {
        if let Some(chat) = self.chats.get_mut(&room) {
            chat.timeline.rule_after = None;
            chat.timeline.chosen = None;
        }
        model.close(room);
    }

    /// Tells the server what is looked at, if that is news.
    pub(super) fn watch(&mut self, base: &mut Base) {
        if self.watched == self.room() && !self.must_watch {
            return;
        }
        self.watched = self.room();
        self.must_watch = false;
        let act = self.room().into_iter().collect();
        base.wish(Effect::Watch(Watch { act, online: true }));
    }

    /// Does what a key means.
    pub fn act(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        if self.overlay.is_some() {
            return self.act_overlay(action, model, base);
        }
        if let Some(place) = action.tab() {
            return self.go_to_tab(place, model, base);
        }
        if action == Action::Back {
            self.dismiss_error();
        }
        match action {
            Action::Quit => self.ask_to_quit(model, base),
            Action::Interrupt => self.interrupt(model, base),
            Action::Switcher
            | Action::Search
            | Action::Transfers
            | Action::SendFile
            | Action::Rooms => {
                self.open_overlay(action, model, base);
            }
            Action::Inbox => self.toggle_inbox(model, base),
            Action::Online => self.toggle_sidebar(base),
            Action::NextTab => self.turn_tab(1, model, base),
            Action::PreviousTab => self.turn_tab(-1, model, base),
            Action::NextUnread => self.next_unread(model, base),
            Action::Reconnect => base.wish(Effect::RetryNow),
            Action::Accept => self.accept(model, base),
            Action::Next if self.is_at_path() => self.complete_path(base),
            Action::Next => self.turn_focus(1, base),
            Action::Previous => self.turn_focus(-1, base),
            _ => self.act_focus(action, model, base),
        }
    }

    fn act_focus(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        match (self.place, self.focus) {
            (_, Focus::Sidebar) => self.act_sidebar(action, model, base),
            (Place::Inbox, _) => self.act_inbox(action, model, base),
            (_, Focus::Timeline) => self.act_timeline(action, model, base),
            (_, Focus::Composer) => self.act_composer(action, model, base),
        }
    }

    /// Whether an action has nothing to act on, so that its letter is one that is typed: about a message where
    /// none is chosen, or in an inbox that opened by itself.
    #[must_use]
    pub fn is_idle(&self, action: Action) -> bool {
        if self.overlay.is_some() || self.focus == Focus::Sidebar {
            return false;
        }
        if self.place == Place::Inbox {
            return !self.inbox.has_letters();
        }
        let about_one = matches!(
            action,
            Action::Reply | Action::Edit | Action::TakeBack | Action::Copy | Action::Discard
        );
        let in_messages = self.focus == Focus::Timeline;
        about_one && in_messages && self.chat().is_none_or(|chat| chat.timeline.chosen.is_none())
    }

    /// Typing goes to what has the focus; from the messages and from the inbox it leads to where one writes.
    pub fn type_text(&mut self, text: &str, model: &mut Model, base: &mut Base) {
        if self.overlay.is_some() {
            return self.type_overlay(text, model, base);
        }
        self.wrote |= !self.greeted;
        if !self.greeted && self.tabs(model).is_empty() {
            return self.ahead.push(text);
        }
        match (self.place, self.focus) {
            (_, Focus::Sidebar) => self.filter_people(text, model, base),
            (Place::Room(_), Focus::Composer) => self.compose(text, model, base),
            (Place::Room(_), Focus::Timeline) => {
                self.leave_timeline();
                self.compose(text, model, base);
            }
            (Place::Inbox, _) => {
                self.leave_inbox(model, base);
                match self.room() {
                    Some(_) => self.compose(text, model, base),
                    None => self.type_overlay(text, model, base),
                }
            }
        }
    }

    /// A paste of many lines is asked about first.
    pub fn paste(&mut self, text: &str, model: &mut Model, base: &mut Base) {
        const LINES_UNASKED_MAX: usize = 10;
        if let Some(Overlay::Picker(view)) = &mut self.overlay {
            return view.paste(text, base);
        }
        if self.overlay.is_some() {
            return self.type_overlay(text, model, base);
        }
        match self.place {
            Place::Inbox => self.leave_inbox(model, base),
            Place::Room(_) => self.focus = Focus::Composer,
        }
        if self.room().is_none() {
            // Nothing takes it, and a sentence says so. What was copied can be pasted again.
            return;
        }
        let lines = text.trim_end().split(['\n', '\r']).count();
        let fits = self.chat().is_none_or(|chat| chat.composer.takes(text));
        // What does not fit anyway is refused at once, without a question before it.
        if self.focus == Focus::Composer && lines > LINES_UNASKED_MAX && fits {
            let question = Question::Paste(text.to_owned(), lines);
            self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
        } else {
            self.type_text(text, model, base);
        }
    }

    /// Brings the view in order before it is drawn.
    pub fn settle(&mut self, extent: Extent, model: &mut Model, base: &mut Base) {
        self.settle_remark(base);
        self.settle_leaving(model, base);
        if let Some(Overlay::Rooms(rooms)) = &mut self.overlay {
            rooms.invite(model);
        }
        if model.is_ready() {
            self.greet(model, base);
            self.leave_what_is_gone(model, base);
            if let Some(request) = self.room().and_then(|room| model.ask_staff(room)) {
                self.ask(request, base);
            }
            self.settle_changes(model, base);
            self.watch(base);
        }
        self.settle_chat(extent, model, base);
        self.settle_search(model, base);
        self.settle_drafts(base);
    }

    /// Goes to the first chat; where one is in none, to the inbox, which says what helps.
    pub(super) fn go_on(&mut self, model: &mut Model, base: &mut Base) {
        match self.tabs(model).first().copied() {
            Some(next) => self.go(next, model, base),
            None => self.show_inbox(model),
        }
    }

    /// A room that one was removed from gives way to the next.
    fn leave_what_is_gone(&mut self, model: &mut Model, base: &mut Base) {
        let gone = self.room().filter(|room| model.room(*room).is_none());
        if gone.is_some() {
            self.go_on(model, base);
        }
    }

    /// Asks the server for something the person wants; a refusal is shown.
    pub(super) fn ask(&mut self, request: impl Into<Request>, base: &mut Base) {
        let request = request.into();
        self.defer_command(Awaited::Answer(Box::new(request.clone())));
        base.wish(Effect::Ask(request));
    }

    /// Rings for what concerns this person and is not on the screen already.
    pub(super) fn ring(&self, changes: &Changes, base: &mut Base) {
        let elsewhere = changes.alerts.iter().any(|alert| Some(alert.room) != self.room());
        if elsewhere && base.bell == crate::settings::Bell::Mentions {
            base.wish(Effect::Bell);
        }
    }
}
