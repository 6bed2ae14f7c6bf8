//! What the way in does when a link ended or a key is no longer believed: back to the form with the reason, to the
//! stop sign, or to the question of trust. Part of the door. Pure.

use liao_client_core::{address::Address, notice::End};

use super::{
    door::{Door, Goal, Step},
    entry::EntryView,
    reasons::keys_sentence,
    server::{KnownKey, Server},
    trust::{TrustState, TrustView},
};
use crate::{app::Base, effect::Effect};

impl Door {
    /// The keys that are known now, as the files have them. One that was forgotten meanwhile is asked for before
    /// a password is typed.
    pub fn recalled(&mut self, known: Vec<(Address, KnownKey)>, base: &mut Base) {
        self.known = known;
        let Some(Server::At(target)) = &self.server else { return };
        let unknown = target.pin.is_none() && self.known_key().is_none();
        if unknown && matches!(&self.step, Step::Entry(entry) if !entry.form.is_waiting()) {
            self.leave_entry();
            self.go(self.goal.clone(), base);
        }
    }

    /// The link ended: back to the form with the reason, to the stop sign, or to the question of trust.
    pub fn ended(&mut self, end: &End, base: &mut Base) {
        match end {
            End::PinChanged { found, .. } => return self.stop(TrustState::Changed(*found)),
            End::LinkMismatch { found, .. } => return self.stop(TrustState::LinkMismatch(*found)),
            End::KeyUnknown => return self.ask_anew(base),
            _ => {}
        }
        let entry = match (&mut self.step, &self.goal) {
            (Step::Entry(entry), _) => entry,
            (_, Goal::Register | Goal::Private) => return,
            _ => {
                self.step = Step::Entry(EntryView::log_in(""));
                let Step::Entry(entry) = &mut self.step else { return };
                entry
            }
        };
        entry.form.cancel_wait();
        match end {
            End::Closed | End::LoggedOut => self.step = Step::Menu,
            End::KeysUnreadable(reason) => entry.form.fail(keys_sentence(reason, base.words)),
            End::Refused(fault) => {
                if let Goal::Remembered(user) = &self.goal {
                    let user = user.clone();
                    entry.form.fail(base.words.t("login.token_refused"));
                    self.forget(&user, base);
                    self.goal = Goal::LogIn;
                } else {
                    entry.refused(fault, base.words);
                }
            }
            End::PinChanged { .. } | End::LinkMismatch { .. } | End::KeyUnknown => {}
            End::NotLoopback => entry.form.fail(base.words.t("connect.not_loopback")),
            End::Unsupported => entry.form.fail(base.words.t("connect.version")),
        }
    }

    /// The server is not believed. What was typed is kept for the next try.
    pub(super) fn stop(&mut self, state: TrustState) {
        if let Step::Entry(entry) = &mut self.step {
            entry.form.cancel_wait();
            self.leave_entry();
        }
        if let Some(server) = &self.server {
            self.step = Step::Trust(TrustView { address: server.address(), state });
        }
    }

    /// The key was forgotten while the link was up or began: is the one that the server shows the right one?
    fn ask_anew(&mut self, base: &mut Base) {
        if !matches!((&self.step, &self.goal), (Step::Entry(_), _) | (_, Goal::Remembered(_))) {
            // Who was inside chooses from the menu how to come back.
            self.goal = Goal::Menu;
        }
        self.stop(TrustState::Probing);
        if let Some(address) = self.server.as_ref().map(Server::address) {
            self.known.retain(|(of, _)| *of != address);
            base.wish(Effect::Probe(address));
        }
    }
}
