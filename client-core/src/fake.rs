//! A server for tests, played by hand: it takes connections from memory, checks what it is asked,
//! and answers what the test says.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use liao_common::{
    event::{Limits, Role, Room, RoomKind, Session, Synced, User, Welcome, err, kind, ok},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::{Ask, Auth, Hello, Sync, Token},
};
use serde::Serialize;
use tokio::{
    io::duplex,
    sync::mpsc,
    time::{Duration, timeout},
};

use crate::{
    connection::{Connection, ConnectionError},
    dial::{BoxFuture, Dialer, Stream},
    trust::ConnectError,
};

/// Dials the fake server.
pub(crate) struct FakeDialer {
    streams: mpsc::Sender<Stream>,
    refusals: AtomicU32,
}

impl FakeDialer {
    /// The next `count` attempts fail.
    pub(crate) fn refuse(&self, count: u32) {
        self.refusals.store(count, Ordering::SeqCst);
    }
}

impl Dialer for FakeDialer {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async {
            let left = self.refusals.load(Ordering::SeqCst);
            if left > 0 {
                self.refusals.store(left - 1, Ordering::SeqCst);
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
            }
            let (near, far) = duplex(64 * 1024);
            let gone = |_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            self.streams.send(Box::new(far)).await.map_err(gone)?;
            Ok(Box::new(near) as Stream)
        })
    }
}

/// The listening end.
pub(crate) struct FakeServer(mpsc::Receiver<Stream>);

/// A server and the way to reach it.
pub(crate) fn fake() -> (Arc<FakeDialer>, FakeServer) {
    let (streams, listener) = mpsc::channel(8);
    (Arc::new(FakeDialer { streams, refusals: AtomicU32::new(0) }), FakeServer(listener))
}

/// Waits for a fact; an hour of paused time is for ever.
pub(crate) async fn soon<T>(fact: impl Future<Output = T>) -> T {
    timeout(Duration::from_hours(1), fact).await.expect("it never happened")
}

impl FakeServer {
    /// The next connection.
    pub(crate) async fn accept(&mut self) -> Peer {
        let stream = soon(self.0.recv()).await.expect("nobody dials any more");
        Peer(Connection::new(stream))
    }

    /// The next connection, which is one for files, logged in.
    pub(crate) async fn accept_data(&mut self) -> Peer {
        let mut peer = self.accept().await;
        let hello = peer.greet().await;
        assert_eq!(hello.role.as_deref(), Some("data"));
        let (rid, auth) = peer.expect::<Auth>().await;
        assert_eq!(auth.mech, "token");
        peer.ok(rid, &session(None));
        peer
    }

    /// Whether nobody has dialled since the last connection that was accepted.
    pub(crate) fn is_left_alone(&mut self) -> bool {
        self.0.try_recv().is_err()
    }

    /// The next connection, with everything up to `synced` done. Gives what `sync` asked.
    pub(crate) async fn accept_synced(&mut self, rooms: &[Room]) -> (Peer, Sync) {
        let mut peer = self.accept().await;
        peer.log_in().await;
        let (rid, sync) = peer.expect::<Sync>().await;
        peer.ok(rid, &Synced { epoch: "e1".into(), reset: false, rooms: rooms.to_vec() });
        peer.event(kind::SYNCED, &liao_common::event::Empty {}).await;
        (peer, sync)
    }
}

/// One connection, from the server's side.
pub(crate) struct Peer(pub(crate) Connection);

impl Peer {
    /// The next frame but pings, which are answered.
    pub(crate) async fn frame(&mut self) -> Result<Frame, ConnectionError> {
        soon(async {
            loop {
                let Some(frame) = self.0.step(true).await? else { continue };
                if frame.kind() != kind::PING {
                    return Ok(frame);
                }
                self.0.pong(frame.decode().unwrap());
            }
        })
        .await
    }

    /// The next frame, which has to be this request.
    pub(crate) async fn expect<R: Ask>(&mut self) -> (u64, R) {
        let frame = self.frame().await.unwrap();
        assert_eq!(frame.kind(), R::KIND);
        (frame.rid, frame.decode().unwrap())
    }

