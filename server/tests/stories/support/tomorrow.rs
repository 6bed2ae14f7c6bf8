//! A later version of the same protocol, on one side or on both: what passes here gains keys that nobody of
//! today knows, and requests, events, kinds and roles stand between that nobody of today knows.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use liao_common::{
    codec,
    event::{Page, Welcome, kind},
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec},
    limits,
    message::{Kind, Message},
    request::{self, Hello},
};
use serde::Serialize;
use tokio_util::codec::Decoder as _;

/// Requests from here on are asked by nobody but this wire.
const RID_OF_TOMORROW: u64 = 1 << 40;

/// Words that begin so are of a kind that is not known today.
pub(crate) const POLL: &str = "poll: ";

/// Every so many frames one gains much.
const MUCH_EVERY: usize = 8;

/// And that is so many bytes.
const MUCH_BYTES: usize = 20 * 1024;

/// A room of a kind, and held in a role, of which nothing is known.
pub(crate) const STRANGE_ROOM: &str = "hologram";

/// Keys of tomorrow at the end of every map.
const KEYS: u8 = 3;

/// Who speaks as one will tomorrow.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tomorrow {
    pub(crate) client: bool,
    pub(crate) server: bool,
    /// The versions that the client speaks.
    pub(crate) v: (u64, u64),
}

/// What came of it, over all connections of a network.
#[derive(Default)]
pub(crate) struct Strange {
    pub(crate) asked: AtomicUsize,
    pub(crate) unsupported: AtomicUsize,
    /// Other answers to what nobody knows.
    pub(crate) otherwise: Mutex<Vec<String>>,
    /// Frames that gained something.
    pub(crate) grown: AtomicUsize,
}

/// One way of a connection.
pub(crate) struct Way {
    of: Tomorrow,
    up: bool,
    strange: Arc<Strange>,
    codec: FrameCodec,
    held: BytesMut,
    count: usize,
}

impl Way {
    pub(crate) fn new(of: Tomorrow, up: bool, strange: &Arc<Strange>) -> Self {
        let codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        let strange = Arc::clone(strange);
        Self { of, up, strange, codec, held: BytesMut::new(), count: 0 }
    }

    /// What goes on in the place of these bytes.
    pub(crate) fn carry(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(frame) = self.codec.decode(&mut self.held).unwrap() {
            if self.up { self.ascend(&frame, &mut out) } else { self.descend(&frame, &mut out) }
        }
        out
    }

    fn ascend(&mut self, frame: &Frame, out: &mut Vec<u8>) {
        if !self.of.client {
            return out.extend(codec::frame_raw(frame.kind(), frame.rid, &frame.body));
        }
        let mut body = frame.body.clone();
        if let ("hello", Ok(mut hello)) = (frame.kind(), frame.decode::<Hello>()) {
            hello.v = self.of.v;
            hello.caps.push("teleport".into());
            body = codec::encode(&hello).into();
        }
        let early = frame.kind() == "hello" || request::holds_secret(frame.kind());
        self.put(frame.kind(), frame.rid, &body, early, out);
        if frame.rid == 0 {
            return;
        }
        let asked = self.strange.asked.fetch_add(1, Ordering::SeqCst) as u64;
        let dream = codec::encode(&HashMap::from([("of", "sheep")]));
        self.put("dream", RID_OF_TOMORROW + asked, &dream, early, out);
        self.put("wave", 0, &dream, early, out);
    }

    fn descend(&mut self, frame: &Frame, out: &mut Vec<u8>) {
        if frame.rid >= RID_OF_TOMORROW {
            return self.strange.answered(frame);
        }
        if !self.of.server {
            return out.extend(codec::frame_raw(frame.kind(), frame.rid, &frame.body));
        }
        // What comes after these is not read.
        let last = matches!(frame.kind(), kind::GOAWAY);
        self.put(frame.kind(), frame.rid, &as_of_tomorrow(frame), false, out);
        if frame.kind() == kind::SYNCED {
            self.put(kind::ROOM, 0, &strange_room(), false, out);
        }
        if !last {
            self.put("sparkle", 0, &codec::encode(&HashMap::from([("c", 1)])), false, out);
        }
    }

