//! How many files and connections this process may have open. Most systems start a program with a
//! low limit that it may raise itself; a server wants all it can have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

#[cfg(test)]
mod tests {
    use super::*;

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
