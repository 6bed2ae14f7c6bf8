//! The first screen after login: what waits, or the lobby; and the first sentence. Part of the main view.

use liao_client_core::model::Model;
use liao_common::id::RoomId;

use super::{chat::title_of, main::MainView, reasons::unkept_sentence};
use crate::app::Base;

impl MainView {
    /// What waits is shown first; else the lobby. Who writes already goes on writing, and is told.
    pub(super) fn greet(&mut self, model: &mut Model, base: &mut Base) {
        if std::mem::replace(&mut self.greeted, true) {
            return;
        }
        let waiting = liao_client_core::inbox::inbox(model).len();
        let chat = self.last.or(self.tabs(model).first().copied());
        match chat.filter(|_| waiting == 0 || self.wrote) {
            Some(chat) => self.go(chat, model, base),
            None => self.show_inbox(model),
        }
        let ahead = self.ahead.take();
        if !ahead.is_empty() {
            self.type_text(&ahead, model, base);
        }
        self.welcome(model, base);
        self.remark_unfinished(model, base);
        if waiting > 0 && self.wrote {
            let count = u64::try_from(waiting).unwrap_or(u64::MAX);
            self.say(base, base.words.count("inbox.waiting_there", count));
        }
    }

    fn welcome(&mut self, model: &Model, base: &Base) {
        let name = model.me.as_ref().map_or("", |me| me.name.as_str());
        let name = liao_common::text::clean_line(name);
        let lobby = title_of(model, RoomId::LOBBY);
        if let Some(unkept) = &base.unkept {
            return self.complain(base, unkept_sentence(unkept, base.words));
        }
        if self.remark.as_ref().is_some_and(|remark| remark.bad) {
            return;
        }
        let key = if self.newcomer { "register.welcome" } else { "login.hello" };
        self.say(base, base.words.fill(key, &[("name", &name), ("room", &lobby)]));
    }
}
