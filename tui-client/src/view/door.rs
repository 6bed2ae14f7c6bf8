//! The way in: menu, server, trust, login. Decides which question comes next, so that no password can be typed
//! before the server's key is known. Pure.

use liao_client_core::{
    address::Address,
    notice::{LinkState, Notice},
};

use super::{
    ahead::Ahead,
    entry::{EntryKind, EntryView},
    hit::Hit,
    menu::{MenuView, Trouble},
    server::{Account, KnownKey, Server},
    trust::TrustView,
};
use crate::{
    action::Action, app::Base, effect::Effect, form::Form, input::PrivateTrouble, keymap::Mode,
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
    /// Shall this login be forgotten?
    Forget(Account),
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
    /// The server one is on the way to, while it is not yet known to be there; then it becomes the one meant.
    pub(super) aim: Option<Server>,
    pub(super) goal: Goal,
    /// Where a server showed another key than the known one.
    pub(super) changed: Option<Address>,
    /// What was typed last where a server's address is asked for.
    pub(super) typed: String,
    pub(super) log_in: Option<EntryView>,
    pub(super) register: Option<EntryView>,
    /// What was typed while one waited to be let in; it belongs into the chat behind.
    ahead: Ahead,
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
            menu: MenuView { trouble: trouble.map(Trouble::Said), ..MenuView::default() },
            step: Step::Menu,
            newcomer: false,
            link: None,
            aim: None,
            goal: Goal::Menu,
            changed: None,
            typed: String::new(),
            log_in: None,
            register: None,
            ahead: Ahead::default(),
        }
    }

    /// Where keys are looked up.
    #[must_use]
    pub fn modes(&self) -> Vec<Mode> {
        match &self.step {
            // Waiting can be given up; everything else on the menu is still there.
            Step::Menu if self.menu.starting => vec![Mode::Page, self.menu_rows().mode()],
            Step::Menu => vec![self.menu_rows().mode()],
            Step::Address(_) => vec![Mode::Form],
            Step::Entry(entry) if entry.form.is_waiting() => vec![Mode::Page],
            Step::Entry(_) => vec![Mode::Form, Mode::Secret],
            Step::Trust(trust) => vec![trust.mode()],
            Step::Forget(_) => vec![Mode::Danger],
        }
    }

    /// While something is waited for, the spinner turns.
    #[must_use]
    pub fn wake_at_ms(&self, now_ms: u64) -> Option<u64> {
        let waiting = match &self.step {
            Step::Menu => self.menu.starting,
            Step::Address(_) | Step::Forget(_) => false,
            Step::Trust(trust) => trust.is_probing(),
            Step::Entry(entry) => entry.form.is_waiting(),
        };
        waiting.then_some(now_ms - now_ms % SPINNER_MS + SPINNER_MS)
    }

    /// Does what a key means here.
    pub fn act(&mut self, action: Action, base: &mut Base) {
        match action {
            Action::Quit | Action::Interrupt => return base.wish(Effect::Quit),
            Action::Language => return base.speak(base.words.language().next()),
            _ => {}
        }
        match &mut self.step {
            Step::Menu => self.act_menu(action, base),
            Step::Address(_) => self.act_address(action, base),
            Step::Trust(_) => self.act_trust(action, base),
            Step::Entry(_) => self.act_entry(action, base),
            Step::Forget(_) => self.act_forget(action, base),
        }
    }

    /// Typing goes into the field with the focus; a space ticks the box. What is typed while one waits to be
    /// let in is kept for then.
    pub fn type_text(&mut self, text: &str) {
        if self.is_being_let_in() {
            return self.ahead.push(text);
        }
        self.ahead.take();
        match &mut self.step {
            Step::Address(form) => {
                form.insert(text);
            }
            Step::Entry(entry) if entry.keep_focused => {
                if text == " " {
                    entry.keep = !entry.keep;
                }
            }
            Step::Entry(entry) => {
                entry.form.insert(text);
            }
            Step::Menu | Step::Trust(_) | Step::Forget(_) => {}
        }
    }

    /// Whether one waits for the answer to a login: then letters are for the chat behind.
    #[must_use]
    pub fn is_being_let_in(&self) -> bool {
        match &self.step {
            Step::Menu => self.menu.starting && matches!(self.goal, Goal::Remembered(_)),
            Step::Entry(entry) => entry.form.is_waiting(),
            _ => false,
        }
    }

    /// What was typed before one was let in.
    pub fn take_typed_ahead(&mut self) -> String {
        self.ahead.take()
    }

    /// A click.
    pub fn click(&mut self, hit: &Hit, base: &mut Base) {
        match (hit, &mut self.step) {
            (Hit::MenuRow(row), Step::Menu) => {
                self.choose_row(*row);
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
            Ok(()) => self.arrive(base),
            Err(trouble) => {
                self.aim = None;
                self.menu.trouble = Some(Trouble::Private(trouble));
            }
        }
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
                self.changed = None;
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

    fn act_entry(&mut self, action: Action, base: &mut Base) {
        let goes_on = matches!(action, Action::Submit | Action::Next | Action::Previous);
        if goes_on && !self.take_link(action) {
            return;
        }
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
        entry.start_over();
        match entry.kind {
            EntryKind::LogIn => self.log_in = Some(entry),
            EntryKind::Register => self.register = Some(entry),
        }
    }
}
