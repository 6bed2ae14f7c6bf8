//! Files on a connection: uploads that come in pieces, downloads that go out within the window.
//! The bytes are moved on blocking threads, one piece at a time, so that a connection never holds
//! more of a file than it is just writing.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use liao_common::{
    codec,
    event::{self, Empty, FileAck, FileData, FileFound, FileOpened, FileStored, kind},
    fault::{Fault, FaultCode},
    id::{FileId, UserId},
    limits,
    request::{FileCancel, FileDone, FileGet, FileOpen},
    text,
};

use crate::{
    chat::hub::Hub,
    descriptors,
    engine::Transaction,
    files::{Download, FileError, Upload},
    state::{record::File, view},
};

/// What a connection has under way.
#[derive(Default)]
pub(in crate::chat) struct Transfers {
    last: u64,
    uploads: BTreeMap<u64, Sending>,
    downloads: BTreeMap<u64, Fetching>,
}

struct Sending {
    upload: Option<Upload>,
    ask: FileOpen,
    /// Why it stopped; told when the client asks for the end.
    broken: Option<Fault>,
}

struct Fetching {
    fid: FileId,
    download: Option<Download>,
    acked: u64,
}

impl Transfers {
    /// Starts an upload, or goes on with one.
    pub(in crate::chat) async fn open(
        &mut self,
        hub: &Arc<Hub>,
        user: UserId,
        ask: FileOpen,
    ) -> Result<FileOpened, Fault> {
        self.check_count()?;
        check_name(&ask.name)?;
        let (room, size, b3) = (ask.room, ask.size, ask.b3);
        let upload = hub
            .read(move |hub| {
                view::inside(&*hub.store, user, room)?.ok_or(FaultCode::NotFound)?;
                let used = view::files_used(&*hub.store, user)?;
                Ok(hub.files.upload(user, size, b3, used)?)
            })
            .await?;
        self.last += 1;
        let opened = FileOpened { x: self.last, off: upload.offset() };
        self.uploads.insert(self.last, Sending { upload: Some(upload), ask, broken: None });
        Ok(opened)
    }

    fn check_count(&self) -> Result<(), Fault> {
        if self.uploads.len() + self.downloads.len() < limits::TRANSFERS_MAX {
            return Ok(());
        }
        Err(Fault::new(FaultCode::Busy, "too many transfers on this connection").retry_after(1000))
    }

    /// Takes a piece of an upload; gives the acknowledgement when it is time for one. Pieces of
    /// transfers that are over, or that broke, are dropped: the client hears of it at the end.
    pub(in crate::chat) async fn take(&mut self, hub: &Arc<Hub>, data: FileData) -> Option<Bytes> {
        let sending = self.uploads.get_mut(&data.x)?;
        let mut upload = sending.upload.take()?;
        if data.d.len() > limits::CHUNK_BYTES {
            sending.broken = Some(Fault::new(FaultCode::BadRequest, "the piece is too large"));
            return None;
        }
        let written = hub
            .read(move |_| {
                let acked = upload.write(data.o, &data.d);
                Ok((upload, acked))
            })
            .await;
        match written {
            Ok((upload, Ok(acked))) => {
                sending.upload = Some(upload);
                acked.map(|o| codec::frame(kind::FACK, 0, &FileAck { x: data.x, o }))
            }
            Ok((_, Err(error))) => {
                sending.broken = Some(error.into());
                None
            }
            Err(fault) => {
                sending.broken = Some(fault);
                None
            }
        }
    }

    /// Ends an upload: from here on the file exists.
    pub(in crate::chat) async fn done(
        &mut self,
        hub: &Arc<Hub>,
        user: UserId,
        ask: FileDone,
    ) -> Result<FileStored, Fault> {
        let sending = self.uploads.remove(&ask.x).ok_or(FaultCode::NotFound)?;
        if let Some(fault) = sending.broken {
            return Err(fault);
        }
        let upload = sending.upload.ok_or(FaultCode::Internal)?;
        let verified = hub.read(move |_| Ok(upload.verify()?)).await?;
        let file = sending.ask;
        let used_max = hub.files.limits().user_bytes_max;
        let decide = move |tx: &mut Transaction<'_, '_>| {
            view::inside(tx, user, file.room)?.ok_or(FaultCode::NotFound)?;
            let used = view::files_used(tx, user)?.saturating_add(file.size);
            if used > used_max {
                return Err(FaultCode::TooLarge.into());
            }
            let record = File {
                file: tx.next_file()?,
                user,
                room: file.room,
                b3: file.b3,
                size: file.size,
                name: file.name,
                media: text::clean_line(&file.media).chars().take(100).collect(),
                used,
                at: tx.now_ms(),
            };
            tx.put_file(&record);
            Ok(FileStored { fid: record.file })
        };
        match hub.engine.run(decide).await {
            Ok(stored) => {
                // From the decision on it is somebody's file; until here nobody could fetch it.
                hub.read(move |_| Ok(verified.publish()?)).await?;
                Ok(stored)
            }
            Err(fault) => {
                if fault.code != FaultCode::ShuttingDown && fault.code != FaultCode::StorageFull {
                    hub.read(move |_| Ok(verified.discard()?)).await?;
                }
                Err(fault)
            }
        }
    }

