//! The operator's side: asks the running server, or becomes the server for a moment.

use std::{io, net::SocketAddr, path::Path};

use liao_common::{codec, event::kind, fault::Fault, frame::Frame, limits};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{io::AsyncWriteExt as _, net::UnixStream};

use super::{
    account::{AddAccount, Added},
    invite::{AddInvite, Invited},
    socket::{self, INVITE_ADD, USER_ADD},
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
        FaultCode::BadName => fault.msg.clone(),
        FaultCode::WeakPassword => "the password is empty: its file must begin with it".into(),
        FaultCode::TooLarge => {
            format!("the password has more than {} bytes", limits::PASSWORD_BYTES_MAX)
        }
        FaultCode::StorageFull => "too little room on the disk".into(),
        code => format!("the server refused ({})", code.as_str()),
    }
}
