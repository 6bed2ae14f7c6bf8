//! How many files and connections this process may have open. Most systems start a program with a
//! low limit that it may raise itself; a server wants all it can have.

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Kept for journal, index, backups and what is open for a moment.
const KEPT: u64 = 128;

/// Up to so many transfers may take a quarter.
const TRANSFERS_FEW: usize = 512;

/// More transfers than this at a time make each slower than waiting would.
const TRANSFERS_MAX: usize = 4096;

/// Raises the limit as far as the system allows, and gives it; `None` is no limit.
///
/// # Errors
/// When the system refuses; the limit is then what it was.
pub fn raise_limit() -> std::io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum)
}

/// What may be open for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Connections.
    pub connections: usize,
    /// Files that are being moved.
    pub transfers: usize,
}

/// Divides so many descriptors: some are the server's own; of the others a quarter is for transfers where there
/// are few, and a thirty-second part where there are many, since most who are connected send no file.
#[must_use]
pub fn share(limit: u64) -> Share {
    let places = usize::try_from(limit.saturating_sub(KEPT)).unwrap_or(usize::MAX);
    let few = (places / 4).clamp(1, TRANSFERS_FEW);
    let transfers = (places / 32).clamp(few, TRANSFERS_MAX);
    Share { connections: places.saturating_sub(transfers).max(1), transfers }
}

/// Whether something failed because the process, or the system, has no descriptor left.
#[must_use]
pub fn are_gone(error: &std::io::Error) -> bool {
    let number = Errno::from_io_error(error);
    matches!(number, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_divided_adds_up() {
        for limit in [0, 1, 127, 128, 129, 131, 132, 256, 1024, 65_536, u64::MAX] {
            let Share { connections, transfers } = share(limit);
            let sum = (connections as u64).saturating_add(transfers as u64);
            assert!(
                sum <= limit.saturating_sub(KEPT).max(2),
                "{limit}: {connections}, {transfers}"
            );
            assert!(connections > 0 && (1..=TRANSFERS_MAX).contains(&transfers), "{limit}");
        }
    }

    #[test]
    fn most_of_many_descriptors_are_for_connections() {
        assert!(share(20_000).connections >= 19_000);
        assert_eq!(share(1024), Share { connections: 672, transfers: 224 });
    }

    #[test]
    fn the_limit_goes_up_to_what_is_allowed() {
        let before = getrlimit(Resource::Nofile);
        let low = before.maximum.map_or(1 << 20, |maximum| maximum - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum: before.maximum })
            .unwrap();
        assert_eq!(raise_limit().unwrap(), before.maximum);
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}
