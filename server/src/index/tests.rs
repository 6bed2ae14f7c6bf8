//! What every index promises.
