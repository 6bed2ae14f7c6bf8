//! What was acknowledged, to be compared with what stands in the room's log: every message, by the
//! right person, in the order of posting, and none besides.

use anyhow::{Context as _, Result, bail};
use liao_common::{
    id::{Seq, UserId},
    message::Message,
};

use crate::post;

/// See the module.
pub(crate) struct Ledger {
    /// By place: who posted it.
    acked: Vec<(Seq, usize)>,
    next: usize,
    users: Vec<UserId>,
    said: Vec<u64>,
}

impl Ledger {
    /// From the answers in any order; the sender is a place in `users`.
    pub(crate) fn new(mut acked: Vec<(Seq, usize)>, users: Vec<UserId>) -> Self {
        acked.sort_unstable();
        Self { acked, next: 0, said: vec![0; users.len()], users }
    }

    /// The next message of the log. What the server says itself is passed over.
    pub(crate) fn check(&mut self, message: &Message) -> Result<()> {
        let Some(number) = post::number(message) else { return Ok(()) };
        let place = message.seq;
        let (seq, sender) =
            self.acked.get(self.next).copied().context("more than was acknowledged")?;
        if seq != place || self.users[sender] != message.from || number != self.said[sender] {
            bail!(
                "message {seq} of sender {sender} was acknowledged; the log has {place}, number {number}"
            );
        }
        self.said[sender] += 1;
        self.next += 1;
        Ok(())
    }

    /// The log is at its end.
    pub(crate) fn end(&self) -> Result<()> {
        match self.acked.get(self.next) {
            None => Ok(()),
            Some((seq, _)) => bail!("message {seq} was acknowledged and is not in the log"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{
        id::{DeviceId, Nonce, RoomId},
        message::{Body, Kind},
    };

    fn message(seq: u64, from: u64, number: u64) -> Message {
        Message {
            room: RoomId(1),
            seq: Seq(seq),
            n: seq,
            at_ms: 0,
            from: UserId(from),
            device: DeviceId(1),
            cid: Nonce([1; 16]),
            kind: Kind::Text,
            body: Body::text(post::text(number)),
        }
    }

    fn read(messages: &[Message]) -> Result<()> {
        let users = vec![UserId(8), UserId(9)];
        let mut ledger = Ledger::new(vec![(Seq(4), 0), (Seq(2), 0), (Seq(3), 1)], users);
        messages.iter().try_for_each(|message| ledger.check(message))?;
        ledger.end()
    }

    #[test]
    fn the_log_must_have_exactly_what_was_acknowledged() {
        let join = Message { kind: Kind::Join, body: Body::default(), ..message(1, 8, 0) };
        let [two, three, four] = [message(2, 8, 0), message(3, 9, 0), message(4, 8, 1)];
        read(&[join, two.clone(), three.clone(), four.clone()]).unwrap();
        assert!(read(&[two.clone(), three.clone()]).is_err(), "one is missing at the end");
        assert!(read(&[two.clone(), four.clone()]).is_err(), "one is missing amid them");
        assert!(read(&[two.clone(), message(3, 8, 0), four.clone()]).is_err(), "by somebody else");
        assert!(read(&[two.clone(), three.clone(), message(4, 8, 0)]).is_err(), "repeated");
        assert!(
            read(&[two, three, four, message(5, 9, 1)]).is_err(),
            "one more than was asked for"
        );
    }
}
