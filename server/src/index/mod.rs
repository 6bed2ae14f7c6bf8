//! The index: what can be rebuilt from the journal, kept as sorted keys and values.
//! An implementation owns its rows and the mark that says how far the journal is in them.
//! Its rows are at least as new as the mark, also after a crash; losing an index loses time, never facts.

mod memory;
mod octets;
mod sled;
mod span;
mod trust;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

pub use memory::MemoryIndex;
pub use octets::Octets;
pub use sled::{SledIndex, SledOptions};
pub use span::{Direction, Span};

use crate::journal::Position;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Longest value, in bytes: longer ones would leave sled's log for files of their own.
pub const VALUE_BYTES_MAX: usize = 60 * 1024;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// One change of one key. A key is 1 to [`KEY_BYTES_MAX`] bytes and does not begin with a zero
/// byte: those keys belong to the index itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Octets,
    /// Its new value, at most [`VALUE_BYTES_MAX`] bytes; `None` removes the key.
    pub value: Option<Octets>,
}

impl Write {
    /// Sets a key.
    pub fn put(key: impl Into<Octets>, value: impl Into<Octets>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    /// Removes a key.
    pub fn remove(key: impl Into<Octets>) -> Self {
        Self { key: key.into(), value: None }
    }

    /// True when key and value are within the limits.
    pub fn allowed(&self) -> bool {
        let value = self.value.as_ref();
        Self::is_key(&self.key) && value.is_none_or(|value| value.len() <= VALUE_BYTES_MAX)
    }

    /// True when this may be the key of a row.
    pub(crate) fn is_key(key: &[u8]) -> bool {
        key.len() <= KEY_BYTES_MAX && key.first().is_some_and(|&first| first != 0)
    }
}

/// How far the journal is in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Lineage of the journal.
    pub epoch: u64,
    /// Version of the projection that made the rows.
    pub version: u32,
    /// All commits before this place are in the index.
    pub position: Position,
    /// Nothing from this place on is in the index. Rows of what lies in between may be there or not:
    /// projecting it again makes them right.
    pub reach: Position,
}

impl Mark {
    /// All before `position` is there, and nothing behind it.
    pub const fn at(epoch: u64, version: u32, position: Position) -> Self {
        Self { epoch, version, position, reach: position }
    }

    fn encode(&self) -> [u8; 36] {
        let mut out = [0; 36];
        out[..8].copy_from_slice(&self.epoch.to_be_bytes());
        out[8..12].copy_from_slice(&self.version.to_be_bytes());
        for (at, place) in [(12, self.position), (24, self.reach)] {
            out[at..at + 4].copy_from_slice(&place.segment.to_be_bytes());
            out[at + 4..at + 12].copy_from_slice(&place.offset.to_be_bytes());
        }
        out
    }

    /// `None` when it makes no sense. One without a reach, of an older version, reaches to its position.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (position, rest) = decode_position(rest)?;
        let (reach, rest) = if rest.is_empty() { (position, rest) } else { decode_position(rest)? };
        let (epoch, version) = (u64::from_be_bytes(*epoch), u32::from_be_bytes(*version));
        rest.is_empty().then_some(Self { epoch, version, position, reach })
    }
}

fn decode_position(bytes: &[u8]) -> Option<(Position, &[u8])> {
    let (segment, rest) = bytes.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let (segment, offset) = (u32::from_be_bytes(*segment), u64::from_be_bytes(*offset));
    Some((Position { segment, offset }, rest))
}

/// Why an index cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file system refused; the rows may well be sound.
    #[error("cannot {action} the index: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The rows cannot be trusted; the index must be rebuilt.
    #[error("the index is damaged ({0}); it is rebuilt at the next start")]
    Damaged(String),
    /// An earlier write failed; the words say how. The journal has what the index lacks.
    #[error("the index stopped: {0}")]
    Stopped(String),
}

impl IndexError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

/// A key, and its value from now on; `None` removes it.
pub type Row<'a> = (&'a [u8], Option<&'a [u8]>);

/// Sorted rows. One thread applies, any number read. What one thread asked for comes to the disk in that
/// order: after a crash a beginning of it is there, to any row of it, unless the next start doubts it all.
pub trait Index: Send + Sync {
    /// The value of a key.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError>;
    /// At most `limit` rows of `span`, the nearest in `direction` first. Nothing backward over keys that
    /// somebody else can choose, nonces and names of people and rooms: sled never finds its way over some.
    fn scan(
        &self,
        span: &Span,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, IndexError>;
    /// Changes rows, one after the other. Cheapest in the order of keys.
    fn apply(&self, rows: &[Row<'_>]) -> Result<(), IndexError>;
    /// Says how far the journal is in it.
    fn set_mark(&self, mark: Mark) -> Result<(), IndexError>;
    /// The mark that was set last; `None` in an empty index.
    fn mark(&self) -> Result<Option<Mark>, IndexError>;
    /// Brings all applied rows to the disk.
    fn checkpoint(&self) -> Result<(), IndexError>;
    /// Checkpoints and notes that this stop was clean. Nothing may be applied afterwards.
    fn close(&self) -> Result<(), IndexError>;
}

/// The place where an index lives between two runs.
pub trait IndexHome: Send + Sync {
    /// True when an index is there, sound or not.
    fn holds_rows(&self) -> Result<bool, IndexError>;
    /// Opens what is there, or an empty index.
    fn open(&self) -> Result<IndexFound, IndexError>;
    /// Moves what is there out of the way; gives its new name, if it has one.
    fn set_aside(&self) -> Result<Option<String>, IndexError>;
}

/// What was found in an [`IndexHome`].
pub enum IndexFound {
    /// An index whose rows agree with its mark.
    Sound(Arc<dyn Index>),
    /// There are rows, but they may be wrong.
    Doubtful {
        /// Why, in words.
        why: String,
        /// Marks that once were true, whatever became of the rows: the journal had reached them.
        seen: Vec<Mark>,
    },
}
