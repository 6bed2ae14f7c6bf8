//! Who has the same display name as somebody else: such names alone do not say who speaks.

use std::collections::{HashMap, hash_map::Entry};

use liao_common::{id::UserId, name};

/// One person of each name, as it looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesakes(HashMap<Box<str>, UserId>);

impl Namesakes {
    /// Somebody has this name from now on. Gives somebody else who has it too.
    pub(super) fn comes(&mut self, user: UserId, name: &str) -> Option<UserId> {
        match self.0.entry(name::in_one_form(name).into()) {
            Entry::Occupied(known) => Some(*known.get()).filter(|known| *known != user),
            Entry::Vacant(place) => {
                place.insert(user);
                None
            }
        }
    }

    /// Somebody has this name no longer.
    pub(super) fn goes(&mut self, user: UserId, name: &str) {
        if let Entry::Occupied(known) = self.0.entry(name::in_one_form(name).into())
            && *known.get() == user
        {
            known.remove();
        }
    }
}
