//! `mark`: a read marker only ever rises.

use liao_common::{event::Marked, fault::Fault, request::Mark};

use super::{Caller, not_found};
use crate::state::{record, view};

/// Moves the caller's marker; answers with the highest so far.
pub(super) async fn mark(caller: Caller, ask: Mark) -> Result<Marked, Fault> {
    let (user, dev) = (caller.user, caller.dev);
    let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
        view::inside(tx, user, ask.room)?.ok_or_else(not_found)?;
        let before = view::mark(tx, user, ask.room)?;
        let head = tx.head(ask.room)?;
        let seq = ask.read.min(head.seq);
        if seq <= before.0 {
            return Ok(Marked { room: ask.room, read: before });
        }
        let (seq, n) = match view::message_place(tx, ask.room, seq)? {
            Some((_, n)) => (seq, n),
            // What is not kept any longer counts as read, and nothing behind it does.
            None => view::floor(tx, ask.room)?.max(before),
        };
        tx.put_mark(&record::Mark { room: ask.room, user, seq, n }, dev);
        Ok(Marked { room: ask.room, read: (seq, n) })
    };
    caller.decide(decide).await
}
