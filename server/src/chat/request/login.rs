//! Becoming somebody: `register` and `auth`. Who the session is comes only from the credential that
//! was proved.

use std::sync::Arc;

use liao_common::{
    event::{RoomKind, Session},
    fault::{Fault, FaultCode},
    id::{DeviceId, Hash, RoomId, UserId},
    name::{DisplayName, UserName},
    request::{Auth, Register, Secret, Token},
    text,
};

use super::token;
use crate::{
    chat::{
        hub::{Hub, Registration},
        origin::Origin,
        password,
        session::too_many_connections,
    },
    engine::Transaction,
    entropy,
    state::{
        record::{Account, Device, Invite, Phc, Room, Standing},
        view,
    },
    store::{StoreError, View},
};

/// Devices of one account; a new login beyond them logs the one out that was not used for longest.
pub(super) const DEVICES_MAX: usize = 16;

/// Characters of a device's name.
const DEVICE_NAME_CHARS_MAX: usize = 64;

/// Who somebody is, and by what they proved it.
pub(in crate::chat) struct Proof {
    session: Session,
    by: Credential,
}

enum Credential {
    /// The device is known.
    Device,
    /// The password, after so many changes of it; nothing is kept of the login.
    Password(u64),
}

impl Proof {
    pub(super) fn device(session: Session) -> Self {
        Self { session, by: Credential::Device }
    }

    /// Whose connection it will be, from which device.
    pub(in crate::chat) const fn who(&self) -> (UserId, DeviceId) {
        (self.session.user, self.session.dev)
    }

    /// The session, if what was proved is still so.
    ///
    /// # Errors
    /// `unauthenticated` when the device was logged out or the password changed meanwhile.
    pub(in crate::chat) fn check(self, from: &impl View) -> Result<Session, Fault> {
        let (user, dev) = self.who();
        let holds = match &self.by {
            Credential::Device => view::device(from, user, dev)?.is_some(),
            Credential::Password(changes) => is_unchanged(from, user, *changes)?,
        };
        if holds { Ok(self.session) } else { Err(FaultCode::Unauthenticated.into()) }
    }
}

fn is_unchanged(from: &impl View, user: UserId, changes: u64) -> Result<bool, StoreError> {
    Ok(view::account(from, user)?.is_some_and(|account| account.changes == changes))
}

/// Makes an account, its first device, and its place in the lobby.
pub(in crate::chat) async fn register(
    hub: &Arc<Hub>,
    from: Origin,
    ask: Register,
) -> Result<Proof, Fault> {
    let bad_name =
        |error: liao_common::name::NameError| Fault::new(FaultCode::BadName, error.to_string());
    let id = UserName::parse(&ask.user).map_err(bad_name)?;
    let name = if ask.name.trim().is_empty() { id.as_str() } else { ask.name.as_str() };
    let name = DisplayName::parse(name).map_err(bad_name)?;
    let invite = admit(hub, ask.invite).await?;
    let age_ms = hub.age.now_ms();
    password::check(&ask.secret, id.as_str(), hub.rules.password_chars_min)?;
    // From here on the answer tells whether a name is taken.
    hub.guesses.register(from)?;
    let wanted = id.clone();
    let taken = hub
        .read(move |hub| Ok(view::account_by_name(&*hub.store, wanted.as_str())?.is_some()))
        .await?;
    if taken {
        return Err(FaultCode::Taken.into());
    }
    let secret = hub.passwords.hash(ask.secret).await?;
    let new = NewAccount { id: id.into(), name: name.into(), secret };
    let token = new_token()?;
    let dev_name = ask.dev_name;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        if let Some(code) = invite {
            use_invite(tx, &code, age_ms)?;
        }
        let account = create(tx, new)?;
        let dev = add_device(tx, account.user, &dev_name, &token, (&[], age_ms))?;
        Ok(Proof::device(session(&account, dev, Some(token))))
    };
    hub.engine.run(decide).await
}

