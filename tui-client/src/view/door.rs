//! The way in: menu, server, trust, login. Decides which question comes next, so that no password can be typed
//! before the server's key is known. Pure.

use liao_client_core::{
    address::{Address, LinkTarget},
    notice::{LinkState, Notice},
    trust::ConnectError,
};
use liao_common::id::Pin;

use super::{
    entry::{EntryKind, EntryView},
    hit::Hit,
    menu::{self, MenuItem, MenuView},
    reasons::{address_error, private_sentence},
    server::{Account, KnownKey, Server},
    trust::{TrustState, TrustView},
};
use crate::{
    action::Action,
    app::Base,
    effect::{Effect, Login},
    form::{Field, FieldError, Form, FormStep},
    input::PrivateTrouble,
    keymap::Mode,
};

pub use super::{
    line_keys::edit,
    reasons::{call_sentence, connect_sentence, cut_sentence},
};

/// How often a wait is drawn, in milliseconds.
const SPINNER_MS: u64 = 100;

/// What the person is on the way to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Log in.
    LogIn,
    /// Register.
    Register,
    /// Into the private server: register if nobody has an account there on this computer.
    Private,
    /// Go on with a remembered login.
    Remembered(String),
    /// Look at the menu again.
    Menu,
}

/// The screen before one is in.
#[derive(Clone, Debug)]
pub enum Step {
    /// The menu.
    Menu,
    /// Where is the server?
    Address(Form),
    /// Is it the right one?
    Trust(TrustView),
    /// Who are you?
    Entry(EntryView),
}

/// The way in.
#[derive(Debug)]
pub struct Door {
    /// The server that is meant.
    pub server: Option<Server>,
    /// Keys that are trusted.
    pub known: Vec<(Address, KnownKey)>,
    /// Accounts that can be entered without a password.
    pub accounts: Vec<Account>,
    /// The menu, kept while other steps are shown.
    pub menu: MenuView,
    /// What is on the screen.
    pub step: Step,
    /// The last login made a new account.
    pub newcomer: bool,
    /// How the link stands while one waits for it, for the words beside the spinner.
    pub link: Option<LinkState>,
    pub(super) goal: Goal,
    log_in: Option<EntryView>,
    register: Option<EntryView>,
}

impl Door {
    /// The menu, for a server if one is known.
    #[must_use]
    pub fn new(
        server: Option<Server>,
        known: Vec<(Address, KnownKey)>,
        accounts: Vec<Account>,
        trouble: Option<String>,
    ) -> Self {
        Self {
            server,
            known,
            accounts,
            menu: MenuView { trouble, ..MenuView::default() },
            step: Step::Menu,
            newcomer: false,
            link: None,
            goal: Goal::Menu,
            log_in: None,
            register: None,
        }
    }

    /// Rows of the menu.
    #[must_use]
    pub fn menu_items(&self) -> Vec<MenuItem> {
        let logins: Vec<_> =
            self.logins().map(|account| (account.user.clone(), account.name.clone())).collect();
        menu::items(self.server.is_some(), &logins)
    }

    /// The key known of the server, if any.
    #[must_use]
    pub fn known_key(&self) -> Option<KnownKey> {
        let address = self.server.as_ref()?.address();
        self.known.iter().find(|(of, _)| *of == address).map(|(_, key)| *key)
    }

    /// Where keys are looked up.
    #[must_use]
    pub fn modes(&self) -> Vec<Mode> {
        vec![match &self.step {
            Step::Menu => Mode::Menu,
            Step::Address(_) | Step::Entry(_) => Mode::Form,
            Step::Trust(_) => Mode::Trust,
        }]
    }

    /// While something is waited for, the spinner turns.
    #[must_use]
    pub fn wake_at_ms(&self, now_ms: u64) -> Option<u64> {
        let waiting = match &self.step {
            Step::Menu => self.menu.starting,
            Step::Address(_) => false,
            Step::Trust(trust) => trust.state == TrustState::Probing,
            Step::Entry(entry) => entry.form.is_waiting(),
        };
        waiting.then_some(now_ms - now_ms % SPINNER_MS + SPINNER_MS)
    }

    /// Does what a key means here.
    pub fn act(&mut self, action: Action, base: &mut Base) {
        match action {
            Action::Quit => return base.wish(Effect::Quit),
            Action::Language => return base.speak(base.words.language().next()),
            _ => {}
        }
        match &mut self.step {
            Step::Menu => self.act_menu(action, base),
            Step::Address(_) => self.act_address(action, base),
            Step::Trust(_) => self.act_trust(action, base),
            Step::Entry(_) => self.act_entry(action, base),
        }
    }

