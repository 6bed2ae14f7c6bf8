//! What a data folder promises.