/// Whether somebody may register, and with which invite. Asked before anything tells who exists.
async fn admit(hub: &Arc<Hub>, invite: Option<String>) -> Result<Option<Hash>, Fault> {
    match hub.rules.registration {
        Registration::Open => Ok(None),
        Registration::Closed => Err(FaultCode::RegistrationClosed.into()),
        Registration::Invite => {
            let code = invite.ok_or(FaultCode::InviteRequired)?;
            let code = hash(code.trim().as_bytes());
            let usable = hub.read(move |hub| {
                Ok(usable_invite(&*hub.store, &code, hub.age.now_ms())?.is_some())
            });
            if usable.await? { Ok(Some(code)) } else { Err(FaultCode::InviteRequired.into()) }
        }
    }
}

fn usable_invite(from: &impl View, code: &Hash, age_ms: u64) -> Result<Option<Invite>, StoreError> {
    Ok(view::invite(from, code)?.filter(|invite| invite.uses > 0 && invite.until_age > age_ms))
}

fn use_invite(tx: &mut Transaction<'_, '_>, code: &Hash, age_ms: u64) -> Result<(), Fault> {
    let usable = usable_invite(tx, code, age_ms)?;
    let mut invite = usable.ok_or(FaultCode::InviteRequired)?;
    invite.uses -= 1;
    tx.put_invite(&invite);
    Ok(())
}

/// What an account is made of.
pub(crate) struct NewAccount {
    /// The user id, in its one form.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The hashed password.
    pub secret: Phc,
}

/// Makes an account and lets it into the lobby, which is made with the first one.
///
/// # Errors
/// `taken`, or a storage fault.
pub(crate) fn create(tx: &mut Transaction<'_, '_>, new: NewAccount) -> Result<Account, Fault> {
    if view::account_by_name(tx, &new.id)?.is_some() {
        return Err(FaultCode::Taken.into());
    }
    let user = tx.next_user()?;
    let account = Account {
        user,
        id: new.id,
        name: new.name,
        secret: new.secret,
        changes: 0,
        admin: user == UserId(1),
        at: tx.now_ms(),
    };
    tx.put_account(&account);
    let lobby = match view::room(tx, RoomId::LOBBY)? {
        Some(lobby) => lobby,
        None => open_lobby(tx),
    };
    tx.enter(&lobby, user, Standing::Member)?;
    Ok(account)
}

fn open_lobby(tx: &mut Transaction<'_, '_>) -> Room {
    let lobby = Room {
        room: RoomId::LOBBY,
        kind: RoomKind::Public,
        name: "lobby".into(),
        topic: String::new(),
        by: UserId(0),
        with: None,
        at: tx.now_ms(),
    };
    tx.put_room(&lobby);
    lobby
}

fn add_device(
    tx: &mut Transaction<'_, '_>,
    user: UserId,
    name: &str,
    token: &Token,
    (here, age_ms): (&[DeviceId], u64),
) -> Result<DeviceId, Fault> {
    let mut known = view::devices(tx, user, DEVICES_MAX + 1)?;
    // Programs that end without logging out leave devices that nobody uses: those go first, not
    // the ones that a person logged in long ago and uses every day.
    known.sort_by_key(|device| (here.contains(&device.dev), device.seen_at_age, device.seen));
    for oldest in known.iter().take((known.len() + 1).saturating_sub(DEVICES_MAX)) {
        tx.drop_device(oldest);
    }
    let dev = view::next_device(tx)?;
    let name = text::clean_line(name.trim()).chars().take(DEVICE_NAME_CHARS_MAX).collect();
    let (token, at) = (hash(&token.0), tx.now_ms());
    tx.put_device(&Device {
        dev,
        user,
        name,
        token,
        at,
        last: dev,
        fresh: None,
        void: None,
        seen: at,
        made_at_age: age_ms,
        seen_at_age: age_ms,
    });
    Ok(dev)
}

