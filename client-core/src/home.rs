//! The files of a client in one directory: known servers, remembered logins, outboxes. Written
//! whole and atomically, readable by their owner only; a password is never among them.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use liao_common::{
    id::{Pin, RoomId},
    limits,
    name::UserName,
    request::Token,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    address::Address,
    entropy::{self, Entropy},
    outbox::Outbox,
    transfer::Shelf,
};

mod accounts;
mod unwritten;

use unwritten::Unwritten;

/// A longer file of settings is not one of ours, in bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Servers and accounts that are remembered; beyond, the one used longest ago goes.
pub const ENTRIES_MAX: usize = 256;

/// Bytes of one draft that are kept: as many as a message has.
const DRAFT_BYTES_MAX: usize = limits::TEXT_BYTES_MAX;

/// Bytes of a person's drafts as they are written, which may be six times their text. What is written can be read again.
const DRAFTS_BYTES_MAX: usize = 3 * 1024 * 1024;
const _: () = assert!((DRAFTS_BYTES_MAX as u64) < FILE_BYTES_MAX);

/// How often a lock is tried that another program holds.
const LOCK_TRIES: u32 = 100;

/// Time between two tries, in milliseconds.
const LOCK_TRY_MS: u64 = 20;

/// A directory with the files of a client.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
    unwritten: Unwritten,
}

/// A server whose key was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownServer {
    /// Where it is.
    pub address: Address,
    /// Its key.
    #[serde(with = "hex_pin")]
    pub pin: Pin,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// What the person calls it; may be empty.
    #[serde(default)]
    pub name: String,
    /// An authority vouched for the key then. It has to vouch for whichever key comes later, and the
    /// one here is not looked at any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouched: bool,
    /// The key that the server said it will have one day.
    #[serde(default, with = "hex_pin_or_none", skip_serializing_if = "Option::is_none")]
    pub next: Option<Pin>,
}

/// A login that was remembered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// On which server.
    pub address: Address,
    /// The user id.
    pub user: UserName,
    /// The display name, as the server last said it.
    #[serde(default)]
    pub name: String,
    /// The device's token.
    #[serde(with = "hex_token")]
    pub token: Token,
    /// When it was last used, in milliseconds since 1970.
    #[serde(default)]
    pub used_ms: u64,
}

/// Leaves the token out.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({} at {})", self.user, self.address)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct ServersFile {
    #[serde(default)]
    server: Vec<KnownServer>,
}

#[derive(Default, Serialize, Deserialize)]
struct AccountsFile {
    #[serde(default)]
    account: Vec<Account>,
}

#[derive(Serialize, Deserialize)]
struct Draft {
    room: RoomId,
    text: String,
}

#[derive(Default, Serialize, Deserialize)]
struct DraftsFile {
    #[serde(default)]
    draft: Vec<Draft>,
}