    /// Starts a download. A file is for the members of its room who may see where it was offered.
    pub(in crate::chat) async fn fetch(
        &mut self,
        hub: &Arc<Hub>,
        user: UserId,
        ask: FileGet,
    ) -> Result<FileFound, Fault> {
        self.check_count()?;
        let x = self.last + 1;
        let (download, found) = hub
            .read(move |hub| {
                let file = seen(hub, user, ask.fid)?;
                let download = hub.files.download(user, &file.b3, file.size, ask.off)?;
                Ok((download, FileFound { x, size: file.size, b3: file.b3, name: file.name }))
            })
            .await?;
        self.last = x;
        if !download.is_done() {
            let acked = download.offset();
            let fetching = Fetching { fid: ask.fid, download: Some(download), acked };
            self.downloads.insert(x, fetching);
        }
        Ok(found)
    }

    /// The client has this much.
    pub(in crate::chat) fn acknowledge(&mut self, ack: FileAck) {
        let Some(fetching) = self.downloads.get_mut(&ack.x) else { return };
        let Some(download) = &fetching.download else { return };
        fetching.acked = ack.o.clamp(fetching.acked, download.offset());
    }

    /// Whether a piece may go out now.
    pub(in crate::chat) fn is_ready(&self) -> bool {
        self.downloads.values().any(Fetching::is_ready)
    }

    /// The next piece of a download, if one may go out, or the word that there will be none.
    pub(in crate::chat) async fn next(&mut self, hub: &Arc<Hub>, user: UserId) -> Option<Bytes> {
        let (&x, fetching) = self.downloads.iter_mut().find(|(_, fetching)| fetching.is_ready())?;
        let mut download = fetching.download.take()?;
        let fid = fetching.fid;
        let read = hub
            .read(move |hub| {
                // Each time: whoever was taken out, or left, gets not one piece more.
                seen(hub, user, fid)?;
                let piece = download.read()?;
                Ok((download, piece))
            })
            .await;
        match read {
            Ok((download, (o, d))) => {
                if download.is_done() {
                    self.downloads.remove(&x);
                } else {
                    fetching.download = Some(download);
                }
                Some(codec::frame(kind::FDAT, 0, &FileData { x, o, d }))
            }
            Err(fault) => {
                self.downloads.remove(&x);
                Some(event::err(0, &over(x, fault)))
            }
        }
    }

    /// Stops a transfer; what was uploaded stays for later unless it is to be thrown away.
    pub(in crate::chat) async fn cancel(
        &mut self,
        hub: &Arc<Hub>,
        ask: FileCancel,
    ) -> Result<Empty, Fault> {
        if self.downloads.remove(&ask.x).is_some() {
            return Ok(Empty {});
        }
        let sending = self.uploads.remove(&ask.x).ok_or(FaultCode::NotFound)?;
        if let Some(upload) = sending.upload.filter(|_| ask.discard) {
            hub.read(move |_| Ok(upload.discard()?)).await?;
        }
        Ok(Empty {})
    }
}

/// A file, if this person is in its room now and may see where it was offered.
fn seen(hub: &Hub, user: UserId, fid: FileId) -> Result<File, Fault> {
    let file = view::file(&*hub.store, fid)?.ok_or(FaultCode::NotFound)?;
    let member = view::inside(&*hub.store, user, file.room)?.ok_or(FaultCode::NotFound)?;
    let shown = view::offers(&*hub.store, fid, 1)?.first().copied();
    if file.user != user && shown.is_none_or(|seq| seq <= member.floor) {
        return Err(FaultCode::NotFound.into());
    }
    Ok(file)
}

/// Why a download ends before its end.
fn over(x: u64, mut fault: Fault) -> Fault {
    if fault.code == FaultCode::NotFound {
        fault.msg = format!("transfer {x} is over: its file is not for you any more");
    } else {
        tracing::error!("a stored file cannot be read: {fault}");
    }
    fault
}

impl Fetching {
    fn is_ready(&self) -> bool {
        self.download.as_ref().is_some_and(|download| {
            !download.is_done() && download.offset() < self.acked + limits::WINDOW_BYTES
        })
    }
}

/// A name is something to show, never a path.
fn check_name(name: &str) -> Result<(), Fault> {
    let bad = name.is_empty()
        || name.len() > limits::FILE_NAME_BYTES_MAX
        || name.contains(['/', '\\', '\0'])
        || matches!(name, "." | "..")
        || text::clean_line(name) != name;
    if bad { Err(Fault::new(FaultCode::BadName, "a file's name is no path")) } else { Ok(()) }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::Io(source) if source.kind() == std::io::ErrorKind::StorageFull => {
                FaultCode::StorageFull
            }
            FileError::Io(source) if descriptors::are_gone(source) => FaultCode::Busy,
            FileError::Io(_) => FaultCode::Internal,
            FileError::TooLarge => FaultCode::TooLarge,
            FileError::Full => FaultCode::StorageFull,
            FileError::InUse | FileError::Busy | FileError::TooMany => FaultCode::Busy,
            FileError::Offset(_) => FaultCode::Conflict,
            FileError::Excess | FileError::Mismatch => FaultCode::BadRequest,
            FileError::Missing => FaultCode::Gone,
        };
        if code == FaultCode::Internal {
            tracing::error!("a file cannot be moved: {error}");
        }
        let mut fault = Self::new(code, error.to_string());
        match error {
            FileError::Offset(off) => fault.off = Some(off),
            _ if code == FaultCode::Busy => fault.retry_ms = Some(1000),
            _ => {}
        }
        fault
    }
}