/// Logs in with a password or a token.
pub(in crate::chat) async fn auth(
    hub: &Arc<Hub>,
    from: Origin,
    for_data: bool,
    ask: Auth,
) -> Result<Proof, Fault> {
    match ask.mech.as_str() {
        "password" => by_password(hub, from, ask).await,
        "token" => token::log_in(hub, for_data, ask).await,
        _ => Err(Fault::new(FaultCode::Unsupported, "mech is password or token")),
    }
}

async fn by_password(hub: &Arc<Hub>, from: Origin, ask: Auth) -> Result<Proof, Fault> {
    let (Some(user), Some(secret)) = (ask.user, ask.secret) else {
        return Err(Fault::new(FaultCode::BadRequest, "user and secret are needed"));
    };
    let name = UserName::parse(&user).ok();
    let typed = name.as_ref().map_or(user.as_str(), UserName::as_str);
    let guess = hub.guesses.begin(from, typed)?;
    let account = hub
        .read(move |hub| match name {
            Some(name) => Ok(view::account_by_name(&*hub.store, name.as_str())?),
            None => Ok(None),
        })
        .await?;
    let stored = account.as_ref().map(|account| account.secret.clone());
    let proved = match hub.passwords.verify(secret.clone(), stored).await {
        Ok(proved) => proved,
        Err(fault) => {
            guess.did_not_count();
            return Err(fault);
        }
    };
    let Some(account) = account.filter(|_| proved) else {
        return Err(FaultCode::Unauthenticated.into());
    };
    guess.was_right();
    if !hub.switchboard.has_place(account.user) {
        return Err(too_many_connections());
    }
    if hub.passwords.is_outdated(&account.secret) {
        hash_anew(hub, &account, secret).await;
    }
    if ask.dev_name.is_empty() {
        let session = session(&account, DeviceId(0), None);
        return Ok(Proof { session, by: Credential::Password(account.changes) });
    }
    let (token, here) = (new_token()?, hub.switchboard.devices_here(account.user));
    let age_ms = hub.age.now_ms();
    let decide = move |tx: &mut Transaction<'_, '_>| {
        // The password may have been changed while this one was being verified.
        if !is_unchanged(tx, account.user, account.changes)? {
            return Err(FaultCode::Unauthenticated.into());
        }
        // With a full disk people can still come in and read.
        tx.mark_essential();
        let dev = add_device(tx, account.user, &ask.dev_name, &token, (&here, age_ms))?;
        Ok(Proof::device(session(&account, dev, Some(token))))
    };
    hub.engine.run(decide).await
}

/// Keeps the same password under a hash of today's cost. When that fails, the old one stays good.
async fn hash_anew(hub: &Arc<Hub>, account: &Account, secret: Secret) {
    let (user, changes) = (account.user, account.changes);
    let stored = async {
        let fresh = hub.passwords.hash(secret).await?;
        let decide = move |tx: &mut Transaction<'_, '_>| {
            if let Some(mut account) = view::account(tx, user)?
                && account.changes == changes
            {
                account.secret = fresh;
                tx.put_account(&account);
            }
            Ok(())
        };
        hub.engine.run(decide).await
    };
    if let Err(fault) = stored.await {
        tracing::warn!("the password of account {user} stays hashed as before: {fault}");
    }
}

pub(super) fn session(account: &Account, dev: DeviceId, token: Option<Token>) -> Session {
    Session {
        user: account.user,
        id: account.id.clone(),
        name: account.name.clone(),
        dev,
        token,
        admin: account.admin,
    }
}

pub(super) fn new_token() -> Result<Token, Fault> {
    let bytes: [u8; 32] =
        entropy::bytes().map_err(|_| Fault::new(FaultCode::Internal, "no entropy"))?;
    Ok(Token(bytes.to_vec()))
}

pub(super) fn hash(bytes: &[u8]) -> Hash {
    Hash(blake3::hash(bytes).into())
}
