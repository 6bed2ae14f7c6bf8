//! What is secret stays out of the log, however much is logged: passwords right and wrong, tokens,
//! what people say, and what broken clients send in the wrong place.

use liao_common::{
    codec,
    event::{Empty, Posted, Room, Session},
    fault::Fault,
    id::{Nonce, RoomId},
    message::{Body, Kind},
    request::{Auth, Passwd, Register, RoomCreate, RoomTopic, Secret, Send, Token},
};
use rustix::process::Signal;

use crate::program::{Program, liaod};

const PASSWORD: &str = "canary-of-the-password";
const CHANGED: &str = "canary-of-the-next-password";
const WRONG: &str = "canary-of-a-wrong-password";
const WORDS: &str = "canary-of-what-was-said";
const TOPIC: &str = "canary-of-a-topic";
const ROOM: &str = "canary-of-a-room";
const INVITE: &str = "canary-of-an-invite";
const ODD: &str = "canary-in-the-wrong-place";

#[tokio::test]
async fn nothing_secret_is_logged_even_when_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--insecure-plaintext", "--registration", "open"];
    let mut command = liaod(&arguments, folder.path());
    command.env("LIAO_LOG", "trace").env("RUST_BACKTRACE", "full");
    let server = Program::run(command).await;
    let token = lives(&server).await;
    misbehaves(&server).await;
    server.signal(Signal::TERM);
    let log = server.log().await;
    assert!(log.contains("DEBUG"), "little is logged, so little is proved:\n{log}");
    for secret in [PASSWORD, CHANGED, WRONG, WORDS, TOPIC, ROOM, INVITE, ODD] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    for form in forms(&token) {
        assert!(!log.contains(&form), "the token is in the log as {form}:\n{log}");
    }
}

/// Bytes as they may be printed: as hexadecimal digits, as a list, escaped.
fn forms(token: &Token) -> [String; 3] {
    let bytes = &token.0[..8];
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    [hex, list, bytes.escape_ascii().to_string()]
}

fn auth(user: &str, password: &str) -> Auth {
    let (user, secret) = (Some(user.into()), Some(Secret(password.into())));
    Auth { mech: "password".into(), user, secret, ..Auth::default() }
}

/// Somebody registers, talks, changes the password, and comes back with the token.
async fn lives(server: &Program) -> Token {
    let mut raw = server.raw().await;
    raw.hello().await;
    let register = Register {
        user: "alice".into(),
        name: "Alice".into(),
        secret: Secret(PASSWORD.into()),
        dev_name: String::new(),
        invite: Some(INVITE.into()),
    };
    let session: Session = raw.asks(register).await.unwrap();
    raw.says(RoomId::LOBBY, WORDS).await;
    raw.asks::<Posted>(RoomTopic { room: RoomId::LOBBY, topic: TOPIC.into() }).await.unwrap();
    let den = RoomCreate { name: ROOM.into(), private: true, topic: TOPIC.into() };
    raw.asks::<Room>(den).await.unwrap();
    let (old, new) = (Secret(PASSWORD.into()), Secret(CHANGED.into()));
    raw.asks::<Empty>(Passwd { old, new }).await.unwrap();
    let token = session.token.unwrap();
    let mut again = server.raw().await;
    again.hello().await;
    let by_token = Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() };
    again.asks::<Session>(by_token).await.unwrap();
    token
}

/// Wrong passwords, secrets in fields and frames where none belong, and a frame that is cut off.
async fn misbehaves(server: &Program) {
    for user in ["alice", "nobody", ODD] {
        let mut raw = server.raw().await;
        raw.hello().await;
        raw.asks::<Session>(auth(user, WRONG)).await.unwrap_err();
    }
    let whole = codec::frame("auth", 2, &[PASSWORD, ODD]);
    let early = codec::frame(ODD, 3, &Empty {});
    let late =
        Send { room: RoomId(99), cid: Nonce([1; 16]), kind: Kind::Text, body: Body::text(ODD) };
    let mut raw = server.raw().await;
    raw.hello().await;
    raw.writes(&whole).await;
    raw.writes(&early).await;
    let refused: Result<Posted, Fault> = raw.asks(late).await;
    assert!(refused.is_err());
    raw.writes(&whole[..whole.len() - 2]).await;
    raw.stops_writing().await;
    raw.rest().await;
    let mut raw = server.raw().await;
    raw.writes(ODD.as_bytes()).await;
    raw.rest().await;
}