    /// A frame with more in it than anybody knows, also in its header.
    fn put(&mut self, kind: &str, rid: u64, body: &[u8], early: bool, out: &mut Vec<u8>) {
        self.count += 1;
        self.strange.grown.fetch_add(1, Ordering::SeqCst);
        let much = !early && self.count.is_multiple_of(MUCH_EVERY) && body.len() < 64 * 1024;
        let mut whole = codec::encode(&(kind, rid, "later"));
        grow(&mut &*body, &mut whole);
        if much {
            // The last key of the outermost map is the last of all.
            let bytes = vec![b'x'; MUCH_BYTES];
            whole.pop();
            whole.extend(codec::encode(&String::from_utf8(bytes).unwrap()));
        }
        out.extend(u32::try_from(whole.len()).unwrap().to_be_bytes());
        out.extend(whole);
    }
}

impl Strange {
    fn answered(&self, frame: &Frame) {
        let refused = frame.kind() == kind::ERR
            && frame.decode::<Fault>().is_ok_and(|fault| fault.code == FaultCode::Unsupported);
        if refused {
            self.unsupported.fetch_add(1, Ordering::SeqCst);
        } else {
            self.otherwise.lock().unwrap().push(format!("{frame:?}"));
        }
    }
}

/// The body, with words in it of which today knows nothing.
fn as_of_tomorrow(frame: &Frame) -> Bytes {
    if let (kind::MSG, Ok(mut message)) = (frame.kind(), frame.decode::<Message>()) {
        make_poll(&mut message);
        return codec::encode(&message).into();
    }
    if frame.kind() != kind::OK {
        return frame.body.clone();
    }
    if let Ok(mut page) = frame.decode::<Page>() {
        page.msgs.iter_mut().for_each(make_poll);
        codec::encode(&page).into()
    } else if let Ok(mut welcome) = frame.decode::<Welcome>() {
        welcome.caps.push("teleport".into());
        welcome.auth.insert(0, "palm".into());
        codec::encode(&welcome).into()
    } else {
        frame.body.clone()
    }
}

fn make_poll(message: &mut Message) {
    if message.body.text.as_ref().is_some_and(|text| text.starts_with(POLL)) {
        message.kind = Kind::Other("poll".into());
    }
}

fn strange_room() -> Vec<u8> {
    #[derive(Serialize)]
    struct Room {
        c: u64,
        kind: &'static str,
        name: &'static str,
        head: (u64, u64),
        read: (u64, u64),
        role: &'static str,
        members: u64,
    }
    codec::encode(&Room {
        c: 777_777,
        kind: "projected",
        name: STRANGE_ROOM,
        head: (3, 3),
        read: (0, 0),
        role: "ghost",
        members: 2,
    })
}

/// Copies one value, with more in every map.
fn grow(from: &mut &[u8], into: &mut Vec<u8>) {
    let first = from[0];
    let (head, len) = match first {
        0x80..=0x9f => (1, usize::from(first & 0x0f)),
        0xdc | 0xde => (3, number(&from[1..3])),
        0xdd | 0xdf => (5, number(&from[1..5])),
        _ => return copy(from, scalar_len(from), into),
    };
    let is_map = matches!(first, 0x80..=0x8f | 0xde | 0xdf);
    *from = &from[head..];
    let more = if is_map { usize::from(KEYS) } else { 0 };
    into.push(if is_map { 0xdf } else { 0xdd });
    into.extend(u32::try_from(len + more).unwrap().to_be_bytes());
    for _ in 0..len {
        if is_map {
            copy(from, scalar_len(from), into);
        }
        grow(from, into);
    }
    if is_map {
        let (floors, flags) = ([[[["attic"]]]], HashMap::from([("a", ["b", "c"])]));
        for (key, value) in [
            ("later.floors", codec::encode(&floors)),
            ("later.flags", codec::encode(&flags)),
            ("later", vec![0xc3]),
        ] {
            into.extend(codec::encode(key));
            into.extend(value);
        }
    }
}

fn copy(from: &mut &[u8], len: usize, into: &mut Vec<u8>) {
    into.extend(&from[..len]);
    *from = &from[len..];
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Bytes of a value that is no list and no map.
fn scalar_len(bytes: &[u8]) -> usize {
    match bytes[0] {
        0xa0..=0xbf => 1 + usize::from(bytes[0] & 0x1f),
        0xc4 | 0xd9 => 2 + number(&bytes[1..2]),
        0xc5 | 0xda => 3 + number(&bytes[1..3]),
        0xc6 | 0xdb => 5 + number(&bytes[1..5]),
        0xcc | 0xd0 => 2,
        0xcd | 0xd1 => 3,
        0xca | 0xce | 0xd2 => 5,
        0xcb | 0xcf | 0xd3 => 9,
        _ => 1,
    }
}
