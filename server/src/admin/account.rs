//! Adding and listing accounts, and giving them another password. An administrator may set any password, also a weak
//! one.

use std::sync::Arc;

use liao_common::{
    fault::{Fault, FaultCode},
    id::UserId,
    limits,
    name::{DisplayName, NameError, UserName},
    request::Secret,
    text,
};
use serde::{Deserialize, Serialize};

use crate::{
    chat::{
        hub::Hub,
        request::{
            account::replace_secret,
            login::{NewAccount, create},
        },
    },
    entropy,
    state::{record::Account, view},
};

/// An account to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddAccount {
    /// The user id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The password.
    pub secret: Secret,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The user id in its one form.
    pub id: String,
    /// It administers the server, being the first.
    pub admin: bool,
}

/// Accounts in one answer, which fits a frame however long their names are.
const LIST_ROWS: usize = 200;

/// Letters of a password that the server makes: none of them is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters of such a password; each is worth five bits.
const LETTERS_COUNT: usize = 20;

/// Which accounts are asked for: those behind this number.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ListAccounts {
    /// The last one of the page before.
    pub after: UserId,
}

/// An account, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The user id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// It administers the server.
    pub admin: bool,
    /// Somebody is connected with it.
    pub online: bool,
}

/// A page of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountPage {
    /// Those who came first at the beginning.
    pub accounts: Vec<AccountRow>,
    /// Where the next page begins; none on the last.
    pub next: Option<UserId>,
}

/// Another password for somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPassword {
    /// The user id.
    pub id: String,
    /// The password; without one the server makes one.
    pub secret: Option<Secret>,
}

/// What was set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordSet {
    /// The user id in its one form.
    pub id: String,
    /// The password that the server made; it keeps its hash only.
    pub made: Option<Secret>,
}

/// Lists the accounts.
///
/// # Errors
/// A storage fault.
pub(super) async fn list(hub: &Arc<Hub>, ask: ListAccounts) -> Result<AccountPage, Fault> {
    let page = move |hub: &Hub| {
        let rows = view::accounts(&*hub.store, ask.after, LIST_ROWS)?;
        let next = rows.last().filter(|_| rows.len() == LIST_ROWS).map(|last| last.user);
        let row = |account: Account| AccountRow {
            online: !hub.switchboard.devices_here(account.user).is_empty(),
            id: account.id,
            name: account.name,
            admin: account.admin,
        };
        Ok(AccountPage { accounts: rows.into_iter().map(row).collect(), next })
    };
    hub.read(page).await
}

/// Gives somebody another password, and logs them out everywhere.
///
/// # Errors
/// `not_found`, `too_large`, `weak_password` for an empty one, or a storage fault.
pub(super) async fn set_password(hub: &Arc<Hub>, ask: SetPassword) -> Result<PasswordSet, Fault> {
    let typed = text::clean_line(&ask.id);
    let not_found = move || {
        Fault::new(FaultCode::NotFound, format!("nobody has the user id \u{201c}{typed}\u{201d}"))
    };
    let id: String = UserName::parse(&ask.id).map_err(|_| not_found())?.into();
    let made = if ask.secret.is_none() { Some(make_password()?) } else { None };
    let secret = ask.secret.or_else(|| made.clone()).unwrap_or_default();
    check(&secret)?;
    let known = id.clone();
    let is_known = move |hub: &Hub| Ok(view::account_by_name(&*hub.store, &known)?.is_some());
    if !hub.read(is_known).await? {
        return Err(not_found());
    }
    let secret = hub.passwords.hash(secret).await?;
    let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
        let account = view::account_by_name(tx, &id)?.ok_or_else(not_found)?;
        replace_secret(tx, account, secret, None)?;
        Ok(PasswordSet { id, made })
    };
    hub.engine.run(decide).await
}

fn make_password() -> Result<Secret, Fault> {
    let bytes: [u8; LETTERS_COUNT] =
        entropy::bytes().map_err(|_| Fault::new(FaultCode::Internal, "no entropy"))?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(Secret(bytes.iter().map(letter).collect()))
}

fn check(secret: &Secret) -> Result<(), Fault> {
    if secret.0.is_empty() {
        return Err(FaultCode::WeakPassword.into());
    }
    if secret.0.len() > limits::PASSWORD_BYTES_MAX {
        return Err(FaultCode::TooLarge.into());
    }
    Ok(())
}

/// Makes an account.
///
/// # Errors
/// `taken`, `bad_name`, `too_large`, `weak_password` for an empty one, or a storage fault.
pub(super) async fn add(hub: &Arc<Hub>, ask: AddAccount) -> Result<Added, Fault> {
    let id = UserName::parse(&ask.id).map_err(|error| bad_name("user id", &ask.id, error))?;
    let name = DisplayName::parse(&ask.name)
        .map_err(|error| bad_name("display name", &ask.name, error))?;
    check(&ask.secret)?;
    let secret = hub.passwords.hash(ask.secret).await?;
    let new = NewAccount { id: id.into(), name: name.into(), secret };
    let decide = |tx: &mut crate::engine::Transaction<'_, '_>| {
        let account = create(tx, new)?;
        Ok(Added { id: account.id, admin: account.admin })
    };
    hub.engine.run(decide).await
}

/// Which of the two names is wrong, and how. What was typed goes to a terminal, so it is cleaned.
fn bad_name(which: &str, typed: &str, error: NameError) -> Fault {
    let why = match error {
        NameError::Empty => "it is empty",
        NameError::TooLong => "it is too long",
        NameError::Character => "it has a character that is not allowed",
        NameError::MixedScripts => "it mixes scripts, and could be taken for another one",
    };
    let typed = text::clean_line(typed);
    Fault::new(
        FaultCode::BadName,
        format!("the {which} \u{201c}{typed}\u{201d} cannot be used: {why}"),
    )
}
