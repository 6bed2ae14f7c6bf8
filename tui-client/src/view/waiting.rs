//! The inbox's keys: jump, mark read, accept, decline. Part of the main view.

use liao_client_core::{
    inbox::{InboxKind, InboxRow, inbox},
    model::Model,
};
use liao_common::request::RoomJoin;

use super::{
    confirm::{ConfirmView, Question},
    list::ListView,
    main::{MainView, Place},
    overlay::Overlay,
};
use crate::{action::Action, app::Base, effect::Effect};

/// Marks that are on their way at once: a link takes only so many requests.
const MARKS_AT_ONCE: usize = 32;

/// The inbox: its chosen row, and whether letters are its keys. Where it opened by itself they are not, so that
/// whoever writes without looking loses nothing; they are from the first key on that is meant for the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxView {
    list: ListView,
    letters: bool,
    wanted: bool,
}

impl InboxView {
    /// One that the person asked for.
    #[must_use]
    pub fn wanted() -> Self {
        Self { list: ListView::default(), letters: true, wanted: true }
    }

    /// The person asks for the one that opened by itself.
    pub const fn want(&mut self) {
        self.letters = true;
        self.wanted = true;
    }

    /// Whether the person asked for it.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether letters are its keys.
    #[must_use]
    pub const fn has_letters(&self) -> bool {
        self.letters
    }

    /// The chosen row of `len` rows.
    #[must_use]
    pub fn chosen(&self, len: usize) -> Option<usize> {
        self.list.chosen(len)
    }

    /// Chooses a row by hand.
    pub const fn choose(&mut self, row: usize) {
        self.letters = true;
        self.list.choose(row);
    }

    /// Moves the choice by hand.
    pub fn step(&mut self, len: usize, by: isize) {
        self.letters = true;
        self.list.step(len, by);
    }

    /// The rows to show in a window of `height` rows.
    pub fn window(&mut self, len: usize, height: usize) -> std::ops::Range<usize> {
        self.list.window(len, height)
    }
}

impl MainView {
    pub(super) fn act_inbox(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        let rows = inbox(model);
        let page = isize::try_from(base.size.1 / 3).unwrap_or(1);
        match action {
            Action::Up => self.inbox.step(rows.len(), -1),
            Action::Down => self.inbox.step(rows.len(), 1),
            Action::PageUp => self.inbox.step(rows.len(), -page),
            Action::PageDown => self.inbox.step(rows.len(), page),
            Action::Top => self.inbox.choose(0),
            Action::Bottom => self.inbox.choose(usize::MAX),
            Action::MarkAllRead if !rows.is_empty() => self.read_all(model, base),
            Action::Back => self.leave_inbox(model, base),
            _ => match self.inbox.chosen(rows.len()).and_then(|row| rows.get(row)) {
                Some(row) => self.act_row(action, row, model, base),
                None => self.say(base, base.words.t("inbox.empty")),
            },
        }
    }

    fn act_row(&mut self, action: Action, row: &InboxRow, model: &mut Model, base: &mut Base) {
        match (action, row.kind) {
            (Action::Choose, InboxKind::Invitation) => {
                self.join(RoomJoin { room: Some(row.room), name: None }, model, base);
            }
            (Action::Decline, InboxKind::Invitation) => {
                let question = Question::Decline(row.room);
                self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
            }
            (Action::Choose | Action::MarkRead, InboxKind::Gone) => {
                model.heed_gone(row.room);
                // It stands there still where one was writing.
                if action == Action::Choose && model.room(row.room).is_some() {
                    self.go(row.room, model, base);
                }
            }
            (Action::Choose, InboxKind::Room | InboxKind::Direct) => {
                self.go(row.room, model, base);
            }
            (Action::Choose, _) => self.go_to_message(row.room, row.seq, model, base),
            (Action::MarkRead, InboxKind::Invitation) => {
                self.say(base, base.words.t("inbox.invitation_keys"));
            }
            (Action::MarkRead, _) => self.read_room(row, model, base),
            (Action::Decline, _) => self.say(base, base.words.t("inbox.no_invitation")),
            (Action::Save, InboxKind::File(_)) => {
                let view = model.room(row.room);
                let offer = view.and_then(|view| view.timeline.row(row.seq)).cloned();
                if let Some(offer) = offer {
                    self.save(row.room, &offer, model, base);
                    self.say(base, base.words.t("inbox.saving"));
                }
            }
            (Action::Save, _) => self.say(base, base.words.t("inbox.no_file")),
            _ => self.say(base, base.words.t("inbox.in_the_chat")),
        }
    }

    /// What can be done with the chosen row, most useful first; help last.
    #[must_use]
    pub fn inbox_hints(&self, model: &Model) -> Vec<Action> {
        let rows = inbox(model);
        let row = self.inbox.chosen(rows.len()).and_then(|row| rows.get(row));
        let own: &[Action] = match row.map(|row| row.kind) {
            None => &[],
            Some(_) if !self.inbox.has_letters() => &[Action::Choose, Action::Down],
            Some(InboxKind::Invitation) => &[Action::Choose, Action::Decline, Action::MarkAllRead],
            Some(InboxKind::Gone) => &[Action::MarkRead, Action::MarkAllRead],
            Some(InboxKind::File(_)) => {
                &[Action::Choose, Action::Save, Action::MarkRead, Action::MarkAllRead]
            }
            Some(_) => &[Action::Choose, Action::MarkRead, Action::MarkAllRead],
        };
        let always = [Action::Back, Action::NextTab, Action::Help];
        own.iter().copied().chain(always).collect()
    }

    fn read_room(&mut self, row: &InboxRow, model: &mut Model, base: &mut Base) {
        let head = model.room(row.room).map(|room| room.head.0);
        if let Some(request) = head.and_then(|seq| model.mark_read(row.room, seq)) {
            base.wish(Effect::Ask(request));
        }
    }

    pub(super) fn read_all(&mut self, model: &mut Model, base: &mut Base) {
        let heads: Vec<_> = model
            .rooms()
            .into_iter()
            .filter(|room| !room.is_invitation())
            .map(|room| (room.id, room.head.0))
            .collect();
        let gone: Vec<_> = model.gone().map(|(room, _)| room).collect();
        gone.into_iter().for_each(|room| model.heed_gone(room));
        let marks = heads.into_iter().filter_map(|(room, head)| model.mark_read(room, head));
        self.marks.extend(marks);
        for _ in 0..MARKS_AT_ONCE {
            self.mark_next(base);
        }
        self.say(base, base.words.t("inbox.all_read"));
    }

    /// One mark was answered: the next may go.
    pub(super) fn mark_next(&mut self, base: &mut Base) {
        if let Some(request) = self.marks.pop_front() {
            base.wish(Effect::Ask(request));
        }
    }

    /// Whether the inbox is shown.
    #[must_use]
    pub fn shows_inbox(&self) -> bool {
        self.place == Place::Inbox
    }
}
