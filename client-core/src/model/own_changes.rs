//! Own edits and take-backs that the server does not have yet: they have no row of their own, only a mark on the
//! message that they are about. Owned by the model. Pure.

use std::collections::BTreeMap;

use liao_common::{
    fault::FaultCode,
    id::{Nonce, RoomId, Seq},
    message::Kind,
    text,
};

use crate::{notice::Notice, timeline::Changing};

/// An own edit or take-back that was refused, and is still in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedChange {
    /// Its nonce.
    pub nonce: Nonce,
    /// In which room.
    pub room: RoomId,
    /// The new text; none for a take-back.
    pub text: Option<String>,
    /// Why.
    pub code: FaultCode,
}

#[derive(Clone, Debug)]
struct OwnChange {
    room: RoomId,
    of: Option<Seq>,
    text: Option<String>,
    at_ms: u64,
    refused: Option<FaultCode>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnChanges(BTreeMap<Nonce, OwnChange>);

impl OwnChanges {
    /// How many were neither taken nor refused.
    pub(super) fn waiting(&self) -> usize {
        self.0.values().filter(|change| change.refused.is_none()).count()
    }

    /// The newest text that a message is to get.
    pub(super) fn text(&self, room: RoomId, of: Seq) -> Option<&str> {
        let edits = self.0.values().filter(|change| {
            let waits = change.refused.is_none() && change.text.is_some();
            waits && (change.room, change.of) == (room, Some(of))
        });
        edits.max_by_key(|change| change.at_ms)?.text.as_deref()
    }

    pub(super) fn take_refused(&mut self) -> Vec<RefusedChange> {
        let refused = self.0.extract_if(.., |_, change| change.refused.is_some());
        let told = refused.filter_map(|(nonce, OwnChange { room, text, refused, .. })| {
            Some(RefusedChange { nonce, room, text, code: refused? })
        });
        told.collect()
    }

    /// Takes in what became of a post.
    pub(super) fn apply(&mut self, notice: &Notice) {
        match notice {
            Notice::Queued(queued) if Changing::of(&queued.kind).is_some() => {
                let words = queued.body.text.as_deref().filter(|_| queued.kind == Kind::Edit);
                let change = OwnChange {
                    room: queued.room,
                    of: queued.body.of,
                    text: words.map(text::clean_text),
                    at_ms: queued.at_ms,
                    refused: None,
                };
                self.0.insert(queued.nonce, change);
            }
            Notice::PostFailed { nonce, fault, .. } => {
                if let Some(change) = self.0.get_mut(nonce) {
                    change.refused = Some(fault.code);
                }
            }
            Notice::Posted { nonce, .. } | Notice::Discarded { nonce, .. } => {
                self.0.remove(nonce);
            }
            _ => {}
        }
    }
}
