//! What a backup is made of: records, files named by their hash, a key. Copying and examining them.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use liao_common::id::Hash;

use super::{BackupError, Manifest, end, failed, make_folder};
use crate::{
    disk::{Disk, RealDisk, sync_folder},
    journal::{JournalReader, Position, Record},
};

/// Bytes copied at a time.
const COPY_BYTES: usize = 256 * 1024;

/// All records in their order as one number.
#[derive(Default)]
pub(super) struct Digest {
    pub(super) records: u64,
    hasher: blake3::Hasher,
}

impl Digest {
    pub(super) fn add(&mut self, record: &Record) {
        self.records += 1;
        self.hasher.update(&[record.kind, u8::from(record.last)]);
        self.hasher.update(&(record.body.len() as u64).to_be_bytes());
        self.hasher.update(&record.body);
    }

    pub(super) fn to_hex(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

/// Reads everything in a backup that is said to be whole.
pub(super) fn examine(backup: &Path) -> Result<Manifest, BackupError> {
    let journal = backup.join("journal");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&journal).map_err(failed("open", &journal))?);
    let mut records = Digest::default();
    let reader = JournalReader::new(Arc::clone(&disk), end(disk.as_ref())?);
    for record in reader.records(Position::START) {
        records.add(&record?);
    }
    let mut files = 0;
    each_blob(&backup.join("blobs"), &mut |path, name| {
        let sound = hash_of(path, &mut std::io::sink())? == name;
        files += u64::from(sound);
        if sound { Ok(()) } else { Err(BackupError::Unsound(path.display().to_string())) }
    })?;
    let key = backup.join("tls").join("key.pem");
    let key = fs::read(&key).map_err(failed("read", &key))?;
    Ok(Manifest { records, files, key: Hash(blake3::hash(&key).into()) })
}

/// Copies all files below `from`. Gives how many, and those that are not what their name says.
pub(super) fn copy_blobs(from: &Path, to: &Path) -> Result<(u64, Vec<String>), BackupError> {
    let (mut files, mut damaged) = (0, Vec::new());
    make_folder(to)?;
    each_blob(from, &mut |path, name| {
        let folder = to.join(&name[..2]).join(&name[2..4]);
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let copy = folder.join(name);
        let mut file = create(&copy)?;
        if hash_of(path, &mut file)? == name {
            file.sync_all().map_err(failed("sync", &copy))?;
            sync_folder(&folder).map_err(failed("sync", &folder))?;
            files += 1;
        } else {
            fs::remove_file(&copy).map_err(failed("remove", &copy))?;
            damaged.push(path.display().to_string());
        }
        Ok(())
    })?;
    Ok((files, damaged))
}

/// Visits every file below a folder whose name is a hash.
pub(in crate::admin) fn each_blob(
    folder: &Path,
    visit: &mut dyn FnMut(&Path, &str) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let entry = entry.map_err(failed("list", folder))?;
        let path = entry.path();
        if path.is_dir() {
            each_blob(&path, visit)?;
        } else if let Some(name) = entry.file_name().to_str()
            && blake3::Hash::from_hex(name).is_ok()
        {
            visit(&path, name)?;
        }
    }
    Ok(())
}

/// The hash of a file in hexadecimal, its content written on the way.
pub(in crate::admin) fn hash_of(
    path: &Path,
    to: &mut impl std::io::Write,
) -> Result<String, BackupError> {
    let mut file = fs::File::open(path).map_err(failed("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(failed("read", path))?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        to.write_all(part).map_err(failed("copy", path))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn create(path: &Path) -> Result<fs::File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(failed("create", path))
}

/// Writes a small file and syncs it.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut file = create(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", path))
}
