//! Small files up and down, one at a time.

use std::time::Duration;

use anyhow::{Context as _, Result};
use liao_check::history::Fact;
use liao_common::{
    codec,
    event::{FileData, FileFound, FileOpened, FileStored, kind},
    id::{FileId, Hash, RoomId},
    limits,
    request::{FileDone, FileGet, FileOpen},
};

use super::{Asked, Client};
use crate::clock::Deadline;

/// How long a file may take to come.
const FETCH_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of a file at most: all of it fits in a window, so nothing has to be acknowledged on the way.
const FILE_BYTES_MAX: usize = 150_000;

impl Client {
    /// Uploads a file and shows it in a room.
    pub(crate) fn upload(&mut self, room: u64) -> Result<()> {
        let len = self.dice.place(FILE_BYTES_MAX);
        let bytes = self.dice.bytes(len);
        let b3 = Hash(blake3::hash(&bytes).into());
        let (x, at) = self.open_upload(room, bytes.len(), b3)?;
        self.send_pieces(x, at, &bytes[at..])?;
        let FileStored { fid } = self.ask(FileDone { x })?;
        self.tell(Fact::Stored { file: fid.0, b3: b3.to_string() });
        self.stored.push(fid.0);
        self.post_file(room, fid.0)
    }

    /// Begins with a file that will not come.
    pub(crate) fn upload_half(&mut self, room: u64) -> Result<()> {
        let bytes = self.dice.bytes(FILE_BYTES_MAX);
        let b3 = Hash(blake3::hash(&bytes).into());
        let (x, at) = self.open_upload(room, bytes.len(), b3)?;
        self.send_pieces(x, at, &bytes[at..FILE_BYTES_MAX / 2])
    }

    fn open_upload(&mut self, room: u64, len: usize, b3: Hash) -> Result<(u64, usize)> {
        let name = format!("{}-{}.bin", self.name, self.made);
        let (room, size) = (RoomId(room), len as u64);
        let FileOpened { x, off } =
            self.ask(FileOpen { room, size, b3, name, media: String::new() })?;
        Ok((x, usize::try_from(off)?))
    }

    fn send_pieces(&mut self, x: u64, mut at: usize, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(limits::CHUNK_BYTES) {
            let data = FileData { x, o: at as u64, d: piece.to_vec() };
            at += piece.len();
            let frame = codec::frame(kind::FDAT, 0, &data);
            self.link.as_mut().context("not connected")?.send(&frame)?;
        }
        Ok(())
    }

    /// Fetches those of the files it has uploaded that are asked for.
    pub(crate) fn fetch(&mut self, wanted: impl Fn(u64) -> bool) -> Result<()> {
        for file in self.stored.clone() {
            if wanted(file) {
                let b3 = self.fetch_one(file)?;
                self.tell(Fact::Fetched { file, b3 });
            }
        }
        Ok(())
    }

    fn fetch_one(&mut self, file: u64) -> Result<String> {
        let rid = self.send(FileGet { fid: FileId(file), off: 0 }, Asked::Waited)?;
        let found: FileFound = match self.outcome(rid)? {
            Ok(frame) => frame.decode()?,
            Err(fault) => return Ok(fault.code.as_str().to_owned()),
        };
        let deadline = Deadline::within(FETCH_WITHIN);
        let have = |client: &Self| client.pieces.get(&found.x).map_or(0, Vec::len) as u64;
        while have(self) < found.size && !deadline.left().is_zero() {
            self.hear()?;
        }
        let bytes = self.pieces.remove(&found.x).unwrap_or_default();
        Ok(Hash(blake3::hash(&bytes).into()).to_string())
    }
}
