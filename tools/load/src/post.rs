//! Those who post: numbered messages of 100 bytes, each with its own nonce, and their answers.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use liao_client_core::entropy::{Entropy as _, Nonces, SeededEntropy, SystemEntropy};
use liao_common::{
    event::{Posted, kind},
    frame::Frame,
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind, Message},
    request::{Request, Send},
};

use crate::clock;

/// Bytes of a message's text.
const TEXT_BYTES: usize = 100;

/// Digits of the number that it begins with.
const NUMBER_DIGITS: usize = 12;

/// Senders that there were in this process, so that no nonce comes twice.
static SENDERS: AtomicU64 = AtomicU64::new(1);

/// What no other sender of this process has in its nonces.
pub(crate) fn fresh_tag() -> u64 {
    SENDERS.fetch_add(1, Ordering::Relaxed)
}

/// What makes nonces, as it does in a client, but for where chance comes from: asking the system for each post
/// would take processor time that is not the server's.
pub(crate) fn nonces() -> Nonces {
    let mut seed = [0; 8];
    SystemEntropy.fill(&mut seed);
    Nonces::new(Arc::new(SeededEntropy::new(u64::from_be_bytes(seed))))
}

/// Number of a sender's first request; all that follow are as long on the wire.
const RID_FIRST: u64 = 1 << 32;

/// A post as a frame, of which only three numbers change: encoding each anew would take more of the
/// processors than the server does.
struct Template {
    frame: Vec<u8>,
    rid_at: usize,
    nonce_at: usize,
    text_at: usize,
}

/// One who posts.
pub(crate) struct Sender {
    pub(crate) link: usize,
    template: Template,
    nonces: Nonces,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    last: Option<Seq>,
    since: VecDeque<Instant>,
}

/// The text of a sender's message with this number.
pub(crate) fn text(number: u64) -> String {
    let mut text = format!("{number:0NUMBER_DIGITS$} ");
    text.extend(std::iter::repeat_n('x', TEXT_BYTES - text.len()));
    text
}

/// Reads the number back.
pub(crate) fn number(message: &Message) -> Option<u64> {
    let text = message.body.text.as_deref()?;
    if text.len() != TEXT_BYTES || message.kind != Kind::Text {
        return None;
    }
    text.split(' ').next()?.parse().ok()
}

fn encoded(room: RoomId, cid: Nonce, number: u64) -> Bytes {
    let send = Send { room, cid, kind: Kind::Text, body: Body::text(text(number)) };
    Request::from(send).frame(RID_FIRST + number)
}

impl Template {
    fn new(room: RoomId, example: Nonce) -> Result<Self> {
        let frame = encoded(room, example, 0).to_vec();
        let find = |what: &[u8]| {
            let place = frame.windows(what.len()).position(|piece| piece == what);
            place.context("a post has another form than expected")
        };
        let rid_at = find(&RID_FIRST.to_be_bytes())?;
        let nonce_at = find(&example.0)?;
        let text_at = find(text(0).as_bytes())?;
        Ok(Self { frame, rid_at, nonce_at, text_at })
    }

    fn fill(&mut self, cid: Nonce, number: u64) {
        let Self { frame, rid_at, nonce_at, text_at } = self;
        frame[*rid_at..*rid_at + 8].copy_from_slice(&(RID_FIRST + number).to_be_bytes());
        frame[*nonce_at..*nonce_at + Nonce::LEN].copy_from_slice(&cid.0);
        let mut left = number;
        for digit in frame[*text_at..*text_at + NUMBER_DIGITS].iter_mut().rev() {
            *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
            left /= 10;
        }
    }
}

impl Sender {
    pub(crate) fn new(link: usize, room: RoomId) -> Result<Self> {
        let nonces = nonces();
        let template = Template::new(room, nonces.fresh())?;
        Ok(Self { link, template, nonces, sent: 0, acked: 0, last: None, since: VecDeque::new() })
    }

    /// The next post as a frame. Its time runs from now.
    pub(crate) fn next(&mut self) -> &[u8] {
        self.template.fill(self.nonces.fresh(), self.sent);
        self.sent += 1;
        self.since.push_back(clock::now());
        &self.template.frame
    }

    /// Posts that are not acknowledged.
    pub(crate) const fn unanswered(&self) -> u64 {
        self.sent - self.acked
    }

    /// The answer to the oldest post without one; gives the time it took and the message's place.
    ///
    /// # Errors
    /// When it is refused, said to be a repetition, or not the answer that is due.
    pub(crate) fn answered(&mut self, frame: &Frame) -> Result<(Duration, Seq)> {
        if frame.kind() != kind::OK || frame.rid != RID_FIRST + self.acked {
            bail!(
                "answer `{}` to post {}, where {} was due",
                frame.kind(),
                frame.rid,
                RID_FIRST + self.acked
            );
        }
        let posted: Posted = frame.decode()?;
        let since = self.since.pop_front().context("an answer to nothing")?;
        if posted.dup || self.last.is_some_and(|last| posted.seq <= last) {
            bail!("post {} became message {} out of order", frame.rid, posted.seq);
        }
        self.last = Some(posted.seq);
        self.acked += 1;
        Ok((since.elapsed(), posted.seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_template_is_what_encoding_gives() {
        let nonces = nonces();
        let mut template = Template::new(RoomId(300), nonces.fresh()).unwrap();
        for number in [0, 1, 9, 12_345, 999_999_999_999] {
            let cid = nonces.fresh();
            template.fill(cid, number);
            assert_eq!(template.frame, encoded(RoomId(300), cid, number), "{number}");
        }
    }
}
