//! Line mode. (Owned by another colleague than the full screen; see also `private.rs`.)
