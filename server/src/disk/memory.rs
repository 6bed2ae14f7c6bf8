//! A disk in memory for tests. It knows which bytes and names were synced, so it can show what a
//! power cut would leave, and it can be told to fail. Clones share one folder.
//! Not for production: nothing outlives the process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// A folder in memory.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    /// So many writes succeed before one fails.
    fail_append: Option<u64>,
    fail_sync: bool,
    free_bytes: Option<u64>,
    changes_left: Option<u64>,
}

#[derive(Default, Clone)]
struct Inode {
    live: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum NameChange {
    Set(String, usize),
    Rename(String, String),
    Remove(String),
}

impl MemoryDisk {
    /// An empty folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder as it would be found after a power cut now. Without `keep_unsynced` all that
    /// was not synced is gone; with it, a part chosen by `seed` is there, torn anywhere.
    pub fn cut(&self, seed: u64, keep_unsynced: bool) -> Self {
        let state = self.lock();
        let mut dice = Dice(seed);
        let mut names = state.synced_names.clone();
        if keep_unsynced {
            let kept = dice.below(state.unsynced_names.len() + 1);
            state.unsynced_names.iter().take(kept).for_each(|change| change.apply(&mut names));
        }
        let inodes = state.inodes.iter().map(|inode| {
            let found = if keep_unsynced { inode.torn(&mut dice) } else { inode.synced.clone() };
            Inode { live: found.clone(), synced: found, unsynced: Vec::new() }
        });
        let after = State {
            inodes: inodes.collect(),
            synced_names: names.clone(),
            names,
            ..State::default()
        };
        Self { state: Arc::new(Mutex::new(after)) }
    }

    /// A separate copy of the folder as a program sees it now, everything in it synced.
    pub fn fork(&self) -> Self {
        let state = self.lock();
        let inodes = state.inodes.iter().map(|inode| Inode {
            live: inode.live.clone(),
            synced: inode.live.clone(),
            unsynced: Vec::new(),
        });
        let copy = State {
            inodes: inodes.collect(),
            names: state.names.clone(),
            synced_names: state.names.clone(),
            ..State::default()
        };
        Self { state: Arc::new(Mutex::new(copy)) }
    }

    /// Makes the next write fail after half of its bytes.
    pub fn fail_next_append(&self) {
        self.fail_append_after(0);
    }

    /// The same after so many writes that succeed.
    pub fn fail_append_after(&self, writes: u64) {
        self.lock().fail_append = Some(writes);
    }

    /// Makes the next sync of a file or of the folder fail. As on Linux, the bytes a failed sync
    /// should have saved are forgotten: a later sync succeeds without them.
    pub fn fail_next_sync(&self) {
        self.lock().fail_sync = true;
    }

    /// Undoes [`MemoryDisk::power_off_after`]; nothing was lost, as after a kill.
    pub fn power_on(&self) {
        self.lock().changes_left = None;
    }

    /// Lets `changes` more writes, syncs and changes of names succeed; all later ones fail, as on
    /// a machine that lost its power.
    pub fn power_off_after(&self, changes: u64) {
        self.lock().changes_left = Some(changes);
    }

    /// Sets the bytes still free; files that grow use them up, and then writes fail.
    pub fn set_free_bytes(&self, free_bytes: u64) {
        self.lock().free_bytes = Some(free_bytes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, inode: usize) -> Arc<dyn DiskFile> {
        Arc::new(MemoryFile { disk: self.clone(), inode })
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl State {
    fn use_power(&mut self) -> io::Result<()> {
        let Some(left) = self.changes_left else { return Ok(()) };
        let off = || io::Error::other("power told to fail");
        self.changes_left = Some(left.checked_sub(1).ok_or_else(off)?);
        Ok(())
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn take_sync_failure(&mut self) -> io::Result<()> {
        self.use_power()?;
        if std::mem::take(&mut self.fail_sync) {
            return Err(io::Error::other("sync told to fail"));
        }
        Ok(())
    }

    fn inode(&mut self, inode: usize) -> io::Result<&mut Inode> {
        self.inodes.get_mut(inode).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn claim_growth(&mut self, inode: usize, end: usize) -> io::Result<()> {
        let growth = end.saturating_sub(self.inode(inode)?.live.len()) as u64;
        let Some(free) = self.free_bytes else { return Ok(()) };
        self.free_bytes =
            Some(free.checked_sub(growth).ok_or(io::Error::from(io::ErrorKind::StorageFull))?);
        Ok(())
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        place(&mut self.live, offset, bytes);
        self.unsynced.push((offset, bytes.to_vec()));
    }

    fn sync(&mut self) {
        for (offset, bytes) in self.unsynced.drain(..) {
            place(&mut self.synced, offset, &bytes);
        }
    }

    /// The synced content with a random part of the later writes: the length grows by some of
    /// them, and each block within that length arrived or did not.
    fn torn(&self, dice: &mut Dice) -> Vec<u8> {
        let mut found = self.synced.clone();
        let sized = dice.below(self.unsynced.len() + 1);
        for (offset, bytes) in self.unsynced.iter().take(sized) {
            let end = offset + bytes.len();
            if end > found.len() {
                found.resize(end, 0);
            }
        }
        let block = [1, 7, 64, 512, 4096][dice.below(5)];
        for (offset, bytes) in &self.unsynced {
            for (i, part) in bytes.chunks(block).enumerate() {
                let start = offset + i * block;
                let end = (start + part.len()).min(found.len());
                if start < end && dice.below(2) == 0 {
                    found[start..end].copy_from_slice(&part[..end - start]);
                }
            }
        }
        found
    }
}

fn place(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if end > content.len() {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.use_power()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change(NameChange::Set(name.to_owned(), inode));
        Ok(self.file(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.lock().names.get(name).copied();
        inode.map(|inode| self.file(inode)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.use_power()?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.use_power()?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.take_sync_failure()?;
        state.synced_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.lock().free_bytes.unwrap_or(u64::MAX))
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
}

fn to_usize(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for MemoryFile {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.disk.lock().inode(self.inode)?.live.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let start = to_usize(offset)?;
        let found = state.inode(self.inode)?.live.get(start..start + buf.len());
        buf.copy_from_slice(found.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.use_power()?;
        let offset = to_usize(offset)?;
        let fails = state.fail_append == Some(0);
        state.fail_append = state.fail_append.and_then(|writes| writes.checked_sub(1));
        if fails {
            state.inode(self.inode)?.write(offset, &bytes[..bytes.len() / 2]);
            return Err(io::Error::other("write told to fail"));
        }
        state.claim_growth(self.inode, offset + bytes.len())?;
        state.inode(self.inode)?.write(offset, bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.use_power()?;
        let failed = std::mem::take(&mut state.fail_sync);
        let inode = state.inode(self.inode)?;
        if failed {
            inode.unsynced.clear();
            return Err(io::Error::other("sync told to fail"));
        }
        inode.sync();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.take_sync_failure()?;
        let len = to_usize(len)?;
        let inode = state.inode(self.inode)?;
        inode.sync();
        inode.live.resize(len, 0);
        inode.synced.resize(len, 0);
        Ok(())
    }
}

/// SplitMix64: the same seed gives the same cut on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (limit.max(1) as u64)).unwrap_or(0)
    }
}
