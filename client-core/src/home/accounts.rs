//! The remembered logins of a client: the file `accounts.toml`, which several programs may change. Part of [`Home`].

use std::io;

use liao_common::name::UserName;

use super::{Account, AccountsFile, ENTRIES_MAX, Home};
use crate::address::Address;

impl Home {
    /// All remembered logins, the one used last first.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn accounts(&self) -> io::Result<Vec<Account>> {
        let mut accounts = self.read::<AccountsFile>("accounts.toml")?.account;
        accounts.sort_by_key(|account| std::cmp::Reverse(account.used_ms));
        Ok(accounts)
    }

    /// Remembers a login, in place of an earlier one of the same person on the same server.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remember_account(&self, account: Account) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut accounts = self.accounts()?;
        accounts.retain(|old| (&old.address, &old.user) != (&account.address, &account.user));
        accounts.insert(0, account);
        accounts.truncate(ENTRIES_MAX);
        self.write("accounts.toml", &AccountsFile { account: accounts })
    }

    /// A login was used at this moment, in milliseconds since 1970. `false` when it is not remembered.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn account_used(
        &self,
        address: &Address,
        user: &UserName,
        used_ms: u64,
    ) -> io::Result<bool> {
        let _lock = self.lock()?;
        let mut accounts = self.accounts()?;
        let of = |kept: &&mut Account| (&kept.address, &kept.user) == (address, user);
        let Some(account) = accounts.iter_mut().find(of) else { return Ok(false) };
        account.used_ms = used_ms;
        self.write("accounts.toml", &AccountsFile { account: accounts })?;
        Ok(true)
    }

    /// Forgets a login. `false` when there was none.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn forget_account(&self, address: &Address, user: &UserName) -> io::Result<bool> {
        let _lock = self.lock()?;
        let mut accounts = self.accounts()?;
        let before = accounts.len();
        accounts.retain(|old| (&old.address, &old.user) != (address, user));
        let found = accounts.len() < before;
        if found {
            self.write("accounts.toml", &AccountsFile { account: accounts })?;
        }
        Ok(found)
    }
}
