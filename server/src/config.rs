//! What an operator may choose. Everything has a default that is right for a small server.

use std::{net::SocketAddr, path::PathBuf};

use liao_common::limits;

use crate::{
    chat::{hub::Rules, password::Cost},
    clock,
    files::FileLimits,
    gateway::strangers::StrangerLimits,
    machine,
    tls::CertificateFiles,
};

/// How streams are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS 1.3.
    Tls,
    /// Nothing: on loopback addresses only.
    Plaintext,
}

/// Memory of one connection with TLS, and room to spare.
const CONNECTION_BYTES: u64 = 16 * 1024;

/// See the module.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS or not.
    pub transport: Transport,
    /// A certificate of an authority; without one, the server's own key stands for it.
    pub certificate: Option<CertificateFiles>,
    /// Make a new key where data are and the key is gone. Everybody must trust it anew.
    pub new_key: bool,
    /// The rules of chat.
    pub rules: Rules,
    /// Limits of files.
    pub files: FileLimits,
    /// Cost of a password hash.
    pub hash_cost: Cost,
    /// Hashes made at a time, beside the limit that the number of processors is.
    pub hashes_at_once_max: usize,
    /// Connections at a time; the next one waits in the system's queue.
    pub connections_max: usize,
    /// What connections may take that have not logged in.
    pub strangers: StrangerLimits,
    /// With fewer free bytes on the disk, posts are refused and reading goes on.
    pub free_bytes_min: u64,
    /// The wall clock: milliseconds since 1970.
    pub clock: fn() -> u64,
    /// Bytes of the index's cache; resident memory grows to about twice that.
    pub index_cache_bytes: u64,
}

impl Config {
    /// The usual choices for this folder and address.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            listen,
            transport: Transport::Tls,
            certificate: None,
            new_key: false,
            rules: Rules::default(),
            files: FileLimits::default(),
            hash_cost: Cost::FLOOR,
            hashes_at_once_max: usize::MAX,
            connections_max: 100_000,
            strangers: StrangerLimits::default(),
            free_bytes_min: 256 << 20,
            clock: clock::now_ms,
            index_cache_bytes: 64 << 20,
        }
    }

    /// Hashes passwords at this cost, or at the one that fits the memory that this process may have.
    #[must_use]
    pub fn hashing(mut self, cost: Option<Cost>) -> Self {
        let memory = machine::memory_bytes();
        self.hash_cost = cost.unwrap_or(Cost::for_memory(memory));
        self.hashes_at_once_max = self.hash_cost.at_once_max(memory);
        self
    }

    /// Takes so many connections at a time, or as many as fit into half of the memory that this process may have.
    #[must_use]
    pub fn connections(mut self, wanted: Option<usize>) -> Self {
        self.connections_max = wanted.unwrap_or_else(|| connections_for(machine::memory_bytes()));
        self
    }

    /// Every network interface, at the usual port.
    #[must_use]
    pub fn listen_default() -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], limits::PORT_DEFAULT))
    }
}

/// As many connections as half of so much memory has room for: from a thousand to a million.
fn connections_for(memory_bytes: u64) -> usize {
    let fit = memory_bytes / 2 / CONNECTION_BYTES;
    usize::try_from(fit.clamp(1000, 1_000_000)).unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_by_memory() {
        let connections = [0, 256 << 20, 1 << 30, 4 << 30, u64::MAX].map(connections_for);
        assert_eq!(connections, [1000, 8192, 32_768, 131_072, 1_000_000]);
    }
}
