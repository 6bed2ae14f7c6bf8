//! Where somebody comes from, as far as limits need to know it.

/// One household of addresses: a single one of IPv4, a /64 network of IPv6. Other addresses of the
/// same network are too easily had to count as others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This machine: everybody behind a tunnel or a proxy comes from here.
    Here,
    /// Somewhere in the network. The number means nothing by itself.
    There(u64),
}
