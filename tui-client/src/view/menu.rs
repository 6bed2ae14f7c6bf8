//! The first screen: the classic menu, below the logins that this computer remembers, above the other places one
//! could go. Pure.

use super::{list::ListView, reasons::private_sentence, server::Account};
use crate::{
    action::Action,
    input::PrivateTrouble,
    keymap::{self, Mode},
    words::Words,
};

/// A row of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuItem {
    /// Go on as somebody who logged in before.
    Remembered {
        /// Who, and where.
        account: Account,
        /// It is an account of the server that is meant.
        here: bool,
    },
    /// Log in with a password.
    LogIn,
    /// Make an account.
    Register,
    /// Leave.
    Quit,
    /// Run a server on this computer, or join the one that runs.
    StartPrivate,
    /// Say where the server is.
    ConnectServer,
}

impl MenuItem {
    const fn login_here(&self) -> bool {
        matches!(self, Self::Remembered { here: true, .. })
    }
}

/// The menu.
#[derive(Clone, Debug, Default)]
pub struct MenuView {
    /// The chosen row; none as long as nobody has moved it from where it begins.
    pub list: Option<ListView>,
    /// A sentence under the menu: something went wrong.
    pub trouble: Option<Trouble>,
    /// The private server is being started.
    pub starting: bool,
}

/// Something went wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// A sentence says it.
    Said(String),
    /// There is no private server.
    Private(PrivateTrouble),
}

impl Trouble {
    /// The sentence.
    #[must_use]
    pub fn sentence(&self, words: &Words) -> String {
        match self {
            Self::Said(sentence) => sentence.clone(),
            Self::Private(trouble) => private_sentence(trouble, words),
        }
    }
}

/// All rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    items: Vec<MenuItem>,
    mode: Mode,
    invited: bool,
}

impl Menu {
    /// The menu while no server is known: the logins of all servers, then how to get one.
    #[must_use]
    pub fn without_server(elsewhere: Vec<Account>) -> Self {
        let logins = remembered(elsewhere, false);
        let rest = [MenuItem::StartPrivate, MenuItem::ConnectServer, MenuItem::Quit];
        Self { items: logins.chain(rest).collect(), mode: Mode::Start, invited: false }
    }

    /// The menu of a server: its logins, those of other servers, the classic three, and other places.
    #[must_use]
    pub fn of_server(here: Vec<Account>, elsewhere: Vec<Account>, is_private: bool) -> Self {
        let logins = remembered(here, true).chain(remembered(elsewhere, false));
        let private = (!is_private).then_some(MenuItem::StartPrivate);
        let rest = [MenuItem::LogIn, MenuItem::Register, MenuItem::Quit];
        let places = private.into_iter().chain([MenuItem::ConnectServer]);
        Self { items: logins.chain(rest).chain(places).collect(), mode: Mode::Menu, invited: false }
    }

    /// The same for somebody who holds an invite of the server: they came to register.
    #[must_use]
    pub fn for_invited(self, invited: bool) -> Self {
        Self { invited, ..self }
    }

    /// The rows, from the top.
    #[must_use]
    pub fn items(&self) -> &[MenuItem] {
        &self.items
    }

    /// Where its keys are looked up.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The row that is chosen.
    #[must_use]
    pub fn chosen(&self, view: &MenuView) -> usize {
        let chosen = view.list.and_then(|list| list.chosen(self.items.len()));
        chosen.unwrap_or_else(|| self.first_choice())
    }

    /// The item that is chosen.
    #[must_use]
    pub fn chosen_item(&self, view: &MenuView) -> Option<&MenuItem> {
        self.items.get(self.chosen(view))
    }

    /// Where Enter leads when nothing was moved: on as the last one here, else where an invite leads, never to
    /// another server.
    fn first_choice(&self) -> usize {
        let login = |item: &MenuItem| matches!(item, MenuItem::Remembered { .. });
        let own = self.items.iter().position(MenuItem::login_here);
        let invited =
            self.items.iter().position(|item| self.invited && *item == MenuItem::Register);
        own.or(invited)
            .or_else(|| self.items.iter().position(|item| !login(item)))
            .unwrap_or_default()
    }

