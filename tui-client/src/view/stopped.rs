//! What the way in does when a link ended or a key is no longer believed: back to the form with the reason, to the
//! stop sign, or to the question of trust. Part of the door. Pure.

use liao_client_core::{address::Address, notice::End};
use liao_common::fault::{Fault, FaultCode};

use super::{
    door::{Door, Goal, Step},
    entry::EntryView,
    menu::Trouble,
    reasons::{fault_key, keys_sentence},
    server::{KnownKey, Server},
    trust::{TrustState, TrustView},
};
use crate::{app::Base, effect::Effect};

impl Door {
    /// The keys that are known now, as the files have them. One that was forgotten meanwhile is asked for before
    /// a password is typed.
    pub fn recalled(&mut self, known: Vec<(Address, KnownKey)>, base: &mut Base) {
        let before = self.changed.as_ref().and_then(|of| self.key_of(of));
        self.known = known;
        if before != self.changed.as_ref().and_then(|of| self.key_of(of)) {
            self.changed = None;
        }
        let Some(Server::At(target)) = &self.server else { return };
        let unknown = target.pin.is_none() && self.key_of(&target.address).is_none();
        if unknown && matches!(&self.step, Step::Entry(entry) if !entry.form.is_waiting()) {
            self.leave_entry();
            self.go(self.goal.clone(), base);
        }
    }

    /// Something went wrong that stops nothing.
    pub fn complain(&mut self, sentence: String) {
        match &mut self.step {
            Step::Entry(entry) if !entry.form.is_waiting() => entry.form.fail(sentence),
            _ => self.menu.trouble = Some(Trouble::Said(sentence)),
        }
    }

    /// The link of somebody who was in ended. Since they were in, it was their saved login that was refused.
    pub fn put_out(&mut self, end: &End, user: Option<&str>, base: &mut Base) {
        if let (End::Refused(_), Some(user)) = (end, user) {
            self.goal = Goal::Remembered(user.to_owned());
        }
        self.ended(end, base);
    }

    /// The link ended: back to the form with the reason, to the stop sign, or to the question of trust.
    pub fn ended(&mut self, end: &End, base: &mut Base) {
        match end {
            End::PinChanged { found, .. } => return self.stop(TrustState::Changed(*found)),
            End::LinkMismatch { found, .. } => return self.stop(TrustState::LinkMismatch(*found)),
            End::Uncertified { found } => return self.stop(TrustState::Uncertified(*found)),
            End::KeyUnknown => return self.ask_anew(base),
            _ => {}
        }
        if matches!(end, End::Closed | End::LoggedOut) {
            self.step = Step::Menu;
            return;
        }
        if !matches!(self.step, Step::Entry(_)) {
            let user = if let Goal::Remembered(user) = &self.goal { user } else { "" };
            self.step = Step::Entry(EntryView::log_in(user));
        }
        let Step::Entry(entry) = &mut self.step else { return };
        entry.form.cancel_wait();
        match (end, &self.goal) {
            (End::KeysUnreadable(reason), _) => {
                entry.form.fail(keys_sentence(reason, base.words));
            }
            (End::Refused(fault), Goal::Remembered(user)) => {
                let user = user.clone();
                self.refuse_remembered(fault, &user, base);
            }
            (End::Refused(fault), _) => entry.refused(fault),
            (End::NotLoopback, _) => entry.form.fail("connect.not_loopback"),
            (End::Unsupported, _) => entry.form.fail("connect.version"),
            _ => {}
        }
    }

    /// A login that the server does not know any more is worth nothing; for other reasons it is kept.
    fn refuse_remembered(&mut self, fault: &Fault, user: &str, base: &mut Base) {
        let Step::Entry(entry) = &mut self.step else { return };
        if !matches!(fault.code, FaultCode::Unauthenticated | FaultCode::AuthRevoked) {
            return entry.form.fail(fault_key(fault.code));
        }
        let revoked = fault.code == FaultCode::AuthRevoked;
        entry.form.fail(if revoked { fault_key(fault.code) } else { "login.token_refused".into() });
        self.forget_login(user, base);
        self.goal = Goal::LogIn;
    }

    /// The server is not believed. What was typed is kept for the next try.
    pub(super) fn stop(&mut self, state: TrustState) {
        if let Step::Entry(entry) = &mut self.step {
            entry.form.cancel_wait();
            self.leave_entry();
        }
        if let Some(address) = self.meant().map(Server::address) {
            if matches!(state, TrustState::Changed(_) | TrustState::Uncertified(_)) {
                self.changed = Some(address.clone());
            }
            self.step = Step::Trust(TrustView { address, state });
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
