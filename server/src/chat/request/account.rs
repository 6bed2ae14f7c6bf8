//! The caller's own account: password and devices.

use liao_common::{
    event::{Device, DeviceList, Empty},
    fault::{Fault, FaultCode},
    id::DeviceId,
    request::{Passwd, Revoke},
};

use super::{Caller, login::DEVICES_MAX, not_found, token::is_good};
use crate::{
    chat::password,
    engine::Transaction,
    state::{
        record::{Account, Phc},
        view,
    },
    store::StoreError,
};

/// Changes the password. All other devices are logged out, since one of them may be the reason;
/// connections without a device cannot be told apart, so they all end, after their answers.
pub(super) async fn passwd(caller: Caller, ask: Passwd) -> Result<Empty, Fault> {
    let (user, dev) = (caller.user, caller.dev);
    let account =
        caller.hub.read(move |hub| view::account(&*hub.store, user)?.ok_or_else(not_found)).await?;
    let guess = caller.hub.guesses.begin(caller.origin, &account.id)?;
    match caller.hub.passwords.verify(ask.old, Some(account.secret)).await {
        Ok(true) => guess.was_right(),
        Ok(false) => return Err(FaultCode::Unauthenticated.into()),
        Err(fault) => {
            guess.did_not_count();
            return Err(fault);
        }
    }
    password::check(&ask.new, &account.id, caller.hub.rules.password_chars_min)?;
    let secret = caller.hub.passwords.hash(ask.new).await?;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let account = view::account(tx, user)?.ok_or_else(not_found)?;
        replace_secret(tx, account, secret, Some(dev))?;
        Ok(Empty {})
    };
    caller.decide(decide).await
}

/// Gives an account another password, and logs it out everywhere but on the device `here`.
///
/// # Errors
/// When the store fails.
pub(crate) fn replace_secret(
    tx: &mut Transaction<'_, '_>,
    account: Account,
    secret: Phc,
    here: Option<DeviceId>,
) -> Result<(), StoreError> {
    let user = account.user;
    tx.put_account(&Account { secret, changes: account.changes + 1, ..account });
    for device in view::devices(tx, user, DEVICES_MAX + 1)? {
        if Some(device.dev) != here {
            tx.drop_device(&device);
        }
    }
    tx.end_nameless(user);
    Ok(())
}

/// Lists the caller's devices.
pub(super) async fn devices(caller: Caller) -> Result<DeviceList, Fault> {
    let (user, here) = (caller.user, caller.dev);
    caller
        .hub
        .read(move |hub| {
            let devices = view::devices(&*hub.store, user, DEVICES_MAX + 1)?;
            let age_ms = hub.age.now_ms();
            let online = hub.switchboard.devices_here(user);
            let idle_ms = hub.rules.token_idle_ms;
            let row = |device: crate::state::record::Device| Device {
                dev: device.dev,
                name: device.name,
                since: device.at,
                seen: device.seen,
                here: device.dev == here,
                online: online.contains(&device.dev),
            };
            let good = devices.into_iter().filter(|device| is_good(device, age_ms, idle_ms));
            Ok(DeviceList { devices: good.map(row).collect() })
        })
        .await
}

/// Logs one of the caller's devices out.
pub(super) async fn revoke(caller: Caller, ask: Revoke) -> Result<Empty, Fault> {
    let user = caller.user;
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let device = view::device(tx, user, ask.dev)?.ok_or_else(not_found)?;
        tx.drop_device(&device);
        Ok(Empty {})
    };
    caller.decide(decide).await
}
