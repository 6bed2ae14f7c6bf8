//! The inbox's keys: jump, mark read, accept, decline. Part of the main view.

use liao_client_core::{
    inbox::{InboxKind, InboxRow, inbox},
    model::Model,
};
use liao_common::request::{RoomJoin, RoomLeave};

use super::{
    main::{MainView, Place},
    told::Held,
};
use crate::{action::Action, app::Base, effect::Effect};

/// Marks that are on their way at once: a link takes only so many requests.
const MARKS_AT_ONCE: usize = 32;

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
            Action::MarkAllRead => self.read_all(model, base),
            Action::Back => {
                let first = self.tabs(model).first().copied();
                if let Some(room) = self.watched.or(first) {
                    self.go(room, model, base);
                }
            }
            Action::Choose | Action::MarkRead | Action::Decline => {
                if let Some(row) = self.inbox.chosen(rows.len()).and_then(|row| rows.get(row)) {
                    self.act_row(action, row, model, base);
                }
            }
            _ => {}
        }
    }

    fn act_row(&mut self, action: Action, row: &InboxRow, model: &mut Model, base: &mut Base) {
        let invitation = row.kind == InboxKind::Invitation;
        match action {
            Action::Choose if invitation => {
                let request = RoomJoin { room: Some(row.room), name: None };
                self.held.push(Held::Go(request.clone().into()));
                self.ask(request, base);
            }
            Action::Decline if invitation => self.ask(RoomLeave { room: row.room }, base),
            Action::Choose if matches!(row.kind, InboxKind::Room | InboxKind::Direct) => {
                self.go(row.room, model, base);
            }
            Action::Choose => self.go_to_message(row.room, row.seq, model, base),
            Action::MarkRead if !invitation => self.read_room(row, model, base),
            _ => {}
        }
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
