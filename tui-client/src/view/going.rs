//! From a wish to a screen: which server, is it there, and what comes next. Part of the way in.

use liao_client_core::{address::LinkTarget, notice::LinkState};

use super::{
    door::{Door, Goal, Step},
    entry::EntryView,
    line_keys::edit,
    menu::MenuView,
    reasons::address_error,
    server::{Account, Server},
};
use crate::{
    action::Action,
    app::Base,
    effect::{Effect, Login},
    form::{Field, FieldError, Form, FormStep},
};

impl Door {
    /// The server one is on the way to, else the one that is meant.
    #[must_use]
    pub fn meant(&self) -> Option<&Server> {
        self.aim.as_ref().or(self.server.as_ref())
    }

    /// On the way to a goal: is the server reachable, is its key known?
    pub(super) fn go(&mut self, goal: Goal, base: &mut Base) {
        self.goal = goal;
        match self.meant().cloned() {
            None => self.ask_address(self.goal.clone()),
            Some(Server::Private) => {
                self.menu.starting = true;
                self.step = Step::Menu;
                base.wish(Effect::StartPrivate);
            }
            Some(Server::Plaintext(_)) => self.arrive(base),
            Some(Server::At(target)) => self.check_key(target, base),
        }
    }

    /// Back to the menu, and to the server that was meant before.
    pub(super) fn back_to_menu(&mut self) {
        self.aim = None;
        self.step = Step::Menu;
    }

    /// The server is known: the goal's own screen.
    pub(super) fn arrive(&mut self, base: &mut Base) {
        if let Some(server) = self.meant().cloned() {
            self.adopt(server, base);
        }
        match self.goal.clone() {
            Goal::Menu => self.step = Step::Menu,
            Goal::Private if self.logins().next().is_some() => self.step = Step::Menu,
            Goal::LogIn => {
                let view = self.log_in.take().unwrap_or_else(|| EntryView::log_in(""));
                self.step = Step::Entry(view);
            }
            Goal::Register | Goal::Private => {
                let invite = self.server.as_ref().and_then(Server::invite).map(str::to_owned);
                let fresh = || EntryView::register(invite.as_deref());
                self.step = Step::Entry(self.register.take().unwrap_or_else(fresh));
            }
            Goal::Remembered(user) => {
                let mut view = EntryView::log_in(&user);
                view.form.wait("link.authenticating");
                self.step = Step::Entry(view);
                self.connect(Login::Token(user), base);
            }
        }
    }

    /// Accounts of the server that is meant.
    pub(super) fn logins(&self) -> impl Iterator<Item = &Account> {
        let address = self.server.as_ref().map(Server::address);
        self.accounts.iter().filter(move |account| Some(&account.address) == address.as_ref())
    }

    /// Who goes on with a remembered login, as others see them.
    #[must_use]
    pub fn remembered_login(&self) -> Option<String> {
        let Goal::Remembered(user) = &self.goal else { return None };
        let account = self.logins().find(|account| account.user == *user)?;
        Some(account.shown())
    }

    /// The saved login of somebody here is worth nothing any more.
    pub(super) fn forget_login(&mut self, user: &str, base: &mut Base) {
        let account = self.logins().find(|account| account.user == user).cloned();
        if let Some(account) = account {
            self.forget(&account, base);
        }
    }

    /// Somebody here logged out, which gave their saved login up.
    pub fn logged_out(&mut self, user: &str) {
        let address = self.server.as_ref().map(Server::address);
        self.accounts.retain(|kept| Some(&kept.address) != address.as_ref() || kept.user != user);
        self.menu.list = None;
    }

    pub(super) fn connect(&mut self, login: Login, base: &mut Base) {
        if let Some(server) = self.server.clone() {
            self.link = Some(LinkState::Connecting);
            base.wish(Effect::Connect(server, login));
        }
    }

    /// From here on this server is the one that is meant, also at the next start.
    fn adopt(&mut self, server: Server, base: &mut Base) {
        self.aim = None;
        self.typed.clear();
        let name = server.name();
        if self.server.as_ref() != Some(&server) {
            // What was typed for one server is no other server's business.
            (self.log_in, self.register) = (None, None);
            self.menu = MenuView::default();
        }
        self.server = Some(server);
        if base.remembered.server.as_ref() != Some(&name) {
            base.remembered.server = Some(name);
            base.wish(Effect::Remember(base.remembered.clone()));
        }
    }

    pub(super) fn ask_address(&mut self, goal: Goal) {
        self.goal = goal;
        let typed = match self.meant() {
            _ if !self.typed.is_empty() => self.typed.clone(),
            Some(Server::At(target)) => target.address.to_string(),
            _ => String::new(),
        };
        let field =
            Field::text("server.address").with_hint("server.address_hint").with_value(&typed);
        let form = Form::new("server.title", vec![field]).with_verb("hint.connect");
        self.step = Step::Address(form);
    }

    pub(super) fn act_address(&mut self, action: Action, base: &mut Base) {
        let Step::Address(form) = &mut self.step else { return };
        match action {
            Action::Back => {
                form.value("server.address").clone_into(&mut self.typed);
                self.back_to_menu();
            }
            Action::Submit if form.enter() == FormStep::Submit => {
                form.value("server.address").clone_into(&mut self.typed);
                match LinkTarget::parse(&self.typed) {
                    Ok(target) => {
                        self.aim = Some(Server::At(target));
                        self.go(self.goal.clone(), base);
                    }
                    Err(error) => {
                        form.fail_field("server.address", FieldError::new(address_error(error)));
                    }
                }
            }
            _ => edit(form, action),
        }
    }
}