    /// The action that chooses a row wherever the choice stands. None for the login that Enter takes, and for
    /// those beyond the digits.
    #[must_use]
    pub fn action_of(&self, row: usize) -> Option<Action> {
        match self.items.get(row)? {
            MenuItem::Remembered { .. } => {
                let enter = usize::from(self.items.first().is_some_and(MenuItem::login_here));
                let place = row.checked_sub(enter)?;
                Action::ALL.iter().copied().find(|action| action.login() == Some(place))
            }
            MenuItem::LogIn => Some(Action::LogIn),
            MenuItem::Register => Some(Action::Register),
            MenuItem::Quit => Some(Action::Quit),
            MenuItem::StartPrivate => Some(Action::StartPrivate),
            MenuItem::ConnectServer => Some(Action::OtherServer),
        }
    }

    /// The row that an action chooses.
    #[must_use]
    pub fn row_of(&self, action: Action) -> Option<usize> {
        (0..self.items.len()).find(|row| self.action_of(*row) == Some(action))
    }

    /// The key that stands before a row; none for what only Enter chooses.
    #[must_use]
    pub fn mark(&self, row: usize) -> Option<String> {
        self.action_of(row).and_then(|action| keymap::key_for(&[self.mode], action))
    }

    /// Rows that belong together, by how many they are, from the top.
    #[must_use]
    pub fn groups(&self) -> Vec<usize> {
        let kind = |item: &MenuItem| match item {
            MenuItem::Remembered { .. } => 0,
            MenuItem::StartPrivate | MenuItem::ConnectServer if self.mode == Mode::Menu => 2,
            _ => 1,
        };
        self.items.chunk_by(|one, next| kind(one) == kind(next)).map(<[MenuItem]>::len).collect()
    }
}

fn remembered(accounts: Vec<Account>, here: bool) -> impl Iterator<Item = MenuItem> {
    accounts.into_iter().map(move |account| MenuItem::Remembered { account, here })
}

#[cfg(test)]
mod tests {
    use liao_client_core::address::Address;

    use super::*;

    fn account(user: &str, host: &str) -> Account {
        let address = Address::parse(host).unwrap();
        Account { address, user: user.into(), name: String::new() }
    }

    fn marks(menu: &Menu) -> Vec<String> {
        (0..menu.items().len()).map(|row| menu.mark(row).unwrap_or_default()).collect()
    }

    #[test]
    fn the_classic_rows_keep_their_numbers() {
        let here = vec![account("alice", "here"), account("bob", "here")];
        let menu = Menu::of_server(here, vec![account("carol", "there")], false);
        assert_eq!(marks(&menu), ["", "4", "5", "1", "2", "3", "p", "F2"]);
        assert_eq!(menu.groups(), [3, 3, 2]);
        assert_eq!(menu.row_of(Action::Login4), Some(1));
        assert_eq!(menu.row_of(Action::LogIn), Some(3));
        assert_eq!(marks(&Menu::without_server(Vec::new())), ["1", "2", "3"]);
        assert_eq!(Menu::without_server(Vec::new()).groups(), [3]);
    }

    #[test]
    fn enter_alone_never_leads_to_another_server() {
        let view = MenuView::default();
        let there = vec![account("carol", "there")];
        let menu = Menu::of_server(Vec::new(), there.clone(), true);
        assert_eq!(menu.chosen_item(&view), Some(&MenuItem::LogIn));
        assert_eq!(menu.mark(0).as_deref(), Some("4"));
        let menu = Menu::without_server(there);
        assert_eq!(menu.chosen_item(&view), Some(&MenuItem::StartPrivate));
    }

    #[test]
    fn an_invite_leads_to_registering_unless_one_has_a_login_here() {
        let view = MenuView::default();
        let there = vec![account("carol", "there")];
        let menu = Menu::of_server(Vec::new(), there, false).for_invited(true);
        assert_eq!(menu.chosen_item(&view), Some(&MenuItem::Register));
        let here = vec![account("alice", "here")];
        let menu = Menu::of_server(here, Vec::new(), false).for_invited(true);
        assert!(matches!(menu.chosen_item(&view), Some(MenuItem::Remembered { .. })));
    }

    #[test]
    fn logins_beyond_the_digits_are_reached_by_arrows() {
        let here = (0..9).map(|number| account(&format!("user{number}"), "here")).collect();
        let menu = Menu::of_server(here, Vec::new(), true);
        assert_eq!(marks(&menu)[..9], ["", "4", "5", "6", "7", "8", "9", "", ""]);
    }
}