impl Home {
    /// Opens the directory, and makes it for its owner only when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        make_dir(&dir.join("outbox"))?;
        Ok(Self::at(dir))
    }

    /// The same without making anything, for those who only read: what is missing is empty.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), unwritten: Unwritten::default() }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All known servers.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood. It is never taken for empty: that
    /// would make strangers of known servers.
    pub fn servers(&self) -> io::Result<Vec<KnownServer>> {
        let mut servers = self.read::<ServersFile>("known_servers.toml")?.server;
        self.unwritten.cover(&mut servers);
        Ok(servers)
    }

    /// The known server at an address.
    ///
    /// # Errors
    /// See [`Home::servers`].
    pub fn server(&self, address: &Address) -> io::Result<Option<KnownServer>> {
        Ok(self.servers()?.into_iter().find(|known| known.address == *address))
    }

    /// Remembers a server, in place of an earlier entry for its address.
    ///
    /// # Errors
    /// When the file cannot be read or written. Then the server is remembered until the end of the
    /// program, and [`Home::catch_up`] tries again.
    pub fn remember_server(&self, server: KnownServer) -> io::Result<()> {
        self.unwritten.push(server);
        self.catch_up()
    }

    /// Writes what could not be written.
    ///
    /// # Errors
    /// When it still cannot be written.
    pub fn catch_up(&self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut server = self.servers()?;
        server.drain(..server.len().saturating_sub(ENTRIES_MAX));
        let file = ServersFile { server };
        self.write("known_servers.toml", &file)?;
        self.unwritten.written(&file.server);
        Ok(())
    }

    /// Remembers which key a known server said it will have, or that it said nothing of one. To be
    /// called only for who has shown the key that is known.
    ///
    /// # Errors
    /// See [`Home::remember_server`].
    pub fn remember_next(&self, address: &Address, next: Option<Pin>) -> io::Result<()> {
        match self.server(address)? {
            Some(known) if known.next != next => {
                self.remember_server(KnownServer { next, ..known })
            }
            _ => Ok(()),
        }
    }

    /// Remembers that a server has the key now that it had announced.
    ///
    /// # Errors
    /// See [`Home::remember_server`].
    pub fn remember_moved(&self, address: &Address, since_ms: u64) -> io::Result<()> {
        match self.server(address)? {
            Some(KnownServer { next: Some(pin), name, address, vouched, .. }) => self
                .remember_server(KnownServer { address, pin, since_ms, name, vouched, next: None }),
            _ => Ok(()),
        }
    }

    /// Forgets the key of a server. `false` when none was known.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn forget_server(&self, address: &Address) -> io::Result<bool> {
        let unwritten = self.unwritten.forget(address);
        let _lock = self.lock()?;
        let mut servers = self.servers()?;
        let before = servers.len();
        servers.retain(|known| known.address != *address);
        let found = servers.len() < before;
        if found {
            self.write("known_servers.toml", &ServersFile { server: servers })?;
        }
        Ok(found || unwritten)
    }

    /// Opens the outbox of a person on a server.
    ///
    /// # Errors
    /// See [`Outbox::open`]; in particular when the same person runs a second client here.
    pub fn outbox(&self, address: &Address, user: &UserName) -> io::Result<Outbox> {
        Outbox::open(&self.dir.join("outbox").join(key_of(address, user)))
    }

    /// Where the transfers of a person on a server are kept. For who has the outbox: it is locked, and this is not.
    #[must_use]
    pub fn shelf(&self, address: &Address, user: &UserName) -> Shelf {
        Shelf::at(self.dir.join(format!("outbox/{}.transfers", key_of(address, user))))
    }

    /// What a person had begun to write and not sent, by room.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn drafts(
        &self,
        address: &Address,
        user: &UserName,
    ) -> io::Result<BTreeMap<RoomId, String>> {
        let file: DraftsFile = self.read(&drafts_name(address, user))?;
        Ok(file.draft.into_iter().map(|draft| (draft.room, draft.text)).collect())
    }

    /// Remembers what a person has begun to write in these rooms; an empty text forgets the room's.
    /// Rooms that are not named keep what another program of the same person remembered. What is
    /// too long is cut, and beyond `ENTRIES_MAX` rooms, or beyond what one file holds, those that are
    /// not named go first. Gives the texts that are not kept, or not whole.
    ///
    /// # Errors
    /// When the file cannot be read, understood or written.
    pub fn keep_drafts(
        &self,
        address: &Address,
        user: &UserName,
        drafts: &BTreeMap<RoomId, String>,
    ) -> io::Result<BTreeMap<RoomId, String>> {
        let _lock = self.lock()?;
        let mut others = self.drafts(address, user)?;
        others.retain(|room, _| !drafts.contains_key(room));
        let texts = drafts.iter().chain(&others).filter(|(_, text)| !text.trim().is_empty());
        let (mut file, mut lost, mut bytes) = (DraftsFile::default(), BTreeMap::new(), 0);
        for (room, text) in texts {
            let end = text.floor_char_boundary(DRAFT_BYTES_MAX);
            let draft = Draft { room: *room, text: text[..end].to_owned() };
            let one = DraftsFile { draft: vec![draft] };
            // Two drafts stand apart by an empty line.
            let more = in_toml(&one)?.len() + 1;
            let fits = file.draft.len() < ENTRIES_MAX && bytes + more <= DRAFTS_BYTES_MAX;
            if fits {
                bytes += more;
                file.draft.extend(one.draft);
            }
            if !fits || end < text.len() {
                lost.insert(*room, text.clone());
            }
        }
        self.write(&drafts_name(address, user), &file)?;
        Ok(lost)
    }

    /// Two programs that change one file take turns. One that hangs in the midst of it holds the
    /// other up for a while only: then this is [`io::ErrorKind::WouldBlock`].
    fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        owner_only(&mut options);
        let file = options.open(self.dir.join("lock"))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    thread::park_timeout(Duration::from_millis(LOCK_TRY_MS));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        let why = "another program holds the files for too long";
        Err(io::Error::new(io::ErrorKind::WouldBlock, why))
    }

    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> io::Result<T> {
        let path = self.dir.join(name);
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(error),
        };
        let broken = |why: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
        };
        if meta.len() > FILE_BYTES_MAX {
            return Err(broken("too long".to_owned()));
        }
        toml::from_str(&fs::read_to_string(&path)?).map_err(|error| broken(error.to_string()))
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        write_atomic(&self.dir.join(name), in_toml(value)?.as_bytes())
    }
}

