//! What the machine gives this process: how much memory. Owns nothing; asks the system each time.

use std::{fs, path::Path};

/// Where the limits of groups of processes stand.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes of memory that this process may have: the machine's, or less where a service's or a
/// container's limit says so.
#[must_use]
pub fn memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    // As wide as neither a 32-bit nor a 64-bit system has it.
    let all = u128::from(machine.totalram) * u128::from(machine.mem_unit);
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_limit(&groups, Path::new(GROUPS)).map_or(all, |limit| limit.min(all))
}

/// The lowest limit on the way from the process's group up; none where there is no such thing.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| fs::read_to_string(root.join(group).join("memory.max")).ok();
    Path::new(own).ancestors().filter_map(limit).filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let folder = tempfile::tempdir().unwrap();
        let unit = folder.path().join("system.slice/liaod.service");
        fs::create_dir_all(&unit).unwrap();
        let limit = || group_limit("0::/system.slice/liaod.service\n", folder.path());
        assert_eq!(limit(), None);
        fs::write(unit.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(), None);
        fs::write(unit.join("memory.max"), "1073741824\n").unwrap();
        assert_eq!(limit(), Some(1 << 30));
        fs::write(folder.path().join("system.slice/memory.max"), "1000000\n").unwrap();
        assert_eq!(limit(), Some(1_000_000));
        assert_eq!(group_limit("1:memory:/old\n", folder.path()), None);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(memory_bytes() > 16 << 20);
    }
}
