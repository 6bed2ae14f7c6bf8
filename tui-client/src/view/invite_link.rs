//! A whole link where the code of an invite is asked for: its code is taken, if the link is for the server that one is
//! about to register with. Part of the door. Pure.

use liao_client_core::address::LinkTarget;

use super::{
    door::{Door, Step},
    reasons::address_error,
    server::Server,
};
use crate::{action::Action, form::FieldError};

/// The field for the code.
const FIELD: &str = "field.invite";

impl Door {
    /// Puts the code in the place of a link. `false` when the form would be sent with a link that is none for this
    /// server. That is said below it as soon as one goes on, and nobody is kept from the other fields.
    pub(super) fn take_link(&mut self, action: Action) -> bool {
        let Step::Entry(entry) = &self.step else { return true };
        let typed = entry.form.value(FIELD).trim();
        if !typed.starts_with("liao://") {
            return true;
        }
        let found = LinkTarget::parse(typed).map_err(address_error);
        let found = found.and_then(|target| self.code_of(&target));
        let Step::Entry(entry) = &mut self.step else { return true };
        let sends = action == Action::Submit && entry.is_at_end();
        match found {
            Ok(code) => entry.form.set(FIELD, &code),
            Err(key) if sends => {
                entry.form.clear_errors();
                entry.form.fail_field(FIELD, FieldError::new(key));
                entry.keep_focused = false;
                return false;
            }
            Err(key) => entry.form.note(FIELD, FieldError::new(key)),
        }
        true
    }

    /// A server is known by its address or by its key: people call it by several names.
    fn code_of(&self, target: &LinkTarget) -> Result<String, &'static str> {
        let known = self.server.as_ref().and_then(|server| self.key_of(&server.address()));
        let named = match &self.server {
            Some(Server::At(meant)) => meant.pin,
            _ => None,
        };
        let same_key = |pin| {
            known.map_or(named == Some(pin), |known| known.pin == pin || known.next == Some(pin))
        };
        let here = self.server.as_ref().is_some_and(|server| server.address() == target.address);
        match target.pin {
            Some(pin) if same_key(pin) => {}
            Some(pin) if here && known.is_none_or(|known| known.excludes(&pin)) => {
                return Err("invalid.invite_key");
            }
            _ if here => {}
            _ => return Err("invalid.invite_elsewhere"),
        }
        target.invite.clone().ok_or("invalid.invite_none")
    }
}
