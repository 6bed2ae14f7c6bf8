//! Adding accounts. An administrator may set any password, also a weak one.

use std::sync::Arc;

use liao_common::{
    fault::{Fault, FaultCode},
    limits,
    name::{DisplayName, NameError, UserName},
    request::Secret,
    text,
};
use serde::{Deserialize, Serialize};

use crate::chat::{
    hub::Hub,
    request::login::{NewAccount, create},
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

/// Makes an account.
///
/// # Errors
/// `taken`, `bad_name`, `too_large`, `weak_password` for an empty one, or a storage fault.
pub(super) async fn add(hub: &Arc<Hub>, ask: AddAccount) -> Result<Added, Fault> {
    let id = UserName::parse(&ask.id).map_err(|error| bad_name("user id", &ask.id, error))?;
    let name = DisplayName::parse(&ask.name)
        .map_err(|error| bad_name("display name", &ask.name, error))?;
    if ask.secret.0.is_empty() {
        return Err(FaultCode::WeakPassword.into());
    }
    if ask.secret.0.len() > limits::PASSWORD_BYTES_MAX {
        return Err(FaultCode::TooLarge.into());
    }
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
