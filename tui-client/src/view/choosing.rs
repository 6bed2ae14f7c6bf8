//! The menu's keys: by number, by arrows, and forgetting a login. Part of the way in.

use super::{
    door::{Door, Goal},
    menu::{self, MenuItem},
    server::Server,
};
use crate::{action::Action, app::Base, effect::Effect};

impl Door {
    pub(super) fn act_menu(&mut self, action: Action, base: &mut Base) {
        let items = self.menu_items();
        let number = match action {
            Action::LogIn => Some(0),
            Action::Register => Some(1),
            _ => None,
        };
        if let Some(row) = number.and_then(|number| menu::numbered(&items, number)) {
            self.menu.list.choose(row);
            return self.choose_menu(base);
        }
        match action {
            Action::Up => self.menu.list.turn(items.len(), -1),
            Action::Down => self.menu.list.turn(items.len(), 1),
            Action::Choose => self.choose_menu(base),
            Action::OtherServer => self.ask_address(Goal::Menu),
            Action::Decline => self.forget_chosen(base),
            _ => {}
        }
    }

    pub(super) fn choose_menu(&mut self, base: &mut Base) {
        let items = self.menu_items();
        let chosen = self.menu.list.chosen(items.len()).and_then(|row| items.get(row));
        self.menu.trouble = None;
        match chosen {
            Some(MenuItem::Remembered(user, _)) => self.go(Goal::Remembered(user.clone()), base),
            Some(MenuItem::LogIn) => self.go(Goal::LogIn, base),
            Some(MenuItem::Register) => self.go(Goal::Register, base),
            Some(MenuItem::StartPrivate) => {
                self.server = Some(Server::Private);
                self.go(Goal::Private, base);
                self.server = None;
            }
            Some(MenuItem::ConnectServer) => self.ask_address(Goal::Menu),
            Some(MenuItem::Quit) => base.wish(Effect::Quit),
            None => {}
        }
    }

    pub(super) fn forget_chosen(&mut self, base: &mut Base) {
        let items = self.menu_items();
        let chosen = self.menu.list.chosen(items.len()).and_then(|row| items.get(row));
        if let Some(MenuItem::Remembered(user, _)) = chosen {
            self.forget(user, base);
        }
    }

    pub(super) fn forget(&mut self, user: &str, base: &mut Base) {
        let Some(server) = self.server.clone() else { return };
        let address = server.address();
        self.accounts.retain(|account| account.address != address || account.user != user);
        base.wish(Effect::ForgetAccount(server, user.to_owned()));
    }
}
