//! One person with the transfer code of every client: a link to the server, a file there, a file
//! back. Owns the runtime that the link runs in.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use liao_client_core::{
    address::Address,
    authorities::Authorities,
    dial::{ServerDialer, probe},
    handle::Handle,
    link::{Credentials, Link, LinkConfig},
    notice::{LinkState, Notice},
    transfer::{DownloadJob, Phase, TransferChange, TransferId, UploadJob},
    trust::Trust,
};
use liao_common::{
    event::Event,
    id::{FileId, Hash, RoomId},
    message::Kind,
    request::{Register, Secret},
};
use tokio::{runtime::Runtime, sync::mpsc::Receiver, time::timeout};

use crate::{
    clock, crowd,
    server::{Server, Transport},
};

/// How long one file may take.
const WITHIN: Duration = Duration::from_secs(120);

/// See the module.
pub(super) struct Mover {
    runtime: Runtime,
    handle: Handle,
    notices: Receiver<Notice>,
}

/// A file on the server.
pub(super) struct Offered {
    fid: FileId,
    hash: Hash,
    name: String,
    size: u64,
}

impl Mover {
    /// Registers somebody and waits until they are there.
    pub(super) fn new(server: &Server, transport: Transport, number: usize) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let address = Address::parse(&server.addr.to_string())?;
        let (handle, notices) = runtime.block_on(async {
            let trust = match transport {
                Transport::Plain => Trust::Plaintext,
                Transport::Tls => Trust::Pinned(probe(&address, &Authorities::none()).await?.pin),
            };
            let register = Register {
                user: format!("mover{number}"),
                name: String::new(),
                secret: Secret(crowd::password(number)),
                dev_name: "load".into(),
                invite: None,
            };
            let dialer = Arc::new(ServerDialer { address, trust });
            let config = LinkConfig::new(dialer, Credentials::Register(register), "load");
            anyhow::Ok(Link::start(config))
        })?;
        let mut mover = Self { runtime, handle, notices };
        mover.until("the login", |notice| {
            matches!(notice, Notice::State(LinkState::Online { .. })).then_some(())
        })?;
        Ok(mover)
    }

    /// Sends a file to the lobby. Gives the seconds of its hash, those of its way, and what the
    /// others see of it.
    pub(super) fn upload(&mut self, path: &Path) -> Result<((f64, f64), Offered)> {
        let job = UploadJob { room: RoomId::LOBBY, path: path.to_owned(), media: String::new() };
        let began = clock::now();
        let id = self.handle.upload(job)?;
        let mut moving = began;
        let fid = self.until("an upload", |notice| match phase(notice, id)? {
            Phase::Moving => {
                moving = clock::now();
                None
            }
            phase => ended(phase),
        })??;
        let done = clock::now();
        let offered = self.until("the message of an upload", |notice| {
            let Notice::Event(Event::Message(message)) = notice else { return None };
            let body = &message.body;
            let is_it = message.kind == Kind::File && body.fid == Some(fid);
            is_it.then(|| Offered {
                fid,
                hash: body.b3.unwrap_or(Hash([0; 32])),
                name: body.name.clone().unwrap_or_default(),
                size: body.size.unwrap_or_default(),
            })
        })?;
        let hashed_s = moving.duration_since(began).as_secs_f64();
        Ok(((hashed_s, done.duration_since(moving).as_secs_f64()), offered))
    }

    /// Fetches a file; gives the seconds it took, the comparison with its hash included.
    pub(super) fn download(&mut self, file: &Offered, dir: &Path) -> Result<f64> {
        let job = DownloadJob {
            room: RoomId::LOBBY,
            fid: file.fid,
            name: file.name.clone(),
            size: file.size,
            hash: file.hash,
            dir: dir.to_owned(),
        };
        let began = clock::now();
        let id = self.handle.download(job)?;
        self.until("a download", |notice| ended(phase(notice, id)?))??;
        Ok(began.elapsed().as_secs_f64())
    }

    fn until<T>(&mut self, what: &str, mut found: impl FnMut(&Notice) -> Option<T>) -> Result<T> {
        let Self { runtime, notices, .. } = self;
        let waiting = async {
            loop {
                let notice = notices.recv().await.context("the link ended")?;
                if let Notice::State(LinkState::Ended(end)) = &notice {
                    bail!("the link ended: {end:?}");
                }
                if let Some(found) = found(&notice) {
                    return Ok(found);
                }
            }
        };
        runtime
            .block_on(async { timeout(WITHIN, waiting).await })
            .with_context(|| what.to_owned())?
    }
}

fn phase(notice: &Notice, id: TransferId) -> Option<&Phase> {
    match notice {
        Notice::Transfer(told) if told.id == id => match &told.change {
            TransferChange::Phase { phase, .. } => Some(phase),
            _ => None,
        },
        _ => None,
    }
}

fn ended(phase: &Phase) -> Option<Result<FileId>> {
    match phase {
        Phase::Done { fid, .. } => Some(Ok(*fid)),
        phase if phase.is_over() || matches!(phase, Phase::Paused | Phase::Cut) => {
            Some(Err(anyhow::anyhow!("a transfer stopped: {phase:?}")))
        }
        _ => None,
    }
}