fn in_toml<T: Serialize>(value: &T) -> io::Result<String> {
    toml::to_string_pretty(value).map_err(io::Error::other)
}

/// Names of people and servers are not names of files; their hash always is one.
fn key_of(address: &Address, user: &UserName) -> String {
    let hash = blake3::hash(format!("{address}\n{user}").as_bytes()).to_hex();
    hash[..32].to_owned()
}

fn drafts_name(address: &Address, user: &UserName) -> String {
    format!("outbox/{}.drafts", key_of(address, user))
}

/// Replaces a file by a complete new one, or leaves it as it was.
///
/// # Errors
/// When the new one cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut tag = [0; 8];
    entropy::SystemEntropy.fill(&mut tag);
    let next = path.with_extension(format!("{:016x}.new", u64::from_le_bytes(tag)));
    let done = write_synced(&next, bytes).and_then(|()| fs::rename(&next, path));
    if done.is_err() {
        // The old file stays; a left-over beside it would only confuse.
        let _ = fs::remove_file(&next);
    }
    done.and_then(|()| sync_parent(path))
}

/// Writes a file for its owner only, and waits until it is on disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    owner_only(&mut options);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename or a new file in the directory durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) && !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

/// A new file is readable by its owner only.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let _ = options;
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

mod hex_pin {
    use liao_common::id::Pin;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(pin: &Pin, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(pin)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pin, D::Error> {
        let text = String::deserialize(from)?;
        Pin::parse_hex(&text).ok_or_else(|| D::Error::custom("a pin has 64 hexadecimal digits"))
    }
}

mod hex_pin_or_none {
    use liao_common::id::Pin;
    use serde::{Deserializer, Serializer};

    use super::hex_pin;

    pub(super) fn serialize<S: Serializer>(pin: &Option<Pin>, to: S) -> Result<S::Ok, S::Error> {
        match pin {
            Some(pin) => hex_pin::serialize(pin, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Pin>, D::Error> {
        hex_pin::deserialize(from).map(Some)
    }
}

mod hex_token {
    use std::fmt::Write;

    use liao_common::request::Token;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(token: &Token, to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(token.0.len() * 2);
        for byte in &token.0 {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Token, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pairs = text.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = pairs
            .map(|pair| match pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect();
        bytes.map(Token).ok_or_else(|| D::Error::custom("a token is hexadecimal"))
    }
}

#[cfg(test)]
mod tests;