    /// Typing goes into the field with the focus; a space ticks the box.
    pub fn type_text(&mut self, text: &str) {
        match &mut self.step {
            Step::Address(form) => {
                form.insert(text);
            }
            Step::Entry(entry) if entry.keep_focused => {
                if text == " " && !entry.form.is_waiting() {
                    entry.keep = !entry.keep;
                }
            }
            Step::Entry(entry) => {
                entry.form.insert(text);
            }
            Step::Menu | Step::Trust(_) => {}
        }
    }

    /// A click.
    pub fn click(&mut self, hit: &Hit, base: &mut Base) {
        match (hit, &mut self.step) {
            (Hit::MenuRow(row), Step::Menu) => {
                self.menu.list.choose(*row);
                self.choose_menu(base);
            }
            (Hit::Field(place), Step::Entry(entry)) => {
                entry.keep_focused = *place >= entry.form.fields().len();
                if entry.keep_focused && !entry.form.is_waiting() {
                    entry.keep = !entry.keep;
                }
                entry.form.focus_on(*place);
            }
            _ => {}
        }
    }

    /// The private server runs, or does not.
    pub fn private_ready(&mut self, result: Result<(), PrivateTrouble>, base: &mut Base) {
        if !self.menu.starting {
            return;
        }
        self.menu.starting = false;
        // Whoever looks for another server meanwhile is not called back.
        if !matches!(self.step, Step::Menu) {
            return;
        }
        match result {
            Ok(()) => {
                self.remember(Server::Private, base);
                self.arrive(base);
            }
            Err(trouble) => self.menu.trouble = Some(private_sentence(&trouble, base.words)),
        }
    }

    /// A server showed its key, or could not be reached.
    pub fn probed(&mut self, of: &Address, result: Result<Pin, ConnectError>, base: &Base) {
        let Step::Trust(trust) = &mut self.step else { return };
        if trust.state != TrustState::Probing || trust.address != *of {
            return;
        }
        trust.state = match result {
            Ok(pin) => TrustState::New(pin),
            Err(error) => TrustState::Failed(connect_sentence(&error, &trust.address, base.words)),
        };
    }

    /// The link says something while one waits. `true` when one is in.
    pub fn noticed(&mut self, notice: &Notice, base: &mut Base) -> bool {
        let Step::Entry(entry) = &mut self.step else { return false };
        if !entry.form.is_waiting() {
            return false;
        }
        match notice {
            Notice::State(LinkState::Ended(end)) => {
                self.link = None;
                self.ended(&end.clone(), base);
            }
            Notice::State(state) => {
                self.link = Some(state.clone());
                if *state == LinkState::LoggingIn {
                    self.proved(base);
                }
            }
            Notice::LoggedIn(session) => {
                let keep = entry.keep;
                self.newcomer = entry.kind == EntryKind::Register;
                entry.form.cancel_wait();
                entry.form.forget_passwords();
                self.link = None;
                self.log_in = None;
                self.register = None;
                if let (true, Some(server)) = (keep, &self.server) {
                    let account = Account {
                        address: server.address(),
                        user: session.id.clone(),
                        name: session.name.clone(),
                    };
                    self.accounts
                        .retain(|old| old.address != account.address || old.user != account.user);
                    self.accounts.insert(0, account);
                }
                self.menu = MenuView::default();
                self.step = Step::Menu;
                return true;
            }
            _ => {}
        }
        false
    }

    /// On the way to a goal: is the server reachable, is its key known?
    pub(super) fn go(&mut self, goal: Goal, base: &mut Base) {
        self.goal = goal;
        let known = self.known_key();
        match self.server.clone() {
            None => self.ask_address(self.goal.clone()),
            Some(Server::Private) => {
                self.menu.starting = true;
                self.step = Step::Menu;
                base.wish(Effect::StartPrivate);
            }
            Some(Server::Plaintext(_)) => self.arrive(base),
            Some(Server::At(target)) => self.check_key(target, known, base),
        }
    }

    fn check_key(&mut self, target: LinkTarget, known: Option<KnownKey>, base: &mut Base) {
        let LinkTarget { address, pin, .. } = target;
        match (known, pin) {
            (Some(known), Some(pin)) if known.pin != pin => {
                base.wish(Effect::Recall);
                self.stop(TrustState::LinkUnlikeKnown(pin));
            }
            (Some(_), _) => {
                base.wish(Effect::Recall);
                self.arrive(base);
            }
            // A link brings the key with it. It is remembered when a server has proved to have it.
            (None, Some(_)) => self.arrive(base),
            (None, None) => {
                base.wish(Effect::Probe(address.clone()));
                self.step = Step::Trust(TrustView { address, state: TrustState::Probing });
            }
        }
    }

