//! Moving between tabs and between the parts of the screen. Part of the main view.

use liao_client_core::{
    model::{Model, RoomView},
    timeline::{Row, RowState},
};
use liao_common::id::RoomId;

use super::{
    areas::COLUMNS_SIDEBAR,
    confirm::{ConfirmView, Question},
    main::{Focus, MainView, Place},
    overlay::Overlay,
    remark::About,
};
use crate::{
    action::Action,
    app::Base,
    effect::Effect,
    keymap::{Mode, key_for},
};

impl MainView {
    /// The tabs behind the inbox: rooms first, then people, each in the order they came into being.
    #[must_use]
    pub fn tabs(&self, model: &Model) -> Vec<RoomId> {
        let mut rooms: Vec<_> =
            model.rooms().into_iter().filter(|room| !room.is_invitation()).collect();
        rooms.extend(model.lost());
        rooms.sort_by_key(|room| (room.is_direct(), room.id));
        let shown = |id: RoomId, silent: bool, unread: bool| {
            Some(id) == self.room()
                || unread
                || (!self.closed.contains(&id) && (!silent || self.opened.contains(&id)))
        };
        let kept = rooms.into_iter().filter(|room| {
            !room.is_direct()
                || shown(
                    room.id,
                    room.head.1 == 0 && room.timeline.pending().is_empty(),
                    room.unread() > 0,
                )
        });
        kept.map(|room| room.id).collect()
    }

    pub(super) fn ask_to_quit(&mut self, model: &Model, base: &mut Base) {
        match against_quitting(model, base) {
            Some(question) => self.overlay = Some(Overlay::Confirm(ConfirmView { question })),
            None => base.wish(Effect::Quit),
        }
    }

    /// The key that interrupts programs is pressed by habit too: only the second press leaves.
    pub(super) fn interrupt(&mut self, model: &Model, base: &mut Base) {
        if self.warned {
            return self.ask_to_quit(model, base);
        }
        let key = key_for(&[Mode::Main], Action::Interrupt).unwrap_or_default();
        let sentence = base.words.fill("status.again_quits", &[("key", &key)]);
        self.remark_about(About::Leaving, false, base, sentence);
    }

    /// What speaks against leaving may be over before the question is answered, or be more.
    pub(super) fn settle_leaving(&mut self, model: &Model, base: &Base) {
        let Some(Overlay::Confirm(ConfirmView { question })) = &mut self.overlay else { return };
        match question {
            Question::Quit(_) | Question::Lose(_) | Question::Leave => {
                *question = against_quitting(model, base).unwrap_or(Question::Leave);
            }
            Question::LogOutAndLose(_) | Question::LogOut => {
                *question = match would_be_lost(model, base) {
                    0 => Question::LogOut,
                    lost => Question::LogOutAndLose(lost),
                };
            }
            _ => {}
        }
    }

    pub(super) fn ask_to_log_out(&mut self, model: &Model, base: &mut Base) {
        let lost = would_be_lost(model, base);
        if lost == 0 {
            return self.log_out(base);
        }
        let question = Question::LogOutAndLose(lost);
        self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
    }

    pub(super) fn log_out(&mut self, base: &mut Base) {
        base.wish(Effect::LogOut);
        self.left = true;
    }

    /// One key goes to the inbox and back. An inbox that opened by itself is not left by the key that leads to it.
    pub(super) fn toggle_inbox(&mut self, model: &mut Model, base: &mut Base) {
        match self.place {
            Place::Room(_) => self.go_to_inbox(model),
            Place::Inbox if self.inbox.is_wanted() => self.leave_inbox(model, base),
            Place::Inbox => {
                self.focus = Focus::Timeline;
                self.inbox.want();
            }
        }
    }

    /// From the inbox to the chat behind it. Where one is in none, the list of rooms leads on.
    pub(super) fn leave_inbox(&mut self, model: &mut Model, base: &mut Base) {
        if let Some(room) = self.chat_behind(model) {
            return self.go(room, model, base);
        }
        self.say(base, base.words.t("inbox.no_chat"));
        self.open_overlay(Action::Rooms, model, base);
    }

