//! The one stream of a room's messages that every member must hear: the same bytes in the same
//! order. Whoever is ahead writes it, everybody else is compared with it byte for byte.
//! Must hold: each sender's messages stand in it in the order of posting, without a hole.

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use liao_common::{
    event::Event,
    frame::FrameCodec,
    id::{RoomId, Seq, UserId},
    limits,
    message::Message,
};
use tokio_util::codec::Decoder as _;

use crate::post;

/// How far one member has heard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    byte: usize,
    frame: usize,
}

/// See the module.
pub(crate) struct Tape {
    room: RoomId,
    senders: Vec<UserId>,
    members: u32,
    bytes: Vec<u8>,
    frames: Vec<Entry>,
    unread: BytesMut,
    last: Option<Seq>,
    said: Vec<u64>,
    /// Of each sender, how many messages all members have heard.
    pub(crate) complete: Vec<u64>,
    /// Messages heard, summed over the members.
    pub(crate) deliveries: u64,
}

struct Entry {
    end: usize,
    sender: usize,
    heard: u32,
}

impl Tape {
    pub(crate) fn new(room: RoomId, senders: Vec<UserId>, members: usize) -> Result<Self> {
        let zeros = vec![0; senders.len()];
        Ok(Self {
            room,
            members: u32::try_from(members)?,
            bytes: Vec::new(),
            frames: Vec::new(),
            unread: BytesMut::new(),
            last: None,
            said: zeros.clone(),
            complete: zeros,
            deliveries: 0,
            senders,
        })
    }

    /// A member heard these bytes.
    ///
    /// # Errors
    /// When they are not what the others heard, or not what was posted.
    pub(crate) fn hear(&mut self, place: &mut Place, piece: &[u8]) -> Result<()> {
        let known = piece.len().min(self.bytes.len() - place.byte);
        if piece[..known] != self.bytes[place.byte..place.byte + known] {
            bail!("a member heard something else than the others");
        }
        if known < piece.len() {
            self.append(&piece[known..])?;
        }
        place.byte += piece.len();
        while let Some(entry) =
            self.frames.get_mut(place.frame).filter(|entry| entry.end <= place.byte)
        {
            entry.heard += 1;
            self.deliveries += 1;
            if entry.heard == self.members {
                self.complete[entry.sender] += 1;
            }
            place.frame += 1;
        }
        Ok(())
    }

    /// Whether a member has heard all of it.
    pub(crate) fn is_at_end(&self, place: Place) -> bool {
        place.byte == self.bytes.len()
    }

    fn append(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(piece);
        self.unread.extend_from_slice(piece);
        let mut codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        while let Some(frame) = codec.decode(&mut self.unread)? {
            let Some(Event::Message(message)) = Event::decode(&frame)? else {
                bail!("a member was told `{}` amid the messages", frame.kind());
            };
            let sender = self.check(&message)?;
            self.frames.push(Entry { end: self.bytes.len() - self.unread.len(), sender, heard: 0 });
        }
        Ok(())
    }

    fn check(&mut self, message: &Message) -> Result<usize> {
        let sender = self
            .senders
            .iter()
            .position(|user| *user == message.from)
            .context("a stranger spoke")?;
        let number = post::number(message).context("a message that nobody posted")?;
        let follows = self.last.is_none_or(|last| last.next() == message.seq);
        if message.room != self.room || !follows || number != self.said[sender] {
            bail!("message {} (number {number} of sender {sender}) is out of order", message.seq);
        }
        self.last = Some(message.seq);
        self.said[sender] += 1;
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liao_common::{
        codec,
        event::kind,
        id::{DeviceId, Nonce},
        message::{Body, Kind},
    };

    fn frame(seq: u64, from: u64, number: u64) -> Vec<u8> {
        let message = Message {
            room: RoomId(7),
            seq: Seq(seq),
            n: seq,
            at_ms: 1,
            from: UserId(from),
            device: DeviceId(1),
            cid: Nonce([1; 16]),
            kind: Kind::Text,
            body: Body::text(post::text(number)),
        };
        codec::frame(kind::MSG, 0, &message).to_vec()
    }

    fn tape() -> Tape {
        Tape::new(RoomId(7), vec![UserId(1), UserId(2)], 2).unwrap()
    }

    #[test]
    fn pieces_of_any_size_count_once_all_members_have_the_whole_message() {
        let (mut tape, mut one, mut other) = (tape(), Place::default(), Place::default());
        let both = [frame(5, 1, 0), frame(6, 2, 0)].concat();
        both.chunks(7).for_each(|piece| tape.hear(&mut one, piece).unwrap());
        assert_eq!((tape.deliveries, &tape.complete[..]), (2, &[0, 0][..]));
        assert!(!tape.is_at_end(other));
        tape.hear(&mut other, &both[..both.len() - 1]).unwrap();
        assert_eq!((tape.deliveries, &tape.complete[..]), (3, &[1, 0][..]));
        tape.hear(&mut other, &both[both.len() - 1..]).unwrap();
        assert_eq!((tape.deliveries, &tape.complete[..]), (4, &[1, 1][..]));
        assert!(tape.is_at_end(other));
    }

    #[test]
    fn holes_repeats_strangers_and_other_bytes_are_found() {
        for wrong in [frame(6, 1, 2), frame(6, 1, 0), frame(7, 1, 1), frame(6, 3, 0)] {
            let (mut tape, mut place) = (tape(), Place::default());
            tape.hear(&mut place, &frame(5, 1, 0)).unwrap();
            assert!(tape.hear(&mut place, &wrong).is_err());
        }
        let (mut tape, mut one, mut other) = (tape(), Place::default(), Place::default());
        tape.hear(&mut one, &frame(5, 1, 0)).unwrap();
        assert!(tape.hear(&mut other, &frame(5, 2, 0)).is_err());
    }
}
