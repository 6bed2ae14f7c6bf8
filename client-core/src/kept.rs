//! The login that this client keeps on disk. Another program of the same person may have renewed it, so what a
//! server refuses is looked up again before the person is asked. The files own the token.

use liao_common::{name::UserName, request::Token};
use tokio::task::spawn_blocking;

use crate::{address::Address, home::Home};

/// See the module.
#[derive(Clone, Debug)]
pub struct KeptLogin {
    /// Where logins are kept.
    pub home: Home,
    /// Of which server.
    pub address: Address,
    /// Of whom.
    pub user: UserName,
}

impl KeptLogin {
    /// The token that is kept now, when it is another one than this.
    pub(crate) async fn newer_than(&self, refused: &Token) -> Option<Token> {
        let kept = self.clone();
        let accounts = spawn_blocking(move || kept.home.accounts()).await.ok()?;
        let accounts = accounts
            .inspect_err(|error| tracing::warn!(%error, "the kept logins cannot be read"))
            .ok()?;
        let own = |of: &Address, user: &UserName| *of == self.address && *user == self.user;
        let account = accounts.into_iter().find(|account| own(&account.address, &account.user))?;
        Some(account.token).filter(|token| token != refused)
    }
}
