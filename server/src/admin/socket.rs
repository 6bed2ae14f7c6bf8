//! The administration socket: frames of the wire on a Unix socket that only the owner of the data
//! folder can open. One request a connection.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use liao_common::{
    event,
    fault::{Fault, FaultCode},
    frame::{Frame, FrameCodec},
    limits,
};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};
use tokio_util::codec::Decoder as _;

use super::{account, invite};
use crate::{chat::hub::Hub, listen::Door};

/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes an account.
pub(super) const USER_ADD: &str = "user.add";

/// Lists accounts.
pub(super) const USER_LIST: &str = "user.list";

/// Gives an account another password.
pub(super) const USER_PASSWORD: &str = "user.password";

/// Makes an invite.
pub(super) const INVITE_ADD: &str = "invite.add";

/// Lists invites.
pub(super) const INVITE_LIST: &str = "invite.list";

/// Ends an invite.
pub(super) const INVITE_REVOKE: &str = "invite.revoke";

/// Where the socket of a data folder is.
pub(super) fn path(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Opens the socket and serves it until shutdown.
pub(crate) fn serve(door: &Door, data: &Path) -> io::Result<()> {
    let path = path(data);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The folder is the owner's alone (0700), and so is what is in it.
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let (hub, shutdown) = (Arc::clone(&door.hub), door.shutdown.clone());
    door.tracker.spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    // One at a time: an operator has two hands.
                    Ok((stream, _)) => tokio::select! {
                        () = shutdown.cancelled() => break,
                        _ = tokio::time::timeout(WITHIN, answer(stream, &hub)) => {}
                    },
                    Err(error) => {
                        tracing::warn!("cannot accept an administrator: {error}");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(fs::remove_file(path));
    });
    Ok(())
}

async fn answer(mut stream: UnixStream, hub: &Arc<Hub>) -> io::Result<()> {
    let Some(frame) = read_frame(&mut stream).await? else { return Ok(()) };
    let answer = dispatch(hub, &frame).await;
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

/// Reads one frame; `None` when the peer closed before it was whole.
pub(super) async fn read_frame(stream: &mut UnixStream) -> io::Result<Option<Frame>> {
    let mut buffer = BytesMut::new();
    let mut codec = FrameCodec::new(limits::FRAME_BYTES_MAX);
    loop {
        if let Some(frame) = codec.decode(&mut buffer).map_err(io::Error::other)? {
            return Ok(Some(frame));
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn dispatch(hub: &Arc<Hub>, frame: &Frame) -> Bytes {
    let bad = |_| Fault::from(FaultCode::BadRequest);
    match frame.kind() {
        USER_ADD => reply(async { account::add(hub, frame.decode().map_err(bad)?).await }).await,
        USER_LIST => reply(async { account::list(hub, frame.decode().map_err(bad)?).await }).await,
        USER_PASSWORD => {
            reply(async { account::set_password(hub, frame.decode().map_err(bad)?).await }).await
        }
        INVITE_ADD => reply(async { invite::add(hub, frame.decode().map_err(bad)?).await }).await,
        INVITE_LIST => reply(async { invite::list(hub, frame.decode().map_err(bad)?).await }).await,
        INVITE_REVOKE => {
            reply(async { invite::revoke(hub, frame.decode().map_err(bad)?).await }).await
        }
        _ => event::err(1, &FaultCode::Unsupported.into()),
    }
}

async fn reply<T: Serialize>(work: impl Future<Output = Result<T, Fault>>) -> Bytes {
    match work.await {
        Ok(body) => event::ok(1, &body),
        Err(fault) => event::err(1, &fault),
    }
}
