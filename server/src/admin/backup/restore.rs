//! From a backup to a data folder that a server starts from.

use std::{fs, path::Path, sync::Arc};

use super::{
    BackupError, Copy, FORM, MANIFEST, Summary,
    content::{copy_blobs, examine, write_new},
    failed, make_folder, new_epoch,
};
use crate::{
    datadir,
    disk::{Disk, RealDisk, sync_folder},
    journal::{Journal, JournalOptions, Position},
};

/// Makes a data folder at `data`, which must be empty or missing, of the backup at `from`. All of it is
/// read and compared before anything is written, and again afterwards. The server begins a new
/// epoch: clients forget what they saw after the backup was made.
///
/// # Errors
/// See [`BackupError`]. A folder that was begun is no data folder, and no server starts from it.
pub async fn restore(from: &Path, data: &Path) -> Result<Summary, BackupError> {
    let path = from.join(MANIFEST);
    let Ok(manifest) = fs::read_to_string(&path) else {
        return Err(BackupError::Nothing { what: "backup", at: from.display().to_string() });
    };
    let unsound = |path: &Path| BackupError::Unsound(path.display().to_string());
    if !manifest.starts_with(FORM) || examine(from)?.to_text() != manifest {
        return Err(unsound(&path));
    }
    make_folder(data)?;
    if fs::read_dir(data).map_err(failed("list", data))?.next().is_some() {
        return Err(BackupError::Occupied(data.display().to_string()));
    }
    let summary = fill(from, data).await?;
    if examine(data)?.to_text() != manifest {
        return Err(unsound(data));
    }
    begin_lineage(data)?;
    // Last: without it no server takes the folder for its own.
    datadir::write_format(data).map_err(failed("write", data))?;
    Ok(summary)
}

async fn fill(from: &Path, data: &Path) -> Result<Summary, BackupError> {
    let journal = from.join("journal");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&journal).map_err(failed("open", &journal))?);
    let mut copy = Copy::begin(&data.join("journal"), Position::START)?;
    copy.follow(&disk).await?;
    let records = copy.finish()?.records;
    let (files, damaged) = copy_blobs(&from.join("blobs"), &data.join("blobs"))?;
    let tls = data.join("tls");
    make_folder(&tls)?;
    let key = from.join("tls").join("key.pem");
    let key = fs::read(&key).map_err(failed("read", &key))?;
    write_new(&tls.join("key.pem"), &key)?;
    sync_folder(&tls).map_err(failed("sync", &tls))?;
    Ok(Summary { records, files, damaged })
}

fn begin_lineage(data: &Path) -> Result<(), BackupError> {
    let journal = data.join("journal");
    let disk = Arc::new(RealDisk::open(&journal).map_err(failed("open", &journal))?);
    let options = JournalOptions { begin_lineage: true, ..JournalOptions::new(new_epoch()?) };
    Journal::open(disk, options)?;
    Ok(())
}
