//! Keys that were accepted and could not be written: believed until the end of the program, and
//! tried again with the next write. Every copy of a home shares them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::KnownServer;
use crate::address::Address;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Unwritten(Arc<Mutex<Vec<KnownServer>>>);

impl Unwritten {
    fn list(&self) -> MutexGuard<'_, Vec<KnownServer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a server in, in place of an earlier entry for its address.
    pub(super) fn push(&self, server: KnownServer) {
        let mut list = self.list();
        list.retain(|known| known.address != server.address);
        list.push(server);
    }

    /// Takes a server out. `false` when it is not here.
    pub(super) fn forget(&self, address: &Address) -> bool {
        let mut list = self.list();
        let before = list.len();
        list.retain(|known| known.address != *address);
        list.len() < before
    }

    /// Puts what is here in place of what the file says.
    pub(super) fn cover(&self, servers: &mut Vec<KnownServer>) {
        let list = self.list();
        servers.retain(|known| list.iter().all(|newer| newer.address != known.address));
        servers.extend(list.iter().cloned());
    }

    /// These are in the file now.
    pub(super) fn written(&self, servers: &[KnownServer]) {
        self.list().retain(|known| !servers.contains(known));
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}
