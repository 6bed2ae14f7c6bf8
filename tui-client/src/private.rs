//! The private server on this computer. (Owned by another colleague than the full screen.)