    fn trust(&mut self, address: Address, pin: Pin, base: &mut Base) {
        self.keep_key(address, pin, base);
        self.arrive(base);
    }

    fn keep_key(&mut self, address: Address, pin: Pin, base: &mut Base) {
        self.known.retain(|(of, _)| *of != address);
        self.known.push((address.clone(), KnownKey { pin, since_ms: base.now_ms }));
        base.wish(Effect::KeepPin(address, pin));
    }

    /// The server has proved that it has the key that a link brought.
    fn proved(&mut self, base: &mut Base) {
        if let (Some(Server::At(target)), None) = (&self.server, self.known_key())
            && let Some(pin) = target.pin
        {
            self.keep_key(target.address.clone(), pin, base);
        }
    }

    /// The server is known: the goal's own screen.
    fn arrive(&mut self, base: &mut Base) {
        if let Some(server) = self.server.clone() {
            self.remember(server, base);
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

    fn logins(&self) -> impl Iterator<Item = &Account> {
        let address = self.server.as_ref().map(Server::address);
        self.accounts.iter().filter(move |account| Some(&account.address) == address.as_ref())
    }

    fn connect(&mut self, login: Login, base: &mut Base) {
        if let Some(server) = self.server.clone() {
            self.link = Some(LinkState::Connecting);
            base.wish(Effect::Connect(server, login));
        }
    }

    fn remember(&mut self, server: Server, base: &mut Base) {
        let name = server.name();
        self.server = Some(server);
        if base.remembered.server.as_ref() != Some(&name) {
            base.remembered.server = Some(name);
            base.wish(Effect::Remember(base.remembered.clone()));
        }
    }

    pub(super) fn ask_address(&mut self, goal: Goal) {
        self.goal = goal;
        let typed = match &self.server {
            Some(Server::At(target)) => target.address.to_string(),
            _ => String::new(),
        };
        let field =
            Field::text("server.address").with_hint("server.address_hint").with_value(&typed);
        self.step = Step::Address(Form::new("server.title", vec![field]));
    }

    fn act_address(&mut self, action: Action, base: &mut Base) {
        let Step::Address(form) = &mut self.step else { return };
        match action {
            Action::Back => self.step = Step::Menu,
            Action::Submit if form.enter() == FormStep::Submit => {
                match LinkTarget::parse(form.value("server.address")) {
                    Ok(target) => {
                        self.server = Some(Server::At(target));
                        self.menu = MenuView::default();
                        let goal = self.goal.clone();
                        self.go(goal, base);
                    }
                    Err(error) => {
                        form.fail_field("server.address", FieldError::new(address_error(error)))
                    }
                }
            }
            _ => edit(form, action),
        }
    }

    fn act_trust(&mut self, action: Action, base: &mut Base) {
        let Step::Trust(trust) = &self.step else { return };
        match (action, &trust.state) {
            (Action::Trust, TrustState::New(pin)) => {
                let (address, pin) = (trust.address.clone(), *pin);
                self.trust(address, pin, base);
            }
            (Action::Back, TrustState::Probing) => {
                base.wish(Effect::StopProbe);
                self.step = Step::Menu;
            }
            (Action::Back, _) => {
                // Perhaps the key was forgotten meanwhile, as the stop sign says.
                base.wish(Effect::Recall);
                self.step = Step::Menu;
            }
            _ => {}
        }
    }

    fn act_entry(&mut self, action: Action, base: &mut Base) {
        let Step::Entry(entry) = &mut self.step else { return };
        match action {
            Action::Back if entry.form.cancel_wait() => {
                self.link = None;
                base.wish(Effect::Disconnect);
                if let Goal::Remembered(_) = self.goal {
                    self.step = Step::Menu;
                }
            }
            Action::Back => self.leave_entry(),
            Action::Submit => {
                if let Some(login) = entry.enter() {
                    if entry.kind == EntryKind::LogIn {
                        self.goal = Goal::LogIn;
                    }
                    self.connect(login, base);
                }
            }
            Action::Next => entry.next(),
            Action::Previous => entry.previous(),
            _ if entry.keep_focused => {}
            _ => edit(&mut entry.form, action),
        }
    }

    /// Back to the menu; what was typed is there again next time, but for passwords.
    pub(super) fn leave_entry(&mut self) {
        let Step::Entry(mut entry) = std::mem::replace(&mut self.step, Step::Menu) else { return };
        entry.form.clear_errors();
        match entry.kind {
            EntryKind::LogIn => self.log_in = Some(entry),
            EntryKind::Register => self.register = Some(entry),
        }
    }
}
