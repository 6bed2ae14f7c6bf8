//! Those who post: numbered messages of 100 bytes, each with its own nonce, and their answers.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
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

/// Senders that there were in this process, so that no nonce comes twice.
static SENDERS: AtomicU64 = AtomicU64::new(1);

/// One who posts.
pub(crate) struct Sender {
    pub(crate) link: usize,
    room: RoomId,
    tag: u64,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    last: Option<Seq>,
    since: VecDeque<Instant>,
}

/// The text of a sender's message with this number.
pub(crate) fn text(number: u64) -> String {
    let mut text = format!("{number:012} ");
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

impl Sender {
    pub(crate) fn new(link: usize, room: RoomId) -> Self {
        let tag = SENDERS.fetch_add(1, Ordering::Relaxed);
        Self { link, room, tag, sent: 0, acked: 0, last: None, since: VecDeque::new() }
    }

    /// The next post as a frame. Its time runs from now.
    pub(crate) fn next(&mut self) -> Bytes {
        let mut cid = Nonce([0; 16]);
        cid.0[..8].copy_from_slice(&self.tag.to_be_bytes());
        cid.0[8..].copy_from_slice(&self.sent.to_be_bytes());
        let send =
            Send { room: self.room, cid, kind: Kind::Text, body: Body::text(text(self.sent)) };
        self.sent += 1;
        self.since.push_back(clock::now());
        Request::from(send).frame(self.sent)
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
        if frame.kind() != kind::OK || frame.rid != self.acked + 1 {
            bail!(
                "answer `{}` to post {}, where {} was due",
                frame.kind(),
                frame.rid,
                self.acked + 1
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
