//! Clicks and the wheel on the main screen. Part of the main view.

use liao_client_core::model::Model;

use super::{
    hit::Hit,
    main::{Focus, MainView},
    timeline::Key,
};
use crate::{action::Action, app::Base, words::Words};

impl MainView {
    /// The wheel turned over something.
    pub fn wheel(&mut self, hit: Option<&Hit>, by: isize, model: &Model, words: &Words) {
        if self.overlay.is_some() {
            return self.wheel_overlay(by, model, words);
        }
        match hit {
            Some(Hit::Sidebar | Hit::Person(_)) => {
                let len = self.sidebar.people(model).len();
                self.sidebar.list.step(len, by);
            }
            Some(Hit::InboxRow(_)) => {
                self.inbox.step(liao_client_core::inbox::inbox(model).len(), by.signum());
            }
            _ => {
                if let Some(chat) = self.chat_mut() {
                    chat.timeline.chosen = None;
                    chat.timeline.scroll_by(by);
                }
            }
        }
    }

    /// A click on something; `at` is counted from its upper left cell.
    pub fn click(&mut self, hit: &Hit, at: (u16, u16), model: &mut Model, base: &mut Base) {
        match hit {
            Hit::BoxRow(row) => self.click_overlay(*row, model, base),
            Hit::Box => {}
            _ if self.overlay.is_some() => self.overlay = None,
            Hit::Tab(Some(room)) => self.go(*room, model, base),
            Hit::Tab(None) => self.go_to_inbox(model),
            Hit::Person(user) => {
                self.focus = Focus::Composer;
                self.open_person(*user, model, base);
            }
            Hit::Sidebar => self.focus = Focus::Sidebar,
            Hit::InboxRow(row) => {
                self.inbox.choose(*row);
                self.act_inbox(Action::Choose, model, base);
            }
            Hit::Composer => self.click_composer(at, base),
            Hit::Timeline => self.click_timeline(at),
            Hit::Do(_) | Hit::MenuRow(_) | Hit::Field(_) => {}
        }
    }

    fn click_composer(&mut self, (x, y): (u16, u16), base: &Base) {
        self.focus = Focus::Composer;
        let area = self.areas(base).composer;
        if let Some(chat) = self.chat_mut() {
            let layout = chat
                .composer
                .layout(usize::from(area.width.saturating_sub(4)), usize::from(area.height));
            let x = usize::from(x.saturating_sub(3));
            chat.composer.click(&layout, x, usize::from(y));
        }
    }

    fn click_timeline(&mut self, (_, y): (u16, u16)) {
        self.focus = Focus::Timeline;
        let Some(chat) = self.chat_mut() else { return };
        let key: Option<Key> = chat.lines.get(usize::from(y)).map(|(_, key)| *key);
        chat.timeline.chosen = key;
    }
}
