//! The question whether a server is the right one, asked before any password can be typed, and what is known of
//! the server that is meant. Pure. A changed key is never a question: it stops.

use std::sync::Arc;

use liao_client_core::{
    address::{Address, LinkTarget},
    tls::Shown,
    trust::ConnectError,
};
use liao_common::id::Pin;

use super::{
    door::{Door, Step},
    server::{KnownKey, Server},
};
use crate::{action::Action, app::Base, effect::Effect, keymap::Mode};

/// How far the question has come.
#[derive(Clone, Debug)]
pub enum TrustState {
    /// The server is being asked for its key.
    Probing,
    /// It showed this key, which is new here.
    New(Pin),
    /// It shows another key than the known one.
    Changed(Pin),
    /// It shows this key, for which no authority vouches any more.
    Uncertified(Pin),
    /// It shows this key, and the link that leads to it names another one.
    LinkMismatch(Pin),
    /// The link names this key, and another one is known. The server was not asked.
    LinkUnlikeKnown(Pin),
    /// It could not be asked, and why.
    Failed(Arc<ConnectError>),
}

/// The question.
#[derive(Clone, Debug)]
pub struct TrustView {
    /// Which server.
    pub address: Address,
    /// How far it has come.
    pub state: TrustState,
}

impl TrustView {
    /// Whether the server is being asked for its key.
    #[must_use]
    pub const fn is_probing(&self) -> bool {
        matches!(self.state, TrustState::Probing)
    }

    /// Where keys are looked up.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.state {
            TrustState::New(_) => Mode::Trust,
            TrustState::Failed(_) => Mode::Unreached,
            _ => Mode::Page,
        }
    }
}

/// What is known of the server that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// None is meant.
    NoServer,
    /// The one on this computer.
    Private,
    /// Not encrypted.
    Plaintext(Address),
    /// Its key is known, since this moment in milliseconds since 1970.
    Known(Address, u64),
    /// An authority vouches for it, since this moment in milliseconds since 1970.
    Vouched(Address, u64),
    /// A link named its key; the server has not shown it yet.
    FromLink(Address),
    /// Nothing is known of it.
    Unknown(Address),
    /// It showed another key than the known one.
    Changed(Address),
    /// The link names another key than the known one.
    LinkUnlikeKnown(Address),
}

impl Door {
    /// What is known of the server that is meant.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.server {
            None => Standing::NoServer,
            Some(Server::Private) => Standing::Private,
            Some(Server::Plaintext(address)) => Standing::Plaintext(address.clone()),
            Some(Server::At(LinkTarget { address, pin, .. })) => {
                let address = address.clone();
                match (self.key_of(&address), pin) {
                    (Some(key), Some(pin)) if key.excludes(pin) => {
                        Standing::LinkUnlikeKnown(address)
                    }
                    (Some(_), _) if self.changed.as_ref() == Some(&address) => {
                        Standing::Changed(address)
                    }
                    (Some(key), _) if key.vouched => Standing::Vouched(address, key.since_ms),
                    (Some(key), _) => Standing::Known(address, key.since_ms),
                    (None, Some(_)) => Standing::FromLink(address),
                    (None, None) => Standing::Unknown(address),
                }
            }
        }
    }

    /// The key known of an address, if any.
    #[must_use]
    pub fn key_of(&self, address: &Address) -> Option<KnownKey> {
        self.known.iter().find(|(of, _)| of == address).map(|(_, key)| *key)
    }

    /// A server showed its key, or could not be reached. Nobody is asked where an authority vouches for it.
    pub fn probed(&mut self, of: &Address, result: Result<Shown, ConnectError>, base: &mut Base) {
        let Step::Trust(trust) = &mut self.step else { return };
        if !trust.is_probing() || trust.address != *of {
            return;
        }
        trust.state = match result {
            Ok(shown) if shown.vouched => {
                self.keep_key(of.clone(), shown, base);
                return self.arrive(base);
            }
            Ok(shown) => TrustState::New(shown.pin),
            Err(error) => TrustState::Failed(Arc::new(error)),
        };
    }

    pub(super) fn check_key(&mut self, target: LinkTarget, base: &mut Base) {
        let LinkTarget { address, pin, .. } = target;
        match (self.key_of(&address), pin) {
            (Some(known), Some(pin)) if known.excludes(&pin) => {
                base.wish(Effect::Recall);
                self.stop(TrustState::LinkUnlikeKnown(pin));
            }
            (Some(_), _) => {
                base.wish(Effect::Recall);
                self.arrive(base);
            }
            // A link brings the key with it. It is remembered when a server has proved to have it.
            (None, Some(_)) => self.arrive(base),
            (None, None) => {
                base.wish(Effect::Probe(address.clone()));
                self.step = Step::Trust(TrustView { address, state: TrustState::Probing });
            }
        }
    }

    fn keep_key(&mut self, address: Address, shown: Shown, base: &mut Base) {
        let Shown { pin, vouched } = shown;
        self.known.retain(|(of, _)| *of != address);
        self.known
            .push((address.clone(), KnownKey { pin, since_ms: base.now_ms, vouched, next: None }));
        base.wish(Effect::KeepPin(address, shown));
    }

    /// The server has proved that it has the key that a link brought.
    pub(super) fn proved(&mut self, base: &mut Base) {
        let Some(Server::At(target)) = &mut self.server else { return };
        // The link has done its work: from here on the known keys decide, which one can forget.
        let Some(pin) = target.pin.take() else { return };
        let address = target.address.clone();
        if self.key_of(&address).is_none() {
            self.keep_key(address, Shown { pin, vouched: false }, base);
        }
    }

    pub(super) fn act_trust(&mut self, action: Action, base: &mut Base) {
        let Step::Trust(trust) = &self.step else { return };
        match (action, &trust.state) {
            (Action::Trust, TrustState::New(pin)) => {
                let (address, pin) = (trust.address.clone(), *pin);
                self.keep_key(address, Shown { pin, vouched: false }, base);
                self.arrive(base);
            }
            (Action::Retry, TrustState::Failed(_)) => self.go(self.goal.clone(), base),
            (Action::OtherServer, TrustState::Failed(_)) => {
                self.ask_address(self.goal.clone());
            }
            (Action::Back, state) => {
                match state {
                    TrustState::Probing => base.wish(Effect::StopProbe),
                    TrustState::New(_) | TrustState::Failed(_) => {}
                    // Perhaps the key was forgotten meanwhile, as the stop sign says.
                    _ => base.wish(Effect::Recall),
                }
                self.back_to_menu();
            }
            _ => {}
        }
    }
}

/// The fingerprint in groups of four digits, `rows` of them in a line.
#[must_use]
pub fn fingerprint(pin: &Pin, groups_per_row: usize) -> Vec<String> {
    let digits = pin.to_string();
    let groups: Vec<&str> =
        (0..digits.len()).step_by(4).filter_map(|at| digits.get(at..at + 4)).collect();
    groups.chunks(groups_per_row.max(1)).map(|row| row.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_grouped() {
        let rows = fingerprint(&Pin([0xab; 32]), 8);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], ["abab"; 8].join(" "));
    }
}
