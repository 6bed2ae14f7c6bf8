//! The wire between a client and the server. It can break, be narrow, and lie: then it puts other bytes in the
//! place of some, as a server could that means harm.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::Town;

const CHUNK_BYTES: usize = 16 * 1024;

/// How long that many bytes take on a narrow wire.
const CHUNK_TIME: Duration = Duration::from_millis(16);

#[derive(Clone)]
struct State {
    up: bool,
    cuts: u64,
    narrow: bool,
    lies: Vec<(Vec<u8>, Vec<u8>)>,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Wire {
    addr: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Wire {
    pub(crate) fn to(town: &Town) -> Self {
        let state = State { up: true, cuts: 0, narrow: false, lies: Vec::new() };
        let listen = TcpListener::bind(("127.0.0.1", 0));
        let listener = town.runtime().block_on(listen).unwrap();
        let addr = listener.local_addr().unwrap();
        let wire = Self { addr, state: Arc::new(watch::Sender::new(state)) };
        town.runtime().spawn(wire.clone().carry(listener, town.addr()));
        wire
    }

    /// Where it begins.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every connection breaks; new ones break at once until it is mended.
    pub(crate) fn breaks(&self) {
        self.state.send_modify(|state| {
            state.up = false;
            state.cuts += 1;
        });
    }

    pub(crate) fn is_mended(&self) {
        self.state.send_modify(|state| state.up = true);
    }

    /// A megabyte a second at most passes each way, so that there is something to see.
    pub(crate) fn is_narrow(&self) {
        self.state.send_modify(|state| state.narrow = true);
    }

    /// The end of [`Self::is_narrow`].
    pub(crate) fn is_wide(&self) {
        self.state.send_modify(|state| state.narrow = false);
    }

    /// Clients read `lie` where the server wrote `truth`, which is as long. For wires without encryption.
    pub(crate) fn lies(&self, truth: impl AsRef<[u8]>, lie: &[u8]) {
        let truth = truth.as_ref();
        assert_eq!(truth.len(), lie.len());
        let lie = (truth.to_vec(), lie.to_vec());
        self.state.send_modify(|state| state.lies.push(lie.clone()));
    }

    async fn carry(self, listener: TcpListener, server: SocketAddr) {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let wire = self.clone();
            // That a connection breaks is no news here.
            tokio::spawn(async move { drop(wire.connect(near, server).await) });
        }
    }

    async fn connect(self, near: TcpStream, server: SocketAddr) -> io::Result<()> {
        let mut state = self.state.subscribe();
        let State { up, cuts, .. } = state.borrow_and_update().clone();
        if !up {
            return Ok(());
        }
        let far = TcpStream::connect(server).await?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            _ = async { tokio::join!(self.pump(near_in, far_out), self.pump(far_in, near_out)) } => {}
            _ = state.wait_for(|state| state.cuts > cuts) => {}
        }
        Ok(())
    }

    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut held = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut chunk).await?;
            if count == 0 {
                to.write_all(&held).await?;
                return to.shutdown().await;
            }
            held.extend_from_slice(&chunk[..count]);
            let State { lies, narrow, .. } = self.state.borrow().clone();
            to.write_all(&tell(&mut held, &lies)).await?;
            if narrow {
                tokio::time::sleep(CHUNK_TIME).await;
            }
        }
    }
}

/// Takes what can go on out of `held`, with the lies in it. What may be the beginning of something that is lied
/// about stays.
fn tell(held: &mut Vec<u8>, lies: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    for (truth, lie) in lies {
        while let Some(at) = super::frames::find(held, truth) {
            held[at..at + truth.len()].copy_from_slice(lie);
        }
    }
    let begun =
        |truth: &[u8]| (1..truth.len()).rev().find(|count| held.ends_with(&truth[..*count]));
    let stays = lies.iter().filter_map(|(truth, _)| begun(truth)).max().unwrap_or(0);
    let rest = held.split_off(held.len() - stays);
    std::mem::replace(held, rest)
}
