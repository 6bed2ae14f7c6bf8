//! Segments of the journal, as far as they were written: behind that a server has zeros ready.

use std::{fs, path::Path};

use anyhow::Result;

/// Bytes of a file; of a segment of the journal, without the zeros at its end.
pub(crate) fn written_bytes(path: &Path) -> Result<u64> {
    if path.extension().is_none_or(|end| end != "log") {
        return Ok(fs::metadata(path)?.len());
    }
    let bytes = fs::read(path)?;
    Ok(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1))
}
