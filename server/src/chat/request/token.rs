//! Logging in with a token, and its renewal: now and then the answer has a new one. The old one is
//! good until the new one was used, so that an answer that got lost locks nobody out.

use std::sync::Arc;

use liao_common::{
    event::Session,
    fault::{Fault, FaultCode},
    id::Hash,
    request::{Auth, Token},
};

use super::login::{Proof, hash, new_token, session};
use crate::{
    chat::hub::Hub,
    engine::Transaction,
    state::{
        record::{Account, Device},
        view,
    },
    store::View,
};

/// Whether the device logs in still, having been used lately enough.
pub(super) const fn is_good(device: &Device, age_ms: u64, idle_ms: u64) -> bool {
    age_ms.saturating_sub(device.seen_at_age) < idle_ms
}

/// What a login changes about its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// It was here.
    Seen,
    /// The new token has arrived: the old one is void.
    Confirm,
    /// It gets a new token.
    Renew,
}

/// How a device stands to its tokens.
struct Due {
    age_ms: u64,
    renewed_ms: u64,
    seen_every_ms: u64,
    /// Another of its connections is here: a program beside this one that has the same token.
    shared: bool,
}

impl Due {
    fn change(&self, device: &Device, shown: &Hash) -> Change {
        let since = |then: u64| self.age_ms.saturating_sub(then);
        if device.fresh.as_ref() == Some(shown) {
            Change::Confirm
        } else if !self.shared && since(device.made_at_age) >= self.renewed_ms {
            Change::Renew
        } else if since(device.seen_at_age) >= self.seen_every_ms {
            Change::Seen
        } else {
            Change::Nothing
        }
    }
}

/// Logs in. A connection for files changes nothing: the one for chat beside it does.
pub(super) async fn log_in(hub: &Arc<Hub>, for_data: bool, ask: Auth) -> Result<Proof, Fault> {
    let token = ask.token.ok_or_else(|| Fault::new(FaultCode::BadRequest, "token is needed"))?;
    let shown = hash(&token.0);
    let age_ms = hub.age.now_ms();
    let idle_ms = hub.rules.token_idle_ms;
    let (device, account) =
        hub.read(move |hub| owner(&*hub.store, &shown, age_ms, idle_ms)).await?;
    let shared = hub.switchboard.is_here(device.user, device.dev);
    let due = Due {
        age_ms,
        renewed_ms: hub.rules.token_renewed_ms,
        seen_every_ms: hub.rules.seen_every_ms(),
        shared,
    };
    let known = session(&account, device.dev, None);
    if for_data || due.change(&device, &shown) == Change::Nothing {
        return Ok(Proof::device(known));
    }
    let fresh = new_token()?;
    let decide = move |tx: &mut Transaction<'_, '_>| change(tx, &due, &shown, fresh, idle_ms);
    match hub.engine.run(decide).await {
        // People come in and read also where nothing can be written.
        Err(fault) if fault.code == FaultCode::StorageFull => Ok(Proof::device(known)),
        changed => changed.map(Proof::device),
    }
}

/// The device that this token logs in, and whose it is.
fn owner(
    from: &impl View,
    shown: &Hash,
    age_ms: u64,
    idle_ms: u64,
) -> Result<(Device, Account), Fault> {
    let refused = || Fault::from(FaultCode::Unauthenticated);
    let device = view::device_by_token(from, shown)?.ok_or_else(refused)?;
    if !is_good(&device, age_ms, idle_ms) {
        return Err(refused());
    }
    let account = view::account(from, device.user)?.ok_or_else(refused)?;
    Ok((device, account))
}

fn change(
    tx: &mut Transaction<'_, '_>,
    due: &Due,
    shown: &Hash,
    fresh: Token,
    idle_ms: u64,
) -> Result<Session, Fault> {
    let (mut device, account) = owner(tx, shown, due.age_ms, idle_ms)?;
    let dev = device.dev;
    device.seen = tx.now_ms();
    device.seen_at_age = due.age_ms;
    device.void = None;
    let mut token = None;
    match due.change(&device, shown) {
        Change::Confirm => {
            device.void = Some(device.token);
            device.token = *shown;
            device.fresh = None;
            device.made_at_age = due.age_ms;
        }
        Change::Renew => {
            device.void = device.fresh;
            device.fresh = Some(hash(&fresh.0));
            token = Some(fresh);
        }
        Change::Seen | Change::Nothing => {}
    }
    tx.put_device(&device);
    Ok(session(&account, dev, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::age::DAY_MS;
    use liao_common::id::{DeviceId, UserId};

    const NOW_MS: u64 = 1000 * DAY_MS;

    fn device(made: u64, seen: u64, fresh: Option<Hash>) -> Device {
        Device {
            dev: DeviceId(1),
            user: UserId(1),
            name: String::new(),
            token: Hash([1; 32]),
            at: made,
            last: DeviceId(1),
            fresh,
            void: None,
            seen: 0,
            made_at_age: made,
            seen_at_age: seen,
        }
    }

    #[test]
    fn what_a_login_changes() {
        let (old, new) = (Hash([1; 32]), Hash([2; 32]));
        let yesterday = NOW_MS - DAY_MS;
        for (device, shown, shared, want) in [
            (device(NOW_MS, NOW_MS, None), old, false, Change::Nothing),
            (device(yesterday, NOW_MS, None), old, false, Change::Renew),
            (device(yesterday, yesterday, None), old, true, Change::Seen),
            (device(yesterday, NOW_MS, Some(new)), old, false, Change::Renew),
            (device(yesterday, NOW_MS, Some(new)), old, true, Change::Nothing),
            (device(yesterday, NOW_MS, Some(new)), new, false, Change::Confirm),
            (device(NOW_MS + DAY_MS, NOW_MS + DAY_MS, None), old, false, Change::Nothing),
        ] {
            let due = Due { age_ms: NOW_MS, renewed_ms: DAY_MS, seen_every_ms: DAY_MS, shared };
            assert_eq!(due.change(&device, &shown), want, "{device:?}");
        }
    }

    #[test]
    fn idle_devices_end() {
        let seen = |seen| is_good(&device(0, seen, None), NOW_MS, 90 * DAY_MS);
        assert!(seen(NOW_MS) && seen(NOW_MS - 89 * DAY_MS) && seen(NOW_MS + DAY_MS));
        assert!(!seen(NOW_MS - 90 * DAY_MS) && !seen(0));
    }
}