    /// The connection ends here.
    pub(crate) async fn expect_end(&mut self) {
        while self.frame().await.is_ok() {}
    }

    pub(crate) fn ok<T: Serialize>(&mut self, rid: u64, body: &T) {
        self.0.push(&ok(rid, body));
    }

    pub(crate) async fn err(&mut self, rid: u64, fault: &Fault) {
        self.0.push(&err(rid, fault));
        self.flush().await;
    }

    pub(crate) async fn event<T: Serialize>(&mut self, kind: &str, body: &T) {
        self.0.push_event(kind, body);
        self.flush().await;
    }

    pub(crate) async fn flush(&mut self) {
        // The other side may be gone; the test finds out by what it waits for.
        let _ = soon(self.0.drain()).await;
    }

    /// `hello`, answered. Gives what it said.
    pub(crate) async fn greet(&mut self) -> Hello {
        let (rid, hello) = self.expect::<Hello>().await;
        self.ok(rid, &welcome());
        hello
    }

    /// `hello` and `auth`, both answered well. Gives how the client logged in.
    pub(crate) async fn log_in(&mut self) -> Auth {
        self.greet().await;
        let (rid, auth) = self.expect::<Auth>().await;
        let token = (auth.mech == "password").then(|| Token(b"token".to_vec()));
        self.ok(rid, &session(token));
        self.flush().await;
        auth
    }

    pub(crate) async fn refuse_login(&mut self, code: FaultCode) {
        self.greet().await;
        let (rid, _) = self.expect::<Auth>().await;
        self.err(rid, &code.into()).await;
    }
}

/// The largest file that a fake server takes, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 30;

pub(crate) fn welcome() -> Welcome {
    Welcome {
        v: limits::PROTOCOL_VERSION,
        caps: Vec::new(),
        epoch: "e1".into(),
        auth: vec!["password".into(), "token".into()],
        register: "open".into(),
        server: "fake".into(),
        limits: Limits {
            frame: limits::FRAME_BYTES_MAX as u64,
            text: limits::TEXT_BYTES_MAX as u64,
            page: limits::PAGE_MESSAGES_MAX as u64,
            chunk: limits::CHUNK_BYTES as u64,
            window: limits::WINDOW_BYTES,
            file: FILE_BYTES_MAX,
            password_min: 8,
            idle_s: 30,
        },
        next_pin: None,
    }
}

pub(crate) fn session(token: Option<Token>) -> Session {
    Session {
        user: UserId(7),
        id: "me".into(),
        name: "Me".into(),
        dev: DeviceId(3),
        token,
        admin: false,
    }
}

pub(crate) fn user(number: u64, name: &str) -> User {
    User { user: UserId(number), id: name.to_lowercase(), name: name.into(), on: Some(true) }
}

/// A public room that this person is in, with so many messages, all unread.
pub(crate) fn room(number: u64, head: u64) -> Room {
    Room {
        room: RoomId(number),
        kind: RoomKind::Public,
        name: format!("room{number}"),
        topic: String::new(),
        head: (Seq(head), head),
        read: (Seq::ZERO, 0),
        role: Role::Member,
        members: 2,
        floor: Seq::ZERO,
        with: None,
        moderates: false,
        removed: None,
    }
}

/// What somebody else said; its nonce is made from its place.
pub(crate) fn said(room: u64, seq: u64, from: u64, text: &str) -> Message {
    let mut cid = [0; Nonce::LEN];
    cid[..8].copy_from_slice(&seq.to_le_bytes());
    cid[8..].copy_from_slice(&from.to_le_bytes());
    Message {
        room: RoomId(room),
        seq: Seq(seq),
        n: seq,
        at_ms: seq * 1000,
        from: UserId(from),
        device: DeviceId(1),
        cid: Nonce(cid),
        kind: Kind::Text,
        body: Body::text(text),
    }
}
