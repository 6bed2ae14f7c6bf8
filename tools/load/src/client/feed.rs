//! What a client under measurement is told: the same lines for all, each in the words of its
//! protocol, from a bare socket, so that no server's time is in the figures.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use liao_common::{
    codec,
    event::kind,
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};

use crate::clock;

/// Bytes of a line's text.
const TEXT_BYTES: usize = 100;

/// Bytes that are handed over at a time.
const HAND_BYTES: usize = 64 * 1024;

/// How often lines are sent where so many a second are wanted.
const BEAT: Duration = Duration::from_millis(2);

const WORDS: [&str; 16] = [
    "the", "tea", "is", "cold", "again", "and", "nobody", "knows", "why", "but", "we", "talk",
    "about", "rain", "until", "evening",
];

/// How a line is said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tongue {
    /// To the room of everybody, behind this place and with this many messages before.
    Liao { from: UserId, head: (Seq, u64) },
    /// To `#lobby`.
    Irc,
}

/// The client's end of the line; whoever writes holds the lock for whole frames or lines.
pub(crate) type Line = Arc<Mutex<TcpStream>>;

/// Says lines to one client.
pub(crate) struct Feed {
    pub(crate) line: Line,
    pub(crate) tongue: Tongue,
    /// The number of the next one.
    pub(crate) next: u64,
}

/// The text of a line; its number is its beginning.
pub(crate) fn text(number: u64) -> String {
    let mut text = mark(number);
    let mut dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() < TEXT_BYTES {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let word = WORDS.get((dice % 16) as usize).copied().unwrap_or_default();
        text.push(' ');
        text.push_str(word);
    }
    text.truncate(TEXT_BYTES);
    text
}

/// How a line begins, by which it is found on the screen.
pub(crate) fn mark(number: u64) -> String {
    format!("{number:012}")
}

/// Writes all of it, unless somebody else is writing.
pub(crate) fn write(line: &Line, bytes: &[u8]) -> std::io::Result<()> {
    line.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes)
}

impl Feed {
    /// Says so many lines as fast as they are taken; gives when the first one went.
    pub(crate) fn blast(&mut self, count: u64) -> Result<Instant> {
        // Encoding is not part of what is measured.
        let mut hands = vec![Vec::with_capacity(HAND_BYTES)];
        for _ in 0..count {
            let said = self.say();
            match hands.last_mut() {
                Some(hand) if hand.len() < HAND_BYTES => hand.extend(said),
                _ => hands.push(said),
            }
        }
        let began = clock::now();
        hands.iter().try_for_each(|hand| write(&self.line, hand))?;
        Ok(began)
    }

    /// Says so many lines a second until it is told to stop.
    pub(crate) fn pace(&mut self, per_s: u64, stop: std::sync::mpsc::Receiver<()>) -> Result<u64> {
        let began = clock::now();
        let mut said = 0;
        while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stop.recv_timeout(BEAT) {
            let due = began.elapsed().as_micros() * u128::from(per_s) / 1_000_000;
            let due = u64::try_from(due)?;
            let mut hand = Vec::new();
            while said < due {
                hand.extend(self.say());
                said += 1;
            }
            write(&self.line, &hand)?;
        }
        Ok(said)
    }

    fn say(&mut self) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        match self.tongue {
            Tongue::Irc => {
                format!(":peer!peer@127.0.0.1 PRIVMSG #lobby :{}\r\n", text(number)).into_bytes()
            }
            Tongue::Liao { from, head } => {
                let mut cid = Nonce([7; 16]);
                cid.0[..8].copy_from_slice(&number.to_be_bytes());
                let message = Message {
                    room: RoomId::LOBBY,
                    seq: Seq(head.0.0 + 1 + number),
                    n: head.1 + 1 + number,
                    at_ms: 1_790_000_000_000 + number,
                    from,
                    device: DeviceId::default(),
                    cid,
                    kind: Kind::Text,
                    body: Body::text(text(number)),
                };
                codec::frame(kind::MSG, 0, &message).to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_number_and_a_hundred_bytes() {
        for number in [0, 1, 99_999] {
            let text = text(number);
            assert_eq!(text.len(), TEXT_BYTES);
            assert!(text.starts_with(&mark(number)));
        }
        assert_ne!(text(1)[12..], text(2)[12..]);
    }
}
