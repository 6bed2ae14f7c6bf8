//! The operator's side: asks the running server, or becomes the server for a moment.

use std::{io, net::SocketAddr, path::Path};

use liao_common::{
    codec,
    event::{Empty, kind},
    fault::Fault,
    frame::Frame,
    limits,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{io::AsyncWriteExt as _, net::UnixStream};

use super::{
    account::{AccountPage, AddAccount, Added, ListAccounts, PasswordSet, SetPassword},
    invite::{AddInvite, InvitePage, Invited, ListInvites, RevokeInvite},
    socket::{self, INVITE_ADD, INVITE_LIST, INVITE_REVOKE, USER_ADD, USER_LIST, USER_PASSWORD},
};
use crate::{
    config::{Config, Transport},
    server::{self, StartError},
};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The server refused.
    #[error("{}", words(.0))]
    Refused(Fault),
    /// The running server does not answer.
    #[error("the running server does not answer: {0}")]
    NoAnswer(io::Error),
    /// The stopped server's folder cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Makes an account on the server of this data folder.
///
/// # Errors
/// See [`AdminError`].
pub async fn add_account(data: &Path, account: AddAccount) -> Result<Added, AdminError> {
    ask(data, USER_ADD, &account).await
}

/// Makes an invite on the server of this data folder.
///
/// # Errors
/// See [`AdminError`].
pub async fn add_invite(data: &Path, invite: AddInvite) -> Result<Invited, AdminError> {
    ask(data, INVITE_ADD, &invite).await
}

/// Gives an account on the server of this data folder another password.
///
/// # Errors
/// See [`AdminError`]; `not_found` for a user id that nobody has.
pub async fn set_password(data: &Path, ask: SetPassword) -> Result<PasswordSet, AdminError> {
    self::ask(data, USER_PASSWORD, &ask).await
}

/// Ends an invite of the server of this data folder.
///
/// # Errors
/// See [`AdminError`]; `not_found` where none is open under this name.
pub async fn revoke_invite(data: &Path, ask: RevokeInvite) -> Result<(), AdminError> {
    let Empty {} = self::ask(data, INVITE_REVOKE, &ask).await?;
    Ok(())
}

/// The accounts of the server of this data folder, a page.
///
/// # Errors
/// See [`AdminError`].
pub async fn list_accounts(data: &Path, ask: ListAccounts) -> Result<AccountPage, AdminError> {
    self::ask(data, USER_LIST, &ask).await
}

/// The open invites of the server of this data folder, a page.
///
/// # Errors
/// See [`AdminError`].
pub async fn list_invites(data: &Path, ask: ListInvites) -> Result<InvitePage, AdminError> {
    self::ask(data, INVITE_LIST, &ask).await
}

async fn ask<T: DeserializeOwned>(
    data: &Path,
    name: &str,
    body: &impl Serialize,
) -> Result<T, AdminError> {
    match UnixStream::connect(socket::path(data)).await {
        Ok(stream) => exchange(stream, name, body).await,
        Err(_) => ask_stopped(data, name, body).await,
    }
}

/// Nobody listens: start the server on a loopback address of its own choice, ask, and stop it.
async fn ask_stopped<T: DeserializeOwned>(
    data: &Path,
    name: &str,
    body: &impl Serialize,
) -> Result<T, AdminError> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config::new(data, nowhere).hashing(None);
    let config = Config { transport: Transport::Plaintext, ..config };
    let running = server::start(config).await?;
    let answer = match UnixStream::connect(socket::path(data)).await {
        Ok(stream) => exchange(stream, name, body).await,
        Err(error) => Err(AdminError::NoAnswer(error)),
    };
    running.stop().await;
    answer
}

async fn exchange<T: DeserializeOwned>(
    mut stream: UnixStream,
    name: &str,
    body: &impl Serialize,
) -> Result<T, AdminError> {
    stream.write_all(&codec::frame(name, 1, body)).await.map_err(AdminError::NoAnswer)?;
    let answer = socket::read_frame(&mut stream).await.map_err(AdminError::NoAnswer)?;
    let answer = answer.ok_or_else(|| AdminError::NoAnswer(io::ErrorKind::UnexpectedEof.into()))?;
    read(&answer)
}

fn read<T: DeserializeOwned>(answer: &Frame) -> Result<T, AdminError> {
    let broken = |error| AdminError::NoAnswer(io::Error::other(error));
    if answer.kind() == kind::OK {
        return answer.decode().map_err(broken);
    }
    Err(AdminError::Refused(answer.decode().map_err(broken)?))
}

/// A refusal as a sentence for the operator, whose tool has one language.
fn words(fault: &Fault) -> String {
    use liao_common::fault::FaultCode;
    match fault.code {
        FaultCode::Taken => "this user id is taken".into(),
        FaultCode::BadName | FaultCode::NotFound => fault.msg.clone(),
        FaultCode::WeakPassword => "the password is empty: its file must begin with it".into(),
        FaultCode::TooLarge => {
            format!("the password has more than {} bytes", limits::PASSWORD_BYTES_MAX)
        }
        FaultCode::Conflict => "several invites are called so".into(),
        FaultCode::StorageFull => "too little room on the disk".into(),
        code => format!("the server refused ({})", code.as_str()),
    }
}
