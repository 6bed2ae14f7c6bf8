//! What goes out next on one connection, counted in bytes.

use std::collections::VecDeque;

use bytes::Bytes;

/// Frames that go out next, and how many bytes they are.
#[derive(Default)]
pub struct Outgoing {
    /// In order.
    pub frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Outgoing {
    /// Bytes gathered before they are written.
    const BYTES_MAX: usize = 256 * 1024;

    /// Adds a frame, or a run of them.
    pub fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Everything was written. The list goes too: most connections have nothing to say for long.
    pub fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    /// Bytes until it is full.
    pub(super) const fn left(&self) -> usize {
        Self::BYTES_MAX.saturating_sub(self.bytes)
    }

    /// Write first, then gather more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.bytes >= Self::BYTES_MAX
    }
}
