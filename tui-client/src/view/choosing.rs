//! The menu's keys: by number, by arrows, and forgetting a login. Part of the way in.

use super::{
    door::{Door, Goal, Step},
    list::ListView,
    menu::{Menu, MenuItem},
    server::{Account, Server},
};
use crate::{action::Action, app::Base, effect::Effect};

impl Door {
    /// The menu as it is now.
    #[must_use]
    pub fn menu_rows(&self) -> Menu {
        let place = self.server.as_ref().map(Server::address);
        let (here, others): (Vec<Account>, Vec<Account>) = self
            .accounts
            .iter()
            .cloned()
            .partition(|account| Some(&account.address) == place.as_ref());
        // A login is offered where it can be used: on this computer, or where the key is known.
        let is_usable = |account: &Account| {
            Server::at(&account.address) == Server::Private
                || self.known.iter().any(|(of, _)| *of == account.address)
        };
        let elsewhere = others.into_iter().filter(is_usable).collect();
        match &self.server {
            None => Menu::without_server(elsewhere),
            Some(server) => Menu::of_server(here, elsewhere, *server == Server::Private)
                .for_invited(server.invite().is_some()),
        }
    }

    pub(super) fn act_menu(&mut self, action: Action, base: &mut Base) {
        let menu = self.menu_rows();
        match action {
            Action::Up => self.move_choice(&menu, -1),
            Action::Down => self.move_choice(&menu, 1),
            Action::Choose => self.choose_menu(base),
            Action::Decline => self.ask_to_forget(),
            Action::Back if self.menu.starting => self.stop_waiting(),
            _ => {
                if let Some(row) = menu.row_of(action) {
                    self.choose_row(row);
                    self.choose_menu(base);
                }
            }
        }
    }

    fn move_choice(&mut self, menu: &Menu, by: isize) {
        let mut list = ListView::default();
        list.choose(menu.chosen(&self.menu));
        list.turn(menu.items().len(), by);
        self.menu.list = Some(list);
    }

    pub(super) fn choose_row(&mut self, row: usize) {
        let mut list = ListView::default();
        list.choose(row);
        self.menu.list = Some(list);
    }

    pub(super) fn choose_menu(&mut self, base: &mut Base) {
        let menu = self.menu_rows();
        self.menu.trouble = None;
        self.menu.starting = false;
        self.aim = None;
        match menu.chosen_item(&self.menu) {
            Some(MenuItem::Remembered { account, here }) => {
                if !here {
                    self.aim = Some(Server::at(&account.address));
                }
                self.go(Goal::Remembered(account.user.clone()), base);
            }
            Some(MenuItem::LogIn) => self.go(Goal::LogIn, base),
            Some(MenuItem::Register) => self.go(Goal::Register, base),
            Some(MenuItem::StartPrivate) => {
                self.aim = Some(Server::Private);
                self.go(Goal::Private, base);
            }
            Some(MenuItem::ConnectServer) => self.ask_address(Goal::Menu),
            Some(MenuItem::Quit) => base.wish(Effect::Quit),
            None => {}
        }
    }

    /// A private server that comes up all the same is there for the next time, and ends with this program.
    fn stop_waiting(&mut self) {
        self.menu.starting = false;
        self.aim = None;
    }

    fn ask_to_forget(&mut self) {
        if let Some(MenuItem::Remembered { account, .. }) = self.menu_rows().chosen_item(&self.menu)
        {
            self.step = Step::Forget(account.clone());
        }
    }

    pub(super) fn act_forget(&mut self, action: Action, base: &mut Base) {
        let Step::Forget(account) = &self.step else { return };
        match action {
            Action::Yes => {
                let account = account.clone();
                self.forget(&account, base);
                self.back_to_menu();
            }
            Action::No => self.back_to_menu(),
            _ => {}
        }
    }

    pub(super) fn forget(&mut self, account: &Account, base: &mut Base) {
        self.accounts.retain(|kept| kept.address != account.address || kept.user != account.user);
        self.menu.list = None;
        base.wish(Effect::ForgetAccount(Server::at(&account.address), account.user.clone()));
    }
}
