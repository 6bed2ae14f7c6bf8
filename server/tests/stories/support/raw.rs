//! A connection without a client: bytes go out as they are, frames come in as they come.

use bytes::BytesMut;
use liao_client_core::dial::{Duplex, Stream};
use liao_common::{
    event::{self, kind},
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec},
    id::{Nonce, RoomId, Seq},
    limits,
    message::{Body, Kind},
    request::{Auth, Hello, Request, Send, Sync},
};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::codec::Decoder as _;

use super::{secret, within};

/// See the module.
pub(crate) struct Raw {
    stream: Stream,
    codec: FrameCodec,
    incoming: BytesMut,
    last_rid: u64,
    /// Frames that came while another was waited for.
    pub(crate) events: Vec<Frame>,
}

impl Raw {
    pub(crate) fn new(stream: impl Duplex + 'static) -> Self {
        let stream: Stream = Box::new(stream);
        let codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
        Self { stream, codec, incoming: BytesMut::new(), last_rid: 0, events: Vec::new() }
    }

    /// Writes bytes as they are. A server that has closed is no failure here.
    pub(crate) async fn writes(&mut self, bytes: &[u8]) {
        drop(within("the server reads", self.stream.write_all(bytes)).await);
    }

    /// The next frame; `None` when the server has closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        within("a frame or the end", async {
            loop {
                if let Some(frame) = self.codec.decode(&mut self.incoming).unwrap() {
                    return Some(frame);
                }
                if self.stream.read_buf(&mut self.incoming).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        })
        .await
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Sends a request without waiting for the answer. What comes is read while the way out is full: a
    /// server that cannot write reads no more.
    pub(crate) async fn sends(&mut self, request: impl Into<Request>) -> u64 {
        self.last_rid += 1;
        let frame = request.into().frame(self.last_rid);
        let (mut inwards, mut outwards) = tokio::io::split(&mut self.stream);
        let hears = async {
            while inwards.read_buf(&mut self.incoming).await.is_ok_and(|bytes| bytes > 0) {}
            std::future::pending::<()>().await;
        };
        let says = async {
            tokio::select! {
                biased;
                sent = outwards.write_all(&frame) => drop(sent),
                () = hears => {}
            }
        };
        within("the server reads", says).await;
        self.last_rid
    }

    /// The answer to a request; events before it are kept.
    pub(crate) async fn answer<T: DeserializeOwned>(&mut self, rid: u64) -> Result<T, Fault> {
        loop {
            let frame = self.next().await.expect("an answer before the end");
            match (frame.kind(), frame.rid) {
                (kind::OK, of) if of == rid => return Ok(frame.decode().unwrap()),
                (kind::ERR, of) if of == rid => return Err(frame.decode().unwrap()),
                // The last word: no answer comes behind it.
                (kind::GOAWAY, _) => return Err(FaultCode::ShuttingDown.into()),
                _ => self.events.push(frame),
            }
        }
    }

    /// Asks and waits for the answer.
    pub(crate) async fn asks<T: DeserializeOwned>(
        &mut self,
        request: impl Into<Request>,
    ) -> Result<T, Fault> {
        let rid = self.sends(request).await;
        self.answer(rid).await
    }

    /// Says something, and waits until it is stored.
    pub(crate) async fn says(&mut self, room: RoomId, text: &str) -> Seq {
        let cid = Nonce(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().unwrap());
        let send = Send { room, cid, kind: Kind::Text, body: Body::text(text) };
        self.asks::<event::Posted>(send).await.unwrap().seq
    }

    /// Introduces itself.
    pub(crate) async fn hello(&mut self) -> event::Welcome {
        let v = (limits::PROTOCOL_VERSION, limits::PROTOCOL_VERSION);
        self.asks(Hello { v, caps: Vec::new(), agent: "raw".into(), role: None }).await.unwrap()
    }

    /// Introduces itself and is done.
    pub(crate) async fn hello_only(mut self) -> event::Welcome {
        self.hello().await
    }

    /// Closes its own direction.
    pub(crate) async fn stops_writing(&mut self) {
        within("the end of writing", self.stream.shutdown()).await.unwrap();
    }

    /// Reads until all that was missed has been pushed.
    pub(crate) async fn quiet(&mut self) {
        while self.next().await.expect("the end of what was missed").kind() != kind::SYNCED {}
    }

    /// Introduces itself, logs in with the usual password on a device of this name, and syncs.
    pub(crate) async fn logs_in(&mut self, id: &str, device: &str) -> event::Session {
        self.hello().await;
        let (user, secret) = (Some(id.into()), Some(secret(id)));
        let auth =
            Auth { mech: "password".into(), user, secret, dev_name: device.into(), token: None };
        let session = self.asks(auth).await.unwrap();
        self.asks::<event::Synced>(Sync::default()).await.unwrap();
        session
    }

    /// Waits for the server to close, and gives the fault that it closes with.
    pub(crate) async fn last_words(&mut self) -> Option<FaultCode> {
        let last = self.rest().await.pop()?;
        match last.kind() {
            kind::ERR => Some(last.decode::<Fault>().unwrap().code),
            kind::GOAWAY => Some(FaultCode::parse(&last.decode::<event::GoAway>().unwrap().why)),
            _ => None,
        }
    }
}
