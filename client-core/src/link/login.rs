//! `hello` and the login of one connection. Remembers what the next connection logs in with; a
//! password is needed once.

use liao_common::{
    event::{Session, Welcome},
    fault::FaultCode,
    request::{Auth, Register, Secret, Token},
};
use tokio::sync::watch;

use super::{Credentials, Stop};
use crate::{
    connection::{Connection, ConnectionError},
    kept::KeptLogin,
    notice::{Cut, End},
    transfer::task::Access,
};

/// How to log in, and as whom.
pub(super) struct Login {
    credentials: Credentials,
    /// A `register` was sent, and what came of it is not known.
    uncertain: bool,
    /// Where another program may have put a newer token.
    kept: Option<KeptLogin>,
    agent: String,
    device_name: String,
    logged_in: watch::Sender<Option<Access>>,
}

impl Login {
    pub(super) const fn new(
        credentials: Credentials,
        kept: Option<KeptLogin>,
        agent: String,
        device_name: String,
        logged_in: watch::Sender<Option<Access>>,
    ) -> Self {
        Self { credentials, uncertain: false, kept, agent, device_name, logged_in }
    }

    /// Introduces this program and logs in.
    pub(super) async fn run(&mut self, conn: &mut Connection) -> Result<(Welcome, Session), Stop> {
        let welcome = conn.hello(&self.agent, false).await?;
        let session = match self.credentials.clone() {
            Credentials::Token(token) => self.with_token(conn, token).await?,
            Credentials::Password { user, secret } => {
                let asked = conn.ask(self.by_password(user.as_str(), secret)).await;
                asked.map_err(refused_to_a_person)?
            }
            Credentials::Register(register) => {
                self.register(conn, register).await.map_err(refused_to_a_person)?
            }
        };
        self.remember(&session, &welcome);
        Ok((welcome, session))
    }

    /// A token that is refused may have been renewed by another program, which keeps the new one here.
    async fn with_token(
        &mut self,
        conn: &mut Connection,
        token: Token,
    ) -> Result<Session, ConnectionError> {
        let fault = match conn.ask(self.by_token(token.clone())).await {
            Err(ConnectionError::Refused(fault))
                if matches!(fault.code, FaultCode::Unauthenticated | FaultCode::AuthRevoked) =>
            {
                fault
            }
            other => return other,
        };
        let newer = match &self.kept {
            Some(kept) => kept.newer_than(&token).await,
            None => None,
        };
        let Some(newer) = newer else { return Err(ConnectionError::Refused(fault)) };
        tracing::info!("another program has renewed this login");
        self.credentials = Credentials::Token(newer.clone());
        conn.ask(self.by_token(newer)).await
    }

    /// After an answer got lost, the account may be there: try its password before making it.
    async fn register(
        &mut self,
        conn: &mut Connection,
        register: Register,
    ) -> Result<Session, ConnectionError> {
        if self.uncertain {
            let auth = self.by_password(&register.user, register.secret.clone());
            match conn.ask(auth).await {
                Err(ConnectionError::Refused(fault))
                    if fault.code == FaultCode::Unauthenticated => {}
                other => return other,
            }
        }
        self.uncertain = true;
        let dev_name = match register.dev_name.as_str() {
            "" => self.device_name.clone(),
            _ => register.dev_name.clone(),
        };
        let asked = conn.ask(Register { dev_name, ..register }).await;
        if matches!(asked, Err(ConnectionError::Refused(_))) {
            self.uncertain = false;
        }
        asked
    }

    fn by_password(&self, user: &str, secret: Secret) -> Auth {
        Auth {
            mech: "password".to_owned(),
            user: Some(user.to_owned()),
            secret: Some(secret),
            dev_name: self.device_name.clone(),
            token: None,
        }
    }

    fn by_token(&self, token: Token) -> Auth {
        Auth { mech: "token".to_owned(), token: Some(token), ..Auth::default() }
    }

    /// From here on the token is used, and the password forgotten.
    fn remember(&mut self, session: &Session, welcome: &Welcome) {
        match (&session.token, &self.credentials) {
            (Some(token), _) => self.credentials = Credentials::Token(token.clone()),
            // The account is there from now on; making it again would be refused.
            (None, Credentials::Register(_)) => self.uncertain = true,
            (None, _) => {}
        }
        if let Credentials::Token(token) = &self.credentials {
            let access = Access {
                token: token.clone(),
                file_bytes_max: welcome.limits.file,
                epoch: welcome.epoch.clone(),
            };
            self.logged_in.send_replace(Some(access));
        }
    }
}

/// A person waits before a form: all but a server without time is for them to decide.
fn refused_to_a_person(error: ConnectionError) -> Stop {
    match error {
        ConnectionError::Refused(fault) => match fault.code {
            FaultCode::ShuttingDown => Stop::Cut(Cut::Busy(fault)),
            FaultCode::Busy if fault.retry_ms.is_some() => Stop::Cut(Cut::Busy(fault)),
            _ => Stop::End(End::Refused(fault)),
        },
        other => other.into(),
    }
}
