//! A device that another one of the same person logs out: it must hear nothing that is said after that,
//! and its person logs in anew. Owns nothing; what is known of it stands in the device.

use std::{sync::Arc, time::Duration};

use liao_client_core::{
    link::Credentials,
    notice::{End, Notice},
};
use liao_common::{event::Event, fault::FaultCode, name::UserName, request::Revoke};
use tokio::time::{sleep, timeout};

use super::{Device, Heads, State};
use crate::story::secret;

/// Between being logged out and logging in again.
const LOGS_IN_AGAIN: Duration = Duration::from_secs(1);

/// An answer that takes longer is not waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

impl Device {
    /// A link ends for good only when the device was logged out. Its person logs in anew.
    pub(super) fn is_ended(self: &Arc<Self>, who: &str, why: &End) {
        let out = [FaultCode::AuthRevoked, FaultCode::Unauthenticated];
        let is_out = matches!(why, End::Refused(fault) if out.contains(&fault.code));
        if !self.lock().may_be_out || !is_out {
            return self.stage.broke(format!("the link of {who} ended: {why:?}"));
        }
        let device = Arc::clone(self);
        tokio::spawn(async move {
            device.dies();
            device.lock().token = None;
            sleep(LOGS_IN_AGAIN).await;
            device.starts(None);
        });
    }

    /// What its person types in to log in.
    pub(super) fn password(&self) -> Option<Credentials> {
        let person = self.name.split('.').next().unwrap_or_default();
        let user = UserName::parse(person).ok()?;
        Some(Credentials::Password { user, secret: secret(person) })
    }

    /// Logs another device of the same person out, if its number is known. `heads` tells what was
    /// said so far.
    pub(crate) async fn logs_out(&self, other: &Self, heads: impl FnOnce() -> Option<Heads>) {
        let (life, dev) = {
            let mut state = other.lock();
            let Some(dev) = state.dev else { return };
            state.may_be_out = true;
            (state.lives, dev)
        };
        let Some(handle) = self.handle() else { return };
        let asked = timeout(ANSWER_WITHIN, handle.call(Revoke { dev })).await;
        self.stage.step(&self.who(), &format_args!("logs {} out: {asked:?}", other.called(life)));
        if matches!(asked, Ok(Ok(_))) {
            let mut state = other.lock();
            // What logged in since then is another device.
            if state.dev == Some(dev) {
                state.out = heads().map(|heads| (life, heads));
            }
        }
    }
}

impl State {
    /// Whether this was said after it was acknowledged that the device was logged out.
    pub(super) fn hears_after_its_end(&self, notice: &Notice) -> bool {
        let (Some((life, heads)), Notice::Event(Event::Message(message))) = (&self.out, notice)
        else {
            return false;
        };
        *life == self.lives && heads.get(&message.room).is_none_or(|head| message.seq > *head)
    }
}