    /// The chat that was shown last, while one is in it; else the first one; `None` where one is in no chat.
    #[must_use]
    pub fn chat_behind(&self, model: &Model) -> Option<RoomId> {
        let tabs = self.tabs(model);
        let last = self.last.filter(|last| tabs.contains(last));
        last.or(tabs.first().copied())
    }

    pub(super) fn toggle_sidebar(&mut self, base: &Base) {
        let wide = base.size.0 >= COLUMNS_SIDEBAR;
        if self.focus == Focus::Sidebar {
            self.focus = Focus::Composer;
            self.sidebar.hidden |= wide;
        } else {
            self.sidebar.hidden = false;
            self.focus = Focus::Sidebar;
        }
    }

    pub(super) fn go_to_tab(&mut self, place: usize, model: &mut Model, base: &mut Base) {
        let Some(place) = place.checked_sub(1) else { return self.go_to_inbox(model) };
        if let Some(room) = self.tabs(model).get(place) {
            self.go(*room, model, base);
        }
    }

    pub(super) fn turn_tab(&mut self, by: isize, model: &mut Model, base: &mut Base) {
        let tabs = self.tabs(model);
        let here = self
            .room()
            .and_then(|room| tabs.iter().position(|tab| *tab == room))
            .map_or(0, |at| at + 1);
        let count = isize::try_from(tabs.len() + 1).unwrap_or(1);
        let next = (isize::try_from(here).unwrap_or(0) + by).rem_euclid(count);
        self.go_to_tab(next.unsigned_abs(), model, base);
    }

    pub(super) fn next_unread(&mut self, model: &mut Model, base: &mut Base) {
        let tabs = self.tabs(model);
        let here = self
            .room()
            .and_then(|room| tabs.iter().position(|tab| *tab == room))
            .map_or(0, |at| at + 1);
        let after = tabs.iter().cycle().skip(here).take(tabs.len());
        let found = after.copied().find(|room| {
            Some(*room) != self.room() && model.room(*room).is_some_and(|view| view.unread() > 0)
        });
        match found {
            Some(room) => self.go(room, model, base),
            None => self.say(base, base.words.t("status.nothing_unread")),
        }
    }

    pub(super) fn turn_focus(&mut self, by: isize, base: &Base) {
        let wide = base.size.0 >= COLUMNS_SIDEBAR && !self.sidebar.hidden;
        let mut ring = match self.place {
            Place::Inbox => vec![Focus::Timeline],
            Place::Room(_) => vec![Focus::Composer, Focus::Timeline],
        };
        if wide || self.focus == Focus::Sidebar {
            ring.push(Focus::Sidebar);
        }
        let here = ring.iter().position(|focus| *focus == self.focus).unwrap_or(0);
        let next = (isize::try_from(here).unwrap_or(0) + by)
            .rem_euclid(isize::try_from(ring.len()).unwrap_or(1));
        self.focus = ring.get(next.unsigned_abs()).copied().unwrap_or_default();
        self.completion = None;
        if self.focus != Focus::Timeline
            && let Some(chat) = self.chat_mut()
        {
            chat.timeline.chosen = None;
        }
    }
}

/// What a person who wants to leave is asked about first.
fn against_quitting(model: &Model, base: &Base) -> Option<Question> {
    let lost = would_be_lost(model, base);
    if lost > 0 {
        return Some(Question::Lose(lost));
    }
    model.transfers.moving().next().map(|_| Question::Quit(base.unkept.is_none()))
}

/// How many of one's own messages are neither with the server nor on the disk.
fn would_be_lost(model: &Model, base: &Base) -> u64 {
    if base.unkept.is_some() { unsent(model) } else { 0 }
}

/// How many of one's own messages, edits and take-backs the server does not have yet.
#[must_use]
pub fn unsent(model: &Model) -> u64 {
    let sending = |row: &&Row| row.state == RowState::Sending;
    let of = |room: &RoomView| room.timeline.pending().iter().filter(sending).count();
    let count: usize = model.rooms().into_iter().map(of).sum();
    u64::try_from(count + model.waiting_unlisted() + model.waiting_changes()).unwrap_or(u64::MAX)
}
