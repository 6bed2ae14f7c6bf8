//! The first screen: the classic menu, with the logins this computer remembers above it. Pure.

use super::list::ListView;

/// A row of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuItem {
    /// Go on as somebody who logged in here before: user id and display name.
    Remembered(String, String),
    /// Log in with a password.
    LogIn,
    /// Make an account.
    Register,
    /// Leave.
    Quit,
    /// Run a server on this computer.
    StartPrivate,
    /// Say where the server is.
    ConnectServer,
}

impl MenuItem {
    /// Whether it has a number in front; remembered logins have none.
    #[must_use]
    pub const fn is_numbered(&self) -> bool {
        !matches!(self, Self::Remembered(..))
    }
}

/// The menu.
#[derive(Clone, Debug, Default)]
pub struct MenuView {
    /// The chosen row.
    pub list: ListView,
    /// A sentence under the menu: something went wrong.
    pub trouble: Option<String>,
    /// The private server is being started.
    pub starting: bool,
}

/// The rows of the menu: with a server known, its logins and the classic three.
#[must_use]
pub fn items(server_known: bool, remembered: &[(String, String)]) -> Vec<MenuItem> {
    if !server_known {
        return vec![MenuItem::StartPrivate, MenuItem::ConnectServer, MenuItem::Quit];
    }
    let logins = remembered.iter().cloned().map(|(user, name)| MenuItem::Remembered(user, name));
    logins.chain([MenuItem::LogIn, MenuItem::Register, MenuItem::Quit]).collect()
}

/// The row with a number in front, from 0.
#[must_use]
pub fn numbered(items: &[MenuItem], number: usize) -> Option<usize> {
    let mut rows = items.iter().enumerate().filter(|(_, item)| item.is_numbered());
    rows.nth(number).map(|(row, _)| row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_with_the_classic_rows() {
        let rows = items(true, &[("alice".into(), "Alice".into())]);
        assert_eq!(rows.len(), 4);
        assert_eq!(numbered(&rows, 0), Some(1));
        assert_eq!(numbered(&rows, 2), Some(3));
        assert_eq!(numbered(&rows, 3), None);
        assert_eq!(items(false, &[])[0], MenuItem::StartPrivate);
    }
}
